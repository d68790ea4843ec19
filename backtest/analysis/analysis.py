"""A recording, worked out: fills, orders, round trips, curve, markouts, as numpy arrays that are made when first asked for."""

from functools import cached_property
from typing import Any

import numpy as np

from backtest.analysis import curves, days, fills, markouts, orders, trips
from backtest.analysis.markouts import Markouts
from backtest.analysis.quotes import Quotes
from backtest.recording import Recording


class Analysis:
    """Everything a metric, a caution and a drawing need, in exact integers (see each module for units)."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @cached_property
    def quotes(self) -> list[Quotes]:
        return [Quotes(self.recording, number) for number in range(len(self.recording.instruments))]

    @cached_property
    def market(self) -> list[Quotes] | None:
        """The recorded market alone, without our orders and what they took; None where it was not kept."""
        if self.recording.market is None:
            return None
        samples = self.recording.market()
        return [Quotes(self.recording, number, samples) for number in range(len(self.recording.instruments))]

    @cached_property
    def fills(self) -> np.ndarray:
        """FILL array in order of seq."""
        return fills.own_fills(self.recording, self.quotes)

    @property
    def market_middles(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each fill the doubled middle of the recorded market before it, and whether it is known."""
        doubled, known = np.zeros(len(self.fills), np.int64), np.zeros(len(self.fills), bool)
        for number, quote in enumerate(self.market or []):
            mine = np.flatnonzero(self.fills["instrument"] == number)
            doubled[mine], known[mine] = quote.middle(self.fills["ts"][mine], before=True)
        return doubled, known

    @cached_property
    def orders(self) -> orders.Orders:
        return orders.own_orders(self.recording.facts, self.fills, self.recording.end)

    @cached_property
    def trips(self) -> np.ndarray:
        """TRIP array in order of entry."""
        return trips.round_trips(self.recording, self.fills, self.quotes)

    @cached_property
    def curve(self) -> curves.Curve:
        return curves.equity_curve(self.recording, self.fills, self.quotes)

    @cached_property
    def returns(self) -> curves.Returns:
        return curves.returns(self.recording, self.curve)

    @cached_property
    def days(self) -> np.ndarray:
        """DAY array, one row a session."""
        return days.by_day(self)

    @cached_property
    def drawdowns(self) -> list[curves.Drawdown]:
        """Every drawdown, deepest first."""
        return curves.drawdowns(self.curve)

    @cached_property
    def markouts(self) -> Markouts:
        """By the middle of the book with our orders in it."""
        return markouts.markouts(self.recording, self.fills, self.quotes)

    @cached_property
    def market_markouts(self) -> Markouts | None:
        """By the middle of the recorded market alone."""
        return None if self.market is None else markouts.markouts(self.recording, self.fills, self.market)

    @cached_property
    def others_volume(self) -> int:
        """Lots that others traded with each other while the strategy was there: what was printed, less the trades with a side of ours."""
        _, trades = np.unique(self.fills["seq"], return_index=True)
        return max(0, sum(quote.volume for quote in self.quotes) - int(self.fills["lots"][trades].sum()))

    def money(self, units: Any) -> Any:
        """Money units as a float (or an array of them)."""
        return units / self.recording.unit
