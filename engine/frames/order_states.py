"""Clients' orders folded from the facts: which facts are about each, and where it stands after them."""

from typing import NamedTuple

import numpy as np
import polars as pl

from engine.messages.vocabulary import HISTORY, Kind, OrderStatus, OrderType, Reason

ENDED = {Kind.OrderCancelled: OrderStatus.CANCELLED, Kind.OrderExpired: OrderStatus.EXPIRED, Kind.OrderRejected: OrderStatus.REJECTED}
ORDER_KINDS = [Kind.OrderCreated, Kind.OrderTriggered, Kind.OrderReplaced, *ENDED]
"""Facts that show an order as it stands then."""
UNUSED = [r for r in Reason if Reason.UNKNOWN_INSTRUMENT <= r <= Reason.DUPLICATE_ORDER or r >= Reason.UNKNOWN_PORTFOLIO]
"""Reasons of an OrderRejected that left the id unused, or named an order that was there before."""


def _among(kinds: list[Kind]) -> np.ndarray:
    """bool (256,): whether a kind is one of these."""
    return np.isin(np.arange(256), kinds)


_BEGINS = _among([Kind.OrderCreated, Kind.OrderRejected])
_SHOWS = _among(ORDER_KINDS)
_ABOUT = _SHOWS | _among([Kind.TradeExecuted])


class OrderFacts(NamedTuple):
    """Facts about clients' orders, those of one order together in the order of `seq`; a fill between two clients stands here twice.

    An id that is used again after START_OF_DAY is another order.
    """

    at: np.ndarray  # int64: index of each fact
    maker: np.ndarray  # bool: the order is the maker in it
    first: np.ndarray  # int64: where each order's facts begin


class OrderStates(NamedTuple):
    """One row an order, as its facts leave it, in the integers of the facts."""

    order_id: np.ndarray
    trader: np.ndarray
    seq: np.ndarray  # of the fact that accepted or refused it
    ts: np.ndarray  # of that fact
    portfolio: np.ndarray
    instrument: np.ndarray
    type: np.ndarray
    side: np.ndarray
    time_in_force: np.ndarray
    flags: np.ndarray
    price: np.ndarray  # as last replaced, like the next two
    stop_price: np.ndarray
    quantity: np.ndarray
    reason: np.ndarray  # of its end
    updated: np.ndarray  # ts of the last fact about it
    last: np.ndarray  # seq of that fact
    traded: np.ndarray  # lots
    paid: np.ndarray  # Σ price units × lots of its fills
    status: np.ndarray  # OrderStatus


def order_facts(facts: np.ndarray) -> OrderFacts:
    """The facts (FACT) about clients' orders, order by order; an order whose entry is not among the facts is left out."""
    near = np.flatnonzero(_ABOUT[facts["kind"]])
    facts = facts[near] if len(near) < len(facts) else facts
    kind, trade = facts["kind"], facts["kind"] == Kind.TradeExecuted
    shown = _SHOWS[kind] & ~((kind == Kind.OrderRejected) & np.isin(facts["reason"], UNUSED))
    takes, makes = trade & (facts["trader"] != HISTORY), trade & (facts["maker_trader"] != HISTORY)
    own, maker = np.flatnonzero(shown | takes), np.flatnonzero(makes)
    trader = np.concatenate([facts["trader"][own], facts["maker_trader"][maker]])
    order_id = np.concatenate([facts["order_id"][own], facts["maker_order_id"][maker]])
    at = np.concatenate([own, maker])
    together = pl.DataFrame({"trader": trader, "order_id": order_id, "at": at}).select(pl.arg_sort_by("trader", "order_id", "at"))
    order = together.to_series().to_numpy()
    at, trader, order_id = at[order], trader[order], order_id[order]
    begins, changes = _BEGINS[kind[at]], np.ones(len(at), bool)
    changes[1:] = (trader[1:] != trader[:-1]) | (order_id[1:] != order_id[:-1])
    place = np.arange(len(at))
    entered = np.maximum.accumulate(np.where(begins, place, -1)) >= np.maximum.accumulate(np.where(changes, place, 0))
    return OrderFacts(near[at[entered]], (order >= len(own))[entered], np.flatnonzero(begins[entered]))


def last_terms(kind: np.ndarray) -> np.ndarray:
    """For each fact about an order, by its kind: the place of the last one that shows the order's terms."""
    return np.maximum.accumulate(np.where(kind == Kind.TradeExecuted, 0, np.arange(len(kind))))


def order_states(facts: np.ndarray, about: OrderFacts) -> OrderStates:
    """Fold the facts (FACT) into where each order stands, in the order of trader, order id and entry."""
    at, maker, first = about
    last, kind = np.append(first, len(at))[1:] - 1, facts["kind"][at]
    traded = np.where(kind == Kind.TradeExecuted, facts["quantity"][at].astype(np.int64), 0)
    born, now, terms = facts[at[first]], facts[at[last]], facts[at[last_terms(kind)[last]]]

    def folded(fold: np.ufunc, values: np.ndarray) -> np.ndarray:
        return fold.reduceat(values, first) if len(first) else values

    executed = folded(np.add, traded)
    remaining = np.where(maker[last], now["maker_remaining"], now["remaining"])
    triggered = folded(np.logical_or, kind == Kind.OrderTriggered)
    return OrderStates(
        **{name: born[name].copy() for name in ("order_id", "trader", "seq", "ts", "portfolio", "instrument")},
        **{name: born[name].copy() for name in ("type", "side", "time_in_force", "flags")},
        **{name: terms[name].copy() for name in ("price", "stop_price", "quantity")},
        reason=now["reason"].copy(),
        updated=now["ts"].copy(),
        last=now["seq"].copy(),
        traded=executed,
        paid=folded(np.add, traded * facts["price"][at]),
        status=_status(now["kind"], remaining, executed, (born["type"] >= OrderType.STOP) & ~triggered),
    )


def _status(kind: np.ndarray, remaining: np.ndarray, traded: np.ndarray, dormant: np.ndarray) -> np.ndarray:
    """OrderStatus of each order by its last fact; `dormant`: a stop that has not been triggered."""
    cases = {status: kind == end for end, status in ENDED.items()}
    cases[OrderStatus.FILLED] = (kind == Kind.TradeExecuted) & (remaining == 0)
    cases[OrderStatus.PARTIALLY_FILLED] = traded > 0
    cases[OrderStatus.PENDING] = dormant
    return np.select(list(cases.values()), [np.uint8(status) for status in cases], np.uint8(OrderStatus.NEW))
