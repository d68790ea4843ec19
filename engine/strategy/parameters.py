"""Parameters of a strategy: typed, range-checked class attributes."""

import math
from collections.abc import Mapping
from typing import Any

from engine.messages.hints import did_you_mean

KINDS: dict[type, str] = {int: "a whole number", float: "a number", bool: "true or false"}
"""What a value must be, by the type of the default."""


class Parameter:
    """A class attribute of a strategy that a run may set: `spread = Parameter(2, low=1)`.

    Its type is the default's: int, float, bool. `low` and `high` are the smallest and largest value allowed. NaN and infinity are refused.
    """

    def __init__(self, default: float, low: float | None = None, high: float | None = None, doc: str = "") -> None:
        for what, bound in (("default", default), ("low", low), ("high", high)):
            if isinstance(bound, float) and (math.isnan(bound) or (what == "default" and math.isinf(bound))):
                raise ValueError(f"{what} of a parameter: {bound} is not a finite number")
        self.default, self.low, self.high, self.doc = default, low, high, doc
        self.type = type(default)
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else instance.__dict__.get(self.name, self.default)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = self.check(value)

    def check(self, value: Any) -> Any:
        """`value` in the parameter's type. Raises ValueError where it does not fit, naming the parameter and its range."""
        made: Any
        try:
            if self.type is bool and not isinstance(value, str) and value not in (0, 1):
                raise ValueError
            if self.type is bool and isinstance(value, str):
                made = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[value.lower()]
            else:
                made = self.type(value)
                if self.type is int and float(value) != made:
                    raise ValueError
        except (ValueError, TypeError, KeyError, OverflowError):
            raise ValueError(f"parameter {self.name}: {value!r} is not {KINDS.get(self.type, self.type.__name__)}") from None
        if self.type is float and math.isnan(made):
            raise ValueError(f"parameter {self.name}: {value!r} is not a number")
        if (self.low is not None and made < self.low) or (self.high is not None and made > self.high):
            within = f"{'' if self.low is None else f'{self.low} <= '}{self.name}{'' if self.high is None else f' <= {self.high}'}"
            raise ValueError(f"parameter {self.name}: {value} is out of range; allowed is {within}")
        if self.type is float and math.isinf(made):
            raise ValueError(f"parameter {self.name}: {value!r} is not a finite number")
        return made


def parameters_of(strategy: type) -> dict[str, Parameter]:
    """Parameters of a strategy class by name, in the order in which they were written, base classes first."""
    found: dict[str, Parameter] = {}
    for base in reversed(strategy.__mro__):
        found.update({name: value for name, value in vars(base).items() if isinstance(value, Parameter)})
    return found


def set_parameters(strategy: Any, values: Mapping[str, Any]) -> None:
    """Set parameters of a strategy. Raises ValueError for an unknown name, with the nearest ones, and for a value out of range."""
    known = parameters_of(type(strategy))
    for name, value in values.items():
        if name not in known:
            hint = did_you_mean(name, known, f"it has {', '.join(known) or 'none'}", count=3, cutoff=0.5)
            raise ValueError(f"{type(strategy).__name__} has no parameter {name!r}; {hint}")
        setattr(strategy, name, value)
