"""Pages as files: what a still says is what the page said, to whom it may be said, and nothing is asked of anybody."""

import struct
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

pytest.importorskip("panel")

from dashboards.pages.place import present
from tapebook import run_command_line
from tests.dashboards.test_doors import cookie, no_redirect
from tests.support.live_gateway import order
from tests.support.pages import Visit

ALL = ("trader", "risk", "compliance", "admin")


@pytest.fixture(scope="module")
def lively(session):
    """A book, a trade, a position and a refusal."""
    for side, price in (("SELL", "151.00"), ("BUY", "149.00")):
        session.ask("POST", "/v1/orders", session.bob(), order(side, 7, price))
    session.trade("150.00", 12)
    session.ask("POST", "/v1/orders", session.ann(), order("BUY", 5000, "150.00"))
    return session


def exported(session, page, token=None, **own):
    token = token or session.token(*ALL, trader="ann", portfolios=["fund1"])
    query = "&".join(f"export-{name}={value}" for name, value in own.items())
    status, headers, body = no_redirect(session, f"/dash/export/{page}{'&' if '?' in page else '?'}{query}", **cookie(session, token))
    return status, headers, body


def opened(browser, tmp_path, body, **more):
    """The file in a browser that knows no session."""
    path = tmp_path / "still.html"
    path.write_bytes(body)
    made = Visit(browser, "file://", **more)
    return made.go(str(path), ready="STILL")


@pytest.mark.parametrize("page", [place.module for place in present()])
def test_a_still_shows_itself_anywhere(browser, lively, tmp_path, page):
    status, headers, body = exported(lively, page)
    assert status == 200
    assert f'filename="desk-{page}-' in headers["content-disposition"]
    still = opened(browser, tmp_path, body, size=(390, 844))
    wide = still.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    still.clean()
    still.close()


def test_the_numbers_are_the_sessions(browser, lively, tmp_path):
    token = lively.ann()
    account = lively.ask("GET", "/v1/portfolios/fund1", token)[1]
    book = lively.ask("GET", "/v1/book/AAPL?depth=3", token)[1]
    still = opened(browser, tmp_path, exported(lively, "desk?symbol=AAPL&interval=60", token)[2])
    assert still.value("account.equity") == account["equity"]
    assert still.value("position.AAPL.quantity") == account["positions"]["AAPL"]["quantity"]
    for side in ("bid", "ask"):
        assert still.value(f"{side}.0.price") == book[f"{side}s"][0][0]
        assert still.value(f"{side}.0.quantity") == book[f"{side}s"][0][1]
    assert still.page.locator("#card-entry").count() == 0
    still.page.wait_for_selector("#card-chart canvas")
    still.page.select_option("select[aria-label='Symbol']", "ETH")
    still.page.wait_for_selector(".tb-banner >> text=this file holds the market of AAPL")
    still.clean()
    still.close()
    still = opened(browser, tmp_path, exported(lively, "portfolio?portfolio=fund1", token)[2])
    traded = lively.session.log.frame("positions", lively.session.number, portfolio="fund1", symbol="AAPL")
    assert Decimal(still.value("traded.AAPL.bought")) == Decimal(str(traded["bought"][0]))
    still.page.wait_for_selector("#card-equity canvas")
    still.clean()
    still.close()


def test_a_still_holds_what_its_viewer_may_see(lively):
    assert b"fund2" not in exported(lively, "portfolio", lively.ann())[2]
    assert exported(lively, "risk", lively.token("viewer"))[0] == 403
    assert no_redirect(lively, "/dash/export/desk")[0] == 401
    for page, own, says in (
        ("nope", {}, b"there is no page"),
        ("desk", {"format": "gif"}, b"html, png, pdf"),
        ("desk", {"width": "9"}, b"320 to 4000"),
    ):
        status, _, body = exported(lively, page, **own)
        assert status == 422
        assert says in body


def test_a_picture_and_a_document(browser, lively, monkeypatch):
    status, _, picture = exported(lively, "desk", format="png", width=800, height=600, theme="light")
    assert status == 200
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24])[0] == 800
    assert exported(lively, "risk", format="pdf")[2][:5] == b"%PDF-"
    monkeypatch.setenv("TAPEBOOK_CHROMIUM", "/nowhere/chromium")
    status, _, told = exported(lively, "desk", format="png")
    assert status == 422
    assert b"no Chromium" in told


def test_the_button_saves_the_page(lively, visit):
    page = visit("ann", "/portfolio")
    page.page.click("#tb-export")
    with page.page.expect_download() as given:
        page.page.get_by_role("button", name="HTML", exact=True).click()
    assert b'id="tb-still"' in given.value.path().read_bytes()
    page.says("export.answer", "is saved")
    page.clean()


def commanded(words):
    """The exit code of the command, in a thread: the browser of these tests keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run_command_line, words).result()


def test_the_command_writes_the_page_of_a_log(browser, lively, tmp_path, capsys):
    to = tmp_path / "risk.html"
    assert commanded(["dash", "export", "risk", "--log", str(lively.session.folder.path), "--to", str(to)]) == 0
    capsys.readouterr()
    still = opened(browser, tmp_path, to.read_bytes())
    row = lively.ask("GET", "/v1/portfolios/fund1/limits", lively.token("risk"))[1][0]
    assert still.value("limit.fund1.max_position.maximum") == row["maximum"]
    still.clean()
    still.close()
    for words, says in (
        (["desks", "--to", str(to)], "did you mean desk"),
        (["desk", "--to", str(tmp_path / "desk.gif")], "html, png, pdf"),
        (["desk", "--to", "/nowhere/at/all.html"], "there is no folder"),
        (["desk", "--to", str(to), "--log", str(tmp_path)], "there is no log"),
    ):
        assert commanded(["dash", "export", *words, "--out", str(tmp_path)]) == 2
        told = capsys.readouterr().err
        assert says in told
        assert len(told.splitlines()) == 1


def test_without_playwright_it_says_what_to_do(lively, monkeypatch, tmp_path, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    words = ["dash", "export", "desk", "--log", str(lively.session.folder.path), "--to", str(tmp_path / "desk.png")]
    assert commanded(words) == 2
    assert "pip install 'tapebook[print]'; HTML needs neither" in capsys.readouterr().err


def test_without_its_packages_it_asks_for_the_extra(monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "panel", None)
    for words in (["dash"], ["dash", "export", "desk", "--to", "desk.html"], ["report", "daily", "desk"]):
        assert run_command_line(words) == 2
        assert "this needs the extra 'dash'" in capsys.readouterr().err
