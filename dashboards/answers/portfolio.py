"""What a portfolio was worth through time, what was traded, and what settles when."""

import asyncio
from decimal import Decimal
from typing import Any

import polars as pl

from dashboards.answers.place import folder_of, reading
from dashboards.answers.port import AnswerError, Asked
from dashboards.answers.runs import points
from dashboards.answers.worth import worth_of
from dashboards.source.log import LogSource
from dashboards.source.remote import RemoteSource
from dashboards.source.run import RunSource
from dashboards.source.session import SessionSource
from data.log.event_log import EventLog
from data.settlement.ladder import SUFFIX, as_frame, machine_of
from data.settlement.terms import SettlementError
from engine.messages.instrument import money_decimals
from engine.messages.names import Names
from live.gateway import shapes

NO_SETTLEMENT = "Nothing settles here: a session that settles has [settlement] in its configuration, and settle = … of its instruments."


def _portfolio(asked: Asked) -> str:
    """The portfolio that is asked for, if it may be seen. Raises AnswerError."""
    name = asked.text("portfolio")
    if not asked.who.oversees and not asked.who.sees_portfolio(name):
        raise AnswerError(f"portfolio {name[:60]!r} is not yours to see")
    return name


async def equity(asked: Asked) -> Any:
    """[ts, equity, drawdown] of a portfolio: of a run its curve; of a session as its log says; elsewhere nothing but what comes."""
    name, source = _portfolio(asked), asked.source
    if isinstance(source, RunSource):
        found = source.result.strategies.get(name)
        if found is None:
            raise AnswerError(f"the run has no portfolio {name[:60]!r}; it has {', '.join(source.result.strategies)}")
        return {"portfolio": name, "since": "run", "points": await asyncio.to_thread(points, found)}
    if isinstance(source, RemoteSource):
        return {"portfolio": name, "since": "page", "points": []}
    return {"portfolio": name, "since": "session", "points": await asyncio.to_thread(_worth, asked, name)}


def _worth(asked: Asked, name: str) -> list[list[str]]:
    with reading(asked.source) as (log, session):
        return worth_of(log, session).points(name)


async def traded(asked: Asked) -> Any:
    """Per symbol what was bought and sold, notional and fees, as the log's view `positions` says; of a run its figures."""
    name = _portfolio(asked)
    if isinstance(asked.source, RunSource):
        return await asyncio.to_thread(_run_traded, asked.source, name)
    return await asyncio.to_thread(_traded, asked, name)


def _run_traded(source: RunSource, name: str) -> dict[str, Any]:
    summary = source.result.strategies[name].summary if name in source.result.strategies else {}
    figures = {key: shapes.plain(summary.get(key)) for key in ("turnover", "fees", "fees_paid", "rebates", "fills", "maker_share")}
    return {"portfolio": name, "figures": figures, "rows": []}


def _traded(asked: Asked, name: str) -> dict[str, Any]:
    with reading(asked.source) as (log, session):
        frame = log.frame("positions", session, portfolio=name)
        instruments = log.instruments(session)
    rows = shapes.rows(frame, Names(instruments), money_decimals(instruments))
    return {"portfolio": name, "figures": {}, "rows": rows}


async def settlement(asked: Asked) -> Any:
    """What of a portfolio settles when; `why` where nothing does."""
    name, source = _portfolio(asked), asked.source
    if isinstance(source, RemoteSource):
        found = await source.calls.get(f"/v1/portfolios/{name}/settlement")
        return {"rows": found or [], "why": None if found is not None else NO_SETTLEMENT}
    if isinstance(source, SessionSource):
        frame, names, decimals = await _running(source)
    elif isinstance(source, LogSource):
        frame, names, decimals = await asyncio.to_thread(_recorded, source)
    else:
        frame = None
    if frame is None:
        return {"rows": [], "why": NO_SETTLEMENT}
    shown = frame.filter(pl.col("portfolio") == name).with_columns(pl.col("settles", "traded").cast(pl.String))
    made = shapes.rows(shown.drop("portfolio"), names, decimals)
    return {"rows": [{**row, "cash": f"{Decimal(row['cash_raw']).scaleb(-decimals):f}"} for row in made], "why": None}


async def _running(source: SessionSource) -> tuple[pl.DataFrame | None, Names, int]:
    services = source.session.equipment.services
    kept = services.kept.get("settlement") if services is not None else None
    frame = await asyncio.to_thread(kept.service.ladder) if kept is not None and kept.service.ready else None
    return frame, source.models.names, source.models.decimals


def _recorded(source: LogSource) -> tuple[pl.DataFrame | None, Names, int]:
    """Of two logs; None where there is no second one."""
    names, decimals = source.models.names, source.models.decimals
    folder = folder_of(source)
    beside = folder.with_name(folder.name + SUFFIX)
    if not beside.is_dir():
        return None, names, decimals
    try:
        with reading(source) as (log, session), EventLog.open(beside) as settled:
            return as_frame(machine_of(log, session, settled, 1), names, decimals), names, decimals
    except SettlementError as odd:
        raise AnswerError(str(odd)) from None
