"""Trades of one symbol as they come: the newest of them, and candles a second, from which wider ones are made."""

from collections import deque
from decimal import Decimal
from typing import Any

import numpy as np

from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Side
from live.wire.times import time_text

TRADES_KEPT, SECONDS_KEPT, CANDLES_SENT = 200, 6 * 3600, 400
INTERVALS = (1, 5, 15, 60, 300)
SMA = 20
"""Candles of the moving average."""
SECOND = 10**9


class Candles:
    """Prices in price units, quantities in lots, until they are shown; `trades`: (seq, ts, price, lots, side)."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.trades: deque[tuple[int, int, int, int, int]] = deque(maxlen=TRADES_KEPT)
        self.seconds: deque[list[int]] = deque(maxlen=SECONDS_KEPT)
        """start (s UTC), open, high, low, close, lots; a second without a trade has none."""
        self.seq = 0

    def add(self, seq: np.ndarray, ts: np.ndarray, price: np.ndarray, lots: np.ndarray, side: np.ndarray) -> None:
        """More trades, in the order of `seq`; those that are known are passed over. int64 (n,) each: ns UTC, price units, lots, Side."""
        new = seq > self.seq
        if not new.any():
            return
        seq, ts, price, lots, side = (column[new].astype(np.int64) for column in (seq, ts, price, lots, side))
        self.seq = int(seq[-1])
        kept = slice(-TRADES_KEPT, None)
        self.trades.extend(zip(*(column[kept].tolist() for column in (seq, ts, price, lots, side))))
        at = ts // SECOND
        first = np.flatnonzero(np.diff(at, prepend=at[0] - 1))
        last = np.append(first[1:] - 1, len(at) - 1)
        sums = np.add.reduceat(lots, first), np.maximum.reduceat(price, first), np.minimum.reduceat(price, first)
        for k, (start, opened, closed) in enumerate(zip(at[first].tolist(), price[first].tolist(), price[last].tolist())):
            self._second(start, opened, int(sums[1][k]), int(sums[2][k]), closed, int(sums[0][k]))

    def _second(self, start: int, opened: int, high: int, low: int, close: int, lots: int) -> None:
        """One second, or more of the newest one."""
        if self.seconds and self.seconds[-1][0] >= start:
            bar = self.seconds[-1]
            bar[2], bar[3], bar[4], bar[5] = max(bar[2], high), min(bar[3], low), close, bar[5] + lots
        else:
            self.seconds.append([start, opened, high, low, close, lots])

    def bars(self, interval: int, since: int = 0) -> list[list[Any]]:
        """Candles of `interval` seconds that began at `since` or after, oldest first, with as many before them as the average needs:
        [start (s UTC), open, high, low, close, volume, average of the last 20 closes or None], decimals as texts."""
        made: list[list[int]] = []
        earliest = since - SMA * interval if since else 0
        for second in reversed(self.seconds):
            start = second[0] - second[0] % interval
            if (start < earliest and (not since or len(made) > SMA)) or len(made) > CANDLES_SENT + SMA:
                break
            if made and made[-1][0] == start:
                bar = made[-1]
                bar[1], bar[2], bar[3], bar[5] = second[1], max(bar[2], second[2]), min(bar[3], second[3]), bar[5] + second[5]
            else:
                made.append([start, *second[1:]])
        made.reverse()
        return [row for row in self._shown(made) if row[0] >= since][-CANDLES_SENT:]

    def _shown(self, bars: list[list[int]]) -> list[list[Any]]:
        price, quantity, places = self.instrument.price, self.instrument.quantity, self.instrument.price_decimals + 1
        rows: list[list[Any]] = []
        for k, (start, *prices, lots) in enumerate(bars):
            closes = [bar[4] for bar in bars[k + 1 - SMA : k + 1]] if k + 1 >= SMA else []
            average = f"{price(1) * Decimal(sum(closes)) / SMA:.{places}f}" if closes else None
            rows.append([start, *(f"{price(one):f}" for one in prices), f"{quantity(lots):f}", average])
        return rows

    def newest(self, since: int = 0, most: int = 60) -> list[list[Any]]:
        """The last trades after a seq, newest first: [seq, time, price, quantity, B or S of the taker]."""
        price, quantity = self.instrument.price, self.instrument.quantity
        rows: list[list[Any]] = []
        for seq, ts, units, lots, side in reversed(self.trades):
            if seq <= since or len(rows) >= most:
                break
            rows.append([seq, time_text(ts), f"{price(units):f}", f"{quantity(lots):f}", "S" if side == Side.SELL else "B"])
        return rows
