"""How a session opens: instruments, portfolios, traders, limits and rules as commands, and its strategies."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from data.feed import Feed
from data.levels.queues import queue_model
from data.session_feed import named_in
from engine.exchange import Exchange
from engine.messages.commands import set_queue, set_rules
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Kind
from engine.strategy.load import load_strategy
from engine.strategy.participant import NONE, Participant
from live.configuration.session import SessionSettings


def instruments_of(settings: SessionSettings, market: Feed | None) -> list[Instrument]:
    """What is traded: the market's instruments first, whose numbers its commands name, then those listed beside it."""
    found = list(market.instruments) if market is not None else []
    known = {one.symbol for one in found}
    return found + [one.instrument() for one in settings.listed() if one.symbol not in known]


def open_exchange(settings: SessionSettings, instruments: Sequence[Instrument], opening: np.ndarray | None = None) -> Exchange:
    """An exchange whose `opening` is yet to be carried out; `opening`: of a recorded session that is played again."""
    if opening is not None:
        exchange = Exchange(instruments, open_now=False, keep_facts=False, history_facts=True)
        exchange.names.portfolios.update(named_in(opening, Kind.PORTFOLIO))
        exchange.names.traders.update(named_in(opening, Kind.TRADER))
        exchange.opening = opening
        return exchange
    exchange = Exchange(instruments, cash=settings.cash(), limits=settings.limits(), open_now=False, keep_facts=False, history_facts=True)
    rules, parts = settings.rules(), [exchange.opening]
    for trader in [*(one.name for one in settings.traders), *(one.name for one in settings.strategies)]:
        introduced = exchange.names.number(Kind.TRADER, trader)[1]
        if introduced is not None:
            parts.append(introduced)
    parts += [exchange.encode(set_rules(trader, given)) for trader, given in rules.items()]
    parts += [exchange.encode(set_queue(one.symbol, queue_model(one.queue))) for one in settings.listed() if one.queue is not None]
    exchange.opening = np.concatenate(parts)
    return exchange


def participants_of(settings: SessionSettings) -> list[Participant]:
    """The session's strategies, in the order in which they are called. Raises StrategyError where one cannot be imported."""
    made = []
    for one in settings.strategies:
        kind = load_strategy(one.strategy)
        made.append(Participant(one.portfolio, kind, dict(one.set), Decimal(0), NONE, None, None, one.name))
    return made
