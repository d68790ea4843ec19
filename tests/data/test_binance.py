"""The Binance reader: the chain of updates, the book against bookTicker, trades before levels; public files."""

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from data import read_binance
from data.feed import DataError, DataWarning
from engine.messages.vocabulary import Flag, Grain, Kind

REAL = Path(__file__).parents[3] / "shared" / "data" / "crypto" / "usdm__btcusdt_20240808.gz"
T = 1_723_161_256_000
OPENING = int(Flag.OPENING)


def depth(t, first, final, before, bids=(), asks=()):
    said = {"e": "depthUpdate", "E": t, "T": t, "s": "BTCUSDT", "U": first, "u": final, "pu": before, "b": list(bids), "a": list(asks)}
    return {"stream": "btcusdt@depth@0ms", "data": said}


def snapshot(t, final, bids, asks):
    return {"lastUpdateId": final, "E": t, "T": t, "bids": bids, "asks": asks}


def trade(t, price, quantity, maker):
    return {"data": {"e": "trade", "E": t, "T": t, "s": "BTCUSDT", "t": t, "p": price, "q": quantity, "X": "MARKET", "m": maker}}


def ticker(t, update, bid, ask):
    return {"data": {"e": "bookTicker", "u": update, "s": "BTCUSDT", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1], "T": t, "E": t}}


DAY = [
    depth(T, 1, 5, 0, bids=[["9.0", "1"]]),  # before the snapshot, in it
    snapshot(T + 10, 10, [["10.0", "1.5"], ["9.9", "2"]], [["10.1", "3"]]),
    depth(T + 20, 11, 12, 10, bids=[["10.0", "1.0"]], asks=[["10.1", "0"], ["10.2", "4"]]),
    trade(T + 20, "10.0", "0.5", True),  # told after its level, at the same time
    ticker(T + 20, 12, ("10.0", "1.0"), ("10.2", "4")),
]


def stored(folder, lines, name="btc.jsonl", local=True):
    path = folder / name
    text = "".join(f"{(T + k) * 10**6} {json.dumps(line)}\n" if local else json.dumps(line) + "\n" for k, line in enumerate(lines)).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


@pytest.mark.parametrize("name", ["btc.jsonl", "btc.gz"])
def test_levels_and_trades_in_the_order_of_an_event(tmp_path, name):
    feed = read_binance(stored(tmp_path, DAY, name))
    assert told(feed, "kind", "side", "price", "quantity", "flags") == [
        (Kind.LEVEL, 0, 100, 15, OPENING),
        (Kind.LEVEL, 0, 99, 20, OPENING),
        (Kind.LEVEL, 1, 101, 30, OPENING),
        (Kind.TRADE, 1, 100, 5, 0),
        (Kind.LEVEL, 1, 101, 0, 0),
        (Kind.LEVEL, 0, 100, 10, 0),
        (Kind.LEVEL, 1, 102, 40, 0),
    ]
    assert (feed.checked, feed.differs, feed.grain, feed.repairs) == (1, 0, Grain.LEVELS, {"updates_in_the_snapshot": 1})


def test_a_gap_in_the_chain(tmp_path):
    lines = [*DAY, depth(T + 30, 15, 16, 14, bids=[["9.9", "0"]])]
    with pytest.raises(DataError, match="line 6, field pu: pu 14 does not follow update 12"):
        read_binance(stored(tmp_path, lines)).commands()
    feed = read_binance(stored(tmp_path, lines), repair=True)
    with pytest.warns(DataWarning, match="1 × gaps"):
        feed.commands()


def test_a_book_that_differs_from_the_best_prices(tmp_path):
    lines = [*DAY[:4], ticker(T + 20, 12, ("10.0", "1.1"), ("10.2", "4"))]
    with pytest.raises(DataError, match="at update 12"):
        read_binance(stored(tmp_path, lines)).commands()


def test_bad_lines(tmp_path):
    path = stored(tmp_path, DAY)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="line 5: is not a whole JSON message"):
        read_binance(path)
    path.write_text("")
    with pytest.raises(DataError, match="holds no depth"):
        read_binance(path)
    with pytest.raises(DataError, match="no snapshot that they continue"):
        read_binance(stored(tmp_path, DAY[:1])).commands()


def test_best_prices_alone_are_the_book(tmp_path):
    lines = [ticker(T, 1, ("10.0", "1"), ("10.1", "2")), ticker(T + 1, 2, ("10.0", "1"), ("10.2", "2"))]
    rows = told(read_binance(stored(tmp_path, lines)), "side", "price", "quantity")
    assert rows == [(0, 100, 1), (1, 101, 2), (1, 101, 0), (1, 102, 2)]


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_public_trades(tmp_path, header, packed):
    text = "id,price,qty,quote_qty,time,is_buyer_maker\n" if header else ""
    text += "1,42000.1,0.5,21000.0,1704067200000,true\n2,42000.2,0.25,10500.0,1704067200100,false\n"
    path = tmp_path / "BTCUSDT-trades-2024-01-01.csv"
    path.write_text(text)
    if packed:
        with zipfile.ZipFile(tmp_path / "BTCUSDT-trades-2024-01-01.zip", "w") as archive:
            archive.write(path, path.name)
        path = path.with_suffix(".zip")
    feed = read_binance(path)
    assert feed.instrument.symbol == "BTCUSDT"
    assert told(feed, "ts", "kind", "side", "price", "quantity") == [
        (1_704_067_200_000_000_000, Kind.TRADE, 1, 420001, 50),
        (1_704_067_200_100_000_000, Kind.TRADE, 0, 420002, 25),
    ]


def test_public_klines(tmp_path):
    path = tmp_path / "ETHUSDT-1m-2024-01.csv"
    row = "1704067200000,10.1,10.9,10.0,10.5,12.5,1704067259999,1,2,3,4,0\n"
    path.write_text(row + row.replace("1704067200000", "1704067260000"))
    bars = read_binance(path)
    assert (len(bars), bars.instrument.symbol, bars.period, bars.grain) == (2, "ETHUSDT", 60 * 10**9, Grain.BARS)


def test_the_real_stream_equals_book_ticker():
    if not REAL.exists():
        pytest.skip(f"{REAL.name} not present")
    feed = read_binance(REAL)
    levels = sum(int((batch["kind"] == Kind.LEVEL).sum()) for batch in feed.batches())
    assert levels > 400_000
    assert feed.checked > 600
    assert feed.differs == 0


@pytest.mark.parametrize("header", [True, False])
def test_public_aggregates(tmp_path, header):
    text = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n" if header else ""
    text += "7,42000.1,0.5,10,12,1704067200000,true\n8,42000.2,0.25,13,13,1704067200100,false\n"
    path = tmp_path / "BTCUSDT-aggTrades-2024-01-01.csv"
    path.write_text(text)
    assert told(read_binance(path), "ts", "kind", "side", "price", "quantity") == [
        (1_704_067_200_000_000_000, Kind.TRADE, 1, 420001, 50),
        (1_704_067_200_100_000_000, Kind.TRADE, 0, 420002, 25),
    ]
    path.write_text(text + "8,42000.2,0.25,13,13,1704067200100,false\n")
    with pytest.raises(DataError, match=rf"line {3 + header}, field agg_trade_id: .*was there already"):
        read_binance(path).commands()
