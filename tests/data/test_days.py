"""Several days as one feed: what stands between two of them, what may differ, merged days; and the exchange equals its twin on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from data import Feed, days, merge, read_lobster
from data.feed import BATCH_ROWS, Commands, DataError
from data.formats import open_feed, reopen
from data.quality.replay import replay
from data.several_days import CLOSING
from engine import Instrument
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Flag, Kind
from tests.naive.lobster import Market
from tests.support import invariants
from tests.support.streams import BOOK_KINDS, Setting
from tests.support.twins import Pair
from tests.support.worlds import World

NEW_YORK = ZoneInfo("America/New_York")
DATES = ("2012-06-21", "2012-06-22", "2012-06-25")


class Rows(Feed):
    """A day of given rows: (ts, kind, instrument, order_id)."""

    time_zone = "America/New_York"

    def __init__(self, name: str, symbols: list[Instrument], *rows: tuple[int, ...]) -> None:
        self.name, self.instruments, self.counts = name, symbols, {}
        self.rows = np.array([(ts, *rest) for ts, *rest in rows], [(n, np.int64) for n in ("ts", "kind", "instrument", "order_id")])

    @property
    def fingerprint(self) -> str:
        return f"{self.name} {self.rows.tobytes().hex()}"

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        made = np.zeros(len(self.rows), COMMAND)
        for field in self.rows.dtype.names or ():
            made[field] = self.rows[field]
        made["row"] = 1
        for start in range(0, len(made), rows):
            yield made[start : start + rows]


def at(day: int, clock: str) -> int:
    """ns UTC of a time in New York, on a day of January 2026."""
    return int(datetime.fromisoformat(f"2026-01-{day:02d}T{clock}").replace(tzinfo=NEW_YORK).timestamp()) * 10**9


def told(commands: Commands, *fields: str) -> list[tuple[Any, ...]]:
    return [tuple(Kind(row[name]).name if name == "kind" else int(row[name]) for name in ("ts", "kind", *fields)) for row in commands]


A, B = Instrument("A", "0.01"), Instrument("B", "0.01")


def lobster(folder: Path, number: int, symbol: str = "X", levels: int = 2, events: int = 300) -> Path:
    """The message file of a day, its order book beside it; the number is the seed, too."""
    folder.mkdir(exist_ok=True)
    messages, book = Market(number, levels).run(events)
    path = folder / f"{symbol}_{DATES[number]}_34200000_57600000_message_{levels}.csv"
    path.write_text("\n".join(messages) + "\n")
    path.with_name(path.name.replace("message", "orderbook")).write_text("\n".join(book) + "\n")
    return path


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [lobster(tmp_path / "market", number) for number in range(3)]


# ------------------------------------------------------------------ what stands between two days


@pytest.mark.parametrize("size", [1, 2, BATCH_ROWS])
def test_between_two_days(size: int) -> None:
    closes, opens = at(5, "16:00"), at(6, "09:30")
    first = Rows("first", [A, B], (at(5, "09:30"), Kind.ADD, 0, 7), (at(5, "15:00"), Kind.HALT, 1, 0), (closes, Kind.ADD, 1, 8))
    second = Rows("second", [B, A], (opens, Kind.ADD, 0, 7), (opens, Kind.ADD, 1, 9), (at(6, "10:00"), Kind.NOTICE, 0, 0))
    feed = days([first, second])
    assert ([one.symbol for one in feed.instruments], feed.time_zone) == (["A", "B"], "America/New_York")
    commands = np.concatenate(list(feed.batches(size)))
    assert told(commands, "instrument", "order_id", "row") == [
        (at(5, "09:30"), "ADD", 0, 7, 1),
        (at(5, "15:00"), "HALT", 1, 0, 1),
        (closes, "ADD", 1, 8, 1),
        (closes + 1, "CLEAR", 0, 0, 0),
        (closes + 1, "CLEAR", 1, 0, 0),
        (closes + CLOSING, "END_OF_DAY", 0, 0, 0),
        (closes + CLOSING, "END_OF_DAY", 1, 0, 0),
        (opens, "RESUME", 1, 0, 0),
        (opens, "START_OF_DAY", 0, 0, 0),
        (opens, "ADD", 1, 7, 1),
        (opens, "ADD", 0, 9, 1),
        (at(6, "10:00"), "NOTICE", 1, 0, 1),
    ]
    assert feed.until(closes + 1).commands().tobytes() == first.commands().tobytes()


def test_days_that_touch_and_days_without_rows() -> None:
    """Nothing between two days is later than the first row of the second; a day without rows is none."""
    empty = Rows("holiday", [A])
    close = days([empty, Rows("1", [A], (10, Kind.ADD, 0, 1)), empty, Rows("2", [A], (10, Kind.ADD, 0, 1)), empty]).commands()
    assert told(close) == [(10, "ADD"), (10, "CLEAR"), (10, "END_OF_DAY"), (10, "START_OF_DAY"), (10, "ADD")]


def test_one_day_is_that_day(three: list[Path]) -> None:
    feed = read_lobster(three[0])
    assert days([feed]) is feed
    with pytest.raises(ValueError, match="days needs at least one"):
        days([])


# ------------------------------------------------------------------ what does not fit


def test_days_out_of_order_name_both(three: list[Path]) -> None:
    with pytest.raises(
        DataError, match=rf"{three[0].name}: is of 2012-06-21, and .*{three[1].name} before it of 2012-06-22; name the days"
    ):
        days([three[1], three[0]])
    with pytest.raises(DataError, match="each once"):
        days([three[1], three[1]])
    late, early = (Rows(name, [A], (at(5, clock), Kind.ADD, 0, 1)) for name, clock in (("late", "10:00"), ("early", "09:59")))
    with pytest.raises(DataError, match=r"early: begins at 2026-01-05 09:59:00, before late ends at 2026-01-05 10:00:00; name the days"):
        days([late, early]).commands()


@pytest.mark.parametrize("field", ["tick", "lot", "price_unit", "currency", "multiplier", "maker_fee", "taker_fee", "negative_prices"])
def test_terms_that_differ_name_both_files_and_the_field(field: str) -> None:
    other = {"tick": "0.02", "price_unit": "0.005", "lot": "2", "currency": "EUR", "multiplier": 2, "negative_prices": True}.get(
        field, "0.01"
    )
    changed = Instrument("A", **{"tick": "0.01", field: other, **({"price_unit": "0.01"} if field == "tick" else {})})
    with pytest.raises(DataError, match=rf"^second, field {field}: is \S+ for A, but \S+ in first; an instrument's terms must be the same"):
        days([Rows("first", [A]), Rows("second", [changed])])


def test_a_symbol_that_is_not_always_there() -> None:
    with pytest.raises(DataError, match=r"^second, field symbol: has no B, unlike first; each symbol must be there on every day"):
        days([Rows("first", [A, B]), Rows("second", [A])])
    with pytest.raises(DataError, match=r"^first, field symbol: has no B, unlike second"):
        days([Rows("first", [A]), Rows("second", [A, B])])


# ------------------------------------------------------------------ files


def test_a_list_a_folder_and_a_pattern_are_one_feed(three: list[Path]) -> None:
    folder = three[0].parent
    feeds = [days(three), days(folder), days(str(folder / "X_*")), days([read_lobster(path) for path in three])]
    assert len({feed.fingerprint for feed in feeds}) == 1
    assert {feed.name for feed in feeds} == {"X 2012-06-21 to X 2012-06-25, 3 days"}
    assert feeds[0].fingerprint not in {days(three[:2]).fingerprint, days(three, orderbook="none").fingerprint}
    assert days(three[0]).name == "X 2012-06-21"
    lobster(folder, 0, "Y")
    assert days(folder, symbol="X").fingerprint == feeds[0].fingerprint
    with pytest.raises(DataError, match=r"unlike .*; each symbol must be there on every day"):
        days(folder)
    for nothing, said in (((folder / "none_*"), "no such files"), (folder / "none", "no such file")):
        with pytest.raises(DataError, match=said):
            days(nothing)
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no …_message_….csv and no zip; name the files"):
        days(folder / "empty")


def test_days_are_opened_again_as_they_were(three: list[Path], tmp_path: Path) -> None:
    other = [lobster(tmp_path / "other", number, "Y") for number in range(3)]
    both = merge([days(three), days([open_feed("lobster", path) for path in other])])
    assert both.origin is not None
    assert reopen(both.origin, both.fingerprint).commands().tobytes() == both.commands().tobytes()
    assert days([read_lobster(path) for path in three]).origin is None
    other[1].write_text(other[1].read_text() + "57500.0,1,99,100,990000,1\n")
    with pytest.raises(DataError, match=rf"{three[0].name}: the data changed since the run; put the original files back \(it has 6"):
        reopen(both.origin, both.fingerprint)


def test_the_book_is_that_of_each_day_alone(three: list[Path]) -> None:
    for resync in (False, True):
        alone = [replay(read_lobster(path), 2, resync) for path in three]
        assert np.array_equal(replay(days(three), 2, resync), np.concatenate(alone))
    published = [shown for path in three for _, shown in read_lobster(path).reconciled()]
    assert np.array_equal(np.concatenate([shown for _, shown in days(three).reconciled(50)]), np.concatenate(published))
    mixed = days([read_lobster(three[0]), read_lobster(three[1], "none")])
    assert (days(three).levels, mixed.levels) == (2, 0)
    assert {shown.shape[1] for _, shown in mixed.reconciled()} == {0}


# ------------------------------------------------------------------ many symbols, many days


def test_merged_days_begin_once() -> None:
    """By the date of the START_OF_DAY on the clock of its feed; B has a day more, C is a market of one day."""
    a = days([Rows("a1", [A], (at(5, "10:00"), Kind.ADD, 0, 1)), Rows("a3", [A], (at(7, "09:31"), Kind.ADD, 0, 1))])
    b = days([Rows(f"b{day}", [B], (at(day, "09:30"), Kind.ADD, 0, 1), (at(day, "16:00"), Kind.ADD, 0, 2)) for day in (5, 6, 7)])
    c = Rows("c", [Instrument("C", "0.01")], (at(6, "12:00"), Kind.ADD, 0, 1))
    merged = merge([a, b, c])
    for size in (1, BATCH_ROWS):
        commands = np.concatenate(list(merged.batches(size)))
        begun = commands[commands["kind"] == Kind.START_OF_DAY]
        assert told(begun, "instrument") == [(at(6, "09:30"), "START_OF_DAY", 0), (at(7, "09:30"), "START_OF_DAY", 0)]
        assert np.all(np.diff(commands["ts"]) >= 0)
        ends = commands[commands["kind"] == Kind.END_OF_DAY]
        assert sorted(zip(ends["instrument"].tolist(), ends["ts"].tolist())) == [
            (0, at(5, "10:00") + CLOSING),
            (1, at(5, "16:00") + CLOSING),
            (1, at(6, "16:00") + CLOSING),
        ]


def test_mornings_of_one_time_stand_behind_every_end() -> None:
    """And a feed that has two days on one date begins both."""
    a, b = (
        days([Rows(f"{one.symbol}{k}", [one], (ts, Kind.ADD, 0, 1)) for k, ts in enumerate((10, 10, 20))])
        for one in (A, B)
    )  # fmt: skip
    found = merge([a, b]).commands()
    kinds = [kind for ts, kind in told(found) if kind != "ADD"]
    assert kinds == ["CLEAR", "END_OF_DAY", "CLEAR", "END_OF_DAY", "START_OF_DAY"] + ["CLEAR"] * 2 + ["END_OF_DAY"] * 2 + ["START_OF_DAY"]


def test_markets_of_different_clocks_share_a_day_by_its_date() -> None:
    """Tokyo's day begins before New York's of the same date."""
    tokyo = days([Rows(f"t{day}", [B], (at(day, "20:00"), Kind.ADD, 0, 1)) for day in (4, 5)])
    tokyo.time_zone = "Asia/Tokyo"
    york = days([Rows(f"y{day}", [A], (at(day, "09:30"), Kind.ADD, 0, 1)) for day in (5, 6)])
    found = merge([york, tokyo]).commands()
    assert told(found[found["kind"] == Kind.START_OF_DAY]) == [(at(5, "20:00"), "START_OF_DAY")]


# ------------------------------------------------------------------ on an exchange


@dataclass(frozen=True)
class AtHundred(World):
    """Where the made-up LOBSTER market trades."""

    def middle(self, instrument: int) -> int:
        return 1_000_000


@pytest.mark.parametrize("seed", range(3))
def test_twin_on_several_days(seed: int, tmp_path: Path) -> None:
    """Clients' orders among three days of history, many around the closes: both exchanges tell the same facts."""
    feed = days([lobster(tmp_path / str(seed), number, events=200 + seed) for number in range(3)])
    history = feed.commands()
    setting = Setting(
        AtHundred(feed.instruments), strange=0.0, kinds={kind: BOOK_KINDS[kind] for kind in (Kind.NEW, Kind.CANCEL, Kind.REPLACE)}
    )
    own, chance = setting.stream(seed).take(900), np.random.default_rng(seed)
    near = history["ts"][chance.integers(0, len(history), 600)]
    closes = history["ts"][history["kind"] == Kind.CLEAR].repeat(150) + chance.integers(-(10**9), 3 * 10**9, 300)
    own["ts"] = np.sort(np.concatenate([near, closes]))
    both = np.concatenate([history, own])
    pair = Pair(setting.world)
    facts = pair.run(both[np.argsort(both["ts"], kind="stable")])
    pair.compare_states()
    pair.compare_orders()
    invariants.hold(pair.exchange)
    kinds = facts["kind"].tolist()
    assert (kinds.count(Kind.HistoryCleared), kinds.count(Kind.DayEnded), kinds.count(Kind.DayStarted)) == (2, 2, 2)
    assert kinds.count(Kind.OrderExpired) > 5
    assert (facts["flags"][facts["kind"] == Kind.TradeExecuted] & Flag.TAKER_HISTORY).any()
