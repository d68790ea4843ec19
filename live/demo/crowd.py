"""A small crowd: participants who send orders around the market, cancel some, and now and then ask for too much."""

import asyncio
import random
from typing import Any

from engine.exchange import Exchange
from engine.messages.commands import Command, cancel, limit, market
from engine.messages.vocabulary import Side
from live.models.market import tops

RATE = 60
"""Orders a second, about."""


class Crowd:
    """Traders with a portfolio each; what they do follows from a seed and from the market."""

    def __init__(self, traders: list[str], seed: int = 7) -> None:
        self.traders, self.chance = traders, random.Random(seed)
        self.open: list[tuple[str, int, str]] = []

    async def run(self, session: Any) -> None:
        """Trade for ever."""
        number = {trader: session.models.next_order_id(trader) for trader in self.traders}
        while True:
            touches = await session.ask(_touches)
            orders = [self._order(number, touches) for _ in range(RATE // 10)]
            await session.send([order for order in orders if order is not None])
            await asyncio.sleep(0.1)

    def _order(self, number: dict[str, int], touches: dict[str, tuple[int, int] | None]) -> Command | None:
        draw = self.chance.random()
        if draw < 0.25 and len(self.open) > 20:
            trader, order_id, symbol = self.open.pop(self.chance.randrange(len(self.open)))
            return cancel(order_id, symbol, trader=trader)
        symbol, trader = self.chance.choice(list(touches)), self.chance.choice(self.traders)
        touch = touches[symbol]
        if touch is None:
            return None
        side, quantity = self.chance.choice((Side.BUY, Side.SELL)), self.chance.randint(1, 60)
        if draw > 0.995:
            quantity = 100_000  # a fat finger
        number[trader] += 1
        order_id = number[trader] - 1
        if draw > 0.9:
            return market(order_id, symbol, side, min(quantity, 20), portfolio=trader, trader=trader)
        self.open.append((trader, order_id, symbol))
        best = touch[0] if side == Side.BUY else touch[1]
        away = self.chance.randint(-2, 8) * (-1 if side == Side.BUY else 1)
        return limit(order_id, symbol, side, quantity, f"{(best + away) / 100:.2f}", portfolio=trader, trader=trader)


def _touches(exchange: Exchange) -> dict[str, tuple[int, int] | None]:
    """Best bid and ask of each symbol in price units, cents; None unless both are there."""
    found = zip(exchange.instruments, tops(exchange))
    return {one.symbol: (int(top["bid"]), int(top["ask"])) if top["has_bid"] and top["has_ask"] else None for one, top in found}
