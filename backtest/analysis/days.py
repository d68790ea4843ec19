"""What each day of a run brought."""

from typing import TYPE_CHECKING

import numpy as np

from backtest.analysis.sums import total
from engine.messages.vocabulary import OrderStatus

if TYPE_CHECKING:
    from backtest.analysis.analysis import Analysis

DAY = np.dtype(
    [(name, "<i8") for name in ("start", "end", "pnl", "fees", "equity", "value", "fills", "orders")]  # ns UTC, money units, numbers
    + [("turnover", "<f8")]  # money units
)


def by_day(a: "Analysis") -> np.ndarray:
    """DAY rows, one a session. What happens between two sessions belongs to the second; all together they make the run."""
    sessions = a.recording.sessions
    rows = np.zeros(len(sessions), DAY)
    rows["start"], rows["end"] = np.array(sessions, np.int64).T
    until = np.append(rows["end"][:-1], a.recording.end)
    at = np.searchsorted(a.curve.ts, until, "right") - 1
    for name, values in (("equity", a.curve.equity), ("value", a.curve.value)):
        rows[name] = values[at]
    rows["pnl"] = np.diff(a.curve.pnl[at], prepend=0)
    fills, entered = a.fills, np.sort(a.orders.rows["created"][a.orders.rows["status"] != OrderStatus.REJECTED])
    ends = np.searchsorted(fills["ts"], until, "right")
    rows["fills"], rows["orders"] = np.diff(ends, prepend=0), np.diff(np.searchsorted(entered, until, "right"), prepend=0)
    traded = np.abs(fills["price"] * fills["lots"] * a.recording.values()[fills["instrument"]])
    for row, begin, end in zip(rows, [0, *ends[:-1]], ends):
        row["fees"], row["turnover"] = total(fills["fee"][begin:end]), total(traded[begin:end])
    return rows
