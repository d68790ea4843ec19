"""What every source of the pages gives: a consistent view a tick, read topic by topic, in the gateway's words and decimals."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from live.gateway.security.principals import Principal

Payload = dict[str, Any]
LEVELS = 20
"""Prices of each side that a ladder shows."""


class About(NamedTuple):
    """What a source is: said once to a page."""

    kind: str
    """session, remote, run or log."""
    name: str
    live: bool
    trades: bool
    """Whether orders can be sent."""
    instruments: tuple[Mapping[str, Any], ...]


class Topic(NamedTuple):
    """One part of the view, shared by all who may see the same of it."""

    name: str
    """market, quotes, orders, accounts, limits, refusals, controls, alerts, status, or one that a page adds."""
    symbol: str = ""
    interval: int = 0
    """Seconds of a bar, of market."""
    trader: str | None = None
    """Whose orders; None is every trader's."""
    portfolios: frozenset[str] | None = frozenset()
    """Which portfolios; None is all."""
    own: str = ""
    """Of orders that are everybody's: whose come first, so that however many there are, these are among them."""

    def sees(self, portfolio: str) -> bool:
        """Whether a portfolio is one of the topic's."""
        return self.portfolios is None or portfolio in self.portfolios

    @property
    def whole(self) -> bool:
        """Whether everything is seen."""
        return self.portfolios is None


PUBLIC = frozenset({"market", "quotes", "status", "operations"})
"""Topics that are the same for everybody."""
EVERY = {
    "market": 1,
    "orders": 1,
    "quotes": 2,
    "accounts": 2,
    "limits": 3,
    "exposure": 5,
    "refusals": 5,
    "controls": 5,
    "alerts": 5,
    "status": 10,
    "operations": 10,
}
"""Ticks between two readings of a topic; one that is not named is read at every tenth."""


def topic_for(who: Principal, name: str, symbol: str = "", interval: int = 0) -> Topic:
    """The topic as its viewer may see it."""
    if name in PUBLIC:
        return Topic(name, symbol, interval)
    if who.oversees:
        return Topic(name, symbol, interval, None, None, (who.trader or "") if name == "orders" else "")
    return Topic(name, symbol, interval, who.trader or "", who.portfolios)


class SourceError(Exception):
    """A source that cannot be read: what is wrong and what to do about it, in one line."""


class Source(Protocol):
    """Where a page's numbers come from. Everything is called on one event loop."""

    about: About

    @property
    def seq(self) -> int:
        """The last seq that the view knows; it never goes back."""
        ...

    @property
    def gone(self) -> str:
        """Why nothing comes any more; empty while it does."""
        ...

    async def open(self) -> None:
        """Connect, or read. Raises SourceError."""
        ...

    async def close(self) -> None:
        """Let go of everything."""
        ...

    async def turn(self, topics: frozenset[Topic]) -> None:
        """Bring the view of these topics up to now: one moment of the session for all of them."""
        ...

    def read(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """A topic of the current view, and a mark from which its next increment goes on.

        `mark` None: the whole topic; else what has come after the reading that gave the mark (trades, candles, columns of depth) beside
        all that is replaced. A topic that is always whole gives None back.
        """
        ...
