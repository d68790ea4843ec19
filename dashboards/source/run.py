"""A recorded backtest, as it stood at its end: the market as it was sampled, our orders, fills and accounts."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from backtest.recording import ASK, BID, LAST
from backtest.result import Result
from dashboards.source.candles import Candles
from dashboards.source.ladder import ladder
from dashboards.source.port import About, Payload, SourceError, Topic
from engine.errors import TapebookError
from engine.messages.names import Names
from engine.messages.vocabulary import Side
from live.gateway import shapes
from live.wire.times import time_text

BOOKLESS = "A recorded run keeps no depth of the book; its report shows the book around our fills."
ORDERS_SHOWN, FILLS_SHOWN = 300, 200


class RunSource:
    """Result of a run; `run`: its id, the beginning of it, its folder, or None for the newest under `out`; or a Result at hand."""

    gone = ""

    def __init__(self, run: str | Path | Result | None = None, out: Path | str = ".tapebook") -> None:
        self._run, self._out = run, out
        self._markets: dict[str, Candles] = {}
        self.about = About("run", str(run or ""), False, False, ())

    @property
    def seq(self) -> int:
        """The last seq of our facts."""
        facts = self.result.recording.facts
        return int(facts["seq"][-1]) if len(facts) else 0

    async def open(self) -> None:
        """Load it. Raises SourceError with the mend."""
        try:
            self.result = self._run if isinstance(self._run, Result) else await asyncio.to_thread(Result.load, self._run, self._out)
            await asyncio.to_thread(self._prepare)
        except (TapebookError, OSError) as odd:
            raise SourceError(str(odd)) from None

    def _prepare(self) -> None:
        recording = self.result.recording
        name = str(recording.meta.get("run_id") or recording.meta.get("strategy") or "backtest")
        self.about = About("run", name, False, False, tuple(shapes.instrument(one) for one in recording.instruments))
        self._accounts = {name: self._account(name, of) for name, of in self.result.strategies.items()}
        self._orders = [self._order(row) for row in self._rows(self.result.orders.reverse().head(ORDERS_SHOWN))]
        fills = (
            self.result.fills.reverse()
            .head(FILLS_SHOWN)
            .select("seq", "ts", "symbol", "side", "price", "quantity", "order_id", "portfolio")
        )
        self._fills = [list(row.values()) for row in self._rows(fills)]

    def _rows(self, frame: pl.DataFrame) -> list[dict[str, Any]]:
        recording = self.result.recording
        return shapes.rows(frame, Names(recording.instruments), recording.decimals)

    def _order(self, row: dict[str, Any]) -> dict[str, Any]:
        seq = row.get("seq") or 0
        return {**row, "seq": seq, "executed_quantity": row["executed_quantity"] or "0"}

    def _account(self, name: str, result: Result) -> dict[str, Any]:
        """A portfolio at the end, of its equity, positions and summary."""
        equity, summary = result.equity.tail(1), result.summary
        last = self._rows(equity)[0] if len(equity) else {}
        held = result.positions.group_by("symbol", maintain_order=True).last() if len(result.positions) else pl.DataFrame()
        blank = dict.fromkeys(("average_price", "mark", "realized_pnl", "unrealized_pnl"))
        positions = {row["symbol"]: {"quantity": row["quantity"], **blank} for row in self._rows(held)} if len(held) else {}
        figures = {"realized_pnl": None, "unrealized_pnl": None, "exposure": last.get("position_value"), "leverage": None}
        net, fees = (shapes.plain(summary.get(field)) for field in ("net_pnl", "fees"))
        return {
            "name": name,
            "cash": last.get("cash"),
            "equity": last.get("equity"),
            "fees": fees,
            "net_pnl": net,
            **figures,
            "positions": positions,
        }

    async def close(self) -> None:
        """Nothing is held."""

    async def turn(self, topics: frozenset[Topic]) -> None:
        """Read what is looked at for the first time."""
        for topic in topics:
            if topic.name == "market" and topic.symbol not in self._markets:
                self._markets[topic.symbol] = await asyncio.to_thread(self._market, topic.symbol)

    def _market(self, symbol: str) -> Candles:
        """The last prices of the samples as trades, each with what was printed since the one before."""
        recording = self.result.recording
        number = next(k for k, one in enumerate(recording.instruments) if one.symbol == symbol)
        samples = recording.samples
        mine = samples[(samples["instrument"] == number) & (samples["has"] & LAST != 0)]
        made = Candles(recording.instruments[number])
        printed = np.diff(mine["volume"].astype(np.int64), prepend=mine["volume"][:1].astype(np.int64))
        traded = mine[printed > 0]
        prices, before = traded["last"].astype(np.int64), np.roll(traded["last"].astype(np.int64), 1)
        side = np.where(prices >= before, int(Side.BUY), int(Side.SELL))
        made.add(np.arange(1, len(traded) + 1), traded["ts"].astype(np.int64), prices, printed[printed > 0], side)
        return made

    def _quoted(self, symbol: str) -> Payload:
        """The last sample of a symbol."""
        recording = self.result.recording
        number, one = next((k, one) for k, one in enumerate(recording.instruments) if one.symbol == symbol)
        samples = recording.samples[recording.samples["instrument"] == number]
        made: Payload = {"symbol": symbol, "seq": self.seq, "ts": time_text(recording.end), "halted": False, "mark": None}
        row = samples[-1] if len(samples) else None
        for name, bit in (("bid", BID), ("ask", ASK), ("last", LAST)):
            has = row is not None and int(row["has"]) & bit
            made[name] = f"{one.price(int(row[name])):f}" if has else None  # type: ignore[index]
            if name != "last":
                made[f"{name}_quantity"] = f"{one.quantity(int(row[f'{name}_quantity'])):f}" if has else None  # type: ignore[index]
        return {**made, "volume": f"{one.quantity(int(row['volume']) if row is not None else 0):f}"}

    def read(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """A topic, as of the end."""
        name = topic.name
        if name == "market":
            return self._read_market(topic, mark)
        made: dict[str, Payload] = {
            "quotes": {"quotes": [self._quoted(one.symbol) for one in self.result.recording.instruments]},
            "orders": {"seq": self.seq, "orders": self._orders, "fills": self._fills},
            "accounts": {"seq": self.seq, "portfolios": list(self._accounts.values())},
            "exposure": {"symbols": [], "traders": [], "known_traders": []},
            "limits": {"seq": self.seq, "limits": []},
            "refusals": {"breaches": [], "failures": []},
            "controls": {"killed": False, "portfolios": [], "traders": [], "halted": []},
            "alerts": {"alerts": self._cautions()},
            "status": {"seq": self.seq, "ts": time_text(self.result.recording.end), "state": "recorded"},
        }
        return made.get(name, {}), None

    def _read_market(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        of = self._markets[topic.symbol]
        quoted = self._quoted(topic.symbol)
        grown = [] if mark else of.bars(topic.interval)
        trades = [] if mark else of.newest()
        made = {**ladder([], []), **quoted, "interval": topic.interval, "trades": trades, "bars": grown, "depth": [], "bookless": BOOKLESS}
        return made, (of.seq, 0, 0)

    def _cautions(self) -> list[dict[str, Any]]:
        """What to know before believing the figures."""
        at = time_text(self.result.recording.end)
        return [{"seq": k, "ts": at, "kind": one.code, "text": one.text} for k, one in enumerate(self.result.warnings)]
