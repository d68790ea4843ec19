"""Bars made of trades equal a plain twin; splits and dividends by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from data import bars_of, read_table
from data.bars.adjusting import adjust
from data.feed import DataError

NS = 1_714_573_800_000_000_000
SIDES = ("buy", "sell", "")


def trades(count=400, sides=SIDES):
    draw = np.random.default_rng(11)
    ts = NS + np.cumsum(draw.integers(0, 3 * 10**9, count))
    price = np.round(10 + np.cumsum(draw.integers(-3, 4, count)) / 100, 2)
    side = [sides[k] for k in draw.integers(0, len(sides), count)]
    return pl.DataFrame({"time": ts, "price": price, "size": draw.integers(1, 50, count), "side": side})


def plain(frame, ends):
    """Bars by a list of trades; `ends(trades, sign)` says whether the last of them ends the bar."""
    bars, held, before, sign = [], [], None, 0
    for ts, price, size, side in frame.iter_rows():
        cents = round(price * 100)
        if side:
            sign = 1 if side == "buy" else -1
        elif before is not None and cents != before:
            sign = 1 if cents > before else -1
        before = cents
        held.append((ts, cents, size, sign * size))
        if ends(held):
            prices = [one[1] for one in held]
            bars.append((prices[0], max(prices), min(prices), prices[-1], sum(one[2] for one in held), len(held)))
            held = []
    return bars


def told(bars):
    volume, counts = bars.frame["volume"].to_list(), bars.frame["trades"].to_list()
    return [(*units, volume[k], counts[k]) for k, units in enumerate(bars.units.tolist())]


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ({"ticks": 7}, lambda held: len(held) == 7),
        ({"volume": 200}, lambda held: sum(one[2] for one in held) >= 200),
        ({"notional": "1234.56"}, lambda held: sum(one[1] * one[2] for one in held) >= 123456),
        ({"imbalance": 90}, lambda held: abs(sum(one[3] for one in held)) >= 90),
    ],
)
def test_bars_of_events_equal_a_plain_twin(rule, ends):
    frame = trades()
    bars = bars_of(frame, **rule)
    assert told(bars) == plain(frame, ends)
    assert len(bars) > 5
    assert (np.diff(bars.times) > 0).all()


def test_bars_in_time_equal_polars():
    frame = trades()
    bars = bars_of(read_table(frame, "trades"), "30s")
    grouped = frame.group_by(pl.col("time") // 30_000_000_000, maintain_order=True)
    price, size = pl.col("price"), pl.col("size")
    wanted = grouped.agg(price.first().alias("open"), price.max().alias("high"), price.min().alias("low"), price.last().alias("close"),
                         size.sum().alias("volume"), pl.len().alias("trades"))  # fmt: skip
    assert bars.times.tolist() == [one * 30_000_000_000 for one in wanted["time"]]
    for name in ("open", "high", "low", "close", "volume", "trades"):
        assert bars.frame[name].to_list() == wanted[name].to_list()
    assert bars.fingerprint == bars_of(frame, timedelta(seconds=30)).fingerprint


def test_a_bar_of_events_is_not_told_before_its_last_trade():
    frame = trades(70)
    bars = bars_of(frame, ticks=7)
    assert (bars.times >= frame["time"].gather_every(7, 6).to_numpy()).all()
    assert (bars.commands()["ts"] >= np.repeat(bars.times, 4)).all()


def test_what_bars_of_refuses():
    frame = trades(10)
    for rule in ({}, {"ticks": 5, "volume": 5}):
        with pytest.raises(ValueError, match="takes one of every, ticks"):
            bars_of(frame, **rule)
    with pytest.raises(ValueError, match="must be above 0"):
        bars_of(frame, ticks=0)
    with pytest.raises(DataError, match="do not fill one bar"):
        bars_of(frame, ticks=11)
    with pytest.raises(DataError, match="has 2 symbols"):
        bars_of(frame.with_columns(symbol=pl.Series(["A", "B"] * 5)), ticks=2)


def days(*closes):
    start = date(2024, 5, 1)
    rows = [(start + timedelta(days=k), close, close, close, close, 100.0) for k, close in enumerate(closes)]
    frame = pl.DataFrame(rows, schema=["ts", "open", "high", "low", "close", "volume"], orient="row")
    return frame.with_columns(pl.col("ts").cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"))


def test_splits_and_dividends_by_hand():
    frame = adjust(days(100.0, 100.0, 50.0, 45.0), {"2024-05-03": 2}, {"2024-05-04": 5})
    assert frame["close"].to_list() == pytest.approx([45.0, 45.0, 45.0, 45.0])
    assert frame["volume"].to_list() == [200.0, 200.0, 100.0, 100.0]
    with pytest.raises(DataError, match="not below the close before"):
        adjust(days(10.0, 10.0), dividends={"2024-05-02": 10})
    with pytest.raises(DataError, match="is not a day"):
        adjust(days(10.0), {"2024-13-02": 2})
