"""A page in a cell of a notebook, and sweeps on the page of backtests: they show themselves without a server."""

import asyncio
import socket
import time
from decimal import Decimal

import pytest

pytest.importorskip("panel")

import tapebook as tb
from dashboards.notebook import ViewError
from dashboards.reports.export import ExportError
from tests.support.pages import Visit


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def result(out):
    return tb.Backtest(tb.synthetic_flow(seed=3, messages=20_000), tb.MarketMaker(spread=2)).run(out)


def answers(port):
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_cell_shows_a_page_of_its_own(browser, result, tmp_path):
    assert asyncio.get_running_loop()  # Playwright's runs here, as a notebook's does
    html = tb.view(result, "desk", theme="light")._repr_html_()
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><html><head><title>notebook</title></head><body><div class='output'>{html}</div></body></html>")
    page = Visit(browser, "file://")
    page.go(str(path), ready="")
    inside = page.page.frame_locator("iframe")
    inside.locator("[data-field='quote.last']").wait_for()
    inside.locator("#card-chart canvas").first.wait_for()
    assert Decimal(inside.locator("[data-field='account.net_pnl']").get_attribute("data-value")) == Decimal(repr(result.summary["net_pnl"]))
    assert page.page.evaluate("getComputedStyle(document.body).display") == "block"  # the page's styles stay in their frame
    page.clean()
    page.close()


def test_a_sweep_is_shown_as_a_surface(browser, out, result, tmp_path):
    backtest = tb.Backtest(tb.synthetic_flow(seed=3, messages=20_000), tb.MarketMaker)
    swept = tb.Sweep(backtest, grid={"spread": [2, 4], "size": [50, 100]}, target="net_pnl").run(out=out, show=False)
    made = tb.view(result.meta["run_id"], "backtests", out=out)
    page = Visit(browser, "file://").go(str(made.save(tmp_path / "sweep.html")), ready="STILL")
    for row in swept.frame.iter_rows(named=True):
        page.wait(
            f"sweep.{row['size']}.{row['spread']}"
            if page.value(f"sweep.{row['spread']}.{row['size']}") is None
            else f"sweep.{row['spread']}.{row['size']}",
            f"{Decimal(repr(row['net_pnl'])):f}".removesuffix(".0"),
        )
    best = swept.best().row(0, named=True)
    assert Decimal(page.value("sweep.best")) == Decimal(repr(best["net_pnl"]))
    assert page.value("sweep.luck") == swept.luck.verdict
    assert page.page.locator("#card-sweep td.is-best").count() == 1
    page.page.wait_for_selector("iframe.tb-report")
    page.clean()
    page.close()
    other = tb.view(result.meta["run_id"], "backtests", out=out, by="fills", x="size")
    page = Visit(browser, "file://").go(str(other.save(tmp_path / "other.html")), ready="STILL")
    for row in swept.frame.iter_rows(named=True):
        page.wait(f"sweep.{row['size']}.{row['spread']}", str(row["fills"]))
    page.close()


def test_over_a_session_that_runs_a_view_lives_and_ends_with_its_reader(browser, session, out):
    import panel as pn

    session.trade("150.00", 3)
    made = tb.view(session.session.folder.path, "desk", symbol="AAPL", out=out)
    assert made.live
    shown = []

    def app():
        shown.append(made.panel())
        return shown[-1]

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    served = pn.serve({"/cell": app}, port=port, address="127.0.0.1", threaded=True, show=False, verbose=False)
    try:
        until(lambda: answers(port))
        page = Visit(browser, f"http://127.0.0.1:{port}")
        page.go("/cell", ready="")
        inside = page.page.frame_locator("iframe")
        inside.locator("[data-field='feed.state']", has_text="LIVE").wait_for()
        session.trade("150.75", 4)
        trade = session.ask("GET", "/v1/trades/AAPL?limit=1", session.ann())[1][0]
        inside.locator(f"[data-field='trade.{trade['seq']}.quantity'][data-value='{trade['quantity']}']").wait_for(state="attached")
        inside.locator("[data-field='quote.last'][data-value='150.75']").wait_for()
        inside.locator("select[aria-label='Symbol']").select_option("SHIB")
        inside.locator("#card-book >> text=The book is empty").wait_for()
        inside.locator("[data-field='feed.state']", has_text="LIVE").wait_for()
        page.clean()
        page.close()
        link = shown[-1].carrier
        link._left = min(link._left, 4)  # a reader that has gone is missed after a while; the test does not wait for all of it
        until(lambda: not link.running)
    finally:
        served.stop()


def test_what_cannot_be_viewed(out, tmp_path):
    for given, page, error, says in (
        (7, "desk", ViewError, "int cannot be viewed"),
        ("nothing-of-that-id", "desk", ViewError, "nothing-of-that-id"),
        (tmp_path, "desk", ViewError, "there is no log"),
        (tmp_path, "dask", ExportError, "did you mean desk"),
    ):
        with pytest.raises(error, match=says):
            tb.view(given, page, out=out)
