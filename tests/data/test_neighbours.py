"""The neighbours test: one lot of ours, put right before a recorded order, shares its fate wherever price-time priority holds."""

import pytest

from data import read_lobster, synthetic_flow
from data.quality.check import check_feed
from data.quality.neighbours import CAUSES, Neighbours
from data.quality.sample import Sample
from engine import halt
from tests.data.test_check import Crowd, real, write


def neighbours(feed, probes=4000, seed=1):
    return check_feed(feed, probes, seed)["neighbours"]


def test_fates_by_hand(tmp_path):
    """11 rests first; 12, 13 and 14 join it: 12 is executed whole, 13 cancelled, 14 executed in part and then cancelled."""
    messages = [
        "34200.1,1,11,100,500000,1",
        "34200.2,1,12,70,500000,1",
        "34200.3,4,11,100,500000,1",
        "34200.4,4,12,30,500000,1",
        "34200.5,4,12,40,500000,1",
        "34200.6,1,20,10,500000,1",
        "34200.7,1,13,50,500000,1",
        "34200.8,3,13,50,500000,1",
        "34200.9,1,14,50,500000,1",
        "34201.0,4,20,10,500000,1",
        "34201.1,4,14,20,500000,1",
        "34201.2,3,14,30,500000,1",
    ]
    lots = (100, 170, 70, 40, 0, 10, 60, 10, 60, 50, 30, 0)
    book = [f"500100,5,500000,{n}" if n else "500100,5,-9999999999,0" for n in lots]
    feed = read_lobster(*write(tmp_path, messages, book))
    sample = Sample(100, seed=1)
    for commands, published in feed.reconciled():
        sample.take(commands, published)
    assert sorted(sample.ids.tolist()) == [12, 13, 14]  # 11 and 20 found no best price to join
    test = Neighbours(feed, sample)
    found = test.run()
    fates = {p.neighbour: (p.first, p.filled, p.executed) for p in test.probes}
    at = feed.midnight + 34_200 * 10**9
    assert fates == {
        12: (at + 4 * 10**8, at + 4 * 10**8, 70),
        13: (None, None, 0),
        14: (at + 11 * 10**8, at + 11 * 10**8, 20),
    }
    assert (found["executed_whole"], found["filled_with_it"], found["never_executed"], found["not_filled"]) == (1, 1, 1, 1)
    assert found["causes"] == {}


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_a_price_time_market_agrees_whole(tmp_path, levels):
    """However few levels are published: a price that has left the window is no longer judged."""
    executed = never = 0
    for seed in range(4):
        found = neighbours(read_lobster(*write(tmp_path, *Crowd(seed, levels).run(1500))))
        executed, never = executed + found["executed_whole"], never + found["never_executed"]
        assert (found["filled_with_it"], found["not_filled"]) == (found["executed_whole"], found["never_executed"]), found
    assert min(executed, never) > 10


def test_another_priority_does_not(tmp_path):
    found = neighbours(read_lobster(*write(tmp_path, *Crowd(1, 5, -1).run(3000))))
    assert found["executed_percent"] < 60
    assert set(found["causes"]) <= set(CAUSES)
    assert found["causes"]["passed_over"] > 20


def test_a_made_up_day_agrees_whole():
    found = neighbours(synthetic_flow(1, messages=20_000))
    assert found["executed_whole"] > 100
    assert (found["executed_percent"], found["never_percent"]) == (100, 100)


def test_the_seed_alone_draws():
    feed = synthetic_flow(1, messages=20_000)
    assert neighbours(feed, 200, 1) == neighbours(feed, 200, 1)
    assert neighbours(feed, 200, 1) != neighbours(feed, 200, 2) | {"seed": 1}
    assert neighbours(feed, 200, 2)["seed"] == 2


@pytest.mark.parametrize("levels", [5, 1])
def test_a_real_day_agrees_but_for_hidden_lots(levels):
    found = neighbours(read_lobster(real(f"*AMZN*_{levels}.zip")))
    judged = found["executed_whole"] + found["never_executed"]
    agree = found["filled_with_it"] + found["not_filled"]
    assert found["executed_whole"] > 300
    assert agree + sum(found["causes"].values()) == judged
    assert agree + found["causes"].get("hidden_lots", 0) >= 0.995 * judged


def test_no_probe_joins_while_the_exchange_takes_no_orders(tmp_path):
    feed = read_lobster(*write(tmp_path, *Crowd(1, 5).run(500)))
    sample = Sample(100, seed=1)
    for commands, published in feed.reconciled():
        sample.take(commands, published)
    test = Neighbours(feed, sample)
    test.exchange.send(halt("X"))
    assert (test.run()["probes"], test.places, test.living) == (0, set(), {})
