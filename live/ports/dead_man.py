"""The dead-man switch: who has promised to be heard from, and is not, has his orders cancelled."""

import asyncio
import time
from collections.abc import Mapping

from engine.messages.commands import cancel
from live.writer.face import Running

EVERY = 0.1
"""Seconds between two looks."""


class DeadMan:
    """Watches traders. A trader is heard from by his commands, whoever brings them, and by `alive`."""

    def __init__(self, promises: Mapping[str, float]) -> None:
        self.promises = dict(promises)
        """Trader to the seconds of his longest silence."""
        self._heard: dict[str, float] = {}

    def promise(self, trader: str, seconds: float) -> None:
        """From now on `trader` is never silent for longer; 0 takes the promise back."""
        self.promises[trader] = seconds
        self.alive(trader)

    def alive(self, trader: str) -> None:
        """`trader` was heard from."""
        self._heard[trader] = time.monotonic()

    def heard(self, trader: str, longest: float | None) -> None:
        """`trader` says that he is there, and promises `longest` where that is given."""
        if longest is None:
            self.alive(trader)
        else:
            self.promise(trader, longest)

    async def run(self, session: Running) -> None:
        """Watch for ever."""
        for trader in self.promises:
            self.alive(trader)
        while not self.promises:
            await asyncio.sleep(EVERY)
        session.watch(self._seen)
        while True:
            await asyncio.sleep(EVERY)
            now = time.monotonic()
            for trader, seconds in list(self.promises.items()):
                if seconds and now - self._heard.get(trader, now) > seconds:
                    await self._silence(session, trader, seconds)

    def _seen(self, traders: set[str]) -> None:
        for trader in traders & self.promises.keys():
            self.alive(trader)

    async def _silence(self, session: Running, trader: str, seconds: float) -> None:
        """Cancel what he has open; without open orders there is nothing to do."""
        rows = session.models.active_orders(trader=trader).select("order_id", "symbol").iter_rows()
        orders = [cancel(order_id, symbol, trader=trader) for order_id, symbol in rows]
        if orders:
            session.notice("TraderSilent", trader=trader, seconds=seconds, cancelled=len(orders))
            await session.send(orders)
        self.alive(trader)
