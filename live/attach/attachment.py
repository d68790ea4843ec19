"""A strategy beside the gateway: what it is told, when it is called, what is sent, and how it comes back after an outage."""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from engine.errors import TapebookError
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Kind
from engine.strategy.participant import NONE, Participant
from engine.strategy.strategy import Strategy
from live.attach.account import driver_of, seat, start_of
from live.attach.mirror import Mirror
from live.attach.own_facts import OwnFacts
from live.attach.sending import Sending
from live.client.async_client import AsyncClient
from live.client.endings import ENDINGS, ending
from live.client.errors import Unreachable, error_of
from live.client.place import Backoff, Place
from live.client.resume import Resume
from live.client.sockets import options, request
from live.session.journal import where

WAIT = 0.5
"""Seconds between two looks at the clock where nothing else happens."""
GOODBYE = 3.0
"""Seconds that open orders have to be cancelled at the end, and facts to be heard, also over a lost connection."""
AGAIN = 0.25
"""Seconds after which a command is sent again that came while the gateway could take none."""


class Failed(TapebookError):
    """The strategy raised; its orders were cancelled."""


class Attachment:
    """Runs one strategy until it is stopped. `portfolio`: one of the token's; `silent_after`: seconds without a sign of life after which
    the session cancels its orders; `said(ns, text)`: hears what it logs; `keep_orders`: leave open orders at the end."""

    def __init__(
        self,
        place: Place,
        strategy: type[Strategy],
        parameters: Mapping[str, Any],
        *,
        portfolio: str | None = None,
        silent_after: float | None = None,
        patience: float | None = 60,
        keep_orders: bool = False,
        said: Callable[[int, str], None] = lambda ts, text: None,
    ) -> None:
        self.place, self.strategy, self.parameters = place, strategy, dict(parameters)
        self.portfolio, self.silent_after, self.keep_orders, self._said = portfolio, silent_after, keep_orders, said
        self.counts = {"sent": 0, "facts": 0, "fills": 0, "refused": 0, "connections": 0}
        self._backoff, self._inbox, self._some = Backoff(patience), deque[dict[str, Any]](), asyncio.Event()
        self.begun = asyncio.Event()
        """Once the strategy is called."""
        self._told: list[np.ndarray] = []
        self._error: Exception | None = None
        self._last, self._asked = 0, set[str]()
        self._done, self._goodbye = False, 0.0

    async def run(self, stopped: asyncio.Event) -> dict[str, Any]:
        """From the first connection to the end; returns what it came to. Raises ClientError, Failed, StrategyError."""
        async with AsyncClient.at(self.place, 10, None) as client:
            await self._begin(client)
        while not self._done:
            try:
                async with connect(self.place.socket, **options(self.place)) as socket:
                    await self._converse(socket, stopped)
            except ENDINGS as odd:
                if stopped.is_set() and self._overdue():
                    self._said(time.time_ns(), "the connection is gone; orders may be open, and what became of them was not heard")
                    break
                why, wait = ending(odd, self.place.renews), self._backoff.next()
                if wait is None:
                    raise Unreachable(f"{self.place.url}: {why.detail}; given up after {self._backoff.patience:g} s") from odd
                self._said(time.time_ns(), f"the connection ended ({why.detail}); the strategy waits until it is back")
                if stopped.is_set():
                    await asyncio.sleep(min(wait, AGAIN))
                else:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stopped.wait(), wait)
        if self._error is not None:
            what = f"{type(self._error).__name__}: {self._error} ({where(self._error)})"
            raise Failed(f"{self.strategy.__name__} raised {what}; its orders were cancelled")
        for one in self.driver.strategies:
            one.on_stop()
        return self.summary()

    def summary(self) -> dict[str, Any]:
        """What it came to: counts, position in lots by symbol, profit and loss in currency."""
        view = self.driver.strategies[0]
        held = {one.symbol: view.position(k) for k, one in enumerate(self.mirror.instruments) if view.position(k)}
        return {"session": self.resume.session, "trader": self.trader, **self.counts, "position": held, "pnl": view.pnl}

    async def _begin(self, client: AsyncClient) -> None:
        """Cancel what a former process left open, then take account and market as they stand."""
        try:
            async with connect(self.place.socket, **options(self.place)) as socket:
                welcome = json.loads(await socket.recv())["data"]
        except ENDINGS as odd:
            raise ending(odd, False) from None
        self.trader, portfolio = seat(welcome, self.portfolio)
        await client.cancel_all()
        start = await start_of(client, portfolio)
        participant = Participant(portfolio, self.strategy, self.parameters, 0, NONE, None, None, self.trader)  # type: ignore[arg-type]
        self.depth = self.strategy.depth
        self.mirror = Mirror(start.instruments, deep=self.depth > 1)
        self.driver = driver_of(participant, start, self.mirror, int(welcome["next_order_id"]), self._now())
        self.driver.failed = self._failed
        self.own = OwnFacts(self.driver.exchange, self.trader, portfolio)
        self.sending = Sending(start.instruments, portfolio)
        self.resume = Resume(int(start.account["seq"]) + 1)
        self.resume.session = welcome["session"]

    def _now(self) -> int:
        """The clock, later than whatever was shown."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last

    def _failed(self, k: int, error: Exception) -> None:
        self._error = error

    # one connection

    async def _converse(self, socket: ClientConnection, stopped: asyncio.Event) -> None:
        welcome = json.loads(await socket.recv())["data"]
        await socket.send(request("SUBSCRIBE_ORDER_UPDATES", self.resume.welcome(welcome)))
        self._asked.clear()
        for instrument in self.mirror.instruments:
            await socket.send(request("SUBSCRIBE_MARKET_DATA", {"symbol": instrument.symbol}))
        for text in self.sending.again():
            await socket.send(text)
        self._backoff.succeeded()
        self.counts["connections"] += 1
        self.begun.set()
        self.driver.skip(self._now())
        tasks = [asyncio.create_task(self._read(socket)), asyncio.create_task(self._beat(socket))]
        try:
            while not (stopped.is_set() or self._error is not None):
                await self._wait(stopped)
                for task in tasks:
                    if task.done():
                        task.result()
                await self._step(socket)
            stopped.set()
            await self._leave(socket, tasks[0])
            self._done = True
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._inbox.append(json.loads(await socket.recv()))
                self._some.set()
        finally:
            self._some.set()

    async def _beat(self, socket: ClientConnection) -> None:
        """Signs of life, three within what was promised."""
        promised: dict[str, Any] = {"silent_after": self.silent_after}
        while self.silent_after:
            await socket.send(request("HEARTBEAT", promised))
            promised = {}
            await asyncio.sleep(self.silent_after / 3)

    async def _wait(self, stopped: asyncio.Event) -> None:
        """Until something came, a timer is due, or a little has passed."""
        seconds = (self.driver.due() - time.time_ns()) / 1e9
        if not self._inbox and not self._told and seconds > 0:
            self._some.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._some.wait(), min(seconds, WAIT))

    async def _step(self, socket: ClientConnection) -> None:
        """Show the strategy what has come, and send what it answers."""
        market, facts = [np.zeros(0, COMMAND)], [np.zeros(0, FACT), *self._told]
        self._told = []
        while self._inbox:
            await self._take(self._inbox.popleft(), socket, market, facts)
        for command in self.driver.step(np.concatenate(market), np.concatenate(facts, dtype=FACT), self._now()):
            text = self.sending.put(command)
            self.counts["sent"] += 1
            if text is None:
                self._told.append(self.own.refused(command, "UNKNOWN_INSTRUMENT", self._now()))
            else:
                await socket.send(text)
        for _, ts, text in self.driver.said():
            self._said(ts, text)

    async def _take(self, message: dict[str, Any], socket: ClientConnection, market: list[np.ndarray], facts: list[np.ndarray]) -> None:
        kind, data, ts = message["type"], message["data"], self._now()
        if kind == "ORDER_UPDATE":
            self.sending.answered(message.get("id"))
            if self.resume.is_new(data):
                facts.append(self.own.made(data, ts))
                self.counts["facts"] += len(facts[-1])
                self.counts["fills"] += int((facts[-1]["kind"] == Kind.TradeExecuted).sum())
        elif kind == "TRADE":
            market.append(self.mirror.trade(data, ts))
        elif kind == "MARKET_DATA":
            market.append(self.mirror.quote(data, ts))
            await self._ask_depth(data["symbol"], socket)
        elif kind == "ORDER_BOOK":
            self._asked.discard(data["symbol"])
            market.append(self.mirror.book(data, ts))
        elif kind == "ERROR":
            self._refused(message, ts, facts, socket)

    async def _ask_depth(self, symbol: str, socket: ClientConnection) -> None:
        """A strategy that looks deeper than the best prices gets the book behind each quote; one question a symbol is on its way."""
        if self.mirror.deep and symbol not in self._asked:
            self._asked.add(symbol)
            await socket.send(request("GET_ORDER_BOOK", {"symbol": symbol, "depth": min(self.depth, 1_000)}))

    def _refused(self, message: dict[str, Any], ts: int, facts: list[np.ndarray], socket: ClientConnection) -> None:
        """What the exchange refused has told itself as a fact; what the gateway turned away is told here."""
        data, command = message["data"], self.sending.answered(message.get("id"))
        if command is None:
            if data.get("request", "").startswith("SUBSCRIBE"):
                raise error_of(int(data["status"]), data)
            return
        self.counts["refused"] += 1
        if "order_id" in data:
            return
        if data["status"] in (429, 503):
            self.sending.waiting[message["id"]] = command
            asyncio.get_running_loop().call_later(AGAIN, lambda: asyncio.ensure_future(self._send_again(message["id"], socket)))
            return
        self._said(ts, f"the gateway refused order {command['order_id']}: {data['detail']}")
        facts.append(self.own.refused(command, "UNKNOWN_ORDER" if data["status"] == 404 else data["code"], ts))

    async def _send_again(self, number: int, socket: ClientConnection) -> None:
        if number in self.sending.waiting:
            with contextlib.suppress(*ENDINGS):
                await socket.send(self.sending.message(number))

    async def _leave(self, socket: ClientConnection, reading: "asyncio.Task[None]") -> None:
        """Cancel what is open, take the promise back, and wait for the answers."""
        if not self.keep_orders:
            self.driver.stop(0)
        while True:
            await self._step(socket)
            open_orders = () if self.keep_orders else self.driver.strategies[0].orders
            if not (open_orders or self.sending.waiting) or self._overdue():
                break
            if reading.done():
                reading.result()
            await asyncio.sleep(0.02)
        if self.silent_after:
            await socket.send(request("HEARTBEAT", {"silent_after": 0}))

    def _overdue(self) -> bool:
        """Whether the time to say goodbye, which the first question begins, is over."""
        self._goodbye = self._goodbye or time.monotonic() + GOODBYE
        return time.monotonic() > self._goodbye
