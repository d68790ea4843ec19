"""The streams written plainly: whole lists, fractions, no windows that are kept small. What the compiled ones must tell."""

from fractions import Fraction
from typing import Any

import numpy as np

from live.streams import Has
from tests.live.streams.ticks import MINUTE, SECOND

ALLOWANCE, REVISE, JUMP, CONFIRM = 5 * SECOND, 60 * SECOND, 15 * MINUTE, 3
BAD_TIME_END = 1 << 62


class NaiveStreams:
    """Bars, five-minute means and price alerts of ticks, as lists of tuples in the order in which they are told."""

    def __init__(self, negative: list[bool]) -> None:
        self.negative = negative
        self.told: list[tuple[Any, ...]] = []
        self.refused: dict[str, int] = dict.fromkeys(("unknown_symbol", "bad_price", "bad_size", "bad_time", "ahead", "late"), 0)
        self.clock: int | None = None
        self.begun: list[np.void] = []
        self._forget()

    def _forget(self) -> None:
        self.trades: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self.lasts: dict[tuple[int, int], list[int]] = {}
        self.revision: dict[tuple[int, int], int] = {}
        self.closes: dict[int, int] = dict(getattr(self, "closes", {}))
        self.newest: dict[int, int] = {}
        self.quoted: dict[int, int] = {}
        self.far: set[int] = set()
        self.held: list[np.void] = []
        self.taken = 0

    def take(self, ticks: np.ndarray) -> None:
        """One after another."""
        for tick in ticks:
            reason = self._judge(tick)
            if reason:
                self.refused[reason] += 1
            else:
                self._time(tick)

    def _judge(self, tick: np.void) -> str:
        has, symbol = int(tick["has"]), int(tick["symbol"])
        if has & Has.ODD_SYMBOL or symbol >= len(self.negative):
            return "unknown_symbol"
        if has & Has.ODD_TIME or not 0 < tick["ts"] < BAD_TIME_END:
            return "bad_time"
        if has & Has.ODD_SIZE or (has & Has.SIZE and tick["size"] < 0):
            return "bad_size"
        prices = [int(tick[name]) for name in ("last", "bid", "ask", "close") if has & Has[name.upper()]]
        return "bad_price" if has & Has.ODD_PRICE or any(one <= 0 and not self.negative[symbol] for one in prices) else ""

    def _time(self, tick: np.void) -> None:
        ts = int(tick["ts"])
        if self.clock is None:
            self.clock = ts
        elif ts - self.clock > JUMP:
            self.taken = 2
            if self.held and abs(ts - int(self.held[0]["ts"])) > JUMP:
                self._drop()
            self.held.append(tick.copy())
            if len(self.held) == CONFIRM:
                held, self.held = self.held, []
                for one in held:
                    self._apply(one)
            return
        elif self.taken == 1 and self.clock - ts > JUMP:
            self.refused["ahead"] += 1
            self._forget()
            self.clock = ts
        else:
            self._drop()
        self.taken += 1
        self._apply(tick)

    def _drop(self) -> None:
        self.refused["ahead"] += len(self.held)
        self.held = []

    def _apply(self, tick: np.void) -> None:
        assert self.clock is not None
        ts, symbol, has = int(tick["ts"]), int(tick["symbol"]), int(tick["has"])
        before, self.clock = self.clock, max(self.clock, ts)
        self._close(before - ALLOWANCE, self.clock - ALLOWANCE)
        if ts >= self.quoted.get(symbol, -1):
            self.quoted[symbol] = ts
            if has & Has.CLOSE:
                self.closes[symbol] = int(tick["close"])
        if not has & Has.LAST:
            return
        if (ts // (5 * MINUTE) + 1) * 5 * MINUTE > self.clock - ALLOWANCE:
            self.lasts.setdefault((ts // (5 * MINUTE), symbol), []).append(int(tick["last"]))
        if has & Has.SIZE and tick["size"] > 0:
            self._trade(ts, symbol, int(tick["last"]), int(tick["size"]))
        if ts >= self.newest.get(symbol, -1):
            self.newest[symbol] = ts
            self._alert(ts, symbol, int(tick["last"]))

    def _trade(self, ts: int, symbol: int, price: int, size: int) -> None:
        assert self.clock is not None
        minute, watermark = ts // MINUTE, self.clock - ALLOWANCE
        if watermark >= (minute + 1) * MINUTE + REVISE:
            self.refused["late"] += 1
            return
        self.trades.setdefault((minute, symbol), []).append((ts, price, size))
        if (minute + 1) * MINUTE <= watermark:
            self._tell(minute, symbol)

    def _tell(self, minute: int, symbol: int) -> None:
        rows = sorted(self.trades[minute, symbol], key=lambda row: row[0])  # stable: of one time in the order of arrival
        prices, volume = [price for _, price, _ in rows], sum(size for *_, size in rows)
        first = next(price for ts, price, _ in self.trades[minute, symbol] if ts == rows[0][0])
        vwap = Fraction(sum(price * size for _, price, size in rows), volume)
        revision = self.revision[minute, symbol] = self.revision.get((minute, symbol), -1) + 1
        bar = (first, max(prices), min(prices), prices[-1], volume, vwap, len(rows), revision)
        self.told.append(("BAR", symbol, minute * MINUTE, *bar))

    def _close(self, before: int, now: int) -> None:
        """What ends behind `before`, and not behind `now`, is told by its end, then its symbol; bars before means."""
        ending = [((minute + 1) * MINUTE, 0, symbol, minute) for minute, symbol in self.trades]
        ending += [((window + 1) * 5 * MINUTE, 1, symbol, window) for window, symbol in self.lasts]
        for end, kind, symbol, number in sorted(ending):
            if before < end <= now:
                if kind == 0:
                    self._tell(number, symbol)
                else:
                    lasts = self.lasts[number, symbol]
                    self.told.append(("MEAN", symbol, end, Fraction(sum(lasts), len(lasts))))

    def _alert(self, ts: int, symbol: int, price: int) -> None:
        close = self.closes.get(symbol, 0)
        if close <= 0:
            return
        change = abs(Fraction(price - close, close))
        if symbol not in self.far and change > Fraction(1, 20):
            self.far.add(symbol)
            self.told.append(("ALERT", symbol, ts, price, close))
        elif symbol in self.far and change < Fraction(4, 100):
            self.far.remove(symbol)


def plainly(told: np.ndarray) -> list[tuple[Any, ...]]:
    """TOLD rows in the same words."""
    made: list[tuple[Any, ...]] = []
    for row in told:
        one = {name: int(row[name]) for name in (told.dtype.names or ()) if name != "value"}
        if one["kind"] == 0:
            vwap = Fraction((one["paid_high"] << 32) + one["paid_low"], one["volume"])
            terms = (*(one[name] for name in ("open", "high", "low", "close", "volume")), vwap, one["trades"], one["revision"])
            made.append(("BAR", one["symbol"], one["ts"], *terms))
        elif one["kind"] == 1:
            made.append(("MEAN", one["symbol"], one["ts"], Fraction(one["open"], one["trades"])))
        elif one["kind"] == 2:
            made.append(("ALERT", one["symbol"], one["ts"], one["open"], one["close"]))
    return made
