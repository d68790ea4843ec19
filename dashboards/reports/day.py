"""A portfolio's trading day, out of its session's log: accounts as the read models have them at its begin and end, and what lay between."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data.log.event_log import EventLog
from data.settlement.ladder import SUFFIX, as_frame, machine_of
from data.settlement.terms import SettlementError
from engine.errors import TapebookError
from engine.messages.names import Names
from engine.messages.vocabulary import Kind
from live.gateway import shapes
from live.models.read_models import ReadModels
from live.models.storing import decimals_of, names_of

POINTS, READ = 400, 1 << 20
"""Points of the day's curve; seqs that are read at once."""
TRADES_SHOWN, REFUSALS_SHOWN = 200, 100
ZERO = Decimal(0)
Account = dict[str, Any]


class DayError(TapebookError, ValueError):
    """A day that cannot be told of: what is wrong and what to do about it, in one line."""


class BySymbol(NamedTuple):
    """What a day came to in one symbol; money with all decimals, quantities in units. `net` = realised + unrealised − fees, of the day."""

    symbol: str
    bought: Decimal
    sold: Decimal
    turnover: Decimal
    realized: Decimal
    unrealized: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """P&L of the day after fees."""
        return self.realized + self.unrealized - self.fees


class Day(NamedTuple):
    """A trading day of a portfolio. `opened`, `closed`: its account (`ReadModels.portfolio_exact`) before and after."""

    session: str
    portfolio: str
    number: int
    running: bool
    """Whether it is the session's last day, to which more may come."""
    seqs: tuple[int, int]
    times: tuple[int, int]
    """ns UTC of its first and last fact."""
    opened: Account
    closed: Account
    deposits: Decimal
    points: list[tuple[int, Decimal, Decimal]]
    """ns UTC, equity with all deposits of the day taken as there from its begin, and how far below the highest before."""
    symbols: list[BySymbol]
    trades: list[dict[str, Any]]
    """Rows of the view `executions`, newest first, TRADES_SHOWN at most."""
    trade_count: int
    orders: dict[str, int]
    """Orders that entered on the day, by status."""
    refusals: list[dict[str, Any]]
    """Breaches and failed checks, newest first."""
    refusal_count: int
    settlement: list[dict[str, Any]] | None
    """What settles when, as of now; None where nothing does."""

    @property
    def net(self) -> Decimal:
        """P&L of the day after fees: the change of equity less deposits."""
        return Decimal(self.closed["equity"]) - Decimal(self.opened["equity"]) - self.deposits

    @property
    def deepest(self) -> Decimal:
        """The lowest of the curve below its highest before."""
        return min((below for _, _, below in self.points), default=ZERO)

    def change(self, name: str) -> Decimal:
        """By how much a figure of the account grew in the day."""
        return Decimal(self.closed[name]) - Decimal(self.opened[name])


def portfolios(log: EventLog, session: int) -> list[str]:
    """Portfolios that have a name."""
    return [name for name in names_of(log, session).portfolios if name]


_About = tuple[str, str, int, bool, tuple[int, int], tuple[int, int]]
"""The first fields of a Day."""


def day_of(log: EventLog, session: int, portfolio: str, number: int | None = None) -> Day:
    """Trading day `number` (from 1; the last one without it). Raises DayError, LogError."""
    names, decimals, last = names_of(log, session), decimals_of(log, session), log.last_seq(session)
    if portfolio not in names.portfolios:
        listed = ", ".join(name for name in names.portfolios if name) or "none with a name"
        raise DayError(f"session {log.session_id(session)!r} has no portfolio {portfolio!r}; there are {listed}")
    starts = [0, *log.frame("facts", session, kind=int(Kind.DayStarted))["seq"].sort().to_list()]
    number = number or len(starts)
    if number > len(starts):
        raise DayError(f"day {number}: session {log.session_id(session)!r} is in its day {len(starts)}")
    first, end = starts[number - 1] + 1, starts[number] - 1 if number < len(starts) else last
    told = _Told(ReadModels(names, decimals), portfolio)
    for part in _parts(log, session, 1, first - 1, 1):
        told.models.apply(*part)
    opened = told.account()
    for part in _parts(log, session, first, end, POINTS):
        told.take(*part)
    about = (log.session_id(session), portfolio, number, number == len(starts), (first, end), told.times())
    trades = log.frame("executions", session, portfolio=portfolio, day=number)
    return _day(log, session, about, told, opened, trades)


def _day(log: EventLog, session: int, about: _About, told: "_Told", opened: Account, trades: pl.DataFrame) -> Day:
    names, decimals, (first, end), portfolio = told.models.names, told.models.decimals, about[4], about[1]
    closed = told.account()
    orders = log.frame("orders", session, portfolio=portfolio).filter(pl.col("seq").is_between(first, end))
    refusals = pl.concat(
        [
            log.frame(view, session, portfolio=portfolio).filter(pl.col("seq").is_between(first, end))
            for view in ("breaches", "compliance_failures")
        ],
        how="vertical_relaxed",
    ).sort("seq", descending=True)
    return Day(
        *about,
        opened,
        closed,
        told.deposits,
        told.curve(),
        _by_symbol(opened, closed, trades, names, decimals),
        shapes.rows(trades.reverse().head(TRADES_SHOWN), names, decimals),
        len(trades),
        dict(sorted(orders["status"].value_counts().iter_rows())),
        shapes.rows(refusals.head(REFUSALS_SHOWN), names, decimals),
        len(refusals),
        _settlement(log, session, portfolio, names, decimals),
    )


def _by_symbol(opened: Account, closed: Account, trades: pl.DataFrame, names: Names, decimals: int) -> list[BySymbol]:
    traded: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO] * 4)
    for symbol, side, price, quantity, fee in trades.select("symbol", "side", "price", "quantity_lots", "fee_raw").iter_rows():
        one, sums = names.instruments[names.symbols[symbol]], traded[symbol]
        units = one.quantity(int(quantity))
        sums[0 if side == "BUY" else 1] += units
        sums[2] += abs(Decimal(repr(price)) * units) * one.multiplier
        sums[3] += Decimal(int(fee)).scaleb(-decimals)
    made = []
    for symbol in dict.fromkeys([*closed["positions"], *traded]):
        before, after = opened["positions"].get(symbol), closed["positions"].get(symbol)
        realized, unrealized = (_figure(after, name) - _figure(before, name) for name in ("realized_pnl", "unrealized_pnl"))
        if realized or unrealized or symbol in traded:
            bought, sold, turnover, fees = traded[symbol]
            made.append(BySymbol(symbol, bought, sold, turnover, realized, unrealized, fees))
    return sorted(made, key=lambda one: one.net)


def _figure(position: Account | None, name: str) -> Decimal:
    return Decimal((position or {}).get(name) or 0)


def _settlement(log: EventLog, session: int, portfolio: str, names: Names, decimals: int) -> list[dict[str, Any]] | None:
    """Out of the two logs; None where there is no second one."""
    folder = Path(log.path).parent
    beside = folder.with_name(folder.name + SUFFIX)
    if not beside.is_dir():
        return None
    try:
        with EventLog.open(beside) as settled:
            frame = as_frame(machine_of(log, session, settled, 1), names, decimals)
    except SettlementError as odd:
        raise DayError(str(odd)) from None
    mine = frame.filter(pl.col("portfolio") == portfolio).with_columns(pl.col("settles", "traded").cast(pl.String))
    rows = shapes.rows(mine.drop("portfolio"), names, decimals)
    return [{**row, "cash": Decimal(row["cash_raw"]).scaleb(-decimals)} for row in rows]


class _Told:
    """Read models to which the day is told piece by piece."""

    def __init__(self, models: ReadModels, portfolio: str) -> None:
        self.models, self.portfolio, self.deposits = models, portfolio, ZERO
        self._number, self._points = models.names.portfolios[portfolio], list[tuple[int, Decimal, Decimal]]()
        self._first = 0

    def account(self) -> Account:
        """As it stands; a portfolio that has not come up has nothing."""
        try:
            return self.models.portfolio_exact(self.portfolio)
        except KeyError:
            return {**dict.fromkeys(("cash", "equity", "realized_pnl", "unrealized_pnl", "fees"), ZERO), "positions": {}}

    def take(self, commands: np.ndarray, seqs: np.ndarray, facts: np.ndarray) -> None:
        """A piece, and the point at its end."""
        self.models.apply(commands, seqs, facts)
        if not len(facts):
            return
        moved = facts[(facts["kind"] == Kind.CashDeposited) & (facts["portfolio"] == self._number)]
        self.deposits += Decimal(sum(int(one) for one in moved["fee"])).scaleb(-self.models.decimals)
        self._first = self._first or int(facts["ts"][0])
        self._points.append((int(facts["ts"][-1]), Decimal(self.account()["equity"]), self.deposits))

    def times(self) -> tuple[int, int]:
        """ns UTC of the first and of the last fact; 0 where there is none."""
        return self._first, self._points[-1][0] if self._points else 0

    def curve(self) -> list[tuple[int, Decimal, Decimal]]:
        """See `Day.points`."""
        made: list[tuple[int, Decimal, Decimal]] = []
        highest = Decimal("-Infinity")
        for ts, equity, deposits in self._points:
            shown = equity + self.deposits - deposits
            highest = max(highest, shown)
            made.append((ts, shown, shown - highest))
        return made


def _parts(log: EventLog, session: int, first: int, last: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Commands, their seqs and facts from `first` to `last`, in about `count` pieces; what is at hand at once is bounded."""
    size = max(1, -(-(last - first + 1) // count))
    for start in range(first, last + 1, READ):
        end = min(last, start + READ - 1)
        commands, facts = log.read(session, start, end)
        for low, high in pairwise([*range(start, end + 1, size), end + 1]):
            a, b = np.searchsorted(commands.seqs, [low, high])
            c, d = np.searchsorted(facts["seq"], [low, high])
            yield commands.records[a:b], commands.seqs[a:b], facts[c:d]
