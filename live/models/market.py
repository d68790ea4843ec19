"""What is asked of the exchange itself, as it is between two batches: its books, best prices and last trades. No facts are needed."""

from typing import Any

import numpy as np
import polars as pl

from engine.compiler.kernel import entry_kernel
from engine.exchange import Exchange
from engine.state.arrays import EMPTY, KILLED, MASK, W
from engine.state.ladder import lots_at

TOP = np.dtype(
    [(name, "<i8") for name in ("bid", "bid_lots", "ask", "ask_lots", "last", "mark", "volume")]
    + [(name, "u1") for name in ("has_bid", "has_ask", "has_last", "has_mark")]
)
"""The top of one book: prices in price units, 0 where there is none; `volume` in lots. Equal bytes are an equal top."""


@entry_kernel
def _show_tops(state, tops):  # type: ignore[no-untyped-def]
    for instrument in range(len(tops)):
        top, terms = tops[instrument], state.instruments[instrument]
        bid = np.int64(state.ladders[2 * instrument]["best"])
        ask = np.int64(state.ladders[2 * instrument + 1]["best"])
        if bid != EMPTY:
            top["bid"] = bid * terms["tick"]
            top["bid_lots"] = lots_at(state, 2 * instrument * W + (bid & MASK))
            top["has_bid"] = 1
        if ask != EMPTY:
            top["ask"] = ~ask * terms["tick"]
            top["ask_lots"] = lots_at(state, (2 * instrument + 1) * W + (ask & MASK))
            top["has_ask"] = 1
        top["last"] = terms["last"]
        top["mark"] = terms["mark"]
        top["volume"] = terms["volume"]
        top["has_last"] = terms["traded"]
        top["has_mark"] = terms["marked"]


def tops(exchange: Exchange) -> np.ndarray:
    """TOP (n,), the top of the book of every instrument, in microseconds: `np.flatnonzero(now != before)` are those that changed."""
    made = np.zeros(len(exchange.instruments), TOP)
    _show_tops(exchange.state, made)
    return made


def book(exchange: Exchange, symbol: str, levels: int = 10) -> dict[str, Any]:
    """The book of `symbol`: symbol, seq, ts (ns UTC), bids and asks, each a list of (price, quantity, orders), best first, in Decimals.

    Raises KeyError for an unknown symbol.
    """
    book, instrument = exchange.book(symbol), exchange.instruments[exchange.names.symbol(symbol)]
    bids, asks = (
        [(instrument.price(price), instrument.quantity(lots), orders) for price, lots, orders in book.rows(side, levels).tolist()]
        for side in (0, 1)
    )
    session = exchange.state.session[0]
    return {"symbol": symbol, "seq": int(session["seq"]), "ts": int(session["ts"]), "bids": bids, "asks": asks}


def quotes(exchange: Exchange) -> pl.DataFrame:
    """The quotes of all instruments: symbol, seq, ts, bid, bid_quantity, ask, ask_quantity, last, mark, volume; else null."""
    named: dict[str, Any] = {"symbol": pl.String, "seq": pl.Int64, "ts": pl.Datetime("ns", "UTC")}
    numbers = ("bid", "bid_quantity", "ask", "ask_quantity", "last", "mark", "volume")
    rows = [quote(exchange, one.symbol) for one in exchange.instruments]
    plain = [{name: float(value) if name in numbers and value is not None else value for name, value in row.items()} for row in rows]
    return pl.DataFrame(plain, schema={**named, **dict.fromkeys(numbers, pl.Float64)})


def quote(exchange: Exchange, symbol: str) -> dict[str, Any]:
    """Best prices, last trade price, mark and traded quantity of `symbol`, in Decimals; None where there is nothing. Raises KeyError."""
    number = exchange.names.symbol(symbol)
    if number >= len(exchange.instruments):
        raise KeyError(f"no instrument {symbol!r}; there are {', '.join(exchange.names.symbols)}")
    top, instrument, session = tops(exchange)[number], exchange.instruments[number], exchange.state.session[0]
    made: dict[str, Any] = {"symbol": symbol, "seq": int(session["seq"]), "ts": int(session["ts"])}
    for side in ("bid", "ask"):
        made[side] = instrument.price(int(top[side])) if top[f"has_{side}"] else None
        made[f"{side}_quantity"] = instrument.quantity(int(top[f"{side}_lots"])) if top[f"has_{side}"] else None
    for name in ("last", "mark"):
        made[name] = instrument.price(int(top[name])) if top[f"has_{name}"] else None
    return made | {"volume": instrument.quantity(int(top["volume"]))}


def controls(exchange: Exchange) -> dict[str, Any]:
    """What is stopped now: `killed` (the session's switch), names of killed `portfolios` and `traders`, `halted` symbols."""
    state, names = exchange.state, exchange.names
    tables = (("portfolios", state.portfolios, names.portfolios), ("traders", state.traders, names.traders))
    made: dict[str, Any] = {"seq": int(state.session[0]["seq"]), "killed": bool(state.session[0]["killed"])}
    for word, rows, named in tables:
        made[word] = [name for name, number in named.items() if number < len(rows) and int(rows[number]["guard"]) & KILLED]
    made["halted"] = [one.symbol for k, one in enumerate(exchange.instruments) if state.instruments[k]["halted"]]
    return made
