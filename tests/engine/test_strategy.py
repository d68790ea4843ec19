"""What a strategy's author sees: parameters, what it is called for, what it may look at and send; the class and its compiled twin."""

from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from backtest import Backtest, FastImbalanceTaker, FastMarketMaker, ImbalanceTaker, MarketMaker, assert_same
from data.synthetic.flow import synthetic_flow
from engine import Instrument, Kind, Parameter, Reason, Side, Strategy, TimeInForce, Want
from engine.compiler.kernel import kernel
from engine.loop.loop_state import COMMANDS_PER_CALL, Wake
from engine.messages.durations import duration_ns
from engine.strategy import context as c
from engine.strategy.compile import machine_code
from engine.strategy.parameters import parameters_of
from engine.strategy.strategy import parameter_values, wants_of
from engine.strategy.values import Bar, Event, OwnOrder, Touch
from tests.engine.test_loop import ONE, OPENING, Rows, add, printed, rows, run

# ------------------------------------------------------------------ durations and parameters


@pytest.mark.parametrize(
    ("given", "expected"),
    [("100ms", 100_000_000), ("1s", 10**9), ("1.5us", 1_500), ("2 µs", 2_000), ("5min", 300 * 10**9), ("1h", 3600 * 10**9), ("7ns", 7)]
    + [(12, 12), ("0", 0), (np.int64(9), 9)],
)
def test_durations(given: Any, expected: int) -> None:
    assert duration_ns(given) == expected


@pytest.mark.parametrize("given", ["1 day", "ms", "-1ms", "1e3us", "", "5", 1.5, None])
def test_what_is_no_duration(given: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write"):
        duration_ns(given)


class Tuned(Strategy):
    """Has a parameter of each type."""

    size = Parameter(100, low=1, high=500)
    lean = Parameter(0.5, low=0.0)
    quick = Parameter(False)
    every = "1s"

    def on_timer(self) -> None: ...


def test_parameters_have_the_type_of_their_default() -> None:
    made = Tuned(size="7", lean="2", quick="yes")
    assert parameter_values(made) == {"size": 7, "lean": 2.0, "quick": True}
    assert [type(value) for value in parameter_values(made).values()] == [int, float, bool]
    assert parameter_values(Tuned()) == {"size": 100, "lean": 0.5, "quick": False}
    assert Tuned(size=5.0).size == 5


def test_parameters_of_base_classes_come_first_and_each_object_has_its_own() -> None:
    class Finer(Tuned):
        fine = Parameter(1)
        size = Parameter(9)

    assert list(parameters_of(Finer)) == ["size", "lean", "quick", "fine"]
    one, other = Finer(size=3), Finer()
    assert (one.size, other.size, Tuned().size) == (3, 9, 100)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": 0}, "parameter size: 0 is out of range; allowed is 1 <= size <= 500"),
        ({"size": 501}, "parameter size: 501 is out of range; allowed is 1 <= size <= 500"),
        ({"lean": -0.1}, "parameter lean: -0.1 is out of range; allowed is 0.0 <= lean"),
        ({"size": 1.5}, "parameter size: 1.5 is not a whole number"),
        ({"size": "many"}, "parameter size: 'many' is not a whole number"),
        ({"quick": "maybe"}, "parameter quick: 'maybe' is not true or false"),
        ({"sizes": 1}, "Tuned has no parameter 'sizes'; did you mean size?"),
        ({"zzz": 1}, "Tuned has no parameter 'zzz'; it has size, lean, quick"),
    ],
)
def test_parameters_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"parameter") as error:
        Tuned(**given)
    assert str(error.value) == said
    with pytest.raises(ValueError, match=r"parameter"):
        Backtest(Rows(rows(*OPENING), ONE), Tuned, parameters=given)


@pytest.mark.parametrize("value", ["nan", float("nan"), "inf", float("-inf"), Decimal("NaN")])
def test_a_parameter_is_a_finite_number(value: Any) -> None:
    class Edged(Strategy):
        edge = Parameter(2.0, low=0)
        free = Parameter(1.0)
        many = Parameter(3)
        fast = Parameter(False)

    for name in ("edge", "free", "many"):
        with pytest.raises(ValueError, match=f"parameter {name}: "):
            Edged(**{name: value})
    with pytest.raises(ValueError, match="parameter fast: "):
        Edged(fast=float("nan"))
    with pytest.raises(ValueError, match="parameter fast: 2 is not true or false"):
        Edged(fast=2)
    with pytest.raises(ValueError, match="is not a finite number"):
        Parameter(float(value))


# ------------------------------------------------------------------ what it is called for


def test_a_class_is_called_for_what_it_overrides() -> None:
    class Both(Strategy):
        def on_book(self, instrument: int) -> None: ...

        def on_fill(self, fill: Event) -> None: ...

    class Whole(Both):
        touch_only = False

        def on_timer(self) -> None: ...

    assert wants_of(Both()) == Want.TOUCH | Want.FILL
    assert wants_of(Whole()) == Want.BOOK | Want.FILL | Want.TIMER
    assert wants_of(MarketMaker()) == Want.TIMER
    assert wants_of(FastMarketMaker()) == Want.TIMER


def test_a_class_that_would_never_be_called_says_so() -> None:
    class Typo(Strategy):
        def on_tradde(self, trade: Event) -> None: ...

    with pytest.raises(ValueError, match=r"Typo would never be called.*did you mean on_trade"):
        Backtest(Rows(rows(*OPENING), ONE), Typo)

    class Deaf(Strategy):
        function = staticmethod(lambda view, p: None)

    with pytest.raises(ValueError, match=r"Deaf would never be called: set `wants`"):
        Backtest(Rows(rows(*OPENING), ONE), Deaf)


def test_a_timer_or_a_bar_needs_its_length() -> None:
    class Timed(Strategy):
        def on_timer(self) -> None: ...

    class Barred(Strategy):
        def on_bar(self, instrument: int, bar: Bar) -> None: ...

    history = Rows(rows(*OPENING, add(2000, 3, Side.BUY, 98, 1)), ONE)
    with pytest.raises(ValueError, match=r"Timed wants on_timer but its `every` is 0"):
        run(history, Timed)
    with pytest.raises(ValueError, match=r"Barred wants on_bar but its `bar` is 0"):
        run(history, Barred)


class Watcher(Strategy):
    """Writes down what it sees at each call of `on_book`."""

    depth = 3

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Touch, Any, Any]] = []

    def on_book(self, instrument: int) -> None:
        self.seen.append((self.book(), self.levels(Side.BUY), self.levels(Side.SELL)))


class Deep(Watcher):
    touch_only = False


MOVES = rows(
    *OPENING,
    add(2000, 3, Side.BUY, 97, 4),  # not at the touch
    add(3000, 4, Side.BUY, 99, 5),
    printed(4000, 100, 3),
    {"ts": 5000, "kind": Kind.REDUCE, "order_id": 2, "side": Side.SELL, "price": 101, "quantity": 10, "row": 1},
    add(6000, 5, Side.BUY, 96, 1),
)


def test_book_and_levels_are_the_market_as_it_is_seen() -> None:
    run(Rows(MOVES, ONE), whole := Deep())
    assert whole.seen == [
        (Touch(99, 10, 101, 10, None, 0), [(99, 10), (97, 4)], [(101, 10)]),
        (Touch(99, 15, 101, 10, None, 0), [(99, 15), (97, 4)], [(101, 10)]),
        (Touch(99, 15, 101, 10, 100.0, 3), [(99, 15), (97, 4)], [(101, 10)]),
        (Touch(99, 15, None, 0, 100.0, 3), [(99, 15), (97, 4)], []),
        (Touch(99, 15, None, 0, 100.0, 3), [(99, 15), (97, 4), (96, 1)], []),
    ]
    assert [touch.mid for touch, *_ in whole.seen] == [100.0, 100.0, 100.0, None, None]


def test_touch_only_leaves_out_what_does_not_change_the_best() -> None:
    run(Rows(MOVES, ONE), touches := Watcher())
    assert [touch for touch, *_ in touches.seen] == [Touch(99, 15, 101, 10, None, 0), Touch(99, 15, None, 0, 100.0, 3)]


def test_prices_and_levels_of_a_coarse_tick_are_ticks() -> None:
    """Tick 0.02, price unit 0.005: a tick is four units; a print may stand on half a tick."""

    class Prints(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def on_trade(self, trade: Event) -> None:
            self.seen.append((trade.price, trade.quantity, self.book(), self.buy(3, 100)))

        def on_accepted(self, order: Event) -> None:
            self.seen.append((order.price, order.quantity, self.orders[0].price))

    fine = Instrument("FINE", tick="0.02", price_unit="0.005")
    history = rows(add(1000, 1, Side.BUY, 400, 10), add(1000, 2, Side.SELL, 408, 10), printed(2000, 402, 5), add(3000, 3, Side.BUY, 388, 1))
    recording = run(Rows(history, [fine]), strategy := Prints())
    assert strategy.seen == [(100.5, 5, Touch(100, 10, 102, 10, 100.5, 5), 1), (100.0, 3, 100)]
    assert recording.facts["price"].tolist() == [400]


# ------------------------------------------------------------------ its own orders


class Trader(Strategy):
    """Does what the test tells it at each second, and writes down its orders and position after every call."""

    every = 1000
    plan: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        super().__init__()
        self.diary: list[Any] = []

    def look(self, what: str) -> None:
        self.diary.append(
            (self.now, what, [(o.order_id, o.price, o.remaining, o.accepted, o.cancelling) for o in self.orders], self.position())
        )

    def on_timer(self) -> None:
        self.look("timer")
        if self.now // 1000 <= len(self.plan):
            self.plan[self.now // 1000 - 1](self)

    def on_accepted(self, order: Event) -> None:
        self.look("accepted")

    def on_rejected(self, order: Event) -> None:
        self.look(order.reason.name)

    def on_cancelled(self, order: Event) -> None:
        self.look(order.reason.name)

    def on_replaced(self, order: Event) -> None:
        self.look("replaced")

    def on_fill(self, fill: Event) -> None:
        self.look(f"fill {fill.quantity}")


def traded(*plan: Any, latency: int = 100, until: int = 5000) -> tuple[list[Any], np.ndarray]:
    """Diary and facts of a Trader with this plan, in a market of 10 lots at 99 and 101."""
    made = type("Planned", (Trader,), {"plan": list(plan)})()
    history = rows(*OPENING, add(until, 9, Side.BUY, 90, 1))
    recording = run(Rows(history, ONE), made, order_latency=latency, response_latency=latency)
    return made.diary, recording.facts


def test_an_order_is_on_its_way_then_accepted_then_filled() -> None:
    diary, _ = traded(lambda s: s.buy(4, 101))
    assert diary == [
        (1000, "timer", [], 0),
        (1200, "accepted", [(1, 101, 4, True, False)], 0),
        (1200, "fill 4", [], 4),
        (2000, "timer", [], 4),
        (3000, "timer", [], 4),
        (4000, "timer", [], 4),
        (5000, "timer", [], 4),
    ]


def test_a_cancel_is_sent_once() -> None:
    diary, facts = traded(lambda s: s.buy(4, 98), lambda s: (s.cancel(1), s.cancel(1), s.cancel_all(), s.cancel(77)), latency=600)
    assert diary[1:] == [
        (2000, "timer", [(1, 98, 4, False, False)], 0),
        (2200, "accepted", [(1, 98, 4, True, True)], 0),
        (3000, "timer", [(1, 98, 4, True, True)], 0),
        (3200, "REQUESTED", [], 0),
        (3200, "UNKNOWN_ORDER", [], 0),
        (4000, "timer", [], 0),
        (5000, "timer", [], 0),
    ]
    assert facts["kind"].tolist() == [Kind.OrderCreated, Kind.OrderCancelled, Kind.CancelRejected]


def test_cancel_all_asks_for_every_open_order() -> None:
    diary, facts = traded(lambda s: [s.buy(1, price) for price in (98, 97, 96)], lambda s: s.cancel_all())
    assert [line[2] for line in diary if line[0] == 3000] == [[]]
    assert facts["order_id"][facts["kind"] == Kind.OrderCancelled].tolist() == [1, 2, 3]


def test_a_replace_names_the_new_total_or_price() -> None:
    diary, facts = traded(lambda s: s.buy(4, 98), lambda s: s.replace(1, 6), lambda s: s.replace(1, price=101), lambda s: s.replace(1, 1))
    assert (2200, "replaced", [(1, 98, 6, True, False)], 0) in diary
    assert (3200, "replaced", [(1, 101, 6, True, False)], 0) in diary
    assert (3200, "fill 6", [], 6) in diary
    kinds = [Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderReplaced, Kind.TradeExecuted, Kind.ReplaceRejected]
    assert facts["kind"].tolist() == kinds
    assert diary[-2][1] == "ORDER_FILLED"


def test_a_cancel_that_crosses_a_fill_is_rejected() -> None:
    diary, facts = traded(lambda s: s.buy(4, 98), lambda s: (s.replace(1, price=101), s.cancel(1)))
    assert (2200, "ORDER_FILLED", [], 4) in diary
    assert facts["reason"][facts["kind"] == Kind.CancelRejected].tolist() == [Reason.ORDER_FILLED]


def test_a_cancel_on_its_way_is_not_forgotten_when_a_replace_is_rejected() -> None:
    plan = (lambda s: s.buy(4, 98, post_only=True), lambda s: (s.replace(1, price=101), s.cancel(1)))
    diary, _ = traded(*plan)
    assert [line for line in diary if line[0] == 2200] == [(2200, "POST_ONLY", [(1, 98, 4, True, True)], 0), (2200, "REQUESTED", [], 0)]


def test_time_in_force_and_post_only() -> None:
    plan = (lambda s: s.buy(15, 101, time_in_force=TimeInForce.IOC), lambda s: s.buy(5, 99, time_in_force=TimeInForce.FOK))
    diary, facts = traded(*plan, lambda s: s.sell(5, 99, post_only=True), lambda s: s.buy(2))
    reasons = [Reason(int(reason)).name for reason in facts["reason"] if reason]
    assert reasons == ["UNFILLED", "NOT_FILLABLE", "POST_ONLY", "NO_LIQUIDITY"]
    assert diary[-1] == (5000, "timer", [], 10)


def test_orders_say_what_they_are() -> None:
    class Asker(Trader):
        plan: ClassVar[list[Any]] = [lambda s: (s.buy(2, 98), s.sell(3, 105))]

        def on_accepted(self, order: Event) -> None:
            self.diary.append(self.orders)

    run(Rows(rows(*OPENING, add(1500, 9, Side.BUY, 90, 1)), ONE), asker := Asker())
    assert asker.diary[-1] == [OwnOrder(1, 0, Side.BUY, 98, 2, 2, True, False), OwnOrder(2, 0, Side.SELL, 105, 3, 3, True, False)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda s: s.buy(1, 98, 5), Reason.UNKNOWN_INSTRUMENT),
        (lambda s: s.buy(0, 98), Reason.INVALID_QUANTITY),
        (lambda s: s.buy(-3, 98), Reason.INVALID_QUANTITY),
        (lambda s: s.buy(1, 0), Reason.INVALID_PRICE),
        (lambda s: s.buy(1, 2**40), Reason.INVALID_PRICE),
        (lambda s: s.buy(1, 98, time_in_force=TimeInForce.IOC, post_only=True), Reason.INVALID_COMBINATION),
    ],
)
def test_what_the_exchange_refuses_is_told(order: Any, reason: Reason) -> None:
    diary, facts = traded(order)
    assert facts[["kind", "reason"]].tolist() == [(Kind.OrderRejected, reason)]
    assert (1200, reason.name, [], 0) in diary


@pytest.mark.parametrize("order", [lambda s: s.buy(1.5, 98), lambda s: s.buy(1, 98.5), lambda s: s.sell("1"), lambda s: s.buy(2**70, 98)])
def test_what_is_no_whole_number_is_an_error_of_one_line(order: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"whole") as error:
        traded(order)
    assert "\n" not in str(error.value)


# ------------------------------------------------------------------ too many commands in one call


class Flood(Strategy):
    """Sends `count` orders in its first call."""

    count = Parameter(COMMANDS_PER_CALL)
    every = 1000

    def on_timer(self) -> None:
        if not self.orders:
            for _ in range(self.count):
                self.buy(1, 90)


@kernel
def flood(view, p):
    if len(c.orders(view)) == 0:
        for _ in range(p.count):
            c.buy(view, 1, 90)


class FastFlood(Flood):
    function = flood
    wants: ClassVar[Want] = Want.TIMER


@pytest.mark.parametrize("strategy", [Flood, FastFlood])
def test_as_many_commands_as_there_is_room_for(strategy: type[Strategy]) -> None:
    history = Rows(rows(*OPENING, add(9000, 9, Side.BUY, 90, 1)), ONE)
    assert len(run(history, strategy).facts) == COMMANDS_PER_CALL
    with pytest.raises(RuntimeError, match=rf"more than {COMMANDS_PER_CALL} commands in one call; send fewer"):
        run(history, strategy(count=COMMANDS_PER_CALL + 1))


def test_thousands_of_open_orders() -> None:
    class Layer(Strategy):
        every = 10

        def on_timer(self) -> None:
            for k in range(200):
                self.buy(1, 1 + k % 50)

        def on_stop(self) -> None:
            self.open_now = len(self.orders)

    history = Rows(rows(*OPENING, add(1999, 9, Side.BUY, 90, 1)), ONE)
    recording = run(history, layer := Layer(), feed_latency=3, order_latency=5, response_latency=9)
    assert len(recording.facts) == len(np.unique(recording.facts["order_id"])) > 3 * 4096
    assert layer.open_now == len(recording.facts) + 200  # the last ones are on their way


# ------------------------------------------------------------------ bars


def test_bars_are_those_of_the_prints() -> None:
    class Bars(Strategy):
        bar = "5min"

        def __init__(self) -> None:
            super().__init__()
            self.bars: list[tuple[Any, ...]] = []

        def on_bar(self, instrument: int, bar: Bar) -> None:
            self.bars.append((self.now, instrument, *bar))

    feed = synthetic_flow(5, ["AAA", "BBB"], messages=20_000)
    run(feed, bars := Bars())
    history = feed.commands()
    prints = history[np.isin(history["kind"], [Kind.EXECUTE, Kind.PRINT])]
    every = 300 * 10**9
    columns = {name: prints[name] for name in ("ts", "instrument", "price", "quantity")}
    aggregate = [
        pl.first("price").alias("open"),
        pl.max("price").alias("high"),
        pl.min("price").alias("low"),
        pl.last("price").alias("close"),
    ]
    frame = pl.DataFrame(columns).with_columns(end=-(-pl.col("ts") // every) * every)
    frame = frame.group_by("end", "instrument", maintain_order=True).agg(*aggregate, pl.sum("quantity")).sort("end", "instrument")
    expected = [row for row in frame.rows() if row[0] <= history["ts"][-1]]
    assert len(expected) > 100
    assert [row for row in bars.bars if row[-1]] == expected
    times = sorted({row[0] for row in bars.bars})
    assert np.diff(times).tolist() == [every] * (len(times) - 1)
    assert len(bars.bars) == 2 * len(times)


# ------------------------------------------------------------------ a class and its compiled twin


@pytest.mark.parametrize(
    "parameters",
    [{}, {"spread": 0, "size": 1, "limit": 3, "skew": 0.0}, {"spread": 7, "size": 300, "skew": 9.5}, {"spread": 1, "limit": 100}],
)
def test_the_market_maker_is_its_compiled_twin(parameters: dict[str, Any]) -> None:
    feed = synthetic_flow(11, messages=6_000)
    how = {"parameters": parameters, "feed_latency": "3ms", "order_latency": "1ms", "response_latency": "20ms", "end": "11:00"}
    assert assert_same(MarketMaker, FastMarketMaker, feed, **how) > 1000


@pytest.mark.parametrize(
    "parameters", [{}, {"threshold": 0.0, "size": 1}, {"threshold": 0.3, "size": 700, "limit": 5000}, {"threshold": 1.0}]
)
def test_the_imbalance_taker_is_its_compiled_twin(parameters: dict[str, Any]) -> None:
    feed = synthetic_flow(12, messages=6_000)
    count = assert_same(ImbalanceTaker, FastImbalanceTaker, feed, parameters=parameters, end="12:00")
    assert count > 0 or parameters == {"threshold": 1.0}


def test_the_synthetic_day_is_the_default_of_assert_same() -> None:
    assert assert_same(FastMarketMaker, FastMarketMaker) > 10_000


class Generous(MarketMaker):
    """A market maker that is not the other one's twin: its 500th call sends one order more."""

    calls = 0

    def on_timer(self) -> None:
        super().on_timer()
        self.calls += 1
        if self.calls == 500:
            self.sell(7, 10_500)


def test_assert_same_names_the_first_fact_that_differs() -> None:
    feed = synthetic_flow(11, messages=6_000)
    with pytest.raises(AssertionError) as error:
        assert_same(Generous, FastMarketMaker, feed, end="10:00")
    said = str(error.value)
    assert said.startswith("fact ")
    assert "Generous has OrderCreated (" in said
    assert "FastMarketMaker has Order" in said


def test_assert_same_tells_where_one_goes_on() -> None:
    class Early(ImbalanceTaker):
        def on_timer(self) -> None:
            if self.now < 1_767_630_000 * 10**9:
                super().on_timer()

    with pytest.raises(AssertionError, match=r"Early has no more facts, FastImbalanceTaker has OrderCreated"):
        assert_same(Early, FastImbalanceTaker, synthetic_flow(11, messages=6_000))


@kernel
def remember(view, p):
    """Counts its calls in its own memory and sends as many lots as it has counted; `p.on` turns it off."""
    if p.on:
        view.memory[0] += p.step
        c.buy(view, int(view.memory[0]), 90)


class Rememberer(Strategy):
    every = 1000
    memory = 3
    on = Parameter(True)
    step = Parameter(2.0)
    function = remember
    wants: ClassVar[Want] = Want.TIMER


def test_a_compiled_strategy_has_memory_and_typed_parameters() -> None:
    history = Rows(rows(*OPENING, add(4500, 9, Side.BUY, 90, 1)), ONE)
    assert run(history, Rememberer).facts["quantity"].tolist() == [2, 4, 6, 8]
    assert run(history, Rememberer(step=3)).facts["quantity"].tolist() == [3, 6, 9, 12]
    assert len(run(history, Rememberer(on=False)).facts) == 0


@kernel
def witness(view, p):
    """Counts its calls by what they are for; the first sends an order that fills, the timer of 2000 one that rests."""
    view.memory[c.why(view)] += 1
    if c.why(view) == Wake.START:
        c.buy(view, 2, 101)
    if c.why(view) == Wake.TIMER and c.now(view) == 2000:
        c.sell(view, 1, 105)
    if c.why(view) == Wake.FILL:
        view.memory[0] = c.position(view)
    if c.why(view) == Wake.STOP:
        view.memory[Wake.STOP] += 10 * len(c.orders(view))


class Witness(Strategy):
    every = 1000
    memory = 16
    function = witness
    wants: ClassVar[Want] = Want.START | Want.STOP | Want.TIMER | Want.FILL | Want.ACCEPTED | Want.BOOK


def test_a_compiled_strategy_is_called_for_what_it_declares() -> None:
    history = Rows(rows(*OPENING, add(3500, 9, Side.BUY, 99, 1)), ONE)
    latencies = dict.fromkeys(("feed_latency", "order_latency", "response_latency"), 100)
    recording, driver = Backtest(history, Witness, cache=None, **latencies).record()
    counted = {Wake(k).name if k else "position": int(n) for k, n in enumerate(driver.states[0].memory) if n}
    assert counted == {"position": 2, "START": 1, "BOOK": 2, "ACCEPTED": 2, "FILL": 1, "TIMER": 3, "STOP": 11}
    assert recording.wakes == 9


def test_a_class_without_a_function_has_no_machine_code() -> None:
    with pytest.raises(TypeError, match=r"^Trader has no compiled function; set `function` in its class$"):
        machine_code(Trader())


class Clerk(Strategy):
    """Does something else at each second: sends, replaces, cancels, looks, takes all back."""

    every = 1000
    depth = 2

    def on_timer(self) -> None:
        second = self.now // 1000
        if second == 2:
            self.buy(4, 98)
            self.sell(3, 104)
        elif second == 3:
            self.replace(1, 6, 97)
            self.replace(2, price=105)
            self.replace(77, 1, 90)
        elif second == 4:
            self.cancel(1)
            self.cancel(1)
            self.cancel(77)
        elif second == 5:
            lots = [sum(lots for _, lots in self.levels(side)[:count]) for side, count in ((Side.BUY, 1), (Side.SELL, 5))]
            book = self.book()
            self.buy(lots[0], 1 if book.bid is None or book.ask is None else book.ask - book.bid)
            self.sell(lots[1], 110)
        elif second == 6:
            self.cancel_all()


@kernel
def clerk(view, p):
    second = c.now(view) // 1000
    if second == 2:
        c.buy(view, 4, 98)
        c.sell(view, 3, 104)
    elif second == 3:
        c.replace(view, 1, 6, 97)
        c.replace(view, 2, price=105)
        c.replace(view, 77, 1, 90)
    elif second == 4:
        c.cancel(view, 1)
        c.cancel(view, 1)
        c.cancel(view, 77)
    elif second == 5:
        book, offered = c.book(view), 0
        for level in c.levels(view, c.SELL):
            offered += level["lots"]
        c.buy(view, c.levels(view, c.BUY)[0]["lots"], book.ask - book.bid if c.two_sided(view) else 1)
        c.sell(view, offered, 110)
    elif second == 6:
        c.cancel_all(view)


class FastClerk(Clerk):
    function = clerk
    wants: ClassVar[Want] = Want.TIMER


@pytest.mark.parametrize("offers", [(), (101, 103, 107)])
def test_the_desk_of_a_function_does_what_the_methods_of_a_class_do(offers: tuple[int, ...]) -> None:
    sells = [add(1000, 10 + k, Side.SELL, price, 5) for k, price in enumerate(offers)]
    history = Rows(rows(OPENING[0], *sells, add(9000, 9, Side.BUY, 90, 1)), ONE)
    how = {"feed_latency": 10, "order_latency": 20, "response_latency": 30, "cash": "1000000"}
    assert assert_same(Clerk, FastClerk, history, **how) == 12
    facts = run(history, Clerk, **{name: how[name] for name in how if name != "cash"}).facts
    assert facts["order_id"][facts["kind"] == Kind.OrderCancelled].tolist() == [1, 2, 3, 4]
    assert facts["quantity"][(facts["kind"] == Kind.OrderCreated) & (facts["order_id"] >= 3)][:2].tolist() == [10, 10 if offers else 3]
    drivers = [Backtest(history, strategy, cache=None, **how).record()[1] for strategy in (Clerk, FastClerk)]
    sent, same = (driver.sent()[0] for driver in drivers)
    assert sent.tobytes() == same.tobytes()  # a log keeps them byte for byte


class Plain(Strategy):
    """Compiled from a plain function, without parameters."""

    every = 1000
    wants: ClassVar[Want] = Want.TIMER

    def function(view, p):  # type: ignore[no-untyped-def]
        c.sell(view, 5, 105)
        c.cancel(view, 1)


def test_a_plain_function_is_compiled_for_us() -> None:
    facts = run(Rows(rows(*OPENING, add(2500, 9, Side.BUY, 90, 1)), ONE), Plain).facts
    kinds = [(Kind.OrderCreated, 1), (Kind.OrderCancelled, 1), (Kind.OrderCreated, 2), (Kind.CancelRejected, 1)]
    assert facts[["kind", "order_id"]].tolist() == kinds


# ------------------------------------------------------------------ nothing vanishes


def test_a_missing_price_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the price is None, as of an empty side of a book; leave it out for a MARKET order"):
        traded(lambda s: s.buy(1, None))


@kernel
def at_nothing(context, p):
    c.buy(context, 5, c.book(context).ask)


class AtNothing(Strategy):
    every = 1000
    function = at_nothing
    wants: ClassVar[Want] = Want.TIMER


def test_a_compiled_strategy_that_takes_an_empty_side_is_refused_too() -> None:
    facts = run(Rows(rows(OPENING[0], add(2500, 9, Side.BUY, 90, 1)), ONE), AtNothing).facts
    assert facts["reason"].tolist() == [Reason.INVALID_PRICE] * 2


def breaks(context: Any, p: Any) -> None:
    if c.position(context) > 0:
        raise ArithmeticError("a position, already")
    c.buy(context, 1)


class Breaks(Strategy):
    every = 1000
    function = breaks
    wants: ClassVar[Want] = Want.TIMER


def test_what_a_compiled_strategy_raises_ends_the_run_at_its_own_line() -> None:
    with pytest.raises(ArithmeticError, match=r"a position, already") as error:
        run(Rows(rows(*OPENING, add(9000, 9, Side.BUY, 90, 1)), ONE), Breaks)
    assert error.traceback[-1].path.name == "test_strategy.py"


class Leaver(Strategy):
    """Sends an order at each second, the last too late to arrive, and one more in the end."""

    every = 1000

    def on_timer(self) -> None:
        self.buy(1, 98)

    def on_stop(self) -> None:
        self.stop(Side.SELL, 2, 90)


def test_orders_that_never_arrived_are_rows_and_a_caution() -> None:
    history = Rows(rows(*OPENING, add(3500, 9, Side.BUY, 90, 1)), ONE)
    result = Backtest(history, Leaver, cache=None, order_latency=600, feed_latency=0, response_latency=0).run(out=None)
    shown = result.orders.select("order_id", "type", "status", "reason", "price", "stop_price", "quantity_lots")
    assert shown.rows() == [
        (1, "LIMIT", "NEW", None, 98.0, None, 1),
        (2, "LIMIT", "NEW", None, 98.0, None, 1),
        (3, "LIMIT", "NOT_ARRIVED", "RUN_ENDED", 98.0, None, 1),
        (4, "STOP", "NOT_ARRIVED", "RUN_ENDED", None, 90.0, 2),
    ]
    assert [caution.text for caution in result.warnings if caution.code == "not_arrived"] == [
        "2 commands had not reached the exchange when the run ended: sent in on_stop, or too late to arrive."
    ]


# ------------------------------------------------------------------ money, alarms, words


class Accountant(Strategy):
    """Buys at 1000, sells half at 2000 by alarm, and writes down its money."""

    def on_start(self) -> None:
        self.buy(4, self.book("ONE").ask, "ONE")
        self.after(1000, self.halve)
        self.at(3000, self.look)

    def halve(self) -> None:
        self.look()
        self.sell(2, 99)

    def look(self) -> None:
        self.log(self.now, self.position(), self.cash, self.equity, self.average_price(), round(self.pnl, 6), round(self.fees, 6))

    def on_fill(self, fill: Event) -> None:
        self.log("fill", fill.price, fill.is_maker, fill.fee)


def test_a_strategy_knows_its_money_as_far_as_fills_have_reached_it() -> None:
    history = Rows(rows(*OPENING, add(5000, 9, Side.BUY, 90, 1)), [Instrument("ONE", tick="1", taker_fee="0.001")])
    latencies = {"feed_latency": 0, "order_latency": 0, "response_latency": 10}
    result = Backtest(history, Accountant, cash=1000, cache=None, **latencies).run(out=None)
    assert result.log["text"].to_list() == [
        "fill 101.0 False 0.404",
        "2000 4 595.596 999.596 101.0 -0.404 0.404",
        "fill 99.0 False 0.198",
        "3000 2 793.398 991.398 101.0 -8.602 0.602",
    ]
    assert result.equity["equity"][-1] == pytest.approx(991.398)


def test_numbers_as_people_write_them() -> None:
    fine = Instrument("FINE", tick="0.02", price_unit="0.005", lot="0.1")
    seen: list[Any] = []

    class Reader(Strategy):
        def on_start(self) -> None:
            seen.extend([self.ticks("8.04", "FINE"), self.price(402), self.lots("0.5"), self.symbols, self.instrument().tick])
            for wrong in (lambda: self.ticks("8.03"), lambda: self.lots("0.05"), lambda: self.book("COARSE"), lambda: self.at(5)):
                with pytest.raises(ValueError, match=r"tick of FINE is 0.02|lot of FINE is 0.1|there are FINE|already"):
                    wrong()

    run(Rows(rows(add(1000, 1, Side.BUY, 400, 10), add(9000, 2, Side.BUY, 400, 10)), [fine]), Reader)
    assert seen == [402, 8.04, 5, ["FINE"], fine.tick]


def test_names_that_a_parameter_cannot_take_and_hooks_of_old() -> None:
    with pytest.raises(ValueError, match=r"a parameter cannot be called 'lots'"):
        type("Wrong", (Strategy,), {"lots": Parameter(1)})
    with pytest.raises(ValueError, match=r"Old.start is called on_start now"):
        type("Old", (Strategy,), {"start": lambda self: None})


def test_local_time_follows_the_clock_of_the_feed() -> None:
    feed = synthetic_flow(3, messages=2_000)
    feed.time_zone = "America/New_York"  # type: ignore[attr-defined]

    class Closer(Strategy):
        def on_start(self) -> None:
            self.at("15:55", lambda: self.log(self.local))

    result = Backtest(feed, Closer, cache=None, feed_latency=0).run(out=None)
    assert [text[11:16] for text in result.log["text"].to_list()] == ["15:55"]
