"""A portfolio's daily page: every figure is the difference of the engine's own accounts, read from the page as anybody's script would."""

import re
from decimal import Decimal
from itertools import pairwise

import pytest

pytest.importorskip("panel")

from dashboards.reports.daily_page import page
from dashboards.reports.day import DayError, day_of
from data.log.event_log import EventLog
from engine.messages.vocabulary import Kind
from tapebook import run_command_line
from tests.support.live_batches import logged, session
from tests.support.streams import SETTINGS

FIELD = re.compile(r'data-field="([^"]+)" data-value="([^"]*)"')
NAME = "p1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random session of some days, in the folder of a session that has ended."""
    made = tmp_path_factory.mktemp("out") / "live" / "desk"
    made.mkdir(parents=True)
    exchange, committed = session(SETTINGS["all"], 11, 1_500)
    with EventLog(made / "log.duckdb") as log:
        logged(log, exchange, committed)
    return made


@pytest.fixture(scope="module")
def log(folder):
    with EventLog.open(folder) as log:
        yield log


@pytest.fixture(scope="module")
def portfolio(log):
    """The one that traded most."""
    traded = log.frame("executions", 1)["portfolio"].value_counts(sort=True)
    return next(name for name in traded["portfolio"] if name)


def exact(value, decimals):
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals))


def test_each_figure_is_the_engines(log, portfolio):
    starts = log.frame("facts", 1, kind=int(Kind.DayStarted))["seq"].sort().to_list()
    assert len(starts) > 1
    edges = [0, *starts, log.last_seq(1)]
    for number, (first, last) in enumerate(pairwise(edges), 1):
        day = day_of(log, 1, portfolio, number)
        before = log.state(1, first) if first else None
        after = log.state(1, last)
        told = dict(FIELD.findall(page(day)))
        closed = after.portfolio(portfolio)
        opened = before.portfolio(portfolio) if before is not None and portfolio in before.names.portfolios else None
        change = {
            name: exact(closed[name], after.decimals) - (exact(opened[name], after.decimals) if opened else 0)
            for name in ("realized_pnl", "unrealized_pnl", "fees")
        }
        for name, value in change.items():
            assert Decimal(told[f"day.{name}"]) == value, (number, name)
        net = change["realized_pnl"] + change["unrealized_pnl"] - change["fees"]
        assert Decimal(told["day.net_pnl"]) == net
        assert Decimal(told["close.equity"]) == exact(closed["equity"], after.decimals)
        assert sum(Decimal(value) for name, value in told.items() if re.fullmatch(r"symbol\..*\.net_pnl", name)) == net
        assert sum(Decimal(value) for name, value in told.items() if re.fullmatch(r"symbol\..*\.fees", name)) == change["fees"]
        for symbol, of in closed["positions"].items():
            if of["quantity"]:
                assert float(told[f"position.{symbol}.quantity"]) == of["quantity"]
        trades = log.frame("executions", 1, portfolio=portfolio, day=number)
        assert int(told["day.trades"]) == len(trades)
        assert day.points[-1][1] == Decimal(day.closed["equity"])
        assert Decimal(told["day.drawdown"]) <= 0


def test_breaches_and_refusals_are_those_of_the_log(log):
    names = [name for name in log.frame("breaches", 1)["portfolio"].unique() if name]
    assert names
    for name in names:
        day = day_of(log, 1, name)
        first, last = day.seqs
        wanted = [
            seq
            for view in ("breaches", "compliance_failures")
            for seq, of in log.frame(view, 1).select("seq", "portfolio").iter_rows()
            if of == name and first <= seq <= last
        ]
        assert day.refusal_count == len(wanted)
        assert {row["seq"] for row in day.refusals} <= set(wanted)


def test_the_page_needs_nothing_else(log, portfolio):
    text = page(day_of(log, 1, portfolio))
    assert "<script" not in text
    assert "var(" not in text
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "url(" not in text


def test_the_command_writes_a_page_for_each_portfolio(folder, portfolio, capsys, monkeypatch):
    out = folder.parent.parent
    assert run_command_line(["report", "daily", "desk", "--portfolio", portfolio, "--day", "1", "--out", str(out), "--json"]) == 0
    written = folder / "reports" / f"{portfolio}-day-1.html"
    assert str(written) in capsys.readouterr().out
    assert 'data-field="day.net_pnl"' in written.read_text()
    assert run_command_line(["report", "daily", portfolio, "--out", str(out)]) == 0  # the only session that has it
    monkeypatch.setenv("TAPEBOOK_CHROMIUM", "/nowhere/chromium")
    assert run_command_line(["report", "daily", "desk", "--portfolio", portfolio, "--pdf", "--out", str(out)]) == 2
    assert "is written, its PDF is not: no Chromium" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["desc"], "there is no session or portfolio 'desc'"),
        (["desk", "--portfolio", "nobody"], "has no portfolio 'nobody'; there are"),
        (["desk", "--day", "99"], "day 99: session 'live' is in its day"),
        (["desk", "--to", "one.html"], "name one with --portfolio"),
    ],
)
def test_bad_input_is_one_clear_line(folder, capsys, words, says):
    assert run_command_line(["report", "daily", *words, "--out", str(folder.parent.parent)]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert len(told.splitlines()) == 1


def test_a_day_without_a_fact_of_the_portfolio(tmp_path):
    from tests.support.desk import Script
    from tests.support.desk import logged as scripted

    with scripted(tmp_path / "log.duckdb", Script(), cash={"fund": 1000}) as log:
        text = page(day_of(log, 1, "fund"))
        with pytest.raises(DayError):
            day_of(log, 1, "other")
    assert "Nothing was traded" in text
    assert "No trade on this day" in text
    assert dict(FIELD.findall(text))["day.net_pnl"] in ("0", "0.000000")
