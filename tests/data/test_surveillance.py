"""Surveillance: each pattern planted in a session is found with its facts, its innocent twin is not; batches never change what is found."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from data.surveillance.cases import cases
from data.surveillance.rule import SurveillanceError
from data.surveillance.surveyor import RULES, Surveyor
from engine import Kind, Side, end_of_day, replace, start_of_day
from tapebook import run_command_line
from tests.support.desk import Script, logged, played

BUY, SELL = Side.BUY, Side.SELL


def layering(script: Script, guilty: bool) -> None:
    """Eve shows 5 × 200 to buy, sells 20 to who believes it, and takes them away. Mae does the same with what she means."""
    shown = [script.order(10 + k, "eve", BUY, 200 if guilty else 6, f"{99 - k}.00") for k in range(5)]
    script.order(16, "eve", SELL, 20, "101.00")
    script.order(17, "bob", BUY, 20, "101.00")
    for order in shown:
        script.cancel(18, order, "eve")


def wash(script: Script, guilty: bool) -> None:
    """Eve sells from one of her portfolios to the other; the twin sells to somebody else."""
    script.order(10, "eve", SELL, 50, "100.00", "left")
    script.order(11, "eve" if guilty else "bob", BUY, 50, "100.00", "right")


def closing(script: Script, guilty: bool) -> None:
    """Eve takes all offers up to 101.00 a minute before the close; the twin buys as much at one price."""
    for k in range(10):
        script.order(10 + k, "bob", SELL, 10, f"100.{10 * k:02d}" if guilty else "100.00")
    for k in range(10):
        script.order(60 + k, "eve", BUY, 10, f"100.{10 * k:02d}" if guilty else "100.00")
    script.at(120, end_of_day, "X")


def stuffing(script: Script, guilty: bool) -> None:
    """Eve enters and cancels sixty orders within half a second; the twin takes a minute for it."""
    for k in range(60):
        at = 20 + k * (0.008 if guilty else 1)
        script.cancel(at + 0.001, script.order(at, "eve", BUY, 10, "90.00"), "eve")


def ignition(script: Script, guilty: bool) -> None:
    """Eve buys up five levels, then sells to who follows, at more than she paid; the twin keeps what she bought."""
    for k in range(6):
        script.order(10 + k / 10, "bob", SELL, 10, f"100.{10 * k:02d}")
    for k in range(6):
        script.order(12 + k / 10, "eve", BUY, 10, f"100.{10 * k:02d}")
    script.order(20, "cal", BUY, 40, "100.60")
    if guilty:
        script.order(21, "eve", SELL, 40, "100.60")


def ratio(script: Script, guilty: bool) -> None:
    """Eve sends 120 changes of one order and trades once; the twin trades with every one."""
    order = script.order(1, "eve", BUY, 10, "99.00")
    for k in range(120):
        if guilty:
            script.at(2 + 3 * k, replace, order, "X", price=f"98.{k % 90:02d}", trader="eve")
        else:
            script.order(2 + 3 * k, "bob", SELL, 1, "99.50")
            script.order(3 + 3 * k, "eve", BUY, 1, "99.50")


PLANTED: dict[str, Callable[[Script, bool], None]] = {
    "order-to-trade": ratio,
    "layering": layering,
    "wash-trades": wash,
    "marking-the-close": closing,
    "quote-stuffing": stuffing,
    "momentum-ignition": ignition,
}


def planted(guilty: bool, *rules: str) -> Script:
    script = Script()
    for rule in rules:
        PLANTED[rule](script, guilty)
    return script


def test_every_rule_has_a_plant_a_definition_a_source_and_explained_parameters() -> None:
    assert sorted(PLANTED) == sorted(RULES)
    for rule in RULES.values():
        assert rule.says
        assert "20" in rule.source
        assert sorted(rule.parameters) == sorted(rule.explained)


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_pattern_is_one_case_of_its_rule_and_its_twin_is_none(tmp_path: Path, rule: str) -> None:
    with logged(tmp_path / "guilty.duckdb", planted(True, rule)) as log:
        found = cases(log, 1)
        facts = log.read(1)[1]
    mine = found.filter(pl.col("rule") == rule)
    assert mine["trader"].unique().to_list() == ["eve"]
    assert mine["symbol"].unique().to_list() == ["X"]
    also = {"order-to-trade"} if rule == "quote-stuffing" else set()  # so many messages and no trade break that rule as well
    assert set(found["rule"]) - also == {rule}
    with logged(tmp_path / "innocent.duckdb", planted(False, rule)) as log:
        assert set(cases(log, 1)["rule"]) <= also
    seqs = mine["seqs"][0].to_list()
    shown = facts[np.isin(facts["seq"], seqs)]
    assert len(shown) == len(seqs) > 0
    assert (mine["first_seq"][0], mine["last_seq"][0]) == (min(seqs), max(seqs))
    kinds = {Kind(kind) for kind in shown["kind"].tolist()}
    assert kinds <= {Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderCancelled, Kind.TradeExecuted, Kind.DayEnded}


def test_a_case_of_layering_names_the_orders_the_fill_and_the_cancels(tmp_path: Path) -> None:
    with logged(tmp_path / "log.duckdb", planted(True, "layering")) as log:
        case = cases(log, 1).row(0, named=True)
        facts = log.read(1)[1]
    shown = facts[np.isin(facts["seq"], case["seqs"])]
    assert [Kind(kind).name for kind in shown["kind"]] == ["OrderCreated"] * 5 + ["TradeExecuted"] + ["OrderCancelled"] * 5
    assert case["value"] == 1_000 / 20
    assert case["text"] == "5 orders at 5 prices, 1000 lots in all, cancelled after 20 lots were filled on the other side"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_how_facts_are_cut_never_changes_what_is_found(size: int) -> None:
    script = Script()
    for minutes, rule in enumerate(PLANTED):
        inner = planted(True, rule)
        for command in inner.commands:
            script.commands.append(command._replace(ts=command.ts + minutes * 7 * 60 * 10**9, order_id=command.order_id + 1_000 * minutes))
    script.at(3_600, start_of_day)
    facts = played(script)[3]
    whole, cut = Surveyor(), Surveyor()
    expected = pl.concat([whole.add(facts), whole.finish()])
    assert set(expected["rule"]) >= set(RULES) - {"order-to-trade"}
    found = [cut.add(facts[at : at + size]) for at in range(0, len(facts), size)]
    key = ["rule", "trader", "first_seq", "last_seq"]
    assert_frame_equal(pl.concat([*found, cut.finish()]).sort(key), expected.sort(key))


def test_memory_is_that_of_some_minutes() -> None:
    script = planted(True, "quote-stuffing")
    facts = played(script)[3]
    surveyor = Surveyor()
    cases_found = 0
    for minute in range(500):
        later = facts.copy()
        later["ts"] += minute * 60 * 10**9
        later["seq"] += minute * 10_000
        cases_found += len(surveyor.add(later))
    assert cases_found == 499  # the last one is not over
    assert sum(len(one) for one in surveyor._kept) < 20 * len(facts)


def test_parameters_move_the_border(tmp_path: Path) -> None:
    with logged(tmp_path / "log.duckdb", planted(True, "layering")) as log:
        assert cases(log, 1, ["layering"], {"layering": {"ratio": 50}}).height == 1
        assert cases(log, 1, ["layering"], {"layering": {"ratio": 51}}).height == 0


@pytest.mark.parametrize(
    ("rules", "given", "says"),
    [
        (["layerin"], {}, "no rule 'layerin'; did you mean layering"),
        (None, {"layering": {"ration": 3}}, "layering: no parameter 'ration'; did you mean ratio"),
        (None, {"layering": {"ratio": "many"}}, "layering: ratio = 'many' is not a number; by default it is 5"),
        (None, {"layering": {"ratio": -1}}, "layering: ratio = -1 is below 0"),
        (None, {"nothing": {}}, "no rule 'nothing'"),
    ],
)
def test_what_is_not_known_is_told(rules: list[str] | None, given: dict[str, dict[str, object]], says: str) -> None:
    with pytest.raises(SurveillanceError) as error:
        Surveyor(rules, given)
    assert says in str(error.value)


def test_the_command_prints_cases_and_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "live" / "desk"
    folder.mkdir(parents=True)
    with logged(folder / "log.duckdb", planted(True, "layering")):
        pass
    words = ["log", "surveil", "desk", "--out", str(tmp_path)]
    assert run_command_line([*words, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(one["rule"], one["trader"], len(one["seqs"])) for one in said] == [("layering", "eve", 11)]
    assert run_command_line([*words, "--rule", "wash-trades"]) == 0
    assert capsys.readouterr().out == "no case\n"
    assert run_command_line(["log", "surveil", str(folder / "log.duckdb"), "--set", "layering.ratio=51"]) == 0
    assert run_command_line([*words, "--set", "layering.ratio"]) == 2
    assert "tapebook: --set 'layering.ratio': write RULE.NAME=VALUE" in capsys.readouterr().err
    assert run_command_line([*words, "--rules"]) == 0
    assert "momentum-ignition" in capsys.readouterr().out
    assert run_command_line([*words, "--rule", "wash"]) == 2
    assert run_command_line(["log", "surveil", "nobody", "--out", str(tmp_path)]) == 2
