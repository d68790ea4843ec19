"""LOBSTER rows into commands: one pass over the bytes of messages and order book, side by side, in one compiled loop."""

from enum import IntEnum

import numpy as np

from data.lobster.messages import Message, write_message
from data.lobster.parsing import BAD, COMMA, NEWLINE, RETURN, line_end, read_integer, read_seconds, skip_word
from data.lobster.resync import change_level, open_book, reconcile
from data.orders.aggressor import PRICE_MAX, end_aggressor
from data.orders.table import drop_order, find_order, put_order
from engine.compiler.kernel import entry_kernel, kernel

MESSAGE_FIELDS = ("time", "type", "order_id", "size", "price", "direction")
LOTS_MAX = 2**32
DAY = 200_000 * 10**9
"""No time of day is as large, in ns."""


class Fault(IntEnum):
    """Why the loop stopped before the end of its texts."""

    NONE = 0
    ROOM = 1  # no fault: the output or the ladders are full
    NUMBER = 2
    COLUMNS = 3
    TIME_BACK = 4
    TIME_RANGE = 5
    TYPE = 6
    ORDER_ID = 7
    SIZE = 8
    PRICE = 9
    OFF_TICK = 10
    DIRECTION = 11
    LEVEL_SIZE = 12
    LEVEL_ORDER = 13
    DUPLICATE = 14


READING = np.dtype(
    [
        ("message_at", "<i8"),  # position of the next line in the messages' text
        ("message_end", "<i8"),
        ("book_at", "<i8"),
        ("book_end", "<i8"),
        ("levels", "<i8"),  # of the order book file; 0: there is none
        ("midnight", "<i8"),  # ns UTC
        ("tick", "<i8"),  # price units
        ("last", "<i8"),  # ns since midnight, of the message before
        ("rows", "<i8"),  # messages decoded
        ("n", "<i8"),  # commands written
        ("kept", "<i8"),  # published rows written
        ("flow", "<i8"),  # index of the FLOW whose aggressor may go on, else -1
        ("hidden", "<i8"),  # its hidden executions so far
        ("cross", "<i8"),  # index of the PRINT of a cross at the time of the last message, else -1
        ("executed", "<i8"),  # lots executed at that time, less those of its crosses
        ("orders", "<i8"),  # orders in the table: added, and not known to be gone
        ("fault", "<i8"),
        ("field", "<i8"),  # column of the fault, from 0
        ("in_book", "<i8"),  # the fault is in the order book file
    ]
)


@kernel
def _fail(reading, fault, field, in_book):  # type: ignore[no-untyped-def]
    reading["fault"] = fault
    reading["field"] = field
    reading["in_book"] = in_book
    return BAD


@kernel
def _read_fields(text, at, reading, message):  # type: ignore[no-untyped-def]
    """The six numbers of the line at `at` into `message`; returns where the next line begins, or BAD."""
    for field in range(6):
        if field > 0:
            if text[at] != COMMA:
                short = text[at] == NEWLINE or text[at] == RETURN
                return _fail(reading, Fault.COLUMNS if short else Fault.NUMBER, field - 1, 0)
            at += 1
        value, after = read_seconds(text, at) if field == 0 else read_integer(text, at)
        if after == BAD:
            short = field > 0 and (text[at] == NEWLINE or text[at] == RETURN)
            return _fail(reading, Fault.COLUMNS if short else Fault.NUMBER, field, 0)
        message[field] = value
        at = after
    if text[at] == COMMA:  # newer files have a seventh column that names the market participant
        at = skip_word(text, at + 1)
        if text[at] != NEWLINE and text[at] != RETURN:
            return _fail(reading, Fault.COLUMNS, 6, 0)
    elif text[at] != NEWLINE and text[at] != RETURN:
        return _fail(reading, Fault.NUMBER, 5, 0)
    after = line_end(text, at)
    return after if after != BAD else _fail(reading, Fault.NUMBER, 5, 0)


@kernel
def _check_message(reading, message):  # type: ignore[no-untyped-def]
    """0 where the message makes sense, else BAD with the fault recorded."""
    time, kind, order_id, size, price, direction = message[0], message[1], message[2], message[3], message[4], message[5]
    if time < reading["last"]:
        return _fail(reading, Fault.TIME_BACK, 0, 0)
    if time >= DAY:
        return _fail(reading, Fault.TIME_RANGE, 0, 0)
    if kind < Message.ADD or kind > Message.HALT:
        return _fail(reading, Fault.TYPE, 1, 0)
    if abs(price) >= PRICE_MAX:
        return _fail(reading, Fault.PRICE, 4, 0)
    if kind == Message.HALT:
        return 0
    if size <= 0 or size >= LOTS_MAX:
        return _fail(reading, Fault.SIZE, 3, 0)
    if price <= 0:
        return _fail(reading, Fault.PRICE, 4, 0)
    if kind != Message.CROSS and direction != 1 and direction != -1:
        return _fail(reading, Fault.DIRECTION, 5, 0)
    if kind <= Message.EXECUTE:
        if order_id <= 0:
            return _fail(reading, Fault.ORDER_ID, 2, 0)
        if price % reading["tick"] != 0:
            return _fail(reading, Fault.OFF_TICK, 4, 0)
    return 0


@kernel
def _note_order(reading, message, table):  # type: ignore[no-untyped-def]
    """Keep what is open of the order; 0, or BAD where an order is added under the id of one that is still open.

    Orders from before the file begins are not known, and nothing is said of them.
    """
    kind, order_id, lots = message[1], np.uint64(message[2]), message[3]
    if kind > Message.EXECUTE:
        return 0
    at = find_order(table, order_id, np.int64(0))
    if kind == Message.ADD:
        if table[at]["taken"] != 0:
            return _fail(reading, Fault.DUPLICATE, 2, 0)
        put_order(table, at, order_id, np.int64(0), np.int64(0), np.int64(0), lots)
        reading["orders"] += 1
    elif table[at]["taken"] != 0:
        if kind == Message.DELETE or lots >= np.int64(table[at]["lots"]):
            drop_order(table, at)
            reading["orders"] -= 1
        else:
            table[at]["lots"] -= np.uint32(lots)
    return 0


@kernel
def _check_level(reading, row, level, first, sign):  # type: ignore[no-untyped-def]
    """Whether one side of one level of a published row can be: 0, else BAD with the fault recorded."""
    price, lots = row[4 * level + first], row[4 * level + first + 1]
    if lots == 0:
        return 0
    if lots < 0 or lots >= LOTS_MAX:
        return _fail(reading, Fault.LEVEL_SIZE, 4 * level + first + 1, 1)
    if price <= 0 or price >= PRICE_MAX:
        return _fail(reading, Fault.PRICE, 4 * level + first, 1)
    if level > 0 and (row[4 * level + first - 3] == 0 or (price - row[4 * level + first - 4]) * sign <= 0):
        return _fail(reading, Fault.LEVEL_ORDER, 4 * level + first, 1)
    return 0


@kernel
def _read_levels(text, at, reading, row):  # type: ignore[no-untyped-def]
    """The numbers of the order book line at `at` into `row`; returns where the next line begins, or BAD."""
    columns = 4 * reading["levels"]
    tick = reading["tick"]
    for field in range(columns):
        value, after = read_integer(text, at)
        if after == BAD:
            short = field > 0 and (text[at] == NEWLINE or text[at] == RETURN)
            return _fail(reading, Fault.COLUMNS if short else Fault.NUMBER, field, 1)
        if value != row[field]:
            row[field] = value
            if field % 2 == 0 and abs(value) < PRICE_MAX and value % tick != 0:
                return _fail(reading, Fault.OFF_TICK, field, 1)
        at = after
        if field < columns - 1:
            if text[at] != COMMA:
                short = text[at] == NEWLINE or text[at] == RETURN
                return _fail(reading, Fault.COLUMNS if short else Fault.NUMBER, field, 1)
            at += 1
    after = line_end(text, at)
    if after == BAD:
        return _fail(reading, Fault.COLUMNS if text[at] == COMMA else Fault.NUMBER, columns - 1, 1)
    for level in range(reading["levels"]):
        if _check_level(reading, row, level, 0, 1) == BAD or _check_level(reading, row, level, 2, -1) == BAD:
            return BAD
    return after


@kernel
def _keep_book(reading, message, row, ladders, ts, out):  # type: ignore[no-untyped-def]
    """Level sums after the message, and the commands that bring them to the published row."""
    side = 0 if message[5] == 1 else 1
    if message[1] <= Message.EXECUTE:
        change_level(ladders, side, message[4], message[3] if message[1] == Message.ADD else -message[3])
    reading["n"] = reconcile(ladders, row, reading["levels"], ts, out, reading["n"])


@kernel
def _open(reading, message, row, ladders, ts, out):  # type: ignore[no-untyped-def]
    change = 0
    if message[1] <= Message.EXECUTE:
        change = message[3] if message[1] == Message.ADD else -message[3]
    side = 0 if message[5] == 1 else 1
    reading["n"] = open_book(ladders, row, reading["levels"], side, message[4], change, ts, out, reading["n"])


@entry_kernel
def decode(messages, book, readings, stop, message, row, ladders, table, out, published):  # type: ignore[no-untyped-def]
    """Decode whole lines of `messages` and `book` (uint8) into commands at out[n:] until a text ends, `stop` rows are done, or a fault.

    `readings[0]` says where it stands, `message` and `row` are scratch; `out` comes zeroed. ROOM asks for a larger `out`, ladders or
    `table` (ORDER, the open orders).
    If `published` (int64, rows × 4 levels) has room for any row, it gets the published ones. A `stop` of 0 ends the last aggressor.
    """
    reading = readings[0]
    reading["fault"] = Fault.NONE
    if stop == 0:
        end_aggressor(reading, out)
    levels = reading["levels"]
    while reading["message_at"] < reading["message_end"] and reading["rows"] < stop:
        if levels > 0 and reading["book_at"] == reading["book_end"]:
            return
        bids, asks = ladders.count[0], ladders.count[1]
        full = (
            reading["n"] + bids + asks + 4 * levels + 4 + reading["hidden"] > len(out)
            or max(bids, asks) + levels + 2 > ladders.keys.shape[1]
            or 2 * (reading["orders"] + 1) > len(table)
        )
        if full or (len(published) > 0 and reading["kept"] == len(published)):
            reading["fault"] = Fault.ROOM
            return
        after = _read_fields(messages, reading["message_at"], reading, message)
        if after == BAD or _check_message(reading, message) == BAD or _note_order(reading, message, table) == BAD:
            return
        ts = reading["midnight"] + message[0]
        if levels > 0:
            book_after = _read_levels(book, reading["book_at"], reading, row)
            if book_after == BAD:
                return
            if reading["rows"] == 0:
                _open(reading, message, row, ladders, ts, out)
            reading["book_at"] = book_after
        write_message(reading, message, ts, out)
        if levels > 0:
            _keep_book(reading, message, row, ladders, ts, out)
            if len(published) > 0:
                for k in range(len(row)):
                    published[reading["kept"], k] = row[k]
                reading["kept"] += 1
        reading["last"] = message[0]
        reading["message_at"] = after
        reading["rows"] += 1
