"""Levels and trades into commands of history, in the order within an event that the exchange wants.

An event is what happened at one time, or what one message of the venue tells. Its trades come first, as they happened; then levels that
are gone, that fall, that grow. A level that changes twice within an event is told once, as it stands at its end.
"""

import numpy as np

from data.levels.ladders import best_key, set_level
from data.orders.aggressor import PRICE_MAX
from data.orders.faults import Fault
from engine.compiler.kernel import kernel
from engine.messages.vocabulary import Flag, Kind

LOTS_MAX = 2**32
EVENT_MAX = 4096
"""Commands of an event within which a level is looked for; a longer event is cut."""
ESTIMATED, OPENING = int(Flag.ESTIMATED), int(Flag.OPENING)
TRADED, GONE, FELL, GREW = 0, 1, 2, 3

LEVELING = np.dtype(
    [
        ("n", "<i8"),  # commands written
        ("rows", "<i8"),  # rows taken
        ("last", "<i8"),  # ns UTC, of the row before
        ("event", "<i8"),  # index of the first command of the open event
        ("at", "<i8"),  # next row of the input
        ("fault", "<i8"),
        ("value", "<i8"),
        ("field", "<i8"),
        ("repair", "<i8"),
        ("crossed", "<i8"),  # events after which the best bid was at or above the best ask
        ("unknown", "<i8"),
    ]
)


@kernel
def end_event(w, ladders, out):  # type: ignore[no-untyped-def]
    """The event ends: its commands get their order."""
    first, n = w["event"], w["n"]
    for k in range(first + 1, n):
        rank = out[k]["spare"]
        if rank >= out[k - 1]["spare"]:
            continue
        to = k
        while to > first and out[to - 1]["spare"] > rank:
            to -= 1
        out[n] = out[k]
        for j in range(k, to, -1):
            out[j] = out[j - 1]
        out[to] = out[n]
    if n > first:
        for k in range(first, n):
            out[k]["spare"] = 0
            out[k]["trader"] = 0
        bids = 2 * np.int64(out[n - 1]["instrument"])
        if best_key(ladders, bids) >= -best_key(ladders, bids + 1):
            w["crossed"] += 1
    w["event"] = n


@kernel
def _told(w, out, instrument, side, price):  # type: ignore[no-untyped-def]
    """Index of the open event's command for a level, -1 where it has none."""
    for k in range(w["n"] - 1, w["event"] - 1, -1):
        c = out[k]
        if c["price"] == price and c["kind"] == Kind.LEVEL and c["side"] == side and c["instrument"] == instrument:
            return np.int64(k)
    return np.int64(-1)


@kernel
def write_level(w, ladders, out, ts, instrument, side, price, lots, flags):  # type: ignore[no-untyped-def]
    """A level has `lots` from now on; nothing is written where it has them already.

    Until the event ends, `trader` holds what it had before, and `spare` its rank.
    """
    before = set_level(ladders, 2 * instrument + side, price, lots)
    if before == lots:
        return
    if w["n"] - w["event"] >= EVENT_MAX:
        end_event(w, ladders, out)
    at = _told(w, out, instrument, side, price)
    if at < 0:
        at = np.int64(w["n"])
        w["n"] += 1
        c = out[at]
        c["ts"] = ts
        c["kind"] = Kind.LEVEL
        c["instrument"] = instrument
        c["side"] = side
        c["price"] = price
        c["flags"] = flags
        c["row"] = w["rows"] + 1
        c["trader"] = min(before, 2**32 - 1)
    c = out[at]
    c["quantity"] = lots
    c["spare"] = GONE if lots == 0 else (FELL if lots < c["trader"] else GREW)


@kernel
def write_trade(w, out, ts, instrument, side, price, lots, flags):  # type: ignore[no-untyped-def]
    """A trade; `side` is the aggressor's, another number than 0 and 1 where it is not known."""
    c = out[w["n"]]
    w["n"] += 1
    c["ts"] = ts
    c["kind"] = Kind.TRADE
    c["instrument"] = instrument
    c["side"] = side if side == 0 or side == 1 else 0
    c["price"] = price
    c["quantity"] = lots
    c["flags"] = flags if side == 0 or side == 1 else flags | ESTIMATED
    c["row"] = w["rows"] + 1
    c["spare"] = TRADED


@kernel
def level_fault(terms, instrument, price, lots, displayed):  # type: ignore[no-untyped-def]
    """What is wrong with a price and lots, else NONE; `displayed`: 1 where the price must be on the tick."""
    if lots < 0 or lots >= LOTS_MAX or (displayed == 0 and lots == 0):
        return Fault.SIZE
    if abs(price) >= PRICE_MAX or (price <= 0 and terms[instrument]["signed"] == 0):
        return Fault.PRICE
    if displayed != 0 and price % terms[instrument]["tick"] != 0:
        return Fault.OFF_TICK
    return Fault.NONE
