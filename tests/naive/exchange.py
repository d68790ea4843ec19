"""The exchange written plainly: the specification that the compiled one must equal, fact for fact.

Nothing here is fast; everything is a dictionary, a list or a sorted() away. Read on in `naive_checks` (may an order come in),
`compliance` and `risk`, `naive_matching` (how orders meet), `naive_stops`, `context` and `history` (all other
commands); `naive_accounts` is what there is to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument, Number, decimal
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderStatus, OrderType, Reason
from tests.naive import context, history, levels, naming
from tests.naive.accounts import Fact, Refusal, clamped
from tests.naive.book import Order
from tests.naive.checks import Checks, as_order

GIVEN = {  # the field of the command that a refusal shows as its value
    Reason.UNKNOWN_INSTRUMENT: "instrument",
    Reason.INVALID_QUANTITY: "quantity",
    Reason.INVALID_PRICE: "price",
    Reason.INVALID_STOP_PRICE: "stop_price",
}


def fitting(value: int, low: int, high: int) -> int:
    """A field of a fact: 0 where the given number has no room."""
    return value if low <= value < high else 0


def blame(c: SimpleNamespace, reason: Reason) -> Refusal:
    """A refusal that shows what was given and could not be taken."""
    return Refusal(reason, getattr(c, GIVEN[reason]) if reason in GIVEN else 0)


class NaiveExchange(Checks):
    """`send` takes a command and gives its facts. Portfolios and traders are numbers; 0 is "", `cash` opens 1, 2, … in its order."""

    def __init__(self, instruments: Sequence[Instrument], cash: Mapping[str, Number] | None = None, orders_max: int = 2**40) -> None:
        super().__init__(instruments, orders_max)
        self.names = {(Kind.SYMBOL, name) for name in self.symbols} | {(Kind.PORTFOLIO, name) for name in cash or {}}
        for number, amount in enumerate((cash or {}).values(), 1):
            self.cash[number] = 0
            self.transfer(number, int(decimal(amount) * 10**self.decimals))

    def send(self, record: Any) -> list[Fact]:
        """One command (a COMMAND record, or a mapping that may leave out zero fields); returns its facts in order."""
        given = record if isinstance(record, Mapping) else {name: record[name] for name in COMMAND.names or ()}
        command = SimpleNamespace(**{name: int(given.get(name, 0)) for name in COMMAND.names or ()})
        self.seq += 1
        self.ts = command.ts = max(self.ts, command.ts)
        self.emitted = []
        COMMANDS.get(command.kind, NaiveExchange.unsupported)(self, command)
        if command.instrument < len(self.instruments):
            self.cascade(command.instrument)
        return self.emitted

    def book(self, instrument: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(bids, asks), best first: (price in units, lots, number of orders)."""
        return self.books[instrument].levels()

    def portfolio(self, number: int) -> dict[str, int]:
        """Money of a portfolio: cash, fees, profit, equity and exposure."""
        held = [position for (owner, _), position in self.positions.items() if owner == number]
        return {
            "cash": self.cash[number],
            "fees": sum(position.fees for position in held),
            "realized_pnl": sum(position.realized for position in held),
            "unrealized_pnl": sum(self.worths(number)) - sum(position.cost for position in held),
            "equity": self.cash[number] + sum(self.worths(number)),
            "exposure": sum(map(abs, self.worths(number))) + self.working_notional(number),
        }

    def transfer(self, portfolio: int, amount: int) -> None:
        """Cash from the outside world, which is no profit of the day."""
        for owner, change in ((portfolio, amount), (0, -amount)):
            self.cash[owner] += change
            self.base[owner] = clamped(self.base[owner] + change)

    # ------------------------------------------------------------------ refusals

    def listed(self, c: SimpleNamespace) -> int:
        """The instrument of a refusal; 0 where there is no such instrument."""
        return fitting(c.instrument, 0, len(self.instruments))

    def refuse(self, c: SimpleNamespace, reason: Reason) -> None:
        """CommandRejected: of what is not an order, cancel or replace."""
        same = {"order_id": c.order_id, "portfolio": c.portfolio, "trader": c.trader, "instrument": self.listed(c)}
        self.emit(Kind.CommandRejected, **same, **blame(c, reason)._asdict())

    def refuse_order(self, c: SimpleNamespace, refusal: Refusal) -> None:
        same = ("order_id", "trader", "portfolio", "side", "type", "time_in_force")
        self.emit(
            Kind.OrderRejected,
            instrument=self.listed(c),
            flags=c.flags & (Flag.POST_ONLY | Flag.REDUCE_ONLY),
            price=fitting(c.price, 1 - 2**31, 2**31) if c.type not in (OrderType.MARKET, OrderType.STOP) else 0,
            stop_price=fitting(c.stop_price, 1 - 2**31, 2**31) if c.type not in (OrderType.MARKET, OrderType.LIMIT) else 0,
            quantity=fitting(c.quantity, 0, 2**32),
            **refusal._asdict(),
            **{name: getattr(c, name) for name in same},
        )

    def refuse_change(self, kind: Kind, c: SimpleNamespace, refusal: Refusal) -> None:
        """CancelRejected or ReplaceRejected."""
        same = {"order_id": c.order_id, "portfolio": c.portfolio, "trader": c.trader, "instrument": self.listed(c)}
        self.emit(kind, **same, **refusal._asdict())

    def unsupported(self, c: SimpleNamespace) -> None:
        self.refuse(c, Reason.UNSUPPORTED)

    # ------------------------------------------------------------------ orders

    def new(self, c: SimpleNamespace) -> None:
        reason = self.malformed(c)
        if not reason and (c.trader, c.order_id) in self.orders:
            reason = Reason.DUPLICATE_ORDER
        if reason:
            return self.refuse_order(c, blame(c, reason))
        order = as_order(c)
        refused = self.refused_new(order)
        self.orders[order.trader, order.id] = order
        if refused:
            order.status = OrderStatus.REJECTED
            return self.refuse_order(c, refused)
        fact = self.emit_order(Kind.OrderCreated, order, remaining=order.open)
        return self.await_trigger(order) if order.is_stop else self.start(order, fact)

    def cancel(self, c: SimpleNamespace) -> None:
        reason = self.unchangeable(c)
        if reason:
            return self.refuse_change(Kind.CancelRejected, c, blame(c, reason))
        return self.finish(self.orders[c.trader, c.order_id], Reason.REQUESTED)

    def replace(self, c: SimpleNamespace) -> None:
        reason = self.unreplaceable(c)
        if reason:
            return self.refuse_change(Kind.ReplaceRejected, c, blame(c, reason))
        order = self.orders[c.trader, c.order_id]
        named = {name: getattr(c, name) for name in ("quantity", "price", "stop_price") if getattr(c, name) != NOT_NAMED}
        wanted = replace(order, **named)
        wanted.open = wanted.quantity - order.executed
        if wanted.open <= 0:
            return self.finish(order, Reason.QUANTITY_EXECUTED)
        refused = self.refused_change(wanted, order)
        if refused:
            return self.refuse_change(Kind.ReplaceRejected, c, refused)
        return self.change(order, wanted)

    def change(self, order: Order, wanted: Order) -> None:
        """An accepted replace: not more at the same prices keeps its place, else it goes to the back and may trade, or trigger."""
        keeps = (wanted.price, wanted.stop_price) == (order.price, order.stop_price) and wanted.quantity <= order.quantity
        if not keeps:
            self.withdraw(order)
            order.estimated = False
        order.quantity, order.price, order.stop_price, order.open = wanted.quantity, wanted.price, wanted.stop_price, wanted.open
        fact = self.emit_order(Kind.OrderReplaced, order, remaining=order.open)
        if not keeps and order.status == OrderStatus.PENDING:
            self.await_trigger(order)
        elif not keeps:
            self.enter(order, fact)


COMMANDS = {
    Kind.NEW: NaiveExchange.new,
    Kind.CANCEL: NaiveExchange.cancel,
    Kind.REPLACE: NaiveExchange.replace,
    **naming.COMMANDS,
    **context.COMMANDS,
    **history.COMMANDS,
    **levels.COMMANDS,
}


def as_records(facts: Sequence[Fact]) -> np.ndarray:
    """The twin's facts as a FACT array, to be compared byte by byte."""
    records = np.zeros(len(facts), FACT)
    for record, fact in zip(records, facts):
        for name, value in fact.items():
            if value:  # `value` and `limit` share their places with the fees
                record[name] = value
    return records
