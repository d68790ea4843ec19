"""A strategy on the timeline: its class or instance, its seat (portfolio and trader), its latencies, and its state."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from engine.loop.loop_state import NEVER, STEP, StrategyState, Want, new_strategy_state
from engine.messages.commands import Limits, Rules
from engine.messages.durations import duration_ns
from engine.strategy.compile import parameter_array
from engine.strategy.strategy import Strategy, parameter_values, wants_of

Given = Strategy | type[Strategy]
NONE: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.zeros(1, STEP), np.zeros(1, STEP), np.zeros(1, STEP))
"""No latencies."""


@dataclass
class Participant:
    """A strategy, or a given order flow where there is none; `name` is that of its portfolio, and of its trader unless it has another."""

    name: str
    given: Given | None
    parameters: dict[str, Any]
    cash: Decimal
    latencies: tuple[np.ndarray, np.ndarray, np.ndarray]  # feed, order, response: STEP
    limits: Limits | None
    rules: Rules | None
    trader: str = ""
    bar_ends: np.ndarray | None = None  # int64, exchange times at which the feed's own bars end

    def __post_init__(self) -> None:
        self.trader = self.trader or self.name
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
        state = new_strategy_state(instruments, kind.depth, kind.memory, self.latencies, parameter_array(self.strategy))
        return state if self.bar_ends is None else state.replaced(bar_ends=np.append(self.bar_ends, NEVER))

    def arm(self, clock: np.void, first: int) -> None:
        """Set its timers and bars going at its first call."""
        if self.strategy is None:
            return
        kind = type(self.strategy)
        clock["first"], clock["wants"] = first, int(wants_of(self.strategy))
        for name, given, want in (("timer", kind.every, Want.TIMER), ("bar", kind.bar, Want.BAR)):
            every = duration_ns(given)
            if clock["wants"] & int(want):
                if name == "bar" and every == 0 and self.bar_ends is not None:
                    clock["bar_at"] = at = int(np.searchsorted(self.bar_ends, first))
                    clock["bar_next"] = self.bar_ends[at] if at < len(self.bar_ends) else NEVER
                    continue
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
