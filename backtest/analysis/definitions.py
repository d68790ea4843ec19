"""What every figure of a summary is, and when not to trust it: a row a figure in the order in which they are shown, and a row a caution."""

from typing import Any, NamedTuple

Summary = dict[str, Any]
"""The figures of a run by name, in the order of `METRICS`; None where a figure is not defined."""


class Metric(NamedTuple):
    """`unit`: money, fraction (0.01 is 1 %), ratio, count, lots, units (of the instrument), ticks, bps, seconds, or text."""

    name: str
    label: str
    unit: str
    definition: str
    source: str = ""


_PSR = "Bailey & López de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2)"
_SORTINO = "Sortino & Price (1994), Performance Measurement in a Downside Risk Framework, Journal of Investing 3(3)"
_SHARPE = "Sharpe (1994), The Sharpe Ratio, Journal of Portfolio Management 21(1)"
_HARRIS = "Harris (2003), Trading and Exchanges, ch. 21; sign turned so that positive is good for us"

_MARKOUT = (
    "side × (middle {0} after the fill − fill price) × quantity × multiplier, summed; positive is good for us. Middles are those of the "
    "last sample at or before that time, one every 100 ms at most, our own orders in the book among them. Fills whose session ends "
    "earlier, or without a middle then, are left out."
)
_MARKET = "The recorded market's own middle instead: of history alone, without our orders and without what they took. "
_MARKOUTS = [
    Metric(f"{prefix}markout_{name}{suffix}", f"Markout {words}{whose}{label}", unit, note + definition.format(words), _HARRIS)
    for prefix, whose, note in (("", "", ""), ("market_", ", recorded market", _MARKET))
    for name, words in (("100ms", "100 ms"), ("1s", "1 s"), ("10s", "10 s"), ("60s", "60 s"))
    for suffix, label, unit, definition in (
        ("", "", "money", _MARKOUT),
        ("_ticks", ", ticks", "ticks", "The markout after {0} per lot, in ticks: mean weighted by quantity."),
        ("_bps", ", bps", "bps", "The markout after {0} over the notional."),
    )
]

METRICS = [
    Metric(
        "net_pnl", "Net P&L", "money", "Equity at the end − opening cash − later deposits; fees are taken off. Exact to the money unit."
    ),
    Metric("gross_pnl", "P&L before fees", "money", "Net P&L + fees."),
    Metric("closed_pnl", "P&L of closed trips", "money", "Σ P&L, net of fees, of the round trips that ended flat."),
    Metric(
        "open_pnl", "P&L of open trips", "money", "P&L, net of fees, of positions still held at the end, at the mark (last trade price)."
    ),
    Metric("start_equity", "Opening equity", "money", "Cash of all portfolios when the run began."),
    Metric(
        "end_equity",
        "Closing equity",
        "money",
        "Cash + Σ position × mark; the mark is the last trade price or the last MARK, whichever came later.",
    ),
    Metric("total_return", "Total return", "fraction", "Net P&L ÷ (opening cash + later deposits)."),
    Metric("sharpe", "Sharpe ratio", "ratio", "Sharpe per interval × √(252 × intervals in a session), risk-free rate 0.", _SHARPE),
    Metric(
        "sharpe_interval", "Sharpe per interval", "ratio", "Mean ÷ sample standard deviation of the returns of equal intervals.", _SHARPE
    ),
    Metric(
        "return_interval",
        "Return interval",
        "seconds",
        "Length of an interval: the longest usual step with at least 100 in a session; a day from 20 sessions on.",
    ),
    Metric("return_count", "Return intervals", "count", "Returns that the ratios are taken from; below 20 they are not given."),
    Metric(
        "probabilistic_sharpe",
        "Probabilistic Sharpe",
        "fraction",
        "Φ(SR √(n−1) ÷ √(1 − γ₃ SR + (γ₄−1)/4 SR²)): how probable a true Sharpe above 0 is, given length, skewness γ₃ and "
        "kurtosis γ₄ of the n returns.",
        _PSR,
    ),
    Metric(
        "sortino",
        "Sortino ratio",
        "ratio",
        "Mean return ÷ root mean square of the negative returns (target 0), annualised like the Sharpe ratio.",
        _SORTINO,
    ),
    Metric("volatility", "Volatility, a year", "fraction", "Sample standard deviation of the returns × √(252 × intervals in a session)."),
    Metric("max_drawdown", "Max drawdown", "money", "Lowest P&L below its highest so far, at every change of the account or the mark."),
    Metric(
        "max_drawdown_fraction",
        "Max drawdown, %",
        "fraction",
        "Lowest of drawdown ÷ the highest equity before it; not given where the portfolio began without cash.",
    ),
    Metric(
        "max_drawdown_duration",
        "Drawdown duration",
        "seconds",
        "From the peak before the deepest drawdown to its recovery, or to the end of the run.",
    ),
    Metric("orders", "Orders", "count", "New orders with a row: accepted, or refused after the malformed check."),
    Metric("rejected_orders", "Orders rejected", "count", "Orders that were refused."),
    Metric("fills", "Fills", "count", "Trades of ours; one that met another order of ours counts for both sides."),
    Metric("maker_share", "Maker share", "fraction", "Part of our traded notional where our order rested in the book."),
    Metric("fill_ratio", "Fill ratio", "fraction", "Lots filled ÷ lots of accepted orders (their last total)."),
    Metric("filled_orders", "Orders filled", "fraction", "Accepted orders that were filled whole."),
    Metric(
        "order_to_trade",
        "Order-to-trade",
        "ratio",
        "New orders, replaces and cancels that were sent ÷ fills.",
        "after Delegated Regulation (EU) 2017/566 (MiFID II RTS 9), without its −1",
    ),
    Metric("turnover", "Turnover", "money", "Σ |price × quantity × multiplier| of our fills."),
    Metric("turnover_cash", "Turnover ÷ cash", "ratio", "Turnover ÷ opening cash."),
    Metric(
        "market_share",
        "Share of volume",
        "fraction",
        "Our lots ÷ lots that others traded with each other, from the strategy's first call to the end.",
    ),
    Metric("fees", "Fees, net", "money", "Fees paid − rebates received."),
    Metric("fees_paid", "Fees paid", "money", "Σ of the fees above zero."),
    Metric("rebates", "Rebates", "money", "Σ of the fees below zero, as a positive amount."),
    Metric(
        "spread_captured",
        "Spread captured",
        "money",
        "side × (middle before the fill − fill price) × quantity × multiplier, summed: earned by makers, paid by takers. The middle is "
        "that of the book with our own orders in it.",
        _HARRIS,
    ),
    Metric("spread_captured_ticks", "Spread captured, ticks", "ticks", "The same per lot, mean weighted by quantity.", _HARRIS),
    Metric("spread_captured_bps", "Spread captured, bps", "bps", "The same over the notional.", _HARRIS),
    *[
        Metric(f"market_spread_captured{suffix}", f"Spread captured, recorded market{label}", unit, _MARKET + definition, _HARRIS)
        for suffix, label, unit, definition in (
            ("", "", "money", "side × (middle before the fill − fill price) × quantity × multiplier, summed."),
            ("_ticks", ", ticks", "ticks", "The same per lot, mean weighted by quantity."),
            ("_bps", ", bps", "bps", "The same over the notional."),
        )
    ],
    *_MARKOUTS,
    Metric(
        "queue_ahead_entry",
        "Queue ahead at entry",
        "lots",
        "Median of the lots ahead of our order when it joined its queue, over maker fills.",
    ),
    Metric(
        "queue_ahead_fill", "Queue ahead at fill", "lots", "Median of the lots still ahead of it when the taker came, over maker fills."
    ),
    Metric("estimated_share", "Estimated queue fills", "fraction", "Maker fills whose place in the queue was estimated, not exact."),
    Metric("time_to_fill", "Time to first fill", "seconds", "Median time from acceptance to first fill, over resting orders with a fill."),
    Metric("time_in_market", "Time in market", "fraction", "Part of the sessions' time with any position."),
    Metric("position_average", "Position, average", "units", "Mean over time of |position|; given for one symbol."),
    Metric("position_max", "Position, largest", "units", "Largest |position|; given for one symbol."),
    Metric("notional_average", "Exposure, average", "money", "Mean over time of Σ |position × mark × multiplier|."),
    Metric("notional_max", "Exposure, largest", "money", "Largest Σ |position × mark × multiplier|."),
    Metric(
        "round_trips",
        "Round trips",
        "count",
        "Closed round trips: from flat to flat in one symbol of one portfolio; a flip ends one and begins the next.",
    ),
    Metric("open_trips", "Open round trips", "count", "Positions still held at the end."),
    Metric("open_positions", "Open positions", "text", "What is still held at the end."),
    Metric("win_rate", "Win rate", "fraction", "Closed round trips with P&L above 0, net of fees."),
    Metric("profit_factor", "Profit factor", "ratio", "Σ P&L of winning ÷ Σ loss of losing closed round trips."),
    Metric("average_trip", "Average trip", "money", "Mean P&L of closed round trips, net of fees."),
    Metric("expectancy", "Expectancy", "bps", "Mean over closed round trips of P&L ÷ entry notional."),
    Metric("best_trip", "Best trip", "money", "Highest P&L of a closed round trip."),
    Metric("worst_trip", "Worst trip", "money", "Lowest P&L of a closed round trip."),
    Metric("trip_duration", "Trip duration", "seconds", "Median time from entry to exit of closed round trips."),
]

BY_NAME = {one.name: one for one in METRICS}

COUNTERS = {
    "revealed": "shown by the published book and missing in the rebuilt one: added at the end of their level",
    "removed": "in the rebuilt book and not in the published one: taken away",
    "displaced": "recorded executions that your orders filled instead",
    "clipped": "recorded trading that needed liquidity which your orders had already taken",
    "estimated": "reductions of orders that entered unseen: taken from their level",
    "unknown": "messages about unknown orders: left out",
    "crossed": "recorded orders in a crossed book",
}
"""Lots of history that did not go as recorded."""

TRIPS_MIN = 30
DAYS_MIN = 20
DISTURBED_MAX = 0.05
"""Share of the volume that others traded in the run's window from which clipped or displaced history is named."""
CROSSED_MAX = 0.01
"""Share of the samples with a bid at or above the ask from which that is named."""


class Meant(NamedTuple):
    """`when` the caution is given and what follows from it, `mend`, and the `figures` that it touches."""

    when: str
    mend: str
    figures: tuple[str, ...] = ()


def _named(*parts: str) -> tuple[str, ...]:
    """Every figure whose name has one of these parts."""
    return tuple(one.name for one in METRICS if any(part in one.name for part in parts))


_RETURNS = ("sharpe", "sharpe_interval", "probabilistic_sharpe", "sortino", "volatility", "total_return", "max_drawdown_fraction")
_ANNUAL = ("sharpe", "sortino", "volatility")
_TRIPS = ("win_rate", "profit_factor", "average_trip", "expectancy", "best_trip", "worst_trip", "trip_duration")
_QUOTED = _named("spread_captured", "markout_")
_MADE = ("net_pnl", "gross_pnl", "fills", "maker_share", "fill_ratio", "queue_ahead_entry", "queue_ahead_fill", "time_to_fill")
_TAKEN = ("net_pnl", "gross_pnl", "fills", "fill_ratio", "market_share", *_QUOTED)

CAUTIONS = {
    "no_fills": Meant(
        "No order was filled: there is nothing to judge.", "The caution says what refused the orders, or that none was sent."
    ),
    "no_capital": Meant(
        "Equity was not above zero throughout, so returns are not defined.", "Give each portfolio cash (`cash=`, `--cash`).", _RETURNS
    ),
    "few_days": Meant(
        f"Fewer than {DAYS_MIN} trading days: annualising multiplies the luck of a few days by √252.",
        "Run more days (`tb.days`, `tapebook job`), and compare net P&L and drawdown, which are not annualised.",
        (*_ANNUAL, "probabilistic_sharpe"),
    ),
    "few_trips": Meant(
        f"Fewer than {TRIPS_MIN} closed round trips: one more win moves the figure by several per cent.",
        "Run longer, or on more symbols.",
        _TRIPS,
    ),
    "open_position": Meant(
        "A position is held at the end. Its P&L is at the last trade price, at which nobody has closed it.",
        "Be flat before the end, or judge by the P&L of closed trips.",
        ("net_pnl", "gross_pnl", "open_pnl", "end_equity", "total_return"),
    ),
    "clipped": Meant(
        f"More than {DISTURBED_MAX:.0%} of the volume of others needed liquidity that your orders took. The market would have answered.",
        "Trade smaller.",
        _TAKEN,
    ),
    "displaced": Meant(
        f"Your orders took the place of more than {DISTURBED_MAX:.0%} of the volume of others. The market would have answered.",
        "Trade smaller.",
        _TAKEN,
    ),
    "crossed": Meant(
        f"The book stood crossed or locked in more than {CROSSED_MAX:.0%} of the samples: a middle there is no price.",
        "See `tapebook data check`.",
        (*_QUOTED, "fills"),
    ),
    "queue_model": Meant(
        "The data show how many lots stood at a price (LEVELS), not whose: your place in the queue is a model's.",
        "Run it with the cautious model as well (`queue=`), or with data of orders.",
        _MADE,
    ),
    "bar_path": Meant(
        "The data are bars (BARS): what happened within one is a stated path.",
        "Trust no stop or limit within a bar; run it on trades or orders.",
        ("net_pnl", "gross_pnl", "fills", "max_drawdown", *_TRIPS),
    ),
    "estimated_queue": Meant(
        "Fills of orders with a place in the queue that is ESTIMATED: the file revealed orders at their price after they had joined.",
        "Take a file with more levels, or all orders.",
        (*_MADE, "estimated_share"),
    ),
    "rejected": Meant(
        "The exchange refused orders, so the strategy did not do what it meant to.",
        "`tapebook explain REASON` says what each reason means.",
        ("orders", "rejected_orders", "order_to_trade"),
    ),
    "not_arrived": Meant("Commands had not reached the exchange when the run ended.", "Send them a latency earlier.", ("orders", "fills")),
}
"""Every caution of a run, by its code. One that is not given says nothing against a figure."""


def doubts(figure: str) -> list[str]:
    """The codes of the cautions that touch a figure."""
    return [code for code, meant in CAUTIONS.items() if figure in meant.figures]
