"""Every fault of a file times every reader: one DataError of one line that names the file, or what was mended is counted."""

import gzip
import json
import re
import warnings

import numpy as np
import pytest

from data import read_bars, read_binance, read_dbn, read_itch, read_lobster, read_table
from data.feed import DataError, DataWarning
from data.hftbacktest.reader import ADDED, BUY, DEPTH, SELL, read_hftbacktest
from tests.data.itch_file import ItchFile
from tests.data.test_binance import DAY, ticker
from tests.data.test_hftbacktest import EVENT, event

NS = 1_714_573_800_000_000_000


def itch_lines():
    file = ItchFile()
    for order in range(1, 40):
        file.add(10 + order, order, "BUY", 100, 500000)
    return file


def dbn_blob(records=None):
    made = pytest.importorskip("tests.data.test_dbn")
    return made.heading("mbo") + b"".join(made.small() if records is None else records)


def npz_blob(tmp_path, rows):
    path = tmp_path / "blob.npy"
    np.save(path, np.array(rows, EVENT))
    return path.read_bytes()


LEVELS = [event(DEPTH, SELL, k, 10.0 + k / 100, 5) for k in range(6)]
BINANCE = "\n".join(json.dumps(line) for line in DAY) + "\n"
BARS = "date,open,high,low,close,volume\n" + "".join(f"2024-05-0{k},10,11,9,10,5\n" for k in range(1, 8))
TRADES = "time,price,size\n" + "".join(f"{NS + k},10.5,5\n" for k in range(8))
QUOTES = "time,bid,bid_size,ask,ask_size\n" + "".join(f"{NS + k},10,{5 + k},11,6\n" for k in range(8))
L2 = "time,side,price,size\n" + "".join(f"{NS + k},bid,{10 + k},5\n" for k in range(8))
L3 = "time,action,order_id,side,price,size\n" + "".join(f"{NS + k},add,{k},bid,10.0,5\n" for k in range(1, 8))
ORDERS = [event(ADDED, BUY, k, 10.0, 5, k + 1) for k in range(4)]
LOBSTER = "".join(f"{34200 + k}.1,1,{k},100,1000000,1\n" for k in range(1, 9))


def good(tmp_path):
    """A file of each format that is in order, by the name of its reader."""
    return {
        "lobster": ("AAA_2012-06-21_34200000_57600000_message_0.csv", LOBSTER.encode(), read_lobster),
        "itch": ("12302019.NASDAQ_ITCH50", itch_lines().blob(), lambda path, **more: read_itch(path, symbol="AAPL", **more)),
        "dbn": ("day.dbn", dbn_blob(), read_dbn),
        "binance": ("stream.jsonl", BINANCE.encode(), read_binance),
        "hftbacktest": ("btc.npy", npz_blob(tmp_path, LEVELS), read_hftbacktest),
        "bars": ("bars.csv", BARS.encode(), read_bars),
        "trades": ("trades.csv", TRADES.encode(), lambda path, **more: read_table(path, "trades", **more)),
        "quotes": ("quotes.csv", QUOTES.encode(), lambda path, **more: read_table(path, "quotes", **more)),
        "orders": ("l3.csv", L3.encode(), lambda path, **more: read_table(path, "l3", **more)),
        "l3 npz": ("orders.npy", npz_blob(tmp_path, ORDERS), read_hftbacktest),
        "levels": ("l2.csv", L2.encode(), lambda path, **more: read_table(path, "l2", **more)),
    }


NAMES = ("lobster", "itch", "dbn", "binance", "hftbacktest", "bars", "trades", "quotes", "levels")


def drained(reader, path, **hints):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return reader(path, **hints).commands()


def refused(reader, path):
    with pytest.raises(DataError) as caught:
        drained(reader, path)
    text = str(caught.value)
    assert text.startswith(str(path)), text
    assert "\n" not in text
    assert len(text) >= len(str(path)) + 10
    return text


def corrupt(blob):
    """Bytes in the middle that are none of the format."""
    middle = len(blob) // 2
    return blob[:middle] + bytes(range(200, 256)) * 2 + blob[middle:]


FAULTS = {
    "empty": lambda blob: b"",
    "cut": lambda blob: blob[:-4],
    "corrupt": corrupt,
    "noise": lambda blob: bytes(np.random.default_rng(1).integers(128, 256, 3000, np.uint8)),
    "another format": lambda blob: b"%PDF-1.7\n" + b"nothing of a market\n" * 40,
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_damaged(tmp_path, name, fault):
    file, blob, reader = good(tmp_path)[name]
    path = tmp_path / file
    path.write_bytes(blob)
    assert len(drained(reader, path)), "the file is in order before"
    path.write_bytes(FAULTS[fault](blob))
    refused(reader, path)


@pytest.mark.parametrize("name", NAMES)
def test_a_packed_file_that_is_cut(tmp_path, name):
    file, blob, reader = good(tmp_path)[name]
    if name in ("hftbacktest", "lobster"):
        pytest.skip("is not read gzipped")
    path = tmp_path / f"{file}.gz"
    path.write_bytes(gzip.compress(blob)[:-9])
    refused(reader, path)


@pytest.mark.parametrize("theirs", NAMES[:6])
@pytest.mark.parametrize("name", NAMES[:6])
def test_a_file_of_another_reader(tmp_path, name, theirs):
    if name == theirs:
        return
    made = good(tmp_path)
    path = tmp_path / made[theirs][0]
    path.write_bytes(made[theirs][1])
    refused(made[name][2], path)


def moved(text, line, to):
    rows = text.splitlines()
    rows.insert(to, rows.pop(line))
    return "\n".join(rows) + "\n"


def twice(text, line):
    rows = text.splitlines()
    rows.insert(line, rows[line])
    return "\n".join(rows) + "\n"


def swapped(file):
    file.messages[5], file.messages[30] = file.messages[30], file.messages[5]
    return file.blob()


def doubled(file):
    file.messages.insert(9, file.messages[8])
    return file.blob()


def jumped(text, price, other):
    rows = text.splitlines()
    rows[-1] = rows[-1].replace(price, other)
    return "\n".join(rows) + "\n"


def of_rows(rows):
    return lambda tmp_path: npz_blob(tmp_path, rows)


CONTENT = [  # reader, fault, the file, what is said
    ("lobster", "order", moved(LOBSTER, 6, 1), r"line 3, field time"),
    ("itch", "order", lambda _: swapped(itch_lines()), r"(before|earlier|time)"),
    ("hftbacktest", "order", of_rows([LEVELS[3], *LEVELS[:3]]), r"field .*exch_ts|before"),
    ("bars", "order", moved(BARS, 6, 2), r"line 4, field date: .* sort the bars by time"),
    ("trades", "order", moved(TRADES, 6, 2), r"line 4, field time"),
    ("quotes", "order", moved(QUOTES, 6, 2), r"line 4, field time"),
    ("levels", "order", moved(L2, 6, 2), r"line 4, field time"),
    ("lobster", "duplicate", twice(LOBSTER, 3), r"line 5, field order_id: '4' is the id of an order that is still open; drop"),
    ("orders", "duplicate", twice(L3, 3), r"line 5, field order_id: 3 is the id .* still open; repair"),
    (
        "l3 npz",
        "duplicate",
        of_rows([*ORDERS, event(ADDED, BUY, 9, 10.0, 5, 2)]),
        r"field order_id: 2 is the id .* still open; repair",
    ),
    ("itch", "duplicate", lambda _: doubled(itch_lines()), r"still open"),
    ("bars", "duplicate", twice(BARS, 3), r"line 5, field date: .* comes twice"),
    ("bars", "jump", jumped(BARS, "10,11,9,10", "1,1,1,1"), r"line 8, field open: .*units mixed"),
    ("trades", "jump", jumped(TRADES, "10.5", "1.0"), r"line 9, field price: .*units mixed"),
    ("trades", "time unit", jumped(TRADES, str(NS)[:6], "1"), r"line 9, field time"),
    ("bars", "zones", BARS.replace("2024-05-03", "2024-05-03T00:00:00+02:00"), r"line 4, field date"),
    ("levels", "side", jumped(L2, "bid", "both"), r"line 9, field side"),
    ("quotes", "crossed", jumped(QUOTES, ",10,", ",12,"), r"line 9, field bid: .*above the ask"),
    ("binance", "gap", BINANCE.replace('"pu": 10', '"pu": 9').replace('"U": 11', '"U": 12'), r"updates are missing"),
    ("binance", "not our book", BINANCE + json.dumps(ticker(1_723_161_256_900, 12, ("1", "1"), ("2", "1"))) + "\n", r"bookTicker|line"),
]


@pytest.mark.parametrize(("name", "fault", "content", "match"), CONTENT, ids=[f"{name}-{fault}" for name, fault, *_ in CONTENT])
def test_content_that_cannot_be(tmp_path, name, fault, content, match):
    file, _, reader = good(tmp_path)[name]
    made = content(tmp_path) if callable(content) else content.encode()
    path = tmp_path / file
    path.write_bytes(made)
    text = refused(reader, path)
    assert re.search(match, text), text


def test_mixed_symbols_need_a_choice(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("symbol," + BARS.replace("\n2024", "\nAAA,2024").replace("AAA,2024-05-03", "BBB,2024-05-03"))
    with pytest.raises(DataError, match="line 4, field symbol: is BBB, but AAA above; bars are of one symbol"):
        read_bars(path)
    trades = tmp_path / "trades.csv"
    trades.write_text("symbol,time,price,size\n" + "".join(f"{'AB'[k % 2]},{NS + k},10.5,5\n" for k in range(6)))
    assert [one.symbol for one in read_table(trades, "trades").instruments] == ["A", "B"]
    with pytest.raises(DataError, match=r"no symbol|did you mean"):
        drained(read_table, trades, symbol="C")
