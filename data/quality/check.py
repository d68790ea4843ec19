"""What a market-data file holds, and what a replay through the exchange proves about it."""

from typing import Any

import numpy as np

from data.feed import Feed
from data.quality.audit import COUNTS, Audit, empty_audit
from data.quality.hindsight import learn
from data.quality.inventory import Inventory, price_text, quantity_text, time_text
from data.quality.replay import Replay


def describe_feed(feed: Feed) -> dict[str, Any]:
    """What a feed holds, read once from its beginning to its end.

    Returns
    -------
    dict
        name; fingerprint (its first 12 characters); published_levels (of its book, 0: none is published); messages; rows (those kinds
        that there are); first, last (in the feed's time zone, None where there is no row); and of the one symbol, or of each in
        `symbols`: tick, order_prices, order_quantities, trade_prices, trade_quantities (lowest and highest as exact text, None where
        there are none), volume and hidden_volume (printed, exact text), aggressors (that met displayed orders), hidden_aggressors (that
        met hidden ones alone).

    Raises DataError where the file is bad.
    """
    inventory = Inventory(feed)
    for commands in feed.batches():
        inventory.take(commands)
    found = {"name": feed.name, "fingerprint": feed.fingerprint[:12], "published_levels": feed.levels}
    return found | inventory.rows() | inventory.span() | inventory.markets()


def check_feed(feed: Feed) -> dict[str, Any]:
    """Replay a one-instrument feed, reconciled where its book is published, and count what holds.

    A published book of few levels hides who comes and goes beyond it. So the aggressors are judged twice: with the exchange's own
    replay, which knows no more than a strategy does, and with hindsight (`data.quality.hindsight`), where later rows prove who was there.

    Returns
    -------
    dict
        name, symbol; published_levels (of its book, 0: none is published); messages; rows (those kinds that there are); first, last (in
        the feed's time zone, None where there is no row); in_order (time never goes back);
        reconciliation (opening levels; reveals, revealed_lots, removes, removed_lots; estimated_lots and unknown_lots of orders that
        we could not name: taken from others, found nowhere);
        contradictions (sides of published rows that the row before, our replay and the message cannot explain; None where no book is
        published), crossed (rows); executions, head_executions (of the first order in the queue at the best price, without hindsight);
        aggressors (all with a displayed execution); identical (of them, with hindsight: price-time matching fills the same orders in
        the same sizes), identical_percent (None where there is no aggressor); identical_without_hindsight; seen (of all: the place of
        every order they could meet is known without hindsight; None where no book is published), seen_identical (of those seen, without
        hindsight);
        violations (the first five aggressors that are not identical: row, time, what the file did, what matching would have done).

    Raises DataError where the file is bad, ValueError where there are several instruments.
    """
    inventory, unaided, known = Inventory(feed), empty_audit(feed.levels), empty_audit(feed.levels)
    market = Replay(feed, max(1, feed.levels), unaided)
    truth = Replay(feed, 1, known, learn(feed)) if feed.levels else None
    in_order, last = True, None
    for commands, published in feed.reconciled():
        if len(commands):
            ts = commands["ts"]
            in_order = in_order and (last is None or last <= ts[0]) and bool(np.all(np.diff(ts) >= 0))
            last = ts[-1]
        inventory.take(commands)
        market.rows_after(commands, True, published)
        if truth:
            truth.rows_after(commands, True, published)
    session = market.state.session[0]
    left_over = {"estimated_lots": int(session["estimated"]), "unknown_lots": int(session["unknown"])}
    found = {"name": feed.name, "symbol": feed.instrument.symbol, "published_levels": feed.levels}
    found |= inventory.rows() | inventory.span() | {"in_order": in_order}
    return found | {"reconciliation": inventory.reconciliation() | left_over} | _proved(feed, unaided, known if truth else unaided)


def _proved(feed: Feed, unaided: Audit, known: Audit) -> dict[str, Any]:
    """What the audits without hindsight and with it counted."""
    without = {name: int(unaided.counts[name][0]) for name in COUNTS}
    identical, aggressors = int(known.counts["identical"][0]), without["aggressors"]
    proved: dict[str, Any] = {name: without[name] for name in ("contradictions", "crossed", "executions", "head_executions")} | {
        "aggressors": aggressors,
        "identical": identical,
        "identical_percent": round(100 * identical / aggressors, 3) if aggressors else None,
        "identical_without_hindsight": without["identical"],
        "seen": without["seen"],
        "seen_identical": without["seen_identical"],
        "violations": [_violation(feed, noted) for noted in known.violations if noted["row"]],
    }
    if not feed.levels:
        proved |= dict.fromkeys(("contradictions", "seen", "seen_identical"))
    return proved


def _violation(feed: Feed, noted: np.void) -> dict[str, Any]:
    """A violation of price-time priority in words."""
    instrument = feed.instrument

    def order_text(order_id: int, lots: int, price: int) -> str:
        who = f"order {order_id}" if order_id else "an order without a name"
        return f"{quantity_text(instrument, lots)} of {who} at {price_text(instrument, price)}"

    would = "nobody rests on that side"
    if noted["head_lots"]:
        would = order_text(noted["head_id"], min(noted["lots"], noted["head_lots"]), noted["head_price"])
    did = order_text(noted["order_id"], noted["lots"], noted["price"])
    return {"row": int(noted["row"]), "time": time_text(feed, int(noted["ts"])), "file": did, "matching": would}
