"""Every word of the exchange, once: what can be asked, what can be answered, and why something was refused.

Numbers are part of the log's layout: add at the end of a group, never renumber (`LAYOUT` in `engine.messages.records` changes if you must).
"""

from enum import IntEnum


class Side(IntEnum):
    """Side of an order; of a FLOW, a PRINT or a TRADE, the side of the aggressor; of a LEVEL, the side of the book."""

    BUY = 0
    SELL = 1


class OrderType(IntEnum):
    """How an order trades. A stop stays outside the book until the last trade price reaches its stop price."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3


class TimeInForce(IntEnum):
    """How long an order works."""

    DAY = 0  # until the instrument's END_OF_DAY
    GTC = 1  # until it is cancelled
    IOC = 2  # what does not fill at once is cancelled
    FOK = 3  # all at once or nothing


class SelfTrade(IntEnum):
    """What happens when an order meets one of its own portfolio; the incoming order's mode decides."""

    CANCEL_TAKER = 0
    CANCEL_MAKER = 1
    CANCEL_BOTH = 2
    NONE = 3


class OrderStatus(IntEnum):
    """Where an order is in its life; from FILLED on it is finished."""

    NEW = 0  # accepted; resting or working
    PENDING = 1  # a stop that was not triggered yet
    PARTIALLY_FILLED = 2
    FILLED = 3
    CANCELLED = 4
    REJECTED = 5
    EXPIRED = 6


class Grain(IntEnum):
    """What the history of an instrument is made of."""

    ORDERS = 0  # each order by its id: our place in the queue is known
    LEVELS = 1  # trades and the lots at each price: our place in the queue is estimated
    BARS = 2  # a price path: nothing is known of a queue


class QueueModel(IntEnum):
    """Of the lots that leave a level and were not traded, which stood before an order of ours and which behind it."""

    RISK_AVERSE = 0  # those behind it leave first
    PROPORTIONAL = 1  # from before and behind it, as many as stand there
    POWER = 2  # as `before`^n and `behind`^n


class Flag(IntEnum):
    """Bits of the field `flags` of commands and facts."""

    POST_ONLY = 1
    REDUCE_ONLY = 2
    OPENING = 4  # a REVEAL or LEVEL that builds the book before the first message of a file; the first PRINT of a bar
    ESTIMATED = 8  # of a fill: the place in the queue was not exact; of a TRADE: its aggressor is not known
    HIDDEN = 16  # a FLOW, PRINT or TRADE of a hidden order
    MAKER_HISTORY = 32  # TradeExecuted: the maker is an order of history
    TAKER_HISTORY = 64  # TradeExecuted: the taker is history (a FLOW, or an ADD that crossed us)
    CONTINUED = 128  # a FLOW whose aggressor goes on in the next FLOW, past hidden lots


class Kind(IntEnum):
    """Commands (1 to 63) are UPPER_CASE, facts (64 and up) CamelCase."""

    # what opens a session
    SESSION = 1
    SYMBOL = 2
    INSTRUMENT = 3
    PORTFOLIO = 4
    TRADER = 5
    DEPOSIT = 6
    SET_LIMITS = 7
    SET_RULES = 8
    # orders
    NEW = 10
    CANCEL = 11
    REPLACE = 12
    # control
    HALT = 20
    RESUME = 21
    END_OF_DAY = 22
    START_OF_DAY = 23
    MARK = 24
    REFERENCE = 25
    KILL = 26
    REVIVE = 27
    RESTRICT = 28
    SET_QUEUE = 29
    # history: what a venue's file says happened
    ADD = 40
    REDUCE = 41
    MODIFY = 42
    EXECUTE = 43
    FLOW = 44
    PRINT = 45
    NOTICE = 46
    REVEAL = 47
    REMOVE = 48
    CLEAR = 49
    LEVEL = 50
    TRADE = 51

    # facts
    OrderCreated = 64
    OrderTriggered = 65
    OrderReplaced = 66
    OrderCancelled = 67
    OrderRejected = 68
    OrderExpired = 69
    TradeExecuted = 70
    RiskLimitBreached = 71
    CancelRejected = 72
    ReplaceRejected = 73
    CommandRejected = 74
    TradingHalted = 75
    TradingResumed = 76
    SessionOpened = 80
    SymbolNamed = 81
    InstrumentListed = 82
    PortfolioOpened = 83
    TraderAdmitted = 84
    CashDeposited = 85
    LimitsSet = 86
    RulesSet = 87
    DayEnded = 88
    DayStarted = 89
    PriceMarked = 90
    ReferenceSet = 91
    TradingKilled = 92
    TradingRevived = 93
    SymbolRestricted = 94
    QueueSet = 95
    HistoryAdded = 100
    HistoryReduced = 101
    HistoryModified = 102
    HistoryExecuted = 103
    FlowApplied = 104
    TradePrinted = 105
    NoticeGiven = 106
    HistoryRevealed = 107
    HistoryRemoved = 108
    HistoryCleared = 109
    HistoryLevelSet = 110
    HistoryTraded = 111


class Reason(IntEnum):
    """Why: refusals in the order of their checks, then what ended or kept an order."""

    NONE = 0
    # malformed: the id stays unused
    UNKNOWN_INSTRUMENT = 1
    INVALID_ORDER_ID = 2
    INVALID_QUANTITY = 3
    INVALID_PRICE = 4
    INVALID_STOP_PRICE = 5
    INVALID_COMBINATION = 6
    MONEY_RANGE = 7
    UNSUPPORTED = 8
    # from here on a refusal uses the id
    DUPLICATE_ORDER = 9
    HALTED = 10
    CLOSED = 11
    KILL_SWITCH = 12
    # compliance
    RESTRICTED_SYMBOL = 13
    MAX_ORDER_QUANTITY = 14
    MAX_ORDER_NOTIONAL = 15
    PRICE_COLLAR = 16
    SHORT_SALE = 17
    ORDER_RATE = 18
    # risk
    BUYING_POWER = 19
    POSITION_LIMIT = 20
    EXPOSURE_LIMIT = 21
    DAILY_LOSS_LIMIT = 22
    LEVERAGE_LIMIT = 23
    # the book
    REDUCE_ONLY = 24
    POST_ONLY = 25
    NO_LIQUIDITY = 26
    NOT_FILLABLE = 27
    SELF_TRADE = 28
    UNFILLED = 29
    # cancel and replace
    UNKNOWN_ORDER = 30
    ORDER_FILLED = 31
    ORDER_CANCELLED = 32
    ORDER_REJECTED = 33
    ORDER_EXPIRED = 34
    # no refusal: why an order ended
    REQUESTED = 35
    QUANTITY_EXECUTED = 36
    END_OF_DAY = 37
    # limits of the session, and names that it does not know
    TOO_MANY_ORDERS = 38
    TOO_MANY_PORTFOLIOS = 39
    TOO_MANY_TRADERS = 40
    TOO_MANY_INSTRUMENTS = 41
    UNKNOWN_PORTFOLIO = 42
    UNKNOWN_TRADER = 43


HISTORY = 0xFFFFFFFF
"""The trader number of history's orders in facts: a namespace of ids of its own. Their portfolio is 0, the outside world."""

NAMES_PORTFOLIO, NAMES_TRADER = 1, 2
"""Flags of KILL and REVIVE: what is meant; 0 is the session."""

EXPONENT_PARTS, SHARE_PARTS = 16, 10**6
"""A queue model's exponent is counted in sixteenths (its roots are then the same on every machine), a share of a volume in millionths."""

NOT_NAMED = -(2**63)
"""In an integer field of a REPLACE: this field is not named and stays as it is."""

NOT_WHOLE = 2**63 - 1
"""A price or quantity that is not a whole number of units: the exchange refuses it as invalid."""
