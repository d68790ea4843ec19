"""One symbol's depth stream: the snapshot, the updates that continue it, and whether none is missing."""

from typing import Any

from data.binance.lines import Line

Levels = list[tuple[int, str, str]]
"""(side, price, quantity) as they were written."""


class Chain:
    """Follows the update ids. Updates before a snapshot are kept until it comes; those that it holds already are dropped."""

    def __init__(self) -> None:
        self.last: int | None = None  # id of the last update in the book
        self.waiting: list[Line] = []
        self.dropped = 0
        self.gap = ""  # what is wrong with the update before this answer

    def snapshot(self, line: Line) -> list[tuple[Line, bool]]:
        """The snapshot (True), where it is newer than the book, and the updates that waited for it and continue it."""
        new = int(line.said["lastUpdateId"])
        if self.last is not None and new <= self.last:
            return []
        self.last = new
        made = [(line, True)]
        waiting, self.waiting = self.waiting, []
        for update in waiting:
            made += self.update(update)
        return made

    def update(self, line: Line) -> list[tuple[Line, bool]]:
        """The update, where it continues the book; nothing where it waits, or is in the book already. `gap` says what is missing."""
        said = line.said
        self.gap = ""
        if self.last is None:
            self.waiting.append(line)
            return []
        first, final, before = int(said["U"]), int(said["u"]), said.get("pu")
        if final <= self.last and not (before is None and first <= self.last < final):
            self.dropped += 1
            return []
        joined = first <= self.last + 1 if before is None else int(before) == self.last or first <= self.last <= final
        if not joined:
            what = f"pu {before}" if before is not None else f"U {first}"
            self.gap = f"{what} does not follow update {self.last}: updates are missing"
        self.last = final
        return [(line, False)]


def levels_of(said: dict[str, Any]) -> Levels:
    """The levels of a snapshot or an update."""
    bids, asks = ("bids", "asks") if "bids" in said else ("b", "a")
    return [(0, one[0], one[1]) for one in said[bids]] + [(1, one[0], one[1]) for one in said[asks]]
