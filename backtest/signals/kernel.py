"""The pass over the bars: fills, stops, cash and equity of one position that is long, short or flat.

At bar i what was signalled at bar i − 1 is filled, at the open of i or at the close of i − 1; then stop and target are looked at within
bar i, the stop first where both could be hit; then equity is taken at its close.
"""

import math
from typing import Any

import numba
import numpy as np

UNITS, CASH, PERCENT = 0, 1, 2
"""What a size counts: units, currency, or a part of the equity that is there."""
AT_CLOSE, AT_OPEN, OPEN_END = 0, 1, 2
"""What becomes of a position that is held at the end: closed at the last close, at the last open, or left open."""
TRADE = np.dtype(
    [
        ("size", "<f8"),  # units, below 0 for a short
        ("entry_bar", "<i8"),
        ("exit_bar", "<i8"),
        ("entry_price", "<f8"),
        ("exit_price", "<f8"),
        ("commission", "<f8"),  # of entry and exit
        ("stop", "<f8"),  # NaN: none
        ("target", "<f8"),
        ("pnl", "<f8"),  # net of commission
        ("part", "<f8"),  # pnl ÷ |size| × entry price
    ]
)
_njit: Any = numba.njit(cache=True, error_model="numpy")


@_njit
def units_of(size: float, kind: int, cash: float, leverage: float, each: float, fractional: bool) -> float:
    """Units that a size buys at the cost `each`; whole ones unless `fractional`."""
    wanted = size
    if kind == CASH:
        wanted = size / each
    elif kind == PERCENT:
        wanted = cash * leverage * size / each
        if not fractional:
            return float((cash * leverage * size) // each)
    return wanted if fractional or kind == UNITS else math.floor(wanted)


@_njit
def settle(trade: Any, price: float, bar: int, fixed: float, relative: float) -> float:
    """Close a trade; returns what its exit adds to cash."""
    fee = fixed + abs(trade["size"]) * price * relative
    gross = trade["size"] * (price - trade["entry_price"])
    trade["exit_price"], trade["exit_bar"] = price, bar
    trade["commission"] += fee
    trade["pnl"] = gross - trade["commission"]
    trade["part"] = trade["pnl"] / (abs(trade["size"]) * trade["entry_price"])
    return gross - fee


@_njit
def way_out(trade: Any, trailing: float, best: float, opened: float, high: float, low: float) -> float:
    """The price at which stop or target closes a trade within a bar; NaN where neither is reached. `best`: of the bars before."""
    long = trade["size"] > 0
    stop, target = trade["stop"], trade["target"]
    if not math.isnan(trailing):
        moved = best * (1 - trailing) if long else best * (1 + trailing)
        stop = moved if math.isnan(stop) or (moved > stop) == long else stop
    if not math.isnan(stop) and (low <= stop if long else high >= stop):
        return min(opened, stop) if long else max(opened, stop)
    if not math.isnan(target) and (high >= target if long else low <= target):
        return max(opened, target) if long else min(opened, target)
    return math.nan


@_njit
def play(
    bars: np.ndarray,  # float64 (n, 4): open, high, low, close
    go: np.ndarray,  # int8 (n,): 1 enter long, −1 enter short, 0 nothing
    leave: np.ndarray,  # int8 (n,): bit 1 closes a long, bit 2 a short
    sizes: np.ndarray,  # float64 (n,)
    stops: np.ndarray,  # float64 (n,): price of the stop of an entry signalled at this bar; NaN: none
    targets: np.ndarray,
    trailing: float,  # part of the price; NaN: none
    kind: int,
    money: Any,  # cash, fixed, relative, spread, leverage
    closes: bool,  # fill at the close of the signal's bar
    end: int,
    fractional: bool,
    trades: np.ndarray,  # TRADE (n + 1,)
    equity: np.ndarray,  # float64 (n,)
) -> int:
    """Fills `trades` and `equity`; returns the number of trades. A trade that is left open has the exit bar −1."""
    cash, fixed, relative, spread, leverage = money
    count, held = 0, False
    best = 0.0
    length = len(bars)
    equity[0] = cash
    for i in range(1, length):
        opened, high, low, last = bars[i, 0], bars[i, 1], bars[i, 2], bars[i, 3]
        price, bar = (bars[i - 1, 3], i - 1) if closes else (opened, i)
        side = go[i - 1]
        same = held and side != 0 and (trades[count]["size"] > 0) == (side > 0)
        if held and ((leave[i - 1] & (1 if trades[count]["size"] > 0 else 2)) or (side != 0 and not same)):
            cash += settle(trades[count], price, bar, fixed, relative)
            count, held, same = count + 1, False, False
        if side != 0 and not held:
            at = price * (1 + spread * side)
            share = sizes[i - 1]
            each = at + price * relative + fixed / share
            units = units_of(share, kind, max(cash, 0.0), leverage, each, fractional)
            if kind != PERCENT and units > 0:
                each = at + price * relative + fixed / units
            if units > 0 and units * each <= max(cash, 0.0) * leverage:
                trade = trades[count]
                trade["size"], trade["entry_bar"], trade["exit_bar"] = units * side, bar, -1
                trade["entry_price"], trade["stop"], trade["target"] = at, stops[i - 1], targets[i - 1]
                trade["commission"] = fixed + units * at * relative
                cash -= trade["commission"]
                held, best = True, at
        if held:
            trade = trades[count]
            out = way_out(trade, trailing, best, opened, high, low)
            if not math.isnan(out):
                cash += settle(trade, out, i, fixed, relative)
                count, held = count + 1, False
            best = max(best, high) if trade["size"] > 0 else min(best, low)
        value = cash + (trades[count]["size"] * (last - trades[count]["entry_price"]) if held else 0.0)
        equity[i] = value
        if value <= 0:  # out of money: closed at this close, and that is the end
            if held:
                cash += settle(trades[count], last, i, fixed, relative)
                count += 1
            equity[i:] = 0.0
            return count
    if held and end != OPEN_END:
        at_end = length - 1
        price = bars[at_end, 3] if end == AT_CLOSE else bars[at_end - 1, 3] if closes else bars[at_end, 0]
        cash += settle(trades[count], price, at_end - 1 if closes and end == AT_OPEN else at_end, fixed, relative)
        count += 1
        equity[at_end] = cash
    return count
