"""Our orders, one row per id that was used, folded from the facts; and what each of them stood for through time."""

from typing import NamedTuple

import numpy as np

from engine.frames.order_states import OrderFacts, OrderStates, last_terms, order_facts, order_states
from engine.messages.vocabulary import Kind, OrderType

ORDER = np.dtype(
    [
        ("order_id", "<u8"),
        ("created", "<i8"),
        ("updated", "<i8"),
        ("seq", "<i8"),  # of the fact that accepted or refused it
        ("price", "<i8"),  # price units, as last replaced
        ("stop_price", "<i8"),
        ("lots", "<i8"),  # total, as last replaced
        ("executed", "<i8"),  # lots
        ("cost", "<i8"),  # Σ price × lots of its fills
        ("ahead", "<i8"),  # lots ahead of it when it last joined the end of a queue
        ("first_fill", "<i8"),  # ns; 0: none
        ("instrument", "<u4"),
        ("portfolio", "<u4"),
        ("trader", "<u4"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("flags", "u1"),
        ("status", "u1"),
        ("reason", "u1"),
        ("queued", "?"),  # it rested in the book: `ahead` means something
    ]
)


class Orders(NamedTuple):
    """`rows`: ORDER array in order of entry. `order_of_fill`: row of each fill. `entry_of_fill`: lots ahead when that order joined its
    queue. `stretches`: from, to (ns), price, lots open, order row: where each order stood between two of its facts."""

    rows: np.ndarray
    order_of_fill: np.ndarray
    entry_of_fill: np.ndarray
    stretches: np.ndarray


STRETCH = np.dtype([("start", "<i8"), ("end", "<i8"), ("price", "<i8"), ("lots", "<i8"), ("order", "<i8")])
_NAMES = {"created": "ts", "lots": "quantity", "executed": "traded", "cost": "paid"}
"""Columns of ORDER that `OrderStates` calls by another name."""


class _Course(NamedTuple):
    """What happened to our orders, one order after the other, each in the order of seq: arrays over the facts about them."""

    kind: np.ndarray
    ts: np.ndarray
    seq: np.ndarray
    maker: np.ndarray  # bool: a fill with the order as maker
    first: np.ndarray  # where each order begins
    order: np.ndarray  # number of the order
    price: np.ndarray  # terms of the order after the fact
    lots: np.ndarray
    open: np.ndarray  # lots
    ahead: np.ndarray  # lots ahead of it when it last joined the end of a queue


def own_orders(facts: np.ndarray, fills: np.ndarray, end: int) -> Orders:
    """Fold FACT and FILL arrays into orders; `end` (ns) closes the stretches of orders that are still open."""
    about = order_facts(facts)
    if not len(about.at):
        none = np.zeros(0, np.int64)
        return Orders(np.zeros(0, ORDER), none, none, np.zeros(0, STRETCH))
    states, course = order_states(facts, about), _course(facts, about)
    rests = _rests(course, states.type)
    rows = _rows(states, course, rests)
    by_entry = np.argsort(rows["seq"], kind="stable")
    rank = np.empty(len(by_entry), np.int64)
    rank[by_entry] = np.arange(len(by_entry))
    order_of_fill, entry = _of_fills(course, fills, rank)
    return Orders(rows[by_entry], order_of_fill, entry, _stretches(course, rank[course.order], rests, end))


def _course(facts: np.ndarray, about: OrderFacts) -> _Course:
    at, maker, first = about
    kind, remaining = facts["kind"][at], np.where(maker, facts["maker_remaining"][at], facts["remaining"][at])
    terms = last_terms(kind)
    price, lots = facts["price"][at][terms].astype(np.int64), facts["quantity"][at][terms].astype(np.int64)
    begins = np.zeros(len(at), bool)
    begins[first] = True
    moved = np.zeros(len(at), bool)  # replaced at another price or to more lots, it joins the end of a queue again
    moved[1:] = (kind[1:] == Kind.OrderReplaced) & ((price[1:] != price[:-1]) | (lots[1:] > lots[:-1]))
    joined = np.maximum.accumulate(np.where(begins | moved, np.arange(len(at)), 0))
    return _Course(
        kind,
        facts["ts"][at],
        facts["seq"][at],
        maker,
        first,
        np.cumsum(begins) - 1,
        price,
        lots,
        np.where((kind == Kind.OrderCancelled) | (kind == Kind.OrderExpired), 0, remaining).astype(np.int64),
        facts["ahead"][at][joined].astype(np.int64),
    )


def _rows(states: OrderStates, course: _Course, rests: np.ndarray) -> np.ndarray:
    rows, last = np.zeros(len(course.first), ORDER), np.append(course.first[1:], len(course.kind)) - 1
    for name in ORDER.names or ():
        if name in _NAMES or name in states._fields:
            rows[name] = getattr(states, _NAMES.get(name, name))
    rows["ahead"] = course.ahead[last]
    rows["queued"] = np.logical_or.reduceat(rests, course.first)
    never = np.iinfo(np.int64).max
    earliest = np.minimum.reduceat(np.where(course.kind == Kind.TradeExecuted, course.ts, never), course.first)
    rows["first_fill"] = np.where(earliest < never, earliest, 0)
    return rows


def _of_fills(course: _Course, fills: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each fill, the row of its order and the lots ahead when that order joined its queue. FILL rows are by seq, the maker's first."""
    order_of_fill, entry = np.zeros(len(fills), np.int64), np.zeros(len(fills), np.int64)
    traded = np.flatnonzero(course.kind == Kind.TradeExecuted)
    fill = np.searchsorted(fills["seq"], course.seq[traded])
    fill += ~course.maker[traded] & fills["maker"][fill]
    order_of_fill[fill], entry[fill] = rank[course.order[traded]], course.ahead[traded]
    return order_of_fill, entry


def _rests(course: _Course, kinds: np.ndarray) -> np.ndarray:
    """bool: after this fact the order stood in the book, beyond its own command; a stop only once it was triggered."""
    kind, ts, seq = course.kind, course.ts, course.seq
    triggered = np.maximum.accumulate(np.where(kind == Kind.OrderTriggered, np.arange(len(kind)), -1)) >= course.first[course.order]
    limit = (kinds == OrderType.LIMIT)[course.order] | ((kinds == OrderType.STOP_LIMIT)[course.order] & triggered)
    outlives = np.append((ts[1:] > ts[:-1]) | (seq[1:] > seq[:-1] + 1), True)
    outlives[np.append(course.first[1:] - 1, len(kind) - 1)] = True
    return limit & outlives & (course.open > 0) & (kind != Kind.OrderRejected)


def _stretches(course: _Course, row: np.ndarray, rests: np.ndarray, end: int) -> np.ndarray:
    made = np.zeros(len(row), STRETCH)
    made["start"], made["end"] = course.ts, np.append(course.ts[1:], end)
    made["end"][np.append(row[1:] != row[:-1], True)] = end
    made["price"], made["lots"], made["order"] = course.price, course.open, row
    return made[rests & (made["end"] > made["start"])]
