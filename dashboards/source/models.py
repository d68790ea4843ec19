"""A source over read models and an exchange in this process: what a session, or its log, has and knows."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl

from dashboards.source.candles import Candles
from dashboards.source.exposure import by_symbol, by_trader
from dashboards.source.ladder import Depth, Row, ladder
from dashboards.source.port import LEVELS, About, Payload, Topic
from engine.exchange import Exchange
from engine.messages.vocabulary import HISTORY, Kind, Side
from live.gateway import shapes
from live.models.market import book, controls, quote
from live.models.order_rows import NamesOf
from live.models.read_models import ReadModels
from live.wire.times import time_text

T = TypeVar("T")
ORDERS_SHOWN, REFUSALS_SHOWN, FILLS_KEPT, FILLS_SHOWN = 200, 100, 2_000, 60
IDLE_SECONDS = 300.0
"""A symbol that nobody has looked at for so long is no longer followed."""


class Look(NamedTuple):
    """One moment of the exchange."""

    seq: int
    ts: int
    books: dict[str, tuple[list[Row], list[Row]]]
    quotes: dict[str, dict[str, Any]]
    controls: dict[str, Any]


def look(exchange: Exchange, symbols: frozenset[str], every: bool) -> Look:
    """Books and quotes of symbols (`every`: quotes of all), and what is stopped."""
    books = {}
    for name in symbols:
        found = book(exchange, name, LEVELS)
        books[name] = (found["bids"], found["asks"])
    quoted = [one.symbol for one in exchange.instruments] if every else symbols
    row = exchange.state.session[0]
    return Look(int(row["seq"]), int(row["ts"]), books, {name: quote(exchange, name) for name in quoted}, controls(exchange))


class Followed:
    """A symbol that somebody looks at."""

    def __init__(self, candles: Candles) -> None:
        self.candles, self.depth, self.wanted = candles, Depth(), 0.0


class ModelSource:
    """The topics that read models and an exchange answer. Subclasses say where both are, and show each batch to `heard`."""

    about: About
    models: ReadModels

    def __init__(self) -> None:
        self.look = Look(0, 0, {}, {}, {})
        self._followed: dict[str, Followed] = {}
        self._fills: deque[list[Any]] = deque(maxlen=FILLS_KEPT)
        self._called: NamesOf | None = None
        self._turned = 0.0

    @property
    def gone(self) -> str:
        """Why nothing comes any more; empty while it does."""
        return ""

    @property
    def seq(self) -> int:
        """The last seq of the view."""
        return self.models.seq

    async def ask(self, question: Callable[[Exchange], T]) -> T:
        """What the exchange says between two batches."""
        raise NotImplementedError

    async def turn(self, topics: frozenset[Topic]) -> None:
        """One moment for all."""
        symbols = frozenset(topic.symbol for topic in topics if topic.name == "market")
        now = time.monotonic()
        for name in symbols:
            self._follow(name).wanted = now
        for name in [name for name, of in self._followed.items() if now - of.wanted > IDLE_SECONDS]:
            del self._followed[name]
        every = any(topic.name == "quotes" for topic in topics)
        self.look = await self.ask(lambda exchange: look(exchange, symbols, every))
        for name, (bids, asks) in self.look.books.items():
            self._followed[name].depth.add(now, self.look.ts, bids, asks)

    def _follow(self, symbol: str) -> Followed:
        """The symbol's trades from now on, behind those that the read models keep."""
        if symbol not in self._followed:
            names = self.models.names
            made = Candles(names.instruments[names.symbols[symbol]])
            frame = self.models.trades(symbol)
            price = np.rint(frame["price"].to_numpy() / float(made.instrument.price_unit)).astype(np.int64)  # exact below 2^31
            ts = frame["ts"].dt.cast_time_unit("ns").to_physical().to_numpy()
            side = np.where((frame["taker_side"] == "SELL").to_numpy(), int(Side.SELL), int(Side.BUY))
            made.add(frame["seq"].to_numpy(), ts, price, frame["quantity_lots"].to_numpy(), side)
            self._followed[symbol] = Followed(made)
        return self._followed[symbol]

    def rows(self, frame: pl.DataFrame) -> list[dict[str, Any]]:
        """The rows of a frame with the decimals of instruments and money."""
        return shapes.rows(frame, self.models.names, self.models.decimals)

    def heard(self, facts: np.ndarray) -> None:
        """A committed batch (FACT)."""
        trades = facts[facts["kind"] == Kind.TradeExecuted]
        self._remember(trades)
        for symbol, of in self._followed.items() if len(trades) else ():
            mine = trades[trades["instrument"] == self.models.names.symbols[symbol]]
            if len(mine):
                of.candles.add(*(mine[field].astype(np.int64) for field in ("seq", "ts", "price", "quantity", "side")))

    def _remember(self, trades: np.ndarray) -> None:
        """Fills of participants: [seq, time, symbol, side, price, quantity, order id, trader]."""
        names = self.models.names
        called = self._called = self._called or NamesOf(names)
        ours = trades[(trades["trader"] != HISTORY) | (trades["maker_trader"] != HISTORY)][-FILLS_KEPT:]
        for fact in ours:
            of, side = names.instruments[int(fact["instrument"])], int(fact["side"])
            price, quantity = f"{of.price(int(fact['price'])):f}", f"{of.quantity(int(fact['quantity'])):f}"
            head = [int(fact["seq"]), time_text(int(fact["ts"])), of.symbol]
            for trader, number, at in ((fact["maker_trader"], fact["maker_order_id"], 1 - side), (fact["trader"], fact["order_id"], side)):
                if trader != HISTORY:
                    self._fills.append([*head, Side(at).name, price, quantity, int(number), called.trader(int(trader))])

    def remember_past(self) -> None:
        """The fills that the read models keep, once, before anything is heard."""
        frame = self.models.executions().tail(FILLS_KEPT)
        wanted = frame.select("seq", "ts", "symbol", "side", "price", "quantity", "order_id", "trader")
        self._fills.extend([list(row.values()) for row in self.rows(wanted)])

    def read(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """A topic of the current view."""
        made: tuple[Payload, Any] = getattr(self, f"read_{topic.name}")(topic, mark)
        return made

    # topics

    def read_market(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """A symbol: ladder, last trades, candles, columns of depth."""
        name, of, seen = topic.symbol, self._followed[topic.symbol], self.look
        seq, columns, start = mark or (0, 0, 0)
        bars = of.candles.bars(topic.interval, start)
        depth, count = of.depth.newest(columns)
        made = {
            **self._quoted(name),
            **ladder(*seen.books[name]),
            "seq": seen.seq,
            "interval": topic.interval,
            "trades": of.candles.newest(seq),
            "bars": bars,
            "depth": depth,
        }
        return made, (of.candles.seq, count, bars[-1][0] if bars else start)

    def _quoted(self, symbol: str) -> Payload:
        return {**shapes.plain(self.look.quotes[symbol]), "halted": symbol in self.look.controls["halted"]}

    def read_quotes(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Best prices of every symbol."""
        return {"quotes": [self._quoted(one.symbol) for one in self.models.names.instruments if one.symbol in self.look.quotes]}, None

    def read_orders(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Open orders first, then those of the day that are done, the newest of each."""
        found = list(self.models.order_rows(active=True, trader=topic.own, limit=ORDERS_SHOWN)) if topic.own else []
        own = {(row["trader"], row["order_id"]) for row in found}
        rows = self.models.order_rows(active=True, trader=topic.trader, limit=ORDERS_SHOWN)
        found += [row for row in rows if (row["trader"], row["order_id"]) not in own]
        known = {(row["trader"], row["order_id"]) for row in found}
        rows = self.models.order_rows(trader=topic.trader, limit=ORDERS_SHOWN)
        done = [row for row in rows if (row["trader"], row["order_id"]) not in known]
        fills = [one for one in reversed(self._fills) if topic.trader is None or one[7] == topic.trader][:FILLS_SHOWN]
        return {"seq": self.seq, "orders": shapes.orders([*found, *done[:REFUSALS_SHOWN]]), "fills": fills}, None

    def read_accounts(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Portfolios: cash, equity, P&L, positions."""
        made = []
        for name in self.models.names.portfolios:
            if name and topic.sees(name):
                of = self.models.portfolio_exact(name)
                net = of["realized_pnl"] + of["unrealized_pnl"] - of["fees"]
                made.append({"name": name, **shapes.plain(of), "net_pnl": f"{net:f}"})
        return {"seq": self.seq, "portfolios": made}, None

    def read_exposure(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Exposure by symbol and by trader."""
        names = self.models.names
        accounts = [self.models.portfolio_exact(name) for name in names.portfolios if name and topic.sees(name)]
        orders = self.models.order_rows(active=True, trader=topic.trader)
        multipliers = {one.symbol: one.multiplier for one in names.instruments}
        made = {"symbols": shapes.plain(by_symbol(accounts)), "traders": shapes.plain(by_trader(orders, multipliers))}
        return {"seq": self.seq, **made, "known_traders": [name for name in names.traders if name] if topic.whole else []}, None

    def read_limits(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Each limit with what is used of it and left."""
        return {"seq": self.seq, "limits": limits_shown(row for row in self.models.limits_exact() if topic.sees(row["portfolio"]))}, None

    def read_refusals(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Breaches of limits and failed checks of rules, newest first."""
        made = []
        for frame in (self.models.breaches(), self.models.compliance_failures(trader=topic.trader)):
            seen = frame if topic.portfolios is None else frame.filter(pl.col("portfolio").is_in(list(topic.portfolios)))
            made.append(self.rows(seen.tail(REFUSALS_SHOWN).reverse()))
        return {"seq": self.seq, "breaches": made[0], "failures": made[1]}, None

    def read_controls(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Kill switches and halts, and who used them."""
        found = dict(self.look.controls)
        found.pop("seq", None)
        if topic.whole:
            return {**found, "actions": self.actions()}, None
        mine = [name for name in found.get("portfolios", ()) if topic.sees(name)]
        return {**found, "portfolios": mine, "traders": [name for name in found.get("traders", ()) if name == topic.trader]}, None

    def read_alerts(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """What was noticed, newest first."""
        return {"alerts": self.alerts(topic)[:REFUSALS_SHOWN]}, None

    def read_status(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """How the session stands."""
        return {"seq": self.seq, "ts": time_text(self.look.ts), "day": self.models.day, **self.standing()}, None

    def read_operations(self, topic: Topic, mark: Any) -> tuple[Payload, Any]:
        """Counts, rates, stages, lag and clients."""
        return {"seq": self.seq, **self.standing(), **self.operating()}, None

    # what subclasses know besides

    def operating(self) -> Payload:
        """Figures that only the session's own process knows."""
        return {}

    def actions(self) -> list[dict[str, Any]]:
        """Privileged actions, newest first."""
        return []

    def alerts(self, topic: Topic) -> list[dict[str, Any]]:
        """Alerts that the topic's viewer may see, newest first."""
        return []

    def standing(self) -> Payload:
        """Figures of operation."""
        return {}


def limits_shown(rows: Any) -> list[Payload]:
    """Rows of `limits_exact` with `share`, used of maximum (4 decimals; None where there is nothing to divide by)."""
    made = []
    for row in rows:
        used, maximum = row["used"], row["maximum"]
        share = f"{used / maximum:.4f}" if used is not None and maximum else None
        made.append({**shapes.plain(row), "share": share})
    return made
