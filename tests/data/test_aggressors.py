"""What a recorded aggressor fills of ours: held against a merged queue that is written out, order by order, hidden lots too."""

from random import Random

import numpy as np
import pytest

import tapebook as tb
from data.lobster.reader import read_lobster
from data.quality.check import check_feed, describe_feed
from engine import Exchange
from engine.messages.vocabulary import Kind, OrderType, Side
from tests.support.streams import as_array

TICK = 100
NS = 10**9
NAME = "X_2012-06-21_34200000_57600000_message_1.csv"


def rows_file(folder, rows):
    """A message file of (seconds, type, id, size, price, direction)."""
    path = folder / NAME
    path.write_text("".join(f"{time:.9f},{','.join(map(str, rest))}\n" for time, *rest in rows))
    return path


def ours(feed, number, side, price, lots, seconds):
    terms = {"order_id": number, "type": OrderType.LIMIT, "side": side, "price": price, "quantity": lots, "portfolio": 0, "trader": 0}
    return {"kind": Kind.NEW, "ts": feed.midnight + int(seconds * NS)} | terms


def our_fills(feed, orders, rows=65536):
    """[(order id, price, lots)] of ours, and the lots displaced."""
    history = np.concatenate(list(feed.batches(rows)))
    commands = np.concatenate([history, as_array(orders)])
    exchange = Exchange(feed.instruments)
    exchange.run(commands[np.argsort(commands["ts"], kind="stable")])
    trades = exchange.facts[exchange.facts["kind"] == Kind.TradeExecuted]
    return trades[["maker_order_id", "price", "quantity"]].tolist(), int(exchange.state.session[0]["displaced"])


def take(queue, lots):
    """What a taker of `lots` takes of a merged queue of (price, is hidden, place, whose, id, lots), sorted best first."""
    taken = []
    for entry in queue:
        part = min(lots, entry[-1])
        lots -= part
        if part:
            taken.append((*entry[:-1], part))
    return taken


def made(chance):
    """A queue of ours, of history's and hidden ones, and what the record says of one aggressor that never met ours."""
    sign = chance.choice((1, -1))  # of prices: the lower the better for a buyer
    queue = []
    for place in range(1, chance.randrange(4, 12)):
        whose = chance.choice(("history", "history", "ours", "hidden"))
        price = sign * (1_000_000 + sign * chance.randrange(5) * TICK + (TICK // 2 if whose == "hidden" and chance.random() < 0.3 else 0))
        queue.append((price, whose == "hidden", place, whose, place, chance.randrange(1, 30)))
    queue.sort()
    record = take([entry for entry in queue if entry[3] != "ours"], chance.randrange(1, 150))
    return sign, queue, record


@pytest.mark.parametrize("seed", range(4))
def test_ours_are_filled_as_in_a_merged_queue(tmp_path, seed):
    chance, some = Random(seed), 0
    for _ in range(40):
        sign, queue, record = made(chance)
        if not record:
            continue
        if chance.random() < 0.3:
            chance.shuffle(record)  # the file's order within an aggressor says nothing
        direction = -sign
        rows = [(34200 + e[2], 1, e[4], e[5], sign * e[0], direction) for e in sorted(queue, key=lambda e: e[2]) if e[3] == "history"]
        rows += [(34300, 5 if e[1] else 4, 0 if e[1] else e[4], e[5], sign * e[0], direction) for e in record]
        rows += [(34400, 1, 99, 1, 1_000_000 - sign * 100 * TICK, -direction)] if chance.random() < 0.5 else []
        feed = read_lobster(rows_file(tmp_path, rows))
        resting = Side.SELL if sign == 1 else Side.BUY
        orders = [ours(feed, e[4], resting, sign * e[0], e[5], 34200 + e[2]) for e in queue if e[3] == "ours"]
        expected = [(e[4], sign * e[0], e[5]) for e in take(queue, sum(e[5] for e in record)) if e[3] == "ours"]
        beyond = max(e[0] for e in record)  # its worst price: nothing says that it would have gone on
        expected = [fill for fill in expected if sign * fill[1] <= beyond]
        assert our_fills(feed, orders, chance.choice((1, 2, 65536))) == (expected, sum(lots for *_, lots in expected))
        some += bool(expected) and any(e[1] for e in record)
    assert some > 3


HIDDEN_THEN_A = [(5, 5, 0, 50, 1_000_500, 1), (5, 4, 1, 100, 1_000_000, 1)]


@pytest.mark.parametrize(
    ("price", "aggressor", "filled"),
    [
        (1_000_000, HIDDEN_THEN_A, 0),
        (1_000_600, HIDDEN_THEN_A, 20),
        (1_000_000, [(5, 4, 1, 100, 1_000_000, 1), (5, 5, 0, 50, 999_500, 1)], 20),
        (1_000_000, [(5, 5, 0, 50, 1_000_000, 1), (5, 4, 1, 100, 1_000_000, 1)], 20),
        (1_000_000, [(5, 5, 0, 50, 1_000_500, 1), (5, 5, 0, 30, 1_000_300, 1), (5, 4, 1, 100, 1_000_000, 1)], 0),
        (1_000_400, [(5, 5, 0, 50, 1_000_500, 1), (5, 5, 0, 30, 1_000_300, 1), (5, 4, 1, 100, 1_000_000, 1)], 20),
        (1_000_000, [(5, 5, 0, 130, 1_000_500, 1)], 0),
        (1_000_000, [(5, 5, 0, 130, 999_900, 1)], 20),  # alone: after what is displayed at A's price
    ],
)
def test_hidden_lots_at_better_prices_never_reach_ours(tmp_path, price, aggressor, filled):
    """Ours, 20 lots, stands behind A, 100 lots at 100.00; at a price of its own it is alone there."""
    rows = [(0, 1, 1, 100, 1_000_000, 1), (0.1, 1, 9, 10, 1_010_000, -1), *aggressor, (6, 1, 3, 1, 990_000, 1)]
    feed = read_lobster(rows_file(tmp_path, [(34200 + time, *rest) for time, *rest in rows]))
    fills, displaced = our_fills(feed, [ours(feed, 7, Side.BUY, price, 20, 34200.5)])
    assert fills == ([(7, price, filled)] if filled else [])
    assert displaced == filled


# ---------------------------------------------------------------------- halts and crosses


class Timer(tb.Strategy):
    every = "1min"

    def on_timer(self):
        self.buy(10)


def test_a_halt_of_the_venue_halts_our_orders(tmp_path):
    book = [(34200.1, 1, 11, 100, 1_000_000, 1), (34200.2, 1, 12, 100, 1_001_000, -1)]
    halt = [(34201, 7, 0, 0, -1, -1), (34300, 4, 11, 50, 1_000_000, 1), (34500, 7, 0, 0, 0, -1), (34501, 7, 0, 0, 1, -1)]
    feed = read_lobster(rows_file(tmp_path, [*book, *halt, (34700, 1, 13, 100, 900_000, 1)]))
    result = tb.Backtest(feed, Timer).run(out=None)
    times = result.fills["ts"]
    resumed = feed.midnight + 34501 * NS
    assert len(times)
    assert all(int(ts.timestamp()) * NS >= resumed - NS for ts in times.to_list())
    assert describe_feed(feed)["rows"] == {"adds": 3, "executes": 1, "halts": 1, "resumes": 1, "notices": 1}
    assert check_feed(feed)["rows"] == describe_feed(feed)["rows"]


def test_our_resting_order_stays_and_does_not_trade_in_a_halt(tmp_path):
    rows = [(34200, 1, 11, 100, 1_000_000, 1), (34201, 7, 0, 0, -1, -1), (34202, 4, 11, 60, 1_000_000, 1), (34203, 7, 0, 0, 1, -1)]
    feed = read_lobster(rows_file(tmp_path, [*rows, (34204, 4, 11, 40, 1_000_000, 1)]))
    assert our_fills(feed, [ours(feed, 7, Side.BUY, 1_000_100, 70, 34200.5)])[0] == [(7, 1_000_100, 40)]


@pytest.mark.parametrize("batch", [1, 2, 65536])
@pytest.mark.parametrize("at", range(3))
def test_a_cross_counts_its_volume_once(tmp_path, at, batch):
    """Its executions are messages of their own, before or after it: it prints what they do not."""
    book = [(34200, 1, 11, 100, 1_000_000, 1), (34200, 1, 12, 50, 1_000_000, 1)]
    parts = [(34201, 4, 11, 100, 1_000_000, 1), (34201, 4, 12, 50, 1_000_000, 1)]
    for size, volume in ((500, 500), (150, 150)):
        cross = [*parts[:at], (34201, 6, -1, size, 1_000_000, 1), *parts[at:]]
        feed = read_lobster(rows_file(tmp_path, [*book, *cross, (34202, 6, -1, 30, 1_000_000, 1)]))
        commands = np.concatenate(list(feed.batches(batch)))
        printed = commands[np.isin(commands["kind"], (Kind.PRINT, Kind.EXECUTE))]
        assert int(printed["quantity"].sum()) == volume + 30
        assert commands["row"][commands["row"] > 0].tolist() == [1, 2, 3, 4, 5, 6]
