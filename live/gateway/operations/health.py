"""How the session does, for those who operate it: alive, ready, and figures for Prometheus."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from live.gateway.calls import Answer, Call
from live.gateway.desk import Desk
from live.gateway.security.guard import Guard
from live.gateway.streams.hub import Hub
from live.writer.meters import BOUNDS

DISK_FREE_MIN = 256 << 20
"""Bytes on the log's disk below which the session is not ready."""


class Health:
    """Answers /healthz, /readyz and /metrics."""

    def __init__(self, desk: Desk, hub: Hub, guard: Guard) -> None:
        self.desk, self.hub, self.guard = desk, hub, guard
        self._began = time.time()
        self._registry = CollectorRegistry()
        self._registry.register(self)

    async def healthz(self, desk: Desk, call: Call) -> Answer:
        """The process lives."""
        return Answer(200, {"status": "ok"})

    async def readyz(self, desk: Desk, call: Call) -> Answer:
        """Whether commands are taken, and what is in the way."""
        checks = self._checks()
        ready = all(one is True for one in checks.values())
        said = {"status": "ready" if ready else "not ready", "session": desk.session.name, "seq": desk.session.seq, "checks": checks}
        return Answer(200 if ready else 503, said)

    def _checks(self) -> dict[str, bool]:
        session, desk = self.desk.session, self.desk
        free = shutil.disk_usage(session.folder.path).free
        return session.checks() | {
            "session": session.error is None and not session.intake.closed,
            "models": desk.ready and desk.failed is None,
            "caught_up": desk.models.seq == session.seq or not desk.ready,
            "disk": free >= DISK_FREE_MIN,
        }

    async def metrics(self, desk: Desk, call: Call) -> Answer:
        """The figures as text."""
        return Answer(200, generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def serve_plain(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for figures on a port of their own; whatever is asked, they are the answer."""
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(5):
                while (await reader.readline()).strip():
                    pass
                body = generate_latest(self._registry)
                head = f"HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE_LATEST}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()

    def collect(self) -> Iterator[Metric]:
        """The figures, as Prometheus asks for them."""
        yield from self._trading()
        yield from self._session()
        yield from self._clients()

    def _trading(self) -> Iterator[Metric]:
        tallies = self.desk.tallies.settled()
        yield GaugeMetricFamily("trading_active_orders", "Open orders.", value=tallies.active)
        yield GaugeMetricFamily("trading_market_connections", "Connected clients.", value=len(self.hub.clients))
        yield _counter("trading_orders_created", "Orders that were accepted.", ("symbol", "side"), tallies.created)
        yield CounterMetricFamily("trading_orders_filled", "Orders that were filled.", value=tallies.filled)
        prices = SummaryMetricFamily("trading_order_fill_price", "Prices of trades.", labels=("symbol",))
        for symbol, count in tallies.trades.items():
            prices.add_metric((symbol,), count, float(tallies.prices[symbol]))
        yield prices
        yield _counter("trading_trades_executed", "Trades.", ("symbol",), {(name,): count for name, count in tallies.trades.items()})
        volume = GaugeMetricFamily("trading_trade_volume", "Quantity that traded.", labels=("symbol",))
        for symbol, quantity in tallies.volume.items():
            volume.add_metric((symbol,), float(quantity))
        yield volume
        yield _counter("trading_risk_breaches", "Refusals of risk limits and alarms.", ("risk_type", "portfolio"), tallies.breaches)

    def _session(self) -> Iterator[Metric]:
        session = self.desk.session
        counts = session.meters.counts
        yield _counter("tapebook_session", "Batches, commands and facts.", ("what",), {(name,): count for name, count in counts.items()})
        yield GaugeMetricFamily("tapebook_session_seq", "Last committed seq.", value=session.seq)
        yield GaugeMetricFamily("tapebook_commands_waiting", "Commands that wait to be matched.", value=session.intake.rows)
        yield GaugeMetricFamily("tapebook_models_lag", "Seqs that the read models are behind.", value=session.seq - self.desk.models.seq)
        made = HistogramMetricFamily("tapebook_stage_seconds", "How long each stage took.", labels=("stage",))
        for name, stage in session.meters.stages.items():
            total, buckets = 0, []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), stage.counts):
                total += count
                buckets.append((bound, total))
            made.add_metric((name,), buckets, stage.total)
        yield made
        if counts["batches"]:
            yield GaugeMetricFamily(
                "tapebook_batch_commands", "Commands of a batch, on average.", value=counts["commands"] / counts["batches"]
            )

    def _clients(self) -> Iterator[Metric]:
        hub, guard = self.hub, self.guard
        dropped = hub.dropped + sum(client.dropped for client in hub.clients)
        yield CounterMetricFamily("tapebook_gateway_dropped", "Quotes and trades that slow clients did not get.", value=dropped)
        yield CounterMetricFamily("tapebook_gateway_closed_slow", "Clients that were too slow.", value=hub.closed_slow)
        yield CounterMetricFamily("tapebook_gateway_denied", "Requests without a good token or role.", value=guard.denied)
        limited = guard.users.refused + guard.addresses.refused
        yield CounterMetricFamily("tapebook_gateway_limited", "Requests beyond a rate.", value=limited)
        yield GaugeMetricFamily(
            "tapebook_gateway_waiting_bytes", "What waits for clients.", value=sum(client.waiting for client in hub.clients)
        )


def _counter(name: str, says: str, labels: tuple[str, ...], counts: Any) -> Metric:
    made = CounterMetricFamily(name, says, labels=labels)
    for key, count in sorted(counts.items()):
        made.add_metric(key, count)
    return made
