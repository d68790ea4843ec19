"""Files of hftbacktest: levels and trades, orders, and what is wrong with them."""

import numpy as np
import pytest

from data import read
from data.feed import DataError
from data.hftbacktest.reader import (
    ADDED,
    BUY,
    CANCELLED,
    CLEARED,
    DEPTH,
    EXCHANGE,
    FILLED,
    MODIFIED,
    PICTURE,
    SELL,
    TRADED,
    read_hftbacktest,
)
from engine.messages.vocabulary import Flag, Grain, Kind

EVENT = np.dtype(
    [
        *(("ev", np.uint64), ("exch_ts", np.int64), ("local_ts", np.int64), ("px", np.float64), ("qty", np.float64)),
        *(("order_id", np.uint64), ("ival", np.int64), ("fval", np.float64)),
    ]
)  # as hftbacktest 2.x has it
NS = 1_714_573_800_000_000_000
LOCAL = 1 << 30


def event(kind, side, ts, px, qty, order=0, where=EXCHANGE | LOCAL):
    return (kind | side | where, NS + ts, NS + ts + 5, px, qty, order, 0, 0.0)


def stored(folder, rows, name="btcusdt.npz"):
    path, events = folder / name, np.array(rows, EVENT)
    np.save(path, events) if name.endswith(".npy") else np.savez_compressed(path, data=events)
    return path


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


DAY = [
    event(CLEARED, BUY, 0, 0, 0),
    event(PICTURE, BUY, 0, 10.0, 1.5),
    event(PICTURE, SELL, 0, 10.1, 3),
    event(TRADED, SELL, 10, 10.0, 0.5),
    event(DEPTH, BUY, 10, 10.0, 1.0),
    event(DEPTH, SELL, 20, 10.1, 0, where=LOCAL),  # only seen, not of the exchange
]


@pytest.mark.parametrize("name", ["btcusdt.npz", "btcusdt.npy"])
def test_levels_and_trades(tmp_path, name):
    feed = read(stored(tmp_path, DAY, name), quiet=True)
    assert (feed.grain, feed.instrument.symbol, str(feed.instrument.tick), str(feed.instrument.lot)) == (
        Grain.LEVELS, "BTCUSDT", "0.1", "0.1",
    )  # fmt: skip
    opening = int(Flag.OPENING)
    assert told(feed, "ts", "kind", "side", "price", "quantity", "flags") == [
        (NS, Kind.LEVEL, 0, 100, 15, opening),
        (NS, Kind.LEVEL, 1, 101, 30, opening),
        (NS + 10, Kind.TRADE, 1, 100, 5, 0),
        (NS + 10, Kind.LEVEL, 0, 100, 10, 0),
    ]


def test_orders(tmp_path):
    rows = [
        event(ADDED, BUY, 0, 10.0, 5, 1),
        event(ADDED, SELL, 1, 10.1, 4, 2),
        event(MODIFIED, SELL, 2, 10.2, 4, 2),
        event(FILLED, BUY, 3, 10.0, 2, 1),
        event(CANCELLED, BUY, 4, 10.0, 3, 1),
    ]
    feed = read_hftbacktest(stored(tmp_path, rows))
    assert feed.grain == Grain.ORDERS
    assert told(feed, "kind", "order_id", "price", "quantity") == [
        (Kind.ADD, 1, 100, 5),
        (Kind.ADD, 2, 101, 4),
        (Kind.MODIFY, 2, 102, 4),
        (Kind.FLOW, 0, 100, 2),
        (Kind.EXECUTE, 1, 100, 2),
        (Kind.REDUCE, 1, 100, 3),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*DAY, event(DEPTH, BUY, 5, 10.0, 1)], r"line 7, field exch_ts: .*is before the message above"),
        ([*DAY, event(DEPTH, BUY, 30, np.nan, 1)], r"line 6, field px: nan is not a finite number"),
        ([*DAY, event(DEPTH, BUY, 30, 10.0, -1)], r"line 7, field qty: -10 is not a size"),
        ([event(DEPTH, BUY, 0, 10.0, 1, where=LOCAL)], "holds no events of the exchange"),
    ],
)
def test_bad_events(tmp_path, rows, said):
    with pytest.raises(DataError, match=said):
        read_hftbacktest(stored(tmp_path, rows)).commands()


def test_bad_files(tmp_path):
    path = stored(tmp_path, DAY)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(DataError, match="fetch it again"):
        read_hftbacktest(path)
    np.savez(path, data=np.zeros(3))
    with pytest.raises(DataError, match="has no field ev"):
        read_hftbacktest(path)
    with pytest.raises(DataError, match="no such file"):
        read_hftbacktest(tmp_path / "none.npz")
