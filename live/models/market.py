"""What is asked of the exchange itself, as it is between two batches: its books, best prices and last trades. No facts are needed."""

from typing import Any

from engine.exchange import Exchange


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


def quote(exchange: Exchange, symbol: str) -> dict[str, Any]:
    """Best prices, last trade price, mark and traded quantity of `symbol`, in Decimals; None where there is nothing. Raises KeyError."""
    top, number = book(exchange, symbol, 1), exchange.names.symbol(symbol)
    instrument, terms = exchange.instruments[number], exchange.state.instruments[number]
    bid, ask = (side[0] if side else (None, None, 0) for side in (top["bids"], top["asks"]))
    return {
        **{name: top[name] for name in ("symbol", "seq", "ts")},
        "bid": bid[0],
        "bid_quantity": bid[1],
        "ask": ask[0],
        "ask_quantity": ask[1],
        "last": instrument.price(int(terms["last"])) if terms["traded"] else None,
        "mark": instrument.price(int(terms["mark"])) if terms["marked"] else None,
        "volume": instrument.quantity(int(terms["volume"])),
    }
