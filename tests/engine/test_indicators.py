"""Indicators against TA-Lib where it has them, else against pandas and NumPy."""

import math

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from engine import indicators


def walk(seed: int, n: int = 400) -> np.ndarray:
    """Prices that go up and down, now and then not at all."""
    chance = np.random.default_rng(seed)
    return 100 + np.cumsum(np.round(chance.normal(0, 0.3, n), 1) * (chance.random(n) > 0.2))


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)


def rolling(what: object, values: np.ndarray, n: int) -> np.ndarray:
    """What NumPy says of each window of n values by itself."""
    if n > len(values):
        return np.full(len(values), np.nan)
    return np.concatenate([np.full(n - 1, np.nan), what(sliding_window_view(values, n), axis=1)])  # type: ignore[operator]


@pytest.mark.parametrize("n", [2, 5, 14, 399])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_ta_lib_has(seed: int, n: int) -> None:
    close = walk(seed)
    high, low = close + np.abs(walk(seed + 10) - 100), close - np.abs(walk(seed + 20) - 100)
    same(indicators.sma(close, n), talib.SMA(close, n))
    same(indicators.ema(close, n), talib.EMA(close, n))
    same(indicators.rsi(close, n), talib.RSI(close, n))
    same(indicators.atr(high, low, close, n), talib.ATR(high, low, close, n))
    bands, theirs = indicators.bollinger(close, n, 1.5), talib.BBANDS(close, n, 1.5, 1.5)
    for one, other in zip(bands, theirs):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-5, equal_nan=True)  # its variance is a difference of squares
    same((bands.upper - bands.middle) / 1.5, rolling(np.std, close, n))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(2, 12), st.randoms(use_true_random=False))
def test_what_pandas_and_numpy_say(given_prices: list[int], n: int, chance: object) -> None:
    prices = np.array(given_prices) / 4
    volumes = np.array([chance.randrange(0, 4) for _ in given_prices], float)  # type: ignore[attr-defined]
    paid, volume = pd.Series(prices * volumes), pd.Series(volumes)
    with np.errstate(invalid="ignore"):
        same(indicators.vwap(prices, volumes), (paid.cumsum() / volume.cumsum()).to_numpy())
        same(indicators.vwap(prices, volumes, n), rolling(np.sum, prices * volumes, n) / rolling(np.sum, volumes, n))
    squares = np.diff(np.log(prices), prepend=np.nan) ** 2
    same(indicators.realised_volatility(prices, n), np.sqrt(rolling(np.sum, squares, n)))
    same(indicators.sma(prices, n), pd.Series(prices).rolling(n).mean().to_numpy())


def test_the_book() -> None:
    bid, ask = [10.0, 10.0, 10.1, 10.0], [10.2, 10.2, 10.2, 10.1]
    bid_size, ask_size = [5, 7, 3, 4], [5, 1, 1, 6]
    found = indicators.book_series(bid, bid_size, ask, ask_size)
    same(found.microprice, np.array([10.1, (10.0 * 1 + 10.2 * 7) / 8, (10.1 * 1 + 10.2 * 3) / 4, (10.0 * 6 + 10.1 * 4) / 10]))
    same(found.imbalance, np.array([0, 6 / 8, 2 / 4, -2 / 10]))
    # 2: +2 at the bid, 4 less at the ask. 3: a better bid is all new. 4: the bid of 3 went, an ask of 6 came closer.
    same(found.order_flow, np.array([math.nan, 2 + 4, 3 + 0, -3 - 6]))
    same(indicators.microprice(bid, bid_size, ask, ask_size), found.microprice)
    same(indicators.book_imbalance(bid_size, ask_size), found.imbalance)
    same(indicators.order_flow_imbalance(bid, bid_size, ask, ask_size), found.order_flow)
    assert math.isnan(indicators.book_imbalance([0], [0])[0])


def test_flat_short_and_odd_series() -> None:
    flat = np.full(30, 5.0)
    same(indicators.rsi(flat), talib.RSI(flat))
    assert np.isnan(indicators.sma(flat, 31)).all()
    assert len(indicators.ema([], 3)) == 0
    assert np.isnan(indicators.realised_volatility([1.0, 0.0, 2.0], 1)[1:]).all()
    with pytest.raises(ValueError, match="bollinger: n is 0; give a whole number of 1 or more"):
        indicators.sma(flat, 0)
    with pytest.raises(ValueError, match="atr: give series of one dimension and one length"):
        indicators.atr(flat, flat[1:], flat)
