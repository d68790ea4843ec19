"""The exchange written plainly: the specification that the compiled one must equal, fact for fact.

Nothing here is fast; everything is a dictionary, a list or a sorted() away. How orders meet stands in `naive_matching`, history's
commands in `naive_history`. Until their rules are written, stops, reduce-only orders, limits and rules, halts, kill switches and
references are refused as UNSUPPORTED.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.instrument import Instrument, Number, decimal
from engine.records import COMMAND, FACT
from engine.vocabulary import NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderStatus, OrderType, Reason, TimeInForce
from tests import naive_history
from tests.naive_book import LIVE, Order
from tests.naive_checks import MONEY_LIMIT, Checks, uses_price
from tests.naive_matching import Fact

GIVEN = {  # the field of the command that a refusal shows as its value
    Reason.UNKNOWN_INSTRUMENT: "instrument",
    Reason.INVALID_QUANTITY: "quantity",
    Reason.INVALID_PRICE: "price",
    Reason.INVALID_STOP_PRICE: "stop_price",
}


def fitting(value: int, low: int, high: int) -> int:
    """A field of a fact: 0 where the given number has no room."""
    return value if low <= value < high else 0


def given(c: SimpleNamespace, reason: Reason) -> int:
    """The `value` of a refusal: what was given and could not be taken."""
    return getattr(c, GIVEN[reason]) if reason in GIVEN else 0


class NaiveExchange(Checks):
    """`send` takes a command and gives its facts. Portfolios and traders are numbers; 0 is "", `cash` opens 1, 2, … in its order."""

    def __init__(self, instruments: Sequence[Instrument], cash: Mapping[str, Number] | None = None) -> None:
        super().__init__(instruments)
        for number, amount in enumerate((cash or {}).values(), 1):
            self.cash[number] = int(decimal(amount) * 10**self.decimals)
            self.cash[0] -= self.cash[number]

    def send(self, record: Any) -> list[Fact]:
        """One command (a COMMAND record, or a mapping that may leave out zero fields); returns its facts in order."""
        given = record if isinstance(record, Mapping) else {name: record[name] for name in COMMAND.names or ()}
        command = SimpleNamespace(**{name: int(given.get(name, 0)) for name in COMMAND.names or ()})
        self.seq += 1
        self.ts = command.ts = max(self.ts, command.ts)
        self.told = []
        COMMANDS.get(command.kind, NaiveExchange.unsupported)(self, command)
        return self.told

    def book(self, instrument: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(bids, asks), best first: (price in units, lots, number of orders)."""
        return self.books[instrument].levels()

    def portfolio(self, number: int) -> dict[str, int]:
        """Money of a portfolio: cash, fees, profit, equity and exposure."""
        held = {instrument: held for (owner, instrument), held in self.positions.items() if owner == number}
        worth = {i: self.marks.get(i, 0) * held[i].quantity * self.values[i] for i in held}
        return {
            "cash": self.cash[number],
            "fees": sum(p.fees for p in held.values()),
            "realized_pnl": sum(p.realized for p in held.values()),
            "unrealized_pnl": sum(worth[i] - p.cost for i, p in held.items()),
            "equity": self.cash[number] + sum(worth.values()),
            "exposure": sum(map(abs, worth.values())) + self.working(number),
        }

    # ------------------------------------------------------------------ refusals

    def listed(self, c: SimpleNamespace) -> int:
        """The instrument of a refusal; 0 where there is no such instrument."""
        return fitting(c.instrument, 0, len(self.instruments))

    def refuse(self, c: SimpleNamespace, reason: Reason) -> None:
        """CommandRejected: of what is no order, cancel or replace."""
        same = {"order_id": c.order_id, "portfolio": c.portfolio, "instrument": self.listed(c)}
        self.tell(Kind.CommandRejected, reason=reason, value=given(c, reason), **same)

    def refuse_order(self, c: SimpleNamespace, reason: Reason) -> None:
        same = ("order_id", "trader", "portfolio", "side", "type", "time_in_force")
        self.tell(
            Kind.OrderRejected,
            reason=reason,
            instrument=self.listed(c),
            flags=c.flags & (Flag.POST_ONLY | Flag.REDUCE_ONLY),
            price=fitting(c.price, 1 - 2**31, 2**31) if c.type not in (OrderType.MARKET, OrderType.STOP) else 0,
            stop_price=fitting(c.stop_price, 1 - 2**31, 2**31) if c.type not in (OrderType.MARKET, OrderType.LIMIT) else 0,
            quantity=fitting(c.quantity, 0, 2**32),
            value=given(c, reason),
            **{name: getattr(c, name) for name in same},
        )

    def refuse_change(self, kind: Kind, c: SimpleNamespace, reason: Reason) -> None:
        """CancelRejected or ReplaceRejected."""
        same = {"order_id": c.order_id, "trader": c.trader, "portfolio": c.portfolio, "instrument": self.listed(c)}
        self.tell(kind, reason=reason, value=given(c, reason), **same)

    def unsupported(self, c: SimpleNamespace) -> None:
        self.refuse(c, Reason.UNSUPPORTED)

    # ------------------------------------------------------------------ orders

    def new(self, c: SimpleNamespace) -> None:
        reason = self.malformed(c)
        if not reason and (c.trader, c.order_id) in self.orders:
            reason = Reason.DUPLICATE_ORDER
        if reason:
            return self.refuse_order(c, reason)
        same = ("trader", "portfolio", "instrument", "side", "quantity", "type", "time_in_force", "self_trade", "flags")
        order = Order(id=c.order_id, price=c.price if uses_price(c) else 0, **{name: getattr(c, name) for name in same})
        self.orders[order.trader, order.id] = order
        reason = self.refused_by_book(order)
        if reason:
            order.status = OrderStatus.REJECTED
            return self.refuse_order(c, reason)
        fact = self.tell_order(Kind.OrderCreated, order, remaining=order.quantity)
        if order.time_in_force == TimeInForce.FOK and self.fillable(order) < order.open:
            return self.finish(order, Reason.NOT_FILLABLE)
        return self.enter(order, fact)

    def cancel(self, c: SimpleNamespace) -> None:
        reason = self.unchangeable(c)
        if reason:
            return self.refuse_change(Kind.CancelRejected, c, reason)
        return self.finish(self.orders[c.trader, c.order_id], Reason.REQUESTED)

    def replace(self, c: SimpleNamespace) -> None:
        reason = self.unreplaceable(c)
        if reason:
            return self.refuse_change(Kind.ReplaceRejected, c, reason)
        order = self.orders[c.trader, c.order_id]
        quantity = order.quantity if c.quantity == NOT_NAMED else c.quantity
        price = order.price if c.price == NOT_NAMED else c.price
        if quantity <= order.executed:
            return self.finish(order, Reason.QUANTITY_EXECUTED)
        if self.beyond_money(order.portfolio, order.instrument, price, quantity - order.executed, but=order):
            return self.refuse_change(Kind.ReplaceRejected, c, Reason.MONEY_RANGE)
        if order.flags & Flag.POST_ONLY and self.books[order.instrument].facing(order.side, price):
            return self.refuse_change(Kind.ReplaceRejected, c, Reason.POST_ONLY)
        return self.change(order, quantity, price)

    def change(self, order: Order, quantity: int, price: int) -> None:
        """An accepted replace: not more at the same price keeps its place, else it goes to the back and may trade."""
        book, keeps = self.books[order.instrument], price == order.price and quantity <= order.quantity
        if not keeps:
            book.leave(order)
            order.estimated = False
        order.quantity, order.price, order.open = quantity, price, quantity - order.executed
        fact = self.tell_order(Kind.OrderReplaced, order, remaining=order.open)
        if not keeps:
            self.enter(order, fact)

    # ------------------------------------------------------------------ the desk

    def end_of_day(self, c: SimpleNamespace) -> None:
        if c.instrument >= len(self.instruments):
            return self.refuse(c, Reason.UNKNOWN_INSTRUMENT)
        self.tell(Kind.DayEnded, instrument=c.instrument)
        for order in list(self.orders.values()):
            if order.instrument == c.instrument and order.status in LIVE and order.time_in_force != TimeInForce.GTC:
                self.finish(order, Reason.END_OF_DAY, Kind.OrderExpired)
        return None

    def start_of_day(self, c: SimpleNamespace) -> None:
        self.tell(Kind.DayStarted)
        self.orders = {key: order for key, order in self.orders.items() if order.status in LIVE}

    def mark(self, c: SimpleNamespace) -> None:
        if c.instrument >= len(self.instruments):
            return self.refuse(c, Reason.UNKNOWN_INSTRUMENT)
        if not self.is_price(c.instrument, c.price, on_tick=False):
            return self.refuse(c, Reason.INVALID_PRICE)
        self.marks[c.instrument] = c.price
        self.tell(Kind.PriceMarked, instrument=c.instrument, price=c.price)
        return None

    def deposit(self, c: SimpleNamespace) -> None:
        """Money from the outside world to a portfolio; below zero a withdrawal."""
        if c.portfolio not in self.cash:
            return self.refuse(c, Reason.UNKNOWN_PORTFOLIO)
        if c.quantity in (0, NOT_WHOLE):
            return self.refuse(c, Reason.INVALID_QUANTITY)
        if c.portfolio == 0:
            return self.refuse(c, Reason.INVALID_COMBINATION)
        after = ((c.portfolio, self.cash[c.portfolio] + c.quantity), (0, self.cash[0] - c.quantity))
        if abs(c.quantity) >= MONEY_LIMIT or any(abs(cash) + self.working(owner) >= MONEY_LIMIT for owner, cash in after):
            return self.refuse(c, Reason.MONEY_RANGE)
        self.cash.update(after)
        self.tell(Kind.CashDeposited, portfolio=c.portfolio, value=c.quantity)
        return None

    # ------------------------------------------------------------------ what opens a session

    def opened(self, c: SimpleNamespace) -> None:
        """SESSION, SYMBOL, INSTRUMENT: the constructor knows already."""
        self.tell(Kind(c.kind + Kind.SessionOpened - Kind.SESSION))

    def open_portfolio(self, c: SimpleNamespace) -> None:
        self.cash.setdefault(c.trader, 0)
        self.tell(Kind.PortfolioOpened, portfolio=c.trader)

    def admit_trader(self, c: SimpleNamespace) -> None:
        self.traders.add(c.trader)
        self.tell(Kind.TraderAdmitted, trader=c.trader)


COMMANDS = {
    Kind.SESSION: NaiveExchange.opened,
    Kind.SYMBOL: NaiveExchange.opened,
    Kind.INSTRUMENT: NaiveExchange.opened,
    Kind.PORTFOLIO: NaiveExchange.open_portfolio,
    Kind.TRADER: NaiveExchange.admit_trader,
    Kind.DEPOSIT: NaiveExchange.deposit,
    Kind.NEW: NaiveExchange.new,
    Kind.CANCEL: NaiveExchange.cancel,
    Kind.REPLACE: NaiveExchange.replace,
    Kind.END_OF_DAY: NaiveExchange.end_of_day,
    Kind.START_OF_DAY: NaiveExchange.start_of_day,
    Kind.MARK: NaiveExchange.mark,
    **naive_history.COMMANDS,
}


def as_records(facts: Sequence[Fact]) -> np.ndarray:
    """The twin's facts as a FACT array, to be compared byte by byte."""
    records = np.zeros(len(facts), FACT)
    for record, fact in zip(records, facts):
        for name, value in fact.items():
            if value:  # `value` and `limit` share their places with the fees
                record[name] = value
    return records
