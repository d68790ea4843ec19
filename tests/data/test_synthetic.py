"""The embedded market: the same bytes everywhere, a book that never contradicts itself, and the manners of a real one."""

import hashlib
import os
import subprocess
import sys
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data.synthetic.flow import synthetic_flow
from engine import Exchange
from engine.messages.vocabulary import Flag, Kind, Side
from engine.state.arrays import COUNTERS

HOUR_NS = 3_600 * 10**9
OPEN_NS = 1_767_623_400 * 10**9  # 2026-01-05 14:30 UTC
DIGEST = "2e913bfef8fd162fe164ffa850d760cb68a95d2c07ab42c818c07fa4579ffd99"


def digest(rows):
    return hashlib.sha256(rows.tobytes()).hexdigest()


class Book:
    """Price-time queues, written plainly: every command must fit what stands there."""

    def __init__(self):
        self.orders = {}  # id -> [side, price, open]
        self.levels = ({}, {})  # price -> ids in time order

    def best(self, side):
        return (max if side == Side.BUY else min)(self.levels[side], default=None)

    def rest(self, number, side, price, lots):
        other = self.best(1 - side)
        assert other is None or (price < other if side == Side.BUY else price > other), "crossed"
        self.orders[number] = [side, price, lots]
        self.levels[side].setdefault(price, OrderedDict())[number] = True

    def take(self, number, side, price, lots):
        assert self.orders[number][:2] == [side, price]
        assert 0 < lots <= self.orders[number][2]
        self.orders[number][2] -= lots
        if self.orders[number][2] == 0:
            del self.orders[number], self.levels[side][price][number]
            if not self.levels[side][price]:
                del self.levels[side][price]

    def apply(self, kind, number, side, price, lots):
        if kind == Kind.ADD:
            assert number not in self.orders
            self.rest(number, side, price, lots)
        elif kind == Kind.REDUCE:
            self.take(number, side, price, lots)
        elif kind == Kind.EXECUTE:
            assert price == self.best(side)
            assert number == next(iter(self.levels[side][price])), "not the head of its queue"
            self.take(number, side, price, lots)
        elif kind == Kind.MODIFY:
            was_side, was_price, was = self.orders[number]
            assert was_side == side
            if price == was_price:
                assert lots < was  # an equal one would leave open whether it keeps its place
                self.take(number, side, price, was - lots)
            else:
                self.take(number, side, was_price, was)
                self.rest(number, side, price, lots)
        elif kind == Kind.PRINT:
            assert self.best(Side.BUY) < price < self.best(Side.SELL)


def replayed(rows):
    """(n, 4): best bid, its lots, best ask, its lots after each command, from the first where both sides stand."""
    book, seen = Book(), []
    for command in rows[["kind", "order_id", "side", "price", "quantity"]].tolist():
        book.apply(*command)
        bid, ask = book.best(Side.BUY), book.best(Side.SELL)
        if bid is not None and ask is not None:
            lots = [sum(book.orders[i][2] for i in book.levels[s][p]) for s, p in ((0, bid), (1, ask))]
            seen.append((bid, lots[0], ask, lots[1]))
    return np.array(seen), book


@pytest.fixture(scope="module")
def day():
    return synthetic_flow(messages=60_000).commands()


@pytest.fixture(scope="module")
def quotes(day):
    return replayed(day)[0]


def test_the_bytes_of_a_seed_never_change():
    assert digest(synthetic_flow(messages=20_000).commands()) == DIGEST


def test_same_arguments_same_bytes_other_seed_other_day():
    one, same, other = (synthetic_flow(seed, messages=3_000) for seed in (3, 3, 4))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert digest(one.commands()) == digest(same.commands()) != digest(other.commands())


def test_uncompiled_gives_the_same_bytes():
    code = "import sys; from data.synthetic.flow import synthetic_flow as f; sys.stdout.buffer.write(f(messages=1500).commands().tobytes())"
    env, root = os.environ | {"NUMBA_DISABLE_JIT": "1"}, Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, check=True)
    assert done.stdout == synthetic_flow(messages=1500).commands().tobytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 8},
        {"symbols": "OTHER"},
        {"messages": 101},
        {"date": "2026-01-06"},
        {"tick": "0.02"},
        {"price": "99.00"},
        {"volatility": "0.02"},
        {"lot": "10"},
        {"taker_fee": "0.0001"},
    ],
)
def test_every_argument_is_in_the_fingerprint(changed):
    assert synthetic_flow(**{"messages": 100} | changed).fingerprint != synthetic_flow(messages=100).fingerprint


@pytest.mark.parametrize(
    "options",
    [
        {"messages": 60_000},
        {"messages": 15_000, "price": "0.20"},
        {"messages": 15_000, "price": "1000", "tick": "1", "volatility": "0.5"},
        {"messages": 15_000, "volatility": 0},
    ],
)
@pytest.mark.parametrize("seed", [7, 8])
def test_replayed_alone_it_never_contradicts_itself(seed, options):
    _, book = replayed(synthetic_flow(seed, **options).commands())
    assert len(book.orders) > 100
    assert min(len(levels) for levels in book.levels) > 5


def test_the_exchange_finds_nothing_to_mend():
    feed = synthetic_flow(symbols=("A", "B"), messages=20_000)
    rows = feed.commands()
    exchange = Exchange(feed.instruments)
    assert Kind.CommandRejected not in exchange.run(rows)["kind"]
    assert {name: int(exchange.state.session[0][name]) for name in COUNTERS} == dict.fromkeys(COUNTERS, 0)
    for number, symbol in enumerate("AB"):
        seen, _ = replayed(rows[rows["instrument"] == number])
        (bid, bid_lots, _), (ask, ask_lots, _) = (side[0] for side in exchange.book(symbol).levels(1))
        assert [bid * 100, bid_lots, ask * 100, ask_lots] == pytest.approx(seen[-1])


def test_few_messages_are_only_the_opening_book():
    for messages in (1, 2, 100, 240):
        rows = synthetic_flow(messages=messages).commands()
        assert len(rows) == messages
        assert set(rows["kind"].tolist()) == {Kind.ADD}
        assert set(rows["ts"].tolist()) == {OPEN_NS}
        replayed(rows)


def test_one_flow_stands_before_the_rows_of_one_aggressor(day):
    starts = np.flatnonzero(day["kind"] == Kind.FLOW)
    ends = np.append(starts[1:], len(day))
    for start, end in zip(starts, ends):
        flow = day[start]
        taken = [row for row in day[start + 1 : end] if row["ts"] == flow["ts"]]
        assert sum(int(row["quantity"]) for row in taken) == flow["quantity"] > 0
        assert taken[-1]["price"] == flow["price"]
        assert flow["order_id"] == flow["row"] == 0
        if taken[0]["kind"] == Kind.PRINT:
            assert [row["kind"] for row in taken] == [Kind.PRINT]
            assert flow["flags"] == taken[0]["flags"] == Flag.HIDDEN
            assert flow["side"] == taken[0]["side"]
        else:
            assert {(int(row["kind"]), int(row["side"]), int(row["flags"])) for row in taken} == {(Kind.EXECUTE, 1 - flow["side"], 0)}
    executed = np.isin(day["kind"], [Kind.EXECUTE, Kind.PRINT])
    assert (np.maximum.accumulate(np.where(day["kind"] == Kind.FLOW, day["ts"], 0))[executed] == day["ts"][executed]).all()


def test_rows_ids_and_times(day):
    message = day["kind"] != Kind.FLOW
    assert (day["row"][message] == np.arange(1, 60_001)).all()
    assert (np.diff(day["ts"]) >= 0).all()
    assert day["ts"][0] == OPEN_NS
    assert OPEN_NS + 6.49 * HOUR_NS < day["ts"][-1] < OPEN_NS + 6.5 * HOUR_NS
    added = day["order_id"][day["kind"] == Kind.ADD]
    assert (added == np.arange(1, len(added) + 1)).all()


def test_the_day_follows_new_york():
    summer = synthetic_flow(messages=1, date="2026-07-01").commands()["ts"][0]
    assert summer % (24 * HOUR_NS) == 13.5 * HOUR_NS
    assert OPEN_NS % (24 * HOUR_NS) == 14.5 * HOUR_NS


def test_spread_depth_and_price_look_like_a_market(quotes):
    bid, bid_lots, ask, ask_lots = quotes[1000:].T
    spread = ask - bid
    assert 0.7 < (spread <= 2).mean() < 0.98
    assert 1.2 < spread.mean() < 2.2
    for lots in (bid_lots, ask_lots):
        assert 100 <= np.median(lots) <= 600
    mid = (bid + ask) / 2
    assert 0.3 < np.diff(mid[::200]).std() * np.sqrt(len(mid) / 200) / 100 < 3  # percent a day
    assert abs(np.corrcoef(np.diff(mid[::100])[1:], np.diff(mid[::100])[:-1])[0, 1]) < 0.3


def test_a_day_of_the_default_size_is_as_volatile_as_asked():
    ranges = []
    for seed in range(8):
        rows = synthetic_flow(seed).commands()
        price = rows["price"][rows["kind"] == Kind.EXECUTE]
        ranges.append((price[-1] - price[0]) / price[0])
    assert 0.006 < np.sqrt(np.mean(np.square(ranges))) < 0.024


def test_shares_of_the_kinds(day):
    share = {kind: (day["kind"] == kind).sum() / 60_000 for kind in Kind}
    assert 0.40 < share[Kind.ADD] < 0.55
    assert 0.30 < share[Kind.REDUCE] < 0.50
    assert 0.01 < share[Kind.MODIFY] < 0.06
    assert 0.03 < share[Kind.EXECUTE] < 0.15
    assert 0.001 < share[Kind.PRINT] < 0.03


def test_sizes_have_round_lots_and_a_power_law_tail(day):
    sizes = np.sort(day["quantity"][day["kind"] == Kind.ADD])
    assert 0.4 < (sizes % 100 == 0).mean() < 0.7
    tail = sizes[-len(sizes) // 100 :]
    assert 1.2 < 1 / np.mean(np.log(tail / tail[0])) < 2.6  # Hill's estimate of the exponent


def test_arrivals_cluster_and_follow_the_hour(day):
    event = day["ts"][np.append(True, np.diff(day["ts"]) > 0)][1:] - OPEN_NS
    for window, least in ((10**7, 1.3), (10**9, 2), (10**10, 5)):
        counts = np.bincount(event // window)
        assert counts.var() / counts.mean() > least
    halves = np.bincount(event // (HOUR_NS // 2), minlength=13)
    assert halves[0] > 2 * halves[6]
    assert halves[12] > 1.3 * halves[6]


def test_the_longer_queue_pushes_the_price_away(quotes):
    bid, bid_lots, ask, ask_lots = quotes[1000:].T
    change = np.diff(bid + ask)
    moves = np.flatnonzero(change)
    after = np.searchsorted(moves, np.arange(len(change)))
    after, known = after[after < len(moves)], after < len(moves)
    up = change[moves[after]] > 0
    imbalance = ((bid_lots - ask_lots) / (bid_lots + ask_lots))[:-1][known]
    assert up[imbalance > 0.7].mean() - up[imbalance < -0.7].mean() > 0.1


def test_many_symbols_share_the_messages_and_no_id():
    feed = synthetic_flow(symbols={"A": 3, "B": 1, "C": "0.5"}, messages=9_000, price={"A": 100, "B": "20.00", "C": 5})
    rows = feed.commands()
    message = rows["kind"] != Kind.FLOW
    assert [i.symbol for i in feed.instruments] == ["A", "B", "C"]
    assert (abs(np.bincount(rows["instrument"][message]) - [6000, 2000, 1000]) <= 2).all()
    assert (rows["row"][message] == np.arange(1, 9_001)).all()
    assert (np.diff(rows["ts"]) >= 0).all()
    added = rows["order_id"][rows["kind"] == Kind.ADD]
    assert len(np.unique(added)) == len(added)
    for number in range(3):
        replayed(rows[rows["instrument"] == number])
    with pytest.raises(ValueError, match="has 3 instruments"):
        _ = feed.instrument


def test_a_symbol_trades_the_same_alone_and_in_company():
    alone = synthetic_flow(symbols="A", messages=1_000).commands()
    both = synthetic_flow(symbols=("B", "A"), messages=2_000).commands()
    both = both[both["instrument"] == 1]
    for field in ("ts", "kind", "side", "price", "quantity", "flags"):
        assert (alone[field] == both[field]).all()


def test_batches_are_the_commands_in_pieces():
    feed = synthetic_flow(messages=1_000)
    pieces = list(feed.batches(300))
    assert max(map(len, pieces)) == 300
    assert digest(np.concatenate(pieces)) == digest(feed.commands())
    assert feed.instrument.symbol == "TAPE"
    with pytest.raises(ValueError, match="read-only"):
        pieces[0]["ts"][0] = 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"symbols": ()}, "at least one symbol"),
        ({"symbols": ("A", "A")}, "none twice"),
        ({"symbols": {"A": 1, "B": 0}}, "every share must be above 0"),
        ({"messages": 0}, "messages is 0"),
        ({"symbols": ("A", "B"), "messages": 1}, r"from 2 \(one for each symbol\)"),
        ({"date": "5 January"}, "write it as YYYY-MM-DD"),
        ({"price": "100.005"}, "must be whole ticks of 0.01"),
        ({"price": "0.19"}, "20 of them or more"),
        ({"price": {"B": 1}}, "no price for TAPE"),
        ({"volatility": -1}, "volatility is -1"),
        ({"volatility": "much"}, "volatility: 'much' is not a number"),
        ({"tick": 0}, "tick is 0"),
    ],
)
def test_what_cannot_be_is_named(options, said):
    with pytest.raises(ValueError, match=said):
        synthetic_flow(**options)


def test_times_within_a_symbol_are_of_one_event_each(day):
    """No two events share a time, so rows of one time are one event."""
    after_open = day[day["ts"] > OPEN_NS]
    for one, other in pairwise(after_open):
        if one["ts"] == other["ts"]:
            assert one["kind"] == Kind.FLOW or one["kind"] == other["kind"] == Kind.EXECUTE
