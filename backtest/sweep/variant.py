"""One point of a sweep as a backtest: the same feed, other parameters of the strategy, other latencies or fees."""

import copy
from collections.abc import Iterable
from dataclasses import replace

from backtest.opening import with_fees
from backtest.participants import Participant
from backtest.run import Backtest
from backtest.sweep.space import Point, SweepError
from backtest.timing import latency
from engine.messages.durations import duration_ns
from engine.messages.hints import did_you_mean
from engine.messages.instrument import decimal
from engine.strategy.parameters import parameters_of
from engine.strategy.strategy import Strategy, parameter_values

LATENCIES = ("feed_latency", "order_latency", "response_latency")
SETTINGS = ("cash", *LATENCIES, "maker_fee", "taker_fee", "warm_up", "seed")
"""Settings of a backtest that a sweep may vary beside the strategy's parameters."""


def variant(backtest: Backtest, point: Point) -> Backtest:
    """The backtest with the values of `point`: parameters of its strategy (of several "portfolio.parameter"), and SETTINGS."""
    made = copy.copy(backtest)
    made.progress = None
    said = {name: value for name, value in point.items() if name in SETTINGS and not _is_parameter(backtest, name)}
    own = {name: value for name, value in point.items() if name not in said}
    made.participants = [_changed(one, _mine(one, own, len(backtest.participants)), said) for one in backtest.participants]
    made.instruments = [with_fees(one, said.get("maker_fee"), said.get("taker_fee")) for one in backtest.instruments]
    made.charged = {} if {"maker_fee", "taker_fee"} & {*said} else backtest.charged
    made.warm_up = duration_ns(said.get("warm_up", backtest.warm_up))
    made.seed = said.get("seed", backtest.seed)
    return made


def _is_parameter(backtest: Backtest, name: str) -> bool:
    """Whether the one strategy has a parameter of this name, which then wins over the setting."""
    kinds = [kind_of(one) for one in backtest.participants]
    return len(kinds) == 1 and kinds[0] is not None and name in parameters_of(kinds[0])


def _mine(one: Participant, point: Point, many: int) -> Point:
    if many == 1:
        return point
    return {name.partition(".")[2]: value for name, value in point.items() if name.partition(".")[0] == one.name}


def kind_of(one: Participant) -> type[Strategy] | None:
    """The class of a participant's strategy; None where it is a given order flow."""
    return one.given if isinstance(one.given, type) else None if one.given is None else type(one.given)


def _changed(one: Participant, values: Point, said: Point) -> Participant:
    kind = kind_of(one)
    kept = {**one.parameters} if isinstance(one.given, type) else parameter_values(one.given) if one.given is not None else {}
    latencies = [latency(said[name]) if name in said else series for name, series in zip(LATENCIES, one.latencies)]
    return replace(
        one,
        given=kind,
        parameters={**kept, **values} if kind else {},
        cash=decimal(said["cash"], "cash") if "cash" in said else one.cash,
        latencies=(latencies[0], latencies[1], latencies[2]),
    )


def check_names(backtest: Backtest, names: Iterable[str]) -> None:
    """Raises SweepError for a name that is no parameter of the strategy and no setting, with the nearest ones."""
    several = len(backtest.participants) > 1
    known: list[str] = []
    for one in backtest.participants:
        kind = kind_of(one)
        if kind is None:
            raise SweepError("a sweep varies a strategy's parameters; this backtest plays given orders")
        if kind.__init__ is not Strategy.__init__:
            if not isinstance(one.given, type):
                raise SweepError(f"{kind.__name__} has an __init__ of its own: give its class to the backtest, not an instance")
            if not several:
                return
        known += [f"{one.name}.{name}" if several else name for name in parameters_of(kind)]
    for name in names:
        if name not in known and name not in SETTINGS:
            hint = did_you_mean(name, [*known, *SETTINGS], f"it has {', '.join(known) or 'no parameters'}; also {', '.join(SETTINGS)}")
            raise SweepError(f"the strategy has no parameter {name!r}; {hint}")


def check_values(backtest: Backtest, points: Iterable[Point]) -> None:
    """Raises ValueError for the first value that the strategy or the backtest would refuse; each value is looked at once."""
    seen: set[tuple[str, str]] = set()
    for point in points:
        new = {name: value for name, value in point.items() if (name, repr(value)) not in seen}
        seen |= {(name, repr(value)) for name, value in new.items()}
        for one in backtest.participants:
            kind, mine = kind_of(one), _mine(one, new, len(backtest.participants))
            parameters = parameters_of(kind) if kind is not None and kind.__init__ is Strategy.__init__ else {}
            for name in mine.keys() & parameters.keys():
                parameters[name].check(mine[name])
        for name in new.keys() & set(SETTINGS):
            if not _is_parameter(backtest, name):
                variant(backtest, {name: new[name]})
