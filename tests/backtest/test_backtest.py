"""Backtests: the stretch that is played, fees, latencies, ready orders and their place in the queue, and what the figures add up to."""

from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from backtest import Backtest, FastMarketMaker, ImbalanceTaker, MarketMaker, Result
from backtest.recording import Recording
from data.synthetic.flow import synthetic_flow
from engine import Exchange, Instrument, Kind, Parameter, Side, Strategy
from tests.engine.test_loop import ONE, Rows, add, rows

DAY = synthetic_flow(3, messages=8_000, maker_fee="-0.0001", taker_fee="0.0003")
TIMES = DAY.commands()["ts"]
SECOND = 10**9


def run(strategy: Any = FastMarketMaker, **how: Any) -> Result:
    return Backtest(DAY, strategy, cache=None, **how).run(None)


class Clock(Strategy):
    """Writes down when it is called."""

    every = "1min"

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.called: list[int] = []

    def on_timer(self) -> None:
        self.called.append(self.now)


def new_york(clock: str) -> int:
    """ns UTC of a time of the synthetic day."""
    local = pl.Series([f"2026-01-05 {clock}"]).str.to_datetime().dt.replace_time_zone("America/New_York")
    return int(local.dt.cast_time_unit("ns").dt.timestamp("ns")[0])


# ------------------------------------------------------------------ the stretch that is played


def test_start_and_end_are_on_the_clock_of_the_feed() -> None:
    result = run(clock := Clock(), start="10:15", end="11:00:30", feed_latency="1ms")
    assert (result.recording.start, result.recording.end) == (new_york("10:15:00"), new_york("11:00:30"))
    assert clock.called[0] == new_york("10:15:00") + 1_000_000  # the timer of 10:15 is due when the strategy's clock begins
    assert clock.called[1:] == [new_york("10:16:00") + k * 60 * SECOND for k in range(45)]
    assert result.recording.market_commands == int(np.searchsorted(TIMES, result.recording.end, side="right"))


def test_start_and_end_may_be_nanoseconds() -> None:
    named = run(start="10:15", end="11:00:30")
    assert run(start=new_york("10:15:00"), end=new_york("11:00:30")).meta["digest"] == named.meta["digest"]


def test_start_may_be_any_time() -> None:
    first = Backtest(DAY, Clock(), cache=None, start="12:00", end="13:00").record()[0].start
    zone = ZoneInfo("America/New_York")
    for same in (np.int64(first), time(12), datetime(2026, 1, 5, 12), datetime(2026, 1, 5, 12, tzinfo=zone), np.datetime64(first, "ns")):
        assert Backtest(DAY, Clock(), cache=None, start=same, end="13:00").record()[0].start == first


def test_without_start_and_end_the_whole_feed_is_played() -> None:
    recording = run().recording
    assert (recording.start, recording.end, recording.market_commands) == (TIMES[0], TIMES[-1], len(TIMES))


def test_a_start_before_the_feed_is_its_first_row() -> None:
    assert run(start=0).recording.start == TIMES[0]


def test_before_the_start_and_in_the_warm_up_the_book_is_built_and_nobody_is_called() -> None:
    plain = run(clock := Clock(), start="10:30", feed_latency=0)
    warm = run(warmed := Clock(), start="10:00", warm_up="30min", feed_latency=0)
    assert warmed.called == clock.called
    assert clock.called[0] == new_york("10:30:00")
    assert warm.recording.opened == plain.recording.opened == new_york("10:30:00")
    assert warm.recording.samples["ts"][0] < new_york("10:30:00") <= plain.recording.samples["ts"][0]
    assert warm.meta["digest"] == plain.meta["digest"]


def test_what_is_played_before_the_start_is_the_market_that_follows() -> None:
    """The last part of a run from the start equals the exchange that has had every row."""
    recording, driver = Backtest(DAY, Clock(), cache=None, start="12:00", end="13:00").record()
    exchange = Exchange(DAY.instruments)
    exchange.run(DAY.commands()[: recording.market_commands])
    for side in (0, 1):
        assert driver.exchange.book("TAPE").rows(side, 1000).tolist() == exchange.book("TAPE").rows(side, 1000).tolist()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"start": "11:00", "end": "10:00"}, "start 11:00 is not before end 10:00"),
        ({"start": "17:00"}, "start 17:00 lies outside the feed, which goes from 2026-01-05 09:30:00 to 2026-01-05 15:59:"),
        ({"start": "07:00", "end": "08:00"}, "end 08:00 lies outside the feed, which goes from 2026-01-05 09:30:00 to"),
        ({"start": 1.5}, "1.5 is not a time of day"),
        ({"warm_up": "9h"}, "start of the feed and a warm-up of 32400 s is not before end of the feed"),
        ({"start": "10"}, "'10' is not a time of day; write HH:MM or HH:MM:SS"),
        ({"end": "25:00"}, "'25:00' is not a time of day; write HH:MM or HH:MM:SS"),
        ({"warm_up": -1}, "warm_up and sample_every cannot be negative"),
        ({"sample_every": -1}, "warm_up and sample_every cannot be negative"),
        ({"feed_latency": -5}, "a latency cannot be negative"),
        ({"order_latency": "fast"}, "'fast' is not a duration; write a number and a unit, like"),
        ({"order_latency": np.array([[0, 5], [3, -1]])}, "a latency cannot be negative"),
        ({"order_latency": np.array([[5, 5], [3, 1]])}, "a latency series must be in time order"),
        ({"order_latency": np.array([1, 2, 3])}, "a latency series is an array (n, 2) of (ts, latency) in ns, not one of shape (3,)"),
        ({"cash": "much"}, "cash: 'much' is not a number"),
        (
            {"cash": 1_000_000 / 3},
            "cash of 'strategy': 333333.3333333333 is finer than the unit of money, 0.000001; round it, as to 333333.333333",
        ),
        ({"cash": 1e13}, "cash of 'strategy': 10000000000000.0 is too much; with these instruments it is below 4611686018427.387904"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        run(**how)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_strategy_or_orders() -> None:
    with pytest.raises(ValueError, match=r"takes a strategy or orders, one of the two"):
        Backtest(DAY)
    with pytest.raises(ValueError, match=r"takes a strategy or orders, one of the two"):
        Backtest(DAY, Clock, orders={"ts": [1]})
    with pytest.raises(ValueError, match=r"parameters go with a strategy's class"):
        Backtest(DAY, MarketMaker(), parameters={"spread": 3})


def test_an_empty_feed_is_named() -> None:
    with pytest.raises(ValueError, match=r"rows: the feed is empty"):
        Backtest(Rows(rows(), ONE), Clock, cache=None).run(None)


# ------------------------------------------------------------------ the same again


@pytest.mark.parametrize("strategy", [MarketMaker, ImbalanceTaker])
def test_two_runs_are_one(strategy: type[Strategy]) -> None:
    one, other = (Backtest(DAY, strategy, cache=None, end="12:00").record()[0] for _ in range(2))
    assert one.meta["digest"] == other.meta["digest"]
    assert one.facts.tobytes() == other.facts.tobytes()
    assert one.samples.tobytes() == other.samples.tobytes()
    assert len(one.facts) > 100


def test_one_backtest_may_be_run_twice() -> None:
    class Growing(Strategy):
        every = "1min"
        lots = 0

        def on_timer(self) -> None:
            self.lots += 1
            self.buy(self.lots, 9_000)

    test = Backtest(DAY, Growing, cache=None)
    assert test.record()[0].facts.tobytes() == test.record()[0].facts.tobytes()


def test_a_feed_is_decoded_once(tmp_path: Path) -> None:
    class Counted(Rows):
        decoded = 0

        def batches(self, rows: int = 65536) -> Any:
            self.decoded += 1
            return super().batches(rows)

    feed = Counted(DAY.commands(), DAY.instruments)
    results = [Backtest(feed, FastMarketMaker, cache=tmp_path).run(None) for _ in range(3)]
    assert feed.decoded == 1
    assert {result.meta["digest"] for result in results} == {run().meta["digest"]}


def test_progress_is_told() -> None:
    feed = synthetic_flow(3, messages=150_000)
    told: list[tuple[int, int]] = []
    test = Backtest(feed, FastMarketMaker, cache=None)
    test.progress = lambda row, of: told.append((row, of))
    test.record()
    count = len(feed.commands())
    assert told == [(row, count) for row in range(65_536, count, 65_536)]


def test_a_strategy_that_raises_ends_the_run() -> None:
    class Broken(Strategy):
        every = "1min"

        def on_timer(self) -> None:
            raise KeyError("mine")

    with pytest.raises(KeyError, match=r"mine"):
        run(Broken)


def test_the_seed_reaches_a_strategy_that_asks_for_it() -> None:
    class Chancy(Clock):
        seed = Parameter(0)

    recording, _ = Backtest(DAY, Chancy, cache=None, seed=7).record()
    assert recording.meta["seed"] == recording.meta["parameters"]["seed"] == 7


# ------------------------------------------------------------------ fees and money


def test_fees_may_be_other_than_the_instruments() -> None:
    own, none, dear = run(), run(maker_fee=0, taker_fee=0), run(maker_fee="0.01", taker_fee="0.02")
    assert own.summary["fees"] < 0 == none.summary["fees"] < dear.summary["fees"]
    facts = dear.recording.facts
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    notional = trades["price"].astype(object) * trades["quantity"].astype(object) * dear.recording.value(0)
    ours = trades["maker_trader"] == 1
    assert trades["maker_fee"][ours].tolist() == [(100 * int(n) + 5_000) // 10_000 for n in notional[ours]]  # half away from zero
    assert dear.meta["maker_fee"] == "0.01"


@pytest.mark.parametrize("strategy", [FastMarketMaker, ImbalanceTaker])
def test_cash_is_neither_made_nor_lost(strategy: type[Strategy]) -> None:
    _, driver = Backtest(DAY, strategy, cache=None).record()
    state = driver.exchange.state
    assert int(state.portfolios["cash"].sum()) + int(state.session["fee_cash"][0]) == 0
    positions = state.positions[: int(state.session["positions"][0])]
    assert int(positions["quantity"].sum()) == 0


@pytest.mark.parametrize("strategy", [FastMarketMaker, ImbalanceTaker])
def test_the_figures_add_up(strategy: type[Strategy]) -> None:
    result = run(strategy)
    fills, orders, equity, summary = result.fills, result.orders, result.equity, result.summary
    assert len(fills) == summary["fills"] > 20
    signed = fills["quantity"] * fills["side"].replace_strict({"BUY": 1.0, "SELL": -1.0})
    paid = (signed * fills["price"]).sum() + fills["fee"].sum()
    last = equity[-1].to_dicts()[0]
    assert last["cash"] == pytest.approx(1_000_000 - paid, abs=1e-6)
    assert last["equity"] == pytest.approx(last["cash"] + last["position_value"], abs=1e-6)
    assert summary["net_pnl"] == pytest.approx(last["equity"] - 1_000_000, abs=1e-6)
    assert summary["net_pnl"] == pytest.approx(summary["gross_pnl"] - summary["fees"], abs=1e-6)
    assert summary["net_pnl"] == pytest.approx(result.round_trips["pnl"].sum(), abs=1e-6)
    assert fills["position"][-1] == pytest.approx(signed.sum())
    executed = fills.group_by("order_id").agg(pl.sum("quantity"), (pl.col("price") * pl.col("quantity")).sum() / pl.sum("quantity"))
    both = orders.filter(pl.col("executed_quantity") > 0).join(executed, on="order_id")
    assert len(both) == len(executed)
    assert both["executed_quantity"].to_list() == both["quantity_right"].to_list()
    assert both["average_price"].to_list() == pytest.approx(both["price_right"].to_list())
    assert set(orders["status"]) <= {"FILLED", "PARTIALLY_FILLED", "CANCELLED", "NEW", "REJECTED"}


def test_what_nobody_traded_changed_nothing() -> None:
    """A strategy that sends nothing leaves the market as the record has it."""
    result = run(Clock)
    assert len(result.fills) == len(result.orders) == 0
    assert set(result.recording.counters.values()) == {0}
    assert result.equity["equity"].unique().to_list() == [1_000_000.0]


# ------------------------------------------------------------------ what my orders would have got

HALF = [Instrument("HALF", tick="0.01")]


def executed(ts: int, *fills: tuple[int, int, int], side: Side = Side.BUY) -> list[dict[str, int]]:
    """One aggressor of the record: (order id, price, lots) of each order that it executed, resting on `side`."""
    flow = {"ts": ts, "kind": Kind.FLOW, "side": 1 - side, "price": fills[-1][1], "quantity": sum(lots for *_, lots in fills)}
    return [flow] + [
        {"ts": ts, "kind": Kind.EXECUTE, "order_id": i, "side": side, "price": price, "quantity": lots, "row": 1}
        for i, price, lots in fills
    ]


def queued(history: list[dict[str, int]], orders: dict[str, Any], **how: Any) -> Recording:
    """A run of ready orders in a market that begins with bid A (id 1) 100 at 5000 and an offer at 5010."""
    opening = [add(1000, 1, Side.BUY, 5000, 100), add(1000, 50, Side.SELL, 5010, 100)]
    feed = Rows(rows(*opening, *history, add(90_000, 99, Side.BUY, 4000, 1)), HALF)
    how = {"order_latency": 0, "sample_every": 0} | how
    return Backtest(feed, orders=orders, cache=None, **how).record()[0]


def fills(recording: Recording) -> list[tuple[int, ...]]:
    trades = recording.facts[recording.facts["kind"] == Kind.TradeExecuted]
    return trades[["ts", "maker_order_id", "price", "quantity", "ahead"]].tolist()


BID = {"order_id": [1], "side": ["BUY"], "price": ["50.00"], "quantity": [100], "ts": [2000]}
BEHIND = add(3000, 2, Side.BUY, 5000, 100)  # B, behind us


def test_our_place_in_the_queue_is_exact() -> None:
    """Bids at 50.00 in the order they came: A 100, ours 100, B 100."""
    recording = queued([BEHIND, *executed(4000, (1, 5000, 100))], BID)
    assert fills(recording) == []
    assert recording.facts["ahead"].tolist() == [100]
    recording = queued([BEHIND, *executed(4000, (1, 5000, 60), (1, 5000, 40), (2, 5000, 50))], BID)
    assert fills(recording) == [(4000, 1, 5000, 50, 100)]
    recording = queued([BEHIND, *executed(4000, (1, 5000, 100)), *executed(5000, (2, 5000, 50)), *executed(6000, (2, 5000, 50))], BID)
    assert fills(recording) == [(5000, 1, 5000, 50, 0), (6000, 1, 5000, 50, 0)]
    assert recording.counters["displaced"] == 100


@pytest.mark.parametrize(("start", "others"), [(1000, 100_900), (50_000, 900)])
def test_our_share_is_of_what_others_traded_while_we_were_there(start: int, others: int) -> None:
    """100,000 lots early, 900 late, and 100 that we buy from the order at 50.10: those are ours, not others'."""
    early = [executed(2000 + k, (50, 5010, 1000), side=Side.SELL) for k in range(100)]
    late = [executed(60_000 + k, (50, 5010, 100), side=Side.SELL) for k in range(9)]
    history = [add(1500, 50, Side.SELL, 5010, 500_000), *(row for taken in early + late for row in taken)]
    feed = Rows(rows(add(1000, 1, Side.BUY, 5000, 100), *history, add(90_000, 99, Side.BUY, 4000, 1)), HALF)
    ours = {"order_id": [1], "side": ["BUY"], "price": ["50.10"], "quantity": [100], "ts": [55_000]}
    summary = Result(Backtest(feed, orders=ours, cache=None, order_latency=0, start=start).record()[0]).summary
    assert summary["fills"] == 1
    assert summary["market_share"] == pytest.approx(100 / others, rel=1e-12)


def test_a_cancel_ahead_of_us_moves_us_up() -> None:
    reduced = {"ts": 3500, "kind": Kind.REDUCE, "order_id": 1, "side": Side.BUY, "price": 5000, "quantity": 70, "row": 1}
    recording = queued([BEHIND, reduced, *executed(4000, (1, 5000, 30), (2, 5000, 100))], BID)
    assert fills(recording) == [(4000, 1, 5000, 100, 30)]


def test_a_better_price_of_ours_fills_first() -> None:
    recording = queued(executed(4000, (1, 5000, 30)), BID | {"price": ["50.01"]})
    assert fills(recording) == [(4000, 1, 5001, 30, 0)]


def test_ready_orders_take_and_are_changed() -> None:
    orders = pl.DataFrame(
        {
            "kind": ["NEW", "NEW", "REPLACE", "CANCEL"],
            "order_id": [1, 2, 2, 2],
            "side": ["BUY", "BUY", None, None],
            "type": ["MARKET", "LIMIT", None, None],
            "price": [None, 49.0, 49.5, None],
            "quantity": [30, 10, None, None],
            "ts": pl.Series([2000, 2500, 3000, 9000]).cast(pl.Datetime("ns", "UTC")),
        }
    ).with_columns(pl.col("side").fill_null("BUY"), pl.col("type").fill_null("LIMIT"))
    recording = queued([], orders, order_latency=7)
    kinds = [Kind(int(kind)).name for kind in recording.facts["kind"]]
    assert kinds == ["OrderCreated", "TradeExecuted", "OrderCreated", "OrderReplaced", "OrderCancelled"]
    assert recording.facts["ts"].tolist() == [2007, 2007, 2507, 3007, 9007]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_of_ready_orders_may_be_dates_of_any_unit(unit: Any) -> None:
    ts = pl.Series([2_000_000]).cast(pl.Datetime("ns")).dt.cast_time_unit(unit)
    opening = [add(1000, 1, Side.BUY, 5000, 100), add(9_000_000, 50, Side.SELL, 5010, 100)]
    test = Backtest(Rows(rows(*opening), HALF), orders=BID | {"ts": ts}, cache=None, order_latency=0)
    assert test.record()[0].facts["ts"].tolist() == [2_000_000]


def test_ready_orders_are_sent_in_order_of_time_and_none_overtakes() -> None:
    orders = {"order_id": [1, 2, 3], "side": ["BUY"] * 3, "price": [40] * 3, "quantity": [1] * 3, "ts": [5000, 2000, 2600]}
    recording = queued([], orders, order_latency=np.array([[0, 1000], [2500, 10]]))
    assert recording.facts[["ts", "order_id"]].tolist() == [(3000, 2), (3000, 3), (5010, 1)]


def test_ready_orders_of_other_people() -> None:
    orders = BID | {"order_id": [1, 1], "side": ["BUY", "BUY"], "price": [50, 50], "quantity": [1, 2], "ts": [2000, 2001]}
    recording = queued([], orders | {"trader": ["ann", "bob"], "portfolio": ["ann", "ann"]})
    names = [(recording.traders[int(t)], recording.portfolios[int(p)]) for t, p in recording.facts[["trader", "portfolio"]].tolist()]
    assert names == [("ann", "ann"), ("bob", "ann")]
    assert set(recording.facts["kind"].tolist()) == {Kind.OrderCreated}


def test_ready_orders_before_the_start_enter_when_they_are_due() -> None:
    """A start cuts off what is looked at, not what happened."""
    history = [BEHIND, *executed(4000, (1, 5000, 100), (2, 5000, 10))]
    whole, late = queued(history, BID), queued(history, BID, start=3500)
    assert late.facts.tobytes() == whole.facts.tobytes()
    assert late.meta["digest"] == whole.meta["digest"]


@pytest.mark.parametrize(
    ("orders", "said"),
    [
        ({key: value for key, value in BID.items() if key != "ts"}, "orders need a column ts"),
        (BID | {"sid": ["BUY"]}, "unknown column 'sid'; known are kind"),
        (BID | {"side": ["UP"]}, "row 0: side: 'UP' is none of BUY, SELL"),
        (BID | {"side": ["BUY"] * 2, "order_id": [1, 2, 3]}, "columns differ in length"),
    ],
)
def test_ready_orders_that_do_not_fit(orders: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        queued([], orders)
    assert said in str(error.value)


# ------------------------------------------------------------------ several instruments, and the depth of the book


class Pair(Strategy):
    """Buys one symbol whenever it has sold the other."""

    every = "1min"

    def on_timer(self) -> None:
        for k in (0, 1):
            touch = self.book(k)
            price, send = (touch.ask, self.buy) if (self.now // (60 * SECOND) + k) % 2 else (touch.bid, self.sell)
            if price is not None:
                send(10, price, k)


def test_two_instruments_have_their_own_positions_and_samples() -> None:
    feed = synthetic_flow(4, {"AAA": 3, "BBB": 1}, messages=8_000)
    result = Backtest(feed, Pair, cache=None).run(None)
    assert set(result.fills["symbol"]) == {"AAA", "BBB"}
    by_symbol = result.fills.group_by("symbol").agg((pl.col("quantity") * pl.col("side").replace_strict({"BUY": 1, "SELL": -1})).sum())
    last = result.positions.group_by("symbol").agg(pl.last("quantity"))
    assert sorted(last.rows()) == sorted(by_symbol.rows())
    assert set(result.recording.samples["instrument"]) == {0, 1}


def test_the_depth_of_the_book_is_what_it_was() -> None:
    class Resting(Strategy):
        every = "10min"
        seen: ClassVar[list[Any]] = []

        def on_timer(self) -> None:
            self.buy(33, (self.book().bid or 0) - 1)

    recording, driver = Backtest(DAY, Resting, cache=None).record()
    assert recording.depth_window is not None
    window = recording.depth_window(new_york("12:00:00"), 60 * SECOND, 120 * SECOND, 30, 4)
    assert window.ts.tolist() == [new_york("11:59:00") + (k + 1) * 6 * SECOND for k in range(30)]
    commands, _, _ = driver.sent()
    everything = np.concatenate([DAY.commands(), commands])
    everything = everything[np.argsort(everything["ts"], kind="stable")]
    for k in (0, 7, 29):
        exchange = Exchange(DAY.instruments, cash={"strategy": Decimal(1_000_000)})
        exchange.run(driver.exchange.opening[len(exchange.opening) :])
        exchange.run(everything[: np.searchsorted(everything["ts"], window.ts[k], side="right")])
        for side in (0, 1):
            expected = exchange.book("TAPE").rows(side, 4)[:, :2]
            assert np.stack([window.price[k, side], window.quantity[k, side]], axis=1).tolist() == expected.tolist()


def test_no_cash_is_an_empty_account() -> None:
    recording, driver = Backtest(DAY, MarketMaker, cash=0, end="10:30").record()
    account, summary = driver.exchange.portfolio("strategy"), Result(recording).summary
    assert (summary["start_equity"], summary["end_equity"]) == (0.0, account["equity"])
    assert summary["fills"] > 0
