"""Every page in every theme and at both widths: no complaint, no stranger asked, nothing sticks out, and all people can read it."""

import pytest

from dashboards.pages.place import present
from tests.support.axe import axe_script, serious
from tests.support.live_gateway import order

pytest.importorskip("panel")

ALL = ("trader", "risk", "compliance", "admin")
THEMES = [("dark", "usual"), ("light", "usual"), ("dark", "cvd"), ("light", "cvd")]


@pytest.fixture(scope="module")
def lively(session):
    """Orders, trades, a refusal, a halt: something in every card."""
    for k in range(5):
        session.ask("POST", "/v1/orders", session.bob(), order("SELL", 3 + k, f"15{k + 1}.00"))
        session.ask("POST", "/v1/orders", session.ann(), order("BUY", 3 + k, f"14{k}.00"))
    session.trade("150.00", 2)
    session.ask("POST", "/v1/orders", session.ann(), order("BUY", 5000, "150.00"))
    session.ask("POST", "/v1/halts/ETH", session.token("risk"), {"reason": "a look"})
    session.ask("DELETE", "/v1/halts/ETH", session.token("risk"), {"reason": "it is over"})
    return session


def opened(browser, session, path, **more):
    from tests.support.pages import Visit

    token = session.token(*ALL, trader="ann", portfolios=["fund1"])
    return Visit(browser, session.url, token, **more).go(path)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", [place.path for place in present()])
def test_a_page_is_for_everybody(browser, lively, request, path, theme):
    page = opened(browser, lively, path, theme=theme[0], colours=theme[1])
    page.page.wait_for_timeout(1500)
    page.clean()
    assert serious(page.page, axe_script(request.config.cache)) == []
    page.close()


@pytest.mark.parametrize("path", [place.path for place in present()])
def test_a_page_fits_a_phone(browser, lively, path):
    page = opened(browser, lively, path, size=(390, 844))
    page.page.wait_for_timeout(1000)
    wide = page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    page.clean()
    page.close()


def test_the_theme_is_changed_and_kept(browser, lively):
    page = opened(browser, lively, "/desk")
    page.page.click("#tb-theme")
    assert page.page.evaluate("document.documentElement.dataset.theme") == "light"
    page.page.click("#tb-cvd")
    assert page.page.get_attribute("#tb-cvd", "aria-pressed") == "true"
    up, down = (
        page.page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--tb-{name}')") for name in ("up", "down")
    )
    assert (up.strip(), down.strip()) == ("#0a56ad", "#934800")
    page.close()
