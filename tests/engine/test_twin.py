"""The compiled exchange equals the naive one, fact for fact and state for state, on random streams; and both keep their promises."""

import os
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Exchange, Instrument, limit
from engine.messages.vocabulary import NOT_NAMED, Kind, OrderType, SelfTrade, Side, TimeInForce
from tests.support import invariants
from tests.support.short_streams import command_strategy
from tests.support.streams import SETTINGS, Command, Setting, as_array
from tests.support.twins import Difference, Pair, compiled
from tests.support.worlds import MANY, World
from tests.tools import fuzz_compiled
from tests.tools.fuzz import guarded, part, shrink

ALL = SETTINGS["all"]
WORLD = ALL.world


@settings(max_examples=200, deadline=None)
@given(st.lists(command_strategy(WORLD), max_size=40))
def test_any_commands(commands: list[Command]) -> None:
    pair = Pair(WORLD)
    pair.run(as_array(commands))
    pair.compare_states()
    invariants.hold(pair.exchange)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_stream(setting: Setting, seed: int) -> None:
    pair = Pair(setting.world)
    pair.run(setting.stream(seed).take(4000))
    pair.compare_states()
    pair.compare_orders()
    invariants.hold(pair.exchange)


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
    "an order of history moves and crosses ours, which is far away and has a daily loss": [
        {"kind": Kind.SET_LIMITS, "quantity": NOT_NAMED, "price": NOT_NAMED, "portfolio": 2, "type": 128, "order_id": NOT_NAMED % 2**64},
        {"kind": Kind.ADD, "order_id": 9, "quantity": 4, "price": 108, "instrument": 1},
        {"kind": Kind.NEW, "order_id": 1, "quantity": 9, "price": 100, "instrument": 1, "portfolio": 2, "type": OrderType.LIMIT},
        {"kind": Kind.ADD, "order_id": 3, "quantity": 11, "price": 116, "instrument": 1},
        {"kind": Kind.REPLACE, "order_id": 1, "quantity": 11, "price": 16480, "stop_price": NOT_NAMED, "instrument": 1},
        {"kind": Kind.MODIFY, "order_id": 9, "quantity": 17, "price": 120, "instrument": 1, "side": Side.SELL},
    ],
    "an equity whose parts are more than money holds": [
        {"kind": Kind.SET_LIMITS, "quantity": NOT_NAMED, "price": NOT_NAMED, "portfolio": 1, "type": 127, "order_id": NOT_NAMED % 2**64},
        {"kind": Kind.NEW, "order_id": 1, "quantity": 2**32 - 1, "instrument": 2, "type": OrderType.LIMIT},
        {"kind": Kind.NEW, "order_id": 2, "quantity": 2**32 - 1, "instrument": 2, "side": Side.SELL, "portfolio": 1, "type": 1},
        {"kind": Kind.NEW, "order_id": 3, "quantity": 10**6, "price": 4, "instrument": 1, "side": Side.SELL, "type": OrderType.LIMIT},
        {"kind": Kind.NEW, "order_id": 4, "quantity": 10**6, "price": 4, "instrument": 1, "portfolio": 1, "type": OrderType.LIMIT},
        *({"kind": Kind.MARK, "price": 2**31 - 4, "instrument": instrument} for instrument in (1, 2)),
        *({"kind": Kind.NEW, "order_id": 5 + k, "quantity": 8, "price": 22, "portfolio": 1, "type": 1, "ts": k} for k in range(2)),
    ],
}


@pytest.mark.parametrize("commands", FOUND.values(), ids=FOUND)
def test_what_the_fuzzer_found(commands: list[Command]) -> None:
    assert part(WORLD, as_array(commands)) is None


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_batches_restarts_and_room_change_nothing(setting: Setting) -> None:
    """Nor do facts of history that nobody asked for."""
    assert fuzz_compiled.part(setting.world, setting.stream(11).take(3000)) is None


UNTIL_THEN: list[Command] = [
    {"kind": Kind.NEW, "order_id": 1, "quantity": 5, "price": 20, "type": OrderType.LIMIT},
    {"kind": Kind.NEW, "order_id": 2, "quantity": 5, "price": 20, "type": OrderType.LIMIT, "portfolio": 1},
    {"kind": Kind.FLOW, "quantity": 7, "price": 20, "side": Side.SELL},
    {"kind": Kind.SET_LIMITS, "portfolio": 1, "quantity": NOT_NAMED, "price": NOT_NAMED, "stop_price": 0, "order_id": 1, "type": 128},
    {"kind": Kind.SET_RULES, "quantity": NOT_NAMED, "price": NOT_NAMED, "stop_price": NOT_NAMED, "order_id": 10**6, "type": 128},
]
SMALL: Command = {"quantity": 1, "price": 1, "stop_price": 1, "order_id": 1, "type": 128}
STEPS: list[Command] = [
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "price": 20, "type": OrderType.LIMIT},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "price": 20, "type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "price": 20, "type": OrderType.LIMIT, "self_trade": SelfTrade.NONE},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "stop_price": 25, "type": OrderType.STOP},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "stop_price": 25, "price": 26, "type": OrderType.STOP_LIMIT},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "stop_price": 15, "side": Side.SELL, "type": OrderType.STOP},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 1, "price": 22, "type": OrderType.LIMIT, "side": Side.SELL, "flags": 2, "portfolio": 1},
    {"kind": Kind.NEW, "order_id": 3, "quantity": 5, "price": 20, "type": OrderType.LIMIT, "portfolio": 1},  # refused: a token is gone
    {"kind": Kind.REPLACE, "order_id": 2, "quantity": 6, "price": NOT_NAMED, "stop_price": NOT_NAMED},
    {"kind": Kind.CANCEL, "order_id": 2},
    {"kind": Kind.ADD, "order_id": 1, "quantity": 5, "price": 21, "side": Side.SELL},
    {"kind": Kind.REVEAL, "quantity": 5, "price": 20},
    {"kind": Kind.PRINT, "quantity": 1, "price": 22},
    {"kind": Kind.MARK, "price": 23},
    {"kind": Kind.DEPOSIT, "portfolio": 1, "quantity": 1},
    {"kind": Kind.START_OF_DAY},
    {"kind": Kind.HALT},
    {"kind": Kind.REFERENCE, "price": 23},
    {"kind": Kind.KILL, "flags": 1, "portfolio": 2},
    {"kind": Kind.KILL, "flags": 2, "trader": 1},
    {"kind": Kind.RESTRICT},
    {"kind": Kind.RESTRICT, "trader": 1},
    *({"kind": Kind.SET_LIMITS, "portfolio": 1} | SMALL | change for change in ({}, {"quantity": 2}, {"price": 2}, {"stop_price": 2})),
    *({"kind": Kind.SET_LIMITS, "portfolio": 1} | SMALL | change for change in ({"order_id": 2}, {"flags": 1}, {"type": 129})),
    *({"kind": Kind.SET_RULES, "trader": 1} | SMALL | change for change in ({}, {"quantity": 2}, {"price": 2}, {"stop_price": 2})),
    *({"kind": Kind.SET_RULES, "trader": 1} | SMALL | change for change in ({"order_id": 2}, {"flags": 1}, {"type": 129}, {"ts": 5})),
]


def test_the_digest_sees_every_change() -> None:
    """Each of these leaves a state of its own; REVIVE of nobody leaves none, and they all have one fact."""
    seen: dict[str, Command] = {}
    nothing: Command = {"kind": Kind.REVIVE}
    for step in [nothing, *STEPS]:
        exchange = compiled(WORLD)
        exchange.run(as_array(UNTIL_THEN))
        assert len(exchange.run(as_array([step]))) == 1, step
        exchange.run(as_array([{"kind": Kind.NOTICE, "ts": 5}]))
        same = seen.setdefault(exchange.digest(), step)
        assert same is step, f"{step} and {same}"


def test_shrink_finds_the_commands_that_matter() -> None:
    commands = ALL.stream(3).take(200)
    short = shrink(commands, lambda some: {Kind.FLOW, Kind.CANCEL} <= set(some["kind"].tolist()))
    assert sorted(short["kind"].tolist()) == [Kind.CANCEL, Kind.FLOW]
    assert part(WORLD, commands[:50]) is None


def test_a_crash_is_a_failure_like_any_other() -> None:
    def crash(_: World, commands: np.ndarray) -> Difference | None:
        os._exit(len(commands))

    found = guarded(crash, WORLD, [ALL.stream(3).take(7)])
    assert found is not None
    assert (found.at, found.about) == (6, "crash")


@pytest.mark.parametrize("left", [3, 30, 300])
def test_a_sweep_through_reduce_only_makers_finds_room_for_its_facts(left: int) -> None:
    """Each of them tells a fill and a cancel: a tape that is nearly full must grow before, not within."""
    orders = []
    for k in range(200):
        orders.append(limit(3 * k + 1, "X", Side.SELL, 1, "1.00", trader="t"))
        orders.append(limit(3 * k + 2, "X", Side.BUY, 1, "1.00", trader="t", portfolio=f"p{k}"))
    orders += [limit(3 * k + 3, "X", Side.SELL, 2, "2.00", trader="t", portfolio=f"p{k}", reduce_only=True) for k in range(200)]
    sweep = limit(9999, "X", Side.BUY, 400, "2.00", trader="t")
    roomy, narrow = (Exchange([Instrument("X", "0.01")], reserve=reserve) for reserve in (50_000, 0))
    for exchange in (roomy, narrow):
        for order in orders:
            exchange.send(order)
    tape = narrow._tape
    tape.chunk = tape.chunk[: tape.used + left].copy()
    told = roomy.send(sweep)
    assert len(told) == 1 + 2 * 200
    assert narrow.send(sweep).tobytes() == told.tobytes()
    assert narrow.digest() == roomy.digest()


def test_tables_that_grow_lose_nothing() -> None:
    """More ids, orders, history and positions than the arrays hold at first, some with the same place: in the end each is found again."""
    pair, random = Pair(MANY), Random(4)
    prices = [listed.tick_units * ticks for listed, ticks in zip(MANY.instruments, (20, 20, -5))]
    mine = [
        {"order_id": number, "trader": k % 21, "instrument": k % 3, "portfolio": 1 + k % 40, "price": prices[k % 3], "quantity": 2}
        for k, number in enumerate(random.sample(range(1, 10**6), 2800))
    ]
    theirs = [
        {"order_id": number, "instrument": k % 3, "price": prices[k % 3], "quantity": 3}
        for k, number in enumerate(random.sample(range(1, 2**63), 600))
    ]
    sweep = {"type": OrderType.MARKET, "side": Side.SELL, "quantity": 501}

    def all_are(told: Kind, kind: Kind, orders: list[Command], **fields: int) -> None:
        assert (pair.run(as_array([{"kind": kind} | order | fields for order in orders]))["kind"] == told).all()

    all_are(Kind.OrderCreated, Kind.NEW, mine[:100], type=OrderType.LIMIT)
    all_are(Kind.OrderCancelled, Kind.CANCEL, mine[:100])
    all_are(Kind.OrderCreated, Kind.NEW, mine[100:], type=OrderType.LIMIT)
    all_are(Kind.OrderRejected, Kind.NEW, mine[:100], type=OrderType.LIMIT)  # an id that was used stays used
    all_are(Kind.HistoryAdded, Kind.ADD, theirs)
    traded = pair.run(as_array([{"kind": Kind.NEW, "order_id": 10**6 + k, "instrument": k} | sweep for k in range(3)]))
    assert (traded["kind"] == Kind.TradeExecuted).sum() == 3 * 251
    pair.compare_states()
    left = mine[100 + 3 * 250 :]
    random.shuffle(left)
    random.shuffle(theirs)
    all_are(Kind.OrderCancelled, Kind.CANCEL, left)
    all_are(Kind.HistoryReduced, Kind.REDUCE, theirs)
    pair.compare_states()
    pair.compare_orders()
    assert pair.exchange.book("PLAIN").levels() == ([], [])


def test_a_wide_market_is_a_market_like_any_other() -> None:
    """So many instruments that accounts and levels are asked for ahead; broken commands have strange ones, too."""
    instruments = [Instrument(f"I{number}", "0.01", negative_prices=number % 2 == 1) for number in range(300)]
    setting = replace(SETTINGS["broken"], world=World(instruments), strange=0.05)
    pair = Pair(setting.world)
    told = pair.run(setting.stream(7).take(3000))
    assert {Kind.TradeExecuted, Kind.OrderRejected, Kind.HistoryAdded} <= set(told["kind"].tolist())
    pair.compare_states()
