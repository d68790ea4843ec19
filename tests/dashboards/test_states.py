"""What a page looks like when things are not as usual: each state says what is so, and what to do next."""

import pytest

pytest.importorskip("panel")

from dashboards.notebook import view
from data.log.event_log import EventLog
from engine import Exchange, Instrument, Side, Strategy, limit
from tests.support.live_batches import numbered
from tests.support.live_gateway import order
from tests.support.pages import Visit

HOUR_AHEAD = "const real = Date.now; Date.now = () => real() + 3_600_000;"
LOST = """async () => {
  const { feed } = await import('/dash/assets/js/feed.mjs');
  for (let k = 0; k < 100 && !feed.store.topics.get('market'); k += 1) await new Promise((go) => setTimeout(go, 100));
  const market = feed.store.topics.get('market');
  const topics = { market: { n: market.n + 7, after: market.n + 6, data: market.data } };
  feed.take({ type: 'frame', at: Date.now() / 1000, seq: feed.store.seq, gone: '', topics });
  return feed.store.gaps;
}"""


def shown(browser, tmp_path, made, **more):
    """A view's file in a browser that knows no session."""
    return Visit(browser, "file://", **more).go(str(made.save(tmp_path / "view.html")), ready="STILL")


def test_an_empty_book_says_what_will_stand_there(session, visit):
    desk = visit("ann", "/desk?symbol=BTC")
    desk.page.wait_for_selector("#card-book >> text=The book is empty: the first order that rests will stand here.")
    desk.page.wait_for_selector("#card-chart >> text=No trade yet, so no candle.")
    desk.page.wait_for_selector("#card-heat >> text=No depth yet")
    desk.clean()


def test_a_lost_frame_is_seen_and_filled(session, visit):
    session.trade("150.00", 3)
    desk = visit("ann", "/desk?symbol=AAPL")
    trade = session.ask("GET", "/v1/trades/AAPL?limit=1", session.ann())[1][0]
    desk.wait(f"trade.{trade['seq']}.quantity", trade["quantity"])
    assert desk.page.evaluate(LOST) == 1
    session.trade("150.25", 4)
    trade = session.ask("GET", "/v1/trades/AAPL?limit=1", session.ann())[1][0]
    desk.wait(f"trade.{trade['seq']}.quantity", trade["quantity"])
    desk.wait("quote.last", "150.25")
    desk.wait_for("() => document.getElementById('tb-feed').title.includes('1 gaps, each filled')")
    desk.says("feed.state", "LIVE")
    desk.clean()


def test_a_clock_an_hour_off_is_told(browser, session):
    page = Visit(browser, session.url, session.ann())
    page.context.add_init_script(HOUR_AHEAD)
    page.go("/portfolio")
    page.says("clock.off", "clock is 60 min ahead of the session’s. Times here are the session’s.")
    page.says("feed.state", "LIVE")
    page.clean()
    page.close()


def test_five_hundred_positions_come_a_page_at_a_time(browser, tmp_path):
    symbols = [f"S{k:03}" for k in range(500)]
    exchange = Exchange([Instrument(symbol, "0.01") for symbol in symbols], cash={"fund": 10**9, "other": 10**9})
    opening = numbered(exchange.opening, exchange.facts.copy(), 0)
    last = int(exchange.state.session["seq"][0])
    orders = []
    for k, symbol in enumerate(symbols):
        orders.append(limit(2 * k + 1, symbol, Side.SELL, k + 1, "10.00", portfolio="other", trader="o"))
        orders.append(limit(2 * k + 2, symbol, Side.BUY, k + 1, "10.00", portfolio="fund", trader="f"))
    opened = exchange.encode(*orders)
    with EventLog(tmp_path / "log.duckdb") as log:
        number = log.begin("many", {}, exchange.instruments)
        log.append(number, *(opening[0], opening[2], opening[1]))
        commands, seqs, facts = numbered(opened, exchange.run(opened), last)
        log.append(number, commands, facts, seqs)
    made = view(tmp_path / "log.duckdb", "portfolio", portfolio="fund")
    for size in ((1440, 900), (390, 844)):
        _many(shown(browser, tmp_path, made, size=size))


def _many(page):
    page.wait("positions.count", "500")
    assert page.page.locator("#card-positions tbody tr").count() == 50
    assert page.value("position.S499.quantity") == "500"
    page.page.click("[aria-label='Smaller positions']")
    page.wait("position.S449.quantity", "450")
    page.page.fill('[aria-label="Part of a position\'s symbol"]', "s00")
    page.wait("positions.count", "10")
    wide = page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    page.clean()
    page.close()


class Idle(Strategy):
    """Sends nothing."""

    def on_start(self):
        """It could have."""


def test_a_result_without_fills_is_complete_all_the_same(browser, tmp_path):
    from backtest import Backtest
    from data import synthetic_flow

    result = Backtest(synthetic_flow(seed=3, messages=5_000), Idle()).run()
    for page, says in (
        ("desk", "This run sent no order."),
        ("portfolio", "No P&L yet: it begins with the first fill."),
        ("risk", "Nothing was refused, and no alarm was raised."),
    ):
        made = shown(browser, tmp_path, view(result, page))
        made.page.wait_for_selector(f"text=/{says}/")
        made.clean()
        made.close()


def test_a_session_that_stops_says_so(session, visit):
    """The last one here: it ends the session."""
    session.ask("POST", "/v1/orders", session.bob(), order("SELL", 7, "151.00"))
    desk = visit("ann", "/desk?symbol=AAPL")
    desk.wait("ask.0.price", "151.00")
    session.stop()
    desk.page.wait_for_selector(".tb-banner >> text=/Nothing new is shown: the session/")
    desk.says("feed.state", "GONE")
    assert desk.value("ask.0.price") == "151.00"
