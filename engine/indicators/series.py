"""Kernels that carry an indicator along a whole series; what Python calls stands in `engine.indicators.indicators`."""

import math

from engine.compiler.kernel import entry_kernel
from engine.indicators.steps import (
    deviation,
    imbalance,
    mean,
    microprice,
    next_ema,
    next_wilder,
    order_flow,
    strength,
    true_range,
    volatility,
    weighted_mean,
)


@entry_kernel
def along_means(values, n, out):
    """Mean and standard deviation of the last n values into out[0], out[1]."""
    for k in range(len(values)):
        out[0, k] = mean(values, k + 1 - n, k + 1) if k + 1 >= n else math.nan
        out[1, k] = deviation(values, k + 1 - n, k + 1) if k + 1 >= n else math.nan


@entry_kernel
def along_ema(values, n, out):
    """Exponential mean; it begins as the mean of the first n values."""
    for k in range(len(values)):
        if k + 1 < n:
            out[k] = math.nan
        elif k + 1 == n:
            out[k] = mean(values, 0, n)
        else:
            out[k] = next_ema(out[k - 1], values[k], n)


@entry_kernel
def along_rsi(values, n, out):
    """Wilder's relative strength; its means begin as those of the first n changes."""
    gain, loss = 0.0, 0.0
    for k in range(len(values)):
        out[k] = math.nan
        if k == 0:
            continue
        change = values[k] - values[k - 1]
        if k <= n:
            gain += max(change, 0.0) / n
            loss += max(-change, 0.0) / n
        else:
            gain = next_wilder(gain, max(change, 0.0), n)
            loss = next_wilder(loss, max(-change, 0.0), n)
        if k >= n:
            out[k] = strength(gain, loss)


@entry_kernel
def along_atr(highs, lows, closes, n, out):
    """Wilder's average true range; it begins as the mean of the first n ranges."""
    average = 0.0
    for k in range(len(closes)):
        out[k] = math.nan
        if k == 0:
            continue
        reach = true_range(highs[k], lows[k], closes[k - 1])
        average = average + reach / n if k <= n else next_wilder(average, reach, n)
        if k >= n:
            out[k] = average


@entry_kernel
def along_vwap(prices, volumes, n, out):
    """Volume-weighted mean price of the last n; with n = 0 of all so far."""
    for k in range(len(prices)):
        if k + 1 < n:
            out[k] = math.nan
        elif n > 0:
            out[k] = weighted_mean(prices, volumes, k + 1 - n, k + 1)
    if n == 0:
        paid, volume = 0.0, 0.0
        for k in range(len(prices)):
            paid += prices[k] * volumes[k]
            volume += volumes[k]
            out[k] = paid / volume if volume > 0.0 else math.nan


@entry_kernel
def along_volatility(values, n, out):
    """Realised volatility of the last n log returns."""
    for k in range(len(values)):
        out[k] = volatility(values, k - n, k + 1) if k >= n else math.nan


@entry_kernel
def along_book(bids, bid_sizes, asks, ask_sizes, out):
    """Microprice, imbalance and order flow of a series of best quotes into out[0], out[1], out[2]."""
    for k in range(len(bids)):
        out[0, k] = microprice(bids[k], bid_sizes[k], asks[k], ask_sizes[k])
        out[1, k] = imbalance(bid_sizes[k], ask_sizes[k])
        out[2, k] = math.nan
        if k > 0:
            b = k - 1
            out[2, k] = order_flow(bids[b], bid_sizes[b], asks[b], ask_sizes[b], bids[k], bid_sizes[k], asks[k], ask_sizes[k])
