"""Round trips: from flat to flat in one symbol of one portfolio. A fill that flips the position ends one and begins the next."""

import numpy as np

from backtest.analysis.fills import groups, signs
from backtest.analysis.quotes import Quotes, as_of
from backtest.analysis.sums import totals
from backtest.recording import Recording

TRIP = np.dtype(
    [
        ("entry", "<i8"),  # ns
        ("exit", "<i8"),  # ns; of an open trip the end of the run
        ("lots", "<i8"),  # lots that entered in its direction
        ("entry_cost", "O"),  # Σ price × lots of the entering fills: Python's integers, it may pass 64 bits
        ("exit_lots", "<i8"),
        ("exit_cost", "O"),
        ("pnl", "<i8"),  # money, net of fees; an open trip is marked
        ("fees", "<i8"),
        ("best", "<i8"),  # highest and lowest P&L on its way, at the mark
        ("worst", "<i8"),
        ("left", "<i8"),  # lots still held, signed; 0: closed
        ("fills", "<i8"),
        ("instrument", "<u4"),
        ("portfolio", "<u4"),
        ("side", "u1"),  # of its first fill
        ("open", "?"),
    ]
)


def round_trips(recording: Recording, fills: np.ndarray, quotes: list[Quotes]) -> np.ndarray:
    """TRIP array in order of entry. Σ pnl is the change of equity less deposits, to the unit."""
    made = [_of_group(recording, fills, members, quotes) for members in groups(fills)]
    rows = np.concatenate(made) if made else np.zeros(0, TRIP)
    return rows[np.argsort(rows["entry"], kind="stable")]


def _of_group(recording: Recording, fills: np.ndarray, members: np.ndarray, quotes: list[Quotes]) -> np.ndarray:
    instrument = int(fills["instrument"][members[0]])
    value, quote = recording.value(instrument), quotes[instrument]
    pieces, after = _split(fills[members])
    sign, price, lots = signs(pieces), pieces["price"], pieces["lots"]
    flow = -sign * price * lots * value - pieces["fee"]
    first = np.flatnonzero(after - sign * lots == 0)
    trip = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(pieces))))
    enters = sign == sign[first][trip]

    rows = np.zeros(len(first), TRIP)
    last = np.append(first[1:], len(pieces)) - 1
    rows["entry"], rows["exit"] = pieces["ts"][first], pieces["ts"][last]
    rows["left"], rows["open"] = after[last], after[last] != 0
    rows["exit"][rows["open"]] = recording.end
    rows["side"] = pieces["side"][first]
    rows["instrument"], rows["portfolio"] = instrument, fills["portfolio"][members[0]]
    rows["lots"] = np.add.reduceat(np.where(enters, lots, 0), first)
    rows["entry_cost"] = totals(np.where(enters, lots * price, 0), first)
    rows["exit_lots"] = np.add.reduceat(np.where(enters, 0, lots), first)
    rows["exit_cost"] = totals(np.where(enters, 0, lots * price), first)
    rows["fees"] = np.add.reduceat(pieces["fee"], first)
    rows["fills"] = last - first + 1
    rows["pnl"] = np.add.reduceat(flow, first)
    marked, marks = quote.marks(fills[fills["instrument"] == instrument])
    if rows["open"][-1]:
        rows["pnl"][-1] += rows["left"][-1] * int(as_of(marked, marks, np.array([recording.end]))[0]) * value
    rows["best"] = rows["worst"] = rows["pnl"]
    ts, piece = _while_held(pieces["ts"], after, marked, recording.end)
    if len(ts):
        cash = np.cumsum(flow)
        began = np.append(0, cash[first[1:] - 1])
        _excursions(rows, trip[piece], cash[piece] - began[trip[piece]] + after[piece] * as_of(marked, marks, ts) * value)
    return rows


def _split(fills: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fills with each flip cut in two, and the position after each piece. The closing piece's fee is its share, truncated toward zero."""
    after = np.cumsum(signs(fills) * fills["lots"])
    before = after - signs(fills) * fills["lots"]
    flips = before * after < 0
    source = np.repeat(np.arange(len(fills)), 1 + flips)
    pieces, left = fills[source], after[source]
    closing = np.flatnonzero(flips[source] & np.append(source[1:] == source[:-1], False))
    closed = np.abs(before[source[closing]])
    shares = zip(pieces["fee"][closing].tolist(), closed.tolist(), pieces["lots"][closing].tolist())
    fee = [abs(f) * c // q * (1 if f > 0 else -1) for f, c, q in shares]  # Python's integers: fee × lots may pass 64 bits
    pieces["lots"][closing + 1] -= closed
    pieces["fee"][closing + 1] -= np.array(fee, np.int64)
    pieces["lots"][closing], pieces["fee"][closing], left[closing] = closed, fee, 0
    return pieces, left


def _while_held(times: np.ndarray, after: np.ndarray, marked: np.ndarray, end: int) -> tuple[np.ndarray, np.ndarray]:
    """When the position or its mark changed while there was one, and the last piece at or before each."""
    ts = np.union1d(times, marked[marked <= end])
    piece = np.searchsorted(times, ts, "right") - 1
    held = (piece >= 0) & (after[piece] != 0)
    return ts[held], piece[held]


def _excursions(rows: np.ndarray, trip: np.ndarray, course: np.ndarray) -> None:
    """Best and worst P&L of each trip: of its `course` (P&L at the mark, `trip` saying whose) and its final P&L."""
    start = np.flatnonzero(np.diff(trip, prepend=-1))
    which = trip[start]
    rows["best"][which] = np.maximum(rows["pnl"][which], np.maximum.reduceat(course, start))
    rows["worst"][which] = np.minimum(rows["pnl"][which], np.minimum.reduceat(course, start))
