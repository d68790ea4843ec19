"""What the tables and views of a log hold; a DuckDB tool shows it beside the tables and the columns of `facts`."""

from collections.abc import Container

from engine.messages.field_docs import FACT_FIELDS

TABLES = {
    "meta": "Layout and version of this log.",
    "sessions": "One row a session: its id, its money's decimals, the hash that its batches are chained from.",
    "instruments": "What is traded in a session, with tick, lot and fees as they were given, and as fractions.",
    "names": "Names of portfolios, traders and symbols by their numbers.",
    "commands": "What was asked, in the order of seq; columns as in facts, numbers as the engine keeps them.",
    "facts": "What the exchange said, in the order of seq; numbers as the engine keeps them. The views have names and decimals.",
    "cursors": "How far each source was read, committed with what was read.",
    "blocks": "Digests of the exchange's state after a block of commands.",
    "batches": "What was committed together, chained by hashes.",
    "snapshots": "States of the exchange, to begin a replay from.",
}
VIEWS = {
    "orders": "Every order, as it stands after the last fact.",
    "active_orders": "Orders that rest or wait.",
    "executions": "Fills: one row a side of each trade.",
    "execution_summary": "Orders, volume and VWAP by trader, day and symbol.",
    "trades": "Trades: one row each, with maker and taker.",
    "positions": "Position, average price and P&L by portfolio and symbol.",
    "limits": "Risk limits by portfolio, with their use and headroom. limit_name is the reason of a refusal, as in breaches.",
    "breaches": "Crossed risk limits, refused orders among them; value was held against limit_value.",
    "compliance_failures": "Orders and replaces that compliance refused; value was held against limit_value.",
    "depth": "Resting quantity by symbol, side and price.",
    "OrderFilled": "The event OrderFilled: one row a side of each trade, with the order's status.",
    "TradeExecuted": "The event TradeExecuted: one row a trade.",
    "RiskLimitBreached": "The event RiskLimitBreached: the rows of breaches.",
    "ComplianceCheckFailed": "The event ComplianceCheckFailed: the rows of compliance_failures.",
    **{
        f"Order{what}": f"The event Order{what}: the order as that fact shows it."
        for what in ("Created", "Triggered", "Replaced", "Cancelled", "Expired", "Rejected")
    },
}
ENDINGS = "Columns in _ticks, _lots and _raw (money in 10^-decimals) are exact."
"""Said of every view. No view names two columns in one REPLACE: DuckDB keeps those in no order, so the texts of two logs would differ."""


def view_comments() -> list[str]:
    """The statements that write the comments of the views."""
    return [f"COMMENT ON VIEW {name} IS {_text(f'{says} {ENDINGS}')}" for name, says in VIEWS.items()]


def comments(columns: Container[tuple[str, str]]) -> list[str]:
    """The statements that write the comments of the tables. `columns`: (table or view, column) of every one that is there."""
    made = [f"COMMENT ON TABLE {name} IS {_text(says)}" for name, says in TABLES.items()]
    return made + [f'COMMENT ON COLUMN facts."{name}" IS {_text(says)}' for name, says in FACT_FIELDS.items() if ("facts", name) in columns]


def _text(says: str) -> str:
    return "'" + says.replace("'", "''") + "'"
