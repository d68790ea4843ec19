"""What a market-data file holds, and what a replay through the exchange proves about it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from data.feed import Feed
from data.quality.audit import COUNTS, SHOWN, Audit, empty_audit
from data.quality.hindsight import learn
from data.quality.inventory import Inventory, files_of, price_text, quantity_text, time_text
from data.quality.lives import Lives
from data.quality.messages_alone import Takings
from data.quality.neighbours import Neighbours
from data.quality.replay import Replay
from data.quality.sample import PROBES, SEED, Sample
from data.quality.verdict import judge


def describe_feed(feed: Feed) -> dict[str, Any]:
    """What a feed holds, read once from its beginning to its end.

    Returns
    -------
    dict
        name; files (of which it is read); fingerprint (its first 12 characters); published_levels (of its book, 0: none is published);
        messages; rows (those kinds that there are); first, last (in the feed's time zone, None where there is no row); and of the one
        symbol, or of each in `symbols`: tick, order_prices, order_quantities, trade_prices, trade_quantities (lowest and highest as
        exact text, None where there are none), volume and hidden_volume (printed, exact text), aggressors (that met displayed orders),
        hidden_aggressors (that met hidden ones alone).

    Raises DataError where the file is bad.
    """
    inventory = Inventory(feed)
    for commands in feed.batches():
        inventory.take(commands)
    found = {"name": feed.name, **files_of(feed), "fingerprint": feed.fingerprint[:12], "published_levels": feed.levels}
    return found | inventory.rows() | inventory.span() | inventory.markets()


def check_feed(feed: Feed, probes: int = PROBES, seed: int = SEED) -> dict[str, Any]:
    """Replay a one-instrument feed, reconciled where its book is published, and count what holds.

    A published book of few levels hides who comes and goes beyond it, and messages alone who stood there before. So the aggressors are
    judged twice: with the exchange's own replay, which knows no more than a strategy does, and with hindsight (`data.quality.hindsight`,
    `data.quality.messages_alone`), where later rows prove who was there.

    Returns
    -------
    dict
        name, symbol; files (of which it is read); verdict (GOOD, CAUTION or BAD of `data.quality.verdict`), reasons (why it is not good);
        published_levels (of its book, 0: none is published); messages; rows (those kinds that there are); first, last (in
        the feed's time zone, None where there is no row); in_order (time never goes back);
        reconciliation (opening levels; reveals, revealed_lots, removes, removed_lots; estimated_lots and unknown_lots of orders that
        we could not name: taken from others, found nowhere);
        orders (faults: messages by what is wrong with them, held against their order; never_added: orders that no ADD announced;
        lots_lost_unseen: deletes of fewer lots than we know of, which the rest may have left unseen);
        contradictions (sides of published rows that the row before, our replay and the message cannot explain; None where no book is
        published), crossed (rows); executions, head_executions (of the first order in the queue at the best price, without hindsight);
        aggressors (all with a displayed execution); identical (of them, with hindsight: price-time matching fills the same orders in
        the same sizes), identical_percent (None where there is no aggressor); identical_without_hindsight; seen (of all: the place of
        every order they could meet is known without hindsight; None where no book is published), seen_identical (of those seen, without
        hindsight);
        neighbours (see `data.quality.neighbours`: `probes` orders drawn with `seed`);
        violations (the first five aggressors that are not identical: row, time, what the file did, what matching would have done);
        faulty_rows (the first of each kind: row, what is wrong, rows_of_order, lines of the file around it).

    Raises DataError where the file is bad, ValueError where there are several instruments.
    """
    inventory, lives, sample = Inventory(feed), Lives(feed), Sample(probes, seed)
    unaided, known = empty_audit(feed.levels), empty_audit(feed.levels)
    market = Replay(feed, max(1, feed.levels), unaided)
    in_order, last = True, None
    for (commands, published), truth in zip(feed.reconciled(), _with_hindsight(feed, known)):
        if len(commands):
            ts = commands["ts"]
            in_order = in_order and (last is None or last <= ts[0]) and bool(np.all(np.diff(ts) >= 0))
            last = ts[-1]
        inventory.take(commands)
        lives.take(commands, published)
        market.rows_after(commands, True, published)
        sample.take(commands, published if feed.levels else truth // market.scale)
    session = market.state.session[0]
    left_over = {"estimated_lots": int(session["estimated"]), "unknown_lots": int(session["unknown"])}
    orders = lives.found(SHOWN)
    found = {"name": feed.name, "symbol": feed.instrument.symbol, **files_of(feed), "published_levels": feed.levels}
    found |= inventory.rows() | inventory.span() | {"in_order": in_order}
    found |= {"reconciliation": inventory.reconciliation() | left_over, "orders": orders}
    found |= _proved(feed, unaided, known) | {"neighbours": Neighbours(feed, sample).run()}
    found |= {"violations": [_violation(feed, noted) for noted in known.violations if noted["row"]]}
    found["faulty_rows"] = _faulty_rows(feed, orders.pop("rows"), unaided, known)
    verdict, reasons = judge(found)
    return {"name": found.pop("name"), "verdict": verdict, "reasons": reasons} | found


def _with_hindsight(feed: Feed, known: Audit) -> Iterator[np.ndarray]:
    """The best level after each message of each batch, of the book that later rows prove; judged by `known`."""
    if feed.levels:
        market = Replay(feed, 1, known, learn(feed))
        for commands, published in feed.reconciled():
            yield market.rows_after(commands, True, published)
        return
    takings = Takings()
    for commands in feed.batches():
        takings.take(commands)
    market = Replay(feed, 1, known)
    for commands in takings.completed(feed):
        yield market.rows_after(commands, True)


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
    }
    if not feed.levels:
        proved |= dict.fromkeys(("contradictions", "seen", "seen_identical")) | {"crossed": int(known.counts["crossed"][0])}
    return proved


def _faulty_rows(feed: Feed, at_fault: list[dict[str, Any]], unaided: Audit, known: Audit) -> list[dict[str, Any]]:
    """The rows at fault, in their order, each with the lines of the file around it."""
    named = {
        "the published book after it is not the one before it with this message": unaided.contradicted,
        "the best bid is at or above the best ask": (unaided if feed.levels else known).crossings,
    }
    rows = at_fault + [{"row": int(row), "what": what, "rows_of_order": []} for what, noted in named.items() for row in noted if row]
    rows.sort(key=lambda fault: fault["row"])
    around = [{*range(fault["row"] - 1, fault["row"] + 2), *fault["rows_of_order"]} for fault in rows]
    wanted = {number for numbers in around for number in numbers if number > 0}
    lines: dict[int, str] = feed.lines(wanted) if hasattr(feed, "lines") else {}
    return [
        fault | {"lines": [{"line": n, "text": lines[n]} for n in sorted(numbers) if n in lines]} for fault, numbers in zip(rows, around)
    ]


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
