"""Every message is held against its order and the published book: what does not fit is named, with the lines around it."""

import json
import random

import pytest

from data import read_lobster
from data.quality.check import check_feed
from tapebook import run_command_line
from tests.data.test_check import Crowd, real, write

ADD, CANCEL, DELETE, EXECUTE = 1, 2, 3, 4
SIZE, PRICE, SIDE = 3, 4, 5


def changed(messages, kind, field, by, seed):
    """The messages with one of a kind changed; returns its row too."""
    rows = [line.split(",") for line in messages]
    added = {row[2] for row in rows if int(row[1]) == ADD}
    place = random.Random(seed).choice([k for k, row in enumerate(rows) if int(row[1]) == kind and row[2] in added and k > 20])
    row = list(rows[place])
    row[field] = str(int(row[field]) + by if field != SIDE else -int(row[field]))
    return [*messages[:place], ",".join(row), *messages[place + 1 :]], place + 1


@pytest.mark.parametrize("levels", [1, 3, 50])
def test_what_fits_is_not_named(tmp_path, levels):
    for seed in range(4):
        found = check_feed(read_lobster(*write(tmp_path, *Crowd(seed, levels).run(1000))))
        assert (found["orders"]["faults"], found["faulty_rows"], found["contradictions"]) == ({}, [], 0)


@pytest.mark.parametrize("kind", [DELETE, EXECUTE, CANCEL])
@pytest.mark.parametrize(("field", "by"), [(SIZE, 1), (PRICE, 100), (SIDE, 0)], ids=["size", "price", "side"])
def test_a_message_that_does_not_fit_is_named(tmp_path, kind, field, by):
    for seed in range(5):
        messages, book = Crowd(seed, 3).run(1000)
        bad, row = changed(messages, kind, field, by, seed)
        found = check_feed(read_lobster(*write(tmp_path, bad, book)))
        assert found["verdict"] != "good"
        near = {row for fault in found["faulty_rows"] for row in (fault["row"], *fault["rows_of_order"])}
        assert row in near
        lines = {at["line"]: at["text"] for fault in found["faulty_rows"] for at in fault["lines"]}
        assert lines[row] == bad[row - 1]


def test_a_delete_carries_what_is_left(tmp_path):
    messages = ["34200.1,1,11,100,500000,1", "34200.2,2,11,30,500000,1", "34200.3,3,11,60,500000,1", "34200.4,1,12,5,500100,-1"]
    for book in (None, [f"9999999999,0,500000,{n}" for n in (100, 70, 10)] + ["500100,5,500000,10"]):
        paths = write(tmp_path, messages, book or [])
        found = check_feed(read_lobster(paths[0], paths[1] if book else "none"))
        assert found["orders"]["faults"] == {"delete_leaves_lots": 1}
        assert found["faulty_rows"] == [
            {
                "row": 3,
                "what": "deletes 60 of order 11, which has 70 left",
                "rows_of_order": [1, 2],
                "lines": [{"line": k + 1, "text": messages[k]} for k in range(4)],
            }
        ]


def test_what_may_have_left_unseen_is_no_fault(tmp_path):
    """One level is published; 40 lots of order 11 leave while 50.01 hides them."""
    messages = [
        "34200.1,1,11,100,500000,1",
        "34200.2,1,12,10,500100,1",
        "34200.3,3,12,10,500100,1",
        "34200.4,3,11,60,500000,1",
    ]
    book = ["500200,5,500000,100", "500200,5,500100,10", "500200,5,500000,60", "500200,5,499900,7"]
    found = check_feed(read_lobster(*write(tmp_path, messages, book)))
    assert (found["orders"]["faults"], found["orders"]["lots_lost_unseen"], found["faulty_rows"]) == ({}, 1, [])


def test_ids_that_are_reused_or_gone(tmp_path):
    messages = [
        "34200.1,1,11,100,500000,1",
        "34200.15,3,11,100,500000,1",
        "34200.2,1,11,50,500000,1",
        "34200.3,1,12,10,499900,1",
        "34200.4,3,12,10,499900,1",
        "34200.5,3,12,10,499900,1",
        "34200.6,3,13,10,499900,1",
    ]
    found = check_feed(read_lobster(write(tmp_path, messages, [])[0], "none"))
    assert found["orders"] == {"faults": {"id_reused": 1, "gone": 1}, "never_added": 1, "lots_lost_unseen": 0}
    assert [(fault["row"], fault["what"]) for fault in found["faulty_rows"]] == [
        (3, "adds order 11, which an earlier row added"),
        (6, "takes 10 of order 12, of which nothing is left"),
    ]


@pytest.mark.parametrize(("kind", "field", "by"), [(3, SIZE, 1), (3, PRICE, 100), (4, SIZE, 1), (4, PRICE, 100), (3, SIZE, -1)])
def test_messages_of_a_real_day_that_do_not_fit(tmp_path, kind, field, by):
    """In the first 2,000 rows of a real head, one message changed: named, whichever it is."""
    messages, book = (real(f"AAPL*{what}*").read_text().split() for what in ("message", "orderbook"))
    for seed in range(5):
        bad, row = changed(messages, kind, field, by, seed)
        found = check_feed(read_lobster(*write(tmp_path, bad, book)))
        assert row in {row for fault in found["faulty_rows"] for row in (fault["row"], *fault["rows_of_order"])}


def test_hindsight_from_messages_alone():
    """99.8 % of a real day's aggressors are filled as recorded, although no book is published; a backtest must not know that."""
    feed = read_lobster(real("*AMZN*_1.zip"), "none")
    found = check_feed(feed)
    assert found["published_levels"] == 0
    assert found["identical_percent"] > 99.75
    assert found["identical_without_hindsight"] < 0.5 * found["identical"]
    assert found["verdict"] == "not to be trusted"
    assert any("no order book file" in reason for reason in found["reasons"])


def test_strict_exits_1_unless_good(tmp_path, capsys):
    messages, book = Crowd(3, 5).run(1000)
    path, _ = write(tmp_path, messages, book)
    assert run_command_line(["data", "check", str(path), "--strict"]) == 0
    assert "good" in capsys.readouterr().out
    bad, row = changed(messages, DELETE, SIZE, 1, 1)
    path, beside = write(tmp_path, bad, book)
    assert run_command_line(["data", "check", str(path), "--strict", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] != "good"
    assert found["files"] == {"messages": str(path), "orderbook": str(beside)}
    assert row in [fault["row"] for fault in found["faulty_rows"]]
    assert run_command_line(["data", "check", str(path)]) == 0
    assert f"row {row:,}: takes" in capsys.readouterr().out
