"""The timeline of a backtest written plainly: the specification that the compiled loop must equal, call for call and fact for fact.

One list of what comes next, by exchange time: history, then our commands that arrive, then calls of the strategy (market, facts, bars,
timer). Everything is looked up anew; the exchange is `tests.naive.exchange`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, Reason, Side, TimeInForce
from engine.strategy.strategy import Bar, Event, OwnOrder, Touch
from tests.naive.exchange import NaiveExchange

Steps = Sequence[tuple[int, int]]
"""A latency: (from this exchange time on, ns); the first holds before, too."""
Fact = dict[str, int]
OURS = 1
"""Number of the strategy's portfolio and of its trader."""
CALLS = {
    Kind.OrderCreated: "on_accepted",
    Kind.OrderRejected: "on_rejected",
    Kind.CancelRejected: "on_rejected",
    Kind.ReplaceRejected: "on_rejected",
    Kind.OrderCancelled: "on_cancelled",
    Kind.OrderExpired: "on_cancelled",
    Kind.OrderReplaced: "on_replaced",
    Kind.TradeExecuted: "on_fill",
}
FACT_CALLS = set(CALLS.values())


def at(steps: Steps, now: int) -> int:
    """The latency that holds at `now`."""
    return [value for ts, value in steps if ts <= now or ts == steps[0][0]][-1]


@dataclass
class Known:
    """What the strategy knows of an open order of its own."""

    order_id: int
    instrument: int
    side: int
    price: int
    quantity: int
    remaining: int
    accepted: bool = False
    cancelling: bool = False


@dataclass
class Market:
    """What was printed in one instrument, and what the strategy was last called for."""

    volume: int = 0
    last: float | None = None
    seen_volume: int = 0
    seen_touch: Any = (None, 0, None, 0)
    bar: list[tuple[float, int]] = field(default_factory=list)  # prints since the last bar: price, lots


class NaiveDesk:
    """What a strategy may look at and do, as `engine.Strategy` has it."""

    every = 0
    bar = 0
    depth = 1
    touch_only = True

    def attach(self, loop: "NaiveLoop") -> None:
        self.loop = loop

    @property
    def now(self) -> int:
        return self.loop.clock

    def book(self, instrument: int = 0) -> Touch:
        market = self.loop.markets[instrument]
        return Touch(*self.loop.touch(instrument), market.last, market.volume)

    def levels(self, side: Side, instrument: int = 0) -> list[tuple[int, int]]:
        tick = self.loop.ticks[instrument]
        return [(price // tick, lots) for price, lots, _ in self.loop.book(instrument)[side][: self.depth]]

    def position(self, instrument: int = 0) -> int:
        return self.loop.positions[instrument]

    @property
    def orders(self) -> list[OwnOrder]:
        return [OwnOrder(*{**vars(known), "side": Side(known.side)}.values()) for known in self.loop.open]

    def buy(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        return self._order(Side.BUY, quantity, price, instrument, **how)

    def sell(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        return self._order(Side.SELL, quantity, price, instrument, **how)

    def _order(
        self, side: Side, quantity: int, price: int | None, instrument: int, time_in_force: int = TimeInForce.DAY, post_only: bool = False
    ) -> int:
        self.loop.ids += 1
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        how = {"side": side, "type": kind, "time_in_force": time_in_force, "flags": Flag.POST_ONLY if post_only else 0}
        self.loop.send(Kind.NEW, self.loop.ids, instrument, quantity, price or 0, portfolio=OURS, **how)
        return self.loop.ids

    def cancel(self, order_id: int) -> None:
        for known in self.loop.open:
            if known.order_id == order_id and not known.cancelling:
                known.cancelling = True
                self.loop.send(Kind.CANCEL, order_id, known.instrument, NOT_NAMED, NOT_NAMED)

    def cancel_all(self) -> None:
        for known in list(self.loop.open):
            self.cancel(known.order_id)

    def replace(self, order_id: int, quantity: int | None = None, price: int | None = None) -> None:
        for known in self.loop.open:
            if known.order_id == order_id:
                lots, ticks = (NOT_NAMED if given is None else given for given in (quantity, price))
                self.loop.send(Kind.REPLACE, order_id, known.instrument, lots, ticks)


class NaiveLoop:
    """History, commands in flight, facts on their way back, timers. `facts` are all that are not about history, `arrivals` of commands.

    `history`: COMMAND array in time order. Latencies are Steps. `opening`: commands that opened the session, one fact each.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        cash: str,
        history: np.ndarray,
        feed: Steps = ((0, 0),),
        order: Steps = ((0, 0),),
        response: Steps = ((0, 0),),
        opening: int = 0,
    ) -> None:
        self.exchange = NaiveExchange(instruments, {"strategy": cash})
        self.exchange.traders.add(OURS)
        self.exchange.seq = 2 * opening
        self.history = [dict(zip(COMMAND.names or (), row)) for row in history.tolist()]
        self.feed, self.order, self.response = feed, order, response
        self.ticks = [instrument.tick_units for instrument in instruments]
        self.markets = [Market() for _ in instruments]
        self.positions = [0 for _ in instruments]
        self.open: list[Known] = []
        self.sent: list[dict[str, int]] = []  # in this call
        self.flying: list[dict[str, int]] = []  # on their way to the exchange, `ts` is when they arrive
        self.facts: list[Fact] = []
        self.untold: list[tuple[int, Fact]] = []  # exchange time at which it has reached the strategy
        self.touched: list[int] = []
        self.books: dict[int, Any] = {}
        self.now, self.clock, self.ids, self.row = 0, 0, 0, 0
        self.last_arrival, self.last_due = 0, 0

    # ------------------------------------------------------------------ the timeline

    def run(self, strategy: Any, first: int, end: int) -> None:
        """Play history up to `first`, then call the strategy from then on, up to and including `end`."""
        self.strategy = strategy
        strategy.attach(self)
        while self.row < len(self.history) and self.history[self.row]["ts"] <= first:
            self.play_row()
        self.begin(first)
        self.call("start")
        self.call_what_is_due()
        while True:
            following = self.next_time()
            if following is None or max(self.now, following) > end:
                return
            self.now = max(self.now, following)
            while self.row < len(self.history) and self.history[self.row]["ts"] <= self.now:
                self.play_row()
            while self.flying and self.flying[0]["ts"] <= self.now:
                self.carry_out(self.flying.pop(0))
            self.call_what_is_due()

    def begin(self, first: int) -> None:
        """What happened until now is nothing that the strategy is called for."""
        self.now = first
        self.touched.clear()
        for instrument, market in enumerate(self.markets):
            market.seen_volume, market.seen_touch, market.bar = market.volume, self.touch(instrument), []
        every, bar = self.strategy.every, self.strategy.bar
        self.timer = -(-first // every) * every if self.wants("on_timer") else None
        self.bar_end = (first // bar + 1) * bar if self.wants("on_bar") else None

    def wants(self, name: str) -> bool:
        return hasattr(self.strategy, name)

    def next_time(self) -> int | None:
        """Exchange time of what comes next."""
        times = [self.history[self.row]["ts"]] if self.row < len(self.history) else []
        times += [command["ts"] for command in self.flying[:1]]
        times += [due for due, _ in self.untold[:1]] if any(map(self.wants, FACT_CALLS)) else []
        times += [self.when_clock_shows(self.timer)] if self.timer is not None else []
        times += [self.bar_end] if self.bar_end is not None else []
        return min(times, default=None)

    def when_clock_shows(self, time: int) -> int:
        """First exchange time from now on at which exchange time + feed latency is `time` or more."""
        ends = [ts for ts, _ in self.feed[1:]] + [1 << 62]
        starts = [-(1 << 62), *ends]
        spans = zip(starts, ends, self.feed)
        return next(t for start, end, (_, feed) in spans for t in [max(start, time - feed, self.now)] if t < end)

    # ------------------------------------------------------------------ the exchange

    def play_row(self) -> None:
        self.now = max(self.now, self.history[self.row]["ts"])
        self.carry_out(self.history[self.row])
        self.row += 1

    def carry_out(self, command: dict[str, int]) -> None:
        told = self.exchange.send(command)
        self.books.clear()
        instrument = command["instrument"]
        for fact in told:
            if fact["kind"] in (Kind.HistoryExecuted, Kind.TradePrinted):
                self.printed(instrument, fact["price"], command["quantity"])
            elif fact["kind"] == Kind.TradeExecuted:
                self.printed(instrument, fact["price"], fact["quantity"])
            if fact["kind"] < Kind.SessionOpened:
                self.facts.append(fact)
            if OURS in (fact.get("trader"), fact.get("maker_trader")):
                late = at(self.response, fact["ts"]) - at(self.feed, fact["ts"])
                self.last_due = max(self.last_due, fact["ts"] + max(0, late))
                self.untold.append((self.last_due, fact))
        if instrument < len(self.markets) and instrument not in self.touched:
            self.touched.append(instrument)

    def printed(self, instrument: int, price: int, lots: int) -> None:
        market = self.markets[instrument]
        market.last = price / self.ticks[instrument]
        market.volume += lots
        market.bar.append((market.last, lots))

    def book(self, instrument: int) -> Any:
        """(bids, asks) as they are now: looked up once between two commands."""
        if instrument not in self.books:
            self.books[instrument] = self.exchange.book(instrument)
        return self.books[instrument]

    def touch(self, instrument: int) -> tuple[int | None, int, int | None, int]:
        """Best bid and ask in ticks, with their lots."""
        tick, sides = self.ticks[instrument], self.book(instrument)
        (bid, bid_lots), (ask, ask_lots) = [(side[0][0] // tick, side[0][1]) if side else (None, 0) for side in sides]
        return bid, bid_lots, ask, ask_lots

    # ------------------------------------------------------------------ the strategy

    def call_what_is_due(self) -> None:
        """Calls of one time: the market's, the facts', bars and timer. What was due before and nobody wanted to know is known first."""
        while self.untold and self.untold[0][0] < self.now:
            self.learn(self.untold.pop(0)[1])
        touched, self.touched = self.touched, []
        for instrument in touched:
            self.call_for_market(instrument)
        while self.untold and self.untold[0][0] <= self.now:
            fact = self.untold.pop(0)[1]
            event = self.learn(fact)
            self.call(CALLS[Kind(fact["kind"])], event)
        if self.command_is_due():  # timers come after our commands of the same time
            return
        if self.bar_end is not None and self.bar_end <= self.now:
            self.call_for_bars()
        while self.timer is not None and self.now + at(self.feed, self.now) >= self.timer and not self.command_is_due():
            self.timer += self.strategy.every
            self.call("on_timer")

    def command_is_due(self) -> bool:
        return bool(self.flying) and self.flying[0]["ts"] <= self.now

    def call_for_market(self, instrument: int) -> None:
        market = self.markets[instrument]
        if market.volume != market.seen_volume and self.wants("on_trade"):
            lots, market.seen_volume = market.volume - market.seen_volume, market.volume
            self.call("on_trade", Event(instrument, self.now, 0, market.last or 0.0, lots, 0, Side.BUY, Reason.NONE, 0))
        touch = self.touch(instrument)
        if touch != market.seen_touch or not self.strategy.touch_only:
            market.seen_touch = touch
            self.call("on_book", instrument)

    def call_for_bars(self) -> None:
        self.bar_end += self.strategy.bar
        for instrument, market in enumerate(self.markets):
            prices, volume = [price for price, _ in market.bar], sum(lots for _, lots in market.bar)
            shape = (prices[0], max(prices), min(prices), prices[-1]) if prices else None
            market.bar = []
            self.call("on_bar", instrument, shape and Bar(*shape, volume))

    def call(self, name: str, *given: Any) -> None:
        """One call, if the strategy has that method; what it sent is on its way then."""
        if not self.wants(name):
            return
        self.clock = max(self.clock, self.now + at(self.feed, self.now))
        self.sent = []
        getattr(self.strategy, name)(*given)
        for command in self.sent:
            self.last_arrival = command["ts"] = max(self.last_arrival, self.clock + at(self.order, self.now))
            self.flying.append(command)
            if command["kind"] == Kind.NEW:
                named = (command[name] for name in ("order_id", "instrument", "side", "price", "quantity", "quantity"))
                self.open.append(Known(*named))
            if command["instrument"] < len(self.ticks) and command["price"] != NOT_NAMED:
                command["price"] *= self.ticks[command["instrument"]]

    def send(self, kind: Kind, order_id: int, instrument: int, lots: int, ticks: int, **how: int) -> None:
        named = {"order_id": order_id, "instrument": instrument, "quantity": lots, "price": ticks, "stop_price": NOT_NAMED}
        self.sent.append({"kind": kind, "trader": OURS, **named, **how})

    def learn(self, fact: Fact) -> Event:
        """A fact of ours has reached the strategy: its orders and position change."""
        kind, made = fact["kind"], fact.get("maker_trader") == OURS
        order_id = fact["maker_order_id"] if made else fact["order_id"]
        remaining = fact["maker_remaining"] if made else fact.get("remaining", 0)
        side = Side(1 - fact["side"]) if made else Side(fact.get("side", 0))
        instrument, quantity = fact["instrument"], fact.get("quantity", 0)
        price = fact.get("price", 0) / self.ticks[instrument]
        known = next((known for known in self.open if known.order_id == order_id), None)
        if kind == Kind.TradeExecuted:
            self.positions[instrument] += quantity if side == Side.BUY else -quantity
        if known is not None:
            known.accepted |= kind == Kind.OrderCreated
            known.cancelling &= kind != Kind.CancelRejected
            if kind in (Kind.TradeExecuted, Kind.OrderReplaced):
                known.remaining = remaining
            if kind == Kind.OrderReplaced:
                known.price, known.quantity = int(price), quantity
            if kind in (Kind.OrderRejected, Kind.OrderCancelled, Kind.OrderExpired) or (kind == Kind.TradeExecuted and not remaining):
                self.open.remove(known)
        return Event(
            instrument, fact["ts"], order_id, price, quantity, remaining, side, Reason(fact.get("reason", 0)), fact.get("ahead", 0)
        )
