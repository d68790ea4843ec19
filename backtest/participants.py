"""Who trades in a backtest: each strategy with its portfolio, cash, latencies, limits and rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backtest.timing import Latency, latency
from engine.loop.loop_state import STEP, StrategyState, Want, new_strategy_state
from engine.messages.commands import Limits, Rules
from engine.messages.durations import duration_ns
from engine.messages.instrument import Number, decimal
from engine.strategy.compile import parameter_array
from engine.strategy.parameters import parameters_of
from engine.strategy.strategy import Strategy, parameter_values, wants_of

Given = Strategy | type[Strategy]
NONE: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.zeros(1, STEP), np.zeros(1, STEP), np.zeros(1, STEP))
"""No latencies."""


@dataclass
class Participant:
    """A strategy, or a given order flow where there is none; `name` is that of its portfolio and its trader."""

    name: str
    given: Given | None
    parameters: dict[str, Any]
    cash: Decimal
    latencies: tuple[np.ndarray, np.ndarray, np.ndarray]  # feed, order, response: STEP
    limits: Limits | None
    rules: Rules | None

    def __post_init__(self) -> None:
        self.strategy = self.made()
        if self.strategy is not None:
            wants_of(self.strategy)

    def made(self) -> Strategy | None:
        """The strategy; of a class a new one."""
        return self.given(**self.parameters) if isinstance(self.given, type) else self.given

    @property
    def title(self) -> str:
        """module:Class, or "orders"."""
        if self.strategy is None:
            return "orders"
        return f"{type(self.strategy).__module__}:{type(self.strategy).__qualname__}"

    def state(self, instruments: int) -> StrategyState:
        """Its state before the first row of history."""
        if self.strategy is None:
            return new_strategy_state(instruments, 1, 0, NONE, np.zeros(1))
        kind = type(self.strategy)
        return new_strategy_state(instruments, kind.depth, kind.memory, self.latencies, parameter_array(self.strategy))

    def arm(self, clock: np.void, first: int) -> None:
        """Set its timers and bars going at its first call."""
        if self.strategy is None:
            return
        kind = type(self.strategy)
        clock["first"], clock["wants"] = first, int(wants_of(self.strategy))
        for name, given, want in (("timer", kind.every, Want.TIMER), ("bar", kind.bar, Want.BAR)):
            every = duration_ns(given)
            if clock["wants"] & int(want):
                if every <= 0:
                    raise ValueError(f"{kind.__name__} wants on_{name} but its `{'every' if name == 'timer' else 'bar'}` is 0")
                clock[f"{name}_every"] = every
                clock[f"{name}_next"] = (first // every + 1) * every if name == "bar" else -(-first // every) * every

    def logged(self, state: StrategyState) -> list[tuple[str, int, str]]:
        """What it logged: its name, ns by its clock, text; of a compiled strategy numbers."""
        notes = state.notes[: int(state.clock["notes"][0])].tolist()
        texts = self.strategy.logged if self.strategy is not None else []
        return [(self.name, ts, text) for ts, text in [*texts, *((ts, f"{value:g}") for ts, value in notes)]]

    def described(self) -> dict[str, Any]:
        """What a run writes down of it."""
        names = ("feed_latency", "order_latency", "response_latency")
        steps = {name: int(series["value"][0]) if len(series) == 1 else "series" for name, series in zip(names, self.latencies)}
        return {"strategy": self.title, "parameters": parameter_values(self.strategy) if self.strategy is not None else {}, **steps}


def participants(
    strategies: Given | Sequence[Given] | None,
    *,
    parameters: Mapping[str, Any] | None,
    portfolio: str | Sequence[str] | None,
    cash: Number | Mapping[str, Number],
    feed_latency: Latency | Mapping[str, Latency],
    order_latency: Latency | Mapping[str, Latency],
    response_latency: Latency | Mapping[str, Latency],
    limits: Limits | Mapping[str, Limits] | None,
    rules: Rules | Mapping[str, Rules] | None,
    seed: int | None,
) -> list[Participant]:
    """The participants of a run, in the order in which they are called. Raises ValueError where something does not fit."""
    listed = list(strategies) if isinstance(strategies, Sequence) else [strategies]
    if not listed:
        raise ValueError("the list of strategies is empty; give one or more")
    if parameters and not (len(listed) == 1 and isinstance(listed[0], type)):
        raise ValueError("parameters go with a strategy's class, of one strategy; an instance has its own")
    names = _names(listed, portfolio)
    of = {
        "cash": cash,
        "feed_latency": feed_latency,
        "order_latency": order_latency,
        "response_latency": response_latency,
        "limits": limits,
        "rules": rules,
    }
    made = []
    for given, name in zip(listed, names):
        told = {what: _of(value, name, names, what) for what, value in of.items()}
        values = dict(parameters or {})
        if isinstance(given, type) and seed is not None and "seed" in parameters_of(given):
            values.setdefault("seed", seed)
        series = (latency(told["feed_latency"]), latency(told["order_latency"]), latency(told["response_latency"]))
        made.append(Participant(name, given, values, decimal(told["cash"], "cash"), series, told["limits"], told["rules"]))
    return made


def _names(listed: Sequence[Any], portfolio: str | Sequence[str] | None) -> list[str]:
    """A portfolio for each strategy: as given, else "strategy" for one, and the names of their classes for several."""
    if portfolio is not None:
        names = [portfolio] if isinstance(portfolio, str) else list(portfolio)
        if len(names) != len(listed) or len(set(names)) != len(names):
            raise ValueError(f"portfolio names {names}; give {len(listed)}, each another, in the order of the strategies")
        return names
    if len(listed) == 1:
        return ["strategy"]
    kinds = [(one if isinstance(one, type) else type(one)).__name__ for one in listed]
    return [kind if kinds.count(kind) == 1 else f"{kind}-{kinds[: k + 1].count(kind)}" for k, kind in enumerate(kinds)]


_DEFAULTS = {
    "cash": 1_000_000,
    "feed_latency": "100us",
    "order_latency": "100us",
    "response_latency": "100us",
    "limits": None,
    "rules": None,
}


def _of(value: Any, name: str, names: Sequence[str], what: str) -> Any:
    """A setting of one participant: the same for all, or by name."""
    if not isinstance(value, Mapping):
        return value
    unknown = next((key for key in value if key not in names), None)
    if unknown is not None:
        raise ValueError(f"{what} names {unknown!r}, which no strategy is called; there are {', '.join(names)}")
    return value.get(name, _DEFAULTS[what])
