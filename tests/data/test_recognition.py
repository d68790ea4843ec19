"""What a file seems to be, by its bytes: said where it is given as LOBSTER, with what reads it."""

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from data import read_bars, read_lobster
from data.feed import DataError
from data.formats import open_feed, reopen

SHARED = Path(__file__).parents[3] / "shared" / "data"
BARS = "time,open,high,low,close,volume\n2024-03-08 09:30,10,11,9,10,1\n2024-03-08 09:31,10,11,9,10,2\n"
MESSAGES = "34200.1,1,11,100,1000000,1\n34200.2,1,12,100,1001000,-1\n34201,4,11,50,1000000,1\n"
BOOK = "9999999999,0,1000000,100\n1001000,100,1000000,100\n1001000,100,1000000,50\n"
NAME = "AAA_2012-06-21_34200000_57600000_{}_1.csv"
ITCH = b"\x00\x0cS\x00\x00\x00\x00\x0a\x2d\x5f\x3a\x9b\xe7O"


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        read_lobster(path, **options)
    return str(caught.value)


def pair(folder):
    paths = folder / NAME.format("message"), folder / NAME.format("orderbook")
    for path, text in zip(paths, (MESSAGES, BOOK)):
        path.write_text(text)
    return paths


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BARS.encode(), "seems to be bars; tb.read_bars"),
        (b"\xef\xbb\xbf" + BARS.replace(",", ";").encode(), "seems to be bars"),
        (b"34200000,100000,110000,90000,100000,5\n", None),
        (gzip.compress(BARS.encode(), mtime=0), "packed with gzip, and inside bars"),
        (gzip.compress(MESSAGES.encode(), mtime=0), "packed with gzip; unpack it (gunzip)"),
        (gzip.compress(ITCH, mtime=0), "packed with gzip, and inside an ITCH file"),
        (ITCH, "seems to be an ITCH file; tb.read_itch reads it (on the command line --format itch)"),
        (b"\x00\x00S" + ITCH[3:], "seems to be an ITCH file"),
        (b"DBN\x01\x00", "seems to be a Databento file (DBN)"),
        (b"\x28\xb5\x2f\xfd\x24", "packed with Zstandard, as Databento's files are (DBN)"),
        (b"PAR1\x15", "seems to be a Parquet file"),
        (b"\x89PNG\r\n\x1a\n\x00", "seems to be a binary file"),
        (b"12345678DUCK\x00", "an event log or another DuckDB database"),
        (b'1723075200 {"e":"depthUpdate"}\n', "a stream of JSON messages"),
        (BOOK.encode(), "seems to be LOBSTER's order book file"),
        (b"time,type,order,size,price,side\n", "a table with the columns time, type, order, size, price, side"),
        (b"strategy = 'mine:Maker'\n", "a text that is not a table"),
    ],
)
def test_what_a_file_seems_to_be(tmp_path, content, said):
    path = tmp_path / "day.csv"
    path.write_bytes(content)
    text = refusal(path)
    assert text.startswith(str(path))
    assert (said or "seems to be bars") in text


def test_a_lobster_file_seems_to_be_one(tmp_path):
    for k, line in enumerate(("34200,1,11,100,1000000,1", "34200.1,1,11,100,1000000,1,MPID")):
        path = tmp_path / f"{k}.csv"
        path.write_text(line + "\n")
        assert len(read_lobster(path, symbol="X", date="2012-06-21").commands()) == 1


@pytest.mark.parametrize(
    "name", ["itch/nasdaq_first1000.itch", "itch/*.gz", "databento/*mbo*.zst", "crypto/*.gz", "bars/*.csv", "lean/*.zip"]
)
def test_real_files_of_other_kinds(name):
    found = sorted(SHARED.glob(name))
    if not found:
        pytest.skip(f"{name} not present")
    for path in found:
        assert "seems to be" in refusal(path)


def test_what_is_no_regular_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path, said in ((pipe, "is a pipe"), (Path("/dev/zero"), "is a device"), (tmp_path, "is a folder")):
        assert said in refusal(path)
        with pytest.raises(DataError, match=said):
            read_bars(path)
    paths = pair(tmp_path)
    assert "is a pipe" in refusal(paths[0], orderbook=pipe)
    assert f"such as {paths[0].name}" in refusal(tmp_path)


def test_a_zip_with_the_shadows_of_macos(tmp_path):
    for mac in (False, True):
        packed = tmp_path / "day.zip"
        with zipfile.ZipFile(packed, "w") as zipped:
            for path in pair(tmp_path):
                zipped.write(path, path.name)
                if mac:
                    zipped.writestr(f"__MACOSX/._{path.name}", b"\0\5\x16\x07Mac OS X")
        feed = read_lobster(packed)
        assert (feed.levels, len(feed.commands())) == (1, 4)
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("x.csv", BARS)
        zipped.writestr("__MACOSX/._x.csv", b"\0\5\x16\x07Mac OS X")
    assert read_bars(packed).instrument.symbol == "X"
    assert "It holds x.csv, which seems to be bars" in refusal(packed)


def test_the_symbol_of_packed_bars(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(BARS.encode(), mtime=0))
    assert read_bars(path).instrument.symbol == "X"


def test_a_name_that_says_otherwise_is_refused(tmp_path):
    path, _ = pair(tmp_path)
    assert "is a file of AAA by its name, not of MSFT" in refusal(path, symbol="MSFT")
    assert "is a file of 2012-06-21 by its name, not of 2020-01-01" in refusal(path, date="2020-01-01")
    assert read_lobster(path, symbol="AAA", date="2012-06-21").name == "AAA 2012-06-21"


def test_the_book_beside_the_messages_is_used(tmp_path):
    path, book = pair(tmp_path)
    assert read_lobster(path).fingerprint == read_lobster(path, book).fingerprint
    assert read_lobster(path).levels == 1
    assert read_lobster(path, "none").levels == 0
    book.unlink()
    assert read_lobster(path).fingerprint == read_lobster(path, "none").fingerprint


def test_a_feed_is_opened_again_as_it_was(tmp_path):
    """The order book file is put there, or taken away, after the run."""
    path, book = pair(tmp_path)
    with_book = open_feed("lobster", path)
    assert reopen(with_book.origin, with_book.fingerprint).levels == 1
    text = book.read_bytes()
    book.unlink()
    alone = open_feed("lobster", path)
    book.write_bytes(text)
    assert reopen(alone.origin, alone.fingerprint).levels == 0
