"""The topics of a session: one table, which is what is created and what the documentation prints.

Partition n of each topic belongs to shard n: whoever reads one partition reads one session's records in the order of `seq`.
"""

from collections.abc import Sequence
from typing import Any

from live.broker.port import FOR_EVER, Topic

HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

ORDERS_COMMANDS = "orders.commands"
ORDERS_EVENTS = "orders.events"
ORDERS_EVENTS_PACKED = "orders.events.packed"
TRADES = "trades"
RISK_EVENTS = "risk.events"
COMPLIANCE_EVENTS = "compliance.events"
PORTFOLIO_EVENTS = "portfolio.events"
NOTIFICATIONS = "notifications"
MARKET_DATA_RAW = "market-data-raw"
MARKET_DATA_1MIN = "market-data-1min"
MARKET_INDICATORS = "market-indicators"
PRICE_ALERTS = "price-alerts"
MARKET_HISTORY = "market-history"
DEAD_LETTERS = "dead-letters"
SESSION_CLAIMS = Topic("session.claims", 1, HOUR_MS, False, "session", "session", "JSON: who has a shard, once a second")
"""One partition whatever the shards: few records, of which the latest count."""

_SESSION, _STREAMS = "session", "streams"
TABLE = (
    Topic(ORDERS_COMMANDS, 1, WEEK_MS, False, "portfolio", "participants", "JSON: one command"),
    Topic(ORDERS_EVENTS, 1, WEEK_MS, False, "portfolio", _SESSION, "JSON: one fact"),
    Topic(ORDERS_EVENTS_PACKED, 1, WEEK_MS, False, "none", _SESSION, "packed: FACT records"),
    Topic(TRADES, 1, WEEK_MS, False, "symbol", _SESSION, "JSON: one trade"),
    Topic(RISK_EVENTS, 1, 4 * WEEK_MS, False, "symbol", _SESSION, "JSON: one fact"),
    Topic(COMPLIANCE_EVENTS, 1, 4 * WEEK_MS, False, "symbol", _SESSION, "JSON: one fact"),
    Topic(PORTFOLIO_EVENTS, 1, FOR_EVER, True, "portfolio", _SESSION, "JSON: cash, equity, positions; the latest wins"),
    Topic(NOTIFICATIONS, 1, WEEK_MS, False, "portfolio", _SESSION, "JSON: one notification"),
    Topic(MARKET_DATA_RAW, 1, DAY_MS, False, "symbol", "session, market data", "JSON: one tick"),
    Topic(MARKET_DATA_1MIN, 1, WEEK_MS, False, "symbol", _STREAMS, "JSON: one bar, or its revision"),
    Topic(MARKET_INDICATORS, 1, WEEK_MS, False, "symbol", _STREAMS, "JSON: one value of an indicator"),
    Topic(PRICE_ALERTS, 1, WEEK_MS, False, "symbol", _STREAMS, "JSON: one alert"),
    Topic(MARKET_HISTORY, 1, FOR_EVER, False, "symbol", "market data", "packed: COMMAND records of history"),
    Topic(DEAD_LETTERS, 1, 4 * WEEK_MS, False, "as it came", "session, streams", "the bytes as they came; headers say why"),
    SESSION_CLAIMS,
)
"""Every topic, with the partitions of one shard."""


def topics(shards: int = 1) -> tuple[Topic, ...]:
    """Every topic, with a partition for each shard."""
    return tuple(topic if topic == SESSION_CLAIMS else topic._replace(partitions=shards) for topic in TABLE)


def _kept(topic: Topic) -> str:
    if topic.compacted:
        return "latest of each key"
    if topic.retention_ms == FOR_EVER:
        return "for ever"
    return f"{topic.retention_ms // DAY_MS} d" if topic.retention_ms >= DAY_MS else f"{topic.retention_ms // HOUR_MS} h"


def _partitions(topic: Topic) -> str:
    return "1" if topic == SESSION_CLAIMS else "one a shard"


def as_markdown(table: Sequence[Topic] = TABLE) -> str:
    """The table as the documentation prints it."""
    lines = ["| topic | key | partitions | kept | written by | value |", "|---|---|---|---|---|---|"]
    lines += [f"| `{row.name}` | {row.key} | {_partitions(row)} | {_kept(row)} | {row.writers} | {row.value} |" for row in table]
    return "\n".join(lines) + "\n"


def as_table(table: Sequence[Topic] = TABLE) -> Any:
    """The table for a terminal of 80 columns, a `rich.table.Table`."""
    from rich.table import Table

    made = Table("topic", "key", "kept", "written by", box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for row in table:
        made.add_row(row.name, row.key, _kept(row), row.writers)
    return made
