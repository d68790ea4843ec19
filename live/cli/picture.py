"""What the live table shows, as plain numbers: asked of the session, never computed from anything else."""

import time
from decimal import Decimal
from typing import Any, NamedTuple

from engine.exchange import Exchange
from live.models.market import quote
from live.session.session import Session


class Quote(NamedTuple):
    """The market of one symbol now."""

    symbol: str
    bid: Decimal | None
    bid_quantity: Decimal | None
    ask: Decimal | None
    ask_quantity: Decimal | None
    last: Decimal | None
    volume: Decimal


class Picture(NamedTuple):
    """A session at one moment."""

    seconds: float
    quotes: list[Quote]
    portfolios: list[dict[str, Any]]
    active: int
    counts: dict[str, int]
    rate: float
    """Commands a second since the picture before."""
    stages: dict[str, tuple[float | None, float | None]]
    """p50 and p99 of each stage, s."""
    alarms: list[str]


class Camera:
    """Takes pictures of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.began = session, time.monotonic()
        self._at, self._commands = self.began, 0

    async def take(self) -> Picture:
        """The session now."""
        session = self.session
        names = [name for name in session.exchange.names.portfolios if name]
        quotes, portfolios = await session.ask(lambda exchange: (quotes_of(exchange), [self._portfolio(name) for name in names[:12]]))
        now, commands = time.monotonic(), session.meters.counts["commands"]
        rate = (commands - self._commands) / max(1e-9, now - self._at)
        self._at, self._commands = now, commands
        stages = {name: (one.percentile(0.5), one.percentile(0.99)) for name, one in session.meters.stages.items()}
        active = len(session.models.active_orders())
        return Picture(now - self.began, quotes, portfolios, active, dict(session.meters.counts), rate, stages, self._alarms())

    def _portfolio(self, name: str) -> dict[str, Any]:
        said = self.session.models.portfolio(name)
        return {"name": name, "equity": said["equity"], "pnl": said["realized_pnl"] + said["unrealized_pnl"] - said["fees"], **_held(said)}

    def _alarms(self) -> list[str]:
        session = self.session
        said = [f"{one['kind']} {one.get('strategy', '')}: {one.get('failure', '')}" for one in session.notices[-3:]]
        for row in session.models.breaches().tail(3).iter_rows(named=True):
            said.append(f"{row['portfolio']}: {row['reason']}")
        for row in session.models.compliance_failures().tail(3).iter_rows(named=True):
            said.append(f"{row['trader']}: {row['reason']}")
        return said


def _held(said: dict[str, Any]) -> dict[str, Any]:
    held = {symbol: one["quantity"] for symbol, one in said["positions"].items() if one["quantity"]}
    return {"positions": held}


def quotes_of(exchange: Exchange) -> list[Quote]:
    """Best prices, last trade and volume of every symbol."""
    return [Quote(**{name: said[name] for name in Quote._fields}) for one in exchange.instruments for said in [quote(exchange, one.symbol)]]
