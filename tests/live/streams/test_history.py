"""The streams over history: against a plain twin, against polars on a real day, and in batches of any size."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data import DataError, read_lobster
from engine import Instrument, indicators
from engine.messages.vocabulary import Kind
from live import streams
from live.streams.folding import Folding
from live.streams.kept import KeptError, begin, pack, restore
from tests.live.streams.naive import NaiveStreams, plainly
from tests.live.streams.ticks import LISTED, MINUTE, SECOND, START, random_ticks
from tests.support.html_read import read

DAY = Path(__file__).parents[4] / "shared/data/lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 700))
@example(1, 3_000)
def test_the_plain_twin(seed: int, count: int) -> None:
    ticks = random_ticks(seed, count)
    naive = NaiveStreams([one.negative_prices for one in LISTED])
    naive.take(ticks)
    found = streams.run(ticks, LISTED, indicators=["SMA5"], spread=0, volume=0, finish=False)
    assert plainly(found.told) == naive.told
    assert {name: found.counts[name] for name in naive.refused} == naive.refused
    if count == 3_000:
        assert len(naive.told) > 100
        assert all(naive.refused[name] for name in ("unknown_symbol", "bad_price", "ahead", "late"))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([1, 7, 1_000]), st.integers(0, 400))
def test_batches_and_a_restart_change_nothing(seed: int, size: int, cut: int) -> None:
    ticks = random_ticks(seed, 400)
    whole, pieces = Folding(LISTED), Folding(LISTED)
    expected = whole.take(ticks).tobytes() + whole.finish().tobytes()
    told = b""
    for at in range(0, len(ticks), size):
        told += pieces.take(ticks[at : at + size]).tobytes()
        if at <= cut < at + size:
            stored, fresh = pack(begin(), pieces), Folding(LISTED)
            restore(stored, fresh, "here")
            pieces = fresh
    assert told + pieces.finish().tobytes() == expected
    assert pieces.counts == whole.counts


def test_a_real_day() -> None:
    """The bars of AMZN's trades are those of polars, and every other indicator is that of the whole series."""
    if not DAY.exists():
        pytest.skip(f"{DAY.name} is not here")
    feed = read_lobster(DAY)
    found = streams.run(feed)
    commands = feed.commands()
    rows = commands[np.isin(commands["kind"], [Kind.EXECUTE, Kind.PRINT])]
    unit, price = float(feed.instrument.price_unit), pl.col("price")
    trades = pl.DataFrame({"ts": rows["ts"], "price": rows["price"] * unit, "size": rows["quantity"]})
    expected = (
        trades.with_columns(pl.col("ts").cast(pl.Datetime("ns", "UTC")))
        .group_by_dynamic("ts", every="1m")
        .agg(
            open=price.first(), high=price.max(), low=price.min(), close=price.last(), volume=pl.col("size").sum().cast(pl.Float64),
            vwap=(price * pl.col("size")).sum() / pl.col("size").sum(), trades=pl.len().cast(pl.Int64),
        )
    )  # fmt: skip
    bars = found.bars
    assert bars.height == expected.height > 380
    assert bars["start"].equals(expected["ts"])
    for name in expected.columns[1:]:
        np.testing.assert_allclose(bars[name].to_numpy(), expected[name].to_numpy(), rtol=1e-12)
    means = trades.with_columns(pl.col("ts").cast(pl.Datetime("ns", "UTC"))).group_by_dynamic("ts", every="5m").agg(price.mean())
    np.testing.assert_allclose(_values(found, "SMA5"), means["price"].to_numpy(), rtol=1e-12)
    close, high, low = (expected[name].to_numpy() for name in ("close", "high", "low"))
    bands = indicators.bollinger(close)
    for name, series in {
        "EMA20": indicators.ema(close, 20), "RSI14": indicators.rsi(close, 14), "ATR14": indicators.atr(high, low, close, 14),
        "BOLLINGER20_UPPER": bands.upper, "BOLLINGER20_MIDDLE": bands.middle, "BOLLINGER20_LOWER": bands.lower,
        "VWAP20": indicators.vwap(expected["vwap"].to_numpy(), expected["volume"].to_numpy(), 20),
        "VOLATILITY30": indicators.realised_volatility(close, 30),
    }.items():  # fmt: skip
        np.testing.assert_allclose(_values(found, name), series[~np.isnan(series)], rtol=1e-9)


def _values(found: streams.Output, name: str) -> np.ndarray:
    return found.indicators.filter(pl.col("name") == name)["value"].to_numpy()


def test_frames() -> None:
    """Columns of any kind; what is no tick is counted, not lost in silence."""
    frame = pl.DataFrame(
        {
            "symbol": ["AAPL", "AAPL", "MSFT", "AAPL", "AAPL", "AAPL"],
            "ts": [START + k * SECOND for k in range(6)],
            "price": [100.01, math.nan, 1.0, 100.005, None, -1.0],
            "quantity": [1, 1, 1, 1, None, 1],
            "bid": [None, None, None, None, 99.99, None],
        }
    )
    found = streams.run(frame, LISTED)
    assert found.bars.select("symbol", "open", "volume", "trades").rows() == [("AAPL", 100.01, 1.0, 1)]
    assert {name: count for name, count in found.counts.items() if count} == {
        "ticks": 6,
        "bars": 1,
        "values": 1,
        "bad_price": 3,
        "unknown_symbol": 1,
    }
    texts = {"ts": ["2026-01-05T14:30:00.5Z"], "last": ["100.01"], "size": ["1"]}
    assert streams.run(texts, LISTED[:1]).bars["close"].to_list() == [100.01]
    with pytest.raises(DataError, match="no column 'prise' is known; give ts, symbol and any of last"):
        streams.run({"ts": [1], "prise": [1]}, LISTED)
    with pytest.raises(DataError, match="give instruments"):
        streams.run(texts)


def test_what_a_notebook_shows() -> None:
    frame = {"ts": START + np.array([0, 30, 61]) * SECOND, "symbol": ["A"] * 3, "last": [10.0, 12.5, 11.0], "size": [1.0] * 3}
    listed = [Instrument("A", "0.1")]
    found = streams.run(frame, listed)
    told = read(found)
    assert told[told.index("ticks") + 1] == "3"
    assert told[told.index("A") + 2 :][:4] == ["10", "12.5", "10", "12.5"]
    nothing = streams.run({"ts": [0], "symbol": ["A"], "last": [1.0]}, listed, finish=False)
    assert "No bar was made." in read(nothing)


def test_a_spread_and_a_volume_out_of_the_usual() -> None:
    ticks = np.zeros(60 * 30, streams.TICK)
    ticks["ts"] = START + np.arange(len(ticks)) * SECOND
    ticks["last"], ticks["size"], ticks["bid"], ticks["ask"] = 10_000, 2, 9_999, 10_001
    ticks["has"] = int(streams.Has.LAST | streams.Has.SIZE | streams.Has.BID | streams.Has.ASK)
    ticks["ask"][500:503] = 10_050  # once a crossing
    ticks["size"][1_500] = 2_000  # in minute 25
    found = streams.run(ticks, LISTED, indicators=[])
    assert found.alerts.select("type", "bid", "ask", "volume", "usual").rows() == [
        ("SPREAD_ANOMALY", 99.99, 100.5, None, 0.02),
        ("VOLUME_ANOMALY", None, None, 2_118.0, 120.0),
    ]
    assert found.alerts["ts"].dt.timestamp("ns").to_list() == [START + 500 * SECOND, START + 26 * MINUTE]


def test_a_kept_state_that_does_not_fit() -> None:
    """Other symbols and indicators are taken as they are; other units and damage are refused."""
    ticks = random_ticks(3, 500)
    told = Folding(LISTED)
    told.take(ticks)
    stored = pack(begin(), told)
    more = Folding([Instrument("NEW", "1"), *LISTED[::-1]], streams.StreamsSettings(indicators=["EMA2"], closes={"NEW": 7}))
    restore(stored, more, "here")
    assert more.state.symbols["last"].tolist() == [0, *told.state.symbols["last"][::-1].tolist()]
    assert more.state.symbols["close"][0] == 7
    assert more.take(ticks[:0]).shape == (0,)
    with pytest.raises(KeptError, match=r"AAPL was kept with price unit 0\.01 and lot 1, and is listed"):
        restore(stored, Folding([Instrument("AAPL", "0.1")]), "here")
    for damaged in (b"", stored[:-3], stored[:900] + b"x" + stored[901:], b"{}\n"):
        with pytest.raises(KeptError, match="here: no state of the streams"):
            restore(damaged, Folding(LISTED), "here")
