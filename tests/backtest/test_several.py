"""Several strategies in one run, each with its portfolio; limits and rules of a backtest."""

from typing import Any

import numpy as np
import pytest

from backtest import Backtest, ImbalanceTaker, MarketMaker
from data.synthetic.flow import synthetic_flow
from engine import Exchange, Instrument, Kind, Limits, Rules, Side, Strategy, limit
from tests.engine.test_loop import ONE, OPENING, Rows, add, rows

NOW: dict[str, Any] = {"feed_latency": 0, "order_latency": 0, "response_latency": 0, "cache": None}
END = add(9000, 9, Side.BUY, 80, 1)


class Bidder(Strategy):
    """Bids at 100 once."""

    def on_start(self) -> None:
        self.buy(5, 100)


class Seller(Strategy):
    """Sells into the best bid a moment later."""

    def on_start(self) -> None:
        self.after(10, lambda: self.sell(3, self.book().bid))


def test_each_has_its_result_and_all_together_one() -> None:
    whole = Backtest(Rows(rows(*OPENING, END), ONE), [Bidder(), Seller], cash={"Bidder": 1000}, **NOW).run(out=None)
    bidder, seller = (whole.strategies[name] for name in ("Bidder", "Seller"))
    assert whole.fills.select("portfolio", "side", "price", "quantity_lots", "liquidity").rows() == [
        ("Bidder", "BUY", 100.0, 3, "MAKER"),
        ("Seller", "SELL", 100.0, 3, "TAKER"),
    ]
    assert bidder.fills.height == seller.fills.height == 1
    assert (bidder.summary["start_equity"], seller.summary["start_equity"]) == (1000.0, 1_000_000.0)
    assert bidder.orders["portfolio"].to_list() == ["Bidder"]
    assert [bidder.meta["strategy"].rpartition(":")[2], whole.meta["strategy"]] == ["Bidder", "Bidder + Seller"]
    for name in ("net_pnl", "fees", "fills", "orders", "turnover"):
        assert bidder.summary[name] + seller.summary[name] == pytest.approx(whole.summary[name])
    assert whole.strategies["Bidder"] is bidder
    alone = Backtest(Rows(rows(*OPENING, END), ONE), Bidder(), **NOW).run(out=None)
    assert alone.strategies == {"strategy": alone}


def test_each_accounts_as_the_exchange_does() -> None:
    feed = synthetic_flow(7, messages=20_000)
    strategies = [MarketMaker(spread=1), MarketMaker(size=50), ImbalanceTaker()]
    test = Backtest(feed, strategies, taker_fee="0.0002", maker_fee="-0.0001", cache=None)
    result, driver = test.run(out=None), test.record()[1]
    assert list(result.strategies) == ["MarketMaker-1", "MarketMaker-2", "ImbalanceTaker"]
    for name, one in result.strategies.items():
        account = driver.exchange.portfolio(name)
        assert one.summary["fees"] == pytest.approx(account["fees"], abs=1e-6)
        assert float(one.fills["fee"].sum()) == pytest.approx(account["fees"], abs=1e-6)
        assert one.equity["cash"][-1] == pytest.approx(account["cash"], abs=1e-6)
    assert sum(one.fills.height for one in result.strategies.values()) == result.fills.height > 100


def test_a_backtest_has_limits_and_rules() -> None:
    class Greedy(Strategy):
        every = 1000

        def on_timer(self) -> None:
            self.buy(4, 98)
            self.sell(30, 105)

    history = Rows(rows(*OPENING, END), ONE)
    result = Backtest(history, Greedy, limits=Limits(max_position=10), rules=Rules(max_order_quantity=20), **NOW).run(out=None)
    assert set(result.orders["reason"].drop_nulls()) == {"POSITION_LIMIT", "MAX_ORDER_QUANTITY"}
    assert result.orders["status"].to_list().count("NEW") == 2
    by_name = Backtest(history, [Greedy(), Greedy()], portfolio=["a", "b"], limits={"b": Limits(max_position=4)}, **NOW).run(out=None)
    refused = {name: (one.orders["status"] == "REJECTED").sum() for name, one in by_name.strategies.items()}
    assert refused["b"] > refused["a"] == 0


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"strategy": []}, "the list of strategies is empty"),
        ({"portfolio": ["one"]}, "give 2, each another"),
        ({"portfolio": ["one", "one"]}, "give 2, each another"),
        ({"cash": {"Biddr": 1}}, "cash names 'Biddr', which no strategy is called; there are Bidder, Seller"),
        ({"order_latency": {"Maker": "1ms"}}, "order_latency names 'Maker'"),
        ({"parameters": {"spread": 1}}, "parameters go with a strategy's class, of one strategy"),
    ],
)
def test_what_does_not_fit_is_named(how: dict[str, Any], said: str) -> None:
    given = {"strategy": [Bidder(), Seller()], **how}
    with pytest.raises(ValueError, match=said):
        Backtest(Rows(rows(*OPENING), ONE), **given)


def test_an_exchange_without_a_tape_has_the_facts_of_its_last_run() -> None:
    kept, plain = (Exchange([Instrument("ONE", tick="1")], keep_facts=keeps) for keeps in (True, False))
    for k in range(1, 4):
        order = limit(k, "ONE", Side.BUY, 1, 100 - k)
        assert plain.encode(order).tobytes() == kept.encode(order).tobytes()
        assert plain.send(order).tobytes() == kept.send(order).tobytes()
    assert plain.digest() == kept.digest()
    assert len(kept.orders()) == 3
    with pytest.raises(ValueError, match=r"keep_facts=False"):
        plain.orders()


def test_facts_of_others_never_reach_a_strategy() -> None:
    class Listener(Strategy):
        def on_start(self) -> None:
            self.heard: list[Any] = []

        def on_fill(self, fill: Any) -> None:
            self.heard.append(fill)

        def on_accepted(self, order: Any) -> None:
            self.heard.append(order)

    listener = Listener()
    recording, _ = Backtest(Rows(rows(*OPENING, END), ONE), [Bidder(), Seller(), listener], **NOW).record()
    assert np.count_nonzero(recording.facts["kind"] == Kind.TradeExecuted) == 1
    assert listener.heard == []
    assert listener.position() == 0
