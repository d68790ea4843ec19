"""The compiled timeline equals the naive one, call for call; commands and facts arrive when they must; nobody looks ahead."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest

import backtest.run
import engine.strategy.driver
from backtest import Backtest
from backtest.recording import Recording
from data.feed import Feed
from data.synthetic.flow import synthetic_flow
from engine import Exchange, Instrument, Kind, Reason, SelfTrade, Side, Strategy, TimeInForce
from engine.compiler.lazy_kernels import ADDRESSES, Lazy
from engine.messages.records import COMMAND, FACT
from engine.state.tape import Tape
from engine.strategy.values import Bar, Event
from tests.naive.exchange import as_records
from tests.naive.loop import NaiveDesk, NaiveLoop, Steps

CASH = "1000000"
MARKET_CALLS, TIMER_CALLS = ("on_book", "on_trade"), ("on_timer",)
FACT_CALLS = ("on_accepted", "on_rejected", "on_cancelled", "on_replaced", "on_fill")
ALL_CALLS = ("on_start", *MARKET_CALLS, *FACT_CALLS, "on_bar", *TIMER_CALLS)


class Rows(Feed):
    """A feed of given commands."""

    def __init__(self, rows: np.ndarray, instruments: Sequence[Instrument]) -> None:
        self.rows, self.instruments = rows, list(instruments)
        self.name, self.counts = "rows", {}

    @property
    def fingerprint(self) -> str:
        return "0" * 64

    def batches(self, rows: int = 65536) -> Any:
        yield from (self.rows[start : start + rows] for start in range(0, len(self.rows), rows))


ONE = [Instrument("ONE", tick="1")]


def rows(*given: dict[str, int]) -> np.ndarray:
    """COMMAND array of history rows."""
    made = np.zeros(len(given), COMMAND)
    for record, fields in zip(made, given):
        for name, value in fields.items():
            record[name] = value
    return made


def add(ts: int, order_id: int, side: Side, price: int, lots: int) -> dict[str, int]:
    return {"ts": ts, "kind": Kind.ADD, "order_id": order_id, "side": side, "price": price, "quantity": lots, "row": 1}


def printed(ts: int, price: int, lots: int) -> dict[str, int]:
    return {"ts": ts, "kind": Kind.PRINT, "price": price, "quantity": lots, "row": 1}


OPENING = (add(1000, 1, Side.BUY, 99, 10), add(1000, 2, Side.SELL, 101, 10))


def run(feed: Feed, strategy: Strategy | type[Strategy], **how: Any) -> Recording:
    """A run with no latencies and no samples, but what `how` says."""
    latencies: dict[str, Any] = dict.fromkeys(("feed_latency", "order_latency", "response_latency", "sample_every"), 0)
    return Backtest(feed, strategy, cash=CASH, cache=None, **{**latencies, **how}).record()[0]


# ------------------------------------------------------------------ a strategy that looks at everything and does anything


class Manner:
    """Writes down each call and what it sees then, and acts at random, by the same dice on both timelines."""

    dice: Random
    seen: list[Any]

    def see(self, call: str, *given: Any) -> None:
        desk: Any = self
        instruments = range(desk.instruments)
        books = [(desk.book(k), desk.levels(Side.BUY, k), desk.levels(Side.SELL, k), desk.position(k)) for k in instruments]
        money = (desk.cash, desk.equity, desk.pnl, desk.fees, [desk.average_price(k) for k in instruments])
        self.seen.append((call, desk.now, given, books, [tuple(order) for order in desk.orders], money))
        for _ in range(self.dice.choice((0,) * 12 + (1, 1, 2))):  # few enough that answers to answers die out
            self.act(desk)

    def act(self, desk: Any) -> None:
        dice, open_now = self.dice, desk.orders
        instrument, lots = dice.randrange(desk.instruments), dice.choice((1, 5, 40, 300))
        book = desk.book(instrument)
        side, what = dice.randrange(2), dice.randrange(13)
        send = (desk.buy, desk.sell)[side]
        near = (book.bid if side == 0 else book.ask) or 10_000
        price = near + dice.randrange(-2, 3)
        if what < 4:
            send(lots, price, instrument)
        elif what == 4:
            send(lots, instrument=instrument)
        elif what == 5:
            send(lots, price, instrument, time_in_force=dice.choice((TimeInForce.IOC, TimeInForce.FOK)))
        elif what == 6:
            send(lots, price, instrument, post_only=True)
        elif what == 7 and open_now:
            desk.cancel(dice.choice((dice.choice(open_now).order_id, dice.randrange(1, 60))))
        elif what == 8 and open_now:
            desk.replace(
                dice.choice((dice.choice(open_now).order_id, dice.randrange(1, 60))), dice.choice((None, lots)), dice.choice((None, price))
            )
        elif what == 9:
            through = price + (1, -1)[side] * dice.randrange(4)
            desk.stop(Side(side), lots, through, instrument, reduce_only=dice.random() < 0.2)
        elif what == 10:
            through = price + (1, -1)[side] * dice.randrange(4)
            desk.stop_limit(Side(side), lots, price, through, instrument, self_trade=dice.choice(list(SelfTrade)))
        elif what == 11:
            send(lots, price, instrument, reduce_only=dice.random() < 0.5, self_trade=SelfTrade.NONE)
        elif what == 12 and dice.random() < 0.5:
            desk.after(dice.choice((1, 40, 300)), lambda: self.see("alarm"))
        else:
            desk.cancel_all() if dice.random() < 0.3 else send(lots, 0, desk.instruments)  # the second is not an order


def watcher(call: str) -> Callable[..., None]:
    def method(self: Any, *given: Any) -> None:
        self.see(call, *(None if isinstance(one, Bar) and not one.volume else one for one in given))

    return method


def robot(base: type, calls: Sequence[str], seed: int, instruments: int, **attributes: Any) -> Any:
    """A strategy for the timeline of `base` that wants `calls`."""
    kept = {name: value for name, value in attributes.items() if name in ("every", "bar", "depth", "touch_only")}
    made = type("Robot", (Manner, base), {call: watcher(call) for call in calls} | kept)()
    made.dice, made.seen, made.instruments = Random(seed), [], instruments
    return made


def busy_market(seed: int, symbols: Sequence[str], messages: int) -> Feed:
    """A synthetic day whose times are pressed together, so that latencies meet and many things happen at one time."""
    feed = synthetic_flow(seed, symbols, messages, tick="0.05", price="50")
    made, dice = feed.commands().copy(), np.random.default_rng(seed)
    gaps = dice.choice([0, 1, 2, 3, 10, 60], len(made), p=[0.1, 0.2, 0.2, 0.2, 0.2, 0.1])
    gaps[np.diff(made["ts"], prepend=0) == 0] = 0
    made["ts"] = 1000 + np.cumsum(gaps)
    made["price"] *= 5  # ticks of five units
    fees = {"maker_fee": "-0.0001", "taker_fee": "0.0003"}
    return Rows(made, [Instrument(i.symbol, "0.05", price_unit="0.01", **fees) for i in feed.instruments])


def series(steps: Steps) -> np.ndarray:
    return np.array(steps, np.int64)


def compare(feed: Feed, calls: Sequence[str], feed_steps: Steps, order_steps: Steps, response_steps: Steps, **how: Any) -> list[Any]:
    """Both timelines; returns what the strategy saw."""
    return compare_all(feed, [(calls, (feed_steps, order_steps, response_steps), how)], **how)[0]


def compare_all(
    feed: Feed, several: Sequence[tuple[Sequence[str], tuple[Steps, Steps, Steps], dict[str, Any]]], **how: Any
) -> list[list[Any]]:
    """Both timelines of several strategies: of each its calls, its latencies and its attributes; returns what each saw."""
    history, instruments = feed.commands(), feed.instruments
    first, last = int(how.get("start", history["ts"][0])), int(how.get("end", history["ts"][-1]))
    sample_every, warm_up = how.get("sample_every", 0), how.get("warm_up", 0)
    names = [f"p{k}" for k in range(len(several))]
    ours, theirs = (
        [robot(base, calls, 5 + k, len(instruments), **attributes) for k, (calls, _, attributes) in enumerate(several)]
        for base in (Strategy, NaiveDesk)
    )
    steps = {
        what: {name: series(latencies[k]) for name, (_, latencies, _) in zip(names, several)}
        for k, what in enumerate(("feed_latency", "order_latency", "response_latency"))
    }
    distinct = how.get("distinct", False)
    if distinct:  # as on a recorded live session, in which each strategy has its seat
        feed.seats = dict(zip(names, names))
    window = {"start": first, "end": last, "warm_up": warm_up, "sample_every": sample_every}
    recording, driver = Backtest(feed, ours, portfolio=names, cash=CASH, cache=None, **window, **steps).record()
    loop = NaiveLoop(instruments, dict.fromkeys(names, CASH), history, opening=len(driver.exchange.opening), distinct=distinct)
    for robot_, (_, latencies, _) in zip(theirs, several):
        loop.add(robot_, *latencies)
    loop.run(first + warm_up, last)
    for k, (our, their) in enumerate(zip(ours, theirs)):
        for number, (found, expected) in enumerate(zip(our.seen, their.seen)):
            assert found == expected, f"strategy {k}, call {number}"
        assert len(our.seen) == len(their.seen)
    assert sum(len(our.seen) for our in ours) == recording.wakes
    expected = as_records(loop.facts)
    assert [named(fact) for fact in recording.facts] == [named(fact) for fact in expected]
    assert recording.facts.tobytes() == expected.tobytes()
    return [our.seen for our in ours]


def named(fact: np.void) -> tuple[Any, ...]:
    """A fact in a form that a failed assertion shows well."""
    return (
        Kind(int(fact["kind"])).name,
        Reason(int(fact["reason"])).name,
        *(int(fact[name]) for name in ("seq", "ts", "order_id", "quantity")),
    )


LATENCIES: dict[str, tuple[Steps, Steps, Steps]] = {
    "none": (((0, 0),), ((0, 0),), ((0, 0),)),
    "order": (((0, 0),), ((0, 3),), ((0, 0),)),
    "equal": (((0, 10),), ((0, 10),), ((0, 10),)),
    "response is faster": (((0, 20),), ((0, 7),), ((0, 3),)),
    "response is slower": (((0, 5),), ((0, 7),), ((0, 60),)),
    "much slower": (((0, 5),), ((0, 300),), ((0, 900),)),
}
RECORDED: tuple[Steps, Steps, Steps] = (
    ((0, 10), (3000, 200), (6000, 2), (9001, 30)),
    ((0, 5), (2000, 90), (5000, 1), (8000, 40)),
    ((0, 40), (4000, 3), (7000, 500), (7100, 8)),
)
WANTS = {
    "everything": ALL_CALLS,
    "timer": TIMER_CALLS,
    "bars": ("on_bar",),
    "market": MARKET_CALLS,
    "trades": ("on_trade",),
    "own facts": (*FACT_CALLS, "on_timer"),
    "fills": ("on_fill", "on_timer"),
}


@pytest.mark.parametrize("wanted", WANTS.values(), ids=WANTS)
@pytest.mark.parametrize("latencies", LATENCIES.values(), ids=LATENCIES)
def test_equals_the_naive_timeline(latencies: tuple[Steps, Steps, Steps], wanted: Sequence[str]) -> None:
    seen = compare(busy_market(3, ["AAA", "BBB"], 1_200), wanted, *latencies, every=70, bar=250, depth=3)
    assert len(seen) > 20
    assert {call for call, *_ in seen} <= {*wanted, "alarm"}


def test_everything_happens_in_the_compared_runs() -> None:
    """The random strategy really does what the timelines are compared for."""
    seen = compare(busy_market(3, ["AAA", "BBB"], 1_200), ALL_CALLS, *LATENCIES["equal"], every=70, bar=250, depth=3)
    assert {call for call, *_ in seen} == {*ALL_CALLS, "alarm"}
    reasons = {given[0].reason for call, _, given, *_ in seen if call in FACT_CALLS}
    assert {Reason.UNKNOWN_INSTRUMENT, Reason.POST_ONLY, Reason.UNFILLED, Reason.REQUESTED} <= reasons


@pytest.mark.parametrize("wanted", WANTS.values(), ids=WANTS)
def test_equals_the_naive_timeline_with_recorded_latencies(wanted: Sequence[str]) -> None:
    compare(busy_market(4, ["AAA", "BBB"], 1_200), wanted, *RECORDED, every=70, bar=250, depth=3)


SEVERAL = {
    "alike": ("equal", "equal", "equal"),
    "none": ("none", "none", "none"),
    "one is faster": ("none", "equal", "much slower"),
    "the last is fastest": ("response is slower", "equal", "none"),
}


@pytest.mark.parametrize("latencies", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("seed", range(2))
def test_several_strategies_equal_the_naive_timeline(latencies: Sequence[str], seed: int) -> None:
    wanted = (ALL_CALLS, (*FACT_CALLS, "on_timer"), ("on_trade", "on_bar", "on_start"))
    attributes = ({"every": 70, "bar": 250, "depth": 3}, {"every": 35}, {"bar": 125, "touch_only": False})
    several = [(calls, LATENCIES[name], more) for calls, name, more in zip(wanted, latencies, attributes)]
    seen = compare_all(busy_market(seed, ["AAA", "BBB"], 1_000), several)
    assert all(len(one) > 20 for one in seen)


@pytest.mark.parametrize("latencies", SEVERAL.values(), ids=SEVERAL)
def test_where_each_command_is_an_event_of_its_own(latencies: Sequence[str]) -> None:
    """As in a live session: each takes the next nanosecond that is free, so no two of them, and none with history, have one time."""
    wanted = (ALL_CALLS, (*FACT_CALLS, "on_timer"), ("on_trade", "on_bar", "on_start"))
    attributes = ({"every": 70, "bar": 250, "depth": 3}, {"every": 35}, {"bar": 125, "touch_only": False})
    several = [(calls, LATENCIES[name], more) for calls, name, more in zip(wanted, latencies, attributes)]
    seen = compare_all(busy_market(7, ["AAA", "BBB"], 1_000), several, distinct=True)
    assert all(len(one) > 20 for one in seen)


def test_several_strategies_with_recorded_latencies_in_small_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine.strategy.driver, "Tape", SmallTape)
    several = [(ALL_CALLS, RECORDED, {"every": 70, "bar": 250}), ((*MARKET_CALLS, *FACT_CALLS), LATENCIES["none"], {"touch_only": False})]
    compare_all(busy_market(6, ["AAA", "BBB"], 900), several, sample_every=9, warm_up=50)


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_naive_timeline_from_the_middle(seed: int) -> None:
    feed = busy_market(seed, ["AAA"], 1_100)
    first, last = (int(feed.commands()["ts"][row]) for row in (600, 1000))
    how = {"every": 70, "bar": 250, "touch_only": False}
    compare(feed, ALL_CALLS, *LATENCIES["response is slower"], start=first, end=last, **how)
    compare(feed, MARKET_CALLS, *LATENCIES["equal"], start=first, end=last - 1, **how)
    compare(feed, ALL_CALLS, *LATENCIES["equal"], start=first + 35, warm_up=35, **how)


@pytest.mark.parametrize("room", [1, 2, 7])
def test_where_an_array_is_full_changes_nothing(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of few rows, and a fact chunk, order buffers and samples that are full all the time."""
    for module in (engine.strategy.driver, backtest.run):
        monkeypatch.setattr(module, "BLOCK", room)
    monkeypatch.setattr(engine.strategy.driver, "Tape", SmallTape)
    compare(busy_market(3, ["AAA", "BBB"], 900), ALL_CALLS, *LATENCIES["equal"], every=70, bar=250, touch_only=False, sample_every=9)


class SmallTape(Tape):
    """A tape that grows by as little as it can."""

    def __init__(self, reserve: int) -> None:
        super().__init__(0)
        self.chunk = self.chunk[:1]

    def widen(self, start: int, least: int) -> int:
        held = self.chunk[: self.used]
        self.chunk = np.zeros(self.used + least, held.dtype)
        self.chunk[: self.used] = held
        return 0


@pytest.mark.parametrize("every", [1, 13])
def test_samples_change_nothing(every: int) -> None:
    feed = busy_market(4, ["AAA", "BBB"], 900)
    plain, sampled = (compare(feed, ALL_CALLS, *RECORDED, every=70, bar=250, sample_every=n) for n in (0, every))
    assert sampled == plain


# ------------------------------------------------------------------ times that can be read off a drawing


class Timetable(Strategy):
    """Sends what `plan` says at its calls, and writes down when it is called and what it knows then."""

    plan: ClassVar[dict[int, Callable[[Any], Any]]] = {}

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.diary: list[Any] = []

    def note(self, call: str, *more: Any) -> None:
        self.diary.append((self.now, call, *more))
        self.plan.get(len(self.diary), lambda _: None)(self)

    def on_fill(self, fill: Event) -> None:
        self.note("fill", fill.ts, fill.quantity, self.position())

    def on_accepted(self, order: Event) -> None:
        self.note("accepted", order.ts)

    def on_cancelled(self, order: Event) -> None:
        self.note("cancelled", order.ts, order.reason.name)


def diary(strategy: type[Timetable], history: np.ndarray, **how: Any) -> list[Any]:
    made = strategy()
    run(Rows(history, ONE), made, **how)
    return made.diary


class Buyer(Timetable):
    """Buys one lot at the market at 2000 by its clock."""

    every = 1000
    plan: ClassVar[dict[int, Callable[[Any], Any]]] = {2: lambda desk: desk.buy(1, 101)}

    def on_timer(self) -> None:
        self.note("timer")


@pytest.mark.parametrize(
    ("feed", "order", "response", "arrival", "told"),
    [
        (0, 0, 0, 2000, 2000),
        (0, 30, 0, 2030, 2030),
        (100, 30, 0, 2030, 2130),  # the answer is faster than the feed: it is told with the book that shows it
        (100, 30, 100, 2030, 2130),
        (100, 30, 400, 2030, 2430),
        (0, 0, 400, 2000, 2400),
    ],
)
def test_an_order_arrives_and_its_answer_returns(feed: int, order: int, response: int, arrival: int, told: int) -> None:
    history = rows(*OPENING, add(5000, 9, Side.BUY, 98, 1))
    found = diary(Buyer, history, feed_latency=feed, order_latency=order, response_latency=response)
    answers = [line for line in found if line[1] != "timer"]
    assert answers == [(told, "accepted", arrival), (told, "fill", arrival, 1, 1)]


def test_at_one_time_history_comes_first_then_commands_as_sent_then_timers() -> None:
    """All at 3000: history adds an offer at 100, two orders arrive, the timer is due."""

    class Sender(Timetable):
        every = 1000
        plan: ClassVar[dict[int, Callable[[Any], Any]]] = {2: lambda desk: (desk.buy(4, 100), desk.buy(4, 100), desk.sell(1, 100))}

        def on_timer(self) -> None:
            self.note("timer", self.book().ask, self.book().bid, self.position())

    history = rows(*OPENING, add(3000, 3, Side.SELL, 100, 6), add(9000, 9, Side.BUY, 98, 1))
    recording = run(Rows(history, ONE), strategy := Sender(), order_latency=1000, end=3500)
    trades = recording.facts[recording.facts["kind"] == Kind.TradeExecuted]
    assert trades[["ts", "order_id", "quantity"]].tolist() == [(3000, 1, 4), (3000, 2, 2)]
    assert strategy.diary[-1] == (3000, "timer", 101, 100, 6)
    assert [line[1] for line in strategy.diary if line[0] == 3000][-1] == "timer"


def test_nothing_overtakes_on_the_way() -> None:
    """The order latency falls from 500 to 10 between two orders: the second waits for the first; so do their answers."""

    class Two(Timetable):
        every = 100
        plan: ClassVar[dict[int, Callable[[Any], Any]]] = {1: lambda desk: desk.buy(1, 90), 2: lambda desk: desk.buy(1, 91)}

        def on_timer(self) -> None:
            if self.now < 1200:
                self.note("timer")

    history = rows(*OPENING, add(5000, 9, Side.BUY, 98, 1))
    found = diary(Two, history, order_latency=np.array([[0, 500], [1050, 10]]), response_latency=np.array([[0, 300], [1501, 5]]))
    assert [line for line in found if line[1] == "accepted"] == [(1800, "accepted", 1500), (1800, "accepted", 1500)]


def test_called_once_after_all_rows_of_a_sweep() -> None:
    class Watcher(Strategy):
        touch_only = False

        def __init__(self) -> None:
            super().__init__()
            self.diary: list[Any] = []

        def on_book(self, instrument: int) -> None:
            self.diary.append((self.now, self.book().bid, self.book().bid_lots))

        def on_trade(self, trade: Event) -> None:
            self.diary.append((self.now, "trade", trade.quantity, trade.price))

    sweep = [{"ts": 3000, "kind": Kind.FLOW, "side": Side.SELL, "price": 99, "quantity": 12}]
    sweep += [
        {"ts": 3000, "kind": Kind.EXECUTE, "order_id": i, "side": Side.BUY, "price": p, "quantity": q, "row": 1}
        for i, p, q in ((3, 100, 4), (1, 99, 8))
    ]
    history = rows(*OPENING, add(2000, 3, Side.BUY, 100, 4), *sweep, add(4000, 7, Side.BUY, 98, 1))
    watcher = Watcher()
    run(Rows(history, ONE), watcher, feed_latency=5)
    assert watcher.diary == [(2005, 100, 4), (3005, "trade", 12, 99.0), (3005, 99, 2), (4005, 99, 2)]


def test_start_comes_before_everything_else_and_sees_the_book() -> None:
    class Starter(Timetable):
        every = 1000

        def on_start(self) -> None:
            self.note("start", self.book().bid, self.book().ask, self.buy(1, 100))

        def on_timer(self) -> None:
            self.note("timer", len(self.orders))

    history = rows(*OPENING, add(5000, 9, Side.BUY, 98, 1))
    found = diary(Starter, history, feed_latency=10, order_latency=20)
    assert found[:4] == [(1010, "start", 99, 101, 1), (1010, "timer", 1), (1040, "accepted", 1030), (2000, "timer", 1)]
    found = diary(Starter, history, feed_latency=10, order_latency=20, start=2500)
    assert found[:3] == [(2510, "start", 99, 101, 1), (2540, "accepted", 2530), (3000, "timer", 1)]


def test_what_was_before_is_no_trade_no_bar_and_no_change() -> None:
    class Late(Strategy):
        bar = 1000

        def __init__(self) -> None:
            super().__init__()
            self.diary: list[Any] = []

        def on_trade(self, trade: Event) -> None:
            self.diary.append(("trade", trade.ts, trade.quantity))

        def on_book(self, instrument: int) -> None:
            self.diary.append(("book", self.now))

        def on_bar(self, instrument: int, bar: Bar) -> None:
            self.diary.append(("bar", self.now, bar.volume))

    history = rows(*OPENING, printed(1500, 101, 7), printed(2500, 101, 3), printed(2600, 99, 2), printed(4500, 100, 1))
    for how in ({"start": 2000}, {"warm_up": 1000}):
        run(Rows(history, ONE), late := Late(), **how)
        assert late.diary == [("trade", 2500, 3), ("trade", 2600, 2), ("bar", 3000, 5), ("bar", 4000, 0), ("trade", 4500, 1)]


def test_a_bar_has_every_print_of_a_sweep_of_ours() -> None:
    class Sweeper(Strategy):
        bar = 1000

        def on_start(self) -> None:
            self.bars: list[Bar] = []
            self.buy(9)

        def on_bar(self, instrument: int, bar: Bar) -> None:
            self.bars.append(bar)

    offers = [add(1000, 10 + k, Side.SELL, 102 + k, 3) for k in range(3)]
    history = rows(add(1000, 1, Side.BUY, 99, 10), *offers, add(5000, 9, Side.BUY, 98, 1))
    run(Rows(history, ONE), sweeper := Sweeper(), order_latency=5)
    assert sweeper.bars[0] == Bar(102, 104, 102, 104, 9)


def test_what_concerns_nobody_calls_nobody() -> None:
    """A mark, a halt and a row of an instrument that is not listed: the strategy is called for what follows, at its time."""

    class Listener(Timetable):
        def on_start(self) -> None:
            self.note("start", self.buy(1, 90))

        def on_book(self, instrument: int) -> None:
            self.note("book", self.book().bid)

        def on_rejected(self, order: Event) -> None:
            self.note("rejected", order.order_id)

    others = [
        add(2000, 5, Side.BUY, 100, 1) | {"instrument": 7},
        {"ts": 2000, "kind": Kind.MARK, "price": 100},
        {"ts": 2100, "kind": Kind.HALT},
    ]
    history = rows(*OPENING, *others, add(3000, 6, Side.BUY, 100, 1))
    recording = run(Rows(history, ONE), listener := Listener())
    assert listener.diary == [(1000, "start", 1), (1000, "accepted", 1000), (3000, "book", 100)]
    assert recording.facts["kind"].tolist() == [Kind.OrderCreated, Kind.CommandRejected, Kind.PriceMarked, Kind.TradingHalted]


@pytest.fixture
def shut_rooms() -> Iterator[None]:
    """Lazy kernels as a process finds them that has carried out nothing yet."""
    before = ADDRESSES.copy()
    ADDRESSES[:] = 0
    yield
    ADDRESSES[:] = np.where(before != 0, before, ADDRESSES)


@pytest.mark.usefixtures("shut_rooms")
@pytest.mark.parametrize("kind", [Kind.REMOVE, Kind.REDUCE])
def test_rooms_are_opened_where_they_are_first_needed(kind: Kind) -> None:
    """By history, which loses an order that it never told, and by commands of ours; nothing is lost or done twice."""

    class Changer(Timetable):
        every = 1000
        plan: ClassVar[dict[int, Callable[[Any], Any]]] = {
            1: lambda desk: desk.buy(4, 98),
            3: lambda desk: desk.replace(1, 3),
            4: lambda desk: desk.replace(1, price=97),
        }

        def on_timer(self) -> None:
            self.note("timer", self.book().bid_lots)

    removed = {"ts": 2500, "kind": kind, "order_id": 77 * (kind == Kind.REDUCE), "side": Side.BUY, "price": 99, "quantity": 3, "row": 1}
    recording = run(Rows(rows(*OPENING, removed, add(9000, 9, Side.BUY, 90, 1)), ONE), changer := Changer(), order_latency=10)
    assert ADDRESSES[Lazy.RECONCILE] != 0
    assert [line for line in changer.diary if line[1] == "timer"][:3] == [(1000, "timer", 10), (2000, "timer", 10), (3000, "timer", 7)]
    assert recording.facts[["ts", "kind"]].tolist() == [(1010, Kind.OrderCreated), (2010, Kind.OrderReplaced), (3010, Kind.OrderReplaced)]


# ------------------------------------------------------------------ nobody looks ahead


def played(feed: Feed, seed: int, **how: Any) -> tuple[bytes, list[Any]]:
    """What the exchange said and what the strategy saw."""
    made = robot(Strategy, ALL_CALLS, seed, len(feed.instruments), every=70, bar=250, depth=3)
    latencies = {"feed_latency": 9, "order_latency": 20, "response_latency": 31}
    recording = Backtest(feed, made, cash=CASH, cache=None, **latencies, **how).record()[0]
    return recording.facts.tobytes(), made.seen


def before(moment: int, whole: tuple[bytes, list[Any]]) -> tuple[bytes, list[Any]]:
    """The part of it that happened before `moment`, by the exchange's clock."""
    facts = np.frombuffer(whole[0], FACT)
    return facts[facts["ts"] < moment].tobytes(), [call for call in whole[1] if call[1] - 9 < moment]


@pytest.mark.parametrize("seed", range(3))
def test_cutting_off_the_future_changes_nothing_before_it(seed: int) -> None:
    feed = busy_market(seed, ["AAA", "BBB"], 2_000)
    times, whole = feed.commands()["ts"], played(feed, seed)
    for row in (900, 1201, 1700):
        moment = int(times[row])
        cut = played(feed.until(moment), seed, end=moment - 1)
        assert cut == before(moment, whole), f"what happens at {moment} or later was known before"
        assert len(cut[1]) > 50


@pytest.mark.parametrize("seed", range(3))
def test_another_future_changes_nothing_before_it(seed: int) -> None:
    feed = busy_market(seed, ["AAA", "BBB"], 2_000)
    history, dice = feed.commands(), np.random.default_rng(seed)
    moment = int(history["ts"][1400])
    other, later = history.copy(), history["ts"] >= moment
    for name in ("price", "quantity"):
        other[name][later] = dice.permutation(other[name][later])
    other["side"][later] ^= 1
    one, another = played(feed, seed), played(Rows(other, feed.instruments), seed)
    assert before(moment, another) == before(moment, one)
    assert another != one


# ------------------------------------------------------------------ samples of the market


def test_samples_are_the_market_after_everything_up_to_their_time() -> None:
    feed = busy_market(5, ["AAA", "BBB"], 1_200)
    made = robot(Strategy, ALL_CALLS, 1, 2, every=70, bar=250)
    test = Backtest(feed, made, cash=CASH, cache=None, sample_every=37, feed_latency=9, order_latency=20, response_latency=31)
    recording, driver = test.record()
    commands, _, _ = driver.sent()
    history = feed.commands()
    everything = np.concatenate([history, commands])
    everything = everything[np.argsort(everything["ts"], kind="stable")]
    exchange, done = Exchange(feed.instruments, cash={"strategy": CASH}), 0
    exchange.run(driver.exchange.opening[len(exchange.opening) :])
    assert len(recording.samples) > 100
    for sample in recording.samples:
        assert sample["ts"] % 37 == 0
        end = int(np.searchsorted(everything["ts"], sample["ts"], side="right"))
        exchange.run(everything[done:end])
        done = max(done, end)
        book = exchange.book(feed.instruments[int(sample["instrument"])].symbol)
        for side, name in enumerate(("bid", "ask")):
            best = book.rows(side, 1)
            assert bool(sample["has"] >> side & 1) == bool(len(best))
            assert not len(best) or best[0, :2].tolist() == [sample[name], sample[f"{name}_quantity"]]


def test_no_sample_is_missing() -> None:
    """A row at every time of the grid by which an instrument's best prices, their lots or its volume are others; commands at the time of a
    sample count, those that a call at that very time sends at once belong to the next."""
    feed = busy_market(7, ["AAA", "BBB"], 900)
    made = robot(Strategy, ALL_CALLS, 1, 2, every=70, bar=250)
    recording, driver = Backtest(
        feed, made, cash=CASH, cache=None, sample_every=3, feed_latency=9, order_latency=20, response_latency=31
    ).record()
    commands, _, _ = driver.sent()
    everything = np.concatenate([feed.commands(), commands])
    everything = everything[np.argsort(everything["ts"], kind="stable")]
    exchange = Exchange(feed.instruments, cash={"strategy": CASH})
    exchange.run(driver.exchange.opening[len(exchange.opening) :])
    expected, done, seen = [], 0, [((), (), 0)] * 2
    for ts in range(-(-recording.start // 3) * 3, recording.end + 1, 3):
        end = int(np.searchsorted(everything["ts"], ts, side="right"))
        exchange.run(everything[done:end])
        done = max(done, end)
        for k, instrument in enumerate(feed.instruments):
            best = (exchange.book(instrument.symbol).rows(side, 1)[:, :2].ravel() for side in (0, 1))
            now = (*(tuple(side.tolist()) for side in best), int(exchange.state.instruments[k]["volume"]))
            if now != seen[k]:
                expected.append((ts, k))
            seen[k] = now
    assert recording.samples[["ts", "instrument"]].tolist() == expected
