"""Scenarios as text: commands on the left, facts on the right, pictures of the book between. `scenarios/README.md` tells the language.

A scenario runs on anything that has the four methods of `Desk`; `test_scenarios` runs each on the twin and on the compiled exchange.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import COMMAND, write_name
from engine.messages.vocabulary import Kind
from tests.support.scenario_commands import fields_of, portfolio_number, split_instrument
from tests.support.scenario_facts import Levels, Told, picture

CHECKS = ("book", "cash", "equity", "exposure", "position")


class Desk(Protocol):
    """What a scenario needs of an exchange; prices in units, quantities in lots, money as Decimal."""

    def send(self, command: np.ndarray) -> np.ndarray: ...
    def levels(self, instrument: int) -> Levels: ...
    def money(self, portfolio: int) -> Mapping[str, Decimal]:
        """Cash, equity, exposure."""

    def fees(self) -> Decimal: ...
    def position(self, portfolio: int, instrument: int) -> tuple[int, Decimal, Decimal]:
        """Lots, average price, realised P&L."""


@dataclass
class Line:
    number: int
    left: str
    right: list[str]


@dataclass
class Scenario:
    """A table of one file: what is traded, who trades, and what happens."""

    path: Path
    title: str
    instruments: list[Instrument] = field(default_factory=list)
    cash: dict[str, str] = field(default_factory=dict)
    portfolios: list[str] = field(default_factory=lambda: [""])
    traders: list[str] = field(default_factory=lambda: [""])
    orders_max: int | None = None
    lines: list[Line] = field(default_factory=list)

    def opening(self) -> np.ndarray:
        """The commands that open the portfolios without cash, and the traders."""
        known = [(Kind.PORTFOLIO, self.portfolios, len(self.cash) + 1), (Kind.TRADER, self.traders, 1)]
        rows = [(kind, number, names[number]) for kind, names, first in known for number in range(first, len(names))]
        commands = np.zeros(len(rows), COMMAND)
        for command, (kind, number, name) in zip(commands, rows):
            write_name(command, name)
            command["kind"], command["trader"] = kind, number
        return commands

    def command(self, text: str) -> np.ndarray:
        """One command as an array of one record."""
        record = np.zeros(1, COMMAND)
        for name, value in fields_of(self, text).items():
            record[name] = value
        return record

    @property
    def money_unit(self) -> Decimal:
        return Decimal(10) ** -money_decimals(self.instruments)

    # ------------------------------------------------------------------ running

    def run(self, desk: Desk) -> None:
        """Sends every command to `desk` and compares facts, books and money. Raises AssertionError that names file and line."""
        desk.send(self.opening())
        for line in self.lines:
            word, colon, rest = line.left.partition(":")
            if colon:
                got, expected = self._check(desk, word, rest.strip())
            else:
                got, expected = [str(Told(self, fact)) for fact in desk.send(self.command(line.left))], line.right
            assert got == expected, f"{self.path.name}:{line.number}: {line.left}\n  expected {expected}\n  got      {got}"

    def _check(self, desk: Desk, word: str, text: str) -> tuple[object, object]:
        word, instrument = split_instrument(self, word)
        if word == "book":
            return picture(desk.levels(instrument), self.instruments[instrument]), text
        if word in ("cash", "equity", "exposure"):
            wanted = [part.strip().rsplit(" ", 1) for part in text.split(",")]
            got = [(name, desk.fees() if name == "fees" else desk.money(portfolio_number(self, name))[word]) for name, _ in wanted]
            return got, [(name, Decimal(amount)) for name, amount in wanted]
        if word == "position":
            found = re.fullmatch(r"(\S+) (-?\d+)(?: at (\S+))?, realised (\S+)", text)
            assert found, f"{self.path.name}: cannot read the position {text!r}"
            expected = (int(found[2]), Decimal(found[3] or 0), Decimal(found[4]))
            return desk.position(portfolio_number(self, found[1]), instrument), expected
        raise AssertionError(f"{self.path.name}: unknown check {word!r}")


def listing(words: list[str]) -> Instrument:
    """`instrument X tick 0.01 maker_fee 0.001 negative_prices yes`."""
    options: dict[str, Any] = dict(zip(words[2::2], words[3::2]))
    negative = options.pop("negative_prices", "no") == "yes"
    return Instrument(words[1], options.pop("tick"), options.pop("lot", "1"), negative_prices=negative, **options)


def read(path: Path) -> Iterator[Scenario]:
    """The scenarios of a file: what stands before the first `==` holds for all of them."""
    head: list[tuple[int, str]] = []
    scenario: Scenario | None = None
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.startswith("== "):
            if scenario:
                yield scenario
            scenario = Scenario(path, text[3:].strip())
            for _, line in head:
                set_up(scenario, line)
        elif scenario is None:
            head.append((number, text))
        elif text.strip() and not text.startswith("#"):
            note(scenario, number, text)
    if scenario:
        yield scenario


def set_up(scenario: Scenario, text: str) -> None:
    words = text.split()
    if words[:1] == ["instrument"]:
        scenario.instruments.append(listing(words))
    elif words[:1] == ["cash"]:
        scenario.cash[words[1]] = words[2]
        scenario.portfolios.append(words[1])
    elif words[:1] == ["portfolios"]:
        scenario.portfolios += words[1:]
    elif words[:1] == ["traders"]:
        scenario.traders += words[1:]
    elif words[:1] == ["orders"]:
        scenario.orders_max = int(words[1])


def note(scenario: Scenario, number: int, text: str) -> None:
    left, bar, right = text.partition("|") if not text.startswith(CHECKS) else (text, "", "")
    if left.strip():
        scenario.lines.append(Line(number, left.strip(), []))
    if bar:
        scenario.lines[-1].right.append(right.strip())
