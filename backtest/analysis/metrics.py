"""The figures of a run, by their usual definitions. A figure that is not defined (too few data, a division by zero) is None, never NaN."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.curves import Curve
from backtest.analysis.definitions import METRICS, Metric, Summary
from backtest.analysis.fills import signs
from backtest.analysis.markouts import HORIZONS, NO_AVERAGE, average
from backtest.analysis.quotes import as_of
from backtest.analysis.sums import total
from backtest.numbers import quantity
from backtest.recording import Recording
from engine.messages.vocabulary import Kind, OrderStatus, Reason
from engine.state.arrays import UNCOUNTED

TRADING_DAYS = 252
RETURNS_MIN = 20
"""Fewer returns give no Sharpe, Sortino, volatility."""


def describe() -> list[Metric]:
    """Name, label, unit, definition and source of every figure of a summary, in the order in which they are shown."""
    return list(METRICS)


def summarise(a: Analysis) -> Summary:
    """Every figure of `describe`, in its order; money as float, shares as fractions of 1, times in seconds."""
    found = {**_result(a), **_ratios(a), **_trading(a), **_costs(a), **_execution(a), **_queue(a), **_exposure(a), **_trips(a)}
    return {one.name: found[one.name] for one in METRICS}


def ratio(part: float, whole: float) -> float | None:
    """part ÷ whole; None where whole is 0."""
    return part / whole if whole else None


def _result(a: Analysis) -> dict[str, Any]:
    curve, trips = a.curve, a.trips
    fees = total(a.fills["fee"])
    net, capital = int(curve.pnl[-1]), int(curve.capital[-1])
    held = trips["open"]
    return {
        "net_pnl": a.money(net),
        "gross_pnl": a.money(net + fees),
        "closed_pnl": a.money(total(trips["pnl"][~held])),
        "open_pnl": a.money(total(trips["pnl"][held])),
        "start_equity": a.money(a.recording.opening_cash),
        "end_equity": a.money(int(curve.equity[-1])),
        "total_return": net / capital if capital > 0 else None,
        **_drawdown(a),
    }


def _drawdown(a: Analysis) -> dict[str, Any]:
    curve = a.curve
    worst = a.drawdowns[0] if a.drawdowns else None
    peak = curve.equity - curve.drawdown
    return {
        "max_drawdown": a.money(worst.depth) if worst else 0.0,
        "max_drawdown_fraction": float((curve.drawdown / peak).min()) if (np.minimum(peak, curve.capital) > 0).all() else None,
        "max_drawdown_duration": (worst.end - worst.start) / 1e9 if worst else 0.0,
    }


def _ratios(a: Analysis) -> dict[str, Any]:
    made = a.returns
    values = made.values
    yearly = math.sqrt(TRADING_DAYS * made.per_session)
    enough = len(values) >= RETURNS_MIN
    sharpe = sharpe_of(values) if enough else None
    down = sortino_of(values) if enough else None
    return {
        "sharpe": None if sharpe is None else sharpe * yearly,
        "sharpe_interval": sharpe,
        "return_interval": made.interval / 1e9,
        "return_count": len(values),
        "probabilistic_sharpe": None if sharpe is None else probabilistic_sharpe(values),
        "sortino": None if down is None else down * yearly,
        "volatility": float(values.std(ddof=1)) * yearly if enough else None,
    }


def varies(values: np.ndarray) -> bool:
    """Whether returns differ by more than the last bits of a float, which equal ones may do after a division."""
    return len(values) > 1 and float(np.ptp(values)) > 1e-9 * float(np.abs(values).max()) and float(values.std(ddof=1)) > 0


def sharpe_of(values: np.ndarray) -> float | None:
    """Mean ÷ sample standard deviation of returns, not annualised (Sharpe 1994); None where they do not vary."""
    return float(values.mean()) / float(values.std(ddof=1)) if varies(values) else None


def sortino_of(values: np.ndarray) -> float | None:
    """Mean ÷ downside deviation with target 0 (Sortino & Price 1994), not annualised; None without a negative return."""
    down = math.sqrt(float((np.minimum(values, 0.0) ** 2).mean())) if len(values) else 0.0
    return float(values.mean()) / down if down > 0 else None


def probabilistic_sharpe(values: np.ndarray, benchmark: float = 0.0) -> float | None:
    """Probability that the true Sharpe ratio (per interval) exceeds `benchmark`: Bailey & López de Prado 2012, equation 8.

    Skewness and kurtosis are those of the sample (population moments; kurtosis of a normal is 3). None where the returns do not vary.
    """
    sharpe = sharpe_of(values)
    if sharpe is None:
        return None
    score = (values - values.mean()) / values.std()
    skew, kurtosis = float((score**3).mean()), float((score**4).mean())
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0 or not math.isfinite(variance):
        return None
    z = (sharpe - benchmark) * math.sqrt(len(values) - 1) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2))


def notionals(recording: Recording, fills: np.ndarray) -> np.ndarray:
    """int64: |price × lots × value| of each fill, money units."""
    return np.abs(fills["price"] * fills["lots"] * recording.values()[fills["instrument"]])


def _trading(a: Analysis) -> dict[str, Any]:
    rows, fills, facts = a.orders.rows, a.fills, a.recording.facts
    accepted = rows[rows["status"] != OrderStatus.REJECTED]
    traded = notionals(a.recording, fills)
    turnover = total(traded)
    filled = accepted["status"] == OrderStatus.FILLED
    return {
        "orders": len(rows),
        "rejected_orders": int((facts["kind"] == Kind.OrderRejected).sum()),
        "fills": len(fills),
        "maker_share": ratio(total(traded[fills["maker"]]), turnover),
        "fill_ratio": ratio(total(accepted["executed"]), total(accepted["lots"])),
        "filled_orders": ratio(int(filled.sum()), len(accepted)),
        "order_to_trade": ratio(messages_sent(facts), len(fills)),
        "turnover": a.money(turnover),
        "turnover_cash": turnover / a.recording.opening_cash if a.recording.opening_cash > 0 else None,
        "market_share": ratio(total(fills["lots"]), a.others_volume),
    }


def messages_sent(facts: np.ndarray) -> int:
    """New orders, replaces and cancels in the facts that answer them."""
    answers = [Kind.OrderCreated, Kind.OrderRejected, Kind.OrderReplaced, Kind.ReplaceRejected, Kind.CancelRejected]
    asked = (facts["kind"] == Kind.OrderCancelled) & np.isin(facts["reason"], [Reason.REQUESTED, Reason.QUANTITY_EXECUTED])
    return int(np.isin(facts["kind"], answers).sum() + asked.sum())


def _costs(a: Analysis) -> dict[str, Any]:
    fee = a.fills["fee"]
    return {
        "fees": a.money(total(fee)),
        "fees_paid": a.money(total(fee[fee > 0])),
        "rebates": a.money(-total(fee[fee < 0])),
    }


def _execution(a: Analysis) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row, horizon in enumerate(HORIZONS):
        name = f"markout_{horizon}" if row else "spread_captured"
        for prefix, made in (("", a.markouts), ("market_", a.market_markouts)):
            mean = NO_AVERAGE if made is None else average(a.recording, a.fills, made, row)
            found[prefix + name] = a.money(mean.money) if mean.fills else None
            found[f"{prefix}{name}_ticks"], found[f"{prefix}{name}_bps"] = mean.ticks, mean.bps
    return found


def median(values: np.ndarray) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if len(values) else None


def _queue(a: Analysis) -> dict[str, Any]:
    fills, orders = a.fills, a.orders
    entry = orders.entry_of_fill[fills["queued"]]
    rested = orders.rows[orders.rows["queued"] & (orders.rows["first_fill"] > 0)]
    maker = fills["maker"]
    return {
        "queue_ahead_entry": median(entry[entry != UNCOUNTED]),
        "queue_ahead_fill": median(fills["ahead"][fills["queued"]]),
        "estimated_share": ratio(int(fills["estimated"].sum()), int(maker.sum())),
        "time_to_fill": _seconds(median(rested["first_fill"] - rested["created"])),
    }


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e9


def weights(recording: Recording, curve: Curve) -> np.ndarray:
    """int64 (len(curve.ts),): nanoseconds that each row of the curve lasted, time between two sessions left out."""
    last = np.diff(curve.ts, append=curve.ts[-1])
    sessions = recording.sessions
    for (_, closed), (opened, _) in pairwise(sessions):
        last[(curve.ts >= closed) & (curve.ts < opened)] = 0
    return last


def _exposure(a: Analysis) -> dict[str, Any]:
    curve, fills = a.curve, a.fills
    last = weights(a.recording, curve)
    whole = int(last.sum())
    held = np.zeros(len(curve.ts), bool)
    position = np.zeros(len(curve.ts), np.int64)
    for number in range(len(a.recording.instruments)):
        mine = fills[fills["instrument"] == number]
        position = as_of(mine["ts"], np.cumsum(signs(mine) * mine["lots"]), curve.ts)
        held |= position != 0
    lot = float(a.recording.instruments[0].lot) if len(a.recording.instruments) == 1 else None
    sizes = np.abs(position).astype(np.float64)
    return {
        "time_in_market": ratio(int(last[held].sum()), whole),
        "position_average": float((sizes * last).sum()) / whole * lot if lot and whole else None,
        "position_max": float(sizes.max()) * lot if lot else None,
        "notional_average": a.money(float((curve.notional.astype(np.float64) * last).sum()) / whole) if whole else None,
        "notional_max": a.money(int(curve.notional.max())),
    }


def _trips(a: Analysis) -> dict[str, Any]:
    closed = a.trips[~a.trips["open"]]
    pnl = closed["pnl"]
    won, lost = total(pnl[pnl > 0]), -total(pnl[pnl < 0])
    entry = np.abs((closed["entry_cost"] * a.recording.values()[closed["instrument"]]).astype(np.float64))
    paid = entry > 0
    return {
        "round_trips": len(closed),
        "open_trips": int(a.trips["open"].sum()),
        "open_positions": held_at_end(a),
        "win_rate": ratio(int((pnl > 0).sum()), len(closed)),
        "profit_factor": ratio(won, lost),
        "average_trip": a.money(float(pnl.mean())) if len(pnl) else None,
        "expectancy": float((1e4 * pnl[paid] / entry[paid]).mean()) if paid.any() else None,
        "best_trip": a.money(int(pnl.max())) if len(pnl) else None,
        "worst_trip": a.money(int(pnl.min())) if len(pnl) else None,
        "trip_duration": _seconds(median(closed["exit"] - closed["entry"])),
    }


def held_at_end(a: Analysis) -> str | None:
    """What is still held, as "AMZN +100, MSFT −20", of several portfolios with their names; None when flat."""
    parts, several = [], len(a.recording.cash) > 1
    for trip in a.trips[a.trips["open"]]:
        instrument = a.recording.instruments[trip["instrument"]]
        whose = f" ({a.recording.portfolios[trip['portfolio']]})" if several else ""
        parts.append(f"{instrument.symbol} {quantity(instrument, int(trip['left']), sign=True)}{whose}")
    return ", ".join(parts) or None
