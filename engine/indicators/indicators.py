"""Indicators over arrays, compiled: what a notebook, a class strategy or a report calls. NaN stands where there is no value yet.

Each takes float64 series (anything that NumPy makes one of, a polars column too) and gives float64 of the same length. Definitions are
TA-Lib's where it has one. The same steps, value by value, are in `engine.indicators.steps`, for compiled strategies.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.indicators import series

Series = np.ndarray[Any, np.dtype[np.float64]]


class Bands(NamedTuple):
    """Bollinger's bands, each a series."""

    upper: Series
    middle: Series
    lower: Series


class BookSeries(NamedTuple):
    """What a series of best quotes says."""

    microprice: Series
    """Best prices, each weighted by the size of the other side (Stoikov 2018, first order)."""
    imbalance: Series
    """(bid size − ask size) ÷ both, -1 to 1."""
    order_flow: Series
    """Order-flow imbalance from the quote before (Cont, Kukanov and Stoikov 2014), in the unit of sizes; NaN for the first."""


def _floats(name: str, *given: Any) -> list[Series]:
    made = [np.ascontiguousarray(one, np.float64) for one in given]
    if any(one.ndim != 1 for one in made) or len({len(one) for one in made}) > 1:
        raise ValueError(f"{name}: give series of one dimension and one length, not of shapes {[one.shape for one in made]}")
    return made


def _window(name: str, n: int, least: int = 1) -> int:
    if n != int(n) or n < least:
        raise ValueError(f"{name}: n is {n!r}; give a whole number of {least} or more")
    return int(n)


def sma(values: Any, n: int) -> Series:
    """Mean of the last n values."""
    return bollinger(values, n).middle


def ema(values: Any, n: int) -> Series:
    """Exponential mean, α = 2 / (n + 1); it begins as the mean of the first n values."""
    (given,) = _floats("ema", values)
    out = np.empty(len(given))
    series.along_ema(given, _window("ema", n), out)
    return out


def rsi(values: Any, n: int = 14) -> Series:
    """Wilder's relative strength index, 0 to 100."""
    (given,) = _floats("rsi", values)
    out = np.empty(len(given))
    series.along_rsi(given, _window("rsi", n, 2), out)
    return out


def atr(high: Any, low: Any, close: Any, n: int = 14) -> Series:
    """Wilder's average true range."""
    highs, lows, closes = _floats("atr", high, low, close)
    out = np.empty(len(closes))
    series.along_atr(highs, lows, closes, _window("atr", n), out)
    return out


def bollinger(values: Any, n: int = 20, width: float = 2.0) -> Bands:
    """Mean of the last n values, and `width` of their standard deviations (of the population) above and below it."""
    (given,) = _floats("bollinger", values)
    out = np.empty((2, len(given)))
    series.along_means(given, _window("bollinger", n), out)
    return Bands(out[0] + width * out[1], out[0], out[0] - width * out[1])


def vwap(prices: Any, volumes: Any, n: int = 0) -> Series:
    """Volume-weighted mean price of the last n rows; n = 0 is all so far. NaN where nothing traded."""
    paid, traded = _floats("vwap", prices, volumes)
    out = np.empty(len(paid))
    series.along_vwap(paid, traded, _window("vwap", n, 0), out)
    return out


def realised_volatility(values: Any, n: int) -> Series:
    """Root of the sum of the last n squared log returns: of the window, not annualised. NaN where a value is not above 0."""
    (given,) = _floats("realised_volatility", values)
    out = np.empty(len(given))
    series.along_volatility(given, _window("realised_volatility", n), out)
    return out


def book_series(bid: Any, bid_size: Any, ask: Any, ask_size: Any) -> BookSeries:
    """Microprice, imbalance and order-flow imbalance of best quotes, one after another."""
    bids, bid_sizes, asks, ask_sizes = _floats("book_series", bid, bid_size, ask, ask_size)
    out = np.empty((3, len(bids)))
    series.along_book(bids, bid_sizes, asks, ask_sizes, out)
    return BookSeries(*out)


def microprice(bid: Any, bid_size: Any, ask: Any, ask_size: Any) -> Series:
    """The first of `book_series`."""
    return book_series(bid, bid_size, ask, ask_size).microprice


def book_imbalance(bid_size: Any, ask_size: Any) -> Series:
    """The second of `book_series`."""
    return book_series(bid_size, bid_size, ask_size, ask_size).imbalance


def order_flow_imbalance(bid: Any, bid_size: Any, ask: Any, ask_size: Any) -> Series:
    """The third of `book_series`."""
    return book_series(bid, bid_size, ask, ask_size).order_flow
