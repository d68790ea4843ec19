"""Ticks for the tests of the streams: random ones of every kind, and single ones in JSON."""

from collections.abc import Sequence

import numpy as np

from engine import Instrument
from live.streams import TICK, Has
from live.streams.raw_json import TickWriter

LISTED = [Instrument("AAPL", "0.01"), Instrument("OIL", "0.05", "0.1", negative_prices=True)]
START = 1_767_623_400_000_000_000
"""2026-01-05T14:30:00Z."""
SECOND = 10**9
MINUTE = 60 * SECOND


def tick(seconds: float, price: str | None = "100.00", size: str | None = "10", symbol: str = "AAPL", **more: str) -> bytes:
    """A record of market-data-raw, `seconds` behind START."""
    from live.wire.times import time_text

    fields = {"symbol": symbol, "ts": time_text(START + round(seconds * SECOND)), "last": price, "size": size, **more}
    return ("{" + ",".join(f'"{name}":"{value}"' for name, value in fields.items() if value is not None) + "}").encode()


def random_ticks(seed: int, count: int) -> np.ndarray:
    """Ticks of two symbols over some minutes: trades and quotes, early and late ones, gaps, and a few bad ones of each kind."""
    chance = np.random.default_rng(seed)
    made = np.zeros(count, TICK)
    steps = np.where(chance.random(count) < 0.01, 40, chance.exponential(0.7, count))
    made["ts"] = START + (np.cumsum(steps) * SECOND).astype(np.int64)
    late = chance.random(count)
    made["ts"] -= np.where(late < 0.1, chance.integers(0, 8, count), np.where(late < 0.15, chance.integers(0, 150, count), 0)) * SECOND
    made["symbol"] = chance.integers(0, 2, count)
    made["last"] = 10_000 + np.cumsum(chance.integers(-9, 10, count)) + np.where(chance.random(count) < 0.01, 900, 0)
    made["size"] = chance.integers(0, 50, count) * np.where(chance.random(count) < 0.01, 500, 1)
    made["bid"], made["ask"] = made["last"] - 2, made["last"] + chance.integers(0, 4, count) + np.where(chance.random(count) < 0.01, 90, 0)
    made["close"] = 10_000
    kinds = [
        Has.LAST | Has.SIZE,
        Has.LAST | Has.SIZE | Has.CLOSE,
        Has.BID | Has.ASK,
        Has.LAST,
        Has.BID,
        Has.LAST | Has.SIZE | Has.BID | Has.ASK,
    ]
    made["has"] = chance.choice([int(kind) for kind in kinds], count)
    odd = chance.random(count)
    made["ts"] += np.where(odd < 0.01, chance.integers(1, 3, count) * 86_400 * SECOND, 0)
    made["last"] = np.where((odd > 0.01) & (odd < 0.02), -5, made["last"])
    made["symbol"] = np.where((odd > 0.02) & (odd < 0.03), 7, made["symbol"])
    made["has"] |= np.where((odd > 0.03) & (odd < 0.04), int(Has.ODD_PRICE), 0).astype(np.uint32)
    return made


def as_json(ticks: np.ndarray, listed: Sequence[Instrument] = LISTED) -> list[bytes]:
    """The same as records; those that JSON cannot say are left out."""
    writer = TickWriter(list(listed))
    return [writer.value(row) for row in ticks.tolist() if row[-2] < len(listed) and not row[-1] >> 16]
