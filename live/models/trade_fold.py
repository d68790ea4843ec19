"""What a trade changes: two orders, two holdings, two accounts, the day's sums, the mark, the last trades."""

import numpy as np

from engine.compiler.kernel import hot_kernel, kernel
from engine.messages.vocabulary import HISTORY, OrderStatus
from engine.state.accounts import book_cost
from live.models.arrays import NEVER
from live.models.order_fold import ACTIVE, close_order, work
from live.models.tables import find_order, holding_of, sums_of

HISTORY_TRADER = np.uint32(HISTORY)
LOW = (1 << 32) - 1


@hot_kernel
def set_mark(models, instrument, price):
    """Every print sets the mark."""
    market = models.markets[instrument]
    market["mark"] = price
    market["marked"] = 1


@hot_kernel
def _add_wide(row, price, lots, fee):
    """Add a fill to the sums of 128 bits of a row (SUMS, HOLDING)."""
    paid = price * lots
    row["paid_high"] += paid >> 32
    row["paid_low"] += paid & LOW
    turned = abs(paid)
    row["turned_high"] += turned >> 32
    row["turned_low"] += turned & LOW
    row["fees_high"] += fee >> 32
    row["fees_low"] += fee & LOW


@hot_kernel
def _add_side(row, side, lots):
    if side == 0:
        row["bought"] += lots
    else:
        row["sold"] += lots


@hot_kernel
def _fill_order(models, k, price, lots, remaining, fact):
    """The order in row `k` trades."""
    order = models.orders[k]
    work(models, order, -1)
    order["traded"] += np.uint32(lots)
    order["paid"] += price * lots
    order["reason"] = fact["reason"]
    order["updated"] = fact["ts"]
    order["last"] = fact["seq"]
    was = np.int64(order["status"])
    order["status"] = OrderStatus.PARTIALLY_FILLED if remaining != 0 else OrderStatus.FILLED
    if remaining == 0 and was <= ACTIVE:
        close_order(models, k)
    work(models, order, 1)


@hot_kernel
def _sum_fill(models, k, trader, instrument, side, price, lots, fee):
    """The day's sums of a trader, with a fill of its order in row `k` (-1: its entry was never told)."""
    number = np.int64(models.orders[k]["sums"]) - 1 if k >= 0 else np.int64(-1)
    if number < 0:
        number = sums_of(models, trader, instrument)
        models.sums[number]["orders"] += 1
        if k >= 0:
            models.orders[k]["sums"] = number + 1
    row = models.sums[number]
    row["executions"] += 1
    _add_side(row, side, lots)
    _add_wide(row, price, lots, fee)


@kernel
def _book(models, number, portfolio, side, price, lots, fee, value):
    """A fill of a portfolio, in its holding and its account."""
    held = models.holdings[number]
    signed = lots if side == 0 else -lots
    each = price * value
    had = np.int64(held["quantity"])
    held["quantity"] = had + signed
    book_cost(held, had, signed, each)
    _add_side(held, side, lots)
    held["traded"] = 1
    _add_wide(held, price * (1 - 2 * side), lots, fee)
    account = models.accounts[portfolio]
    account["cash"] -= each * signed + fee
    account["fees"] += fee


@kernel
def _take_side(models, fact, order_id, trader, portfolio, side, remaining, fee):
    """One side of a trade: a client's order, or history's."""
    instrument = np.int64(fact["instrument"])
    price, lots = np.int64(fact["price"]), np.int64(fact["quantity"])
    market = models.markets[instrument]
    k = np.int64(-1)
    if trader != HISTORY_TRADER:
        k = find_order(models, order_id, trader)
        if k >= 0:
            _fill_order(models, k, price, lots, remaining, fact)
        _sum_fill(models, k, trader, instrument, side, price, lots, fee)
    if k >= 0:
        number = np.int64(models.orders[k]["holding"])
    elif portfolio == 0 and market["world"] != 0:
        number = np.int64(market["world"]) - 1
    else:
        number = holding_of(models, portfolio, instrument)
    _book(models, number, portfolio, side, price, lots, fee, np.int64(market["value"]))


@hot_kernel
def _keep_trade(models, fact):
    """The trade in its instrument's ring, in place of the oldest one where that is full."""
    market = models.markets[fact["instrument"]]
    at = np.int64(market["start"]) + np.int64(market["trades"]) % np.int64(market["room"])
    models.trades[at] = fact
    models.trade_days[at] = models.head[0]["day"]
    market["trades"] += 1


@kernel
def trade(models, fact):
    """TradeExecuted: the maker first, as the exchange books it. The caller has made room."""
    set_mark(models, fact["instrument"], fact["price"])
    _keep_trade(models, fact)
    side = np.int64(fact["side"])
    maker, taker = np.int64(fact["maker_trader"]), np.int64(fact["trader"])
    _take_side(
        models, fact, fact["maker_order_id"], maker, np.int64(fact["maker_portfolio"]), 1 - side,
        np.int64(fact["maker_remaining"]), np.int64(fact["maker_fee"]),
    )  # fmt: skip
    _take_side(models, fact, fact["order_id"], taker, np.int64(fact["portfolio"]), side, np.int64(fact["remaining"]), np.int64(fact["fee"]))
    if maker != HISTORY_TRADER or taker != HISTORY_TRADER:
        head = models.head[0]
        if head["first_fill"] == NEVER:
            head["first_fill"] = fact["ts"]
        head["last_fill"] = fact["ts"]
