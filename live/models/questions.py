"""What the read models answer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from engine.messages.names import Names
from live.models import activity, holdings
from live.models.arrays import Models, chosen
from live.models.order_rows import NamesOf, order_dict, order_frame
from live.models.selection import newest_orders, oldest_orders
from live.models.tables import locate

LAST = 2**63 - 1


class Questions:
    """Questions to the read models, as of their `seq`; frames have the columns and values of `Exchange`'s."""

    names: Names
    decimals: int
    _models: Models
    _called: NamesOf

    # ------------------------------------------------------------------ orders

    def orders(
        self,
        *,
        trader: str | None = None,
        portfolio: str | None = None,
        symbol: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        before: int | None = None,
    ) -> pl.DataFrame:
        """The day's orders as `Exchange.orders`; at most `limit`, of those that entered before the seq `before`: the `seq` of the last row
        of a page is where the next one begins."""
        return order_frame(self._picked(trader, portfolio, symbol, False, newest_first, limit, before), self.names)

    def active_orders(
        self,
        *,
        trader: str | None = None,
        portfolio: str | None = None,
        symbol: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        before: int | None = None,
    ) -> pl.DataFrame:
        """Open orders; the rest as `orders`."""
        return order_frame(self._picked(trader, portfolio, symbol, True, newest_first, limit, before), self.names)

    def order_rows(
        self,
        *,
        active: bool = False,
        trader: str | None = None,
        portfolio: str | None = None,
        symbol: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
        before: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """As `orders` (`active`: as `active_orders`), each a mapping as of `order_row`."""
        rows = self._picked(trader, portfolio, symbol, active, newest_first, limit, before)
        return (order_dict(row, self.names, self._called) for row in rows)

    def order(self, order_id: int, trader: str = "") -> dict[str, Any]:
        """The trader's order of that id as a row of `orders`, with `last_seq`, the seq of the last fact about it. Raises KeyError."""
        row = self._models.orders[self._row(order_id, trader)]
        return order_frame(row.reshape(1), self.names).row(0, named=True) | {"last_seq": int(row["last"])}

    def order_row(self, order_id: int, trader: str = "") -> dict[str, Any]:
        """As `order` in exact numbers, in microseconds: prices and quantities Decimals (`average_price` to 28 digits), times int, ns UTC.
        Raises KeyError."""
        return order_dict(self._models.orders[self._row(order_id, trader)], self.names, self._called)

    def next_order_id(self, trader: str = "") -> int:
        """An id that is free for the trader's next order: above all that it used in the session; where that was the last one there
        is, the smallest that is free today."""
        number = self.names.traders.get(trader)
        if number is None or number >= len(self._models.traders):
            return 1
        highest = int(self._models.traders[number]["highest"])
        if highest < 2**64 - 1:
            return highest + 1
        return next(k for k in range(1, 2**64) if locate(self._models, np.uint64(k), number) < 0)

    def _row(self, order_id: int, trader: str) -> int:
        number = self._trader(trader)
        k = int(locate(self._models, np.uint64(order_id), number)) if 0 <= order_id < 2**64 else -1
        if k < 0:
            raise KeyError(f"trader {trader!r} has no order {order_id} today; the log has those of the days before")
        return k

    def _picked(
        self,
        trader: str | None,
        portfolio: str | None,
        symbol: str | None,
        active: bool,
        newest_first: bool,
        limit: int | None,
        before: int | None,
    ) -> np.ndarray:
        """Rows (ORDER), copied."""
        numbers = (
            -1 if trader is None else self.names.traders.get(trader, len(self._models.traders)),
            -1 if portfolio is None else self.names.portfolios.get(portfolio, LAST),
            -1 if symbol is None else self.names.symbol(symbol),
        )
        _check_limit(limit)
        count = int(self._models.head["orders"][0])
        found = np.empty(count if limit is None else min(limit, count), np.int64)
        if numbers[0] >= len(self._models.traders):
            return self._models.orders[:0].copy()
        walk = newest_orders if newest_first or limit is None else oldest_orders
        rows = found[: walk(self._models, *numbers, int(active), LAST if before is None else min(before, LAST), found)]
        return chosen(self._models.orders, rows if newest_first or walk is oldest_orders else rows[::-1])

    # ------------------------------------------------------------------ trades, executions, refusals

    def trades(self, symbol: str | None = None, limit: int | None = None) -> pl.DataFrame:
        """The newest trades that are kept, in the order of `seq`, as `Exchange.trades`; the last `limit` of them. Raises KeyError for an
        unknown symbol."""
        _check_limit(limit)
        return activity.trade_frame(self._models, self._instruments(symbol), self.names, limit)

    def executions(
        self, *, trader: str | None = None, day: Any = None, portfolio: str | None = None, symbol: str | None = None
    ) -> pl.DataFrame:
        """As `Exchange.executions`, of the newest trades of each instrument that are kept. Raises NotKept for a `day` of which some are
        not, and KeyError for an unknown symbol."""
        instruments = self._instruments(symbol)
        rows = activity.executions(self._models, instruments, self.names, self.decimals, day)
        asked = {"trader": trader, "portfolio": portfolio}
        return rows.filter(**{name: value for name, value in asked.items() if value is not None})

    def execution_summary(self, *, trader: str | None = None, day: Any = None) -> pl.DataFrame:
        """As `Exchange.execution_summary`, of the trading day that goes on. `day`: its number, or a date (UTC) that is just that day;
        raises NotKept for one that is over."""
        number = None if trader is None else self.names.traders.get(trader, LAST)
        kept = day is None or activity.check_day(self._models, day)
        return activity.summary(self._models, self.names, self.decimals, number if kept else LAST)

    def breaches(self, *, portfolio: str | None = None) -> pl.DataFrame:
        """The newest of `Exchange.breaches`."""
        rows = activity.refusals(self._models.breaches, int(self._models.head["breaches"][0]), self.names, self.decimals)
        return rows if portfolio is None else rows.filter(portfolio=portfolio)

    def compliance_failures(self, *, trader: str | None = None) -> pl.DataFrame:
        """The newest of `Exchange.compliance_failures`."""
        rows = activity.refusals(self._models.failures, int(self._models.head["failures"][0]), self.names, self.decimals)
        return rows if trader is None else rows.filter(trader=trader)

    # ------------------------------------------------------------------ positions, accounts, limits

    def positions(self, *, portfolio: str | None = None) -> pl.DataFrame:
        """As `Exchange.positions`."""
        number = None if portfolio is None else self.names.portfolios.get(portfolio, LAST)
        return holdings.positions(self._models, self.names, self.decimals, number)

    def portfolio(self, name: str) -> dict[str, Any]:
        """As `Exchange.portfolio`. Raises KeyError."""
        return holdings.portfolio(self._models, self.names, self.decimals, name)

    def portfolio_exact(self, name: str) -> dict[str, Any]:
        """As `portfolio` in Decimals, exact but for `leverage` and `average_price` (28 digits). Raises KeyError."""
        return holdings.portfolio_exact(self._models, self.names, self.decimals, name)

    def limits(self, *, portfolio: str | None = None) -> pl.DataFrame:
        """As `Exchange.limits`."""
        return holdings.limits(self._models, self.names, self.decimals, self._portfolio(portfolio))

    def limits_exact(self, *, portfolio: str | None = None) -> list[dict[str, Any]]:
        """The rows of `limits` in Decimals: portfolio, limit, symbol, maximum, used, headroom; None where there is nothing."""
        return holdings.limits_exact(self._models, self.names, self.decimals, self._portfolio(portfolio))

    # ------------------------------------------------------------------ names

    def _trader(self, name: str) -> int:
        """A trader's number. Raises KeyError for a name that never came up."""
        number = self.names.traders.get(name)
        if number is None or number >= len(self._models.traders):
            raise KeyError(f"no trader {name!r}; there are {', '.join(map(repr, self.names.traders))}")
        return number

    def _portfolio(self, name: str | None) -> int | None:
        """A portfolio's number, or one that none has."""
        return None if name is None else self.names.portfolios.get(name, LAST)

    def _instruments(self, symbol: str | None) -> list[int]:
        """The numbers of one or of all instruments. Raises KeyError for an unknown symbol."""
        if symbol is None:
            return list(range(len(self._models.markets)))
        number = self.names.symbol(symbol)
        if number >= len(self._models.markets):
            raise KeyError(f"no instrument {symbol!r}; there are {', '.join(self.names.symbols)}")
        return [number]


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}; ask for 0 rows or more")
