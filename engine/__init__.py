"""The exchange: records, books, matching and portfolios as compiled kernels; strategies."""

from engine.exchange import Exchange
from engine.instrument import Instrument
from engine.orders import (
    Command,
    Limits,
    Rules,
    cancel,
    deposit,
    end_of_day,
    halt,
    kill,
    limit,
    mark,
    market,
    reference,
    replace,
    resume,
    revive,
    set_limits,
    set_rules,
    start_of_day,
    stop,
    stop_limit,
)
from engine.parameters import Parameter
from engine.strategy import Strategy
from engine.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, SelfTrade, Side, TimeInForce
from engine.world import Wake, Want

__all__ = [
    "Command",
    "Exchange",
    "Flag",
    "Instrument",
    "Kind",
    "Limits",
    "OrderStatus",
    "OrderType",
    "Parameter",
    "Reason",
    "Rules",
    "SelfTrade",
    "Side",
    "Strategy",
    "TimeInForce",
    "Wake",
    "Want",
    "cancel",
    "deposit",
    "end_of_day",
    "halt",
    "kill",
    "limit",
    "mark",
    "market",
    "reference",
    "replace",
    "resume",
    "revive",
    "set_limits",
    "set_rules",
    "start_of_day",
    "stop",
    "stop_limit",
]
