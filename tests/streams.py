"""Random commands: plausible ones that meet each other, and broken ones. Seeded streams for length, hypothesis strategies for shrinking."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.instrument import Instrument
from engine.records import COMMAND, write_name
from engine.vocabulary import NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderType, SelfTrade, TimeInForce

Command = dict[str, int]
WEIGHTS = {
    Kind.NEW: 380, Kind.CANCEL: 80, Kind.REPLACE: 100, Kind.END_OF_DAY: 3, Kind.START_OF_DAY: 4, Kind.MARK: 8, Kind.DEPOSIT: 8,
    Kind.ADD: 110, Kind.REDUCE: 60, Kind.MODIFY: 50, Kind.EXECUTE: 50, Kind.FLOW: 60, Kind.PRINT: 15, Kind.NOTICE: 5, Kind.REVEAL: 25,
    Kind.REMOVE: 20,
}  # fmt: skip
HISTORY_KINDS = (Kind.ADD, Kind.REDUCE, Kind.MODIFY, Kind.EXECUTE, Kind.FLOW, Kind.PRINT, Kind.NOTICE, Kind.REVEAL, Kind.REMOVE)
UNBUILT_KINDS = (Kind.HALT, Kind.RESUME, Kind.KILL, Kind.REVIVE, Kind.REFERENCE, Kind.SET_LIMITS, Kind.SET_RULES)
STRANGE_KINDS = (0, 9, 13, 39, 49, 64, 70, 100, 255, *UNBUILT_KINDS)
STRANGE_PRICES = (0, -1, 1, 3, 2**31 - 1, 1 - 2**31, 2**31, -(2**31), 2**40, NOT_WHOLE, NOT_NAMED)
FAR_STEPS = (-4096, 1000, 4095, 4096, 4097, 8192, 100_000)
STRANGE_QUANTITIES = (0, -1, 2**32 - 1, 2**32, 2**31, 2**40, -(2**40), NOT_WHOLE, NOT_NAMED)


@dataclass(frozen=True)
class World:
    """Who trades what: the setting of a stream."""

    instruments: Sequence[Instrument] = (
        Instrument("PLAIN", tick="0.01"),
        Instrument("FINE", tick="0.02", lot="0.1", price_unit="0.005", multiplier=10, maker_fee="-0.000135", taker_fee="0.00047"),
        Instrument("BELOW", tick="0.5", negative_prices=True, maker_fee="0.003", taker_fee="0.00333333"),
    )
    cash: Mapping[str, str] = field(default_factory=lambda: {"rich": "1000000000", "poor": "10.00"})
    portfolios: Sequence[str] = ("third", "fourth")
    traders: Sequence[str] = ("tom", "tim")

    def opening(self) -> np.ndarray:
        """The commands that open what the constructor does not: portfolios without cash, and traders. COMMAND (n,)."""
        rows = [(Kind.PORTFOLIO, number, name) for number, name in enumerate(self.portfolios, len(self.cash) + 1)]
        rows += [(Kind.TRADER, number, name) for number, name in enumerate(self.traders, 1)]
        commands = np.zeros(len(rows), COMMAND)
        for command, (kind, number, name) in zip(commands, rows):
            write_name(command, name)
            command["kind"], command["trader"] = kind, number
        return commands

    @property
    def portfolio_names(self) -> list[str]:
        return ["", *self.cash, *self.portfolios]

    def middle(self, instrument: int) -> int:
        """Price units around which a stream trades."""
        listed = self.instruments[instrument]
        return 0 if listed.negative_prices else 20 * listed.tick_units


CLIENT_KINDS = {kind: weight for kind, weight in WEIGHTS.items() if kind < Kind.ADD}
EDGE = World(cash={"huge": "4611686018327.387904"})  # 100 money short of what MONEY_RANGE allows, and so is the outside world


@dataclass(frozen=True)
class Setting:
    """A world and the manner of a stream in it.

    `strange`: share of broken or extreme fields; `kinds`: weights of commands; `drift`: how often prices move, by up to 500 ticks.
    """

    world: World = World()
    strange: float = 0.01
    kinds: Mapping[Kind, int] = field(default_factory=lambda: WEIGHTS)
    drift: float = 0.0

    def stream(self, seed: int) -> "Stream":
        return Stream(self, seed)


SETTINGS = {
    "all": Setting(),
    "clients": Setting(strange=0.0, kinds=CLIENT_KINDS),
    "edge": Setting(EDGE, strange=0.003),
    "broken": Setting(strange=0.15),
    "drifting": Setting(strange=0.003, drift=0.02),
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

    def take(self, count: int) -> np.ndarray:
        """The next `count` commands, COMMAND (count,)."""
        return as_array([self.command() for _ in range(count)])

    def command(self) -> Command:
        kind = self.random.choice(STRANGE_KINDS) if self.odd() else self.random.choices(self.kinds, self.weights)[0]
        make: dict[int, Callable[[int], Command]] = {
            Kind.NEW: self.new,
            Kind.CANCEL: self.change,
            Kind.REPLACE: self.change,
            Kind.DEPOSIT: self.deposit,
        }
        made = make.get(kind, self.venue)(kind)
        self.ts += self.random.randrange(-2, 9)
        self.move()
        return {"kind": kind, "ts": self.ts if self.random.random() < 0.9 else 0} | made

    def odd(self) -> bool:
        return self.random.random() < self.setting.strange

    def move(self) -> None:
        """The market goes somewhere else; what rests stays behind."""
        if self.random.random() < self.setting.drift:
            index = self.random.randrange(len(self.middles))
            listed = self.world.instruments[index]
            moved = self.middles[index] + self.random.randrange(-500, 501) * listed.tick_units
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
            return self.random.choice((Flag.REDUCE_ONLY, Flag.REDUCE_ONLY | Flag.POST_ONLY, Flag.OPENING, 128, 255))
        return Flag.POST_ONLY if self.random.random() < 0.08 else 0

    def new(self, _: int) -> Command:
        random, instrument, side = self.random, self.instrument(), self.pick(2, (2, 255))
        trader = self.pick(1 + len(self.world.traders), (7, 2**32 - 2))
        order_id = random.choice(self.sent)[1] if random.random() < 0.02 else self.next_id
        self.next_id += 1
        self.sent = [*self.sent[-60:], (trader, order_id, instrument)]
        return {
            "order_id": random.choice((0, 2**64 - 1)) if self.odd() else order_id,
            "instrument": instrument,
            "portfolio": self.pick(len(self.world.portfolio_names), (9, 2**32 - 1)),
            "trader": trader,
            "side": side,
            "type": random.choices((OrderType.LIMIT, OrderType.MARKET, OrderType.STOP, 9), (85, 12, 1, self.setting.strange))[0],
            "time_in_force": random.choices((*TimeInForce, 4), (45, 25, 15, 15, self.setting.strange))[0],
            "self_trade": random.choices((*SelfTrade, 4), (40, 20, 20, 20, self.setting.strange))[0],
            "flags": self.flags(),
            "price": self.price(instrument, side),
            "stop_price": self.price(instrument, side),
            "quantity": self.quantity(),
        }

    def change(self, kind: int) -> Command:
        trader, order_id, instrument = self.random.choice(self.sent)
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
            "stop_price": self.price(instrument, 0) if self.odd() else NOT_NAMED,
        }

    def deposit(self, _: int) -> Command:
        amounts = (0, 2**62, -(2**62), 2**61, -(2**61), NOT_WHOLE, NOT_NAMED)
        amount = self.random.choice(amounts) if self.odd() else self.random.randrange(-(10**9), 10**9)
        return {"portfolio": self.pick(len(self.world.portfolio_names), (9,)), "quantity": amount}

    def venue(self, kind: int) -> Command:
        """History, marks and days. A fill of unlimited size at an unlimited price is out of the range of money: not both are extreme."""
        instrument, side = self.instrument(), self.pick(2, (2, 255))
        extreme = self.odd()
        return {
            "instrument": instrument,
            "order_id": 0 if kind in (Kind.FLOW, Kind.PRINT, Kind.NOTICE, Kind.REVEAL, Kind.REMOVE) else self.pick(25, (0, 2**64 - 1)),
            "side": side,
            "price": self.price(instrument, side if kind != Kind.FLOW else 1 - side % 2, STRANGE_PRICES if not extreme else (1, 2, 3)),
            "quantity": self.quantity() if extreme else self.random.randrange(1, 21),
            "flags": self.random.choice((0, 0, Flag.HIDDEN, Flag.OPENING)),
            "row": 1,
        }


def command_strategy(world: World) -> st.SearchStrategy[Command]:
    """One command with few ids and few prices, so that short lists meet and shrink well."""
    number = st.integers
    listed = number(0, len(world.instruments) - 1) | st.just(len(world.instruments))
    quantity = number(1, 6) | st.sampled_from(STRANGE_QUANTITIES)
    last = len(world.instruments) - 1
    price = st.builds(lambda steps, i: world.middle(i) + steps * world.instruments[i].tick_units, number(-2, 2), number(0, last))
    any_price = price | price | price | st.sampled_from(STRANGE_PRICES)
    named = {"order_id": number(0, 6), "trader": number(0, len(world.traders) + 1), "instrument": listed, "ts": number(-1, 5)}
    order = {"portfolio": number(0, len(world.portfolio_names)), "side": number(0, 2), "type": st.sampled_from((1, 1, 1, 0, 2, 3, 4))}
    order |= {"time_in_force": number(0, 4), "self_trade": number(0, 4), "flags": st.sampled_from((0, 0, 0, 1, 2, 4))}
    venue: dict[str, Any] = {"side": number(0, 2), "quantity": number(1, 6), "price": any_price, "instrument": listed, "ts": number(-1, 5)}
    return st.one_of(
        st.fixed_dictionaries({"kind": st.just(Kind.NEW), "quantity": quantity, "price": any_price} | named | order),
        st.fixed_dictionaries({"kind": st.just(Kind.CANCEL)} | named),
        st.fixed_dictionaries(
            {"kind": st.just(Kind.REPLACE), "quantity": quantity | st.just(NOT_NAMED), "price": any_price | st.just(NOT_NAMED)}
            | named
            | {"stop_price": st.sampled_from((NOT_NAMED, NOT_NAMED, NOT_NAMED, 1))}
        ),
        st.fixed_dictionaries({"kind": st.sampled_from(HISTORY_KINDS), "order_id": number(0, 4)} | venue),
        st.fixed_dictionaries({"kind": st.sampled_from((Kind.MARK, Kind.END_OF_DAY, Kind.START_OF_DAY, *STRANGE_KINDS))} | venue),
        st.fixed_dictionaries({"kind": st.just(Kind.DEPOSIT), "portfolio": number(0, 5), "quantity": number(-5, 5)}),
    )
