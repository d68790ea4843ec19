"""Trades and levels: the queue models, L2 made from orders, and what a session says of its history."""

import numpy as np
import pytest

from data.levels.of_orders import levels_of
from data.synthetic.flow import synthetic_flow
from engine import Exchange, Flag, Grain, Instrument, Kind, Queue, QueueModel, Side, limit, market, set_queue
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Reason


def rows(*fields: dict[str, int]) -> np.ndarray:
    made = np.zeros(len(fields), COMMAND)
    for row, given in zip(made, fields):
        for name, value in given.items():
            row[name] = value
    return made


def level(side: Side, price: int, lots: int) -> dict[str, int]:
    return {"kind": Kind.LEVEL, "side": side, "price": price, "quantity": lots}


def lost_in_front(queue: Queue, before: int, behind: int, fall: int) -> int:
    """Lots that an order with so many before and behind it sees leave from before it."""
    exchange = Exchange([Instrument("X", "0.01")])
    exchange.send(set_queue("X", queue))
    exchange.run(rows(level(Side.BUY, 5000, before)))
    exchange.send(limit(1, "X", Side.BUY, 1, "50.00", portfolio="p"))
    exchange.run(rows(level(Side.BUY, 5000, before + behind), level(Side.BUY, 5000, before + behind - fall)))
    facts = exchange.run(rows({"kind": Kind.TRADE, "side": Side.SELL, "price": 5000, "quantity": 2**31}))
    (fill,) = facts[facts["kind"] == Kind.TradeExecuted]
    return before - int(fill["ahead"])


@pytest.mark.parametrize(
    ("before", "behind", "fall"), [(100, 0, 40), (100, 100, 40), (10, 1000, 500), (1000, 10, 500), (7, 13, 20), (1, 1, 1)]
)
def test_every_model_takes_what_can_be_there(before: int, behind: int, fall: int) -> None:
    """Held to the formulas of hftbacktest's models, rounded down, and to what stands there."""
    for model, exponent in (
        (QueueModel.PROPORTIONAL, None),
        (QueueModel.POWER, 2),
        (QueueModel.POWER, "0.5"),
        (QueueModel.POWER, "3.0625"),
    ):
        n = float(exponent or 1)
        wanted = fall * before**n / (before**n + behind**n)
        possible = max(fall - behind, min(fall, before, int(wanted + 1e-9)))
        assert lost_in_front(Queue(model=model, exponent=exponent), before, behind, fall) == possible, (model, exponent)
    assert lost_in_front(Queue(), before, behind, fall) == max(0, fall - behind)


def test_a_queue_whose_terms_cannot_be_is_refused() -> None:
    exchange = Exchange([Instrument("X", "0.01")])
    for queue, reason in (
        (Queue(model=QueueModel.POWER), Reason.INVALID_COMBINATION),
        (Queue(model=QueueModel.POWER, exponent="2.01"), Reason.INVALID_COMBINATION),
        (Queue(Grain.BARS, volume_share="0"), Reason.INVALID_QUANTITY),
        (Queue(Grain.BARS, volume_share="1.5"), Reason.INVALID_QUANTITY),
    ):
        (fact,) = exchange.send(set_queue("X", queue))
        assert (fact["kind"], fact["reason"]) == (Kind.CommandRejected, reason), queue
    (fact,) = exchange.send(set_queue("X", Queue(model=QueueModel.POWER, exponent="2.5")))
    assert (fact["kind"], fact["type"], fact["quantity"], fact["remaining"]) == (Kind.QueueSet, QueueModel.POWER, 40, Grain.LEVELS)


def test_levels_made_from_orders_are_the_same_book() -> None:
    """After every event the best ten levels of both sides, and all that was printed."""
    feed = synthetic_flow(messages=2_000)
    orders, made = feed.commands(), levels_of(feed, 10).commands()
    assert set(np.unique(made["kind"]).tolist()) <= {Kind.LEVEL, Kind.TRADE, Kind.PRINT}
    whole, levels = Exchange(feed.instruments), Exchange(feed.instruments)
    books = whole.book(feed.instrument.symbol), levels.book(feed.instrument.symbol)
    ends = [np.append(np.flatnonzero(np.diff(of["ts"])) + 1, len(of)) for of in (orders, made)]
    told = {int(made["ts"][end - 1]): int(end) for end in ends[1]}
    first, done = 0, 0
    for end in ends[0].tolist():
        whole.run(orders[first:end])
        ts, first = int(orders["ts"][end - 1]), end
        if ts in told:
            levels.run(made[done : told[ts]])
            done = told[ts]
        for side in Side:
            assert np.array_equal(*(book.rows(side, 10)[:, :2] for book in books))
    assert done == len(made)
    assert whole.state.instruments["volume"][0] == levels.state.instruments["volume"][0]
    assert [int(levels.state.session[name][0]) for name in ("clipped", "crossed", "displaced")] == [0, 0, 0]
    with pytest.raises(ValueError, match="is not a feed of orders"):
        levels_of(levels_of(feed))


def test_the_digest_sees_the_level_that_ours_took_and_the_queue_model() -> None:
    seen = set()
    for steps in (0, 1, 2):
        exchange = Exchange([Instrument("X", "0.01")])
        exchange.run(rows(level(Side.SELL, 5000, 10)))
        if steps > 0:
            exchange.send(market(1, "X", Side.BUY, 10, portfolio="p"))
        if steps > 1:
            exchange.run(rows(level(Side.SELL, 5000, 12), level(Side.SELL, 5000, 10)))
        seen.add(exchange.digest())
    for queue in (Queue(model=QueueModel.PROPORTIONAL), Queue(model=QueueModel.POWER, exponent=2), Queue(Grain.BARS, volume_share="0.1")):
        exchange = Exchange([Instrument("X", "0.01")])
        exchange.send(set_queue("X", queue))
        seen.add(exchange.digest())
    assert len(seen) == 6


def test_fills_by_levels_are_marked_estimated_and_those_by_orders_are_not() -> None:
    for grain in (Grain.ORDERS, Grain.LEVELS):
        exchange = Exchange([Instrument("X", "0.01")])
        exchange.send(limit(1, "X", Side.BUY, 5, "50.00", portfolio="p"))
        kind = Kind.FLOW if grain == Grain.ORDERS else Kind.TRADE
        facts = exchange.run(rows({"kind": kind, "side": Side.SELL, "price": 5000, "quantity": 5}))
        (fill,) = facts[facts["kind"] == Kind.TradeExecuted]
        assert bool(fill["flags"] & Flag.ESTIMATED) == (grain == Grain.LEVELS)
