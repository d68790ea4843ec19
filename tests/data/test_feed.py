"""The contract of feeds, on every implementation: batches, fingerprints, the cache, cutting and merging."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import data
from data import Feed, days, merge, read_bars, read_lobster, synthetic_flow
from data.feed import count_commands
from engine import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from tests.naive.lobster import Market

SECOND = 10**9


class Rows(Feed):
    """A feed of one symbol from (ts, order_id) pairs."""

    def __init__(self, symbol, pairs, size=2):
        self.name, self.instruments, self.counts, self.size = symbol, [Instrument(symbol, "0.01")], {}, size
        self.rows = np.zeros(len(pairs), COMMAND)
        for row, (ts, order_id) in zip(self.rows, pairs):
            row["ts"], row["order_id"], row["kind"], row["row"] = ts, order_id, Kind.ADD, 1

    @property
    def fingerprint(self):
        return self.rows.tobytes().hex()[:64]

    def batches(self, rows=65536):
        for at in range(0, len(self.rows), self.size):
            yield self.rows[at : at + self.size]


def lobster(folder, seed=1, symbol="X", levels=2, date="2012-06-21"):
    messages, book = Market(seed, levels).run(300)
    name = f"{symbol}_{date}_34200000_57600000_message_{levels}.csv"
    paths = [folder / name, folder / name.replace("message", "orderbook")]
    for path, lines in zip(paths, (messages, book)):
        path.write_text("\n".join(lines) + "\n")
    return read_lobster(*paths)


def bars(folder):
    path = folder / "X.csv"
    days = [f"2012-06-{day:02d},10,{11 + day},9,{10 + day},400" for day in range(1, 29)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *days]))
    return read_bars(path)


def two_days(folder, symbol="X"):
    return days([lobster(folder, seed, symbol, date=f"2012-06-2{seed}") for seed in (1, 2)])


FEEDS = {
    "lobster": lobster,
    "messages alone": lambda folder: read_lobster(lobster(folder).messages.path, "none"),
    "bars": bars,
    "synthetic": lambda folder: synthetic_flow(1, messages=2000),
    "synthetic, two symbols": lambda folder: synthetic_flow(1, symbols=["A", "B"], messages=2000),
    "merged": lambda folder: merge([lobster(folder), lobster(folder, 2, "Y")]),
    "days": two_days,
    "merged days": lambda folder: merge([two_days(folder), two_days(folder, "Y")]),
    "until": lambda folder: lobster(folder).until(int(lobster(folder).commands()["ts"][100])),
}


@pytest.fixture(params=FEEDS.values(), ids=FEEDS.keys())
def feed(request, tmp_path):
    return request.param(tmp_path)


def bytes_of(batches):
    return np.concatenate(list(batches)).tobytes()


def test_batches_are_commands_in_time_order(feed):
    batches = list(feed.batches(20))
    assert len(batches) > 1
    commands = np.concatenate(batches)
    assert commands.dtype == COMMAND
    assert np.all(np.diff(commands["ts"]) >= 0)
    assert set(commands["instrument"].tolist()) == set(range(len(feed.instruments)))
    night = np.isin(commands["kind"], [Kind.CLEAR, Kind.END_OF_DAY, Kind.START_OF_DAY])
    assert np.all(night | ((commands["kind"] >= Kind.ADD) & (commands["kind"] <= Kind.REMOVE)))
    assert np.count_nonzero(night) == (2 * len(feed.instruments) + 1 if " days" in feed.name else 0)
    messages = commands[commands["row"] > 0]
    assert not np.isin(messages["kind"], [Kind.FLOW, Kind.REVEAL, Kind.REMOVE]).any()


def test_a_feed_can_be_read_again_in_other_batches(feed):
    whole = feed.commands().tobytes()
    for rows in (1, 17, 65536):
        assert bytes_of(feed.batches(rows)) == whole


def test_counts_are_of_the_commands(feed):
    commands = feed.commands()
    assert feed.counts == count_commands(commands)
    assert feed.counts["messages"] == np.count_nonzero(commands["row"])


def test_one_instrument_or_a_clear_word(feed):
    if len(feed.instruments) == 1:
        assert feed.instrument is feed.instruments[0]
    else:
        with pytest.raises(ValueError, match="has 2 instruments"):
            _ = feed.instrument


def test_the_cache_gives_the_same_commands(feed, tmp_path):
    cache = tmp_path / "cache"
    first = feed.commands(cache)
    path = cache / f"{feed.fingerprint}.npy"
    assert first.tobytes() == feed.commands().tobytes()
    assert isinstance(first, np.memmap)
    written, counts = path.stat().st_mtime_ns, dict(feed.counts)
    feed.counts = {}
    again = feed.commands(cache)
    assert again.tobytes() == first.tobytes()
    assert path.stat().st_mtime_ns == written
    assert feed.counts == counts
    assert {p.suffix for p in cache.iterdir()} == {".npy", ".json"}


@pytest.mark.parametrize("damage", ["cut", "garbled", "empty", "another kind of array"])
def test_a_broken_cache_is_made_again(tmp_path, damage):
    feed, cache = lobster(tmp_path), tmp_path / "cache"
    whole = feed.commands(cache).tobytes()
    path = cache / f"{feed.fingerprint}.npy"
    text = path.read_bytes()
    path.unlink()  # the memory map above keeps the old file
    path.write_bytes({"cut": text[:-100], "garbled": b"x" * 40 + text[40:], "empty": b""}.get(damage, b""))
    if damage == "another kind of array":
        np.save(path, np.arange(10))
    assert feed.commands(cache).tobytes() == whole
    path.with_suffix(".json").write_text("{")
    feed.counts = {}
    feed.commands(cache)
    assert feed.counts == count_commands(feed.commands())


def test_a_feed_that_fails_leaves_no_cache(tmp_path):
    feed, cache = lobster(tmp_path), tmp_path / "cache"
    path = feed.messages.path
    path.write_text(path.read_text().replace(",1\n", ",one\n"))
    with pytest.raises(ValueError, match="'one' is not a whole number"):
        feed.commands(cache)
    assert list(cache.iterdir()) == []


def test_fingerprints_tell_feeds_apart(tmp_path):
    def pair(name):
        folder = tmp_path / name
        folder.mkdir()
        return lobster(folder)

    first, copy = pair("first"), pair("second")
    assert first.fingerprint == copy.fingerprint
    path, book = first.messages.path, first.orderbook.path
    unnamed = tmp_path / "mine.csv"
    unnamed.write_bytes(path.read_bytes())
    others = [
        read_lobster(path, "none"),
        read_lobster(path, book, tick="0.0001"),
        read_lobster(unnamed, book, symbol="Z", date="2012-06-21"),
        read_lobster(unnamed, book, symbol="X", date="2012-06-22"),
        read_lobster(path, book, time_zone="UTC"),
        lobster(tmp_path, seed=2),
        first.until(10**19),
        merge([first, lobster(tmp_path, symbol="Y")]),
    ]
    assert len({first.fingerprint, *(feed.fingerprint for feed in others)}) == 1 + len(others)
    assert all(len(feed.fingerprint) == 64 for feed in others)


def test_until_leaves_out_what_comes_at_its_time(tmp_path):
    feed = lobster(tmp_path)
    commands = feed.commands()
    ts = int(commands["ts"][len(commands) // 2])
    assert bytes_of(feed.until(ts).batches(7)) == commands[commands["ts"] < ts].tobytes()
    assert list(feed.until(0).batches()) == []
    assert len(feed.until(0).commands()) == 0


def test_merge_is_stable_and_numbers_instruments():
    a = Rows("A", [(1, 11), (5, 12), (5, 13), (9, 14)])
    b = Rows("B", [(0, 21), (5, 22), (5, 23), (5, 24), (5, 25), (7, 26)])
    c = Rows("C", [(5, 31)])
    both = merge([a, b, c])
    assert [i.symbol for i in both.instruments] == ["A", "B", "C"]
    commands = both.commands()
    assert commands["order_id"].tolist() == [21, 11, 12, 13, 22, 23, 24, 25, 31, 26, 14]
    assert commands["instrument"].tolist() == [1, 0, 0, 0, 1, 1, 1, 1, 2, 1, 0]
    assert a.rows["instrument"].tolist() == [0] * 4


def test_merge_of_many_random_feeds_is_a_sort():
    chance = np.random.default_rng(7)
    feeds = []
    for k in range(5):
        times = np.sort(chance.integers(0, 40, chance.integers(0, 60)))
        feeds.append(Rows(f"S{k}", [(int(t), 1000 * k + j + 1) for j, t in enumerate(times)], size=int(chance.integers(1, 9))))
    expected = sorted(((int(r["ts"]), k, int(r["order_id"])) for k, feed in enumerate(feeds) for r in feed.rows))
    assert [(int(r["ts"]), int(r["instrument"]), int(r["order_id"])) for r in merge(feeds).commands()] == expected


def test_merge_wants_feeds_of_different_symbols():
    with pytest.raises(ValueError, match="A is in two of the feeds"):
        merge([Rows("A", []), Rows("A", [])])
    with pytest.raises(ValueError, match="at least one feed"):
        merge([])
    one = Rows("A", [(1, 1)])
    assert merge([one]) is one


def test_merge_and_until_keep_the_clock():
    a, b, utc = Rows("A", [(1, 11)]), Rows("B", [(1, 21)]), Rows("C", [(1, 31)])
    a.time_zone = b.time_zone = "America/New_York"
    assert [feed.time_zone for feed in (a.until(5), merge([a, b]), merge([a, b]).until(5), merge([a, utc]))] == ["America/New_York"] * 4
    b.time_zone = "Europe/Berlin"
    assert (merge([a, b]).time_zone, utc.until(5).time_zone) == ("UTC", "UTC")


def test_data_is_cheap_to_import():
    code = "import sys, json, data; print(json.dumps([m for m in ('numpy', 'numba', 'duckdb', 'polars') if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert json.loads(done.stdout) == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = data.nothing
