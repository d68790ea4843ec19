"""Scenarios as text: commands on the left, facts on the right, pictures of the book between. `scenarios/README.md` tells the language.

A scenario runs on anything that has the four methods of `Desk`; `test_scenarios` runs each on the twin and on the compiled exchange.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engine.instrument import Instrument, money_decimals
from engine.records import COMMAND, write_name
from engine.vocabulary import HISTORY, NOT_NAMED, NOT_WHOLE, Flag, Kind, OrderType, Reason, SelfTrade, Side, TimeInForce

UNCOUNTED = 2**32 - 1
Levels = tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]
OPTIONS: dict[str, tuple[str, int]] = {
    **{tif.name.lower(): ("time_in_force", tif) for tif in TimeInForce},
    **{mode.name.lower().replace("_", "-"): ("self_trade", mode) for mode in SelfTrade},
    "trade-itself": ("self_trade", SelfTrade.NONE),
    "post-only": ("flags", Flag.POST_ONLY),
    "reduce-only": ("flags", Flag.REDUCE_ONLY),
    "hidden": ("flags", Flag.HIDDEN),
    "opening": ("flags", Flag.OPENING),
}


class Desk(Protocol):
    """What a scenario needs of an exchange; prices in units, quantities in lots, money as Decimal."""

    def send(self, command: np.ndarray) -> np.ndarray: ...
    def levels(self, instrument: int) -> Levels: ...
    def cash(self, portfolio: int) -> Decimal: ...
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
    lines: list[Line] = field(default_factory=list)

    # ------------------------------------------------------------------ from text to commands

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
        fields = self._raw(text.split()[1:]) if text.startswith("raw ") else self._fields(text)
        record = np.zeros(1, COMMAND)
        for name, value in fields.items():
            record[name] = value
        return record

    def _raw(self, words: list[str]) -> dict[str, int]:
        fields = {"kind": int(words[0]) if words[0].isdigit() else int(Kind[words[0]])}
        for word in words[1:]:
            name, value = word.split("=")
            fields[name] = eval(value, {"__builtins__": {}})
        return fields

    def _fields(self, text: str) -> dict[str, int]:
        text, instrument = self._instrument(text)
        words, listed = text.split(), self.instruments[instrument]
        fields: dict[str, int] = {"instrument": instrument}
        while words and words[-1] in OPTIONS:
            name, value = OPTIONS[words.pop()]
            fields[name] = fields.get(name, 0) | int(value)
        if words[0] in ("cancel", "replace"):
            return fields | self._change(words, listed)
        if words[0] in ("add", "reduce", "modify", "execute"):
            return fields | {"kind": Kind[words[0].upper()], "order_id": ord(words[1]), "row": 1} | trade_terms(words[2:], listed)
        if words[0] in ("flow", "print", "reveal", "remove"):
            return fields | {"kind": Kind[words[0].upper()]} | trade_terms(words[1:], listed)
        if words[0] == "mark":
            return fields | {"kind": Kind.MARK, "price": listed.price_units(words[1])}
        if text == "end of day":
            return fields | {"kind": Kind.END_OF_DAY}
        if text == "start of day":
            return {"kind": Kind.START_OF_DAY}
        return fields | self._new(words, listed)

    def _instrument(self, text: str) -> tuple[str, int]:
        text, _, symbol = text.partition(" on ")
        return text, [i.symbol for i in self.instruments].index(symbol) if symbol else 0

    def _new(self, words: list[str], listed: Instrument) -> dict[str, int]:
        fields = {"kind": Kind.NEW, "portfolio": self._portfolio(words[0])} | self._key(words[-1])
        terms = words[1:-1]
        if "stop" in terms:
            at = terms.index("stop")
            fields |= {"stop_price": listed.price_units(terms[at + 1])}
            del terms[at : at + 2]
        waits, market = "stop_price" in fields, terms[2] == "market"
        kind = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.STOP)[2 * waits + market]
        return fields | {"type": kind} | trade_terms(terms, listed)

    def _change(self, words: list[str], listed: Instrument) -> dict[str, int]:
        fields = {"kind": Kind[words[0].upper()]} | self._key(words[1])
        if words[0] == "cancel":
            return fields
        fields |= {"quantity": NOT_NAMED, "price": NOT_NAMED, "stop_price": NOT_NAMED}
        for name, value in zip(words[2::2], words[3::2]):
            fields[{"stop": "stop_price"}.get(name, name)] = listed.lots(value) if name == "quantity" else listed.price_units(value)
        return fields

    def _key(self, word: str) -> dict[str, int]:
        trader, _, number = word.partition("#")
        return {"trader": self.traders.index(trader), "order_id": int(number)}

    def _portfolio(self, word: str) -> int:
        return 0 if word == "outside" else self.portfolios.index(word)

    # ------------------------------------------------------------------ from facts to text

    def tell(self, fact: Any) -> str:
        """A fact in the scenario's language."""
        known = fact["instrument"] < len(self.instruments)
        listed = self.instruments[fact["instrument"] if known else 0]
        kind, quantity, price = Kind(fact["kind"]), fact["quantity"], listed.price(int(fact["price"]))
        reason, value = Reason(fact["reason"]).name, int(fact["value"])
        where = f" on {listed.symbol if known else '?'}" if fact["instrument"] else ""
        way = Side(fact["side"]).name.lower() if fact["side"] in set(Side) else "?"
        who, venue = self._who(fact["trader"], fact["order_id"]), chr(fact["order_id"] % 2**16 or 63)
        stop = f" stop {listed.price(int(fact['stop_price']))}" if fact["stop_price"] else ""
        terms = f"{who} {way} {quantity} {'market' if fact['type'] in (OrderType.MARKET, OrderType.STOP) else f'@ {price}'}{stop}"
        ahead = ", ahead not counted" if fact["ahead"] == UNCOUNTED else f", {fact['ahead']} ahead" if fact["ahead"] else ""
        clipped = f", {value} clipped" if value else ""
        given = ", not whole" if value == NOT_WHOLE else f", {value} given" if value else ""
        texts = {
            Kind.OrderCreated: lambda: f"created {terms}{ahead}",
            Kind.OrderReplaced: lambda: f"replaced {terms}, {fact['remaining']} open{ahead}",
            Kind.OrderCancelled: lambda: f"cancelled {who}, {fact['remaining']} of {quantity}, {reason}",
            Kind.OrderExpired: lambda: f"expired {who}, {fact['remaining']} of {quantity}, {reason}",
            Kind.OrderRejected: lambda: f"rejected {who}, {reason}{given}",
            Kind.CancelRejected: lambda: f"cancel rejected {who}, {reason}",
            Kind.ReplaceRejected: lambda: f"replace rejected {who}, {reason}",
            Kind.CommandRejected: lambda: f"refused, {reason}{given}",
            Kind.TradeExecuted: lambda: self._trade(fact, price) + ahead,
            Kind.CashDeposited: lambda: f"deposited to {self._name(fact['portfolio'])}",
            Kind.DayEnded: lambda: "day ended",
            Kind.DayStarted: lambda: "day started",
            Kind.PriceMarked: lambda: f"marked {price}",
            Kind.HistoryAdded: lambda: f"{venue} added, {fact['remaining']} open",
            Kind.HistoryReduced: lambda: f"{venue} reduced by {quantity}, {fact['remaining']} open{clipped}",
            Kind.HistoryExecuted: lambda: f"{venue} executed {quantity}, {fact['remaining']} open{clipped}",
            Kind.HistoryModified: lambda: f"{venue} modified to {way} {quantity} @ {price}, {fact['remaining']} open{clipped}",
            Kind.FlowApplied: lambda: "flow",
            Kind.TradePrinted: lambda: f"printed {quantity} @ {price}",
            Kind.NoticeGiven: lambda: f"notice {fact['price']}",
            Kind.HistoryRevealed: lambda: f"revealed, {fact['remaining']} open",
            Kind.HistoryRemoved: lambda: f"removed {quantity}{clipped}",
        }
        return texts[kind]() + where

    def _who(self, trader: int, order_id: int) -> str:
        if trader == HISTORY:
            return chr(order_id) if order_id else "history"
        return f"{self.traders[trader]}#{order_id}" if trader < len(self.traders) else f"?#{order_id}"

    def _name(self, portfolio: int) -> str:
        return self.portfolios[portfolio] or "outside"

    def _trade(self, fact: Any, price: Decimal) -> str:
        taker = f"{self._who(fact['trader'], fact['order_id'])} ({fact['remaining']} left)"
        maker = f"{self._who(fact['maker_trader'], fact['maker_order_id'])} ({fact['maker_remaining']} left)"
        verb = "sells to" if fact["side"] else "buys from"
        unit = Decimal(10) ** -money_decimals(self.instruments)
        fees = f", fees {int(fact['fee']) * unit:f} and {int(fact['maker_fee']) * unit:f}" if fact["fee"] or fact["maker_fee"] else ""
        estimated = ", estimated" if fact["flags"] & Flag.ESTIMATED else ""
        return f"trade {fact['quantity']} @ {price}: {taker} {verb} {maker}{fees}{estimated}"

    def picture(self, levels: Levels, instrument: int) -> str:
        """`20 @ 9.99 (2), 5 @ 9.98 | 7 @ 10.00`: bids, asks, best first; the number of orders where it is not one."""
        listed = self.instruments[instrument]
        sides = ([f"{q} @ {listed.price(p)}" + (f" ({n})" if n != 1 else "") for p, q, n in side] for side in levels)
        return " | ".join(", ".join(side) or "-" for side in sides)

    # ------------------------------------------------------------------ running

    def run(self, desk: Desk) -> None:
        """Sends every command to `desk` and compares facts, books and money. Raises AssertionError that names file and line."""
        desk.send(self.opening())
        for line in self.lines:
            word, colon, rest = line.left.partition(":")
            if colon:
                got, expected = self._check(desk, word, rest.strip())
            else:
                got, expected = [self.tell(fact) for fact in desk.send(self.command(line.left))], line.right
            assert got == expected, f"{self.path.name}:{line.number}: {line.left}\n  expected {expected}\n  got      {got}"

    def _check(self, desk: Desk, word: str, text: str) -> tuple[object, object]:
        word, instrument = self._instrument(word)
        parts = [part.strip() for part in text.split(",")]
        if word == "book":
            return self.picture(desk.levels(instrument), instrument), text
        if word == "cash":
            wanted = [part.rsplit(" ", 1) for part in parts]
            got = [(name, desk.fees() if name == "fees" else desk.cash(self._portfolio(name))) for name, _ in wanted]
            return got, [(name, Decimal(cash)) for name, cash in wanted]
        if word == "position":
            found = re.fullmatch(r"(\S+) (-?\d+)(?: at (\S+))?, realised (\S+)", text)
            assert found, f"{self.path.name}: cannot read the position {text!r}"
            expected = (int(found[2]), Decimal(found[3] or 0), Decimal(found[4]))
            return desk.position(self._portfolio(found[1]), instrument), expected
        raise AssertionError(f"{self.path.name}: unknown check {word!r}")


def trade_terms(words: list[str], listed: Instrument) -> dict[str, int]:
    """`buy 100 @ 10.00` or `sell 5 market`."""
    fields = {"side": int(Side[words[0].upper()]), "quantity": listed.lots(words[1])}
    return fields | ({"price": listed.price_units(words[3])} if words[2] == "@" else {})


def listing(words: list[str]) -> Instrument:
    """`instrument X tick 0.01 maker_fee 0.001 negative_prices yes`."""
    options: dict[str, Any] = dict(zip(words[2::2], words[3::2]))
    return Instrument(words[1], options.pop("tick"), options.pop("lot", "1"), **options)


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


def note(scenario: Scenario, number: int, text: str) -> None:
    left, bar, right = text.partition("|") if not text.startswith(("book", "cash", "position")) else (text, "", "")
    if left.strip():
        scenario.lines.append(Line(number, left.strip(), []))
    if bar:
        scenario.lines[-1].right.append(right.strip())
