"""What each word of the vocabulary says, and which fields of its record it uses.

Pure data, for people; tests hold it against the engine. Every command has ts and kind, every fact seq, ts and kind. A field that is not
named is 0 in a fact, and not looked at in a command.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine.vocabulary import Flag, Kind, OrderStatus, Reason


class Meaning(NamedTuple):
    """A kind in one sentence, and its fields; a text of its own where the field means something else than its name."""

    says: str
    fields: Mapping[str, str]


COMMAND_FIELDS = {
    "ts": "ns UTC; an earlier time than the last is lifted to it, so 0 is the last time seen",
    "order_id": "the order: a client's id within its trader, from 1; of history, the venue's id",
    "quantity": "lots",
    "price": "price units",
    "stop_price": "price units",
    "instrument": "number of the instrument",
    "portfolio": 'number of the portfolio; 0 is the outside world, named ""',
    "trader": 'number of the trader; 0 is the trader named ""',
    "kind": "Kind, below 64",
    "side": "Side; of a FLOW or a PRINT the aggressor's",
    "type": "OrderType",
    "time_in_force": "TimeInForce",
    "self_trade": "SelfTrade",
    "flags": "Flag, added up",
    "spare": "always 0",
    "row": "row of the source file, from 1; 0: the reader's own command",
}

FACT_FIELDS = {
    "seq": "place in the one order of commands and facts, from 1",
    "ts": "ns UTC, of the command that caused it",
    "order_id": "the order; of a trade the taker's",
    "maker_order_id": "the order that rested",
    "price": "price units: the order's; of a trade, where it traded",
    "stop_price": "price units",
    "quantity": "lots: the order's total; of a trade, what traded",
    "remaining": "lots of the order that are open after the fact; of a trade the taker's",
    "maker_remaining": "lots of the maker that are open after the trade",
    "ahead": "lots of the queue ahead; 4294967295 where they are not counted",
    "portfolio": "the order's; of a trade the taker's",
    "trader": "the order's; of a trade the taker's; HISTORY for orders of history",
    "maker_portfolio": "the maker's portfolio",
    "maker_trader": "the maker's trader; HISTORY for orders of history",
    "fee": "money that the taker pays; negative is a rebate",
    "maker_fee": "money that the maker pays; negative is a rebate",
    "value": "what was found or booked (the same bytes as fee)",
    "limit": "what it was held against (the same bytes as maker_fee)",
    "instrument": "number of the instrument",
    "kind": "Kind, 64 and up",
    "reason": "Reason",
    "side": "Side; of a trade the taker's",
    "type": "OrderType",
    "time_in_force": "TimeInForce",
    "flags": "Flag, added up",
}


NAME = ("order_id", "quantity", "price", "stop_price", "instrument", "portfolio")
"""The fields whose bytes a name is written over."""


def _kind(says: str, fields: str = "", **special: str) -> Meaning:
    return Meaning(says, {**dict.fromkeys(fields.split(), ""), **special})


def _name(says: str) -> Meaning:
    return Meaning(says, {**dict.fromkeys(NAME, "a piece of the name's 40 bytes, UTF-8"), "trader": "the number that gets the name"})


_VENUE = "instrument side price quantity"
_ORDER = "order_id portfolio trader instrument side type time_in_force flags price quantity remaining"
_OF_HISTORY = "instrument side price flags trader"
_BLAMED = "the field to blame, as it was given"

COMMANDS = {
    Kind.SESSION: _kind(
        "A session begins, with the limits that hold for all of it.",
        type="decimals of money",
        quantity="live orders of clients at most",
        price="portfolios at most",
        stop_price="traders at most",
        order_id="instruments at most",
    ),
    Kind.SYMBOL: _name("An instrument's number gets its symbol."),
    Kind.INSTRUMENT: _kind(
        "An instrument is listed under its number.",
        "instrument",
        price="tick, in price units",
        quantity="money of one price unit × one lot",
        stop_price="maker fee, parts of 10^12",
        order_id="taker fee, parts of 10^12, as the bits of an int64",
        flags="1: zero and negative prices are allowed",
        portfolio="digits of the price unit",
        side="exponent of the price unit + 128",
        trader="digits of the lot",
        type="exponent of the lot + 128",
    ),
    Kind.PORTFOLIO: _name("A portfolio is opened."),
    Kind.TRADER: _name("A trader is admitted."),
    Kind.DEPOSIT: _kind("Cash moves from the outside world into a portfolio.", "portfolio", quantity="money; negative is a withdrawal"),
    Kind.SET_LIMITS: _kind("Risk limits of a portfolio.", "portfolio"),
    Kind.SET_RULES: _kind("Compliance rules of a trader.", "trader"),
    Kind.NEW: _kind(
        "A new order; a price that its type does not use is ignored.",
        "order_id portfolio trader instrument side type time_in_force self_trade flags quantity price stop_price",
    ),
    Kind.CANCEL: _kind("What is left of an order is to go.", "order_id trader instrument"),
    Kind.REPLACE: _kind(
        "An order gets a new total, price or stop price; NOT_NAMED stays as it is.",
        "order_id trader instrument price stop_price",
        quantity="the new total in lots",
    ),
    Kind.HALT: _kind("Trading in an instrument stops.", "instrument"),
    Kind.RESUME: _kind("Trading in a halted instrument goes on.", "instrument"),
    Kind.END_OF_DAY: _kind("Every open order of an instrument that is not GTC expires.", "instrument"),
    Kind.START_OF_DAY: _kind("Finished orders and their ids are forgotten."),
    Kind.MARK: _kind("A price to value positions at, until the next trade.", "instrument price"),
    Kind.REFERENCE: _kind("The price that collars are drawn around.", "instrument price"),
    Kind.KILL: _kind("A portfolio, a trader or the session stops trading, and its orders are cancelled.", "portfolio trader"),
    Kind.REVIVE: _kind("What was killed may trade again.", "portfolio trader"),
    Kind.ADD: _kind("A new order of history rests.", f"order_id row {_VENUE}"),
    Kind.REDUCE: _kind("An order of history is cancelled, in part or whole.", f"order_id row {_VENUE}"),
    Kind.MODIFY: _kind("An order of history gets another price or size.", f"order_id row {_VENUE}", quantity="the new open lots"),
    Kind.EXECUTE: _kind("A displayed order of history was executed, and printed.", f"order_id row {_VENUE}"),
    Kind.FLOW: _kind(
        "One aggressor of history, before its EXECUTE and PRINT rows; it fills our orders alone.",
        f"flags {_VENUE}",
        price="the worst price it traded at",
        quantity="all its lots",
    ),
    Kind.PRINT: _kind("A trade of history whose resting order nobody saw.", f"row flags {_VENUE}"),
    Kind.NOTICE: _kind("A status row of the venue; it changes nothing.", "instrument row", price="the venue's code"),
    Kind.REVEAL: _kind("Lots of the published book that we lack join the end of their level.", f"flags {_VENUE}"),
    Kind.REMOVE: _kind("Lots that the published book does not hold leave their level.", _VENUE),
}

FACTS = {
    Kind.OrderCreated: _kind("An order was accepted.", _ORDER, ahead="lots at its price when it came to rest; 0 where it trades first"),
    Kind.OrderTriggered: _kind("A stop that waited became an order.", _ORDER),
    Kind.OrderReplaced: _kind("An order has another total or price.", _ORDER, ahead="as OrderCreated; 0 too where it kept its place"),
    Kind.OrderCancelled: _kind("The rest of an order went.", f"reason {_ORDER}", remaining="lots that were cancelled"),
    Kind.OrderRejected: _kind(
        "An order was refused; it shows what was asked, a field that does not fit its place as 0.",
        "reason order_id portfolio trader instrument side type time_in_force flags price stop_price quantity",
        value=f"{_BLAMED}, or what was found",
        limit="the limit that was reached",
    ),
    Kind.OrderExpired: _kind("An order ended with the day.", f"reason {_ORDER}", remaining="lots that expired"),
    Kind.TradeExecuted: _kind(
        "Two orders traded; history's unknown side has id 0.",
        "order_id portfolio trader fee remaining side instrument price quantity "
        "maker_order_id maker_portfolio maker_trader maker_fee maker_remaining flags",
        ahead="lots at the price ahead of the maker when a FLOW came; else 0",
    ),
    Kind.RiskLimitBreached: _kind("A portfolio crossed its daily loss.", "portfolio reason value limit"),
    Kind.CancelRejected: _kind("There is nothing to cancel.", "reason order_id trader instrument", value=_BLAMED),
    Kind.ReplaceRejected: _kind("An order stays as it is.", "reason order_id trader instrument", value=_BLAMED),
    Kind.CommandRejected: _kind("Any other command was refused.", "reason order_id portfolio trader instrument", value=_BLAMED),
    Kind.TradingHalted: _kind("An instrument was halted.", "instrument"),
    Kind.TradingResumed: _kind("A halted instrument trades again.", "instrument"),
    Kind.SessionOpened: _kind("The session has its limits."),
    Kind.SymbolNamed: _kind("An instrument has a symbol.", "instrument"),
    Kind.InstrumentListed: _kind("An instrument can be traded.", "instrument"),
    Kind.PortfolioOpened: _kind("A portfolio has a number.", "portfolio"),
    Kind.TraderAdmitted: _kind("A trader has a number.", "trader"),
    Kind.CashDeposited: _kind("Cash moved from the outside world to a portfolio.", "portfolio", value="money; negative is a withdrawal"),
    Kind.LimitsSet: _kind("A portfolio has other risk limits.", "portfolio"),
    Kind.RulesSet: _kind("A trader has other rules.", "trader"),
    Kind.DayEnded: _kind("An instrument's day ended; OrderExpired facts follow.", "instrument"),
    Kind.DayStarted: _kind("A day began; finished orders are forgotten."),
    Kind.PriceMarked: _kind("An instrument has another mark.", "instrument price"),
    Kind.ReferenceSet: _kind("An instrument has another reference price.", "instrument price"),
    Kind.TradingKilled: _kind("A portfolio, a trader or the session may not trade.", "portfolio trader"),
    Kind.TradingRevived: _kind("It may trade again.", "portfolio trader"),
    Kind.HistoryAdded: _kind("An order of history came.", f"order_id quantity remaining {_OF_HISTORY}"),
    Kind.HistoryReduced: _kind(
        "An order of history lost lots.",
        f"order_id remaining {_OF_HISTORY}",
        quantity="lots that left its level",
        value="lots that ours had taken before",
    ),
    Kind.HistoryModified: _kind(
        "An order of history changed.",
        f"order_id remaining {_OF_HISTORY}",
        quantity="its open lots as recorded",
        value="lots that ours had taken before",
    ),
    Kind.HistoryExecuted: _kind(
        "An order of history traded with history.",
        f"order_id remaining {_OF_HISTORY}",
        quantity="lots that left its level",
        value="lots that ours had taken before",
    ),
    Kind.FlowApplied: _kind("An aggressor of history has passed.", _OF_HISTORY, quantity="lots of ours that it took"),
    Kind.TradePrinted: _kind("A hidden trade of history.", f"quantity {_OF_HISTORY}"),
    Kind.NoticeGiven: _kind("A status row of the venue.", _OF_HISTORY, price="the venue's code"),
    Kind.HistoryRevealed: _kind("Lots joined a level.", f"quantity remaining {_OF_HISTORY}"),
    Kind.HistoryRemoved: _kind("Lots left a level.", _OF_HISTORY, quantity="lots that were there to leave"),
}

REASONS = {
    Reason.NONE: "nobody refused and nothing ended",
    Reason.UNKNOWN_INSTRUMENT: "no instrument is listed under that number or symbol",
    Reason.INVALID_ORDER_ID: "the id is 0",
    Reason.INVALID_QUANTITY: "not a whole number of lots from 1 to 2^32 - 1, or no money",
    Reason.INVALID_PRICE: "off the tick (a print, a mark: off the price unit), out of range, or not above 0 where it must be",
    Reason.INVALID_STOP_PRICE: "the same of a stop price",
    Reason.INVALID_COMBINATION: "fields that do not go together",
    Reason.MONEY_RANGE: "the money of it would reach 2^62 units",
    Reason.UNSUPPORTED: "not built yet",
    Reason.DUPLICATE_ORDER: "the trader has used the id today; of history, the id is in use",
    Reason.HALTED: "the instrument is halted",
    Reason.CLOSED: "the instrument is closed",
    Reason.KILL_SWITCH: "portfolio, trader or session may not trade",
    Reason.RESTRICTED_SYMBOL: "the trader may not trade the instrument",
    Reason.MAX_ORDER_QUANTITY: "more than the trader may order at once",
    Reason.MAX_ORDER_NOTIONAL: "worth more than the trader may order at once",
    Reason.PRICE_COLLAR: "too far from the reference price",
    Reason.SHORT_SALE: "the trader may not sell what the portfolio does not hold",
    Reason.ORDER_RATE: "too many orders in a short time",
    Reason.BUYING_POWER: "a cash account cannot pay it, or does not hold it",
    Reason.POSITION_LIMIT: "the position could pass its maximum",
    Reason.EXPOSURE_LIMIT: "positions and working orders would be worth more than the maximum",
    Reason.DAILY_LOSS_LIMIT: "the day has lost its maximum",
    Reason.LEVERAGE_LIMIT: "exposure over equity would pass its maximum",
    Reason.REDUCE_ONLY: "it would not reduce the position",
    Reason.POST_ONLY: "it would trade at once",
    Reason.NO_LIQUIDITY: "a MARKET order met nobody (any more)",
    Reason.NOT_FILLABLE: "a FOK could not be filled whole",
    Reason.SELF_TRADE: "it met an order of its own portfolio",
    Reason.UNFILLED: "what an IOC did not get at once",
    Reason.UNKNOWN_ORDER: "the trader has no such order in that instrument",
    Reason.ORDER_FILLED: "the order is filled",
    Reason.ORDER_CANCELLED: "the order is cancelled",
    Reason.ORDER_REJECTED: "the order was rejected",
    Reason.ORDER_EXPIRED: "the order has expired",
    Reason.REQUESTED: "its trader asked for it",
    Reason.QUANTITY_EXECUTED: "a replace named a total that had traded already",
    Reason.END_OF_DAY: "the instrument's day ended",
    Reason.TOO_MANY_ORDERS: "the session's limit of clients' live orders",
    Reason.TOO_MANY_PORTFOLIOS: "the session's limit of portfolios",
    Reason.TOO_MANY_TRADERS: "the session's limit of traders",
    Reason.TOO_MANY_INSTRUMENTS: "the session's limit of instruments",
    Reason.UNKNOWN_PORTFOLIO: "no portfolio has that number",
    Reason.UNKNOWN_TRADER: "no trader has that number",
}

FLAGS = {
    Flag.POST_ONLY: "refused rather than trade at once",
    Flag.REDUCE_ONLY: "trades at most the position it is against",
    Flag.OPENING: "of a REVEAL: it builds the book before a file's first message",
    Flag.ESTIMATED: "of a trade: the maker's place in the queue was no longer exact",
    Flag.HIDDEN: "of a FLOW or a PRINT: the resting order was hidden",
    Flag.MAKER_HISTORY: "of a trade: the maker is an order of history",
    Flag.TAKER_HISTORY: "of a trade: the taker is history",
}

STATUSES = {
    OrderStatus.NEW: "accepted; it rests, or works",
    OrderStatus.PENDING: "a stop that waits",
    OrderStatus.PARTIALLY_FILLED: "a part has traded, the rest is open",
    OrderStatus.FILLED: "all of it has traded",
    OrderStatus.CANCELLED: "its rest was cancelled",
    OrderStatus.REJECTED: "it was refused and never worked",
    OrderStatus.EXPIRED: "its rest ended with the day",
}

UNBUILT = {
    *(Kind.SET_LIMITS, Kind.SET_RULES, Kind.HALT, Kind.RESUME, Kind.REFERENCE, Kind.KILL, Kind.REVIVE),
    *(Kind.OrderTriggered, Kind.RiskLimitBreached, Kind.TradingHalted, Kind.TradingResumed),
    *(Kind.LimitsSet, Kind.RulesSet, Kind.ReferenceSet, Kind.TradingKilled, Kind.TradingRevived),
}
"""Words that the engine does not speak yet: it refuses the commands as UNSUPPORTED and tells none of the facts."""
