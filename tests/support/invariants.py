"""What must hold in every session, whatever was asked: judged from its facts alone, then held against the exchange that emitted them."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import Exchange
from engine.messages.records import FACT
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderType, Side, TimeInForce
from tests.naive.book import Position
from tests.support import inside

Told = dict[str, int]
Key = tuple[int, int]
LARGE = 2**60
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


@dataclass
class Order:
    """An open order as its facts show it."""

    portfolio: int
    instrument: int
    side: int
    type: int
    time_in_force: int
    flags: int
    price: int
    stop_price: int
    quantity: int
    pending: bool
    open: int
    executed: int = 0

    def __post_init__(self) -> None:
        assert self.open > 0


class Replayed:
    """A session replayed from its facts: open orders, positions, cash. `take` fails at a fact that cannot be."""

    def __init__(self, values: list[int]) -> None:
        self.values = values  # money of one price unit × one lot, by instrument
        self.orders: dict[Key, Order] = {}  # open ones, by (trader, order id), in the order of acceptance
        self.ended: set[Key] = set()
        self.positions: defaultdict[Key, Position] = defaultdict(Position)  # by (portfolio, instrument)
        self.cash: Counter[int] = Counter()
        self.fees: Counter[int] = Counter()
        self.strained = False  # money came near its range: from then on history may rest crossed beside ours, as fills are not made
        self.last: dict[int, int] = {}
        self.halted: set[int] = set()
        self.killed: set[tuple[int, int]] = set()  # (flags, whose number)

    def take(self, facts: np.ndarray) -> None:
        """Each fact in turn; where a command is done, what must hold between commands."""
        seqs = facts["seq"].tolist()
        for number, row in enumerate(facts.tolist()):
            fact = dict(zip(FACT.names or (), row))
            if fact["kind"] in TAKERS:
                TAKERS[fact["kind"]](self, fact)
            if number + 1 == len(seqs) or seqs[number + 1] > seqs[number] + 1:
                self.between_commands(fact["instrument"])

    # ------------------------------------------------------------------ orders

    def key(self, fact: Told) -> Key:
        return fact["trader"], fact["order_id"]

    def created(self, fact: Told) -> None:
        key = self.key(fact)
        assert key not in self.orders, "an id is used twice"
        assert key not in self.ended, "an id is used again on the same day"
        assert fact["remaining"] == fact["quantity"]
        assert fact["instrument"] not in self.halted, "accepted in a halt"
        switches = {(0, 0), (1, fact["portfolio"]), (2, fact["trader"])}
        assert not switches & self.killed, "accepted although killed"
        names = ("portfolio", "instrument", "side", "type", "time_in_force", "flags", "price", "stop_price", "quantity")
        self.orders[key] = Order(**{name: fact[name] for name in names}, pending=fact["type"] in STOPS, open=fact["quantity"])
        self.strain(fact["price"] * fact["quantity"] * self.values[fact["instrument"]])

    def triggered(self, fact: Told) -> None:
        order = self.orders[self.key(fact)]
        assert order.pending, "triggered, but was not pending"
        assert fact["instrument"] not in self.halted, "triggered in a halt"
        assert self.is_through(order), "triggered before its price"
        assert fact["remaining"] == order.open == order.quantity
        order.pending = False

    def replaced(self, fact: Told) -> None:
        order = self.orders[self.key(fact)]
        assert fact["instrument"] not in self.halted, "replaced in a halt"
        assert fact["quantity"] == fact["remaining"] + order.executed, "quantity is not conserved"
        order.quantity, order.open, order.price, order.stop_price = (fact[n] for n in ("quantity", "remaining", "price", "stop_price"))
        self.strain(order.price * order.quantity * self.values[order.instrument])

    def ended_unfilled(self, fact: Told) -> None:
        order = self.end(self.key(fact))
        assert fact["remaining"] == order.open == fact["quantity"] - order.executed, "quantity is not conserved"
        may_be_part = order.flags & Flag.REDUCE_ONLY
        assert order.time_in_force != TimeInForce.FOK or may_be_part or not order.executed, "a fill-or-kill was filled in part"

    def end(self, key: Key) -> Order:
        assert key in self.orders, "a fact about an order that is not open"
        self.ended.add(key)
        return self.orders.pop(key)

    def is_through(self, order: Order) -> bool:
        last = self.last.get(order.instrument)
        return last is not None and (last >= order.stop_price if order.side == Side.BUY else last <= order.stop_price)

    # ------------------------------------------------------------------ trades

    def traded(self, fact: Told) -> None:
        instrument, price, lots = fact["instrument"], fact["price"], fact["quantity"]
        taker = {name: fact[name] for name in ("trader", "order_id", "portfolio", "remaining", "fee")}
        maker = {name: fact[f"maker_{name}"] for name in taker}
        assert lots > 0
        assert instrument not in self.halted, "traded in a halt"
        known = [self.filled(party, price, lots) for party in (maker, taker) if party["trader"] != HISTORY]
        assert known, "history traded with history"
        self.last[instrument] = price
        for party, side in ((maker, 1 - fact["side"]), (taker, fact["side"])):
            signed = lots if side == Side.BUY else -lots
            position = self.positions[party["portfolio"], instrument]
            position.trade(signed, price * self.values[instrument])
            self.cash[party["portfolio"]] -= signed * price * self.values[instrument] + party["fee"]
            self.fees[party["portfolio"]] += party["fee"]
            self.strain(position.cost, self.cash[party["portfolio"]])

    def filled(self, party: Told, price: int, lots: int) -> Order:
        """One of ours, before its position changes."""
        order = self.orders[self.key(party)]
        assert not order.pending, "a pending stop traded"
        order.open -= lots
        order.executed += lots
        assert order.open == party["remaining"] >= 0, "quantity is not conserved"
        if order.type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
            assert price <= order.price if order.side == Side.BUY else price >= order.price, "traded beyond its limit"
        if order.flags & Flag.REDUCE_ONLY:
            assert lots <= self.against(order), "a reduce-only order traded more than the position"
        if not order.open:
            self.end(self.key(party))
        return order

    def against(self, order: Order) -> int:
        held = self.positions[order.portfolio, order.instrument].quantity
        return held if order.side == Side.SELL else -held

    def strain(self, *money: int) -> None:
        self.strained |= max(map(abs, money)) >= LARGE

    def printed(self, fact: Told) -> None:
        self.last[fact["instrument"]] = fact["price"]

    # ------------------------------------------------------------------ control

    def deposited(self, fact: Told) -> None:
        self.cash[fact["portfolio"]] += fact["value"]
        self.cash[0] -= fact["value"]
        self.strain(self.cash[fact["portfolio"]], self.cash[0])

    def day_started(self, fact: Told) -> None:
        self.ended.clear()

    def halted_or_resumed(self, fact: Told) -> None:
        (self.halted.add if fact["kind"] == Kind.TradingHalted else self.halted.discard)(fact["instrument"])

    def switched(self, fact: Told) -> None:
        switch = fact["flags"], (0, fact["portfolio"], fact["trader"])[fact["flags"]]
        (self.killed.add if fact["kind"] == Kind.TradingKilled else self.killed.discard)(switch)

    def between_commands(self, instrument: int) -> None:
        """What the last command, in `instrument`, must have left behind."""
        for (trader, _), order in self.orders.items():
            assert not self.killed & {(0, 0), (1, order.portfolio), (2, trader)}, "open although killed"
            if order.instrument == instrument and order.pending:
                assert instrument in self.halted or not self.is_through(order), "a stop that should have triggered"
            elif order.instrument == instrument:
                assert order.time_in_force in (TimeInForce.DAY, TimeInForce.GTC), "an IOC or FOK rests"
                assert not order.flags & Flag.REDUCE_ONLY or self.against(order) > 0, "a reduce-only order rests against nothing"


TAKERS: dict[int, Callable[[Replayed, Told], None]] = {
    Kind.OrderCreated: Replayed.created,
    Kind.OrderTriggered: Replayed.triggered,
    Kind.OrderReplaced: Replayed.replaced,
    Kind.OrderCancelled: Replayed.ended_unfilled,
    Kind.OrderExpired: Replayed.ended_unfilled,
    Kind.TradeExecuted: Replayed.traded,
    Kind.TradePrinted: Replayed.printed,
    Kind.HistoryExecuted: Replayed.printed,
    Kind.HistoryTraded: Replayed.printed,
    Kind.CashDeposited: Replayed.deposited,
    Kind.DayStarted: Replayed.day_started,
    Kind.TradingHalted: Replayed.halted_or_resumed,
    Kind.TradingResumed: Replayed.halted_or_resumed,
    Kind.TradingKilled: Replayed.switched,
    Kind.TradingRevived: Replayed.switched,
}


def every_command_is_answered(facts: np.ndarray) -> None:
    """Commands and facts share one order: from one command to the next there is at least one fact, and time never goes back."""
    steps = np.diff(facts["seq"], prepend=0)
    assert (steps >= 1).all(), "seq does not rise"
    assert (steps <= 2).all(), "a command without a fact"
    assert (np.diff(facts["ts"]) >= 0).all(), "time goes back"


def hold(exchange: Exchange) -> None:
    """Everything above, of an exchange with `history_facts`. AssertionError where something does not hold."""
    facts = exchange.facts
    every_command_is_answered(facts)
    replayed = Replayed([int(listed.value(exchange.decimals)) for listed in exchange.instruments])
    replayed.take(facts)
    money_is_conserved(replayed, exchange)
    inside.hold(exchange.state, replayed.orders)
    for index, listed in enumerate(exchange.instruments):
        book = exchange.book(listed.symbol)
        not_crossed(replayed, index, [{price: (lots, count) for price, lots, count in book.rows(side, 10**6).tolist()} for side in (0, 1)])


def money_is_conserved(replayed: Replayed, exchange: Exchange) -> None:
    """Cash and fees sum to zero, positions too, and the facts alone say what each portfolio has."""
    accounts = exchange.state.portfolios
    assert int(accounts["cash"].sum()) + int(accounts["fees"].sum()) == 0, "money came or went"
    for index in range(len(exchange.instruments)):
        assert sum(held.quantity for (_, i), held in replayed.positions.items() if i == index) == 0, "lots came or went"
    for name, number in exchange.names.portfolios.items():
        assert replayed.cash[number] == accounts["cash"][number], f"cash of {name!r}"
        assert replayed.fees[number] == accounts["fees"][number], f"fees of {name!r}"
        mine = {i: held.quantity for (owner, i), held in replayed.positions.items() if owner == number}
        shown: dict[str, Any] = exchange.portfolio(name)["positions"]
        theirs = {
            i: listed.lots(shown[listed.symbol]["quantity"]) for i, listed in enumerate(exchange.instruments) if listed.symbol in shown
        }
        assert mine == theirs, f"positions of {name!r}"


def not_crossed(replayed: Replayed, instrument: int, levels: list[dict[int, tuple[int, int]]]) -> None:
    """Each of our resting orders stands in the book, and nobody faces it at its price or better, but in a halt."""
    resting = [order for order in replayed.orders.values() if order.instrument == instrument and not order.pending]
    for side, price in {(order.side, order.price) for order in resting}:
        facing = [other for other in levels[1 - side] if (other <= price if side == Side.BUY else other >= price)]
        assert not facing or replayed.strained or instrument in replayed.halted, "the book is crossed"
        ours = [order.open for order in resting if (order.side, order.price) == (side, price)]
        lots, count = levels[side].get(price, (0, 0))
        assert lots >= sum(ours), "an open order is not in the book"
        assert count >= len(ours), "an open order is not in the book"
