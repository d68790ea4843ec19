"""The LOBSTER reader: exact times, one command a row, one FLOW an aggressor, and a book that follows the published one."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data import read_lobster, replay
from data.feed import DataError
from data.quality.check import check_feed
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Flag, Kind, Side
from tests.naive.lobster import FIELDS, Market, read, replayed

REAL = Path(__file__).parents[3] / "shared" / "data" / "lobster"
MIDNIGHT = 1_340_251_200 * 10**9  # 2012-06-21 04:00 UTC is midnight in New York
BUY, SELL = int(Side.BUY), int(Side.SELL)
NAME = "X_2012-06-21_34200000_57600000_message_2.csv"


def write(folder, messages, book=None):
    """A LOBSTER file pair; returns what `read_lobster` takes."""
    paths = [folder / NAME]
    paths[0].write_text("".join(f"{line}\n" for line in messages))
    if book is not None:
        paths.append(folder / NAME.replace("message", "orderbook"))
        paths[1].write_text("".join(f"{line}\n" for line in book))
    return paths


def tuples(commands):
    return [tuple(int(c[field]) for field in FIELDS) for c in commands]


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


def real(pattern):
    found = sorted(REAL.glob(pattern))
    if not found:
        pytest.skip(f"{pattern} not present")
    return found[0]


# ------------------------------------------------------------------ rows


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("34200", 34_200_000_000_000),
        ("34200.5", 34_200_500_000_000),
        ("34200.017459617", 34_200_017_459_617),
        ("34200.0174596174", 34_200_017_459_617),
        ("34200.0174596175", 34_200_017_459_618),
        ("34200.99999999999", 34_201_000_000_000),
        ("57599.95935965", 57_599_959_359_650),
        ("0.000000001", 1),
    ],
)
def test_times_are_exact(tmp_path, text, ns):
    feed = read_lobster(*write(tmp_path, [f"{text},1,5,100,500000,1"]))
    assert told(feed, "ts") == [(MIDNIGHT + ns,)]


def test_time_zone_follows_the_date(tmp_path):
    (path,) = write(tmp_path, ["34200.0,1,5,100,500000,1"])
    unnamed = path.rename(tmp_path / "mine.csv")
    summer, winter = (read_lobster(unnamed, symbol="X", date=day).commands()["ts"][0] for day in ("2012-06-21", "2012-12-21"))
    assert winter - summer == (183 * 24 + 1) * 3600 * 10**9
    london = read_lobster(unnamed, symbol="X", date="2012-06-21", time_zone="Europe/London").commands()["ts"][0]
    assert summer - london == 5 * 3600 * 10**9


def test_each_row_is_one_command(tmp_path):
    feed = read_lobster(
        *write(
            tmp_path,
            [
                "34200.1,1,11,100,500000,1",
                "34200.2,1,12,70,500100,-1",
                "34200.3,2,11,30,500000,1",
                "34200.4,3,11,70,500000,1",
                "34200.5,6,-1,500,500050,-1",
                "34200.6,7,0,0,-1,-1",
                "34200.7,7,0,0,1,-1",
                "34200.8,4,12,70,500100,-1",
            ],
        )
    )
    assert told(feed, "row", "kind", "order_id", "side", "price", "quantity") == [
        (1, Kind.ADD, 11, BUY, 500000, 100),
        (2, Kind.ADD, 12, SELL, 500100, 70),
        (3, Kind.REDUCE, 11, BUY, 500000, 30),
        (4, Kind.REDUCE, 11, BUY, 500000, 70),
        (5, Kind.PRINT, 0, BUY, 500050, 500),
        (6, Kind.HALT, 0, 0, 0, 0),
        (7, Kind.RESUME, 0, 0, 0, 0),
        (0, Kind.FLOW, 0, BUY, 500100, 70),
        (8, Kind.EXECUTE, 12, SELL, 500100, 70),
    ]
    assert feed.instrument.symbol == "X"
    assert feed.instrument.tick_units == 100


def test_one_aggressor_is_one_flow(tmp_path):
    """And one more for each price, better than its worst, at which it took hidden lots: those never reach what lies beyond."""
    feed = read_lobster(
        *write(
            tmp_path,
            [
                "34200.1,4,1,100,500000,-1",  # a buyer sweeps two prices, and finds a hidden order between them
                "34200.1,5,0,50,500050,-1",
                "34200.1,4,2,30,500100,-1",
                "34200.1,4,3,10,499900,1",  # at the same time a seller
                "34200.2,5,0,20,499950,1",  # hidden alone
                "34200.2,1,9,20,499000,1",  # anything else ends an aggressor
                "34200.2,5,0,20,499940,1",
            ],
        )
    )
    flows = feed.commands()
    assert tuples(flows[flows["kind"] == Kind.FLOW]) == [
        (Kind.FLOW, MIDNIGHT + 34_200_100_000_000, 0, BUY, 500050, 180, Flag.CONTINUED, 0),
        (Kind.FLOW, MIDNIGHT + 34_200_100_000_000, 0, BUY, 500100, 130, 0, 0),
        (Kind.FLOW, MIDNIGHT + 34_200_100_000_000, 0, SELL, 499900, 10, 0, 0),
        (Kind.FLOW, MIDNIGHT + 34_200_200_000_000, 0, SELL, 499950, 20, Flag.HIDDEN, 0),
        (Kind.FLOW, MIDNIGHT + 34_200_200_000_000, 0, SELL, 499940, 20, Flag.HIDDEN, 0),
    ]
    assert [int(c["row"]) for c in flows] == [0, 0, 1, 2, 3, 0, 4, 0, 5, 6, 0, 7]


def test_the_published_book_is_followed(tmp_path):
    """Two levels are published. What comes into view is revealed or removed right after the message that brought it into view."""
    messages = [
        "34200.1,1,11,10,999900,1",
        "34200.2,3,90,30,1000000,1",  # the best bid leaves: 9998 comes into view
        "34200.3,1,12,5,1000000,1",  # 9998 is out of view again, where 15 lots leave
        "34200.4,3,12,5,1000000,1",
    ]
    asks = "1000100,40,{bid},{lots},9999999999,0,{deep},{left}"
    book = [
        asks.format(bid=1000000, lots=30, deep=999900, left=10),
        asks.format(bid=999900, lots=10, deep=999800, left=25),
        asks.format(bid=1000000, lots=5, deep=999900, left=10),
        asks.format(bid=999900, lots=10, deep=999800, left=10),
    ]
    feed = read_lobster(*write(tmp_path, messages, book))
    assert told(feed, "kind", "flags", "side", "price", "quantity", "row") == [
        (Kind.REVEAL, Flag.OPENING, BUY, 1000000, 30, 0),
        (Kind.REVEAL, Flag.OPENING, SELL, 1000100, 40, 0),
        (Kind.ADD, 0, BUY, 999900, 10, 1),
        (Kind.REDUCE, 0, BUY, 1000000, 30, 2),
        (Kind.REVEAL, 0, BUY, 999800, 25, 0),
        (Kind.ADD, 0, BUY, 1000000, 5, 3),
        (Kind.REDUCE, 0, BUY, 1000000, 5, 4),
        (Kind.REMOVE, 0, BUY, 999800, 15, 0),
    ]
    counts = {name: feed.counts[name] for name in ("messages", "opening", "reveals", "revealed_lots", "removes", "removed_lots")}
    assert counts == {"messages": 4, "opening": 2, "reveals": 1, "revealed_lots": 25, "removes": 1, "removed_lots": 15}


# ------------------------------------------------------------------ against the naive twin


@pytest.mark.parametrize("levels", [1, 2, 3, 7])
def test_the_naive_reader_says_the_same(tmp_path, levels):
    for seed in range(8):
        messages, book = Market(seed, levels).run(300)
        expected = read(messages, book, MIDNIGHT)
        assert tuples(read_lobster(*write(tmp_path, messages, book)).commands()) == expected
        assert tuples(read_lobster(write(tmp_path, messages)[0], "none").commands()) == read(messages, None, MIDNIGHT)


@pytest.mark.parametrize("levels", [1, 2, 3, 7])
def test_the_exchange_replays_what_was_published(tmp_path, levels):
    """Within the window of the row before, message k on the reconciled book gives row k; the naive book agrees on every level."""
    for seed in range(8):
        messages, book = Market(seed, levels).run(300)
        feed = read_lobster(*write(tmp_path, messages, book))
        commands = read(messages, book, MIDNIGHT)
        for resync in (True, False):
            assert replay(feed, levels + 2, resync).tolist() == replayed(commands, levels + 2, resync)
        found = check_feed(feed)
        assert (found["contradictions"], found["reconciliation"]["unknown_lots"], found["in_order"]) == (0, 0, True)
        assert found["seen"] == found["seen_identical"] > 0
        assert found["identical"] == found["aggressors"] > 0


@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_batches_do_not_depend_on_their_size(tmp_path, rows):
    messages, book = Market(1, 3).run(400)
    feed = read_lobster(*write(tmp_path, messages, book))
    whole, parts = feed.commands(), list(feed.batches(rows))
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert len(parts) > len(messages) // (4 * rows)
    shown = [published for _, published in feed.reconciled(rows)]
    assert np.concatenate(shown).tolist() == [list(map(int, line.split(","))) for line in book]


def test_a_book_of_few_rows_grows(tmp_path):
    """More levels than the reader begins with room for."""
    messages = [f"34200.{k:04d},1,{k + 1},10,{1000000 - 100 * k},1" for k in range(2000)]
    book = [f"9999999999,0,1000000,10,9999999999,0,{1000000 - 100 * k if k else -9999999999},{10 if k else 0}" for k in range(2000)]
    book = [row if k < 2 else book[1] for k, row in enumerate(book)]
    feed = read_lobster(*write(tmp_path, messages, book))
    assert tuples(feed.commands()) == read(messages, book, MIDNIGHT)


def test_zip_and_files_are_the_same(tmp_path):
    messages, book = Market(2, 2).run(100)
    paths = write(tmp_path, messages, book)
    packed = tmp_path / "day.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in paths:
            zipped.write(path, path.name)
        zipped.writestr("ReadMe.txt", "hello")
    from_zip = read_lobster(packed)
    assert (from_zip.name, from_zip.date.isoformat()) == ("X 2012-06-21", "2012-06-21")
    assert from_zip.commands().tobytes() == read_lobster(*paths).commands().tobytes()


def test_line_ends_and_a_seventh_column_do_not_matter(tmp_path):
    lines = ["34200.1,1,11,100,500000,1", "34200.2,1,12,70,500100,-1"]
    plain = read_lobster(*write(tmp_path, lines)).commands().tobytes()
    path = tmp_path / NAME
    for text in ("\r\n".join(lines), "\n".join(lines) + "\n\n", "".join(f"{line},null\n" for line in lines)):
        path.write_bytes(text.encode())
        assert read_lobster(path).commands().tobytes() == plain


# ------------------------------------------------------------------ what is wrong is told


GOOD = ["34200.1,1,5,100,500000,1", "34200.2,1,6,100,500100,-1"]
GOOD_BOOK = ["9999999999,0,500000,100", "500100,100,500000,100"]
BAD_MESSAGES = [
    ("34200.2,1,x,100,500100,-1", "line 2, field order_id: 'x' is not a whole number"),
    ("34200.2,1,6,100.5,500100,-1", "line 2, field size: '100.5' is not a whole number"),
    ("34x,1,6,100,500100,-1", "line 2, field time: '34x' is not a number of seconds"),
    (",1,6,100,500100,-1", "line 2, field time: '' is not a number of seconds"),
    ("34200.2,1,6,100,500100,1 ", "line 2, field direction: '1 ' is not a whole number"),
    ("34200.2,1,6,100,500100,-1,7", "line 2: has 7 columns, not 6"),
    ("34200.2,1,6,100,500100", "line 2: has 5 columns, not 6"),
    ("", "line 2: is empty"),
    ("34200.0999,1,6,100,500100,-1", "line 2, field time: '34200.0999' is before the line above"),
    ("342000,1,6,100,500100,-1", "line 2, field time: '342000' is not a time of day"),
    ("34200.2,8,6,100,500100,-1", "line 2, field type: '8' is not a type of message"),
    ("34200.2,0,6,100,500100,-1", "line 2, field type: '0' is not a type of message"),
    ("34200.2,1,0,100,500100,-1", "line 2, field order_id: '0' is not an order's id"),
    ("34200.2,1,6,0,500100,-1", "line 2, field size: '0' is not a size"),
    ("34200.2,4,6,-5,500100,-1", "line 2, field size: '-5' is not a size"),
    ("34200.2,1,6,4294967296,500100,-1", "line 2, field size: '4294967296' is not a size"),
    ("34200.2,1,6,100,500150,-1", "line 2, field price: '500150' is off the tick 0.01; read the file with tick=\"0.0001\""),
    ("34200.2,1,6,100,0,-1", "line 2, field price: '0' is out of range"),
    ("34200.2,1,6,100,2147483700,-1", "line 2, field price: '2147483700' is out of range"),
    ("34200.2,1,6,100,500100,0", "line 2, field direction: '0' is not a direction"),
    ("34200.2,1,6,99999999999999999999,500100,-1", "line 2, field size: '99999999999999999999' is not a whole number"),
]
BAD_BOOKS = [
    ("500100,100,500000", "line 2: has 3 columns, not 4"),
    ("500100,100,500000,100,1,1,1,1", "line 2: has 8 columns, not 4"),
    ("500100,100,x,100", "line 2, field bid price 1: 'x' is not a whole number"),
    ("500100,-1,500000,100", "line 2, field ask size 1: '-1' is not a level's size"),
    ("500150,100,500000,100", "line 2, field ask price 1: '500150' is off the tick 0.01"),
    ("9999999999,5,500000,100", "line 2, field ask price 1: '9999999999' is out of range"),
]


def refusal(*paths, **options):
    with pytest.raises(DataError) as caught:
        read_lobster(*paths, **options).commands()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    return caught.value


@pytest.mark.parametrize(("line", "said"), BAD_MESSAGES)
def test_a_bad_message_is_named(tmp_path, line, said):
    rest = GOOD[1:] * 3 if line == "" else []
    paths = write(tmp_path, [GOOD[0], line, *rest])
    error = refusal(*paths)
    assert str(error).startswith(str(paths[0]))
    assert said in str(error)
    assert (error.file, error.line) == (str(paths[0]), 2)


@pytest.mark.parametrize(("line", "said"), BAD_BOOKS)
def test_a_bad_book_row_is_named(tmp_path, line, said):
    paths = write(tmp_path, GOOD, [GOOD_BOOK[0], line])
    error = refusal(*paths)
    assert str(error).startswith(str(paths[1]))
    assert said in str(error)


def test_levels_out_of_order_are_named(tmp_path):
    for row in ("500100,1,500000,100,500100,1,499900,1", "500100,1,500000,100,9999999999,0,500100,1"):
        error = refusal(*write(tmp_path, GOOD[:1], [row]))
        assert "is out of order" in str(error)
        assert error.field in ("ask price 2", "bid price 2")


def test_prices_between_cents_need_a_finer_tick(tmp_path):
    paths = write(tmp_path, [*GOOD, "34200.3,1,7,100,9950,1"])
    assert "off the tick" in str(refusal(*paths))
    feed = read_lobster(*paths, tick="0.0001")
    assert feed.instrument.tick_units == 1
    assert len(feed.commands()) == 3


def test_files_that_do_not_belong_together(tmp_path):
    for book, said in ((GOOD_BOOK[:1], "ends after 1 rows"), ([*GOOD_BOOK, GOOD_BOOK[1]], "has 3 rows")):
        paths = write(tmp_path, GOOD, book)
        error = refusal(*paths)
        assert str(error).startswith(str(paths[1]))
        assert said in str(error)


def test_files_that_are_not_there_or_broken(tmp_path):
    paths = write(tmp_path, GOOD, GOOD_BOOK)
    assert "no such file" in str(refusal(tmp_path / "none.csv", symbol="X", date="2012-06-21"))
    assert "no such file" in str(refusal(tmp_path / "none.zip", symbol="X", date="2012-06-21"))
    assert "is a folder" in str(refusal(tmp_path, symbol="X", date="2012-06-21"))
    assert "no such file" in str(refusal(paths[0], tmp_path / "none.csv"))
    paths[0].write_text("")
    assert "is empty" in str(refusal(*paths))
    paths[0].write_bytes(b"\x00" * 3_000_000)
    assert "seems to be a binary file" in str(refusal(paths[0]))
    paths[0].write_bytes(b"1,2,3,4,5,6" * 300_000)
    assert "no line breaks" in str(refusal(paths[0]))


def test_zips_that_are_broken(tmp_path):
    messages, book = Market(3, 2).run(200)
    packed = tmp_path / "day.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in write(tmp_path, messages, book):
            zipped.write(path, path.name)
    whole = packed.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:500] + bytes(200) + whole[700:]):
        packed.write_bytes(broken)
        assert "broken or cut short" in str(refusal(packed, symbol="X", date="2012-06-21"))
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("readme.txt", "nothing else")
    assert "holds 0 message and 0 orderbook files" in str(refusal(packed))


def test_symbol_and_day_come_from_the_name_or_are_asked_for(tmp_path):
    paths = write(tmp_path, GOOD)
    other = tmp_path / "mine.csv"
    shutil.copy(paths[0], other)
    assert "--symbol" in str(refusal(other))
    assert "--date" in str(refusal(other, symbol="Y"))
    assert "is not a day" in str(refusal(other, symbol="Y", date="21.6.2012"))
    assert read_lobster(other, symbol="Y", date="2012-06-21").name == "Y 2012-06-21"
    with pytest.raises(ValueError, match="time zone 'Mars/Olympus' is not known"):
        read_lobster(paths[0], time_zone="Mars/Olympus")


# ------------------------------------------------------------------ real days


def published(path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as zipped:
            name = next(name for name in zipped.namelist() if "orderbook" in name)
            return np.loadtxt(zipped.open(name), delimiter=",", dtype=np.int64)
    return np.loadtxt(path, delimiter=",", dtype=np.int64)


def test_fifty_levels_replay_by_themselves():
    messages, book = real("MSFT*message*"), real("MSFT*orderbook*")
    feed = read_lobster(messages, book)
    rows = published(book)[:, :40]
    assert np.array_equal(replay(feed, depth=10), rows)
    assert replayed(tuples(feed.commands()), 10, False) == rows.tolist()


def test_deep_books_execute_at_the_head():
    found = check_feed(read_lobster(real("MSFT*message*"), real("MSFT*orderbook*")))
    assert (found["executions"], found["head_executions"]) == (110, 110)
    assert (found["aggressors"], found["identical"], found["contradictions"]) == (35, 35, 0)
    found = check_feed(read_lobster(real("AAPL*message*"), real("AAPL*orderbook*")))
    assert (found["aggressors"], found["identical"], found["contradictions"]) == (63, 63, 0)


def test_a_day_of_five_levels_follows_its_book():
    """Real violations of price-time priority are in the data: less than 1 in 200 aggressors, with hindsight or where the queue is seen."""
    path = real("*AMZN*_5.zip")
    feed = read_lobster(path)
    found = check_feed(feed)
    assert (found["messages"], found["contradictions"], found["crossed"]) == (155_935, 0, 0)
    assert found["reconciliation"]["unknown_lots"] == 0
    assert found["aggressors"] == 6591
    assert found["seen"] > 5000
    assert 0.995 < found["seen_identical"] / found["seen"] < 1
    assert 0.995 < found["identical"] / found["aggressors"] < 1


def test_the_naive_reader_says_the_same_of_a_real_day():
    path = real("*AMZN*_5.zip")
    with zipfile.ZipFile(path) as zipped:
        texts = {what: zipped.read(next(n for n in zipped.namelist() if what in n)).decode().split() for what in ("message", "orderbook")}
    commands = read_lobster(path).commands()
    expected = read(texts["message"][:20_000], texts["orderbook"][:20_000], MIDNIGHT)
    assert commands.dtype == COMMAND
    assert tuples(commands[: len(expected)]) == expected
