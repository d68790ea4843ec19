"""The risk page in a browser: limits as the gateway says them, switches that ask twice, a question that changes nothing."""

from decimal import Decimal

from tests.support.live_gateway import order

RISK = ("risk",)


def test_limits_with_use_and_headroom(session, visit):
    session.trade("150.00", 40)
    page = visit(RISK, "/risk")
    rows = session.ask("GET", "/v1/portfolios/fund1/limits", session.token("risk"))[1]
    for row in rows:
        name = {"POSITION_LIMIT": "max_position", "DAILY_LOSS_LIMIT": "max_daily_loss"}[row["limit"]]
        for what in ("used", "maximum", "headroom"):
            page.wait(f"limit.fund1.{name}.{what}", row[what])
    page.clean()


def test_a_limit_is_changed_and_who_did_it_is_shown(session, visit):
    page = visit(RISK, "/risk")
    page.page.click("section[aria-label='Limits of fund1'] >> text=Change")
    page.page.fill("#limit-max_position", "450")
    assert page.page.locator("dialog[open] button.tb-primary").is_disabled()
    page.page.fill("#why", "quarter end")
    page.page.click("dialog[open] button.tb-primary")
    page.wait("limit.fund1.max_position.maximum", "450")
    page.page.wait_for_selector("#card-changes >> text=quarter end")
    page.page.wait_for_selector("#card-changes >> text=/position 450/")
    page.clean()


def test_the_kill_switch_asks_twice_and_for_a_reason(session, visit):
    made = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 1, "100.00"))[1]["order"]
    page = visit(RISK, "/risk")
    page.page.click("[aria-label='Kill fund1']")
    page.page.fill("#why", "a test")
    page.page.click("dialog[open] button.tb-danger")
    page.wait("switch.fund1", "stopped")
    page.says("controls.state", "PARTLY STOPPED")
    assert session.ask("GET", f"/v1/orders/{made['order_id']}", session.ann())[1]["status"] == "CANCELLED"
    status, answer = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 1, "100.00"))
    assert (status, answer["code"]) == (422, "KILL_SWITCH")
    page.page.click("[aria-label='Revive fund1']")
    page.page.fill("#why", "it is over")
    page.page.click("dialog[open] button.tb-primary")
    page.wait("switch.fund1", "open")
    page.clean()


def test_refusals_show_the_rule_that_fired(session, visit):
    assert session.ask("POST", "/v1/orders", session.ann(), order("BUY", 5000, "100.00"))[0] == 422
    page = visit(RISK, "/risk")
    breach = session.ask("GET", "/v1/breaches", session.token("risk"))[1][0]
    page.wait(f"refusal.{breach['seq']}.reason", "POSITION_LIMIT")
    assert page.value(f"refusal.{breach['seq']}.value") == breach["value"]
    page.clean()


def test_what_if_changes_nothing(session, visit):
    session.ask("POST", "/v1/orders", session.bob(), order("SELL", 10, "150.00"))
    seq = session.session.seq
    page = visit(RISK, "/risk?symbol=AAPL")
    page.wait_for("() => document.querySelector('#whatif-trader').options.length > 1")
    page.page.select_option("#whatif-portfolio", "fund1")
    page.page.select_option("#whatif-trader", "ann")
    page.page.fill("#whatif-quantity", "4")
    page.page.fill("#whatif-price", "150.00")
    page.page.click("text=Ask the exchange")
    page.says("whatif.verdict", "fills 4 at 150.00")
    before, after = (Decimal(page.value(f"whatif.{when}.position")) for when in ("before", "after"))
    assert after - before == 4
    assert session.session.seq == seq
    page.clean()
    session.ask("DELETE", "/v1/orders", session.bob())


def test_a_trader_sees_its_own_and_no_switch(session, visit):
    page = visit("ann", "/risk")
    page.page.wait_for_selector("section[aria-label='Limits of fund1']")
    assert page.page.locator("section[aria-label='Limits of fund2']").count() == 0
    assert page.page.locator("#card-controls button").count() == 0
    assert page.page.get_by_role("button", name="Change", exact=True).count() == 0
    page.clean()
