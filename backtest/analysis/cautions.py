"""What the reader of a result must know before believing its figures."""

from typing import NamedTuple

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.analysis.definitions import CROSSED_MAX, DAYS_MIN, DISTURBED_MAX, TRIPS_MIN, Summary
from backtest.numbers import count, number, percent
from backtest.recording import ASK, BID
from engine.messages.vocabulary import Grain, Kind, Reason

DISTURBED = {
    "clipped": "of recorded trading needed liquidity that your orders had already taken",
    "displaced": "of recorded executions were filled by your orders instead",
}


class Caution(NamedTuple):
    """`code` is a stable word for programs, `text` one sentence for people."""

    code: str
    text: str


def cautions(a: Analysis, summary: Summary) -> list[Caution]:
    """The cautions of a run with this summary (`metrics.summarise`), the gravest first; each names its numbers."""
    if not len(a.fills):
        return [Caution("no_fills", f"No fills: {_why_none(a)}"), *_data(a), *_unarrived(a)]
    return [*_sample(a), *_open(a, summary), *_data(a), *_refusals(a), *_unarrived(a)]


def _unarrived(a: Analysis) -> list[Caution]:
    late = len(a.recording.unarrived)
    if not late:
        return []
    what = "1 command" if late == 1 else f"{count(late)} commands"
    return [Caution("not_arrived", f"{what} had not reached the exchange when the run ended: sent in on_stop, or too late to arrive.")]


def _why_none(a: Analysis) -> str:
    if not len(a.orders.rows) and not (a.recording.facts["kind"] == Kind.OrderRejected).any():
        return "the strategy sent no order."
    refused = _refusals(a)
    return refused[0].text if refused else f"{count(len(a.orders.rows))} orders were accepted, none was filled."


def _sample(a: Analysis) -> list[Caution]:
    found = []
    sessions, closed = a.returns.sessions, int((~a.trips["open"]).sum())
    if (a.curve.equity <= 0).any():
        text = "Equity is not above zero throughout (give the portfolio cash): returns, Sharpe and volatility are not defined."
        found.append(Caution("no_capital", text))
    elif sessions < DAYS_MIN:
        days = "1 trading day" if sessions == 1 else f"{sessions} trading days"
        found.append(Caution("few_days", f"{days}: annualised figures (Sharpe, Sortino, volatility) mean nothing below {DAYS_MIN} days."))
    if closed < TRIPS_MIN:
        trips = "1 closed round trip" if closed == 1 else f"{closed} closed round trips"
        found.append(Caution("few_trips", f"{trips}: below {TRIPS_MIN}, win rate and profit factor are chance."))
    return found


def _open(a: Analysis, summary: Summary) -> list[Caution]:
    held = summary["open_positions"]
    if not held:
        return []
    pnl = number(summary["open_pnl"], 2, sign=True)
    text = f"Open at the end: {held}. Its P&L of {pnl} {a.recording.currency} is at the last trade price, not realised."
    return [Caution("open_position", text)]


def _data(a: Analysis) -> list[Caution]:
    found = []
    counters, volume = a.recording.counters, a.others_volume
    for name, what in DISTURBED.items():
        lots = int(counters.get(name, 0))
        if lots > DISTURBED_MAX * volume:
            part = f"{percent(lots / volume, 1)} of the volume that others traded" if volume else "others traded nothing with each other"
            share = f"{count(lots)} lots {what}: {part}."
            found.append(Caution(name, f"{share} The market would have answered; fills are optimistic."))
    found += _crossed(a)
    return found + _queue(a)


def _queue(a: Analysis) -> list[Caution]:
    """What the fills rest on, where it is not the queue of orders itself."""
    found, told = [], a.recording.meta
    levels, bars = (np.isin(a.fills["instrument"], a.recording.of_grain(grain)) for grain in (Grain.LEVELS, Grain.BARS))
    modelled = int((a.fills["maker"] & levels).sum())
    if modelled:
        text = f"{count(modelled)} maker fills rest on a queue model ({told.get('queue')})"
        found.append(Caution("queue_model", f"{text}: the data say how many lots stood at a price, not whose."))
    if bars.any():
        text = f"{count(int(bars.sum()))} fills rest on a price path inside bars (open, nearer extreme, other extreme, close)"
        share, meets = percent(float(told.get("volume_share") or 0), 1), _MEETS[str(told.get("fill"))]
        found.append(Caution("bar_path", f"{text}, with at most {share} of a bar's volume a side; orders meet {meets}."))
    ours = ~(levels | bars)
    estimated, makers = int((a.fills["estimated"] & ours).sum()), int((a.fills["maker"] & ours).sum())
    if estimated:
        text = f"{count(estimated)} of {count(makers)} maker fills have an estimated place in the queue"
        found.append(Caution("estimated_queue", f"{text}: the file revealed orders at their price after they joined."))
    return found


_MEETS = {"next_open": "the next bar's open", "close": "the bar's close", "path": "the path when their latency says", "None": "the path"}


def _crossed(a: Analysis) -> list[Caution]:
    rows = a.recording.samples
    rows = rows[~np.isin(rows["instrument"], a.recording.of_grain(Grain.BARS))]  # a path has one price, no spread
    both = rows[rows["has"] & (BID | ASK) == (BID | ASK)]
    crossed = int((both["bid"] >= both["ask"]).sum())
    if not crossed or crossed / len(both) <= CROSSED_MAX:
        return []
    share = percent(crossed / len(both), 1)
    return [
        Caution("crossed", f"The book stood crossed or locked in {share} of the samples: do not trust middles, markouts and fills there.")
    ]


def _refusals(a: Analysis) -> list[Caution]:
    facts = a.recording.facts
    refused = facts[facts["kind"] == Kind.OrderRejected]
    if not len(refused):
        return []
    reasons = sorted(enumerate(np.bincount(refused["reason"]).tolist()), key=lambda one: -one[1])
    top = ", ".join(f"{Reason(code).name} {count(times)}" for code, times in reasons[:3] if times)
    return [Caution("rejected", f"{count(len(refused))} {'order was' if len(refused) == 1 else 'orders were'} rejected: {top}.")]
