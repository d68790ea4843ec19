"""A book as its ladder shows it: prices with running totals, spread, middle and imbalance, exact, and its depth as it was."""

from collections import deque
from decimal import Decimal
from typing import Any

Row = tuple[Decimal, Decimal, int]
"""Price, quantity, orders."""
COLUMNS_KEPT = 240


def ladder(bids: list[Row], asks: list[Row]) -> dict[str, Any]:
    """[price, quantity, orders, total] of each side, best first; spread, spread_bp, mid, imbalance (bids' part of what is shown)."""
    made: dict[str, Any] = {"bids": _totals(bids), "asks": _totals(asks)}
    shown = [sum((row[1] for row in side), Decimal(0)) for side in (bids, asks)]
    made["imbalance"] = f"{shown[0] / sum(shown):.4f}" if sum(shown) else None
    if not bids or not asks:
        return {**made, "spread": None, "spread_bp": None, "mid": None}
    spread, mid = asks[0][0] - bids[0][0], (asks[0][0] + bids[0][0]) / 2
    return {**made, "spread": f"{spread:f}", "mid": f"{mid:f}", "spread_bp": f"{spread / mid * 10_000:.2f}" if mid > 0 else None}


def _totals(rows: list[Row]) -> list[list[Any]]:
    total, made = Decimal(0), []
    for price, quantity, orders in rows:
        total += quantity
        made.append([f"{price:f}", f"{quantity:f}", orders, f"{total:f}"])
    return made


class Depth:
    """The book through time, a column at most every `apart` s: for the heat map."""

    def __init__(self, apart: float = 0.5) -> None:
        self.apart = apart
        self.columns: deque[tuple[int, list[Any]]] = deque(maxlen=COLUMNS_KEPT)
        self._count, self._at = 0, float("-inf")

    def add(self, now: float, ts: int, bids: list[Row], asks: list[Row]) -> None:
        """Take a column: `now` s of any clock that does not go back, `ts` ns UTC."""
        if now - self._at < self.apart:
            return
        self._at, self._count = now, self._count + 1
        sides = [[[float(price), float(quantity)] for price, quantity, _ in side] for side in (bids, asks)]
        self.columns.append((self._count, [ts // 1_000_000, *sides]))

    def newest(self, since: int) -> tuple[list[Any], int]:
        """Columns after a mark: [ms UTC, bids, asks], each side [price, quantity] best first; and the new mark."""
        return [column for mark, column in self.columns if mark > since], self._count
