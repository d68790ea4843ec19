"""Which facts a command can cause, in their order: a small grammar, which tests hold against the engine.

`A | B` is one or the other, `A?` perhaps, `A*` any number. Facts about history take a seq but are built only on request: each is `?`.
"""

import re

from engine.messages.vocabulary import Kind

PARTS = {
    "fills": "(TradeExecuted RiskLimitBreached? RiskLimitBreached? | OrderCancelled)*",
    "stops": "(OrderTriggered fills)*",
}
"""Fills: each with the alarms of its maker's and its taker's portfolio; orders that end between them (self-trade, reduce-only), and what
is left of the incoming one. Stops: those that the command's trades trigger, one after the other."""


def _answered(fact: str) -> str:
    return f"CommandRejected | {fact}"


CAUSES = {
    Kind.SESSION: _answered("SessionOpened"),
    Kind.SYMBOL: _answered("SymbolNamed"),
    Kind.INSTRUMENT: _answered("InstrumentListed"),
    Kind.PORTFOLIO: _answered("PortfolioOpened"),
    Kind.TRADER: _answered("TraderAdmitted"),
    Kind.DEPOSIT: _answered("CashDeposited"),
    Kind.SET_LIMITS: _answered("LimitsSet"),
    Kind.SET_RULES: _answered("RulesSet"),
    Kind.RESTRICT: _answered("SymbolRestricted"),
    Kind.SET_QUEUE: _answered("QueueSet"),
    Kind.NEW: "OrderRejected | OrderCreated fills stops",
    Kind.CANCEL: "CancelRejected | OrderCancelled",
    Kind.REPLACE: "ReplaceRejected | OrderCancelled | OrderReplaced fills stops",
    Kind.HALT: _answered("TradingHalted"),
    Kind.RESUME: _answered("TradingResumed fills stops"),
    Kind.END_OF_DAY: _answered("DayEnded OrderExpired*"),
    Kind.START_OF_DAY: "DayStarted",
    Kind.MARK: _answered("PriceMarked RiskLimitBreached*"),
    Kind.REFERENCE: _answered("ReferenceSet"),
    Kind.KILL: _answered("TradingKilled OrderCancelled*"),
    Kind.REVIVE: _answered("TradingRevived"),
    Kind.ADD: _answered("HistoryAdded? fills stops"),
    Kind.REDUCE: _answered("HistoryReduced?"),
    Kind.MODIFY: _answered("HistoryModified? fills stops"),
    Kind.EXECUTE: _answered("HistoryExecuted? stops"),
    Kind.FLOW: _answered("FlowApplied? fills stops"),
    Kind.PRINT: _answered("fills stops (TradePrinted fills stops)*"),
    Kind.NOTICE: _answered("NoticeGiven?"),
    Kind.REVEAL: _answered("HistoryRevealed? fills stops"),
    Kind.REMOVE: _answered("HistoryRemoved?"),
    Kind.CLEAR: _answered("HistoryCleared?"),
    Kind.LEVEL: _answered("HistoryLevelSet? fills stops"),
    Kind.TRADE: _answered("fills HistoryTraded? stops"),
}
"""Of each command: the facts that it can cause, in their order."""

_WORD = re.compile(r"[A-Za-z]+")


def _whole(grammar: str) -> str:
    """A grammar without names of parts."""
    for part in reversed(PARTS):
        grammar = re.sub(rf"\b{part}\b", PARTS[part], grammar)
    return grammar


def parts_of(kind: Kind) -> list[str]:
    """The parts that a command's grammar names, nested ones too."""
    named = CAUSES[kind]
    for part in reversed(PARTS):  # a part names only those before it
        named += f" {PARTS[part]}" if part in _WORD.findall(named) else ""
    return [part for part in PARTS if part in _WORD.findall(named)]


def facts_of(kind: Kind) -> list[Kind]:
    """The facts that a command can cause, in the order in which they are first possible."""
    return list(dict.fromkeys(Kind[word] for word in _WORD.findall(_whole(CAUSES[kind]))))


def causes_of(fact: Kind) -> list[Kind]:
    """The commands that can cause a fact."""
    return [kind for kind in CAUSES if fact in facts_of(kind)]


def pattern(kind: Kind) -> "re.Pattern[str]":
    """A pattern that the kinds of a command's facts match, each written as the character of its number."""
    return re.compile(re.sub(r"\s+", "", _WORD.sub(lambda found: f"\\x{Kind[found[0]]:02x}", _whole(CAUSES[kind]))))
