"""The ITCH reader: framing, one command a message, one FLOW an aggressor, every message held against its order."""

import gzip
import random
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data import read_itch
from data.feed import DataError, DataWarning
from engine.messages.vocabulary import Flag, Kind
from tests.data.itch_file import ItchFile

REAL = Path(__file__).parents[3] / "shared" / "data" / "itch"
MIDNIGHT = 1_577_682_000 * 10**9  # 2019-12-30 05:00 UTC is midnight in New York
NAME = "12302019.NASDAQ_ITCH50"
HIDDEN = int(Flag.HIDDEN)


def stored(folder, file, name=NAME, prefix="length"):
    path = folder / name
    path.write_bytes(file.blob(prefix) if isinstance(file, ItchFile) else file)
    return path


def told(feed, *fields):
    return [tuple(int(c[field]) for field in fields) for c in feed.commands()]


def real(name):
    found = REAL / name
    if not found.exists():
        pytest.skip(f"{name} not present")
    return found


def small():
    file = ItchFile()
    file.add(10, 1, "BUY", 100, 500000)
    file.add(11, 2, "SELL", 50, 500100)
    file.execute(12, 1, 40)
    file.cancel(13, 1, 10)
    file.replace(14, 2, 3, 70, 500200)
    file.delete(15, 3)
    return file


@pytest.mark.parametrize("prefix", ["length", "zeros", "none"])
@pytest.mark.parametrize("packed", [False, True])
def test_framings_give_the_same_commands(tmp_path, prefix, packed):
    blob = small().blob(prefix)
    path = stored(tmp_path, gzip.compress(blob) if packed else blob, NAME + (".gz" if packed else ""))
    kinds = [Kind.ADD, Kind.ADD, Kind.FLOW, Kind.EXECUTE, Kind.REDUCE, Kind.REDUCE, Kind.ADD, Kind.REDUCE]
    rows = [(10, 1, 500000, 100), (11, 2, 500100, 50), (12, 0, 500000, 40), (12, 1, 500000, 40), (13, 1, 500000, 10)]
    rows += [(14, 2, 500100, 50), (14, 3, 500200, 70), (15, 3, 500200, 70)]
    feed = read_itch(path)
    assert told(feed, "kind") == [(int(kind),) for kind in kinds]
    assert told(feed, "ts", "order_id", "price", "quantity") == [(MIDNIGHT + ts, *more) for ts, *more in rows]
    assert feed.checked == 1


def test_batches_do_not_change_the_commands(tmp_path):
    path = stored(tmp_path, market(400))
    whole = read_itch(path).commands()
    for rows in (1, 7, 100):
        assert np.array_equal(np.concatenate(list(read_itch(path).batches(rows))), whole)


def market(messages, seed=3):
    """A random day in which every message is right."""
    draw, file, open_orders, ids = random.Random(seed), ItchFile(("AAPL", "XYZ")), {}, 0
    for ns in range(10, 10 + messages):
        locate, what = draw.randrange(1, 3), draw.random()
        if what < 0.5 or not open_orders:
            ids += 1
            open_orders[ids] = (locate, draw.randrange(1, 100))
            file.add(ns, ids, draw.choice(["BUY", "SELL"]), open_orders[ids][1], 100 * draw.randrange(1, 50), locate)
            continue
        order = draw.choice(list(open_orders))
        locate, shares = open_orders.pop(order)
        if what < 0.7:
            file.delete(ns, order, locate)
        elif what < 0.8:
            ids += 1
            file.replace(ns, order, ids, shares, 100 * draw.randrange(1, 50), locate)
            open_orders[ids] = (locate, shares)
        else:
            part = draw.randrange(1, shares + 1)
            (file.execute if what < 0.9 else file.cancel)(ns, order, part, locate)
            if part < shares:
                open_orders[order] = (locate, shares - part)
    return file


def test_a_random_day_against_a_plain_book(tmp_path):
    """Open orders after all commands are those of a dictionary that follows itchfeed's messages."""
    itchfeed = pytest.importorskip("itch.parser")
    path = stored(tmp_path, market(3000))
    plain = {}
    with path.open("rb") as file:
        for message in itchfeed.MessageParser().parse_file(file):
            letter = chr(message.message_type[0])
            if letter == "A":
                plain[message.order_reference_number] = message.shares
            elif letter == "U":
                del plain[message.order_reference_number]
                plain[message.new_order_reference_number] = message.shares
            elif letter in "EXD":
                gone = {"E": "executed_shares", "X": "cancelled_shares"}.get(letter)
                open_shares = plain.pop(message.order_reference_number)
                left = open_shares - getattr(message, gone) if gone else 0
                if left:
                    plain[message.order_reference_number] = left
    ours = Counter()
    for c in read_itch(path).commands():
        if c["kind"] == Kind.ADD:
            ours[int(c["order_id"])] += int(c["quantity"])
        elif c["kind"] in (Kind.REDUCE, Kind.EXECUTE):
            ours[int(c["order_id"])] -= int(c["quantity"])
    assert {order: lots for order, lots in ours.items() if lots} == plain


def test_one_aggressor_is_one_flow(tmp_path):
    file = small()
    file.add(20, 5, "SELL", 10, 500300)
    file.add(20, 6, "SELL", 10, 500400)
    file.execute(21, 5, 10)
    file.execute(21, 6, 4)
    flows = [c for c in read_itch(stored(tmp_path, file)).commands() if c["kind"] == Kind.FLOW]
    assert (int(flows[-1]["quantity"]), int(flows[-1]["price"])) == (14, 500400)


def test_an_execution_at_another_price(tmp_path):
    file = small()
    file.add(20, 5, "SELL", 10, 500300)
    file.execute_at(21, 5, 4, 500250)
    file.execute_at(22, 5, 6, 500200, printed=False)
    rows = told(read_itch(stored(tmp_path, file)), "kind", "price", "quantity")[-4:]
    assert rows == [(Kind.FLOW, 500250, 4), (Kind.REDUCE, 500300, 4), (Kind.PRINT, 500250, 4), (Kind.REDUCE, 500300, 6)]


def test_hidden_trades_and_crosses(tmp_path):
    file = small()
    file.hidden(20, "SELL", 5, 500250)
    file.hidden(21, "BUY", 6, 500260)
    file.cross(22, 900, 500100)
    feed = read_itch(stored(tmp_path, file))
    rows = told(feed, "kind", "side", "quantity", "flags")
    assert rows[-6:] == [
        (Kind.FLOW, 0, 5, HIDDEN),
        (Kind.PRINT, 0, 5, HIDDEN),
        (Kind.FLOW, 0, 6, HIDDEN),  # the side is not told since 2014: either
        (Kind.FLOW, 1, 6, HIDDEN),
        (Kind.PRINT, 0, 6, HIDDEN),
        (Kind.PRINT, 0, 900, 0),
    ]
    before = read_itch(stored(tmp_path, file, "01302012.NASDAQ_ITCH50"))
    assert [row[:2] for row in told(before, "kind", "side")][-3] == (Kind.FLOW, 1)


def test_halts_only_where_the_state_changes(tmp_path):
    file = ItchFile()
    for ns, letter in ((10, "T"), (11, "H"), (12, "P"), (13, "Q"), (14, "T")):
        file.state(ns, letter)
    assert told(read_itch(stored(tmp_path, file)), "kind") == [(Kind.HALT,), (Kind.NOTICE,), (Kind.RESUME,)]


def test_symbols_are_chosen_and_ticks_follow_the_prices(tmp_path):
    file = ItchFile(("AAPL", "PENY"))
    file.add(10, 1, "BUY", 1, 500000)
    file.add(11, 2, "BUY", 1, 1234, locate=2)
    path = stored(tmp_path, file)
    assert [(one.symbol, f"{one.tick:f}") for one in read_itch(path).instruments] == [("AAPL", "0.01"), ("PENY", "0.0001")]
    assert told(read_itch(path, symbol="PENY"), "instrument", "order_id") == [(0, 2)]
    with pytest.raises(DataError, match="no symbol 'APL'; did you mean AAPL"):
        read_itch(path, symbol="APL")


def bad(change):
    file = small()
    change(file)
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.add(3, 9, "BUY", 1, 500000), r"message 9 \(A\) at byte \d+, field timestamp: .* is before the message above"),
        (lambda f: f.add(20, 1, "BUY", 1, 500000), "order reference: 1 is the id of an order that is still open"),
        (lambda f: f.execute(20, 1, 900), "shares: 900 is more than is open"),
        (lambda f: f.add(20, 9, "BUY", 0, 500000), "shares: 0 is not a size"),
        (lambda f: f.add(20, 9, "BUY", 5, 0), "price: 0 is out of range"),
        (lambda f: f.add(20, 9, "BUY", 5, 2**31 + 5), "price: .* is out of range"),
        (lambda f: f.messages.append(b"z" + bytes(20)), r"field type: 'z' is not a type of message"),
        (lambda f: f.messages.append(f.messages[-1] + b"x"), "field length: 20 is not the length of its type"),
    ],
)
def test_bad_messages_are_told_or_mended(tmp_path, change, said):
    path = stored(tmp_path, bad(change))
    with pytest.raises(DataError, match=said):
        read_itch(path).commands()
    feed = read_itch(path, repair=True)
    with pytest.warns(DataWarning):
        feed.commands()
    assert sum(feed.repairs.values()) == 1


def test_an_order_that_is_not_open_is_counted_and_told(tmp_path):
    file = small()
    file.execute(20, 77, 5)
    feed = read_itch(stored(tmp_path, file))
    with pytest.warns(DataWarning, match="1 × unknown"):
        feed.commands()
    assert feed.repairs == {"unknown": 1}


def test_cut_short_empty_and_foreign(tmp_path):
    blob = small().blob()
    with pytest.raises(DataError, match="is cut short"):
        read_itch(stored(tmp_path, blob[:-3])).commands()
    with pytest.raises(DataError, match="damaged or cut short"):
        read_itch(stored(tmp_path, gzip.compress(blob * 1)[:-12], NAME + ".gz")).commands()
    with pytest.raises(DataError, match="is empty"):
        read_itch(stored(tmp_path, b""))
    with pytest.raises(DataError, match="does not begin with an ITCH"):
        read_itch(stored(tmp_path, b"time,price\n1,2\n"))
    with pytest.raises(DataError, match="does not contain the day"):
        read_itch(stored(tmp_path, blob, "itch.bin"))


def test_the_real_directory():
    feed = read_itch(real("nasdaq_first1000.itch"), date="2020-01-30")
    assert len(feed.instruments) == 993
    assert len(feed.commands()) == 0
    assert feed.messages == {"system events": 1, "directory": 993, "trading actions": 3, "short sale": 3}


def test_the_artificial_file_against_itchfeed():
    path = real("RITCH_artificial_ex20101224.TEST_ITCH_50.gz")
    itchfeed = pytest.importorskip("itch.parser")
    raw = gzip.decompress(path.read_bytes())
    from data.itch.messages import LENGTHS

    framed, at = bytearray(), 0
    while at < len(raw):
        length = LENGTHS[chr(raw[at + 2])]
        framed += length.to_bytes(2, "big") + raw[at + 2 : at + 2 + length]
        at += 2 + length
    parsed = Counter(chr(message.message_type[0]) for message in itchfeed.MessageParser().parse_stream(bytes(framed)))
    feed = read_itch(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feed.commands()
    from data.itch.messages import NAMES

    assert feed.messages == {NAMES[letter]: parsed[letter] for letter in LENGTHS if parsed[letter]}
    assert feed.repairs == {"unknown": 117}
    assert feed.checked == 180
