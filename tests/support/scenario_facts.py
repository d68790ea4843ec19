"""The right side of a scenario: a fact in words."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.messages.instrument import Instrument
from engine.messages.vocabulary import EXPONENT_PARTS, HISTORY, NOT_NAMED, NOT_WHOLE, Flag, Grain, Kind, OrderType, QueueModel, Reason, Side
from tests.naive.limits import signed
from tests.support.scenario_commands import MILLIONTH, RATIO, THOUSANDTH, Names

UNCOUNTED = 2**32 - 1
Levels = tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]
COUNTS = (Reason.TOO_MANY_ORDERS, Reason.MAX_ORDER_QUANTITY, Reason.SHORT_SALE, Reason.POSITION_LIMIT)
MONEY = (Reason.MAX_ORDER_NOTIONAL, Reason.EXPOSURE_LIMIT, Reason.DAILY_LOSS_LIMIT)
LIMITS, RULES = ("position", "exposure", "loss", "leverage"), ("quantity", "notional", "collar", "rate")
GIVEN = (Reason.UNKNOWN_INSTRUMENT, Reason.INVALID_QUANTITY, Reason.INVALID_PRICE, Reason.INVALID_STOP_PRICE)


def plain(amount: Decimal, places: int = 0) -> str:
    """An amount with at least so many decimals, and no zeros behind them."""
    shown = f"{amount.normalize():f}"
    return shown if len(shown.partition(".")[2]) >= places else f"{amount:.{places}f}"


class Told:
    """One fact; each word of the right side is a method or an attribute of it."""

    def __init__(self, names: Names, fact: Any) -> None:
        self.names, self.fact = names, fact
        self.kind, self.reason = Kind(fact["kind"]), Reason(fact["reason"])
        self.known = fact["instrument"] < len(names.instruments)
        self.listed: Instrument = names.instruments[fact["instrument"] if self.known else 0]
        self.value, self.limit = int(fact["value"]), int(fact["limit"])
        self.price, self.quantity = self.listed.price(int(fact["price"])), fact["quantity"]
        self.who, self.venue = self.key(fact["trader"], fact["order_id"]), chr(fact["order_id"] % 2**16 or 63)
        self.way = Side(fact["side"]).name.lower() if fact["side"] in set(Side) else "?"

    def __str__(self) -> str:
        where = f" on {self.listed.symbol if self.known else '?'}" if self.fact["instrument"] else ""
        return (TEXTS | HISTORY_TEXTS)[self.kind](self) + where

    # ------------------------------------------------------------------ parts

    def key(self, trader: int, order_id: int) -> str:
        if trader == HISTORY:
            return chr(order_id) if order_id else "history"
        return f"{self.trader(trader)}#{order_id}" if trader < len(self.names.traders) else f"?#{order_id}"

    def trader(self, number: int) -> str:
        return self.names.traders[number]

    def portfolio(self) -> str:
        return self.names.portfolios[self.fact["portfolio"]] or "outside"

    def money(self, amount: int) -> str:
        return plain(amount * self.names.money_unit, 2)

    def terms(self) -> str:
        stop = f" stop {self.listed.price(int(self.fact['stop_price']))}" if self.fact["stop_price"] else ""
        price = "market" if self.fact["type"] in (OrderType.MARKET, OrderType.STOP) else f"@ {self.price}"
        return f"{self.who} {self.way} {self.quantity} {price}{stop}"

    def ahead(self) -> str:
        if self.fact["ahead"] == UNCOUNTED:
            return ", ahead not counted"
        return f", {self.fact['ahead']} ahead" if self.fact["ahead"] else ""

    def left(self) -> str:
        return f"{self.who}, {self.fact['remaining']} of {self.quantity}, {self.reason.name}"

    def clipped(self) -> str:
        return f", {self.value} clipped" if self.value else ""

    def given(self) -> str:
        """What a malformed command gave."""
        if self.reason not in GIVEN or not self.value:
            return ""
        return ", not whole" if self.value == NOT_WHOLE else f", {self.value} given"

    def why(self) -> str:
        """The reason, what was found, and the limit."""
        return self.reason.name + self.judged()

    def judged(self) -> str:
        value, limit, sells = self.value, self.limit, self.fact["side"] == Side.SELL
        if self.reason in COUNTS or (self.reason == Reason.BUYING_POWER and sells):
            return f", {value} (limit {limit})"
        if self.reason in MONEY or self.reason == Reason.BUYING_POWER:
            return f", {self.money(value)} (limit {self.money(limit)})"
        if self.reason == Reason.PRICE_COLLAR:
            return f", {self.listed.price(value)} (limit {self.listed.price(limit)})"
        if self.reason == Reason.LEVERAGE_LIMIT:
            return f", {'no equity' if value == 2**63 - 1 else plain(value * RATIO)} (limit {plain(limit * RATIO)})"
        if self.reason == Reason.ORDER_RATE:
            return f" (limit {plain(limit * THOUSANDTH)})"
        return f", {value} held" if self.reason == Reason.REDUCE_ONLY and value else ""

    # ------------------------------------------------------------------ sentences

    def trade(self) -> str:
        fact = self.fact
        taker = f"{self.who} ({fact['remaining']} left)"
        maker = f"{self.key(fact['maker_trader'], fact['maker_order_id'])} ({fact['maker_remaining']} left)"
        verb = "sells to" if fact["side"] else "buys from"
        fee, maker_fee = (int(fact[name]) * self.names.money_unit for name in ("fee", "maker_fee"))
        fees = f", fees {fee:f} and {maker_fee:f}" if fee or maker_fee else ""
        estimated = ", estimated" if fact["flags"] & Flag.ESTIMATED else ""
        return f"trade {self.quantity} @ {self.price}: {taker} {verb} {maker}{fees}{estimated}" + self.ahead()

    def amounts(self, words: Sequence[str], fourth_unit: Decimal, flag: str) -> str:
        """The amounts of a LimitsSet or a RulesSet: units, money, money or parts, parts."""
        units, last = signed(int(self.fact["order_id"])), signed(int(self.fact["maker_order_id"]))
        third = self.money(self.limit) if "loss" in words else plain(self.limit * RATIO)
        said = [plain(units * Decimal(1).scaleb(int(self.fact["type"]) - 128)), self.money(self.value), third, plain(last * fourth_unit)]
        given = (units, self.value, self.limit, last)
        told = [f"{word} {text}" for word, text, amount in zip(words, said, given) if amount != NOT_NAMED]
        return ", ".join(told + [flag] * bool(self.fact["flags"])) or "none"

    def queue(self) -> str:
        exponent = f" {plain(Decimal(int(self.quantity)) / EXPONENT_PARTS)}" if self.quantity else ""
        share = f" {plain(self.value * MILLIONTH)}" if self.value else ""
        model = QueueModel(self.fact["type"]).name.lower().replace("_", "-")
        return f"queue {Grain(self.fact['remaining']).name.lower()} {model}{exponent}{share}"

    def switched(self) -> str:
        if self.fact["flags"] == 0:
            return "session"
        return self.portfolio() if self.fact["flags"] == 1 else f"trader {self.trader(self.fact['trader']) or 'nameless'}"

    def limits(self) -> str:
        return f"limits of {self.portfolio()}: " + self.amounts(LIMITS, RATIO, "cash-account")

    def rules(self) -> str:
        name = self.trader(self.fact["trader"]) or "nameless"
        return f"rules of {name}: " + self.amounts(RULES, THOUSANDTH, "no-short")


TEXTS: dict[Kind, Callable[[Told], str]] = {
    Kind.OrderCreated: lambda t: f"created {t.terms()}{t.ahead()}",
    Kind.OrderTriggered: lambda t: f"triggered {t.terms()}{t.ahead()}",
    Kind.OrderReplaced: lambda t: f"replaced {t.terms()}, {t.fact['remaining']} open{t.ahead()}",
    Kind.OrderCancelled: lambda t: f"cancelled {t.left()}",
    Kind.OrderExpired: lambda t: f"expired {t.left()}",
    Kind.OrderRejected: lambda t: f"rejected {t.who}, {t.why()}{t.given()}",
    Kind.CancelRejected: lambda t: f"cancel rejected {t.who}, {t.reason.name}",
    Kind.ReplaceRejected: lambda t: f"replace rejected {t.who}, {t.why()}",
    Kind.CommandRejected: lambda t: f"refused, {t.reason.name}{t.given()}",
    Kind.TradeExecuted: Told.trade,
    Kind.RiskLimitBreached: lambda t: f"breached by {t.portfolio()}, {t.why()}",
    Kind.TradingHalted: lambda t: "halted",
    Kind.TradingResumed: lambda t: "resumed",
    Kind.CashDeposited: lambda t: f"deposited to {t.portfolio()}",
    Kind.LimitsSet: Told.limits,
    Kind.RulesSet: Told.rules,
    Kind.SymbolRestricted: lambda t: f"restricted {t.trader(t.fact['trader']) or 'nameless'}",
    Kind.DayEnded: lambda t: "day ended",
    Kind.DayStarted: lambda t: "day started",
    Kind.PriceMarked: lambda t: f"marked {t.price}",
    Kind.ReferenceSet: lambda t: f"reference {t.price}",
    Kind.TradingKilled: lambda t: f"killed {t.switched()}",
    Kind.TradingRevived: lambda t: f"revived {t.switched()}",
}
HISTORY_TEXTS: dict[Kind, Callable[[Told], str]] = {
    Kind.HistoryAdded: lambda t: f"{t.venue} added, {t.fact['remaining']} open",
    Kind.HistoryReduced: lambda t: f"{t.venue} reduced by {t.quantity}, {t.fact['remaining']} open{t.clipped()}",
    Kind.HistoryExecuted: lambda t: f"{t.venue} executed {t.quantity}, {t.fact['remaining']} open{t.clipped()}",
    Kind.HistoryModified: lambda t: f"{t.venue} modified to {t.way} {t.quantity} @ {t.price}, {t.fact['remaining']} open{t.clipped()}",
    Kind.FlowApplied: lambda t: "flow",
    Kind.TradePrinted: lambda t: f"printed {t.quantity} @ {t.price}",
    Kind.NoticeGiven: lambda t: f"notice {t.fact['price']}",
    Kind.HistoryRevealed: lambda t: f"revealed, {t.fact['remaining']} open",
    Kind.QueueSet: lambda t: t.queue(),
    Kind.HistoryLevelSet: lambda t: f"level {t.way} {t.quantity} @ {t.price}, {t.fact['remaining']} in the book{t.clipped()}",
    Kind.HistoryTraded: lambda t: f"traded {t.way} {t.quantity} @ {t.price}, {t.fact['remaining']} of ours{t.clipped()}",
    Kind.HistoryCleared: lambda t: f"cleared, {t.value} gone",
    Kind.HistoryRemoved: lambda t: f"removed {t.quantity}{t.clipped()}",
}


def picture(levels: Levels, listed: Instrument) -> str:
    """`20 @ 9.99 (2), 5 @ 9.98 | 7 @ 10.00`: bids, asks, best first; the number of orders where it is not one."""
    sides = ([f"{q} @ {listed.price(p)}" + (f" ({n})" if n != 1 else "") for p, q, n in side] for side in levels)
    return " | ".join(", ".join(side) or "-" for side in sides)
