"""Every rule of the exchange as a table that a trader can read (`scenarios/`), on the twin and on the compiled exchange."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tests.naive import NaiveExchange, as_records
from tests.naive_book import Position
from tests.scenario import Levels, Scenario, read

FOLDER = Path(__file__).parent / "scenarios"
SCENARIOS = [scenario for path in sorted(FOLDER.glob("[0-9]*.txt")) for scenario in read(path)]


class Twin:
    def __init__(self, scenario: Scenario) -> None:
        self.exchange = NaiveExchange(scenario.instruments, scenario.cash)

    def send(self, commands: np.ndarray) -> np.ndarray:
        return as_records([fact for command in commands for fact in self.exchange.send(command)])

    def levels(self, instrument: int) -> Levels:
        return self.exchange.book(instrument)

    def cash(self, portfolio: int) -> Decimal:
        return self._money(self.exchange.cash[portfolio])

    def fees(self) -> Decimal:
        return self._money(self.exchange.fees)

    def position(self, portfolio: int, instrument: int) -> tuple[int, Decimal, Decimal]:
        held = self.exchange.positions.get((portfolio, instrument), Position())
        listed = self.exchange.instruments[instrument]
        average = self._money(held.cost) / (held.quantity * listed.lot * listed.multiplier) if held.quantity else Decimal(0)
        return held.quantity, average, self._money(held.realized)

    def _money(self, amount: int) -> Decimal:
        return Decimal(amount) / 10**self.exchange.decimals


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.path.stem}: {s.title}")
def test_twin(scenario: Scenario) -> None:
    scenario.run(Twin(scenario))
