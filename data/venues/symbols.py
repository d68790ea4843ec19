"""Symbols of several venues: SYMBOL.VENUE is a market of its own, and the same underlying."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from data.feed import BATCH_ROWS, Commands, Feed, Wrapped, mixed


class AtVenue(Wrapped):
    """Another feed, its symbols with a venue behind them: AAPL becomes AAPL.XNAS."""

    def __init__(self, feed: Feed, venue: str) -> None:
        super().__init__(feed, f"{feed.name} at {venue}")
        self.venue = venue
        self.instruments: list[Any] = [replace(one, symbol=f"{one.symbol}.{venue}") for one in feed.instruments]
        self.origin = {"venue": venue, "feed": feed.origin} if feed.origin else None

    @property
    def fingerprint(self) -> str:
        return mixed(f"venue {self.venue}", [self.feed.fingerprint])

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Commands]:
        return self.feed.batches(rows)

    def reconciled(self, rows: int = BATCH_ROWS) -> Iterator[tuple[Commands, np.ndarray]]:
        return self.feed.reconciled(rows)


def at_venue(feed: Feed, venue: str) -> Feed:
    """The feed with symbols of a venue, to be merged with the same symbols of others: `merge([at_venue(a, "XNAS"), at_venue(b, "ARCX")])`.

    Raises ValueError where the venue is no word.
    """
    if not venue.isalnum():
        raise ValueError(f"venue {venue!r} is not a word of letters and digits; name it by its MIC, such as XNAS")
    return AtVenue(feed, venue)


def underlying_of(symbol: str) -> tuple[str, str]:
    """Underlying and venue of a symbol; without a venue ""."""
    head, dot, tail = symbol.rpartition(".")
    return (head, tail) if dot and head and tail.isalnum() and not tail.isdigit() else (symbol, "")
