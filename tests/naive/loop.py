"""The timeline of a backtest written plainly: the specification that the compiled loop must equal, call for call and fact for fact.

One list of what comes next, by exchange time: history, then commands that arrive, in the order in which they were sent, then calls: of each
strategy in turn for the market and for facts, then, of each in turn, for bars, timer and alarms. Everything is looked up anew; the exchange
is `tests.naive.exchange`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import COMMAND
from engine.messages.vocabulary import NOT_NAMED, Flag, Kind, OrderType, Reason, SelfTrade, Side, TimeInForce
from engine.strategy.values import Bar, Event, OwnOrder, Touch
from tests.naive.exchange import NaiveExchange

Steps = Sequence[tuple[int, int]]
"""A latency: (from this exchange time on, ns); the first holds before, too."""
Fact = dict[str, int]
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
    type: int = OrderType.LIMIT
    stop_price: int | None = None


@dataclass
class Holding:
    """A position at average cost, in lots and money units."""

    lots: int = 0
    cost: int = 0

    def trade(self, lots: int, each: int) -> None:
        if self.lots * lots < 0:
            closed = min(abs(lots), abs(self.lots))
            part = self.cost if closed == abs(self.lots) else abs(self.cost) * closed // abs(self.lots) * (1 if self.cost >= 0 else -1)
            self.cost -= part
            self.lots += closed if lots > 0 else -closed
            lots -= closed if lots > 0 else -closed
        self.cost += lots * each
        self.lots += lots


@dataclass
class Seen:
    """What was printed in one instrument since a strategy was last called for it."""

    volume: int = 0
    touch: Any = (None, 0, None, 0)
    bar: list[tuple[float, int]] = field(default_factory=list)  # prints since the last bar: price, lots


class NaiveDesk:
    """What a strategy may look at and do, as `engine.Strategy` has it."""

    every = 0
    bar = 0
    depth = 1
    touch_only = True

    def attach(self, party: "Party") -> None:
        self.party, self.loop = party, party.loop

    @property
    def now(self) -> int:
        return self.party.clock

    def book(self, instrument: int = 0) -> Touch:
        return Touch(*self.loop.touch(instrument), self.loop.last[instrument], self.loop.volume[instrument])

    def levels(self, side: Side, instrument: int = 0) -> list[tuple[int, int]]:
        tick = self.loop.ticks[instrument]
        return [(price // tick, lots) for price, lots, _ in self.loop.book(instrument)[side][: self.depth]]

    def position(self, instrument: int = 0) -> int:
        return self.party.holdings[instrument].lots

    def average_price(self, instrument: int = 0) -> float | None:
        held = self.party.holdings[instrument]
        return held.cost / (held.lots * self.loop.values[instrument] * self.loop.ticks[instrument]) if held.lots else None

    @property
    def cash(self) -> float:
        return self.party.cash / self.loop.unit

    @property
    def fees(self) -> float:
        return self.party.fees / self.loop.unit

    @property
    def equity(self) -> float:
        return self.party.equity() / self.loop.unit

    @property
    def pnl(self) -> float:
        return (self.party.equity() - self.party.paid_in) / self.loop.unit

    @property
    def orders(self) -> list[OwnOrder]:
        return [OwnOrder(*{**vars(known), "side": Side(known.side), "type": OrderType(known.type)}.values()) for known in self.party.open]

    def buy(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        return self._order(Side.BUY, quantity, price, None, instrument, **how)

    def sell(self, quantity: int, price: int | None = None, instrument: int = 0, **how: Any) -> int:
        return self._order(Side.SELL, quantity, price, None, instrument, **how)

    def stop(self, side: Side, quantity: int, stop_price: int, instrument: int = 0, **how: Any) -> int:
        return self._order(side, quantity, None, stop_price, instrument, **how)

    def stop_limit(self, side: Side, quantity: int, price: int, stop_price: int, instrument: int = 0, **how: Any) -> int:
        return self._order(side, quantity, price, stop_price, instrument, **how)

    def _order(
        self,
        side: Side,
        quantity: int,
        price: int | None,
        stop_price: int | None,
        instrument: int,
        time_in_force: int = TimeInForce.DAY,
        post_only: bool = False,
        reduce_only: bool = False,
        self_trade: int = SelfTrade.CANCEL_TAKER,
    ) -> int:
        self.party.ids += 1
        self.party.instrument_of[self.party.ids] = instrument
        priced, stopped = price is not None, stop_price is not None
        kind = {(False, False): OrderType.MARKET, (True, False): OrderType.LIMIT, (False, True): OrderType.STOP}.get(
            (priced, stopped), OrderType.STOP_LIMIT
        )
        flags = (Flag.POST_ONLY if post_only else 0) | (Flag.REDUCE_ONLY if reduce_only else 0)
        how = {"side": side, "type": kind, "time_in_force": time_in_force, "flags": flags, "self_trade": self_trade}
        stop = NOT_NAMED if stop_price is None else stop_price
        self.party.send(Kind.NEW, self.party.ids, instrument, quantity, price or 0, stop, portfolio=self.party.number, **how)
        return self.party.ids

    def cancel(self, order_id: int) -> None:
        known = next((known for known in self.party.open if known.order_id == order_id), None)
        if known is None or not known.cancelling:
            self.party.send(Kind.CANCEL, order_id, self.party.instrument_of.get(order_id, 0), NOT_NAMED, NOT_NAMED, NOT_NAMED)
        if known is not None:
            known.cancelling = True

    def cancel_all(self) -> None:
        for known in [known for known in self.party.open if not known.cancelling]:
            self.cancel(known.order_id)

    def replace(self, order_id: int, quantity: int | None = None, price: int | None = None, stop_price: int | None = None) -> None:
        named = [NOT_NAMED if given is None else given for given in (quantity, price, stop_price)]
        self.party.send(Kind.REPLACE, order_id, self.party.instrument_of.get(order_id, 0), *named)

    def after(self, delay: int, call: Any = None) -> int:
        return self.at(self.now + delay, call)

    def at(self, time: int, call: Any = None) -> int:
        self.party.alarms.append((time, call))
        return len(self.party.alarms)


class Party:
    """One strategy on the timeline: its latencies, clock, orders and account. `number`: of its portfolio and its trader."""

    def __init__(self, loop: "NaiveLoop", strategy: Any, number: int, cash: str, feed: Steps, order: Steps, response: Steps) -> None:
        self.loop, self.strategy, self.number = loop, strategy, number
        self.feed, self.order, self.response = feed, order, response
        self.cash = self.paid_in = int(loop.unit * Decimal(cash))
        self.fees, self.clock, self.ids, self.calls = 0, 0, 0, 0
        self.holdings = [Holding() for _ in loop.ticks]
        self.markets = [Seen() for _ in loop.ticks]
        self.open: list[Known] = []
        self.alarms: list[tuple[int, Any]] = []
        self.instrument_of: dict[int, int] = {}
        self.sent: list[dict[str, int]] = []  # in this call
        self.flying: list[tuple[int, dict[str, int]]] = []  # (when it was sent, command); its `ts` is when it arrives
        self.untold: list[tuple[int, Fact]] = []  # exchange time at which it has reached the strategy
        self.last_arrival, self.last_due = 0, 0
        self.timer: int | None = None
        self.bar_end: int | None = None
        strategy.attach(self)

    def equity(self) -> int:
        marks = [self.loop.marks[k] * self.loop.values[k] for k in range(len(self.holdings))]
        return self.cash + sum(held.lots * mark for held, mark in zip(self.holdings, marks))

    def begin(self, first: int) -> None:
        """What happened until now is nothing that the strategy is called for."""
        for instrument, market in enumerate(self.markets):
            market.volume, market.touch, market.bar = self.loop.volume[instrument], self.loop.touch(instrument), []
        every, bar = self.strategy.every, self.strategy.bar
        self.timer = -(-first // every) * every if self.wants("on_timer") and every else None
        self.bar_end = (first // bar + 1) * bar if self.wants("on_bar") else None

    def wants(self, name: str) -> bool:
        return hasattr(self.strategy, name)

    def times(self) -> list[int]:
        """Exchange times of what comes next for this strategy beside history."""
        found = [max(command["ts"], self.loop.free()) for _, command in self.flying[:1]]
        if self.loop.distinct and self.waits():
            return found
        found += [due for due, _ in self.untold[:1]] if any(map(self.wants, FACT_CALLS)) else []
        found += [self.when_clock_shows(time) for time in (self.timer, self.next_alarm()) if time is not None]
        return found + ([self.bar_end] if self.bar_end is not None else [])

    def waits(self) -> bool:
        """Whether a command that is due has yet to enter: of anybody, or, where each is an event of its own, of this strategy."""
        if not self.loop.distinct:
            return self.loop.command_is_due()
        return bool(self.flying) and self.flying[0][1]["ts"] <= self.loop.now

    def next_alarm(self) -> int | None:
        return min((time for time, _ in self.alarms), default=None)

    def when_clock_shows(self, time: int) -> int:
        """First exchange time from now on at which exchange time + feed latency is `time` or more."""
        ends = [ts for ts, _ in self.feed[1:]] + [1 << 62]
        starts = [-(1 << 62), *ends]
        spans = zip(starts, ends, self.feed)
        return next(t for start, end, (_, feed) in spans for t in [max(start, time - feed, self.loop.now)] if t < end)

    def notice(self, fact: Fact) -> None:
        """A fact that names this strategy is on its way to it."""
        if self.number in (fact.get("trader"), fact.get("maker_trader")):
            late = at(self.response, fact["ts"]) - at(self.feed, fact["ts"])
            self.last_due = max(self.last_due, fact["ts"] + max(0, late))
            self.untold.append((self.last_due, fact))

    # ------------------------------------------------------------------ calls

    def call_for_events(self, touched: list[int]) -> None:
        """The market's calls, then the facts'. What was due before and nobody wanted to know is known first."""
        if touched:
            while self.untold and self.untold[0][0] < self.loop.now:
                self.hear(self.untold.pop(0)[1], call=False)
        for instrument in touched:
            self.call_for_market(instrument)
        while self.untold and self.untold[0][0] <= self.loop.now:
            self.hear(self.untold.pop(0)[1])

    def call_for_market(self, instrument: int) -> None:
        market, now = self.markets[instrument], self.loop.now
        if self.loop.volume[instrument] != market.volume and self.wants("on_trade"):
            lots, market.volume = self.loop.volume[instrument] - market.volume, self.loop.volume[instrument]
            price = self.loop.last[instrument] or 0.0
            self.call("on_trade", Event(instrument, now, 0, price, lots, 0, Side.BUY, Reason.NONE, 0))
        touch = self.loop.touch(instrument)
        if touch != market.touch or not self.strategy.touch_only:
            market.touch = touch
            self.call("on_book", instrument)

    def call_for_times(self) -> None:
        """Bars, then timer and alarms, the earlier first; each waits for commands that arrive now."""
        if self.waits():
            return
        if self.bar_end is not None and self.bar_end <= self.loop.now:
            self.call_for_bars()
        while not self.waits():
            shown, alarm = self.loop.now + at(self.feed, self.loop.now), self.next_alarm()
            if self.timer is not None and self.timer <= shown and (alarm is None or self.timer <= alarm):
                self.timer += self.strategy.every
                self.call("on_timer")
            elif alarm is not None and alarm <= shown:
                chosen = next(one for one in self.alarms if one[0] == alarm)
                self.alarms.remove(chosen)
                self.act(chosen[1] or self.strategy.on_timer)
            else:
                return

    def call_for_bars(self) -> None:
        self.bar_end = (self.bar_end or 0) + self.strategy.bar
        for instrument, market in enumerate(self.markets):
            prices, volume = [price for price, _ in market.bar], sum(lots for _, lots in market.bar)
            shape = (prices[0], max(prices), min(prices), prices[-1]) if prices else None
            market.bar = []
            self.call("on_bar", instrument, shape and Bar(*shape, volume))

    def call(self, name: str, *given: Any) -> None:
        """One call, if the strategy has that method."""
        if self.wants(name):
            self.act(getattr(self.strategy, name), *given)

    def act(self, method: Any, *given: Any) -> None:
        """What is sent in a call is on its way then."""
        self.calls += 1
        self.clock = max(self.clock, self.loop.now + at(self.feed, self.loop.now))
        self.sent = []
        method(*given)
        for command in self.sent:
            self.last_arrival = command["ts"] = max(self.last_arrival, self.clock + at(self.order, self.loop.now))
            self.flying.append((self.clock, command))
            if command["kind"] == Kind.NEW:
                named = (command[name] for name in ("order_id", "instrument", "side", "price", "quantity", "quantity"))
                stop = None if command["stop_price"] == NOT_NAMED else command["stop_price"]
                self.open.append(Known(*named, type=command["type"], stop_price=stop))
            for name in ("price", "stop_price"):
                if command["instrument"] < len(self.loop.ticks) and command[name] != NOT_NAMED:
                    command[name] *= self.loop.ticks[command["instrument"]]

    def send(self, kind: Kind, order_id: int, instrument: int, lots: int, ticks: int, stop: int, **how: int) -> None:
        named = {"order_id": order_id, "instrument": instrument, "quantity": lots, "price": ticks, "stop_price": stop}
        self.sent.append({"kind": kind, "trader": self.number, **named, **how})

    # ------------------------------------------------------------------ facts

    def hear(self, fact: Fact, call: bool = True) -> None:
        """A fact has reached the strategy. A trade of its own with itself is two calls, the maker's first."""
        for made in (True, False) if fact["kind"] == Kind.TradeExecuted else (False,):
            if fact.get("maker_trader" if made else "trader") == self.number:
                event = self.learn(fact, made)
                if call and fact["kind"] in CALLS:
                    self.call(CALLS[Kind(fact["kind"])], event)

    def learn(self, fact: Fact, made: bool) -> Event:
        kind = fact["kind"]
        order_id = fact["maker_order_id"] if made else fact["order_id"]
        remaining = fact["maker_remaining"] if made else fact.get("remaining", 0)
        side = Side(1 - fact["side"]) if made else Side(fact.get("side", 0))
        instrument, quantity = fact["instrument"], fact.get("quantity", 0)
        tick = self.loop.ticks[instrument] if instrument < len(self.loop.ticks) else 1
        price, fee = fact.get("price", 0) / tick, 0
        known = next((known for known in self.open if known.order_id == order_id), None)
        if kind == Kind.TradeExecuted:
            fee = fact.get("maker_fee" if made else "fee", 0)
            lots, each = quantity if side == Side.BUY else -quantity, fact["price"] * self.loop.values[instrument]
            self.holdings[instrument].trade(lots, each)
            self.cash -= lots * each + fee
            self.fees += fee
        if known is not None:
            self.change(known, fact, remaining, tick)
        told = (quantity, remaining, side, Reason(fact.get("reason", 0)), fact.get("ahead", 0), fee / self.loop.unit, made)
        return Event(instrument, fact["ts"], order_id, price, *told)

    def change(self, known: Known, fact: Fact, remaining: int, tick: int) -> None:
        kind = fact["kind"]
        known.accepted |= kind == Kind.OrderCreated
        if kind in (Kind.TradeExecuted, Kind.OrderReplaced):
            known.remaining = remaining
        if kind == Kind.OrderReplaced:
            known.price, known.quantity = fact["price"] // tick, fact["quantity"]
            known.stop_price = fact["stop_price"] // tick if known.type >= OrderType.STOP else known.stop_price
        if kind in (Kind.OrderRejected, Kind.OrderCancelled, Kind.OrderExpired) or (kind == Kind.TradeExecuted and not remaining):
            self.open.remove(known)


class NaiveLoop:
    """History, commands in flight, facts on their way back, timers. `facts` are all that are not about history.

    `history`: COMMAND array in time order. `opening`: commands that opened the session, one fact each. `cash`: by portfolio, in the order
    of the strategies. `distinct`: as in a live session each command of a strategy is an event of its own, at the first nanosecond from its
    arrival on that is later than all that has happened and that history leaves free.
    """

    def __init__(
        self, instruments: Sequence[Instrument], cash: Mapping[str, str], history: np.ndarray, opening: int = 0, distinct: bool = False
    ) -> None:
        self.distinct = distinct
        self.exchange = NaiveExchange(instruments, cash)
        self.exchange.traders.update(range(1, len(cash) + 1))
        self.exchange.seq = 2 * opening
        self.cash = list(cash.values())
        self.history = [dict(zip(COMMAND.names or (), row)) for row in history.tolist()]
        decimals = money_decimals(list(instruments))
        self.unit = 10**decimals
        self.ticks = [instrument.tick_units for instrument in instruments]
        self.values = [int(instrument.value(decimals)) for instrument in instruments]
        self.marks, self.volume = [0 for _ in instruments], [0 for _ in instruments]
        self.last: list[float | None] = [None for _ in instruments]
        self.parties: list[Party] = []
        self.facts: list[Fact] = []
        self.touched: list[int] = []
        self.books: dict[int, Any] = {}
        self.now, self.row = 0, 0

    def add(self, strategy: Any, feed: Steps = ((0, 0),), order: Steps = ((0, 0),), response: Steps = ((0, 0),)) -> None:
        """One more strategy, called after those that are there."""
        number = len(self.parties) + 1
        self.parties.append(Party(self, strategy, number, self.cash[number - 1], feed, order, response))

    def run(self, first: int, end: int) -> None:
        """Play history up to `first`, then call the strategies from then on, up to and including `end`."""
        while self.row < len(self.history) and self.history[self.row]["ts"] <= first:
            self.play_row()
        self.now = first
        self.touched.clear()
        for party in self.parties:
            party.begin(first)
        for party in self.parties:
            party.call("on_start")
            party.call_for_events([])
        self.call_for_times()
        while True:
            following = self.next_time()
            if following is None or max(self.now, following) > end:
                return
            free, self.now = self.free(), max(self.now, following)
            began = self.row
            while self.row < len(self.history) and self.history[self.row]["ts"] <= self.now:
                self.play_row()
            if not self.distinct:
                while (arrived := self.next_command()) is not None and arrived.flying[0][1]["ts"] <= self.now:
                    self.carry_out(arrived.flying.pop(0)[1])
            elif self.row == began and self.now >= free:
                self.enter_one()
            self.call_what_is_due()

    def free(self) -> int:
        """The first time at which a strategy's command may enter."""
        return self.now + 1 if self.distinct else self.now

    def enter_one(self) -> None:
        """The command that is next, if it is due, enters now, and that is its time."""
        arrived = self.next_command()
        if arrived is None or arrived.flying[0][1]["ts"] > self.now:
            return
        command = arrived.flying.pop(0)[1]
        command["ts"] = self.now
        if not arrived.flying:
            arrived.last_arrival = self.now
        self.carry_out(command)

    def next_time(self) -> int | None:
        """Exchange time of what comes next."""
        times = [self.history[self.row]["ts"]] if self.row < len(self.history) else []
        return min(times + [time for party in self.parties for time in party.times()], default=None)

    def next_command(self) -> Party | None:
        """Whose command arrives next: of one time the one that was sent first, then the strategies in their order."""
        flying = [party for party in self.parties if party.flying]
        return min(flying, key=lambda party: (party.flying[0][1]["ts"], party.flying[0][0]), default=None)

    def command_is_due(self) -> bool:
        return any(party.flying and party.flying[0][1]["ts"] <= self.now for party in self.parties)

    def call_what_is_due(self) -> None:
        touched, self.touched = self.touched, []
        for party in self.parties:
            party.call_for_events(touched)
        self.call_for_times()

    def call_for_times(self) -> None:
        for party in self.parties:
            party.call_for_times()

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
            elif fact["kind"] == Kind.PriceMarked:
                self.marks[instrument] = fact["price"]
            if fact["kind"] < Kind.SessionOpened:
                self.facts.append(fact)
            for party in self.parties:
                party.notice(fact)
        if instrument < len(self.ticks) and instrument not in self.touched:
            self.touched.append(instrument)

    def printed(self, instrument: int, price: int, lots: int) -> None:
        self.last[instrument] = price / self.ticks[instrument]
        self.marks[instrument] = price
        self.volume[instrument] += lots
        for party in self.parties:
            party.markets[instrument].bar.append((price / self.ticks[instrument], lots))

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
