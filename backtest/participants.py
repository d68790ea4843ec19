"""Who trades in a backtest: each strategy with its portfolio, cash, latencies, limits and rules."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from backtest.timing import Latency, latency
from engine.messages.commands import Limits, Rules
from engine.messages.instrument import Number, decimal
from engine.strategy.parameters import parameters_of
from engine.strategy.participant import Given, Participant


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
    seats: Mapping[str, str] = MappingProxyType({}),
) -> list[Participant]:
    """The participants of a run, in the order in which they are called. Raises ValueError where something does not fit."""
    listed = list(strategies) if isinstance(strategies, Sequence) else [strategies]
    if not listed:
        raise ValueError("the list of strategies is empty; give one or more")
    if parameters and not (len(listed) == 1 and isinstance(listed[0], type)):
        raise ValueError("parameters go with a strategy's class, of one strategy; an instance has its own")
    names = _names(listed, portfolio, list(seats.values()))
    traders = list(seats) if portfolio is None and len(seats) == len(listed) else names
    of = {
        "cash": cash,
        "feed_latency": feed_latency,
        "order_latency": order_latency,
        "response_latency": response_latency,
        "limits": limits,
        "rules": rules,
    }
    made = []
    for given, name, trader in zip(listed, names, traders):
        told = {what: _of(value, name, names, what) for what, value in of.items()}
        values = dict(parameters or {})
        if isinstance(given, type) and seed is not None and "seed" in parameters_of(given):
            values.setdefault("seed", seed)
        series = (latency(told["feed_latency"]), latency(told["order_latency"]), latency(told["response_latency"]))
        made.append(Participant(name, given, values, decimal(told["cash"], "cash"), series, told["limits"], told["rules"], trader))
    return made


def _names(listed: Sequence[Any], portfolio: str | Sequence[str] | None, seats: list[str]) -> list[str]:
    """A portfolio for each strategy: as given, else that of its seat in a recorded session, else "strategy" for one, and the names of their
    classes for several."""
    if portfolio is not None:
        names = [portfolio] if isinstance(portfolio, str) else list(portfolio)
        if len(names) != len(listed) or len(set(names)) != len(names):
            raise ValueError(f"portfolio names {names}; give {len(listed)}, each another, in the order of the strategies")
        return names
    if len(seats) == len(listed):
        return seats
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


def described(several: Sequence[Participant]) -> dict[str, Any]:
    """What a run writes down: of one strategy its name, parameters and latencies; of several these of each besides."""
    each = {one.name: one.described() for one in several}
    if len(each) == 1:
        return next(iter(each.values()))
    alike = {}
    for what in ("feed_latency", "order_latency", "response_latency"):
        values = [said[what] for said in each.values()]
        alike[what] = values[0] if len(set(values)) == 1 else "several"
    parameters = {f"{name}.{key}": value for name, said in each.items() for key, value in said["parameters"].items()}
    return {"strategy": " + ".join(each), "parameters": parameters, **alike, "strategies": each}
