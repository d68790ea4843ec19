"""How a run opens: with commands of its own, or those of a recorded session and what is new in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from data.session_feed import named_in
from engine.exchange import Exchange
from engine.messages.commands import Limits, set_limits
from engine.messages.encoding import encode_cash
from engine.messages.instrument import Instrument, Number
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind


def opening_of(
    instruments: list[Instrument], cash: Mapping[str, Number], limits: Mapping[str, Limits], opening: np.ndarray | None
) -> Exchange:
    """An exchange whose opening has yet to be carried out: that of a recorded session, with cash and limits for who is new in it, or one
    of its own."""
    if opening is None:
        return Exchange(instruments, cash=cash, limits=limits, open_now=False)
    exchange = Exchange(instruments, open_now=False)
    exchange.names.portfolios.update(named_in(opening, Kind.PORTFOLIO))
    exchange.names.traders.update(named_in(opening, Kind.TRADER))
    new = [name for name in cash if name not in exchange.names.portfolios]
    paid = encode_cash({name: cash[name] for name in new}, exchange.names, exchange.decimals)
    limited = [exchange.encode(set_limits(name, limits[name])) for name in new if name in limits]
    exchange.opening = np.concatenate([opening, *paid, *limited])
    return exchange


def introduced(exchange: Exchange, portfolio: str, trader: str) -> list[np.ndarray]:
    """The commands that introduce a portfolio and a trader, where they are new."""
    made = [exchange.names.number(kind, name)[1] for kind, name in ((Kind.PORTFOLIO, portfolio), (Kind.TRADER, trader))]
    return [command for command in made if command is not None] or [np.zeros(0, COMMAND)]


def with_fees(instrument: Instrument, maker: Number | None, taker: Number | None) -> Instrument:
    """The instrument with these fees instead of its own, where they are given."""
    given: dict[str, Any] = {name: fee for name, fee in (("maker_fee", maker), ("taker_fee", taker)) if fee is not None}
    return replace(instrument, **given) if given else instrument
