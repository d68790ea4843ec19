"""A first pass over a recorded stream: its symbols, its kinds of messages, and how finely prices and quantities are written."""

from pathlib import Path
from typing import NamedTuple

from data.binance.chain import levels_of
from data.binance.lines import Line, read_lines
from data.feed import DataError

TEXTS_MAX = 1 << 17
"""Prices, or quantities, that are remembered as they were written."""


class Seen(NamedTuple):
    """Of a symbol: decimals of its prices and of its quantities, how many messages of each kind, and the texts that were looked at."""

    places: list[int]
    kinds: dict[str, int]
    texts: tuple[set[str], set[str]]


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
        one = seen.get(str(symbol)) or seen.setdefault(str(symbol), Seen([0, 0], {}, (set(), set())))
        one.kinds[line.kind] = one.kinds.get(line.kind, 0) + 1
        _note(path, line, one)
    if not seen:
        raise DataError(path, "holds no depth, bookTicker or trade messages of Binance")
    if snapshots and len(seen) > 1:
        raise DataError(
            path, f"is a snapshot without a symbol among messages of {', '.join(seen)}; record each symbol apart", snapshots[0].number
        )
    for line in snapshots:
        one = next(iter(seen.values()))
        one.kinds["snapshot"] = one.kinds.get("snapshot", 0) + 1
        _note(path, line, one)
    for one in seen.values():
        for texts in one.texts:
            texts.clear()
    return seen


def _note(path: Path, line: Line, one: Seen) -> None:
    """The decimals of a message's prices and quantities; those that were seen before are known."""
    said = line.said
    try:
        if line.kind in ("depth", "snapshot"):
            levels = levels_of(said)
            texts = {price for _, price, _ in levels}, {quantity for _, _, quantity in levels}
        elif line.kind == "ticker":
            texts = {said["b"], said["a"]}, {said["B"], said["A"]}
        else:
            texts = {said["p"]}, {said["q"]}
        for k in range(2):
            if not texts[k] <= one.texts[k]:
                new = texts[k] - one.texts[k]
                one.places[k] = max(one.places[k], *map(_decimals, new))
                if len(one.texts[k]) > TEXTS_MAX:
                    one.texts[k].clear()
                one.texts[k].update(new)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise DataError(path, f"a {line.kind} message lacks a price or a quantity ({error})", line.number) from None
