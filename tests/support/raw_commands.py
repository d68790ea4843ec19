"""Commands as they may come from anywhere: bytes without meaning, and good commands with fields that were changed."""

from collections.abc import Iterator

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.names import open_session, record
from engine.messages.records import COMMAND, write_name
from engine.messages.vocabulary import Kind
from tests.support.streams import SETTINGS
from tests.support.worlds import World

EDGES = (0, 1, 2, 3, 7, 127, 128, 164, 255, 65_535, 65_536, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 10**12, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
"""Values at which something changes; each field takes those that fit it."""
FIELDS = [name for name in COMMAND.names or () if name not in ("ts", "spare", "row")]
KINDS = [int(kind) for kind in Kind if kind < Kind.OrderCreated]
MORE = 60
"""Instruments, portfolios and traders that the commands introduce, one after the other."""


def raw(chance: np.random.Generator, count: int) -> np.ndarray:
    """Random bytes; of half of the records the kind is one of a command. COMMAND (count,)."""
    made = np.frombuffer(chance.bytes(count * COMMAND.itemsize), COMMAND).copy()
    known = chance.random(count) < 0.5
    made["kind"][known] = chance.choice(KINDS, int(known.sum()))
    made["ts"] &= np.where(chance.random(count) < 0.0005, (1 << 62) - 1, (1 << 36) - 1)
    return made


def introductions(world: World) -> np.ndarray:
    """Good commands that list instruments, three times each, and open portfolios and traders behind those of a world."""
    listed = [*world.instruments, *(Instrument(f"MORE{k}", tick="0.05", lot="0.1", maker_fee="-0.0001") for k in range(MORE))]
    pairs = open_session(listed, 6)[1 + 2 * len(world.instruments) :].reshape(-1, 2)  # symbol and terms of each
    parts = [np.repeat(pairs, 3, axis=0).ravel()]
    for kind, known in ((Kind.PORTFOLIO, len(world.portfolio_names)), (Kind.TRADER, 1 + len(world.traders))):
        for k in range(MORE):
            named = record(kind, trader=known + k)
            write_name(named[0], f"more {k} é€")
            parts.append(named)
    return np.concatenate(parts)


def changed(chance: np.random.Generator, commands: np.ndarray, share: float) -> np.ndarray:
    """The commands, of which a share has up to three fields changed: to an edge, or to random bits."""
    made = commands.copy()
    for _ in range(3):
        for name in FIELDS:
            rows = np.flatnonzero(chance.random(len(made)) < share / len(FIELDS))
            size = made[name].dtype.itemsize
            fitting = [edge for edge in EDGES if edge < 1 << (8 * size)]
            edges = np.array(chance.choice(np.array(fitting, np.uint64), len(rows)), np.uint64)
            drawn = np.frombuffer(chance.bytes(8 * len(rows)), np.uint64)
            values = np.where(chance.random(len(rows)) < 0.6, edges, drawn)
            made[name][rows] = values.astype(f"<u{size}").view(made[name].dtype)
    return made


def mixed(seed: int, count: int, world: World, setting: str = "all") -> np.ndarray:
    """Good commands of a setting, introductions among them, changed ones and bytes. COMMAND (count,)."""
    chance = np.random.default_rng(seed)
    good = SETTINGS[setting].stream(seed).take(count)
    named = introductions(world)
    places = np.sort(chance.integers(0, count + 1, len(named)))
    good = np.insert(good, places, named)[:count]
    made = changed(chance, good, 0.3)
    kinds = np.isin(good["kind"], [Kind.KILL, Kind.HALT])  # else nearly everything is refused soon
    made[kinds] = good[kinds]
    odd = np.flatnonzero(chance.random(count) < 0.1)
    made[odd] = raw(chance, len(odd))
    return made


def pieces(seed: int, count: int, size: int, world: World) -> Iterator[np.ndarray]:
    """`count` commands in pieces, each of a setting of its own, and bytes alone in every fourth."""
    names = [name for name, setting in SETTINGS.items() if setting.world.instruments == world.instruments]
    for k, start in enumerate(range(0, count, size)):
        length = min(size, count - start)
        if k % 4 == 3:
            yield raw(np.random.default_rng(seed + k), length)
        else:
            yield mixed(seed + k, length, world, names[k % len(names)])
