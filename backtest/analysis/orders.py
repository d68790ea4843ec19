"""Our orders, one row per id that was used, folded from the facts; and what each of them stood for through time."""

from typing import NamedTuple

import numpy as np

from engine.messages.vocabulary import Kind, OrderStatus, OrderType, Reason

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

_EVENT = np.dtype(
    [(name, "<i8") for name in ("seq", "ts", "kind", "price", "stop_price", "lots", "open", "ahead", "traded", "fill", "fact")]
    + [("trader", "<u8"), ("order_id", "<u8")]
)
_TERMS = [Kind.OrderCreated, Kind.OrderReplaced, Kind.OrderRejected]
_ENDS = {
    Kind.OrderCancelled: OrderStatus.CANCELLED,
    Kind.OrderExpired: OrderStatus.EXPIRED,
    Kind.OrderRejected: OrderStatus.REJECTED,
}


def own_orders(facts: np.ndarray, fills: np.ndarray, end: int) -> Orders:
    """Fold FACT and FILL arrays into orders; `end` (ns) closes the stretches of orders that are still open."""
    events = _events(facts, fills)
    if not len(events):
        none = np.zeros(0, np.int64)
        return Orders(np.zeros(0, ORDER), none, none, np.zeros(0, STRETCH))
    first = np.flatnonzero(np.isin(events["kind"], [Kind.OrderCreated, Kind.OrderRejected]))
    order = np.cumsum(np.isin(events["kind"], [Kind.OrderCreated, Kind.OrderRejected])) - 1
    last = np.append(first[1:], len(events)) - 1
    place = np.arange(len(events))
    terms = np.maximum.accumulate(np.where(np.isin(events["kind"], _TERMS), place, 0))
    joined = np.maximum.accumulate(np.where(_joins(events, terms), place, 0))

    rows = np.zeros(len(first), ORDER)
    source = facts[events["fact"][first]]
    for name in ("order_id", "instrument", "portfolio", "trader", "side", "type", "time_in_force", "flags", "seq"):
        rows[name] = source[name]
    rows["created"], rows["updated"] = events["ts"][first], events["ts"][last]
    for name in ("price", "stop_price", "lots"):
        rows[name] = events[name][terms[last]]
    rows["executed"] = np.add.reduceat(events["traded"], first)
    rows["cost"] = np.add.reduceat(events["traded"] * np.where(events["traded"] > 0, events["price"], 0), first)
    rows["ahead"] = events["ahead"][joined[last]]
    _end(rows, events, first, last, facts)

    rests = _rests(events, first, rows["type"])
    rows["queued"] = np.logical_or.reduceat(rests, first)

    back = np.argsort(rows["seq"], kind="stable")
    rank = np.empty(len(back), np.int64)
    rank[back] = np.arange(len(back))
    by_fill = np.flatnonzero(events["fill"] >= 0)
    order_of_fill, entry = np.zeros(len(fills), np.int64), np.zeros(len(fills), np.int64)
    order_of_fill[events["fill"][by_fill]] = rank[order[by_fill]]
    entry[events["fill"][by_fill]] = events["ahead"][joined[by_fill]]
    return Orders(rows[back], order_of_fill, entry, _stretches(events, terms, rank[order], rests, end))


def _events(facts: np.ndarray, fills: np.ndarray) -> np.ndarray:
    """What happened to orders that have a row, sorted by trader, id, seq. Refusals of malformed and of repeated ids have none."""
    kinds = [Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, Kind.OrderCancelled, Kind.OrderExpired]
    refused = (facts["kind"] == Kind.OrderRejected) & (facts["reason"] > Reason.DUPLICATE_ORDER)
    chosen = np.flatnonzero(np.isin(facts["kind"], kinds) | refused)
    events = np.zeros(len(chosen) + len(fills), _EVENT)
    told, traded = events[: len(chosen)], events[len(chosen) :]
    source = facts[chosen]
    for name in ("seq", "ts", "kind", "price", "stop_price", "ahead", "trader", "order_id"):
        told[name] = source[name]
    told["lots"], told["fact"], told["fill"] = source["quantity"], chosen, -1
    told["open"] = np.where(np.isin(source["kind"], [Kind.OrderCancelled, Kind.OrderExpired]), 0, source["remaining"])
    for name in ("seq", "ts", "price", "trader", "order_id"):
        traded[name] = fills[name]
    traded["kind"], traded["traded"], traded["open"] = Kind.TradeExecuted, fills["lots"], fills["remaining"]
    traded["fill"], traded["fact"] = np.arange(len(fills)), -1
    events = events[np.lexsort((events["seq"], events["order_id"], events["trader"]))]
    begun = np.maximum.accumulate(np.where(np.isin(events["kind"], [Kind.OrderCreated, Kind.OrderRejected]), np.arange(len(events)), -1))
    same = (events["trader"] == events["trader"][begun]) & (events["order_id"] == events["order_id"][begun])
    return events[(begun >= 0) & same]


def _joins(events: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """bool: the order joined the end of a queue here: it was created, or replaced at another price or to more lots."""
    before = terms[np.maximum(np.arange(len(events)) - 1, 0)]
    moved = (events["price"] != events["price"][before]) | (events["lots"] > events["lots"][before])
    return np.isin(events["kind"], [Kind.OrderCreated, Kind.OrderRejected]) | ((events["kind"] == Kind.OrderReplaced) & moved)


def _end(rows: np.ndarray, events: np.ndarray, first: np.ndarray, last: np.ndarray, facts: np.ndarray) -> None:
    """Fill in how each order stands: status, reason, first fill."""
    kind = events["kind"]
    triggered = np.logical_or.reduceat(kind == Kind.OrderTriggered, first)
    stop = np.isin(rows["type"], [OrderType.STOP, OrderType.STOP_LIMIT])
    rows["status"] = np.where(stop & ~triggered, OrderStatus.PENDING, OrderStatus.NEW)
    rows["status"][rows["executed"] > 0] = OrderStatus.PARTIALLY_FILLED
    rows["status"][(rows["executed"] > 0) & (events["open"][last] == 0)] = OrderStatus.FILLED
    for ending, status in _ENDS.items():
        rows["status"][kind[last] == ending] = status
    ended = np.isin(kind[last], list(_ENDS))
    rows["reason"][ended] = facts["reason"][events["fact"][last[ended]]]
    never = np.iinfo(np.int64).max
    earliest = np.minimum.reduceat(np.where(kind == Kind.TradeExecuted, events["ts"], never), first)
    rows["first_fill"] = np.where(earliest < never, earliest, 0)


def _rests(events: np.ndarray, first: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """bool: after this fact the order stood in the book, beyond its own command; a stop only once it was triggered."""
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(events))))
    place = np.arange(len(events))
    triggered = np.maximum.accumulate(np.where(events["kind"] == Kind.OrderTriggered, place, -1)) >= first[group]
    limit = (kinds == OrderType.LIMIT)[group] | ((kinds == OrderType.STOP_LIMIT)[group] & triggered)
    outlives = np.append((events["ts"][1:] > events["ts"][:-1]) | (events["seq"][1:] > events["seq"][:-1] + 1), True)
    outlives[np.append(first[1:] - 1, len(events) - 1)] = True
    return limit & outlives & (events["open"] > 0) & (events["kind"] != Kind.OrderRejected)


def _stretches(events: np.ndarray, terms: np.ndarray, order: np.ndarray, rests: np.ndarray, end: int) -> np.ndarray:
    made = np.zeros(len(events), STRETCH)
    made["start"], made["end"] = events["ts"], np.append(events["ts"][1:], end)
    made["end"][np.append(order[1:] != order[:-1], True)] = end
    made["price"], made["lots"], made["order"] = events["price"][terms], events["open"], order
    return made[rests & (made["end"] > made["start"])]
