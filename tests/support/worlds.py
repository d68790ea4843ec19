"""Who trades what in random streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND, write_name
from engine.messages.vocabulary import Kind


@dataclass(frozen=True)
class World:
    """Instruments, and portfolios and traders by number."""

    instruments: Sequence[Instrument] = (
        Instrument("PLAIN", tick="0.01"),
        Instrument("FINE", tick="0.02", lot="0.1", price_unit="0.005", multiplier=10, maker_fee="-0.000135", taker_fee="0.00047"),
        Instrument("BELOW", tick="0.5", negative_prices=True, maker_fee="0.003", taker_fee="0.00333333"),
    )
    cash: Mapping[str, str] = field(default_factory=lambda: {"rich": "1000000000", "poor": "10.00"})
    portfolios: Sequence[str] = ("third", "fourth")
    traders: Sequence[str] = ("tom", "tim")
    orders_max: int = 1 << 20  # live orders of clients

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


EDGE = World(cash={"huge": "4611686018327.387904"})  # 100 money short of what MONEY_RANGE allows, and so is the outside world
CROWDED = World(orders_max=40)
MANY = World(portfolios=tuple(f"p{number}" for number in range(40)), traders=tuple(f"t{number}" for number in range(20)))
