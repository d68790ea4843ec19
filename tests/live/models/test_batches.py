"""How batches reach the read models: in whatever pieces, twice, after a restart, with a gap, or as what they are not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data.log.event_log import EventLog
from engine import Exchange
from engine.messages.vocabulary import Kind
from live.models.read_models import Gap, ReadModels
from tests.support.live_batches import agree, logged, numbered, of, opened, session, shown
from tests.support.streams import SETTINGS

COMMANDS = 2_500


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb") as log:
        yield log


def test_batches_and_restarts_leave_no_trace() -> None:
    """The same bytes in batches of one, of all, and with a restart behind each batch."""
    exchange, committed = session(SETTINGS["all"], 7, 800)
    whole = tuple(np.concatenate(parts, dtype=parts[0].dtype) for parts in zip(*committed))
    expected = shown(exchange, [whole]).store()
    assert shown(exchange, committed).store() == expected
    models = of(exchange)
    for batch in committed:
        models.apply(*batch)
        models = ReadModels.restored(models.store(), exchange.names, exchange.decimals)
    assert models.store() == expected
    agree(models, exchange)


def test_a_restart_needs_the_tail_alone(log: EventLog) -> None:
    exchange, committed = session(SETTINGS["all"], 9, COMMANDS)
    number = logged(log, exchange, committed)
    early = shown(exchange, committed[: len(committed) // 2])
    assert 0 < early.seq < int(exchange.state.session["seq"][0])
    for models in (
        ReadModels.from_log(log, number),
        ReadModels.from_log(log, number, exchange.names),
        ReadModels.from_log(log, number, stored=early.store()),
    ):
        assert models.store() == shown(exchange, committed).store()
        assert models.names.portfolios == exchange.names.portfolios
        agree(models, exchange)


def test_a_log_is_read_in_pieces(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, committed = session(SETTINGS["clients"], 2, 300)
    number = logged(log, exchange, committed)
    monkeypatch.setattr("live.models.storing.PIECE", 7)
    assert ReadModels.from_log(log, number).store() == shown(exchange, committed).store()


def test_what_was_seen_is_passed_over() -> None:
    exchange, committed = session(SETTINGS["all"], 1, 300)
    models = shown(exchange, committed[:-1])
    once = models.store()
    for batch in committed[:-1]:
        models.apply(*batch)
    assert models.store() == once
    commands, seqs, facts = (np.concatenate(parts, dtype=parts[0].dtype) for parts in zip(*committed))
    models.apply(commands, seqs, facts)  # begins before, ends behind
    assert models.store() == shown(exchange, committed).store()


def test_a_gap_is_an_error_and_changes_nothing() -> None:
    exchange, committed = session(SETTINGS["all"], 1, 600)
    models = shown(exchange, committed[:-2])
    before, seq = models.store(), models.seq
    commands, seqs, facts = committed[-2]
    with pytest.raises(Gap, match=f"seq {models.seq + len(commands) + len(facts) + 1} is missing|seq {seq + 1} is missing"):
        models.apply(*committed[-1])
    with pytest.raises(Gap, match=f"seq {seqs[0]} is missing: the read models stand at {seq}"):
        models.apply(commands[1:], seqs[1:], facts)
    with pytest.raises(Gap, match=f"seq {facts['seq'][0]} is missing"):
        models.apply(commands, seqs, facts[1:])
    middle = len(facts) // 2
    with pytest.raises(Gap, match=f"seq {facts['seq'][middle]} is missing"):
        models.apply(commands, seqs, np.delete(facts, middle))
    with pytest.raises(Gap):
        models.apply(commands, seqs, facts[::-1])
    assert models.store() == before
    models.apply(commands, seqs, facts)
    models.apply(*committed[-1])
    agree(models, exchange)


def test_history_whose_facts_were_not_built_is_a_gap() -> None:
    setting = SETTINGS["book"]
    exchange = Exchange(list(setting.world.instruments), cash=dict(setting.world.cash))
    models = of(exchange)
    models.apply(*numbered(exchange.opening, exchange.facts, 0))
    commands = setting.stream(1).take(50)
    facts = exchange.run(commands)
    seqs = np.setdiff1d(np.arange(models.seq + 1, exchange.state.session["seq"][0] + 1), facts["seq"])[: len(commands)]
    with pytest.raises(Gap):
        models.apply(commands, seqs, facts)


def test_other_records_are_refused() -> None:
    exchange, (commands, seqs, facts) = opened(SETTINGS["all"])
    models = of(exchange)
    for wrong in ((facts, seqs, facts), (commands, seqs[1:], facts), (commands, seqs, commands)):
        with pytest.raises(ValueError, match="apply takes arrays of COMMAND, as many seqs, and FACT"):
            models.apply(*wrong)
    packed = np.concatenate([facts, facts])[: len(facts)]  # NumPy moves the fields that share a place
    assert packed.dtype != facts.dtype
    models.apply(commands, seqs, packed)
    assert models.portfolio("rich")["cash"] == 10**9
    models.apply(commands[:0], seqs[:0], facts[:0])
    assert models.seq == len(commands) + len(facts)


@pytest.mark.parametrize("field", ["portfolio", "trader", "instrument"])
def test_a_fact_about_nobody_is_named(field: str) -> None:
    exchange, committed = session(SETTINGS["clients"], 1, 200)
    models = shown(exchange, committed[:-1])
    commands, seqs, facts = (array.copy() for array in committed[-1])
    at = int(np.flatnonzero(facts["kind"] == Kind.OrderCreated)[0])
    facts[field][at] = 60_000
    with pytest.raises(ValueError, match=rf"fact {facts['seq'][at]} names .*60000.*the names of the session's exchange"):
        models.apply(commands, seqs, facts)
    assert models.seq == (facts["seq"][at - 1] if at else committed[-2][2]["seq"][-1])
    models.apply(*committed[-1])
    agree(models, exchange)


def test_damaged_and_foreign_bytes_are_refused() -> None:
    exchange, committed = session(SETTINGS["clients"], 1, 100)
    stored = shown(exchange, committed).store()
    for wrong in (b"", b"x" * 100, stored[:-1], stored[:50] + bytes([stored[50] ^ 1]) + stored[51:]):
        with pytest.raises(ValueError, match="not stored read models"):
            ReadModels.restored(wrong, exchange.names, exchange.decimals)


def test_bytes_of_another_layout_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, committed = session(SETTINGS["clients"], 1, 100)
    models = shown(exchange, committed)
    with monkeypatch.context() as patch:
        patch.setattr("live.models.storing.MODELS_LAYOUT", 0)
        stored = models.store()
    with pytest.raises(ValueError, match="another layout; rebuild them"):
        ReadModels.restored(stored, exchange.names, exchange.decimals)
