"""One step of each indicator: what compiled strategies and the market-data streams call, value by value.

They keep nothing themselves. Recursive ones take what they said before; the others look at the values of their window.
"""

import math

from engine.compiler.kernel import kernel


@kernel
def mean(values, first, end):
    """Mean of values[first:end]."""
    total = 0.0
    for k in range(first, end):
        total += values[k]
    return total / (end - first)


@kernel
def deviation(values, first, end):
    """Standard deviation of the population values[first:end], in two passes."""
    middle = mean(values, first, end)
    total = 0.0
    for k in range(first, end):
        total += (values[k] - middle) ** 2
    return math.sqrt(total / (end - first))


@kernel
def weighted_mean(prices, volumes, first, end):
    """Σ price × volume ÷ Σ volume of [first:end]; NaN where nothing traded."""
    paid, volume = 0.0, 0.0
    for k in range(first, end):
        paid += prices[k] * volumes[k]
        volume += volumes[k]
    return paid / volume if volume > 0.0 else math.nan


@kernel
def volatility(values, first, end):
    """Realised volatility of values[first:end]: the root of the sum of squared log returns; NaN where a value is not above 0."""
    total = 0.0
    for k in range(first + 1, end):
        if values[k - 1] <= 0.0 or values[k] <= 0.0:
            return math.nan
        change = math.log(values[k] / values[k - 1])
        total += change * change
    return math.sqrt(total)


@kernel
def next_ema(before, value, n):
    """Exponential mean with α = 2 / (n + 1), one value on."""
    return before + (value - before) * 2.0 / (n + 1.0)


@kernel
def next_wilder(before, value, n):
    """Wilder's mean, α = 1 / n, one value on."""
    return (before * (n - 1.0) + value) / n


@kernel
def strength(gain, loss):
    """RSI of the mean gain and loss, 0 to 100; 0 where nothing moved, as TA-Lib has it."""
    return 100.0 * gain / (gain + loss) if gain + loss > 0.0 else 0.0


@kernel
def true_range(high, low, close_before):
    """Wilder's true range: of the bar and the close before it."""
    return max(high, close_before) - min(low, close_before)


@kernel
def microprice(bid, bid_size, ask, ask_size):
    """Best prices, each weighted by the size of the other side (Stoikov's first order); NaN for an empty book."""
    size = bid_size + ask_size
    return (bid * ask_size + ask * bid_size) / size if size > 0 else math.nan


@kernel
def imbalance(bid_size, ask_size):
    """(bids − asks) ÷ (bids + asks), -1 to 1; NaN for an empty book."""
    size = bid_size + ask_size
    return (bid_size - ask_size) / size if size > 0 else math.nan


@kernel
def order_flow(bid_before, bid_size_before, ask_before, ask_size_before, bid, bid_size, ask, ask_size):
    """Order-flow imbalance between two best quotes, in the unit of sizes (Cont, Kukanov and Stoikov 2014, equation 4)."""
    flow = 0.0
    if bid >= bid_before:
        flow += bid_size
    if bid <= bid_before:
        flow -= bid_size_before
    if ask <= ask_before:
        flow -= ask_size
    if ask >= ask_before:
        flow += ask_size_before
    return flow
