"""Sessions as a live session commits them: commands with the seq of each, and all facts, batch by batch."""

from collections.abc import Iterator
from random import Random

import numpy as np
from polars.testing import assert_frame_equal

from data.log.event_log import EventLog
from engine import Exchange
from live.models.read_models import ReadModels
from tests.support.streams import Setting

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def numbered(commands: np.ndarray, facts: np.ndarray, last: int) -> Batch:
    """A batch behind the seq `last`: COMMAND (n,), int64 (n,), FACT (m,) where every fact was built."""
    free = np.setdiff1d(np.arange(last + 1, last + len(commands) + len(facts) + 1), facts["seq"])
    assert len(free) == len(commands)
    return commands, free.astype(np.int64), facts.copy()


def opened(setting: Setting) -> tuple[Exchange, Batch]:
    """The exchange of a setting's world, which builds history's facts, and its first batch."""
    world = setting.world
    exchange = Exchange(list(world.instruments), cash=dict(world.cash), history_facts=True, session_limits={"orders": world.orders_max})
    exchange.run(world.opening())
    return exchange, numbered(np.concatenate([exchange.opening, world.opening()]), exchange.facts, 0)


def batches(exchange: Exchange, commands: np.ndarray, seed: int) -> Iterator[Batch]:
    """The commands carried out in batches of 1 to 300."""
    random, at = Random(seed), 0
    while at < len(commands):
        size = random.choice((1, 2, 30, 300))
        last = int(exchange.state.session["seq"][0])
        yield numbered(commands[at : at + size], exchange.run(commands[at : at + size]), last)
        at += size


def session(setting: Setting, seed: int, count: int) -> tuple[Exchange, list[Batch]]:
    """A random session of `count` commands, and all that it commits."""
    exchange, opening = opened(setting)
    return exchange, [opening, *batches(exchange, setting.stream(seed).take(count), seed)]


def of(exchange: Exchange, **kept: int) -> ReadModels:
    """Read models of an exchange's session that have seen nothing."""
    return ReadModels(exchange.names, exchange.decimals, **kept)


def shown(exchange: Exchange, committed: list[Batch], **kept: int) -> ReadModels:
    """Read models that have seen these batches."""
    models = of(exchange, **kept)
    for batch in committed:
        models.apply(*batch)
    return models


def agree(models: ReadModels, exchange: Exchange) -> None:
    """All that both say is the same."""
    assert models.seq == exchange.state.session["seq"][0]
    for name in ("orders", "active_orders", "trades", "executions", "breaches", "compliance_failures", "positions", "limits"):
        assert_frame_equal(getattr(models, name)(), getattr(exchange, name)(), check_exact=True)
    assert_frame_equal(models.execution_summary(), exchange.execution_summary(day=models.day), check_exact=True)
    for portfolio in exchange.names.portfolios:
        assert models.portfolio(portfolio) == exchange.portfolio(portfolio)


def logged(log: EventLog, exchange: Exchange, committed: list[Batch]) -> int:
    """The number of a session that is logged so."""
    number = log.begin("live", {}, exchange.instruments)
    for commands, seqs, facts in committed:
        log.append(number, commands, facts, seqs)
    return number
