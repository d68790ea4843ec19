"""What the benchmarks of a session share: its configuration, and endless commands of its participants."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.exchange import Exchange
from engine.messages.vocabulary import Kind, Side
from live.configuration.session import SessionSettings

SYMBOLS = [f"S{k}" for k in range(10)]
PORTFOLIOS = [f"p{k}" for k in range(100)]
TRADERS = [f"t{k}" for k in range(20)]
MIDDLE = 10_000
"""Ticks of 0.01 around which everybody trades."""


def settings_of(broker: dict[str, Any] | None = None, **more: Any) -> SessionSettings:
    """Ten instruments, a hundred portfolios, twenty traders."""
    given = {
        "name": "bench",
        "broker": broker or {"kind": "memory"},
        "instruments": [{"symbol": symbol, "tick": "0.01"} for symbol in SYMBOLS],
        "portfolios": [{"name": name, "cash": "1000000000"} for name in PORTFOLIOS],
        "traders": [{"name": name, "portfolios": PORTFOLIOS} for name in TRADERS],
    }
    return SessionSettings.read(None, given | more)


def columns(first: int, count: int, seed: int = 5) -> dict[str, np.ndarray]:
    """Commands `first` to `first` + `count`: 6 of 10 are orders, 3 cancel and 1 replaces one of the 400 before."""
    random = np.random.default_rng([seed, first])
    number = np.arange(first, first + count)
    kind = random.choice([Kind.NEW, Kind.CANCEL, Kind.REPLACE], count, p=[0.6, 0.3, 0.1])
    meant = np.where(kind == Kind.NEW, number, np.maximum(1, number - random.integers(1, 400, count)))
    return {
        "kind": kind,
        "order_id": meant,
        "symbol": np.array(SYMBOLS)[meant % len(SYMBOLS)],
        "side": random.integers(0, 2, count),
        "quantity_lots": random.integers(1, 100, count),
        "price_ticks": MIDDLE + random.integers(-8, 9, count),
        "portfolio": np.array(PORTFOLIOS)[meant % len(PORTFOLIOS)],
        "trader": np.array(TRADERS)[meant % len(TRADERS)],
    }


def records(exchange: Exchange, count: int, piece: int, first: int = 1) -> Iterator[np.ndarray]:
    """The commands as records (COMMAND), `piece` at a time."""
    for at in range(first, first + count, piece):
        yield exchange.commands(columns(at, min(piece, first + count - at)))


def messages(count: int) -> list[bytes]:
    """The same commands as messages of orders.commands."""
    made = columns(1, count)
    found = []
    for row in zip(*(made[name].tolist() for name in made)):
        kind, order_id, symbol, side, quantity, price, portfolio, trader = row
        said = {"kind": Kind(kind).name, "order_id": order_id, "symbol": symbol, "portfolio": portfolio, "trader": trader}
        if kind == Kind.NEW:
            said |= {"side": Side(side).name, "type": "LIMIT", "time_in_force": "GTC"}
        if kind != Kind.CANCEL:
            said |= {"quantity": str(quantity), "price": f"{price / 100:.2f}"}
        found.append(json.dumps(said, separators=(",", ":")).encode())
    return found
