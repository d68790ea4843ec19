"""The compiled exchange against itself: however a stream is cut, replayed or given room, facts and digest are the same."""

from collections.abc import Iterator
from itertools import count

import numpy as np

from engine import Exchange
from engine.messages.vocabulary import Kind
from tests.support import invariants
from tests.support.streams import SETTINGS
from tests.support.twins import Difference, compiled
from tests.support.worlds import World

SESSION = 50_000
VARIATIONS = 90
"""More streams made of one: drawing with Python's random is slower than matching."""
SLOW = 500
"""Commands of a session that are also sent one by one, and judged fact by fact."""
MIXED = {  # columns that are mixed anew, by kind
    Kind.NEW: ("price", "quantity", "portfolio", "side", "type", "time_in_force", "self_trade", "flags", "stop_price"),
    Kind.REPLACE: ("price", "quantity", "stop_price"),
    Kind.FLOW: ("price", "quantity"),
    Kind.ADD: ("price", "quantity", "side"),
    Kind.MARK: ("price",),
}


def sessions(names: list[str], seed: int) -> Iterator[tuple[str, int, list[np.ndarray]]]:
    """(setting, seed, streams) without end: a stream and variations of it."""
    for number in count():
        name = names[number % len(names)]
        base = SETTINGS[name].stream(seed + number).take(SESSION)
        chance = np.random.default_rng(seed + number)
        yield name, seed + number, [base, *(variation(base, chance) for _ in range(VARIATIONS))]


def variation(base: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Other commands with the same ids: columns move by some rows among the commands of their kind and instrument."""
    made = base.copy()
    for kind, columns in MIXED.items():
        for instrument in np.unique(base["instrument"][base["kind"] == kind])[:8]:
            rows = np.flatnonzero((base["kind"] == kind) & (base["instrument"] == instrument))
            for column in columns:
                made[column][rows] = np.roll(base[column][rows], chance.integers(-50, 51))
    return made


def part(world: World, commands: np.ndarray) -> Difference | None:
    """The first of the checks that fails."""
    whole = compiled(world)
    facts, digest = whole.run(commands).tobytes(), whole.digest()
    try:
        assert batches(world, commands, 1000) == (facts, digest), "batches of 1000"
        restarted(world, commands, facts, digest)
        roomy(world, commands, facts, digest)
        slow(world, commands[:SLOW])
    except AssertionError as broken:
        return Difference(len(commands) - 1, str(broken).partition("\n")[0], f"broken: {broken}")
    return None


def batches(world: World, commands: np.ndarray, size: int) -> tuple[bytes, str]:
    """Facts and digest of the commands cut into batches."""
    exchange = compiled(world)
    told = [exchange.run(commands[start : start + size]).tobytes() for start in range(0, len(commands), size or 1)]
    return b"".join(told), exchange.digest()


def restarted(world: World, commands: np.ndarray, facts: bytes, digest: str) -> None:
    """A session that ended in the middle, and was played again from its log."""
    first = compiled(world)
    log = np.concatenate([first.opening, world.opening(), commands[: len(commands) // 2]])
    again = Exchange.from_commands(log, history_facts=True)
    assert facts.endswith(again.run(commands[len(commands) // 2 :]).tobytes()), "facts after a restart"
    assert again.digest() == digest, "digest after a restart"


def roomy(world: World, commands: np.ndarray, facts: bytes, digest: str) -> None:
    """More room, and fewer facts."""
    exchange = compiled(world, reserve=2 * len(commands), history_facts=False)
    told = exchange.run(commands)
    assert exchange.digest() == digest, "digest with more room, without facts of history"
    ours = np.frombuffer(facts, told.dtype)
    assert ours[ours["kind"] < Kind.HistoryAdded].tobytes() == told.tobytes(), "facts of ours, without facts of history"


def slow(world: World, commands: np.ndarray) -> None:
    """In the smallest batches, and every promise."""
    whole = batches(world, commands, len(commands))
    for size in (1, 7):
        assert batches(world, commands, size) == whole, f"batches of {size}"
    exchange = compiled(world)
    exchange.run(commands)
    invariants.hold(exchange)
