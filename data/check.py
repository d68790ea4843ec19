"""What a market-data file is worth: its rows, and what a replay through the exchange proves about them."""

from typing import Any

import numpy as np

from data.audit import COUNTS, empty_audit
from data.depth import Replay
from data.feed import Feed, count_commands


def check_feed(feed: Feed) -> dict[str, Any]:
    """Replay a one-instrument feed, reconciled where its book is published, and count what holds.

    Returns
    -------
    dict
        name, symbol; levels (of the published book, 0: none); messages, and rows by kind (adds, reduces, …); first, last (ns UTC, None
        where there is no row); in_order (time never goes back); reveals, removes, revealed_lots, removed_lots (reconciliation);
        estimated_lots, unknown_lots (of orders that we could not name: taken from others, found nowhere); contradictions (sides of
        published rows that the row before, our replay and the message cannot explain; None where no book is published), crossed (rows);
        executions, head_executions (of the first order in the queue at the best price); aggressors (with a displayed execution),
        identical (price-time matching fills the same orders and sizes), seen (of them: the place of every order they could meet is
        known; None where no book is published), seen_identical.

    Raises DataError where the file is bad, ValueError where there are several instruments.
    """
    audit = empty_audit(feed.levels)
    market = Replay(feed, max(1, feed.levels), audit)
    counts: dict[str, int] = {}
    first, last, in_order = None, None, True
    for commands, published in feed.reconciled():
        if len(commands):
            ts = commands["ts"]
            in_order = in_order and (last is None or last <= ts[0]) and bool(np.all(np.diff(ts) >= 0))
            first, last = int(ts[0]) if first is None else first, int(ts[-1])
        for name, count in count_commands(commands).items():
            counts[name] = counts.get(name, 0) + count
        market.rows_after(commands, True, published)
    proved: dict[str, int | None] = {name: int(audit.counts[name][0]) for name in COUNTS}
    if not feed.levels:
        proved |= dict.fromkeys(("contradictions", "seen", "seen_identical"))
    session = market.state.session[0]
    left_over = {"estimated_lots": int(session["estimated"]), "unknown_lots": int(session["unknown"])}
    found = {"name": feed.name, "symbol": feed.instrument.symbol, "levels": feed.levels, "first": first, "last": last, "in_order": in_order}
    return found | counts | left_over | proved
