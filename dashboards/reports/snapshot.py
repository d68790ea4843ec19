"""What a page shows to one viewer at one moment: every topic and every answer that its cards ask for."""

import asyncio
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from dashboards.answers.port import Asked, Html
from dashboards.answers.table import ANSWERS
from dashboards.pages.place import Place
from dashboards.pages.visit import Cell, Visit
from dashboards.source.port import Source, Topic, topic_for
from engine.errors import TapebookError
from live.gateway.security.principals import Principal

TOPICS = ("quotes", "orders", "accounts", "exposure", "limits", "refusals", "controls", "alerts", "status", "operations")
REMOTE_TURNS, TURN_SECONDS = 8, 0.25
Question = tuple[str, dict[str, str]]


class Snapshot(NamedTuple):
    """A page as it stood: its cells, and what the script reads of it (`still` of `still.mjs`)."""

    place: Place
    name: str
    cells: list[Cell]
    still: dict[str, Any]


async def snapshot(source: Source, place: Place, who: Principal, query: dict[str, str], out: Path) -> Snapshot:
    """Look at everything once, with the rights of `who`. Nothing can be sent from what this makes."""
    topics = await _topics(source, place, who, query)
    about = source.about
    said = {"kind": about.kind, "name": about.name, "live": False, "still": True, "trades": False, "instruments": about.instruments}
    roles = sorted(role.value for role in who.roles)
    viewer = {"subject": who.subject, "roles": roles, "trader": who.trader, "portfolios": sorted(who.portfolios)}
    welcome = {"type": "welcome", "about": said, "who": viewer, "oversees": who.oversees, "seq": source.seq}
    at = datetime.now(UTC).isoformat(timespec="seconds")
    answers = await _answers(place, Asked(who, query, source, out), topics)
    asked = "&".join(f"{key}={_quoted(value)}" for key, value in query.items())
    still = {"welcome": welcome, "at": at, "seq": source.seq, "query": asked, "topics": topics, "answers": answers}
    visit = Visit(who, Still(source), query, out)  # type: ignore[arg-type]
    return Snapshot(place, about.name, import_module(f"dashboards.pages.{place.module}").cells(visit), still)


class Still:
    """A source as a page sees it that can only be looked at."""

    def __init__(self, source: Source) -> None:
        self.about = source.about._replace(live=False, trades=False)


def _quoted(value: str) -> str:
    from urllib.parse import quote

    return quote(value, safe="")


async def _topics(source: Source, place: Place, who: Principal, query: dict[str, str]) -> dict[str, Any]:
    wanted = {name: topic_for(who, name) for name in TOPICS}
    listed = [str(one["symbol"]) for one in source.about.instruments]
    if place.module == "desk" and listed:
        symbol = query["symbol"] if query.get("symbol") in listed else listed[0]
        interval = int(query["interval"]) if query.get("interval", "").isdigit() and 1 <= int(query["interval"]) <= 3600 else 5
        wanted[f"market {symbol} {interval}"] = topic_for(who, "market", symbol, interval)
    await _turned(source, frozenset(wanted.values()))
    return {name: source.read(topic, None)[0] for name, topic in wanted.items()}


async def _turned(source: Source, topics: frozenset[Topic]) -> None:
    """A session elsewhere tells its quotes one by one, after it was asked."""
    await source.turn(topics)
    for _ in range(REMOTE_TURNS if source.about.kind == "remote" else 0):
        await asyncio.sleep(TURN_SECONDS)
        await source.turn(topics)


# what the cards of a page ask their server


async def _answers(place: Place, asked: Asked, topics: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if place.module == "backtests":
        await _of_runs(asked, made)
        return made
    for question in _questions(place, asked, topics):
        await _answer(question, asked, made)
    return made


def _questions(place: Place, asked: Asked, topics: dict[str, Any]) -> list[Question]:
    query = asked.query
    if place.module == "portfolio":
        shown = _shown([str(one["name"]) for one in topics["accounts"].get("portfolios", ())], asked)
        return [(what, {"portfolio": name}) for name in shown for what in ("equity", "traded", "settlement")]
    if place.module == "operations":
        return [("standing", {}), ("letters", {})]
    if place.module == "audit":
        order = [("order", {"order_id": query["order"], "trader": query.get("trader", "")})] if query.get("order") else []
        statement = [("sql", {"statement": query["sql"].strip(), "limit": "200"})] if query.get("sql", "").strip() else []
        return [*order, *statement, ("cases", {})]
    return []


def _shown(names: list[str], asked: Asked) -> list[str]:
    """The portfolio that the page shows (`view.mjs`): the one asked for, the viewer's own, or the first."""
    wanted = [name for name in names if name == asked.query.get("portfolio")]
    own = [name for name in names if name in asked.who.portfolios]
    return [*wanted, *own, *names][:1]


async def _of_runs(asked: Asked, made: dict[str, Any]) -> None:
    """The list, the runs that are compared, and the one that is shown with its report or its book."""
    query = asked.query
    listed = await _answer(
        ("runs", {"size": "20", **{name: query.get(name, "") for name in ("strategy", "data", "sort", "page")}}), asked, made
    )
    told = await _answer(("sweeps", {}), asked, made)
    if told and told["sweeps"]:
        given = {name: query.get(name, "") for name in ("by", "x", "y")}
        await _answer(("sweep", {"sweep": query.get("sweep") or told["sweeps"][0]["sweep"], **given}), asked, made)
    first = listed["rows"][0]["run"] if listed and listed["rows"] else ""
    run, compared = query.get("run") or first, query.get("compare") or query.get("run") or first
    if not run:
        return
    found = await _answer(("compare", {"runs": ",".join(name for name in compared.split(",") if name)}), asked, made)
    for one in found["runs"] if found else ():
        await _answer(("curve", {"run": one["run"]}), asked, made)
    await _answer(("report", {"run": run}), asked, made)
    if query.get("show") == "book":
        book = {"run": run, "at": query.get("at", ""), "symbol": query.get("of", ""), "depth": "15"}
        await _answer(("run-book", book), asked, made)


async def _answer(question: Question, asked: Asked, made: dict[str, Any]) -> Any:
    """One answer, under the name that the script gives the question; None where there is none, and why stands there."""
    name, query = question
    query = {key: value for key, value in query.items() if value != ""}
    key = name + json.dumps(sorted([key, value] for key, value in query.items()), separators=(",", ":"), ensure_ascii=False)
    if not asked.who.roles & ANSWERS[name].roles:
        roles = ", ".join(sorted(ANSWERS[name].roles))
        made[key] = {"ok": False, "data": {"code": "FORBIDDEN", "detail": f"this is for {roles}; your token has another role"}}
        return None
    try:
        found = await ANSWERS[name].give(asked._replace(query=query))
    except (TapebookError, OSError, LookupError, ValueError) as odd:
        made[key] = {"ok": False, "data": {"code": "NO_ANSWER", "detail": str(odd)}}
        return None
    found = found.text if isinstance(found, Html) else found
    made[key] = {"ok": True, "data": found}
    return found
