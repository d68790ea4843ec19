"""Equity, drawdown and position through time, in whole money units, and the returns that the ratios are taken from."""

from typing import NamedTuple

import numpy as np

from backtest.analysis.fills import signs
from backtest.analysis.quotes import Quotes, as_of
from backtest.recording import Recording
from engine.messages.vocabulary import Kind

SECOND = 10**9
STEPS = [SECOND * s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)]
"""Lengths of a return interval within a day, from which `interval` chooses."""
INTERVALS_MIN = 100
DAYS_DAILY = 20
"""From so many sessions on, returns are daily."""


class Curve(NamedTuple):
    """Equity at every time when the market's sample, our account or the mark of what we held changed. int64 arrays of one length, money
    units."""

    ts: np.ndarray
    cash: np.ndarray
    value: np.ndarray  # Σ position × mark
    capital: np.ndarray  # opening cash and later deposits
    drawdown: np.ndarray  # P&L below its highest so far, ≤ 0
    doubled_value: np.ndarray  # Σ position × (bid + ask): twice the value at the middle
    middled: np.ndarray  # bool: each held position has a middle
    notional: np.ndarray  # Σ |position| × mark

    @property
    def equity(self) -> np.ndarray:
        return self.cash + self.value

    @property
    def pnl(self) -> np.ndarray:
        return self.equity - self.capital


def equity_curve(recording: Recording, fills: np.ndarray, quotes: list[Quotes]) -> Curve:
    """The curve over [opened, end], all portfolios together; the mark is the last trade price or the last MARK, whichever came later."""
    paid_in, changed = _paid_in(recording), [_marked(fills[fills["instrument"] == k], quote) for k, quote in enumerate(quotes)]
    times = np.concatenate([recording.samples["ts"], fills["ts"], paid_in["ts"], *changed, [recording.opened, recording.end]])
    times = np.sort(times[(times >= recording.opened) & (times <= recording.end)], kind="stable")
    ts = times[np.diff(times, prepend=times[0] - 1) > 0]
    capital = as_of(paid_in["ts"], recording.opening_cash + np.cumsum(paid_in["value"]), ts, recording.opening_cash)
    cash = capital + as_of(fills["ts"], np.cumsum(fills["flow"]), ts)
    value, doubled_value, notional = (np.zeros(len(ts), np.int64) for _ in range(3))
    middled = np.ones(len(ts), bool)
    for number, quote in enumerate(quotes):
        mine = fills[fills["instrument"] == number]
        if not len(mine):
            continue
        held = as_of(mine["ts"], np.cumsum(signs(mine) * mine["lots"]), ts)
        marked = held * as_of(*quote.marks(mine), ts) * recording.value(number)
        middle, known = quote.middle(ts)
        value += marked
        notional += np.abs(marked)
        doubled_value += held * middle * recording.value(number)
        middled &= known | (held == 0)
    pnl = cash + value - capital
    drawdown = pnl - np.maximum.accumulate(np.maximum(pnl, 0))
    return Curve(ts, cash, value, capital, drawdown, doubled_value, middled, notional)


def _paid_in(recording: Recording) -> np.ndarray:
    """Deposits to our portfolios, and withdrawals, after the start."""
    facts = recording.facts
    ours = [number for number, name in enumerate(recording.portfolios) if name in recording.cash]
    return facts[(facts["kind"] == Kind.CashDeposited) & (facts["ts"] > recording.start) & np.isin(facts["portfolio"], ours)]


def _marked(fills: np.ndarray, quote: Quotes) -> np.ndarray:
    """When the mark of an instrument changed while we held it."""
    ts, _ = quote.marks(fills)
    return ts[as_of(fills["ts"], np.cumsum(signs(fills) * fills["lots"]), ts) != 0]


class Returns(NamedTuple):
    """Returns of equal intervals. `interval` in ns (a day: 86,400 s); `per_session`: intervals in a trading day; `sessions`: days."""

    values: np.ndarray  # float64
    interval: int
    per_session: float
    sessions: int

    @property
    def daily(self) -> bool:
        return self.interval == 86_400 * SECOND


def interval(length: int) -> int:
    """The longest of STEPS with at least INTERVALS_MIN intervals in `length` ns; the shortest where none has."""
    fitting = [step for step in STEPS if length // step >= INTERVALS_MIN]
    return fitting[-1] if fitting else STEPS[0]


def returns(recording: Recording, curve: Curve) -> Returns:
    """Change of equity per interval ÷ equity before it, deposits left out. Empty where equity is not above zero throughout.

    From DAYS_DAILY sessions on an interval is a session; below that it is `interval` of a session's mean length, counted from each
    session's begin, a rest at its end dropped. What happens between two sessions belongs to the first interval of the second.
    """
    sessions = recording.sessions
    if len(sessions) >= DAYS_DAILY:
        step, points = 86_400 * SECOND, np.array([sessions[0][0]] + [b for _, b in sessions])
        per_session = 1.0
    else:
        step = interval(sum(b - a for a, b in sessions) // len(sessions))
        grids = [a + step * np.arange(1, (b - a) // step + 1) for a, b in sessions]
        points = np.concatenate([np.array([sessions[0][0]]), *grids])
        per_session = (len(points) - 1) / len(sessions)
    at = np.searchsorted(curve.ts, points, "right") - 1
    equity, pnl = curve.equity[at].astype(np.float64), curve.pnl[at]
    if not len(at) or bool((curve.equity <= 0).any()):
        return Returns(np.zeros(0), step, per_session, len(sessions))
    base = equity[:-1] + np.diff(curve.capital[at])
    return Returns(np.diff(pnl) / base, step, per_session, len(sessions))


class Drawdown(NamedTuple):
    """One stretch below a peak. `end` is the recovery, or the end of the run; `depth` in money units (≤ 0), `part` of the peak."""

    start: int
    trough: int
    end: int
    depth: int
    part: float | None
    recovered: bool


def drawdowns(curve: Curve, most: int = 5) -> list[Drawdown]:
    """The deepest drawdowns, at most `most`, deepest first."""
    under = curve.drawdown < 0
    begins = np.flatnonzero(under & ~np.append(False, under[:-1]))
    ends = np.flatnonzero(under & ~np.append(under[1:], False))
    if not len(begins):
        return []
    depths = np.minimum.reduceat(np.where(under, curve.drawdown, 0), begins)
    deepest = np.argsort(depths, kind="stable")[:most]
    return [_drawdown(curve, int(begins[one]), int(ends[one])) for one in deepest]


def _drawdown(curve: Curve, first: int, last: int) -> Drawdown:
    trough = first + int(np.argmin(curve.drawdown[first : last + 1]))
    depth, after = int(curve.drawdown[trough]), last + 1
    peak, recovered = int(curve.equity[trough]) - depth, after < len(curve.ts)
    end = curve.ts[after if recovered else last]
    return Drawdown(
        int(curve.ts[max(first - 1, 0)]),
        int(curve.ts[trough]),
        int(end),
        depth,
        depth / peak if peak > 0 and int(curve.capital[trough]) > 0 else None,
        recovered,
    )
