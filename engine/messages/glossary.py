"""What the words beside commands and facts say: reasons, flags, statuses, order types, limits and rules. Pure data, for people."""

from typing import NamedTuple

from engine.messages.vocabulary import Flag, Grain, OrderStatus, OrderType, QueueModel, Reason, SelfTrade, Side, TimeInForce


class Bound(NamedTuple):
    """A limit of a portfolio or a rule of a trader, and the reason of its refusals."""

    says: str
    unit: str
    reason: Reason


class Found(NamedTuple):
    """What `value` and `limit` of a refusal are."""

    value: str
    limit: str


REASONS = {
    Reason.NONE: "nothing was refused and no order ended",
    Reason.UNKNOWN_INSTRUMENT: "no instrument is listed under that number or symbol",
    Reason.INVALID_ORDER_ID: "the id is 0 (one outside 1 to 2^64 - 1 is sent as 0)",
    Reason.INVALID_QUANTITY: "not a whole number of lots from 1 to 2^32 - 1, or not an amount of money",
    Reason.INVALID_PRICE: "off the tick (a print, a mark: off the price unit), out of range, or not above 0 where it must be",
    Reason.INVALID_STOP_PRICE: "the same of a stop price",
    Reason.INVALID_COMBINATION: "fields that do not go together, or a number that its field does not define",
    Reason.MONEY_RANGE: "its notional would reach 2^62 units of money; of an order that trades: a fill might lead past 2^63",
    Reason.UNSUPPORTED: "no command has that number",
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
    Reason.NO_LIQUIDITY: "a MARKET order found nothing (more) to trade with",
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
    Flag.OPENING: "of a REVEAL or LEVEL: it builds the book before a file's first message; of a PRINT: a bar begins",
    Flag.ESTIMATED: "of a fill: the maker's place in the queue was not exact; of a TRADE: its aggressor is not known",
    Flag.HIDDEN: "of a FLOW, PRINT or TRADE: the resting order was hidden",
    Flag.MAKER_HISTORY: "of a trade: the maker is an order of history",
    Flag.TAKER_HISTORY: "of a trade: the taker is history",
    Flag.CONTINUED: "of a FLOW: the next FLOW is the same aggressor, beyond hidden lots that it took",
}

STATUSES = {
    OrderStatus.NEW: "accepted; it rests, or works",
    OrderStatus.PENDING: "a stop that was not triggered yet",
    OrderStatus.PARTIALLY_FILLED: "a part has traded, the rest is open",
    OrderStatus.FILLED: "all of it has traded",
    OrderStatus.CANCELLED: "its rest was cancelled",
    OrderStatus.REJECTED: "it was refused and never worked",
    OrderStatus.EXPIRED: "its rest ended with the day",
}

FOUND = {
    Reason.UNKNOWN_INSTRUMENT: Found("the number that was given", "0"),
    Reason.INVALID_QUANTITY: Found("the quantity that was given", "0"),
    Reason.INVALID_PRICE: Found("the price that was given", "0"),
    Reason.INVALID_STOP_PRICE: Found("the stop price that was given", "0"),
    Reason.MAX_ORDER_QUANTITY: Found("lots of the order", "most lots"),
    Reason.MAX_ORDER_NOTIONAL: Found("worth of the order, money", "maximum, money"),
    Reason.PRICE_COLLAR: Found("price of the order", "nearest price that is allowed"),
    Reason.SHORT_SALE: Found("lots of working sells and this one", "lots held"),
    Reason.ORDER_RATE: Found("0", "orders a second, in thousandths"),
    Reason.BUYING_POWER: Found(
        "of a buy: cost and fees of all working buys and this one, money; of a sale: lots of working sells and this one",
        "of a buy: cash; of a sale: lots held",
    ),
    Reason.POSITION_LIMIT: Found("lots that it could come to", "most lots"),
    Reason.EXPOSURE_LIMIT: Found("exposure with this order, money", "maximum, money"),
    Reason.DAILY_LOSS_LIMIT: Found("net profit and loss of the day (after fees), money", "the maximum loss, below 0"),
    Reason.LEVERAGE_LIMIT: Found("leverage in parts of 10^9; 2^63 - 1 where equity is not above 0", "maximum, parts of 10^9"),
    Reason.REDUCE_ONLY: Found("lots held", "0"),
    Reason.TOO_MANY_ORDERS: Found("live orders", "most live orders"),
}
"""What a refusal for a reason shows; 0 and 0 where a reason is not named here."""

ORDER_TYPES = {
    OrderType.MARKET: "takes what is there, at any price, and never rests",
    OrderType.LIMIT: "trades at its price or better; what is left rests",
    OrderType.STOP: "pending until the last trade reaches its stop price, then a MARKET order",
    OrderType.STOP_LIMIT: "pending until the last trade reaches its stop price, then a LIMIT order",
}

SIDES = {Side.BUY: "bids: wants to pay at most its price", Side.SELL: "offers: wants to get at least its price"}

GRAINS = {
    Grain.ORDERS: "orders by their ids (L3): our place in the queue is known",
    Grain.LEVELS: "trades and the lots at each price (L2): our place in the queue is estimated by a queue model",
    Grain.BARS: "open, high, low, close and volume of a period: our orders trade along a stated price path",
}

QUEUE_MODELS = {
    QueueModel.RISK_AVERSE: "lots that leave a level untraded stood behind ours, as far as there were any: the queue ahead falls by trades",
    QueueModel.PROPORTIONAL: "they stood before and behind ours in proportion to the lots there",
    QueueModel.POWER: "they stood before and behind ours in proportion to the n-th powers of the lots there",
}

TIMES_IN_FORCE = {
    TimeInForce.DAY: "works until the instrument's END_OF_DAY",
    TimeInForce.GTC: "works until it is cancelled",
    TimeInForce.IOC: "what does not fill at once is cancelled",
    TimeInForce.FOK: "fills whole at once, or is cancelled without a fill",
}

SELF_TRADES = {
    SelfTrade.CANCEL_TAKER: "what is left of the incoming order is cancelled when it meets its own portfolio",
    SelfTrade.CANCEL_MAKER: "the resting order of its own portfolio is cancelled, and it goes on",
    SelfTrade.CANCEL_BOTH: "both are cancelled, the resting one first",
    SelfTrade.NONE: "they trade; CANCEL_TAKER where either is reduce-only",
}

LIMITS = {
    "max_position": Bound("per instrument: what is held with all working orders of one side and this one", "units", Reason.POSITION_LIMIT),
    "max_exposure": Bound("the worth of all positions and working orders, whichever way they point", "currency", Reason.EXPOSURE_LIMIT),
    "max_daily_loss": Bound(
        "what may be lost since START_OF_DAY, after fees; crossing it raises an alarm at once and cancels nothing",
        "currency",
        Reason.DAILY_LOSS_LIMIT,
    ),
    "max_leverage": Bound("exposure over equity", "ratio", Reason.LEVERAGE_LIMIT),
    "cash_account": Bound("buys with their fees are covered by cash, and sales by what is held", "yes or no", Reason.BUYING_POWER),
}
"""Fields of `Limits`: of a portfolio; None is no limit, and SET_LIMITS replaces them all."""

RULES = {
    "restricted": Bound("symbols that the trader may not trade", "symbols", Reason.RESTRICTED_SYMBOL),
    "max_order_quantity": Bound("the quantity of one order", "units", Reason.MAX_ORDER_QUANTITY),
    "max_order_notional": Bound("what one order is worth", "currency", Reason.MAX_ORDER_NOTIONAL),
    "price_collar": Bound(
        "how far a price may be above or below the reference price (the last REFERENCE, else the last trade)",
        "part of the reference price",
        Reason.PRICE_COLLAR,
    ),
    "short_sale": Bound("whether the trader may sell more than the portfolio holds", "yes or no", Reason.SHORT_SALE),
    "order_rate": Bound("orders and replaces in a second, by a bucket that holds one second of them", "orders a second", Reason.ORDER_RATE),
}
"""Fields of `Rules`: of a trader; None is no rule, and SET_RULES replaces them all."""

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
    "flags": "Flag bits",
}
"""The fields of a fact, as `engine.messages.field_docs` has them where a kind says nothing else."""
