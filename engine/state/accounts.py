"""Cash, fees and positions: what a fill does to its two portfolios, exact to the unit of money."""

import numpy as np

from engine.compiler.intrinsics import muldiv
from engine.compiler.kernel import entry_kernel, hot_kernel, kernel, rare_kernel
from engine.messages.vocabulary import Flag
from engine.state.arrays import EMPTY, LOSS_LIMITED

FEE_PARTS = 10**12
REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@hot_kernel
def spread(portfolio, instrument, size):
    """Where the search for a position begins."""
    word = (np.uint64(portfolio) << np.uint64(16) | np.uint64(instrument)) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(word >> np.uint64(33)) & (size - 1)


@kernel
def enter_index(index, positions, k):
    """Make position `k` findable."""
    at = spread(positions[k]["portfolio"], positions[k]["instrument"], len(index))
    while index[at] != 0:
        at = (at + 1) & (len(index) - 1)
    index[at] = k + 1


@kernel
def opened(state, position, portfolio, instrument):
    """`position` of `portfolio` in `instrument`, as `seek_position` returned it; one that is opened now, flat, where there was none."""
    if position < 0:
        position = new_position(state, portfolio, instrument)
        enter_index(state.index, state.positions, position)
    return position


@hot_kernel
def seek_position(state, portfolio, instrument):
    """Number of the position of `portfolio` in `instrument`; -1 where there is none."""
    return state.instruments[instrument]["world"] if portfolio == 0 else _search(state, portfolio, instrument)


@kernel
def _search(state, portfolio, instrument):
    at = spread(portfolio, instrument, len(state.index))
    while state.index[at] != 0:
        k = np.int64(state.index[at]) - 1
        if state.positions[k]["portfolio"] == portfolio and state.positions[k]["instrument"] == instrument:
            return k
        at = (at + 1) & (len(state.index) - 1)
    return np.int64(-1)


@kernel
def new_position(state, portfolio, instrument):
    """Open a position, flat; `enter_index` or the caller makes it findable."""
    session = state.session[0]
    k = session["positions"]
    session["positions"] = k + 1
    held = state.positions[k]
    held["portfolio"] = portfolio
    held["instrument"] = instrument
    if portfolio != 0:
        account = state.portfolios[portfolio]
        held["next"] = account["first"]
        account["first"] = k + 1
    return k


@rare_kernel
def _part_of(notional, rate):
    parts, rest = muldiv(abs(notional), abs(rate), FEE_PARTS)
    if 2 * rest >= FEE_PARTS:
        parts += 1
    return parts if rate > 0 else -parts


@hot_kernel
def fee_of(notional, rate):
    """`rate` (parts of 10^12) of |notional|, rounded half away from zero; a negative rate is a rebate."""
    return 0 if rate == 0 else _part_of(notional, rate)


@hot_kernel
def _close(cost, lots, held):
    """The cost that leaves with `lots` of `held` lots, truncated toward zero; the last lot takes the rest."""
    if lots == held:
        return cost
    part, _ = muldiv(abs(cost), lots, held)
    return part if cost >= 0 else -part


@rare_kernel
def book_cost(held, had, lots, each):
    """Cost and gross realised P&L of a position that held `had` lots and trades `lots` (signed) at `each` money a lot."""
    size = abs(lots)
    if had == 0 or (had > 0) == (lots > 0):
        held["cost"] += each * lots
    else:
        closed = min(size, abs(had))
        cost = _close(held["cost"], closed, abs(had))
        proceeds = each * closed if had > 0 else -each * closed
        held["realized"] += proceeds - cost
        held["cost"] -= cost
        if size > closed:
            held["cost"] += each * (size - closed) if lots > 0 else -each * (size - closed)


@hot_kernel
def _book_side(state, portfolio, position, lots, each, fee):
    """`portfolio` trades `lots` (signed: bought is positive) at `each` money a lot, signed as the price.

    Average cost through zero: a flip closes first, then opens. Of the outside world only cash and quantity are kept: its cost says
    nothing, and would cost every order of history a division. Returns what must be checked then (`book_fill`).
    """
    account = state.portfolios[portfolio]
    held = state.positions[position]
    account["cash"] -= each * lots + fee
    account["fees"] += fee
    had = held["quantity"]
    held["quantity"] = had + lots
    if portfolio == 0:
        return 0
    book_cost(held, had, lots, each)
    return (account["guard"] & LOSS_LIMITED) | (1 if held["reducers"] != 0 else 0)


@rare_kernel
def _book_both(state, maker, maker_position, maker_fee, taker, taker_position, taker_fee, lots, each):
    state.session[0]["fee_cash"] += maker_fee + taker_fee
    watched = _book_side(state, maker, maker_position, lots, each, maker_fee)
    return watched | _book_side(state, taker, taker_position, -lots, each, taker_fee)


@hot_kernel
def book_fill(state, maker, maker_position, maker_fee, taker, taker_position, taker_fee, lots, each):
    """Portfolio `maker` trades `lots` (signed: bought is positive) at `each` money a lot with portfolio `taker`; the maker comes first.

    Returns what `engine.risk.after_fill` has to check: LOSS_LIMITED, an alarm; 1, reduce-only orders that rest.
    """
    if maker | taker | maker_fee | taker_fee == 0:
        return 0  # the outside world with itself
    return _book_both(state, maker, maker_position, maker_fee, taker, taker_position, taker_fee, lots, each)


@hot_kernel
def work(state, order, lots, notional, resting):
    """Add `lots`, worth `notional`, to the working totals of `order`'s portfolio and position; reduce-only orders are excluded.

    All may be negative. Of reduce-only orders the position counts how many rest: `resting` more.
    """
    if order["portfolio"] == 0:
        state.portfolios[0]["working"] += notional
        return
    held = state.positions[order["position"]]
    if order["flags"] & REDUCE_ONLY:
        held["reducers"] = np.int64(held["reducers"]) + resting
    else:
        state.portfolios[order["portfolio"]]["working"] += notional
        buys = 1 - np.int64(order["side"])
        held["buying"] += lots * buys
        held["selling"] += lots - lots * buys
        held["buying_money"] += notional * buys


@hot_kernel
def against(quantity, side):
    """Lots of a position of `quantity` that an order on `side` can reduce; 0 where the position is flat or on its side."""
    return max(0, -quantity if side == 0 else quantity)


@hot_kernel
def overflows(state, portfolio, position, money):
    """Whether cash or cost could pass 63 bits with a fill of `money` (below 2^62) and its fee, which is less."""
    return max(abs(state.portfolios[portfolio]["cash"]), abs(state.positions[position]["cost"])) > ((1 << 63) - 1) - 2 * money


@hot_kernel
def too_much(state, order, other, money):
    """Whether a fill of `money` between two orders could pass what one of their accounts holds."""
    mine = overflows(state, np.int64(order["portfolio"]), order["position"], money)
    return mine or overflows(state, np.int64(other["portfolio"]), other["position"], money)


@hot_kernel
def notional_of(terms, price, lots):
    """|price × lots| in money, or -1 where it reaches 2^62."""
    product = abs(price) * lots
    return product * terms["value"] if product <= terms["reach"] else -1


@kernel
def market_value_price(state, instrument, opposite):
    """The price (units) at which a MARKET order is valued: the opposite best, else the mark, else 0."""
    best = state.ladders[opposite]["best"]
    terms = state.instruments[instrument]
    if best != EMPTY:
        return (best ^ -(opposite & 1)) * terms["tick"]
    return terms["mark"] if terms["marked"] else 0


@hot_kernel
def in_range(state, portfolio, notional, released):
    """Whether |cash| and working notional stay below 2^62 with `notional` more and `released` less."""
    if notional < 0:
        return False
    account = state.portfolios[portfolio]
    return notional < (1 << 62) - abs(account["cash"]) - (account["working"] - released)


@entry_kernel
def replay_costs(fills, values, positions):
    """Book `fills` (int64 rows: instrument, signed lots, price units) on `positions` (POSITION, one an instrument), flat before."""
    for k in range(len(fills)):
        held = positions[fills[k, 0]]
        book_cost(held, held["quantity"], fills[k, 1], fills[k, 2] * values[fills[k, 0]])
        held["quantity"] += fills[k, 1]
