"""What each command and fact means, and which fields of its record it uses; `engine.messages.glossary` has the other words.

Pure data, for people; tests hold it against the engine. Every command has ts and kind, every fact seq, ts and kind. A field that is not
named is 0 in a fact, and ignored in a command. `engine.messages.grammar` says which facts a command can cause, in which order.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine.messages.glossary import FACT_FIELDS as FACT_FIELDS
from engine.messages.vocabulary import Kind


class Meaning(NamedTuple):
    """A kind in one sentence, and its fields; a text of its own where the field means something else than its name."""

    says: str
    fields: Mapping[str, str]


COMMAND_FIELDS = {
    "ts": "ns UTC; a time before the last one is raised to it, so 0 means the last time seen",
    "order_id": "the order: a client's id within its trader, from 1; of history, the venue's id",
    "quantity": "lots",
    "price": "price units",
    "stop_price": "price units",
    "instrument": "number of the instrument",
    "portfolio": 'number of the portfolio; 0 is the outside world, named ""',
    "trader": 'number of the trader; 0 is the trader named ""',
    "kind": "Kind, below 64",
    "side": "Side; of a FLOW, a PRINT or a TRADE the aggressor's, of a LEVEL the book's",
    "type": "OrderType",
    "time_in_force": "TimeInForce",
    "flags": "Flag bits",
    "self_trade": "SelfTrade",
    "spare": "always 0",
    "row": "row of the source file, from 1; 0: the reader's own command",
}


NAME = ("order_id", "quantity", "price", "stop_price", "instrument", "portfolio")
"""The fields whose bytes a name is written over."""


def _kind(says: str, fields: str = "", **special: str) -> Meaning:
    return Meaning(says, {**dict.fromkeys(fields.split(), ""), **special})


def _name(says: str) -> Meaning:
    return Meaning(says, {**dict.fromkeys(NAME, "a piece of the name's 40 bytes, UTF-8"), "trader": "the number that gets the name"})


_VENUE = "instrument side price quantity"
_ORDER = "order_id portfolio trader instrument side type time_in_force flags price stop_price quantity remaining"
_OF_HISTORY = "instrument side price flags trader"
_BLAMED = "the offending field, as it was given"
_NAMED = "1: the portfolio is meant, 2: the trader, 0: the whole session"

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
    Kind.SET_LIMITS: _kind(
        "Risk limits of a portfolio, the whole set; NOT_NAMED is no limit.",
        "portfolio",
        quantity="digits of the maximum position",
        type="exponent of the maximum position + 128: digits × 10^(type - 128) units",
        price="maximum exposure, money",
        stop_price="maximum daily loss, money",
        order_id="maximum leverage in parts of 10^9, as the bits of an int64",
        flags="1: a cash account",
    ),
    Kind.SET_RULES: _kind(
        "Compliance rules of a trader, the whole set; RESTRICT commands that belong to it follow. NOT_NAMED is no rule.",
        "trader",
        instrument="the highest number that it is to restrict, else 0",
        quantity="digits of the maximum order quantity",
        type="exponent of the maximum order quantity + 128: digits × 10^(type - 128) units",
        price="maximum order notional, money",
        stop_price="price collar, parts of 10^9 of the reference price",
        order_id="order rate in thousandths of an order a second, as the bits of an int64",
        flags="1: may not sell short",
    ),
    Kind.RESTRICT: _kind(
        "A trader may no longer trade an instrument, until the next SET_RULES; refused where the last was.", "trader instrument"
    ),
    Kind.SET_QUEUE: _kind(
        "What an instrument's history is made of, and how our place in its queues is estimated.",
        "instrument",
        side="Grain",
        type="QueueModel",
        stop_price="exponent of POWER, in sixteenths",
        quantity="of BARS: the share of a bar's volume that our buys, and that our sells, may trade; in millionths",
    ),
    Kind.NEW: _kind(
        "A new order; a price that its type does not use is ignored.",
        "order_id portfolio trader instrument side type time_in_force self_trade flags quantity price stop_price",
    ),
    Kind.CANCEL: _kind("What is left of an order is to be cancelled.", "order_id trader instrument"),
    Kind.REPLACE: _kind(
        "An order gets a new total, price or stop price; NOT_NAMED stays as it is.",
        "order_id trader instrument price stop_price",
        quantity="the new total in lots",
    ),
    Kind.HALT: _kind("Trading in an instrument stops for our orders; history goes on.", "instrument row"),
    Kind.RESUME: _kind(
        "Trading in a halted instrument goes on; history's orders that crossed ours meanwhile trade with them first.", "instrument row"
    ),
    Kind.END_OF_DAY: _kind("Every open order of an instrument that is not GTC expires.", "instrument"),
    Kind.START_OF_DAY: _kind("Finished orders and their ids are forgotten."),
    Kind.MARK: _kind("A price to value positions at, until the next trade.", "instrument price"),
    Kind.REFERENCE: _kind("The price that collars are drawn around.", "instrument price"),
    Kind.KILL: _kind("A portfolio, a trader or the session stops trading, and its orders are cancelled.", "portfolio trader", flags=_NAMED),
    Kind.REVIVE: _kind("What was killed may trade again; the other switches stay.", "portfolio trader", flags=_NAMED),
    Kind.ADD: _kind("A new order of history rests.", f"order_id row {_VENUE}"),
    Kind.REDUCE: _kind("An order of history is cancelled, in part or whole.", f"order_id row {_VENUE}"),
    Kind.MODIFY: _kind("An order of history gets another price or size.", f"order_id row {_VENUE}", quantity="the new open lots"),
    Kind.EXECUTE: _kind("A displayed order of history was executed, and printed.", f"order_id row {_VENUE}"),
    Kind.FLOW: _kind(
        "One aggressor of history, before its EXECUTE and PRINT rows; it fills our orders alone. Where it took hidden lots at better"
        " prices than its worst, each of those prices has a FLOW of its own first, marked CONTINUED.",
        f"flags {_VENUE}",
        price="how far it reaches: the worst price it traded at; of a CONTINUED one a price of hidden lots",
        quantity="all its lots, less the hidden ones that it took at better prices than this",
    ),
    Kind.PRINT: _kind(
        "A trade of history whose resting order was not displayed; of an instrument of BARS, a point of the price path.",
        f"row flags {_VENUE}",
        stop_price="of a bar's first one (OPENING): the bar's volume in lots; 0: not known",
    ),
    Kind.NOTICE: _kind("A status row of the venue; it changes nothing.", "instrument row", price="the venue's code"),
    Kind.REVEAL: _kind("Lots of the published book that we lack join the end of their level.", f"flags {_VENUE}"),
    Kind.REMOVE: _kind("Lots that the published book does not hold leave their level.", _VENUE),
    Kind.CLEAR: _kind("All of history's orders of an instrument leave its book, and their ids are free again; ours stay.", "instrument"),
    Kind.LEVEL: _kind(
        "The lots of history at a price are now as many as this; what joins stands behind ours.",
        f"row flags {_VENUE}",
        quantity="all lots that the venue shows at the price; 0: none",
    ),
    Kind.TRADE: _kind(
        "A trade of history, known by its aggressor: it takes from the level at its price, and what it would have taken of ours from us.",
        f"row flags {_VENUE}",
        flags="ESTIMATED: the aggressor is not known; HIDDEN: it took nothing that was displayed",
    ),
}

FACTS = {
    Kind.OrderCreated: _kind("An order was accepted.", _ORDER, ahead="lots at its price when it came to rest; 0 where it trades first"),
    Kind.OrderTriggered: _kind(
        "A stop became a MARKET or LIMIT order; it keeps the type it was entered with.", _ORDER, ahead="as OrderCreated"
    ),
    Kind.OrderReplaced: _kind("An order has another total or price.", _ORDER, ahead="as OrderCreated; 0 too where it kept its place"),
    Kind.OrderCancelled: _kind("The rest of an order was cancelled.", f"reason {_ORDER}", remaining="lots that were cancelled"),
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
    Kind.RiskLimitBreached: _kind(
        "A portfolio crossed its daily loss; reported once, until it has recovered.",
        "portfolio reason",
        instrument="of the fill or the MARK",
        value="net profit and loss of the day (realized and unrealized, after fees), money",
        limit="the maximum daily loss, below 0",
    ),
    Kind.CancelRejected: _kind("There is nothing to cancel.", "reason order_id trader instrument", value=_BLAMED),
    Kind.ReplaceRejected: _kind(
        "An order stays as it is.",
        "reason order_id trader instrument",
        value=f"{_BLAMED}, or what was found",
        limit="the limit that was reached",
    ),
    Kind.CommandRejected: _kind("Any other command was refused.", "reason order_id portfolio trader instrument", value=_BLAMED),
    Kind.TradingHalted: _kind("An instrument was halted.", "instrument"),
    Kind.TradingResumed: _kind("A halted instrument trades again.", "instrument"),
    Kind.SessionOpened: _kind("The session has its limits."),
    Kind.SymbolNamed: _kind("An instrument has a symbol.", "instrument"),
    Kind.InstrumentListed: _kind("An instrument can be traded.", "instrument"),
    Kind.PortfolioOpened: _kind("A portfolio has a number.", "portfolio"),
    Kind.TraderAdmitted: _kind("A trader has a number.", "trader"),
    Kind.CashDeposited: _kind("Cash moved from the outside world to a portfolio.", "portfolio", value="money; negative is a withdrawal"),
    Kind.LimitsSet: _kind(
        "A portfolio has other risk limits; NOT_NAMED where there is none.",
        "portfolio",
        order_id="digits of the maximum position, as the bits of an int64",
        type="exponent of the maximum position + 128",
        value="maximum exposure, money",
        limit="maximum daily loss, money",
        maker_order_id="maximum leverage in parts of 10^9, as the bits of an int64",
        flags="1: a cash account",
    ),
    Kind.RulesSet: _kind(
        "A trader has other rules; NOT_NAMED where there is none.",
        "trader",
        order_id="digits of the maximum order quantity, as the bits of an int64",
        type="exponent of the maximum order quantity + 128",
        value="maximum order notional, money",
        limit="price collar, parts of 10^9",
        maker_order_id="order rate in thousandths of an order a second, as the bits of an int64",
        flags="1: may not sell short",
    ),
    Kind.SymbolRestricted: _kind("A trader may not trade an instrument.", "trader instrument"),
    Kind.QueueSet: _kind(
        "An instrument's history is made of this, and our place in its queues is estimated so.",
        "instrument",
        type="QueueModel",
        remaining="Grain",
        quantity="exponent of POWER, in sixteenths",
        value="share of a bar's volume, in millionths",
    ),
    Kind.DayEnded: _kind("An instrument's day ended; OrderExpired facts follow.", "instrument"),
    Kind.DayStarted: _kind("A day began; finished orders are forgotten."),
    Kind.PriceMarked: _kind("An instrument has another mark.", "instrument price"),
    Kind.ReferenceSet: _kind("An instrument has another reference price.", "instrument price"),
    Kind.TradingKilled: _kind("A portfolio, a trader or the session may not trade.", "portfolio trader", flags=_NAMED),
    Kind.TradingRevived: _kind("It may trade again.", "portfolio trader", flags=_NAMED),
    Kind.HistoryAdded: _kind("An order of history was added.", f"order_id quantity remaining {_OF_HISTORY}"),
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
    Kind.HistoryCleared: _kind("History's orders of an instrument are gone.", "instrument trader", value="lots that left the book"),
    Kind.HistoryLevelSet: _kind(
        "History's lots at a price changed.",
        f"{_OF_HISTORY}",
        quantity="all lots that the venue shows there",
        remaining="lots that are in the book: less what ours took",
        value="lots that left the level and that ours had taken before",
    ),
    Kind.HistoryTraded: _kind(
        "A trade of history.",
        f"quantity {_OF_HISTORY}",
        side="the aggressor's: as recorded, or by the quotes where it was not",
        remaining="lots that it took of ours",
        value="lots that it took from the level and that ours had taken before",
    ),
}
