"""A first pass over a recorded stream: its symbols, its kinds of messages, and how finely prices and quantities are written."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from data.binance.chain import levels_of
from data.binance.lines import Line, read_lines
from data.feed import DataError


class Seen(NamedTuple):
    """Of a symbol: decimals of its prices and of its quantities, and how many messages of each kind."""

    places: list[int]
    kinds: dict[str, int]


@lru_cache(1 << 16)
def _decimals(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))


def survey(path: Path, repair: bool) -> dict[str, Seen]:
    """The symbols, with how finely they are written. Raises DataError where a line is bad."""
    seen: dict[str, Seen] = {}
    snapshots: list[Line] = []
    for line in read_lines(path, repair=repair):
        if isinstance(line, DataError):
            if not repair:
                raise line
            continue
        if line.kind == "other":
            continue
        symbol = line.said.get("s")
        if symbol is None:
            snapshots.append(line)
            continue
        one = seen.setdefault(str(symbol), Seen([0, 0], {}))
        one.kinds[line.kind] = one.kinds.get(line.kind, 0) + 1
        _note(path, line, one.places)
    if not seen:
        raise DataError(path, "holds no depth, bookTicker or trade messages of Binance")
    if snapshots and len(seen) > 1:
        raise DataError(
            path, f"is a snapshot without a symbol among messages of {', '.join(seen)}; record each symbol apart", snapshots[0].number
        )
    for line in snapshots:
        one = next(iter(seen.values()))
        one.kinds["snapshot"] = one.kinds.get("snapshot", 0) + 1
        _note(path, line, one.places)
    return seen


def _note(path: Path, line: Line, places: list[int]) -> None:
    said = line.said
    try:
        if line.kind in ("depth", "snapshot"):
            pairs = [(price, quantity) for _, price, quantity in levels_of(said)]
        elif line.kind == "ticker":
            pairs = [(said["b"], said["B"]), (said["a"], said["A"])]
        else:
            pairs = [(said["p"], said["q"])]
        for price, quantity in pairs:
            if (fine := _decimals(price)) > places[0]:
                places[0] = fine
            if (fine := _decimals(quantity)) > places[1]:
                places[1] = fine
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(path, f"a {line.kind} message lacks a price or a quantity ({error})", line.number) from None
