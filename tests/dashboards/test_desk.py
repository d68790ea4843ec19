"""The desk in a browser: what it shows is what the gateway says, and an order goes all its way."""

from decimal import Decimal

import pytest

from tests.support.axe import axe_script, serious
from tests.support.live_gateway import order


def test_the_ladder_shows_the_book(session, visit):
    for side, price, quantity in (("SELL", "151.00", 7), ("SELL", "151.25", 3), ("BUY", "149.50", 4)):
        assert session.ask("POST", "/v1/orders", session.bob(), order(side, quantity, price))[0] == 201
    desk = visit("ann", "/desk?symbol=AAPL")
    book = session.ask("GET", "/v1/book/AAPL?depth=5", session.ann())[1]
    for side in ("bids", "asks"):
        total = Decimal(0)
        for k, (price, quantity, _) in enumerate(book[side][:3]):
            total += Decimal(quantity)
            desk.wait(f"{side[:-1]}.{k}.price", price)
            assert desk.value(f"{side[:-1]}.{k}.quantity") == quantity
            assert desk.value(f"{side[:-1]}.{k}.total") == f"{total:f}"
    assert Decimal(desk.value("spread")) == Decimal(book["asks"][0][0]) - Decimal(book["bids"][0][0])
    desk.clean()
    session.ask("DELETE", "/v1/orders", session.bob())


def test_an_order_goes_from_the_keyboard_to_the_position(session, visit):
    session.ask("POST", "/v1/orders", session.bob(), order("SELL", 60, "150.00"))
    desk = visit("ann", "/desk?symbol=AAPL")
    before = Decimal(session.ask("GET", "/v1/portfolios/fund1", session.ann())[1]["positions"].get("AAPL", {"quantity": "0"})["quantity"])
    desk.page.keyboard.press("b")
    desk.page.keyboard.type("100")
    desk.page.fill("#entry-price", "150.00")
    desk.says("entry.verdict", "fills 60 at 150.00, 40 rest")
    assert desk.value("preview.after.position") == f"{before + 60:f}"
    desk.page.press("#entry-price", "Enter")
    desk.page.wait_for_selector("text=Confirm: BUY 100 AAPL LIMIT @ 150 DAY")
    desk.page.press("#entry-price", "Enter")
    desk.says("entry.answer", "PARTIALLY_FILLED")
    placed = session.ask("GET", "/v1/orders?status=active", session.ann())[1][0]
    desk.wait(f"order.{placed['order_id']}.executed_quantity", "60")
    desk.wait("position.AAPL.quantity", f"{before + 60:f}")
    desk.page.wait_for_selector(".tb-bid.is-own")
    shown = session.ask("GET", "/v1/portfolios/fund1", session.ann())[1]
    desk.wait("account.equity", shown["equity"])
    assert desk.value("position.AAPL.average_price") == shown["positions"]["AAPL"]["average_price"]
    desk.page.click(f"[aria-label='Cancel order {placed['order_id']}']")
    desk.wait(f"order.{placed['order_id']}.status", "CANCELLED")
    desk.clean()


def test_a_refusal_is_shown_with_its_reason_before_and_after_sending(session, visit):
    desk = visit("ann", "/desk?symbol=AAPL")
    desk.page.keyboard.press("b")
    desk.page.keyboard.type("5,000")
    desk.page.fill("#entry-price", "150")
    desk.says("entry.verdict", "POSITION_LIMIT.*500 is allowed")
    desk.page.press("#entry-price", "Enter")
    desk.page.press("#entry-price", "Enter")
    desk.says("entry.answer", "Refused. POSITION_LIMIT.*500 is allowed")
    desk.page.wait_for_selector(".tb-alerts >> text=/POSITION_LIMIT/")
    assert [one for one in desk.errors if "422" not in one] == []


def test_an_order_is_changed(session, visit):
    made = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 5, "120.00"))[1]["order"]
    desk = visit("ann", "/desk?symbol=AAPL")
    desk.page.click(f"[aria-label='Change order {made['order_id']}']")
    desk.page.fill("#change-quantity", "9")
    desk.page.fill("#change-price", "121.50")
    desk.page.click("dialog[open] button.tb-primary")
    desk.wait(f"order.{made['order_id']}.quantity", "9")
    assert session.ask("GET", f"/v1/orders/{made['order_id']}", session.ann())[1]["price"] == "121.50"
    desk.clean()
    session.ask("DELETE", "/v1/orders", session.ann())


def test_the_chart_shows_the_bars_of_the_gateway(session, visit):
    session.trade("150.10", 2)
    desk = visit("ann", "/desk?symbol=AAPL&interval=60")
    bar = session.ask("GET", "/v1/bars/AAPL?interval=1m", session.ann())[1][0]
    desk.wait("bar.close", bar["close"] if "." in bar["close"] and len(bar["close"].split(".")[1]) == 2 else f"{Decimal(bar['close']):.2f}")
    assert Decimal(desk.value("bar.volume")) == Decimal(bar["volume"])
    trade = session.ask("GET", "/v1/trades/AAPL?limit=1", session.ann())[1][0]
    desk.wait(f"trade.{trade['seq']}.quantity", trade["quantity"])
    desk.clean()


def test_the_symbol_stands_in_the_address(session, visit):
    desk = visit("ann", "/desk?symbol=ETH")
    desk.page.wait_for_selector("#card-book >> text=ETH")
    desk.page.keyboard.press("[")
    desk.wait_for("() => location.search.includes('symbol=AAPL')")
    desk.page.select_option("select[aria-label='Symbol']", "SHIB")
    desk.wait_for("() => location.search.includes('symbol=SHIB')")
    desk.clean()
    odd = visit("ann", "/desk?symbol=NOPE")
    odd.page.wait_for_selector("text=There is no instrument NOPE here")


def test_eight_decimals_stay_eight_decimals(session, visit):
    body = {**order("SELL", "7", "0.00001234"), "symbol": "SHIB"}
    assert session.ask("POST", "/v1/orders", session.bob(), body)[0] == 201
    assert session.ask("POST", "/v1/orders", session.bob(), {**order("SELL", "0.12345678", "64000.10"), "symbol": "BTC"})[0] == 201
    desk = visit("ann", "/desk?symbol=SHIB")
    desk.wait("ask.0.price", "0.00001234")
    assert desk.text("ask.0.price") == "0.00001234"
    desk.page.select_option("select[aria-label='Symbol']", "BTC")
    desk.wait("ask.0.quantity", "0.12345678")
    assert desk.text("ask.0.price") == "64,000.10"
    desk.clean()


def test_a_halted_symbol_says_so(session, visit):
    assert session.ask("POST", "/v1/halts/ETH", session.token("risk"), {"reason": "a test"})[0] == 201
    desk = visit("ann", "/desk?symbol=ETH")
    desk.page.wait_for_selector("#card-book >> text=HALTED")
    assert session.ask("DELETE", "/v1/halts/ETH", session.token("risk"), {"reason": "a test"})[0] == 200
    desk.page.wait_for_selector("#card-book >> text=tick 0.01")
    desk.clean()


def test_a_viewer_sees_the_market_and_no_order_entry(session, visit):
    desk = visit(("viewer",), "/desk")
    assert desk.page.locator("#card-entry").count() == 0
    desk.page.wait_for_selector("#card-positions >> text=/Viewers see the market alone/")
    assert desk.page.locator(".tb-nav >> text=Risk").count() == 0
    desk.clean()


def test_the_palette_leads_to_a_symbol_an_order_and_a_page(request, session, visit):
    made = session.ask("POST", "/v1/orders", session.ann(), order("BUY", 2, "111.00"))[1]["order"]["order_id"]
    desk = visit(("compliance",), "/desk?symbol=AAPL")
    desk.page.keyboard.press("/")
    desk.page.wait_for_selector(".tb-jump li >> text=Portfolio")
    assert serious(desk.page, axe_script(request.config.cache)) == []
    desk.page.keyboard.type("shi")
    desk.page.keyboard.press("Enter")
    desk.wait_for("() => location.search.includes('symbol=SHIB')")
    desk.page.keyboard.press("Control+k")
    desk.page.keyboard.type(f"#{made} ann")
    desk.page.wait_for_selector(f".tb-jump li[aria-selected=true] >> text=#{made}")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(f"**/audit?order={made}&trader=ann")
    desk.wait("life.0.status", "NEW")
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("nothing of that name")
    desk.page.wait_for_selector(".tb-jump >> text=/Nothing is called/")
    desk.page.keyboard.press("Escape")
    desk.page.wait_for_selector(".tb-jump", state="detached")
    desk.clean()
    session.ask("DELETE", f"/v1/orders/{made}", session.ann())


def test_the_sheet_of_shortcuts(visit):
    desk = visit("ann", "/desk")
    desk.page.keyboard.press("?")
    desk.page.wait_for_selector("dialog[open] >> text=Buy: order entry, side buy")
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("g")
    desk.page.keyboard.press("r")
    desk.page.wait_for_url("**/risk")


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_sticks_out(visit, size):
    desk = visit("ann", "/desk?symbol=AAPL", size=size)
    desk.page.wait_for_selector("#card-book .tb-level")
    wide = desk.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    if size[0] > 1000:
        assert desk.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    desk.clean()
