"""Trades that were found in order, written as they stand: one pass, from columns of numbers to commands."""

from typing import Any, NamedTuple

import numpy as np

from data.levels.writing import ESTIMATED
from engine.compiler.kernel import entry_kernel
from engine.messages.vocabulary import Kind

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Trades(NamedTuple):
    """`ts` (int64, of `unit` ns), `price`, `lots` (float64, units of the instrument), `instrument` (int64), `side` (int8 or int64; 2: not
    known), and `scales` (float64, instruments × 2): price units and lots of 1."""

    ts: Ints
    unit: int
    price: np.ndarray
    lots: np.ndarray
    instrument: Ints
    side: np.ndarray
    scales: np.ndarray


@entry_kernel
def write_trades(levelings, out, ts, unit, price, lots, instrument, side, scales):  # type: ignore[no-untyped-def]
    """Rows from `at` on into out[n:], until they end or `out` is full. No event is open behind them: trades keep their order anyway."""
    w = levelings[0]
    n, at, rows = w["n"], w["at"], w["rows"]
    while at < len(ts) and n < len(out):
        one, aggressor = instrument[at], side[at]
        c = out[n]
        c["ts"] = ts[at] * unit
        c["kind"] = Kind.TRADE
        c["instrument"] = one
        c["side"] = aggressor if aggressor < 2 else 0
        c["price"] = np.int64(np.rint(price[at] * scales[one, 0]))
        c["quantity"] = np.int64(np.rint(lots[at] * scales[one, 1]))
        c["flags"] = 0 if aggressor < 2 else ESTIMATED
        rows += 1
        c["row"] = rows
        n += 1
        at += 1
    if at > 0:
        w["last"] = ts[at - 1] * unit
    w["n"], w["at"], w["rows"], w["event"] = n, at, rows, n
