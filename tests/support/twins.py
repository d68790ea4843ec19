"""The naive and the compiled exchange side by side: one stream of commands, facts and states compared."""

import math
from decimal import Decimal
from typing import Any

import numpy as np

from engine import Exchange
from engine.messages.records import COMMAND, FACT_COLUMNS
from engine.messages.vocabulary import Kind, Reason
from engine.state.arrays import COUNTERS
from tests.naive.exchange import NaiveExchange, as_records
from tests.support.worlds import World


class Difference(AssertionError):
    """Where the two exchanges part: `at` is the index of the command, `about` the kinds of the facts (or the state) that differ."""

    def __init__(self, at: int, about: object, text: str) -> None:
        super().__init__(text)
        self.at, self.about = at, about


def compiled(world: World, reserve: int = 0, history_facts: bool = True) -> Exchange:
    limits = {"orders": world.orders_max}
    exchange = Exchange(list(world.instruments), cash=dict(world.cash), reserve=reserve, history_facts=history_facts, session_limits=limits)
    exchange.run(world.opening())
    return exchange


def naive(world: World, opening: int) -> NaiveExchange:
    """The twin of an exchange that has had `opening` commands, one fact each."""
    twin = NaiveExchange(world.instruments, world.cash, world.orders_max)
    for command in world.opening():
        twin.send(command)
    twin.seq = 2 * opening
    return twin


class Pair:
    """Both exchanges of a world. `run` raises Difference at the first command that they answer differently."""

    def __init__(self, world: World) -> None:
        self.world, self.exchange = world, compiled(world)
        self.twin = naive(world, len(self.exchange.opening) + len(world.opening()))
        self.done = 0

    def run(self, commands: np.ndarray) -> np.ndarray:
        """FACT array of the compiled exchange, which equals the twin's."""
        got = self.exchange.run(commands)
        expected, ends = [], []
        for command in commands.tolist():
            expected += self.twin.send(dict(zip(COMMAND.names or (), command)))
            ends.append(len(expected))
        records = as_records(expected)
        if got.tobytes() != records.tobytes():
            self._part(commands, got, records, ends)
        self.done += len(commands)
        return got

    def _part(self, commands: np.ndarray, got: np.ndarray, expected: np.ndarray, ends: list[int]) -> None:
        shared = min(len(got), len(expected))
        unequal = np.flatnonzero((raw(got[:shared]) != raw(expected[:shared])).any(axis=1))
        first = int(unequal[0]) if len(unequal) else shared
        at = int(np.searchsorted(ends, first, side="right"))
        start = ends[at - 1] if at else 0
        end = ends[at] if at < len(ends) else len(expected)
        answers = "\n".join(
            f"  {name} {describe(fact)}" for name, facts in (("twin  ", expected), ("engine", got)) for fact in facts[start : end + 1]
        )
        about = tuple(int(facts["kind"][first]) if first < len(facts) else 0 for facts in (expected, got))
        asked = describe_command(commands[at]) if at < len(commands) else "(nothing was asked)"
        raise Difference(self.done + at, about, f"command {self.done + at}: {asked}\n{answers}")

    def compare_states(self) -> None:
        """Books, cash, positions, and what was counted of history. Raises Difference."""
        self._compare_books()
        for what in COUNTERS:
            self._same(what, self.twin.counts[what], int(self.exchange.state.session[what][0]))
        for number, name in enumerate(self.world.portfolio_names):
            theirs = self.exchange.portfolio(name)
            mine = self.twin.portfolio(number)
            for what, money in mine.items():
                self._close(f"{what} of {name!r}", self._money(money), theirs[what])
            self._compare_leverage(name, mine, theirs["leverage"])
            for index, listed in enumerate(self.twin.instruments):
                self._compare_position(number, index, theirs["positions"].get(listed.symbol))

    def _compare_leverage(self, name: str, mine: dict[str, int], theirs: float | None) -> None:
        if mine["equity"] <= 0 or theirs is None:
            return self._same(f"leverage of {name!r}", None if mine["equity"] <= 0 else mine["exposure"] / mine["equity"], theirs)
        return self._close(f"leverage of {name!r}", Decimal(mine["exposure"]) / mine["equity"], theirs)

    def _compare_books(self) -> None:
        for index, listed in enumerate(self.twin.instruments):
            mine = [[(listed.price(p), listed.quantity(q), n) for p, q, n in side] for side in self.twin.book(index)]
            theirs = [[tuple(Decimal(str(x)) for x in level) for level in side] for side in self.exchange.book(listed.symbol).levels(10**6)]
            self._same(f"book of {listed.symbol}", mine, theirs)

    def compare_orders(self) -> None:
        """One row for each used id, in the order of entry. Raises Difference."""
        traders = ["", *self.world.traders]
        mine = [(traders[o.trader], o.id, o.status.name, o.quantity, o.executed) for o in self.twin.orders.values()]
        frame = self.exchange.orders()
        lots = {listed.symbol: listed.lots for listed in self.twin.instruments}
        columns = ("trader", "order_id", "status", "quantity_lots", "executed_quantity", "symbol")
        theirs = [(*row[:4], lots[row[5]](row[4])) for row in frame.select(columns).iter_rows()]
        self._same("orders", mine, theirs)

    def _compare_position(self, portfolio: int, index: int, theirs: dict[str, Any] | None) -> None:
        held, listed = self.twin.positions.get((portfolio, index)), self.twin.instruments[index]
        where = f"position of {self.world.portfolio_names[portfolio]!r} in {listed.symbol}"
        if held is None or theirs is None:
            return self._same(where, held, theirs)
        quantity = listed.quantity(held.quantity)
        self._close(where, quantity, theirs["quantity"])
        self._close(f"{where}, realised", self._money(held.realized), theirs["realized_pnl"])
        if held.quantity:
            self._close(f"{where}, average", self._money(held.cost) / (quantity * listed.multiplier), theirs["average_price"])
            self._close(f"{where}, mark", listed.price(self.twin.marks[index]), theirs["mark"])
        return None

    def _money(self, amount: int) -> Decimal:
        return Decimal(amount) / 10**self.twin.decimals

    def _close(self, what: str, mine: Decimal, theirs: float) -> None:
        """Equal but for the last digits of a float."""
        if not math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-12):
            self._same(what, float(mine), theirs)

    def _same(self, what: str, mine: object, theirs: object) -> None:
        if mine != theirs:
            raise Difference(self.done - 1, what, f"after {self.done} commands, {what}:\n  twin   {mine}\n  engine {theirs}")


def raw(facts: np.ndarray) -> np.ndarray:
    """The bytes of each fact, uint8 (n, size)."""
    return np.frombuffer(facts.tobytes(), np.uint8).reshape(len(facts), -1)


def describe(fact: np.void) -> str:
    """A fact with the fields that are not zero."""
    fields = {name: int(fact[name]) for name in FACT_COLUMNS if fact[name]}
    kind, reason = Kind(fields.pop("kind")).name, Reason(fields.pop("reason", 0)).name
    return " ".join([kind, "" if reason == "NONE" else reason, *(f"{name}={value}" for name, value in fields.items())]).replace("  ", " ")


def describe_command(command: np.void) -> str:
    """A command as the mapping that makes it again."""
    fields = {name: int(command[name]) for name in COMMAND.names or () if command[name] and name != "kind"}
    kind = int(command["kind"])
    known = f"Kind.{Kind(kind).name}" if kind in set(Kind) else str(kind)
    return "{" + ", ".join([f'"kind": {known}', *(f'"{name}": {value}' for name, value in fields.items())]) + "}"
