"""The questions that an exchange answers: read models over its facts, as polars frames; they change nothing."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from engine.messages.instrument import Instrument
    from engine.messages.names import Names
    from engine.state.arrays import State
    from engine.state.book import Book


def _where(frame: "pl.DataFrame", **equal: Any) -> "pl.DataFrame":
    """The rows whose columns have the given values; None asks for nothing."""
    return frame.filter(**{name: value for name, value in equal.items() if value is not None})


class Reading:
    """The questions that an `Exchange` answers.

    Prices, quantities and money are Float64 beside exact `_ticks`, `_lots` and `_raw` (money of 10^-decimals); times Datetime("ns", "UTC");
    null where there is nothing. `realized_pnl` is gross, before `fees`. A filter that is None (`trader`, `portfolio`, `symbol`, `day`)
    asks for all.
    """

    names: "Names"
    decimals: int
    state: "State"

    @property
    def facts(self) -> np.ndarray:
        """Every fact so far (FACT), in the order of `seq`."""
        raise NotImplementedError

    @property
    def instruments(self) -> "list[Instrument]":
        """Instruments in the order of their numbers."""
        return self.names.instruments

    def book(self, symbol: str) -> "Book":
        """The order book of `symbol`."""
        raise NotImplementedError

    def orders(
        self, trader: str | None = None, *, portfolio: str | None = None, symbol: str | None = None, newest_first: bool = False
    ) -> "pl.DataFrame":
        """The day's orders, one row a used id, in order of entry; a stop is PENDING until it triggers."""
        from engine.frames import orders as order_frames

        facts = self.facts
        rows = order_frames.of_the_day(order_frames.lives(facts), facts)
        found = _where(order_frames.orders(rows, self.names), trader=trader, portfolio=portfolio, symbol=symbol)
        return found.reverse() if newest_first else found

    def active_orders(self, trader: str | None = None, *, portfolio: str | None = None, symbol: str | None = None) -> "pl.DataFrame":
        """Open orders: NEW, PENDING and PARTIALLY_FILLED; columns as `orders`."""
        from engine.frames import orders as order_frames

        rows = order_frames.lives(self.facts)
        rows = rows.filter(rows["status"].is_in(order_frames.ACTIVE))
        return _where(order_frames.orders(rows, self.names), trader=trader, portfolio=portfolio, symbol=symbol)

    def order(self, order_id: int, trader: str = "") -> dict[str, Any]:
        """The trader's newest order of that id, as a row of `orders`. Raises KeyError where there is none."""
        from engine.frames import orders as order_frames

        mine = order_frames.lives(order_frames.naming(self.facts, order_id, self._trader(trader)))
        found = mine.filter(order_id=order_id, trader=self._trader(trader))
        if not len(found):
            raise KeyError(f"trader {trader!r} has no order {order_id}")
        return order_frames.orders(found[-1], self.names).row(0, named=True)

    def order_history(self, order_id: int, trader: str = "") -> "pl.DataFrame":
        """Every fact that names the order, refusals too, in the order of `seq`, with its status after each; empty where there is none."""
        from engine.frames import orders as order_frames

        return order_frames.history(self.facts, order_id, self._trader(trader), self.names, self.decimals)

    def trades(self) -> "pl.DataFrame":
        """All trades, in the order of `seq`."""
        from engine.frames.trades import trades

        return trades(self.facts, self.names)

    def executions(
        self, trader: str | None = None, day: Any = None, *, portfolio: str | None = None, symbol: str | None = None
    ) -> "pl.DataFrame":
        """One row a fill and client's order in it. `day`: a trading day by its number (from 1; each START_OF_DAY begins
        the next), or a date in UTC, as text or date."""
        from engine.frames.trades import executions, on_day

        rows = _where(executions(self.facts, self.names, self.decimals), trader=trader, portfolio=portfolio, symbol=symbol)
        return rows if day is None else on_day(rows, day)

    def execution_summary(self, trader: str | None = None, day: Any = None) -> "pl.DataFrame":
        """Executions by day, trader and symbol: orders, fills, volume, VWAP, notional, fees; summed in integers."""
        from engine.frames.trades import summary

        return summary(self.executions(trader=trader, day=day), self.names, self.decimals)

    def positions(self, portfolio: str | None = None) -> "pl.DataFrame":
        """One row a portfolio and instrument that it traded: what it holds, bought, sold and paid, average price, mark and P&L (gross)."""
        from engine.frames.accounts import positions

        return _where(positions(self.facts, self.names, self.decimals, self.state), portfolio=portfolio)

    def portfolio(self, name: str) -> dict[str, Any]:
        """Cash, equity, P&L (gross), fees, exposure, leverage and positions of a portfolio, in currency and units. Raises KeyError."""
        from engine.frames.accounts import portfolio

        return portfolio(self.facts, self.names, self.decimals, self.state, name)

    def limits(self, portfolio: str | None = None) -> "pl.DataFrame":
        """Risk limits that are set: maximum, what is used, headroom; one row a portfolio and limit, of POSITION_LIMIT one a symbol."""
        from engine.frames.limits import limits

        return _where(limits(self.facts, self.names, self.decimals, self.state), portfolio=portfolio)

    def breaches(self, portfolio: str | None = None) -> "pl.DataFrame":
        """Alarms of a daily loss, and orders and replaces that a risk limit refused, with what was found and what is allowed."""
        return _where(self.events("RiskLimitBreached"), portfolio=portfolio)

    def compliance_failures(self, trader: str | None = None) -> "pl.DataFrame":
        """Orders and replaces that a rule of their trader refused, with what was found and what is allowed."""
        return _where(self.events("ComplianceCheckFailed"), trader=trader)

    def events(self, name: str) -> "pl.DataFrame":
        """One event's facts: OrderCreated, OrderTriggered, OrderReplaced, OrderCancelled, OrderExpired, OrderRejected, OrderFilled (one row
        a side), TradeExecuted, RiskLimitBreached, ComplianceCheckFailed. Raises KeyError."""
        from engine.frames.events import EVENTS

        if name not in EVENTS:
            raise KeyError(f"no event {name!r}; there are {', '.join(EVENTS)}")
        return EVENTS[name](self.facts, self.names, self.decimals)

    def depth(self, symbol: str, levels: int = 10) -> "pl.DataFrame":
        """The book of `symbol`: side, level (from 1, best first), price, quantity, number of orders; at most `levels` a side."""
        from engine.frames.orders import depth

        return depth([self.book(symbol).rows(side, levels) for side in (0, 1)], symbol, self.names)

    def _trader(self, name: str) -> int:
        """A trader's number. Raises KeyError for a name that never came up."""
        if name not in self.names.traders:
            raise KeyError(f"no trader {name!r}; there are {', '.join(map(repr, self.names.traders))}")
        return self.names.traders[name]
