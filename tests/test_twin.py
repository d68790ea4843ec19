"""The compiled exchange equals the naive one, fact for fact and state for state, on random streams; and both keep their promises."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Exchange
from engine.records import FACT
from engine.vocabulary import NOT_NAMED, Kind, OrderType, Side
from tests.fuzz import part, shrink
from tests.naive import NaiveExchange
from tests.naive_book import LIVE
from tests.streams import SETTINGS, Command, Setting, as_array, command_strategy
from tests.twins import Pair, compiled

ALL = SETTINGS["all"]
WORLD = ALL.world
FINAL = (Kind.OrderCancelled, Kind.OrderExpired, Kind.OrderRejected)


@settings(max_examples=200, deadline=None)
@given(st.lists(command_strategy(WORLD), max_size=40))
def test_any_commands(commands: list[Command]) -> None:
    pair = Pair(WORLD)
    records = as_array(commands)
    facts = pair.run(records)
    pair.compare_states()
    check_promises(pair, records, facts)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_stream(setting: Setting, seed: int) -> None:
    pair, commands = Pair(setting.world), setting.stream(seed).take(5000)
    facts = pair.run(commands)
    pair.compare_states()
    pair.compare_orders()
    check_promises(pair, commands, facts)


FOUND: dict[str, list[Command]] = {
    "4096 ticks away": [
        {"kind": Kind.REVEAL, "quantity": 3, "price": 200_000},
        {"kind": Kind.REMOVE, "quantity": 8, "price": 204_096},
        {"kind": Kind.REDUCE, "order_id": 5, "quantity": 8, "price": 208_192},
        {"kind": Kind.EXECUTE, "order_id": 5, "quantity": 8, "price": 204_096},
    ],
    "revealed 4096 ticks away": [
        {"kind": Kind.NEW, "order_id": 1, "quantity": 16, "price": 4, "type": OrderType.LIMIT},
        {"kind": Kind.REVEAL, "quantity": 6, "price": 4100},
        {"kind": Kind.FLOW, "quantity": 17, "price": 4, "side": Side.SELL},
    ],
    "a queue far from the market": [
        {"kind": Kind.NEW, "order_id": 1, "quantity": 1, "price": 1000, "side": Side.SELL, "type": OrderType.LIMIT},
        {"kind": Kind.NEW, "order_id": 2, "quantity": 1, "price": 9900, "side": Side.SELL, "type": OrderType.LIMIT},
        {"kind": Kind.NEW, "order_id": 3, "quantity": 1, "price": 9900, "side": Side.SELL, "type": OrderType.LIMIT},
    ],
}


@pytest.mark.parametrize("commands", FOUND.values(), ids=FOUND)
def test_what_the_fuzzer_found(commands: list[Command]) -> None:
    pair = Pair(WORLD)
    pair.run(as_array(commands))
    pair.compare_states()


def test_cuts_into_batches_change_nothing() -> None:
    commands = ALL.stream(11).take(3000)
    whole = run_in_batches(commands, len(commands))
    for size in (1, 7, 1000):
        assert run_in_batches(commands, size) == whole, f"batches of {size}"


def test_a_restart_in_the_middle_changes_nothing() -> None:
    """The commands so far, played again from the first on, are the session so far."""
    commands = ALL.stream(13).take(3000)
    whole = compiled(WORLD)
    facts = whole.run(commands)
    log = np.concatenate([whole.opening, WORLD.opening(), commands[:1500]])
    again = Exchange.from_commands(log, history_facts=True)
    rest = again.run(commands[1500:])
    assert again.digest() == whole.digest()
    assert rest.tobytes() == facts[-len(rest) :].tobytes()
    assert again.facts.tobytes() == whole.facts.tobytes()


def test_room_reserved_does_not_touch_the_state() -> None:
    commands = ALL.stream(14).take(3000)
    roomy = Exchange(list(WORLD.instruments), cash=dict(WORLD.cash), reserve=100_000, history_facts=True)
    tight = compiled(WORLD)
    roomy.run(WORLD.opening())
    assert roomy.run(commands).tobytes() == tight.run(commands).tobytes()
    assert roomy.digest() == tight.digest()


def test_the_digest_sees_every_change() -> None:
    """Each accepted command of a session leaves another digest than before; a refused one may not."""
    exchange, seen = compiled(WORLD), set()
    steps: list[Command] = [
        {"kind": Kind.NEW, "order_id": 1, "quantity": 5, "price": 20, "type": OrderType.LIMIT},
        {"kind": Kind.NEW, "order_id": 2, "quantity": 5, "price": 20, "type": OrderType.LIMIT, "portfolio": 1},
        {"kind": Kind.REPLACE, "order_id": 1, "quantity": 6, "price": NOT_NAMED, "stop_price": NOT_NAMED},
        {"kind": Kind.ADD, "order_id": 1, "quantity": 5, "price": 21, "side": Side.SELL},
        {"kind": Kind.REVEAL, "quantity": 5, "price": 20},
        {"kind": Kind.FLOW, "quantity": 1, "price": 20, "side": Side.SELL},
        {"kind": Kind.PRINT, "quantity": 1, "price": 22},
        {"kind": Kind.MARK, "price": 23},
        {"kind": Kind.DEPOSIT, "portfolio": 1, "quantity": 1},
        {"kind": Kind.CANCEL, "order_id": 2},
        {"kind": Kind.START_OF_DAY},
        {"kind": Kind.END_OF_DAY},
    ]
    for step in steps:
        exchange.run(as_array([step]))
        seen.add(exchange.digest())
    assert len(seen) == len(steps)


def test_facts_of_history_do_not_touch_the_state() -> None:
    commands = ALL.stream(12).take(3000)
    with_them = compiled(WORLD)
    told = with_them.run(commands)
    without = Exchange(list(WORLD.instruments), cash=dict(WORLD.cash))
    without.run(WORLD.opening())
    few = without.run(commands)
    assert without.digest() == with_them.digest()
    assert few.tobytes() == told[told["kind"] < Kind.HistoryAdded].tobytes()


def test_shrink_finds_the_commands_that_matter() -> None:
    commands = ALL.stream(3).take(200)
    short = shrink(commands, lambda some: {Kind.FLOW, Kind.CANCEL} <= set(some["kind"].tolist()))
    assert sorted(short["kind"].tolist()) == [Kind.CANCEL, Kind.FLOW]
    assert part(WORLD, commands[:50]) is None


def run_in_batches(commands: np.ndarray, size: int) -> tuple[bytes, str]:
    exchange = compiled(WORLD)
    facts = [exchange.run(commands[start : start + size]) for start in range(0, len(commands), size)]
    return b"".join(part.tobytes() for part in facts), exchange.digest()


# ---------------------------------------------------------------------- promises


def check_promises(pair: Pair, commands: np.ndarray, facts: np.ndarray) -> None:
    every_command_is_answered(commands, facts)
    time_never_goes_back(facts)
    quantities_are_conserved(facts)
    sums_are_zero(pair.twin)
    for index in range(len(WORLD.instruments)):
        ours_are_never_crossed(pair.twin, index)


def every_command_is_answered(commands: np.ndarray, facts: np.ndarray) -> None:
    """seq has no gap but one for each command, and after each command stands a fact."""
    if len(commands) == 0:
        return
    last = int(facts["seq"][-1])
    first = last - len(commands) - len(facts) + 1
    asked = np.setdiff1d(np.arange(first, last + 1), facts["seq"])
    assert len(asked) == len(commands)
    assert asked[0] == first
    assert (np.diff(asked) > 1).all()


def time_never_goes_back(facts: np.ndarray) -> None:
    assert (np.diff(facts["ts"]) >= 0).all()


def quantities_are_conserved(facts: np.ndarray) -> None:
    """Created = executed + open, at every fact; nothing is told of an order after its end."""
    assert facts.dtype == FACT
    still_open: dict[tuple[int, int], int] = {}
    executed: dict[tuple[int, int], int] = defaultdict(int)
    for fact in facts:
        key = (int(fact["trader"]), int(fact["order_id"]))
        if fact["kind"] == Kind.OrderCreated:
            assert key not in still_open
            still_open[key], executed[key] = int(fact["quantity"]), 0
        elif fact["kind"] == Kind.OrderReplaced:
            assert key in still_open
            still_open[key] = int(fact["remaining"])
            assert still_open[key] + executed[key] == fact["quantity"]
        elif fact["kind"] in FINAL[:2]:
            assert still_open.pop(key) == fact["remaining"] == fact["quantity"] - executed[key]
        elif fact["kind"] == Kind.TradeExecuted:
            assert fact["quantity"] > 0
            parties: Any = ((key, "remaining"), ((int(fact["maker_trader"]), int(fact["maker_order_id"])), "maker_remaining"))
            ours = [party for party in parties if party[0][0] != 2**32 - 1]
            assert ours
            for party, remaining in ours:
                still_open[party] -= int(fact["quantity"])
                executed[party] += int(fact["quantity"])
                assert still_open[party] == fact[remaining] >= 0
                if not still_open[party]:
                    del still_open[party]


def sums_are_zero(twin: NaiveExchange) -> None:
    assert sum(twin.cash.values()) + twin.fees == 0
    for index in range(len(WORLD.instruments)):
        assert sum(held.quantity for (_, i), held in twin.positions.items() if i == index) == 0


def ours_are_never_crossed(twin: NaiveExchange, index: int) -> None:
    """No opposite order, history's included, at the price of one of ours or better."""
    book = twin.books[index]
    for order in twin.orders.values():
        if order.status in LIVE and order.instrument == index:
            assert not book.facing(order.side, order.price)
            assert order in book.queue(order.side, order.price)
    assert all(queue for side in Side for queue in book.queues[side].values())
