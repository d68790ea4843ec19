"""What a backtest gives back: frames of what happened, the figures, pictures and the report."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtest.analysis.analysis import Analysis
from backtest.analysis.cautions import Caution, cautions
from backtest.analysis.definitions import Summary
from backtest.analysis.metrics import summarise
from backtest.recording import Recording, strategy_name

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from backtest.analysis.series import Regression
    from backtest.report.pictures import Picture


class Result:
    """The outcome of one run. Frames carry prices, quantities and money as Float64 beside exact `price_ticks` and `quantity_lots`;
    times are Datetime("ns", "UTC"), enums their names, null where there is nothing."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.folder: Path | None = None  # where the run was recorded
        self.analysis = Analysis(recording)

    @classmethod
    def load(cls, run: str | Path | None = None, out: str | Path = ".tapebook") -> "Result":
        """A recorded run by its id (or its unambiguous beginning) or folder, else the newest under `out`; it knows no depth of the book.
        Raises RunError, LogError with the mend.

        Example: `Result.load("20260105-0930").summary["net_pnl"]`
        """
        from backtest.past import find_folder, recording_of

        folder = find_folder(str(run) if run else None, Path(out))
        result = cls(recording_of(folder))
        result.folder = folder
        return result

    @property
    def meta(self) -> dict[str, Any]:
        """Who ran what: run_id, strategy, parameters, data, fingerprint, engine, digest, latencies, seed …"""
        return self.recording.meta

    @cached_property
    def summary(self) -> Summary:
        """Name to value; `metrics.describe()` has label, unit, definition and source of each. None where a figure is not defined."""
        return summarise(self.analysis)

    @cached_property
    def warnings(self) -> list[Caution]:
        """What to know before believing the figures, each with a `code` and a `text`."""
        return cautions(self.analysis, self.summary)

    @cached_property
    def strategies(self) -> dict[str, "Result"]:
        """The result of each strategy of the run, by the name of its portfolio; of one strategy it is this one."""
        names = list(self.recording.cash)
        return {name: self if len(names) == 1 else Result(self.recording.of(name)) for name in names}

    @cached_property
    def log(self) -> "pl.DataFrame":
        """What the strategies logged: ts, strategy, text."""
        from backtest.analysis.frames import log_frame

        return log_frame(self.recording)

    @cached_property
    def fills(self) -> "pl.DataFrame":
        """One row per fill of ours: seq, ts, symbol, order_id, portfolio, side, price, price_ticks, quantity, quantity_lots, fee,
        liquidity (MAKER, TAKER), queue_ahead_at_entry, queue_ahead (units at that price ahead of ours when the taker came), queue (EXACT,
        ESTIMATED; BAR of every fill on bars), mid (before the fill, our own orders in the book), position (of the portfolio, after it),
        market_mid (of the recorded market alone at that time; null where it was not kept). The queue columns are null for takers."""
        from backtest.analysis.frames import fills_frame

        return fills_frame(self.analysis)

    @cached_property
    def orders(self) -> "pl.DataFrame":
        """One row per used order id: order_id, symbol, portfolio, trader, type, side, quantity, price, stop_price, time_in_force, status,
        executed_quantity, average_price, created, updated, reason, price_ticks, quantity_lots, queue_ahead_at_entry; in order of entry.
        Those that had not reached the exchange when the run ended come last, NOT_ARRIVED."""
        from backtest.analysis.frames import orders_frame

        return orders_frame(self.analysis)

    @cached_property
    def round_trips(self) -> "pl.DataFrame":
        """One row per round trip: symbol, portfolio, side, entry, exit, entry_price, exit_price (averages), quantity, quantity_lots, pnl
        (net of fees), fees, duration, best, worst (P&L while it was held, at every change of position or mark), fills, status (CLOSED,
        OPEN)."""
        from backtest.analysis.frames import trips_frame

        return trips_frame(self.analysis)

    @cached_property
    def equity(self) -> "pl.DataFrame":
        """ts, cash, position_value, equity, drawdown (money below the highest so far, ≤ 0), equity_mid (null without a middle)."""
        from backtest.analysis.frames import equity_frame

        return equity_frame(self.analysis)

    @cached_property
    def days(self) -> "pl.DataFrame":
        """One row a trading day: date (by the feed's clock), start, end, net_pnl, fees, turnover, fills, orders (accepted), equity and
        position_value at its end. What happens between two days belongs to the second."""
        from backtest.analysis.frames import days_frame

        return days_frame(self.analysis)

    @cached_property
    def positions(self) -> "pl.DataFrame":
        """ts, symbol, quantity: a row for each change, all portfolios together."""
        from backtest.analysis.frames import positions_frame

        return positions_frame(self.analysis)

    @cached_property
    def underlyings(self) -> "pl.DataFrame":
        """One row an underlying, its venues together (AAPL.XNAS and AAPL.ARCX are AAPL): underlying, venue (joined by +), quantity (held at
        the end), volume, turnover, fills, fees, net_pnl."""
        from backtest.analysis.holdings import underlyings_frame

        return underlyings_frame(self.analysis)

    @cached_property
    def underlying_positions(self) -> "pl.DataFrame":
        """ts, underlying, quantity: a row for each change, all venues and portfolios together."""
        from backtest.analysis.holdings import underlying_positions

        return underlying_positions(self.analysis)

    def carry(self, borrow: Any = None, funding: Any = None) -> "pl.DataFrame":
        """What holding the positions would have cost: ts, portfolio, symbol, kind, quantity, mark, rate (of that charge), amount (paid:
        below 0), amount_units. Counted afterwards: it is in no figure of the run, and its cash did not pay it.

        `borrow`: rate a year, or one a symbol; a short position pays each night, notional at the mark before
        the next session × rate × calendar days /
        365. `funding`: of a symbol times (ns UTC, datetime, ISO text) and rates; a long position pays notional × rate then, a short one is
        paid. Rounded to the money unit, half away from zero. Raises ValueError for an unknown symbol.

        Example: `result.summary["net_pnl"] + result.carry(borrow="0.03")["amount"].sum()`
        """
        from backtest.analysis.holdings import carry_frame

        return carry_frame(self.analysis, borrow, funding)

    def returns(self) -> "pd.Series[float]":
        """Returns (parts of equity) by the time at which each interval ended, a day from 20 days on; a pandas Series for what others
        wrote. Raises SeriesError without pandas."""
        from backtest.analysis.series import returns_series

        return returns_series(self.analysis)

    def monthly_returns(self) -> "pl.DataFrame":
        """year, month, return (compounded), days."""
        from backtest.analysis.series import monthly

        return monthly(self.analysis)

    def rolling_sharpe(self, window: int = 63) -> "pl.DataFrame":
        """ts, sharpe a year of the last `window` returns; null before. Raises SeriesError for a window longer than the run."""
        from backtest.analysis.series import rolling_sharpe

        return rolling_sharpe(self.analysis, window)

    def regression(self, benchmark: Any) -> "Regression":
        """Alpha and beta on a benchmark's returns: one an interval, or a pandas Series joined by its times. Raises SeriesError."""
        from backtest.analysis.series import regression

        return regression(self.analysis, benchmark)

    def plot(self) -> "Picture":
        """Equity with drawdown, price with our fills, position, on one time axis."""
        from backtest.report.panels import plot

        return plot(self.analysis, ["equity", "drawdown", "price", "position"])

    def plot_equity(self) -> "Picture":
        """Net P&L through time, and how far below its highest it was."""
        from backtest.report.panels import plot

        return plot(self.analysis, ["equity", "drawdown"])

    def plot_price(self, symbol: str | None = None) -> "Picture":
        """Bid, ask and middle with our fills. `symbol`: the one most traded where None; ValueError for an unknown one."""
        from backtest.report.panels import plot

        return plot(self.analysis, ["price"], symbol)

    def plot_position(self, symbol: str | None = None) -> "Picture":
        """Position through time. `symbol` as in `plot_price`."""
        from backtest.report.panels import plot

        return plot(self.analysis, ["position"], symbol)

    def plot_book(self, at: Any = None, seconds: float = 60.0) -> "Picture":
        """The depth of the book around `at` (datetime, or ns UTC; the busiest time of ours where None), with our orders and fills.
        Raises ValueError where the run kept no depth."""
        from backtest.report.book_picture import plot_book

        return plot_book(self.analysis, at, seconds)

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that needs nothing else, under a temporary name and rename it when whole. Returns its path."""
        from backtest.report.report import write_report

        return write_report(self.analysis, self.summary, self.warnings, Path(path))

    def _repr_html_(self) -> str:
        from backtest.report.notebook_card import card

        return card(self.analysis, self.summary, self.warnings)

    def __repr__(self) -> str:
        summary = self.summary
        name = strategy_name(self.recording)
        figures = f"net P&L {summary['net_pnl']:,.2f} {self.recording.currency}, {summary['fills']:,} fills"
        return f"<{name}: {figures}, {summary['round_trips']:,} round trips>"
