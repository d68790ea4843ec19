"""The instruments of a Databento file: their symbols, and the tick that their prices show."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.dbn.files import UNDEFINED, Heading, definitions
from data.feed import DataError
from engine.messages.hints import did_you_mean
from engine.messages.instrument import Instrument, Number

NANO = Decimal("0.000000001")
SURE = 5
"""Different prices from which on their common step is taken for the tick."""
CENT = 10_000_000


class Steps(NamedTuple):
    """Of an instrument's prices (nano-units): their common step, how many there were, whether some are zero or below."""

    step: int
    different: int
    negative: bool


def steps_of(number: np.ndarray, prices: np.ndarray, before: Mapping[int, Steps]) -> dict[int, Steps]:
    """The steps with these prices (int64, nano-units, rows × columns) besides."""
    found = dict(before)
    for one in np.unique(number).tolist():
        chosen = np.unique(prices[number == one])
        chosen = chosen[chosen != UNDEFINED]
        old = found.get(one, Steps(0, 0, False))
        step = int(np.gcd.reduce(chosen, initial=old.step)) if len(chosen) else old.step
        found[one] = Steps(step, max(old.different, len(chosen)), old.negative or bool((chosen <= 0).any()))
    return found


def tick_of(steps: Steps) -> Decimal:
    """The common step of many prices; of a few, which prove little, the cent or the power of ten that they lie on."""
    step = steps.step or CENT
    if steps.different < SURE:
        power = 10 ** (len(str(step)) - len(str(step).rstrip("0")))
        step = min(power, CENT)
    return _plain(step * NANO)


def _plain(number: Decimal) -> Decimal:
    """Without zeros at its end."""
    return Decimal(f"{number.normalize():f}")


def choose(path: Path, heading: Heading, seen: Iterable[int], wanted: str | Sequence[str] | None) -> dict[int, str]:
    """Ids to symbols, of those that were chosen. Raises DataError where a symbol is not there."""
    named = {number: heading.symbols.get(number, f"ID{number}") for number in seen}
    if wanted is None:
        return named
    names = wanted.split(",") if isinstance(wanted, str) else list(wanted)
    for name in names:
        if name not in named.values():
            hint = did_you_mean(name, named.values(), f"it has {', '.join([*named.values()][:5])}")
            raise DataError(path, f"has no symbol {name!r}; {hint}", 0, "symbol")
    return {number: name for number, name in named.items() if name in names}


def make_instruments(
    chosen: Mapping[int, str], steps: Mapping[int, Steps], tick: Number | None, terms: Mapping[str, Any], defined: str | Path | None
) -> list[Instrument]:
    """An instrument each. A file of definitions says tick and multiplier; else the tick is the step of the prices."""
    known = {record.raw_symbol: record for record in definitions(Path(defined))} if defined is not None else {}
    made = []
    for number, symbol in chosen.items():
        given, record, found = dict(terms), known.get(symbol), steps.get(number, Steps(0, 0, False))
        step = tick
        if record is not None:
            if step is None and 0 < record.min_price_increment < UNDEFINED:
                step = _plain(record.min_price_increment * NANO)
            if 0 < record.unit_of_measure_qty < UNDEFINED:
                given.setdefault("multiplier", _plain(record.unit_of_measure_qty * NANO))
            given.setdefault("currency", record.currency or "USD")
        step = tick_of(found) if step is None else step
        unit = _unit(Decimal(str(step)), found.step)
        given.setdefault("negative_prices", found.negative)
        made.append(Instrument(symbol, step, price_unit=unit, **given))
    return made


def _unit(tick: Decimal, step: int) -> Decimal:
    """The price unit: the tick, or what it and all the prices are multiples of."""
    return _plain(int(np.gcd(int(tick / NANO), step)) * NANO) if step else tick


def nano_units(instruments: Sequence[Instrument]) -> np.ndarray:
    """int64: nano-units of price in a price unit of each."""
    return np.array([int(one.price_unit / NANO) for one in instruments] or [1], np.int64)
