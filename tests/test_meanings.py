"""Every word of the vocabulary is described, and the engine fills the fields that the description names, all of them and no others."""

from enum import IntEnum

import numpy as np
import pytest

from data.synthetic import synthetic_flow
from engine import Exchange, Instrument, Side, limit
from engine.meanings import COMMAND_FIELDS, COMMANDS, FACT_FIELDS, FACTS, FLAGS, REASONS, STATUSES, UNBUILT
from engine.records import COMMAND, FACT, FACT_COLUMNS
from engine.vocabulary import Flag, Kind, OrderStatus, Reason
from tests.streams import SETTINGS
from tests.twins import compiled

SHARED = {"value": "fee", "limit": "maker_fee"}
NEVER_ELSE = {(Kind.OrderExpired, "time_in_force")}
"""Fields whose one possible value is 0: what expires was a DAY order."""


@pytest.fixture(scope="module")
def facts():
    """Facts of random sessions, plausible and broken, and of one whose limits are reached."""
    told = []
    for setting in (SETTINGS["all"], SETTINGS["broken"]):
        exchange = compiled(setting.world)
        exchange.run(setting.stream(5).take(8000))
        told.append(exchange.facts)
    narrow = Exchange([Instrument("X", "0.01")], session_limits={"orders": 1, "traders": 2})
    for number in (1, 2):
        narrow.send(limit(number, "X", Side.BUY, 1, "1.00", trader=f"trader {number}"))
        narrow.send(limit(10 + number, "X", Side.BUY, 1, "1.00", trader="trader 1"))
    return np.concatenate([narrow.facts, *told], dtype=FACT)


@pytest.mark.parametrize(("words", "told"), [(Reason, REASONS), (Flag, FLAGS), (OrderStatus, STATUSES), (Kind, {**COMMANDS, **FACTS})])
def test_every_word_is_described(words: type[IntEnum], told):
    assert set(told) == set(words)
    sentences = [said if isinstance(said, str) else said.says for said in told.values()]
    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


def test_commands_and_facts_are_told_apart():
    assert all(kind < 64 for kind in COMMANDS)
    assert all(kind >= 64 for kind in FACTS)


@pytest.mark.parametrize(("record", "fields", "kinds"), [(COMMAND, COMMAND_FIELDS, COMMANDS), (FACT, FACT_FIELDS, FACTS)])
def test_every_field_is_described(record, fields, kinds):
    assert list(fields) == list(record.names)
    named = {name for meaning in kinds.values() for name in meaning.fields}
    assert named <= set(fields)
    assert set(fields) - named <= {"seq", "ts", "kind", "spare"}


def filled(records, kind, names):
    """Of these fields, those that are not 0 in some record of a kind."""
    rows = records[records["kind"] == kind]
    return {name for name in names if rows[name].any()} - {"seq", "ts", "kind"}


def test_history_and_the_opening_fill_fields_that_are_named():
    feed = synthetic_flow(messages=5000)
    commands = np.concatenate([Exchange(feed.instruments).opening, feed.commands()])
    kinds = {Kind(kind) for kind in commands["kind"].tolist()}
    assert {Kind.SESSION, Kind.SYMBOL, Kind.INSTRUMENT, Kind.ADD, Kind.REDUCE, Kind.MODIFY, Kind.EXECUTE, Kind.FLOW, Kind.PRINT} == kinds
    for kind in kinds:
        assert filled(commands, kind, COMMAND.names) <= set(COMMANDS[kind].fields), kind.name


@pytest.mark.parametrize("kind", [kind for kind in FACTS if kind not in UNBUILT], ids=lambda kind: kind.name)
def test_facts_fill_the_fields_that_are_named(facts, kind):
    named = {SHARED.get(name, name) for name in FACTS[kind].fields}
    assert (facts["kind"] == kind).any()
    assert filled(facts, kind, FACT_COLUMNS) == {name for name in named if (kind, name) not in NEVER_ELSE}


def test_what_is_not_built_is_refused_and_never_told(facts):
    assert not np.isin(facts["kind"], list(UNBUILT)).any()
    for kind in sorted(kind for kind in UNBUILT if kind in COMMANDS):
        command = np.zeros(1, COMMAND)
        command["kind"] = kind
        (fact,) = Exchange([Instrument("X", "0.01")]).run(command)
        assert (fact["kind"], fact["reason"]) == (Kind.CommandRejected, Reason.UNSUPPORTED)
