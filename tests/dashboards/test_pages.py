"""Backtests, portfolio, operations and audit in a browser: their numbers are those of runs, session and log."""

import json
import shutil
from decimal import Decimal

import pytest

from tests.support.live_gateway import order

AUDITOR = ("compliance",)


@pytest.fixture(scope="module")
def runs(session, tmp_path_factory):
    """Three short backtests beside the session."""
    from backtest.run import Backtest
    from data.formats import open_feed
    from engine.strategy.examples import MarketMaker

    feed, made = open_feed("synthetic", messages=20_000, seed=5), []
    for spread in (2, 4, 8):
        made.append(Backtest(feed, MarketMaker(spread=spread)).run(session.out))
    return sorted(made, key=lambda one: one.meta["run_id"], reverse=True)


def test_runs_are_listed_compared_and_found_again_by_the_address(session, runs, visit):
    page = visit(("viewer",), "/backtests")
    for one in runs:
        page.wait(f"run.{one.meta['run_id']}.fills", str(one.summary["fills"]))
        assert Decimal(page.value(f"run.{one.meta['run_id']}.net_pnl")) == Decimal(repr(one.summary["net_pnl"]))
    for one in runs[:2]:
        page.page.click(f"[aria-label='Compare {one.meta['run_id']}']")
    page.wait_for("() => location.search.includes('compare=')")
    again = visit(("viewer",), page.page.url.removeprefix(session.url))
    for one in runs[:2]:
        again.wait(f"compare.{one.meta['run_id']}.parameters.spread", str(one.meta["parameters"]["spread"]))
        assert Decimal(again.value(f"compare.{one.meta['run_id']}.net_pnl")) == Decimal(repr(one.summary["net_pnl"]))
    last = runs[0].equity["equity"][-1]
    again.wait_for(
        "([name, value]) => Number(document.querySelector(`[data-field='${name}']`)?.dataset.value) === value",
        [f"curve.{runs[0].meta['run_id']}.equity", last],
    )
    again.page.fill("#runs-strategy", "nothing of that name")
    again.page.wait_for_selector("#card-runs >> text=No run fits")
    page.clean()
    again.clean()


def test_a_run_shows_its_report_and_its_book_at_any_moment(session, runs, visit):
    run = runs[0]
    name, recording = run.meta["run_id"], run.recording
    at = (recording.start + recording.end) // 2
    window = recording.depth_window(at, 0, 1, 1, 5)
    tick = recording.instruments[0]
    page = visit(("viewer",), f"/backtests?run={name}&show=book&at={at}")
    for side, of in (("bid", 0), ("ask", 1)):
        page.wait(f"runbook.{side}.0.price", f"{tick.price(int(window.price[0, of, 0])):f}")
        assert page.value(f"runbook.{side}.0.quantity") == f"{tick.quantity(int(window.quantity[0, of, 0])):f}"
    page.page.click("#card-detail >> text=Report")
    page.page.wait_for_selector("iframe.tb-report")
    page.page.frame_locator("iframe.tb-report").locator("text=Net P&L").first.wait_for()
    page.clean()


def test_a_portfolio_shows_what_the_gateway_says(session, visit):
    session.trade("150.00", 7)
    page = visit("ann", "/portfolio?portfolio=fund1")
    said = session.ask("GET", "/v1/portfolios/fund1", session.ann())[1]
    for name in ("equity", "cash", "fees", "exposure"):
        page.wait(f"account.{name}", said[name])
    for symbol, of in said["positions"].items():
        page.wait(f"pnl.{symbol}.unrealized", of["unrealized_pnl"])
        assert page.value(f"pnl.{symbol}.realized") == of["realized_pnl"]
    with_log = session.session.log.frame("positions", session.session.number, portfolio="fund1")
    for row in with_log.iter_rows(named=True):
        page.wait_for("name => document.querySelector(`[data-field='${name}']`)", f"traded.{row['symbol']}.notional")
        assert Decimal(page.value(f"traded.{row['symbol']}.notional")) == Decimal(row["notional_raw"]).scaleb(
            -session.session.exchange.decimals
        )
        assert Decimal(page.value(f"traded.{row['symbol']}.bought")) == Decimal(str(row["bought"]))
    page.page.wait_for_selector("#card-settlement >> text=Nothing settles here")
    page.page.wait_for_selector("#card-equity canvas")
    page.clean()


def test_another_portfolio_is_refused(session, visit):
    page = visit("ann", "/portfolio?portfolio=fund2")
    page.wait("account.equity", session.ask("GET", "/v1/portfolios/fund1", session.ann())[1]["equity"])
    script = "async () => (await (await fetch('/dash/data/equity?portfolio=fund2')).json()).detail"
    assert "not yours" in page.page.evaluate(script)
    script = "async () => (await fetch('/dash/data/sql?statement=SELECT%201')).status"
    assert page.page.evaluate(script) == 403


def test_operations_show_the_sessions_meters(session, visit):
    session.trade("151.00", 1)
    page = visit(("viewer",), "/operations")
    meters = session.session.meters
    for name in ("commands", "facts"):
        page.wait(f"operations.{name}", str(meters.counts[name]))
    answered = meters.stages["answer"]
    page.wait("stage.answer.count", str(answered.count))
    assert float(page.value("stage.answer.p99")) == answered.percentile(0.99)
    for name, stage in meters.stages.items():  # an idle session has batches, too
        least = stage.count
        script = "([name, least]) => Number(document.querySelector(`[data-field='${name}']`)?.dataset.value) >= least"
        page.wait_for(script, [f"stage.{name}.count", least])
    page.wait(f"session.{session.session.name}.pid", str(session.session.folder.said["pid"]))
    page.page.wait_for_selector("#card-letters >> text=risk, compliance and admin")
    page.page.click("#card-standing >> text=Files")
    page.wait_for("() => Number(document.querySelector(`[data-field='file.log.duckdb.bytes']`)?.dataset.value) > 0")
    ended = {"job": "nightly", "date": "2026-01-05", "outcome": "failed", "problems": ["fills differ"], "steps": [{}, {}]}
    done = session.out / "jobs" / "nightly" / "2026-01-05" / "job.json"
    done.parent.mkdir(parents=True)
    done.write_text(json.dumps(ended))
    page.page.click("#card-standing >> text=Jobs")
    page.wait("job.nightly.2026-01-05.steps", "2")
    page.page.wait_for_selector("#card-standing >> text=fills differ")
    page.clean()


def test_dead_letters_are_shown_to_who_oversees(session, visit):
    from live.services.host import FOLDER, keep_letter

    keep_letter(session.session.folder.path / FOLDER, "settlement", 41, b"{odd}", ValueError("it is odd"))
    page = visit(("risk",), "/operations")
    page.wait("letter.settlement.41", "41")
    page.page.wait_for_selector("#card-letters >> text=it is odd")
    page.clean()


def test_an_orders_life_is_that_of_the_log(session, visit):
    made = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 3, "120.00"))[1]["order"]
    assert session.ask("DELETE", f"/v1/orders/{made['order_id']}", session.ann())[0] == 200
    page = visit(AUDITOR, f"/audit?order={made['order_id']}&trader=ann")
    told = session.ask("GET", f"/v1/orders/{made['order_id']}/history?trader=ann", session.token("compliance"))[1]
    for k, fact in enumerate(reversed(told)):
        page.wait(f"life.{k}.seq", str(fact["seq"]))
        assert page.value(f"life.{k}.status") == fact["status"]
        assert page.value(f"life.{k}.price") == fact["price"]
    page.clean()


def test_sql_reads_the_log_and_changes_nothing(session, visit):
    page = visit(AUDITOR, "/audit")
    seq = session.session.seq
    page.page.fill("#sql", "SELECT max(seq) AS seq, count(*) AS n FROM facts")
    page.page.click("#card-sql >> text=Run")
    page.wait("sql.0.seq", str(seq))
    with page.page.expect_download() as given:
        page.page.click("#card-sql >> text=CSV")
    assert given.value.path().read_text().splitlines()[0] == "seq,n"
    page.page.fill("#sql", "DELETE FROM facts")
    page.page.click("#card-sql >> text=Run")
    page.page.wait_for_selector("#card-sql >> text=DELETE is refused")
    assert session.session.seq == seq
    assert [one for one in page.errors if "422" not in one] == []
    assert page.outside == []


def test_cases_are_those_that_the_rules_find(session, visit):
    from data.log.event_log import EventLog
    from data.surveillance.cases import cases

    page = visit(AUDITOR, "/audit")
    page.page.click("text=Look through the log now")
    with EventLog.open(session.session.folder.path) as log:
        found = cases(log, log.session(session.session.name))
    page.wait("cases.count", str(len(found)))
    for row in found.iter_rows(named=True):
        name = f"case.{row['rule']}.{row['trader']}.{row['last_seq']}"
        assert float(page.value(f"{name}.value")) == row["value"]
    page.clean()


def test_without_runs_the_page_says_how_to_make_one(session, visit):
    folder = session.out / "runs"
    aside = folder.rename(session.out / "aside") if folder.exists() else None
    try:
        page = visit(("viewer",), "/backtests")
        page.page.wait_for_selector("#card-runs >> text=tapebook backtest makes one")
        page.clean()
    finally:
        if aside is not None:
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_sticks_out(runs, visit, size):
    for path in ("/backtests", "/portfolio", "/operations", "/audit"):
        page = visit(("admin",), path, size=size, theme="light" if size[0] < 1000 else "dark")
        wide = page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], path
        if size[0] > 1000:
            assert page.page.evaluate("document.documentElement.scrollHeight <= innerHeight"), path
        page.clean()
