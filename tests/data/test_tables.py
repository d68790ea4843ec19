"""Tables of orders, levels, books, trades and quotes: columns guessed or given, exact numbers, bad rows by their line."""

import gzip
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from data import read, read_table
from data.feed import DataError, DataWarning
from data.tabular.rows import Reader
from engine.messages.vocabulary import Flag, Grain, Kind

NS = 1_714_573_800_000_000_000
ESTIMATED = int(Flag.ESTIMATED)


def stored(folder, text, name="made.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


TRADES = "timestamp,price,size,side\n" + "".join(f"{NS + k},{10 + k / 100},{k + 1},{'buy' if k % 2 else 'sell'}\n" for k in range(4))


@pytest.mark.parametrize("name", ["made.csv", "made.csv.gz"])
def test_trades(tmp_path, name):
    feed = read_table(stored(tmp_path, TRADES, name))
    assert told(feed, "ts", "kind", "side", "price", "quantity", "row")[1] == (NS + 1, Kind.TRADE, 0, 1001, 2, 2)
    assert (feed.kind, feed.grain, str(feed.instrument.tick), feed.instrument.symbol) == ("trades", Grain.LEVELS, "0.01", "MADE")
    assert "price = price" in feed.taken_for


def test_a_file_a_parquet_and_frames_are_the_same(tmp_path):
    path = stored(tmp_path, TRADES)
    frame = pl.read_csv(path)
    frame.write_parquet(tmp_path / "made.parquet")
    ours = read_table(path).commands()
    for source in (tmp_path / "made.parquet", frame, frame.lazy(), pd.read_csv(path)):
        assert np.array_equal(read_table(source).commands(), ours)


def test_columns_are_given(tmp_path):
    path = stored(tmp_path, f"a,b,c\n{NS},10,5\n")
    feed = read_table(path, "trades", columns={"time": "a", "price": "b", "quantity": "c"})
    assert told(feed, "price", "quantity", "flags") == [(10, 5, ESTIMATED)]
    with pytest.raises(DataError, match="cannot be told by its columns 'a', 'b', 'c'"):
        read_table(path)
    with pytest.raises(DataError, match="no column 'x'"):
        read_table(path, columns={"price": "x"})


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("1714573800", NS),
        ("1714573800.000000001", NS + 1),
        ("1714573800123", NS + 123_000_000),
        ("1714573800123456", NS + 123_456_000),
        ("2024-05-01T14:30:00Z", NS),
        ("2024-05-01 10:30:00-04:00", NS),
        ("2024-05-01 14:30:00", NS),
    ],
)
def test_times(tmp_path, written, ns):
    assert told(read_table(stored(tmp_path, f"time,price,size\n{written},10,5\n")), "ts") == [(ns,)]


def test_times_of_a_zone(tmp_path):
    path = stored(tmp_path, "time,price,size\n2024-05-01 10:30:00,10,5\n")
    assert told(read_table(path, time_zone="America/New_York"), "ts") == [(NS,)]


def test_levels_and_a_snapshot(tmp_path):
    rows = ["true,bid,10.0,5", "true,ask,10.1,6", "false,bid,10.0,0", "false,bid,9.9,7"]
    text = "timestamp,is_snapshot,side,price,amount\n" + "".join(f"{NS + k // 2},{row}\n" for k, row in enumerate(rows))
    opening = int(Flag.OPENING)
    assert told(read_table(stored(tmp_path, text)), "kind", "side", "price", "quantity", "flags") == [
        (Kind.LEVEL, 0, 100, 5, opening),
        (Kind.LEVEL, 1, 101, 6, opening),
        (Kind.LEVEL, 0, 100, 0, 0),
        (Kind.LEVEL, 0, 99, 7, 0),
    ]


def test_books_side_by_side_and_quotes(tmp_path):
    text = "time,bids[0].price,bids[0].amount,asks[0].price,asks[0].amount,bids[1].price,bids[1].amount,asks[1].price,asks[1].amount\n"
    text += f"{NS},10.0,5,10.1,6,9.9,1,10.2,2\n{NS + 1},10.0,4,10.1,6,9.8,3,10.2,2\n"
    feed = read_table(stored(tmp_path, text))
    assert feed.kind == "depth"
    assert told(feed, "side", "price", "quantity")[4:] == [(0, 99, 0), (0, 100, 4), (0, 98, 3)]
    quotes = read_table(stored(tmp_path, f"time,bid,bid_size,ask,ask_size\n{NS},10.0,5,10.1,6\n{NS + 1},10.1,5,10.2,6\n"))
    assert quotes.kind == "quotes"
    frame = quotes.to_frame("quotes")
    assert frame.select("bid", "bid_quantity", "ask", "ask_quantity").rows() == [(10.0, 5.0, 10.1, 6.0), (10.1, 5.0, 10.2, 6.0)]


def test_orders(tmp_path):
    rows = ["add,1,B,10.00,5", "add,2,S,10.02,6", "execute,1,B,10.00,2", "modify,2,S,10.03,6", "cancel,2,S,10.03,1", "delete,1,B,10.00,"]
    text = "ts,action,order_id,side,price,qty\n" + "".join(f"{NS + k},{row}\n" for k, row in enumerate(rows))
    feed = read_table(stored(tmp_path, text))
    assert (feed.kind, feed.grain) == ("l3", Grain.ORDERS)
    assert told(feed, "kind", "order_id", "price", "quantity") == [
        (Kind.ADD, 1, 1000, 5),
        (Kind.ADD, 2, 1002, 6),
        (Kind.FLOW, 0, 1000, 2),
        (Kind.EXECUTE, 1, 1000, 2),
        (Kind.MODIFY, 2, 1003, 6),
        (Kind.REDUCE, 2, 1003, 1),
        (Kind.REDUCE, 1, 1000, 3),
    ]


BAD = [
    (f"{NS},10,5,buy\n{NS + 1},NaN,5,buy\n", r"line 3, field price: .*missing"),
    (f"{NS},10,5,buy\n{NS + 1},,5,buy\n", r"line 3, field price: is missing"),
    (f"{NS},10,5,buy\n{NS + 1},ten,5,buy\n", r"line 3, field price: 'ten' is not a finite number"),
    (f"{NS},10,5,buy\n{NS + 1},10,5,left\n", r"line 3, field side: 'left' is not a side"),
    (f"{NS},10,5,buy\n{NS + 1},1,5,buy\n", r"line 3, field price: .*-90 % from the price before"),
    (f"{NS},10,5,buy\n{NS // 10**6},10,5,buy\n", r"line 3, field timestamp: .* another unit"),
    (f"{NS},10,5,buy\n{NS - 1},10,5,buy\n", r"line 3, field timestamp: .* before the message above"),
    (f"{NS},10,5,buy\n{NS + 1},10,-5,buy\n", r"line 3, field size: -5 is not a size"),
]


@pytest.mark.parametrize(("rows", "said"), BAD)
def test_bad_rows_are_told_or_counted(tmp_path, rows, said):
    path = stored(tmp_path, "timestamp,price,size,side\n" + rows)
    with pytest.raises(DataError, match=said):
        read_table(path).commands()
    feed = read_table(path, repair=True)
    with pytest.warns(DataWarning):
        feed.commands()
    assert sum(feed.repairs.values()) == 1


def test_duplicates_mixed_zones_and_cut_lines(tmp_path):
    with pytest.raises(DataError, match=r"line 3, field trade_id: .* was there already"):
        read_table(stored(tmp_path, f"trade_id,time,price,size\n7,{NS},10,5\n7,{NS + 1},10,5\n")).commands()
    with pytest.raises(DataError, match=r"line 3, field time: .* names a time zone and others do not"):
        read_table(stored(tmp_path, "time,price,size\n2024-05-01T14:30:00Z,10,5\n2024-05-01T14:30:01,10,5\n")).commands()
    with pytest.raises(DataError, match="line 3: has 2 fields, not 3"):
        read_table(stored(tmp_path, f"time,price,size\n{NS},10,5\n{NS},10")).commands()
    with pytest.raises(DataError, match="is empty"):
        read_table(stored(tmp_path, ""))
    with pytest.raises(DataError, match="has no rows"):
        read_table(stored(tmp_path, "time,price,size\n"))


def test_symbols_are_chosen(tmp_path):
    path = stored(tmp_path, f"time,symbol,price,size\n{NS},A,10.5,5\n{NS},B,7,5\n")
    feed = read_table(path)
    assert [(one.symbol, f"{one.tick:f}") for one in feed.instruments] == [("A", "0.1"), ("B", "1")]
    assert told(read_table(path, symbol="B"), "instrument", "price") == [(0, 7)]


def test_read_says_what_it_took_a_file_for(tmp_path, capsys):
    path = stored(tmp_path, TRADES)
    feed = read(path)
    assert feed.origin == {"format": "table", "path": str(path.resolve()), "options": {}}
    assert "table: trades (" in capsys.readouterr().err
    bars = pl.DataFrame({"time": ["2024-05-01", "2024-05-02"], **{name: [1.0, 1.2] for name in ("open", "high", "low", "close")}})
    assert read(bars, quiet=True).grain == Grain.BARS


@pytest.mark.parametrize("odd", [False, True])
def test_trades_in_order_are_what_the_columns_one_by_one_give(monkeypatch, odd):
    """Two symbols, equal times, unknown sides; `odd`: a row in the middle that only the slow way takes, off the unit, mended."""
    draw, count = np.random.default_rng(4), 5000
    price = np.round(100 + np.cumsum(draw.integers(-1, 2, count)) / 100, 2)
    price[2500] += 0.004 * odd
    columns = {"time": NS + np.cumsum(draw.integers(0, 2, count)) * 1000, "symbol": draw.choice(["A", "B"], count), "price": price}
    frame = pl.DataFrame({**columns, "size": draw.integers(1, 9, count), "side": draw.choice(["Buy", "sell", "unknown"], count)})

    def taken():
        feed = read_table(frame, "trades", tick="0.01", repair=odd)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            return np.concatenate([*feed.batches(700)]), dict(feed.repairs)

    fast = taken()
    monkeypatch.setattr(Reader, "in_order", lambda *_: None)
    slow = taken()
    assert len(fast[0]) == count
    assert np.array_equal(fast[0], slow[0])
    assert fast[1] == slow[1]
