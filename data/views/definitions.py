"""SQL views over the event log, each computed from the facts alone; `data.views.columns` says how they write a column."""

import hashlib

from data.views.events import BREACHES, COMPLIANCE_FAILURES, EVENTS
from data.views.limits import LIMITS
from data.views.orders import ACTIVE_ORDERS, DEPTH, ORDERS
from data.views.trades import EXECUTION_SUMMARY, EXECUTIONS, POSITIONS, TRADES

VIEWS = {
    "orders": ORDERS,
    "active_orders": ACTIVE_ORDERS,
    "executions": EXECUTIONS,
    "execution_summary": EXECUTION_SUMMARY,
    "trades": TRADES,
    "positions": POSITIONS,
    "limits": LIMITS,
    "breaches": BREACHES,
    "compliance_failures": COMPLIANCE_FAILURES,
    "depth": DEPTH,
    **EVENTS,
}
"""Name of each view and its query; one that reads another stands behind it."""

IN_FRAMES = {"limit_name": "limit", "limit_value": "limit"}
"""Columns that a frame of the exchange calls by a word of SQL."""
COMMENTED = " 2"
"""Counts up with what `data.views.comments` says, so that older logs get it too."""
VIEWS_DIGEST = hashlib.sha256((repr(VIEWS) + COMMENTED).encode()).hexdigest()
"""Tells a log whose views an older Tapebook made."""
