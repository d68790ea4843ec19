"""Random commands: plausible ones that meet each other, and broken ones, in endless seeded streams."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from engine.messages.records import COMMAND
from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderType, SelfTrade, TimeInForce
from tests.support.worlds import CROWDED, EDGE, World

Command = dict[str, int]
BOOK_KINDS = {Kind.NEW: 380, Kind.CANCEL: 80, Kind.REPLACE: 100, Kind.END_OF_DAY: 3, Kind.START_OF_DAY: 4, Kind.MARK: 8, Kind.DEPOSIT: 8}
HALT_KINDS = {Kind.HALT: 4, Kind.RESUME: 1}
KILL_KINDS = {Kind.KILL: 3, Kind.REVIVE: 1}
LIMIT_KINDS = {Kind.SET_LIMITS: 8}
RULE_KINDS = {Kind.SET_RULES: 7, Kind.RESTRICT: 2, Kind.REFERENCE: 4}
CLIENT_KINDS = BOOK_KINDS | HALT_KINDS | KILL_KINDS | LIMIT_KINDS | RULE_KINDS
HISTORY_WEIGHTS = {
    Kind.ADD: 110, Kind.REDUCE: 60, Kind.MODIFY: 50, Kind.EXECUTE: 50, Kind.FLOW: 60, Kind.PRINT: 15, Kind.NOTICE: 5, Kind.REVEAL: 25,
    Kind.REMOVE: 20, Kind.CLEAR: 2,
}  # fmt: skip
LEVEL_WEIGHTS = {Kind.LEVEL: 110, Kind.TRADE: 60, Kind.SET_QUEUE: 6}
BAR_WEIGHTS = {Kind.PRINT: 200, Kind.SET_QUEUE: 6}
HISTORY_KINDS = (*HISTORY_WEIGHTS, Kind.LEVEL, Kind.TRADE)
WEIGHTS = CLIENT_KINDS | HISTORY_WEIGHTS | LEVEL_WEIGHTS
STRANGE_KINDS = (0, 9, 13, 30, 39, 52, 64, 70, 100, 255)
STRANGE_PRICES = (0, -1, 1, 3, 2**31 - 1, 1 - 2**31, 2**31, -(2**31), 2**40, NOT_WHOLE, NOT_NAMED)
STRANGE_AMOUNTS = (0, 1, -1, NOT_WHOLE, NOT_WHOLE - 1, NOT_NAMED + 1)
STRANGE_EXPONENTS = (0, 97, 98, 158, 159, 255)
NAMELESS = (Kind.FLOW, Kind.PRINT, Kind.NOTICE, Kind.REVEAL, Kind.REMOVE, Kind.CLEAR, Kind.LEVEL, Kind.TRADE)
FAR_STEPS = (-4096, 1000, 4095, 4096, 4097, 8192, 100_000)
STRANGE_QUANTITIES = (0, -1, 2**32 - 1, 2**32, 2**31, 2**40, -(2**40), NOT_WHOLE, NOT_NAMED)


@dataclass(frozen=True)
class Setting:
    """A world and the manner of a stream in it.

    `strange`: share of broken or extreme fields; `kinds`: weights of commands; `drift`: how often prices move, by up to 500 ticks, and
    `walk`: by up to 2; `stops`, `reducing`: shares of the orders; `bound`: share of the limits and
    rules that are set; `pace`: steps of time, in ns, of which one is drawn; `bars`: share of the SET_QUEUEs that make bars of history.
    """

    world: World = field(default_factory=World)
    strange: float = 0.01
    kinds: Mapping[Kind, int] = field(default_factory=lambda: WEIGHTS)
    drift: float = 0.0
    walk: float = 0.05
    stops: float = 0.15
    reducing: float = 0.15
    bound: float = 0.2
    pace: Sequence[int] = (1, 10**6, 10**8)
    bars: float = 0.3

    def stream(self, seed: int) -> "Stream":
        return Stream(self, seed)


PLAIN = Setting(kinds=BOOK_KINDS, strange=0.0, stops=0.0, reducing=0.0)
SETTINGS = {
    "all": Setting(),
    "clients": Setting(strange=0.0, kinds=CLIENT_KINDS),
    "edge": Setting(EDGE, strange=0.003),
    "broken": Setting(strange=0.15),
    "drifting": Setting(strange=0.003, drift=0.02),
    "levels": replace(PLAIN, kinds=BOOK_KINDS | LEVEL_WEIGHTS | {Kind.CLEAR: 2, Kind.HALT: 4, Kind.RESUME: 2}, strange=0.003, stops=0.1),
    "bars": replace(PLAIN, kinds=BOOK_KINDS | BAR_WEIGHTS | {Kind.HALT: 4}, strange=0.003, stops=0.4, reducing=0.1, bars=0.95),
    # each feature alone
    "book": replace(PLAIN, kinds=BOOK_KINDS | HISTORY_WEIGHTS, strange=0.01, walk=0.0, pace=(1,)),
    "stops": replace(PLAIN, stops=0.5, walk=0.1),
    "reducing": replace(PLAIN, kinds=BOOK_KINDS | HISTORY_WEIGHTS, reducing=0.5),
    "halts": replace(PLAIN, kinds=BOOK_KINDS | HISTORY_WEIGHTS | {Kind.HALT: 20, Kind.RESUME: 3}, stops=0.3),
    "kills": replace(PLAIN, kinds=BOOK_KINDS | {Kind.KILL: 10, Kind.REVIVE: 3}, stops=0.3),
    "limits": replace(PLAIN, kinds=BOOK_KINDS | {Kind.SET_LIMITS: 20, Kind.MARK: 30, Kind.START_OF_DAY: 6}, bound=0.4),
    "crowded": replace(PLAIN, world=CROWDED, stops=0.3),
    "rules": replace(PLAIN, kinds=BOOK_KINDS | RULE_KINDS, bound=0.4, pace=(10**6, 10**8, 10**9)),
}


def as_array(commands: Sequence[Command]) -> np.ndarray:
    """COMMAND (n,) from mappings of fields."""
    records = np.zeros(len(commands), COMMAND)
    for record, command in zip(records, commands):
        for name, value in command.items():
            record[name] = value
    return records


class Stream:
    """An endless seeded stream."""

    def __init__(self, setting: Setting, seed: int) -> None:
        self.setting, self.world, self.random = setting, setting.world, Random(seed)
        self.kinds, self.weights = list(setting.kinds), list(setting.kinds.values())
        self.middles = [self.world.middle(i) for i in range(len(self.world.instruments))]
        self.ts, self.next_id = 0, 1
        self.sent: list[tuple[int, int, int]] = [(0, 1, 0)]  # (trader, id, instrument) of orders that may still be there
        self.sweep: Command | None = None  # where the aggressor of the last FLOW goes on
        self.off: list[Command] = []  # commands that turn on again what was halted or killed

    def take(self, count: int) -> np.ndarray:
        """The next `count` commands, COMMAND (count,)."""
        return as_array([self.command() for _ in range(count)])

    def command(self) -> Command:
        made = self.off.pop() if self.off and self.random.random() < 0.1 else self.drawn()
        self.ts += self.random.randrange(-2, 9) * self.random.choice(self.setting.pace)
        self.move()
        return {"ts": self.ts if self.random.random() < 0.9 else 0} | made

    def drawn(self) -> Command:
        if self.sweep:
            return self.next_flow(self.sweep)
        kind = self.random.choice(STRANGE_KINDS) if self.odd() else self.random.choices(self.kinds, self.weights)[0]
        make: dict[int, Callable[[int], Command]] = {
            Kind.NEW: self.new,
            Kind.CANCEL: self.change,
            Kind.REPLACE: self.change,
            Kind.DEPOSIT: self.deposit,
            Kind.HALT: self.halt,
            Kind.KILL: self.switch,
            Kind.REVIVE: self.switch,
            Kind.SET_LIMITS: self.limits,
            Kind.SET_RULES: self.rules,
            Kind.RESTRICT: self.restrict,
            Kind.FLOW: self.flow,
            Kind.LEVEL: self.level,
            Kind.TRADE: self.trade,
            Kind.PRINT: self.point,
            Kind.SET_QUEUE: self.queue,
        }
        return {"kind": kind} | make.get(kind, self.history)(kind)

    def odd(self) -> bool:
        return self.random.random() < self.setting.strange

    def move(self) -> None:
        """The market goes somewhere else; what rests stays behind."""
        for chance, ticks in ((self.setting.drift, 500), (self.setting.walk, 2)):
            if self.random.random() >= chance:
                continue
            index = self.random.randrange(len(self.middles))
            listed = self.world.instruments[index]
            moved = self.middles[index] + self.random.randrange(-ticks, ticks + 1) * listed.tick_units
            self.middles[index] = moved if moved > 10 * listed.tick_units or listed.negative_prices else self.world.middle(index)

    def pick(self, count: int, strange: Sequence[int]) -> int:
        """A number below `count`, now and then a strange one."""
        return self.random.choice(strange) if self.odd() else self.random.randrange(count)

    def instrument(self) -> int:
        return self.pick(len(self.world.instruments), (3, 70_000, 2**32 - 1))

    def price(self, instrument: int, side: int, strange: Sequence[int] = STRANGE_PRICES) -> int:
        """Few prices, buys a little below sells, so that orders rest and meet."""
        if self.odd():
            return self.random.choice(strange)
        known = min(instrument, len(self.world.instruments) - 1)
        lean = -1 if side == 0 else 1
        steps = self.random.randrange(-3, 4) + lean + (self.random.choice(FAR_STEPS) if self.odd() else 0)
        return self.middles[known] + steps * self.world.instruments[known].tick_units + (1 if self.odd() else 0)

    def quantity(self, strange: Sequence[int] = STRANGE_QUANTITIES) -> int:
        return self.random.choice(strange) if self.odd() else self.random.randrange(1, 21)

    def flags(self) -> int:
        if self.odd():
            return self.random.choice((Flag.REDUCE_ONLY | Flag.POST_ONLY, Flag.OPENING, 128, 255))
        post_only, reducing = self.random.random() < 0.08, self.random.random() < self.setting.reducing
        return Flag.POST_ONLY * post_only | Flag.REDUCE_ONLY * reducing

    def type(self) -> int:
        if self.odd():
            return 9
        if self.random.random() < self.setting.stops:
            return self.random.choice((OrderType.STOP, OrderType.STOP_LIMIT))
        return OrderType.LIMIT if self.random.random() < 0.87 else OrderType.MARKET

    def portfolio(self) -> int:
        return self.pick(len(self.world.portfolio_names), (9, 2**32 - 1))

    def trader(self) -> int:
        return self.pick(1 + len(self.world.traders), (7, 2**32 - 2))

    def new(self, _: int) -> Command:
        random, instrument, side = self.random, self.instrument(), self.pick(2, (2, 255))
        trader = self.trader()
        order_id = random.choice(self.sent)[1] if random.random() < 0.02 else self.next_id
        self.next_id += 1
        self.sent = [*self.sent[-60:], (trader, order_id, instrument)]
        return {
            "order_id": random.choice((0, 2**64 - 1)) if self.odd() else order_id,
            "instrument": instrument,
            "portfolio": self.portfolio(),
            "trader": trader,
            "side": side,
            "type": self.type(),
            "time_in_force": random.choices((*TimeInForce, 4), (45, 25, 15, 15, self.setting.strange))[0],
            "self_trade": random.choices((*SelfTrade, 4), (40, 20, 20, 20, self.setting.strange))[0],
            "flags": self.flags(),
            "price": self.price(instrument, side),
            "stop_price": self.price(instrument, 1 - side % 2),
            "quantity": self.quantity(),
        }

    def change(self, kind: int) -> Command:
        trader, order_id, instrument = self.sent[-1 - int(len(self.sent) * self.random.random() ** 2)]
        made = {
            "order_id": order_id if not self.odd() else 0,
            "trader": trader if not self.odd() else 1,
            "instrument": instrument if not self.odd() else self.instrument(),
        }
        if kind == Kind.CANCEL:
            return made
        named = self.random.randrange(4)
        return made | {
            "quantity": self.quantity() if named & 1 else NOT_NAMED,
            "price": self.price(instrument, self.random.randrange(2)) if named & 2 else NOT_NAMED,
            "stop_price": self.price(instrument, self.random.randrange(2)) if self.named_stop() else NOT_NAMED,
        }

    def named_stop(self) -> bool:
        return self.odd() or self.random.random() < self.setting.stops / 2

    def deposit(self, _: int) -> Command:
        amounts = (0, 2**62, -(2**62), 2**61, -(2**61), NOT_WHOLE, NOT_NAMED)
        largest = self.random.choice((10**7, 10**9))
        amount = self.random.choice(amounts) if self.odd() else self.random.randrange(-largest, largest)
        return {"portfolio": self.portfolio(), "quantity": amount}

    # ------------------------------------------------------------------ control

    def halt(self, _: int) -> Command:
        instrument = self.instrument()
        self.off.append({"kind": Kind.RESUME, "instrument": instrument})
        return {"instrument": instrument}

    def switch(self, kind: int) -> Command:
        """A kill switch, with more fields than it needs."""
        flags = self.pick(3, (3, 4, 255))
        made = {"portfolio": self.portfolio(), "trader": self.trader(), "flags": flags}
        if kind == Kind.KILL:
            self.off.append({"kind": Kind.REVIVE} | made)
        return made

    def amount(self, largest: int) -> int:
        """An amount of limits or rules, as often none."""
        if self.odd():
            return self.random.choice(STRANGE_AMOUNTS)
        return self.random.randrange(1, largest) if self.random.random() < self.setting.bound else NOT_NAMED

    def most_units(self) -> Command:
        """A largest quantity of a few units, written in some way."""
        power = self.random.randrange(-2, 2)
        largest = round(60 * 10.0**-power)
        return {"quantity": self.amount(largest), "type": self.random.choice(STRANGE_EXPONENTS) if self.odd() else 128 + power}

    def limits(self, _: int) -> Command:
        """Small enough to bind: a usual order is worth a few units of money."""
        return self.most_units() | {
            "portfolio": self.portfolio(),
            "price": self.amount(120 * 10**6),
            "stop_price": self.amount(10 * 10**6),
            "order_id": self.amount(8 * 10**9) % 2**64,
            "flags": self.pick(2, (2, 255)) if self.random.random() < self.setting.bound else 0,
        }

    def rules(self, _: int) -> Command:
        return self.most_units() | {
            "trader": self.trader(),
            "instrument": self.instrument() if self.odd() and self.odd() else 0,
            "price": self.amount(30 * 10**6),
            "stop_price": self.amount(self.random.choice((3 * 10**8, 5 * 10**9))),
            "order_id": (self.random.choice((9 * 10**9, 9 * 10**9 - 1)) if self.odd() else self.amount(5000)) % 2**64,
            "flags": self.pick(2, (2, 255)) if self.random.random() < self.setting.bound else 0,
        }

    def restrict(self, _: int) -> Command:
        return {"trader": self.trader(), "instrument": self.instrument()}

    def flow(self, kind: int) -> Command:
        """An aggressor; some go on past hidden lots."""
        made = self.history(kind)
        if made["side"] < 2 and 0 < made["quantity"] < 100 and abs(made["price"]) < 2**40 and self.random.random() < 0.4:
            made["flags"] = Flag.CONTINUED
            made["quantity"] *= 2
            self.sweep = {"kind": kind} | made
        return made

    def next_flow(self, before: Command) -> Command:
        """The same aggressor a little further down the queue, less the hidden lots that it took on the way."""
        listed = self.world.instruments[min(before["instrument"], len(self.world.instruments) - 1)]
        further = self.random.randrange(1, 4) * listed.tick_units
        left = max(1, before["quantity"] - self.random.randrange(0, 12))
        made = before | {"price": before["price"] + (further if before["side"] == 0 else -further), "quantity": left}
        goes_on = self.random.random() < 0.3
        made["flags"] = Flag.CONTINUED if goes_on else 0
        self.sweep = made if goes_on else None
        return made

    def level(self, kind: int) -> Command:
        """Lots at a price: often none, else now more and now less."""
        made = self.history(kind)
        return made if self.odd() else made | {"quantity": self.random.choice((0, 0, 5, 10, 20, 30, self.random.randrange(60)))}

    def trade(self, kind: int) -> Command:
        """With its aggressor, mostly."""
        made = self.history(kind)
        return made | {"flags": self.random.choice((0, 0, 0, Flag.HIDDEN, Flag.ESTIMATED, Flag.HIDDEN | Flag.ESTIMATED))}

    def point(self, kind: int) -> Command:
        """A print; of bars now and then the first of a bar."""
        volume = self.random.choice((0, 1, 50, 1000, 2**40, 2**62)) if self.odd() else self.random.randrange(300)
        return self.history(kind) | {"stop_price": volume}

    def queue(self, _: int) -> Command:
        return {
            "instrument": self.instrument(),
            "side": 2 if self.random.random() < self.setting.bars else self.pick(2, (3, 255)),
            "type": self.pick(3, (3, 255)),
            "stop_price": self.random.choice((0, 256, -1)) if self.odd() else self.random.randrange(1, 64),
            "quantity": self.random.choice((0, 10**6 + 1, -1)) if self.odd() else self.random.choice((1, 10**5, 5 * 10**5, 10**6)),
        }

    def history(self, kind: int) -> Command:
        """History, marks and days. A fill of unlimited size at an unlimited price is out of the range of money: not both are extreme."""
        instrument, side = self.instrument(), self.pick(2, (2, 255))
        extreme, takes = self.odd(), kind in (Kind.FLOW, Kind.TRADE)
        return {
            "instrument": instrument,
            "order_id": 0 if kind in NAMELESS else self.pick(25, (0, 2**64 - 1)),
            "side": side,
            "price": self.price(instrument, 1 - side % 2 if takes else side, STRANGE_PRICES if not extreme else (1, 2, 3)),
            "quantity": self.quantity() if extreme else self.random.randrange(1, 21),
            "flags": self.random.choice((0, 0, Flag.HIDDEN, Flag.OPENING)),
            "row": 1,
        }
