"""Every word of the vocabulary is described, and the engine fills the fields that the description names, all of them and no others."""

from enum import IntEnum

import numpy as np
import pytest

from data.synthetic.flow import synthetic_flow
from engine import Exchange, Instrument, Limits, Rules, Side, limit
from engine.frames.events import COMPLIANCE, RISK
from engine.messages.field_docs import COMMAND_FIELDS, COMMANDS, FACT_FIELDS, FACTS
from engine.messages.glossary import FLAGS, FOUND, LIMITS, ORDER_TYPES, REASONS, RULES, SELF_TRADES, SIDES, STATUSES, TIMES_IN_FORCE
from engine.messages.grammar import CAUSES, causes_of, facts_of, parts_of, pattern
from engine.messages.records import COMMAND, FACT, FACT_COLUMNS
from engine.messages.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, SelfTrade, TimeInForce
from tests.support.streams import SETTINGS
from tests.support.twins import compiled

SHARED = {"value": "fee", "limit": "maker_fee"}


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


TOLD = [
    *((Reason, REASONS), (Flag, FLAGS), (OrderStatus, STATUSES), (OrderType, ORDER_TYPES), (Side, SIDES), (TimeInForce, TIMES_IN_FORCE)),
    *((SelfTrade, SELF_TRADES), (Kind, {**COMMANDS, **FACTS})),
]


@pytest.mark.parametrize(("words", "told"), TOLD, ids=lambda one: getattr(one, "__name__", ""))
def test_every_word_is_described(words: type[IntEnum], told):
    assert set(told) == set(words)
    sentences = [said if isinstance(said, str) else said.says for said in told.values()]
    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize(("fields", "told"), [(Limits._fields, LIMITS), (Rules._fields, RULES)])
def test_every_limit_and_rule_is_described(fields, told):
    assert tuple(told) == fields
    assert all(bound.says and bound.unit for bound in told.values())


def test_limits_and_rules_lead_to_their_reasons():
    assert {bound.reason for bound in LIMITS.values()} == set(RISK)
    assert {bound.reason for bound in RULES.values()} == set(COMPLIANCE)
    assert {*COMPLIANCE, *RISK} - set(FOUND) == {Reason.RESTRICTED_SYMBOL}


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


@pytest.mark.parametrize("kind", list(FACTS), ids=lambda kind: kind.name)
def test_facts_fill_the_fields_that_are_named(facts, kind):
    assert (facts["kind"] == kind).any()
    assert filled(facts, kind, FACT_COLUMNS) == {SHARED.get(name, name) for name in FACTS[kind].fields}


def test_a_number_that_is_no_command_is_refused():
    for kind in sorted(set(range(64)) - {int(kind) for kind in COMMANDS}):
        command = np.zeros(1, COMMAND)
        command["kind"] = kind
        (fact,) = Exchange([Instrument("X", "0.01")]).run(command)
        assert (fact["kind"], fact["reason"]) == (Kind.CommandRejected, Reason.UNSUPPORTED)


# ------------------------------------------------------------------ which facts a command can cause


def test_every_command_has_its_facts_and_every_fact_its_commands():
    assert list(CAUSES) == list(COMMANDS)
    assert all(facts_of(kind) for kind in CAUSES)
    assert [fact for fact in FACTS if not causes_of(fact)] == []
    assert facts_of(Kind.CANCEL) == [Kind.CancelRejected, Kind.OrderCancelled]
    assert [kind for kind in CAUSES if parts_of(kind) == ["fills"]] == []
    assert parts_of(Kind.NEW) == parts_of(Kind.PRINT) == ["fills", "stops"]
    assert pattern(Kind.CANCEL).fullmatch(chr(Kind.OrderCancelled))
    assert not pattern(Kind.CANCEL).fullmatch(chr(Kind.OrderCancelled) * 2)
    assert not pattern(Kind.NEW).fullmatch(chr(Kind.OrderCreated) + chr(Kind.RiskLimitBreached))


@pytest.mark.parametrize("name", ["all", "broken"])
def test_commands_cause_the_facts_that_are_told_in_their_order(name):
    exchange = compiled(SETTINGS[name].world)
    commands = SETTINGS[name].stream(6).take(6000)
    facts = exchange.run(commands)
    seqs = np.setdiff1d(np.arange(facts["seq"][0] - 1, facts["seq"][-1] + 1), facts["seq"])
    ends = np.searchsorted(facts["seq"], seqs).tolist() + [len(facts)]
    kinds = "".join(map(chr, facts["kind"].tolist()))
    known = set(CAUSES)
    for command, start, end in zip(commands, ends, ends[1:]):
        kind = int(command["kind"])
        caused = kinds[start:end]
        if kind in known:
            assert pattern(Kind(kind)).fullmatch(caused), (Kind(kind).name, [Kind(ord(one)).name for one in caused])
        else:
            assert caused == chr(Kind.CommandRejected)
