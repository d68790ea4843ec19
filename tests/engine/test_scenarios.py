"""Every rule of the exchange as a table that a trader can read (`scenarios/`), on the twin and on the compiled exchange."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import Exchange
from tests.naive.book import Position
from tests.naive.exchange import NaiveExchange, as_records
from tests.support.scenario import Desk, Scenario, read
from tests.support.scenario_facts import Levels

FOLDER = Path(__file__).parents[1] / "scenarios"
SCENARIOS = [scenario for path in sorted(FOLDER.glob("[0-9]*.txt")) for scenario in read(path)]


class Twin:
    def __init__(self, scenario: Scenario) -> None:
        self.exchange = NaiveExchange(scenario.instruments, scenario.cash, scenario.orders_max or 2**40)

    def send(self, commands: np.ndarray) -> np.ndarray:
        return as_records([fact for command in commands for fact in self.exchange.send(command)])

    def levels(self, instrument: int) -> Levels:
        return self.exchange.book(instrument)

    def money(self, portfolio: int) -> Mapping[str, Decimal]:
        return {what: self._money(amount) for what, amount in self.exchange.portfolio(portfolio).items()}

    def fees(self) -> Decimal:
        return self._money(self.exchange.fees)

    def position(self, portfolio: int, instrument: int) -> tuple[int, Decimal, Decimal]:
        held = self.exchange.positions.get((portfolio, instrument), Position())
        listed = self.exchange.instruments[instrument]
        average = self._money(held.cost) / (held.quantity * listed.lot * listed.multiplier) if held.quantity else Decimal(0)
        return held.quantity, average, self._money(held.realized)

    def _money(self, amount: int) -> Decimal:
        return Decimal(amount) / 10**self.exchange.decimals


class Compiled:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        limits = {"orders": scenario.orders_max} if scenario.orders_max else None
        self.exchange = Exchange(scenario.instruments, cash=scenario.cash, history_facts=True, session_limits=limits)

    def send(self, commands: np.ndarray) -> np.ndarray:
        return self.exchange.run(commands)

    def levels(self, instrument: int) -> Levels:
        listed = self.scenario.instruments[instrument]
        sides = self.exchange.book(listed.symbol).levels(100)
        bids, asks = ([(listed.price_units(str(p)), listed.lots(str(q)), int(n)) for p, q, n in side] for side in sides)
        return bids, asks

    def money(self, portfolio: int) -> Mapping[str, Decimal]:
        account = self._account(portfolio)
        return {what: Decimal(str(account[what])) for what in ("cash", "equity", "exposure")}

    def fees(self) -> Decimal:
        return sum((Decimal(str(self._account(number)["fees"])) for number in range(len(self.scenario.portfolios))), Decimal(0))

    def position(self, portfolio: int, instrument: int) -> tuple[int, Decimal, Decimal]:
        listed = self.scenario.instruments[instrument]
        held = self._account(portfolio)["positions"].get(listed.symbol)
        if held is None:
            return 0, Decimal(0), Decimal(0)
        average = Decimal(str(held["average_price"] or 0))
        return listed.lots(str(held["quantity"])), average, Decimal(str(held["realized_pnl"]))

    def _account(self, portfolio: int) -> Mapping[str, Any]:
        return self.exchange.portfolio(self.scenario.portfolios[portfolio])


@pytest.mark.parametrize("desk", [Twin, Compiled])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: f"{s.path.stem}: {s.title}")
def test_scenario(scenario: Scenario, desk: Callable[[Scenario], Desk]) -> None:
    scenario.run(desk(scenario))


def test_every_table_was_read() -> None:
    """No file without a table, no table without a command."""
    assert {scenario.path.name for scenario in SCENARIOS} == {path.name for path in FOLDER.glob("*.txt")}
    assert all(scenario.lines for scenario in SCENARIOS)
