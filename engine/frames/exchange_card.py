"""An exchange in a line, and as a notebook shows it: its instruments with their best prices."""

import numpy as np

from engine.frames.queries import Reading
from engine.messages.instrument import Instrument
from engine.state.card import card, figures, note, table

SHOWN = 12
"""Instruments that a notebook shows."""
HEADS = ("symbol", "bid quantity", "bid", "ask", "ask quantity", "last", "volume")


def exchange_line(exchange: Reading) -> str:
    """Its symbols, and how far it is."""
    symbols = [one.symbol for one in exchange.instruments]
    listed = ", ".join(symbols[:5]) + (", …" if len(symbols) > 5 else "") or "no instruments"
    return f"{listed}: seq {int(exchange.state.session['seq'][0]):,}"


def exchange_card(exchange: Reading) -> str:
    """Static HTML that follows the page's light or dark."""
    session, listed = exchange.state.session[0], exchange.instruments
    shown = [
        ("Seq", f"{int(session['seq']):,}"),
        ("Open orders of clients", f"{int(session['open_orders']):,}"),
        ("Portfolios", f"{len(exchange.names.portfolios) - 1:,}"),
        ("Traders", f"{len(exchange.names.traders) - 1:,}"),
    ]
    if session["ts"]:
        shown.append(("Time", str(np.datetime64(int(session["ts"]), "ns"))[:23].replace("T", " ")))
    rows = table(HEADS, [_row(exchange, one) for one in listed[:SHOWN]]) if listed else note("No instrument is listed.")
    more = note(f"and {len(listed) - SHOWN:,} more" if len(listed) > SHOWN else "")
    killed = note("The kill switch of the whole session is on." if session["killed"] else "")
    about = f"{len(listed):,} instrument{'' if len(listed) == 1 else 's'}"
    return card("Exchange", about, figures(shown), killed, rows, more)


def _row(exchange: Reading, instrument: Instrument) -> list[str]:
    bids, asks = exchange.book(instrument.symbol).levels(1)
    terms = exchange.state.instruments[exchange.names.symbols[instrument.symbol]]
    (bid, bid_quantity), (ask, ask_quantity) = (_touch(side, instrument) for side in (bids, asks))
    last = f"{float(instrument.price(int(terms['last']))):,.{instrument.price_decimals}f}" if terms["traded"] else "—"
    halted = " (halted)" if terms["halted"] else ""
    volume = f"{float(instrument.quantity(int(terms['volume']))):,g}"
    return [instrument.symbol + halted, bid_quantity, bid, ask, ask_quantity, last, volume]


def _touch(side: list[tuple[float, float, int]], instrument: Instrument) -> tuple[str, str]:
    """Best price and its quantity."""
    return (f"{side[0][0]:,.{instrument.price_decimals}f}", f"{side[0][1]:,g}") if side else ("—", "—")
