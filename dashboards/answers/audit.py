"""What an auditor asks a log: an order's life, a question in SQL, and the cases of surveillance."""

import asyncio
import sqlite3
from typing import Any

from dashboards.answers.place import folder_of, reading
from dashboards.answers.port import AnswerError, Asked
from dashboards.source.remote import RemoteSource
from data.log.schema import LogError
from data.log.sql import plain_rows, select
from data.surveillance.cases import cases
from data.surveillance.surveyor import RULES
from engine.messages.instrument import money_decimals
from engine.messages.names import Names
from live.gateway import shapes
from live.services.host import FOLDER
from live.wire.times import time_text

ROWS_MOST, CASES_MOST, FACTS_MOST, STATEMENT_MOST = 5_000, 500, 2_000, 20_000
_one_at_a_time = asyncio.Semaphore(1)


async def order_life(asked: Asked) -> Any:
    """Every fact about an order, oldest first; `order_id`, and `trader` where the id is one of several traders'."""
    order_id, trader = asked.number("order_id", -1, 0, 2**63 - 1), asked.query.get("trader", "")
    if isinstance(asked.source, RemoteSource):
        told = await asked.source.calls.get(f"/v1/orders/{order_id}/history?limit=1000{f'&trader={trader}' if trader else ''}", fail=True)
        facts = [{**row, "event": row.get("kind", "")} for row in reversed(told)]
        return {"order_id": str(order_id), "trader": trader, "traders": [trader], "facts": facts}
    return await asyncio.to_thread(_order_life, asked, order_id, trader)


def _order_life(asked: Asked, order_id: int, trader: str) -> dict[str, Any]:
    with reading(asked.source) as (log, session):
        frame = log.frame("orders", session, order_id=order_id)
        traders = sorted(set(frame["trader"].to_list()))
        if not traders:
            raise AnswerError(f"no trader used the order id {order_id} in this session; ids stand on the desk, and in the view orders")
        chosen = trader if trader in traders else traders[0]
        found = log.order_history(session, order_id, chosen)
        instruments = log.instruments(session)
    facts = shapes.rows(found.head(FACTS_MOST), Names(instruments), money_decimals(instruments))
    return {"order_id": str(order_id), "trader": chosen, "traders": traders, "facts": facts}


async def sql(asked: Asked) -> Any:
    """The answer to one SELECT over the log; `limit` rows at most. One question is answered at a time."""
    statement, limit = asked.text("statement"), asked.number("limit", 200, 1, ROWS_MOST)
    if len(statement) > STATEMENT_MOST:
        raise AnswerError(f"the statement has {len(statement):,} characters; at most {STATEMENT_MOST:,}")
    if _one_at_a_time.locked():
        raise AnswerError("another question is being answered; ask again when it is")
    async with _one_at_a_time:
        return await asyncio.to_thread(_sql, asked, statement, limit)


def _sql(asked: Asked, statement: str, limit: int) -> dict[str, Any]:
    with reading(asked.source) as (log, _):
        frame = select(log, statement, limit + 1)
    rows = plain_rows(frame.head(limit))
    kinds = {name: "num" if kind.is_numeric() else "text" for name, kind in frame.schema.items()}
    return {"columns": list(kinds), "kinds": kinds, "rows": [list(row.values()) for row in rows], "more": len(frame) > limit}


async def surveillance(asked: Asked) -> Any:
    """Cases: those that the session's service keeps, or with `look=1` those that the rules find in the log now."""
    return await asyncio.to_thread(_surveillance, asked)


def _surveillance(asked: Asked) -> dict[str, Any]:
    rules = [{"name": one.name, "says": one.says, "source": one.source} for one in RULES.values()]
    kept = folder_of(asked.source) / FOLDER / "surveillance.sqlite"
    if not asked.query.get("look"):
        return {"rules": rules, "kept": kept.exists(), "cases": _kept(kept) if kept.exists() else None}
    with reading(asked.source) as (log, session):
        frame = cases(log, session)
    rows = plain_rows(frame.reverse().head(CASES_MOST))
    return {"rules": rules, "kept": kept.exists(), "cases": [shapes.plain(row) for row in rows]}


def _kept(path: Any) -> list[dict[str, Any]]:
    """The cases of the service, newest first."""
    names = ("rule", "trader", "symbol", "first_seq", "last_seq", "started", "ended", "value", "threshold", "facts", "text")
    try:
        con = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            found = con.execute(f"SELECT {', '.join(names)} FROM cases ORDER BY ended DESC LIMIT {CASES_MOST}").fetchall()
        finally:
            con.close()
    except sqlite3.Error as odd:
        raise LogError(f"{path}: cannot be read ({odd}); `tapebook live rebuild NAME surveillance` makes it anew") from None
    rows = [dict(zip(names, row)) for row in found]
    return [shapes.plain({**row, "started": time_text(row["started"]), "ended": time_text(row["ended"])}) for row in rows]
