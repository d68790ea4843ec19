"""What is told of a market-data file: its inventory, and how much of it price-time matching fills, with hindsight and without."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from data import merge, read_lobster, synthetic_flow
from data.feed import DataError
from data.quality.check import check_feed, describe_feed
from data.quality.table import data_table
from engine.messages.vocabulary import Side
from tests.naive.hindsight import judge
from tests.naive.lobster import TICK, Market

REAL = Path(__file__).parents[3] / "shared" / "data" / "lobster"
NAME = "{symbol}_2012-06-21_34200000_57600000_message_5.csv"


class Crowd(Market):
    """A market of few prices, where whole levels come and go out of sight; `first` says which order of a level trades (0: the oldest)."""

    def __init__(self, seed, levels, first=0):
        self.first = first
        super().__init__(seed, levels)

    def add(self):
        side = Side(self.chance.randrange(2))
        away, other = TICK * (1 + int(self.chance.triangular(0, 9, 2))), self.best(1 - side)
        price = max(TICK, other - away) if side == Side.BUY else other + away
        before, size = self.published(), self.chance.choice([100, 100, 100, 200, 50, self.chance.randrange(1, 300)])
        self.last_id += self.chance.randrange(1, 9)
        self.orders[self.last_id] = [side, price, size]
        self.tell(1, self.last_id, size, price, side, before)

    def trade(self):
        side, size = Side(self.chance.randrange(2)), self.chance.choice([50, 100, 150, 400])
        while size and any(order[0] == side for order in self.orders.values()):
            price = self.best(side)
            order_id = [i for i, order in self.orders.items() if order[:2] == [side, price]][self.first]
            before, part = self.published(), min(size, self.orders[order_id][2])
            self.lessen(order_id, part)
            self.tell(4, order_id, part, price, side, before)
            size -= part


def write(folder, messages, book, symbol="X"):
    """A LOBSTER file pair; returns what `read_lobster` takes."""
    path = folder / NAME.format(symbol=symbol)
    path.write_text("".join(f"{line}\n" for line in messages))
    beside = folder / path.name.replace("message", "orderbook")
    beside.write_text("".join(f"{line}\n" for line in book))
    return path, beside


def real(pattern):
    found = sorted(REAL.glob(pattern))
    if not found:
        pytest.skip(f"{pattern} not present")
    return found[0]


# ------------------------------------------------------------------ aggressors


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_with_hindsight_a_price_time_market_is_matched_whole(tmp_path, levels):
    """However few levels are published: orders come, go and shrink beyond them, and what the exchange takes for them is then wrong."""
    aggressors = without = 0
    for seed in range(6):
        found = check_feed(read_lobster(*write(tmp_path, *Crowd(seed, levels).run(1000))))
        assert found["identical"] == found["aggressors"] > 0
        assert (found["identical_percent"], found["violations"]) == (100, [])
        assert (found["seen_identical"], found["contradictions"]) == (found["seen"], 0)
        aggressors, without = aggressors + found["aggressors"], without + found["identical_without_hindsight"]
    assert 0.8 * aggressors < without < aggressors


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
@pytest.mark.parametrize("first", [0, -1], ids=["price-time", "newest first"])
def test_the_naive_judge_says_the_same(tmp_path, levels, first):
    for seed in range(100, 103):
        messages, book = Crowd(seed, levels, first).run(600)
        found = check_feed(read_lobster(*write(tmp_path, messages, book)))
        aggressors, bad = judge(messages, book)
        assert (found["aggressors"], found["identical"]) == (aggressors, aggressors - len(bad))
        assert [violation["row"] for violation in found["violations"]] == bad[:5]
        assert (found["identical"] < 0.4 * aggressors) == (first == -1)


def test_hindsight_does_not_excuse_who_was_in_sight(tmp_path):
    """Order 12 came after 11 and is filled before it; 11 stays, in sight, and no row ever names it again."""
    messages = ["34200.1,1,11,100,500000,1", "34200.2,1,12,70,500000,1", "34200.3,4,12,30,500000,1", "34200.4,4,12,40,500000,1"]
    bids = ["100", "170", "140", "100"]
    found = check_feed(read_lobster(*write(tmp_path, messages, [f"500100,5,500000,{lots}" for lots in bids])))
    assert (found["aggressors"], found["identical"], found["seen"], found["seen_identical"]) == (2, 0, 2, 0)
    assert found["violations"] == [
        {
            "row": row,
            "time": f"2012-06-21 09:30:00.{row}00000000-04:00",
            "file": f"{lots} of order 12 at 50.00",
            "matching": f"{lots} of order 11 at 50.00",
        }
        for row, lots in ((3, 30), (4, 40))
    ]


def test_an_order_that_left_unseen_and_one_that_came_unseen(tmp_path):
    """One level is published. While 50.01 hides 50.00, order 11 leaves and order 13 comes: the lots are as before, the queue is not."""
    messages = [
        "34200.1,1,11,100,500000,1",
        "34200.2,1,12,70,500000,1",
        "34200.3,1,14,10,500100,1",
        "34200.4,3,14,10,500100,1",
        "34200.5,4,12,70,500000,1",
        "34200.5,4,13,60,500000,1",
    ]
    book = ["500200,5,500000,100", "500200,5,500000,170", "500200,5,500100,10", "500200,5,500000,170", "500200,5,500000,100"]
    found = check_feed(read_lobster(*write(tmp_path, messages, [*book, "500200,5,500000,40"])))
    assert (found["aggressors"], found["identical"], found["identical_without_hindsight"], found["seen"]) == (1, 1, 0, 0)
    swapped = [*messages[:4], "34200.5,4,13,60,500000,1", "34200.5,4,12,70,500000,1"]
    found = check_feed(read_lobster(*write(tmp_path, swapped, [*book[:4], "500200,5,500000,110", "500200,5,500000,40"])))
    assert (found["identical"], found["violations"][0]["matching"]) == (0, "60 of order 12 at 50.00")


def test_batches_do_not_matter(tmp_path):
    feed = read_lobster(*write(tmp_path, *Crowd(5, 2, -1).run(800)))
    small = read_lobster(feed.messages.path, feed.orderbook.path)
    read = small.reconciled
    small.reconciled = lambda: read(7)
    assert check_feed(small) == check_feed(feed)


def test_without_a_published_book_nothing_is_hidden_nor_seen(tmp_path):
    found = check_feed(synthetic_flow(1, messages=3000))
    assert found["aggressors"] == found["identical"] == found["identical_without_hindsight"] > 0
    assert (found["contradictions"], found["seen"], found["seen_identical"], found["published_levels"]) == (None, None, None, 0)


def test_a_deep_book_is_filled_whole():
    for symbol, aggressors in (("MSFT", 35), ("AAPL", 63)):
        found = check_feed(read_lobster(real(f"{symbol}*message*"), real(f"{symbol}*orderbook*")))
        assert (found["aggressors"], found["identical"], found["identical_without_hindsight"]) == (aggressors,) * 3


def test_a_real_day_violates_price_time_nine_times():
    """The same nine whether five levels are published or one; without hindsight they stand out among the aggressors that are seen."""
    wide, narrow = (check_feed(read_lobster(real(f"*AMZN*_{levels}.zip"))) for levels in (5, 1))
    for found in (wide, narrow):
        assert (found["aggressors"], found["identical"], found["identical_percent"]) == (6591, 6582, 99.863)
        assert found["contradictions"] == 0
    assert [(v["time"], v["file"]) for v in wide["violations"]] == [(v["time"], v["file"]) for v in narrow["violations"]]
    assert wide["seen"] - wide["seen_identical"] == 9


def test_the_naive_judge_says_the_same_of_a_real_day():
    path = real("*AMZN*_5.zip")
    with zipfile.ZipFile(path) as zipped:
        texts = [zipped.read(next(n for n in zipped.namelist() if what in n)).decode().split()[:9000] for what in ("message", "orderbook")]
    assert judge(*texts)[1] == [v["row"] for v in check_feed(read_lobster(path))["violations"]][:2]


# ------------------------------------------------------------------ inventory


MESSAGES = [
    "34200.1,1,11,100,500000,1",
    "34200.2,1,12,70,500100,-1",
    "34200.3,2,11,30,500000,1",
    "34200.4,5,0,20,500050,-1",
    "34200.5,5,0,20,500050,-1",
    "34200.5,4,12,70,500100,-1",
    "34200.6,7,0,0,-1,-1",
]
BOOK = ["9999999999,0,500000,100", *["500100,70,500000,100"], *["500100,70,500000,70"] * 3, *["9999999999,0,500000,70"] * 2]


def test_what_a_file_holds(tmp_path):
    feed = read_lobster(*write(tmp_path, MESSAGES, BOOK))
    assert describe_feed(feed) == {
        "name": "X 2012-06-21",
        "files": {"messages": feed.messages.name, "orderbook": feed.orderbook.name},
        "fingerprint": feed.fingerprint[:12],
        "published_levels": 1,
        "messages": 7,
        "rows": {"adds": 2, "reduces": 1, "executes": 1, "prints": 2, "halts": 1},
        "first": "2012-06-21 09:30:00.100000000-04:00",
        "last": "2012-06-21 09:30:00.600000000-04:00",
        "symbol": "X",
        "tick": "0.01",
        "order_prices": {"lowest": "50.00", "highest": "50.01"},
        "order_quantities": {"lowest": "70", "highest": "100"},
        "trade_prices": {"lowest": "50.005", "highest": "50.01"},
        "trade_quantities": {"lowest": "20", "highest": "70"},
        "volume": "110",
        "hidden_volume": "40",
        "aggressors": 1,
        "hidden_aggressors": 1,
    }


def test_what_several_markets_hold(tmp_path):
    other = read_lobster(*write(tmp_path, MESSAGES[:1], BOOK[:1], "Y"))
    found = describe_feed(merge([read_lobster(*write(tmp_path, MESSAGES, BOOK)), other]))
    assert (found["name"], found["messages"], found["published_levels"]) == ("X 2012-06-21 + Y 2012-06-21", 8, 0)
    assert list(found["symbols"]) == ["X", "Y"]
    assert found["symbols"]["X"]["volume"] == "110"
    assert found["symbols"]["Y"]["order_prices"] == {"lowest": "50.00", "highest": "50.00"}
    assert found["symbols"]["Y"]["trade_prices"] is None
    assert found["first"] == "2012-06-21 09:30:00.100000000-04:00"


def test_what_cannot_be_checked_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has 2 instruments"):
        check_feed(synthetic_flow(1, symbols=["A", "B"], messages=100))
    feed = read_lobster(*write(tmp_path, [*MESSAGES, "34200.7,9,1,1,500000,1"], [*BOOK, BOOK[-1]]))
    for ask in (describe_feed, check_feed):
        with pytest.raises(DataError, match="line 8, field type: '9' is not a type of message"):
            ask(feed)


def test_an_empty_feed_holds_nothing(tmp_path):
    feed = read_lobster(*write(tmp_path, MESSAGES, BOOK)).until(0)
    for found in (describe_feed(feed), check_feed(feed)):
        assert (found["messages"], found["rows"], found["first"], found["last"]) == (0, {}, None, None)
    assert check_feed(feed)["identical_percent"] is None


@pytest.mark.parametrize("many", [False, True], ids=["one symbol", "two symbols"])
def test_a_terminal_of_80_columns_shows_it_all(tmp_path, many):
    feed = read_lobster(*write(tmp_path, *Crowd(5, 2, -1).run(800)))
    said = [describe_feed(synthetic_flow(1, symbols=["A", "B"], messages=2000))] if many else [describe_feed(feed), check_feed(feed)]
    for one in said:
        assert json.loads(json.dumps(one)) == one
        console = Console(width=80, record=True, color_system=None, file=io.StringIO())
        console.print(data_table(one))
        text = console.export_text()
        assert max(map(len, text.splitlines())) <= 80
        for name in one:
            assert name in ("symbols", "files") or name.rstrip("s").replace("_", " ") in text
        assert ("None" in text, "{" in text, "…" in text) == (False, False, False)
    assert many or f"row {said[1]['violations'][0]['row']:,} at 2012-06-21 09:30" in text
