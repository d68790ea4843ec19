"""Bad input of every reader: one error that names the file and the place, with the mend; `repair=True` goes on and counts."""

import gzip
import re
import zipfile

import pytest

from data import read, read_bars, read_itch, read_table
from data.feed import DataError, DataWarning
from tests.data.itch_file import ItchFile

NS = 1_714_573_800_000_000_000
TRADES = f"time,price,size\n{NS},10.5,5\n{NS + 1},10.6,5\n"
BARS = "date,open,high,low,close,volume\n2024-05-01,10,11,9,10,5\n2024-05-02,10,11,9,10,5\n"
QUOTES = f"time,bid,bid_size,ask,ask_size\n{NS},10,5,11,6\n"
LOBSTER = "34200.1,1,11,100,1000000,1\n"


def itch():
    file = ItchFile()
    for order in range(1, 40):
        file.add(10 + order, order, "BUY", 100, 500000)
    return file.blob()


def refused(path, match, **hints):
    with pytest.raises(DataError) as caught:
        read(path, quiet=True, **hints).commands()
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert re.search(match, text), text


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("trades.csv", b"", "is empty"),
        ("bars.csv", BARS.splitlines()[0].encode() + b"\n", "has no bars"),
        ("trades.csv", TRADES.splitlines()[0].encode() + b"\n", "has no rows"),
        ("trades.csv", TRADES.encode() + f"{NS + 2},10.6".encode(), "line 4: has 2 fields, not 3; is it cut short"),
        ("bars.csv", BARS.encode() + b"2024-05-03,10,11", "line 4, field low: is missing"),
        ("trades.csv.gz", gzip.compress(TRADES.encode() * 50, mtime=0)[:-12], "fetch it again"),
        ("trades.parquet", b"PAR1" + b"\x15\x04" * 40, "is a damaged Parquet file"),
        ("trades.zip", b"PK\x03\x04" + b"\0" * 60, "the zip is broken or cut short"),
        ("day.dbn.zst", b"\x28\xb5\x2f\xfd" + b"\x07" * 40, "fetch it again|damaged"),
        ("12302019.NASDAQ_ITCH50", itch()[:-7], "cut short|bytes are left|is not the length"),
        ("noise.bin", bytes(range(7, 256)) * 3, "seems to be|no format"),
        ("job.toml", b"strategy = 'mine:Maker'\n", "seems to be a text that is not a table"),
        ("trades.csv", TRADES.encode() + b"2024-05-01 14:30,10,5\n", "line 4, field time"),
        ("trades.csv", TRADES.encode() + f"{NS + 2},inf,5\n".encode(), "line 4, field price: .*is not a finite number"),
        ("trades.csv", TRADES.encode() + f"{NS + 2},1.0,5\n".encode(), "line 4, field price: .*units mixed"),
        ("bars.csv", BARS.encode() + b"2024-05-03,1,1,1,1,5\n", "line 4, field open: .*split is not adjusted"),
        ("bars.csv", BARS.encode() + b"2024-05-03,nan,11,9,10,5\n", "line 4, field open: is missing"),
        ("bars.csv", BARS.encode() + b"2024-05-02,10,11,9,10,5\n", "line 4, field date: 2024-05-02 comes twice"),
        ("quotes.csv", QUOTES.encode() + f"{NS + 1},12,5,11,6\n".encode(), "line 3, field bid: .*above the ask"),
        ("trades.csv", b"time,price,size\n2024-05-01T10:00:00+02:00,1,1\n2024-05-01T10:00:01,1,1\n", "line 3, field time: .*time zone"),
    ],
)
def test_one_line_that_names_the_place(tmp_path, name, content, match):
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, match)


def test_lobster_says_its_line(tmp_path):
    path = tmp_path / "AAA_2012-06-21_34200000_57600000_message_0.csv"
    for rows, match in (
        (LOBSTER + "34200.0,1,12,100,1000000,1\n", "line 2, field time: .*before the line above"),
        (LOBSTER + "34200.2,1,12,100,1000000\n", "line 2"),
        (LOBSTER + "34200.2,9,12,100,1000000,1\n", "line 2, field .*is not a type of message"),
    ):
        path.write_text(rows)
        refused(path, match)


@pytest.mark.parametrize(
    ("row", "counted"),
    [
        ("2024-05-03,nan,11,9,10,5", {"open_is_missing": 1}),
        ("2024-05-03,10,8,9,9,5", {"high_is_below_the_low": 1}),
        ("2024-05-02,10,11,9,10,7", {"date_comes_twice": 1}),
        ("2024-04-30,10,11,9,10,5", {"out_of_order": 1}),
        ("2024-05-03,1,1,1,1,5", {"jumps_kept": 1}),
        ("2024-05-03,10,11,9,10,-5", {"volume_is_below_0": 1}),
        ("soon,10,11,9,10,5", {"date_is_not_a_time": 1}),
    ],
)
def test_bars_are_mended_and_counted(tmp_path, row, counted):
    path = tmp_path / "bars.csv"
    path.write_text(BARS + row + "\n")
    with pytest.raises(DataError, match="line 4"):
        read_bars(path)
    with pytest.warns(DataWarning, match="bars with faults: 1 × "):
        bars = read_bars(path, repair=True)
    assert bars.repairs == counted
    assert len(bars) == (3 if {"out_of_order", "jumps_kept"} & set(counted) else 2)
    assert bars.frame["ts"].is_sorted()


def test_nothing_left_to_mend(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("date,open,high,low,close\n2024-05-01,0,0,0,0\n")
    with pytest.raises(DataError, match="has no bars that are in order: 1 × open is not above 0"):
        read_bars(path, repair=True)


def test_a_damaged_end_is_left_out_where_it_repairs(tmp_path):
    path = tmp_path / "12302019.NASDAQ_ITCH50"
    path.write_bytes(itch()[:-7])
    assert len(read_itch(path, symbol="AAPL", repair=True).commands()) == 38
    packed = tmp_path / "trades.csv.gz"
    rows = "".join(f"{NS + k},{10 + k % 7 / 100},5\n" for k in range(20_000))
    packed.write_bytes(gzip.compress(("time,price,size\n" + rows).encode())[:-2000])
    with pytest.raises(DataError, match="damaged or cut short after"):
        read_table(packed).commands()


def test_bad_times_of_a_table_are_counted(tmp_path):
    path = tmp_path / "trades.csv"
    path.write_text("time,price,size\n2024-05-01T10:00:00Z,1,1\nsoonZ,1,1\n2024-05-01T10:00:01Z,1,1\n")
    refused(path, "line 3, field time")
    feed = read_table(path, repair=True)
    with pytest.warns(DataWarning):
        assert len(feed.commands()) == 2
    assert sum(feed.repairs.values()) == 1


def test_a_zip_of_several_and_of_none(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TRADES)
        archive.writestr("b.csv", TRADES)
    refused(path, "two.zip")
