"""What a check comes to: may fills on this file be believed, and if not, why."""

from collections.abc import Mapping
from typing import Any

GOOD, CAUTION, BAD = "good", "usable with caution", "not to be trusted"
_ENOUGH = 30
"""Aggressors or neighbours below this number prove little."""
_SHARES = (
    (("identical_percent",), "aggressors", 99.0, 97.0, "{0} % of aggressors are filled by price-time matching as recorded"),
    (("neighbours", "executed_percent"), "executed_whole", 99.0, 95.0, "{0} % of our lots traded with the executed order behind them"),
    (("neighbours", "never_percent"), "never_executed", 99.0, 95.0, "{0} % of our lots stayed unfilled like the order behind them"),
)
"""Where a share is found, of how many; below which it is no longer good, below which it is not to be trusted; and how it is said."""


def judge(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    """(GOOD, CAUTION or BAD, the reasons why it is not good) of what a check found."""
    if not found["messages"]:
        return BAD, ["it holds no messages"]
    doubts: list[str] = []
    broken: list[str] = []
    for said, count in _faults(found).items():
        if count:
            (broken if count * 1000 > found["messages"] else doubts).append(f"{count:,} {said}")
    if not found["in_order"]:
        broken.append("time goes back")
    for path, of, good, usable, said in _SHARES:
        within = found if len(path) == 1 else found[path[0]]
        share = within[path[-1]]
        if share is not None and share < good and within[of] >= _ENOUGH:
            (broken if share < usable else doubts).append(said.format(share))
    if not found["published_levels"] and found["orders"]["never_added"]:
        strangers = f"{found['orders']['never_added']:,} orders that no message adds"
        doubts.append(f"no order book file: a backtest does not know {strangers}, until they are named")
    return (BAD if broken else CAUTION if doubts else GOOD), broken + doubts


def _faults(found: Mapping[str, Any]) -> dict[str, int]:
    """Mistakes for certain, in words, and how many there are."""
    orders = found["orders"]["faults"]
    return {
        "messages do not fit their order": sum(orders.values()),
        "sides of published rows contradict the messages": found["contradictions"] or 0,
        "rows have a crossed book": found["crossed"],
    }
