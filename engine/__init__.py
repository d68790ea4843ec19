"""The exchange: records, books, matching and portfolios as compiled kernels; strategies."""

from engine.errors import TapebookError
from engine.exchange import Exchange
from engine.loop.loop_state import Wake, Want
from engine.messages.commands import (
    Command,
    Limits,
    Queue,
    Rules,
    cancel,
    clear,
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
    set_queue,
    set_rules,
    start_of_day,
    stop,
    stop_limit,
)
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Flag, Grain, Kind, OrderStatus, OrderType, QueueModel, Reason, SelfTrade, Side, TimeInForce
from engine.strategy import context as context
from engine.strategy.parameters import Parameter
from engine.strategy.strategy import Strategy

__all__ = [
    "Command",
    "Exchange",
    "Flag",
    "Grain",
    "Instrument",
    "Kind",
    "Limits",
    "OrderStatus",
    "OrderType",
    "Parameter",
    "Queue",
    "QueueModel",
    "Reason",
    "Rules",
    "SelfTrade",
    "Side",
    "Strategy",
    "TapebookError",
    "TimeInForce",
    "Wake",
    "Want",
    "cancel",
    "clear",
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
    "set_queue",
    "set_rules",
    "start_of_day",
    "stop",
    "stop_limit",
]
