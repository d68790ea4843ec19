"""`tapebook explain`: every word of the exchange has its page, and the pages say what the engine does."""

import json
from enum import IntEnum

import pytest

import engine
from backtest.analysis.definitions import CAUTIONS, COUNTERS
from backtest.analysis.metrics import describe
from engine import Limits, Rules
from engine.messages.dictionary import CALLS, CHECKS, entries, find, groups
from engine.messages.field_docs import COMMANDS, FACTS
from engine.messages.grammar import facts_of
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, SelfTrade, Side, TimeInForce
from tapebook import run_command_line

ENUMS = (Kind, Reason, Flag, OrderStatus, OrderType, SelfTrade, Side, TimeInForce)


@pytest.fixture
def explain(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words):
        code = run_command_line(["explain", *words])
        return code, *capsys.readouterr()

    return run


def narrow(text):
    return max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("words", ENUMS, ids=lambda one: one.__name__)
def test_every_word_of_the_vocabulary_has_its_page(words: type[IntEnum]):
    for word in words:
        assert any(entry.number == word and entry.word == word.name for entry in find(word.name)), word.name
        assert find(word.name.lower()) == find(word.name)


def test_every_field_limit_rule_and_call_has_its_page():
    for group, names in {
        "command field": COMMAND.names,
        "fact field": FACT.names,
        "limit": Limits._fields,
        "rule": Rules._fields,
        "call": [name for name in engine.__all__ if name[0].islower()],
    }.items():
        assert sorted(groups()[group]) == sorted(names or ())
    assert set(CALLS) == set(groups()["call"])


def test_no_entry_is_empty():
    assert [entry.word for entry in entries() if not entry.says or not all({**entry.more, **entry.fields, **entry.facts}.values())] == []


def test_every_reason_belongs_to_one_check_in_their_order():
    told = [int(reason) for reasons in CHECKS.values() for reason in reasons if reason]
    assert told == sorted(told) == [int(reason) for reason in Reason if reason]


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_a_kind_shows_its_fields_and_its_facts_in_their_order(explain, kind):
    code, out, err = explain(kind.name)
    assert (code, err) == (0, "")
    assert narrow(out)
    lines = [line.split()[0] for line in out.split("\n\n")[0].splitlines()]  # the word may be a field's, too
    meaning = COMMANDS.get(kind) or FACTS[kind]
    assert set(meaning.fields) <= set(lines)
    if kind in COMMANDS:
        told = [line for line in lines if line in Kind.__members__ and line != kind.name]
        assert told[-len(facts_of(kind)) :] == [fact.name for fact in facts_of(kind)]


def test_a_word_of_several_groups_shows_all_of_them(explain):
    _, out, _ = explain("limit")
    for group in ("order type 1", "fact field", "call"):
        assert group in out
    assert "limit(order_id, symbol, side, quantity, price, *, time_in_force=DAY, post_only=False," in " ".join(out.split())
    assert "replace(order_id, symbol, *, quantity=None" in " ".join(explain("replace")[1].split())


def test_a_limit_leads_to_its_reason_and_back(explain):
    assert "LEVERAGE_LIMIT" in explain("max_leverage")[1]
    assert "max_leverage" in explain("LEVERAGE_LIMIT")[1]
    assert "SET_RULES" in explain("price-collar")[1]


def test_without_a_word_it_lists_them_all(explain):
    code, out, err = explain()
    assert (code, err) == (0, "")
    assert narrow(out)
    assert set(out.split()) >= {word for words in groups().values() for word in words}
    said = json.loads(explain("--json")[1])
    assert (
        said.items()
        >= {**groups(), "figure": [one.name for one in describe()], "caution": list(CAUTIONS), "counter": list(COUNTERS)}.items()
    )
    assert {"on_fill", "OrderFilled"} <= {*said["hook"], *said["view"]}


def test_json_is_for_scripts(explain):
    (made,) = json.loads(explain("CANCEL", "--json")[1])[:1]
    assert made["group"] == "command"
    assert (made["number"], list(made["facts"])) == (Kind.CANCEL, ["CancelRejected", "OrderCancelled"])
    assert made["fields"]["order_id"]


@pytest.mark.parametrize(
    ("word", "near"), [("OrderCreate", "OrderCreated"), ("MAX_LEVERGE", "max_leverage"), ("timeinforce", "time_in_force")]
)
def test_an_unknown_word_gets_a_hint(explain, word, near):
    code, out, err = explain(word)
    assert (code, out) == (2, "")
    assert err == f"tapebook: no word {word!r}; did you mean {near}?\n"


def test_every_figure_of_a_run_has_its_page(explain):
    listed = explain()[1]
    for one in describe():
        assert one.name in listed
    code, out, err = explain("market-share")
    assert (code, err) == (0, "")
    assert "Our lots ÷ lots that others traded with each other" in " ".join(out.split())
    assert narrow(out)
    (said,) = json.loads(explain("sharpe", "--json")[1])
    assert (said["group"], said["more"]["unit"]) == ("figure", "ratio")
    assert "Sharpe (1994)" in said["more"]["source"]
    assert "did you mean" in explain("market_shar")[2]
