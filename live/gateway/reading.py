"""What the gateway shows: portfolios, limits, instruments, books, trades, bars, quotes, refusals, past states."""

import asyncio
import re
from typing import Any

import polars as pl

from data.log.schema import LogError
from engine.exchange import Exchange
from engine.messages.durations import duration_ns
from engine.messages.instrument import Instrument
from live.gateway import shapes
from live.gateway.calls import ROWS_MAX, Answer, Call, named_page, paged
from live.gateway.desk import Desk
from live.gateway.problems import malformed, missing
from live.models.market import book, quote
from live.wire.times import nanoseconds

LEVELS = 10
MINUTE = 60 * 10**9


def symbol(desk: Desk, name: str) -> str:
    """A symbol that is listed. Raises Problem (404)."""
    if name not in desk.names.symbols or desk.names.symbols[name] >= len(desk.names.instruments):
        raise missing("instrument", name, f"there are {', '.join(list(desk.names.symbols)[:20])}")
    return name


def portfolio(desk: Desk, call: Call) -> str:
    """The portfolio in the path. Raises Problem (403, 404)."""
    name = call.path["name"]
    call.who.check_portfolio(name)
    if not name or name not in desk.names.portfolios:
        raise missing("portfolio", name, "the session has none of that name")
    return name


def account(desk: Desk, name: str) -> dict[str, Any]:
    """A portfolio as the answer shows it."""
    return {"name": name, "seq": desk.models.seq, **shapes.plain(desk.models.portfolio_exact(name))}


def accounts(desk: Desk, call: Call) -> list[dict[str, Any]]:
    """All portfolios that the token sees."""
    return [account(desk, name) for name in desk.names.portfolios if name and call.who.sees_portfolio(name)]


async def list_portfolios(desk: Desk, call: Call) -> Answer:
    """GET /v1/portfolios."""
    return named_page(accounts(desk, call), "name", call)


async def show_portfolio(desk: Desk, call: Call) -> Answer:
    """GET /v1/portfolios/{name}."""
    return Answer(200, account(desk, portfolio(desk, call)))


def limits(desk: Desk, name: str) -> list[dict[str, Any]]:
    """The limits of a portfolio, their use and headroom."""
    return [shapes.plain(row) for row in desk.models.limits_exact(portfolio=name)]


async def show_limits(desk: Desk, call: Call) -> Answer:
    """GET /v1/portfolios/{name}/limits."""
    return Answer(200, limits(desk, portfolio(desk, call)))


async def show_settlement(desk: Desk, call: Call) -> Answer:
    """GET /v1/portfolios/{name}/settlement: in the order in which it settles."""
    name, running = portfolio(desk, call), desk.session.supervisor
    kept = running.kept.get("settlement") if running is not None else None
    if kept is None or not kept.service.ready:
        raise missing("settlement", name, "none runs; a session that settles has [settlement] in its configuration")
    frame = await asyncio.to_thread(kept.service.ladder)
    shown = frame.filter(pl.col("portfolio") == name).drop("portfolio").with_columns(pl.col("settles", "traded").cast(pl.String))
    return Answer(200, desk.rows(shown))


async def list_instruments(desk: Desk, call: Call) -> Answer:
    """GET /v1/instruments."""
    return named_page([shapes.instrument(one) for one in desk.names.instruments], "symbol", call)


async def show_book(desk: Desk, call: Call) -> Answer:
    """GET /v1/book/{symbol}."""
    depth = call.number("depth", LEVELS, ROWS_MAX)
    return Answer(200, await book_of(desk, symbol(desk, call.path["symbol"]), depth))


async def book_of(desk: Desk, name: str, depth: int) -> dict[str, Any]:
    """The book as it is committed."""
    found = await desk.ask(lambda exchange: book(exchange, name, depth))
    return shapes.plain(found)


async def quotes_of(desk: Desk, symbols: list[str]) -> list[dict[str, Any]]:
    """Best prices and last trades."""
    found = await desk.ask(lambda exchange: [quote(exchange, name) for name in symbols])
    return [shapes.plain(one) for one in found]


def symbols(desk: Desk, call: Call) -> list[str]:
    """The symbols of a list with commas; all without one. Raises Problem (404)."""
    asked = call.query.get("symbols", "")
    names = [name for name in asked.split(",") if name] or [one.symbol for one in desk.names.instruments]
    return [symbol(desk, name) for name in dict.fromkeys(names)]


async def list_quotes(desk: Desk, call: Call) -> Answer:
    """GET /v1/quotes."""
    return named_page(await quotes_of(desk, symbols(desk, call)), "symbol", call)


_MINUTES = re.compile(r"([0-9.]+)\s*m")
"""Minutes as charts write them: 1m, 5m."""
_PUBLIC = ("seq", "ts", "symbol", "price", "quantity", "taker_side", "price_ticks", "quantity_lots")


async def list_trades(desk: Desk, call: Call) -> Answer:
    """GET /v1/trades/{symbol}: without the names of those who traded."""
    limit, before = call.page()
    frame = desk.models.trades(symbol(desk, call.path["symbol"])).select(_PUBLIC)
    if before is not None:
        frame = frame.filter(pl.col("seq") < before)
    return paged(desk.rows(frame.tail(limit).reverse()), limit)


async def list_bars(desk: Desk, call: Call) -> Answer:
    """GET /v1/bars/{symbol}: of the trades that the read models keep; a page's cursor is the seq of a bar's first trade.

    Where streams run beside the session, minutes are theirs as they were told, with their `revision`, and the cursor counts minutes; the
    minute that is open, and those before the streams began, come from the trades, with a null for it.
    """
    limit, before = call.page()
    given = call.query.get("interval", "1m")
    try:
        width = duration_ns(_MINUTES.sub(r"\1min", given))
    except ValueError as odd:
        raise malformed("interval", str(odd)) from None
    if width < 1_000_000:
        raise malformed("interval", f"{given!r} is too short; a bar has at least 1ms")
    frame = desk.models.trades(symbol(desk, call.path["symbol"]))
    instrument = desk.names.instruments[desk.names.symbols[call.path["symbol"]]]
    made = bars(frame, width)
    streams = desk.session.streams
    if streams is not None and width == MINUTE:
        return paged(_minutes(streams.bars(instrument.symbol), desk.rows(made), instrument, before)[:limit], limit)
    if before is not None:
        made = made.filter(pl.col("seq") < before)
    page = desk.rows(made.tail(limit).reverse())
    return paged([{**row, "volume": shapes.text(instrument.quantity(row.pop("lots")))} for row in page], limit)


def _minutes(told: list[dict[str, Any]], traded: list[dict[str, Any]], instrument: Instrument, before: int | None) -> list[dict[str, Any]]:
    """Bars that were told, and where none was those of the trades, newest first, `seq` counting minutes."""
    found = {row["start"]: {**row, "revision": None} for row in traded}
    for row in found.values():
        row["volume"] = shapes.text(instrument.quantity(row.pop("lots")))
    found |= {row["start"]: row for row in told}
    numbered = [{**row, "seq": (nanoseconds(start) or 0) // MINUTE} for start, row in sorted(found.items(), reverse=True)]
    return [row for row in numbered if before is None or row["seq"] < before]


def bars(trades: pl.DataFrame, width: int) -> pl.DataFrame:
    """Open, high, low, close, lots, vwap and number of trades by [start, end), `width` ns each, oldest first; none without a trade."""
    at = pl.col("ts").dt.cast_time_unit("ns").to_physical()
    price, lots = pl.col("price"), pl.col("quantity_lots")
    return (
        trades.with_columns(start=at - at % width)
        .group_by("symbol", "start", maintain_order=True)
        .agg(
            seq=pl.col("seq").first(),
            end=pl.col("start").first() + width,
            open=price.first(),
            high=price.max(),
            low=price.min(),
            close=price.last(),
            lots=lots.sum(),
            vwap=(price * lots).sum() / lots.sum(),
            trades=pl.len(),
        )
    )


async def list_breaches(desk: Desk, call: Call) -> Answer:
    """GET /v1/breaches."""
    limit, before = call.page()
    asked = call.query.get("portfolio")
    if asked is not None:
        call.who.check_portfolio(asked)
    frame = desk.models.breaches(portfolio=asked)
    if asked is None and not call.who.oversees:
        frame = frame.filter(pl.col("portfolio").is_in(list(call.who.portfolios)))
    return _newest(desk, frame, limit, before)


async def list_failures(desk: Desk, call: Call) -> Answer:
    """GET /v1/compliance-failures."""
    limit, before = call.page()
    every = call.who.oversees and "trader" not in call.query
    return _newest(desk, desk.models.compliance_failures(trader=None if every else call.trader()), limit, before)


def _newest(desk: Desk, frame: pl.DataFrame, limit: int, before: int | None) -> Answer:
    if before is not None:
        frame = frame.filter(pl.col("seq") < before)
    return paged(desk.rows(frame.tail(limit).reverse()), limit)


async def list_alerts(desk: Desk, call: Call) -> Answer:
    """GET /v1/alerts; what privileged people did is for those who oversee."""
    limit, before = call.page()
    seen = [one for one in reversed(desk.alerts) if call.who.oversees or one["kind"] != "PrivilegedAction"]
    seen += desk.notices()
    return paged([one for one in seen if before is None or one["seq"] < before][:limit], limit)


async def show_state(desk: Desk, call: Call) -> Answer:
    """GET /v1/state?at=: from the log."""
    given = call.query.get("at")
    at: Any = int(given) if given is not None and given.isascii() and given.isdigit() and len(given) < 19 else given
    try:
        exchange: Exchange = await asyncio.to_thread(desk.session.log.state, desk.session.number, at)
    except (LogError, ValueError) as odd:
        raise malformed("at", str(odd)) from None
    return Answer(200, await asyncio.to_thread(_state, exchange))


def _state(exchange: Exchange) -> dict[str, Any]:
    """Portfolios, books and open orders of an exchange."""
    from live.wire.portfolios import account as account_of
    from live.wire.portfolios import portfolio_json

    row, named = exchange.state.session[0], exchange.names.portfolios.items()
    seq, ts = int(row["seq"]), int(row["ts"])
    made = [portfolio_json("", seq, ts, name, account_of(exchange.state, k), exchange.names, exchange.decimals) for name, k in named if k]
    import msgspec

    return {
        "seq": seq,
        "ts": shapes.time_text(ts),
        "portfolios": [msgspec.Raw(one.encode()) for one in made],
        "books": [shapes.plain(book(exchange, one.symbol)) for one in exchange.instruments],
    }
