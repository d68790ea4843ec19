"""How a run opens: with commands of its own, or those of a recorded session and what is new in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from data.session_feed import named_in
from data.venues.fees import Fees, fees
from engine.exchange import Exchange
from engine.messages.commands import Limits, set_limits
from engine.messages.encoding import encode_cash
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument, Number
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind

FeesOf = str | Fees | Mapping[str, str | Fees]
"""A venue's preset, or one for each of some symbols."""


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


def charged(
    instruments: list[Instrument], preset: FeesOf | None, maker: Number | None, taker: Number | None
) -> tuple[list[Instrument], dict[str, str]]:
    """The instruments with these fees instead of their own, and the venue of each preset, by symbol. Raises ValueError where a preset is
    none, names no symbol, or rates are given beside it."""
    if preset is None:
        return [with_fees(one, maker, taker) for one in instruments], {}
    if maker is not None or taker is not None:
        raise ValueError("fees is a venue's maker and taker fee; leave maker_fee and taker_fee out, or fees")
    symbols = [one.symbol for one in instruments]
    named = dict(preset) if isinstance(preset, Mapping) else dict.fromkeys(symbols, preset)
    for symbol in named:
        if symbol not in symbols:
            raise ValueError(f"fees names {symbol!r}; {did_you_mean(symbol, symbols, 'there are ' + ', '.join(symbols))}")
    told = {symbol: fees(one) if isinstance(one, str) else one for symbol, one in named.items()}
    made = [with_fees(one, told[one.symbol].maker, told[one.symbol].taker) if one.symbol in told else one for one in instruments]
    return made, {symbol: f"{one.venue} ({one.source}{', ' + one.checked if one.checked else ''})" for symbol, one in told.items()}


def with_fees(instrument: Instrument, maker: Number | None, taker: Number | None) -> Instrument:
    """The instrument with these fees instead of its own, where they are given."""
    given: dict[str, Any] = {name: fee for name, fee in (("maker_fee", maker), ("taker_fee", taker)) if fee is not None}
    return replace(instrument, **given) if given else instrument
