"""The asynchronous client: the same methods, to be awaited."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import httpx2
import polars as pl

from engine.messages.commands import Command, Limits
from engine.messages.instrument import Number
from live.client import requests
from live.client.errors import Unreachable
from live.client.frames import BookView
from live.client.place import Backoff, Place, Token
from live.client.requests import CURSOR, Request, answer_of


class AsyncClient:
    """`Client`, for asyncio: `async with AsyncClient(url, token) as client: await client.book("AAPL")`; see there."""

    def __init__(
        self, url: str, token: Token, *, timeout: float = 10, verify: Path | str | None = None, patience: float | None = 60
    ) -> None:
        self._place, self._timeout, self._patience = Place(url, token, verify), timeout, patience
        self._http: httpx2.AsyncClient | None = None

    @classmethod
    def at(cls, place: Place, timeout: float, patience: float | None) -> Self:
        """One for a place that is known."""
        made = cls.__new__(cls)
        made._place, made._timeout, made._patience, made._http = place, timeout, patience, None
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections; the next request opens one again."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    # what is shown

    async def book(self, symbol: str, depth: int = 10) -> BookView:
        """A book: `symbol`, `seq`, `ts`, `bids` and `asks` as [price, quantity, orders], best first; `.frame()` of it."""
        return await self.ask(requests.book(symbol, depth))

    async def orders(self, status: str | None = None, *, trader: str | None = None, limit: int = 100) -> pl.DataFrame:
        """The day's orders, newest first; `status`: "active" or an OrderStatus; `trader`: for who may see others'."""
        return await self.ask(requests.orders(status, trader, limit))

    async def order(self, order_id: int, *, trader: str | None = None) -> dict[str, Any]:
        """One order of the day."""
        return await self.ask(requests.order(order_id, trader))

    async def history(self, order_id: int, *, trader: str | None = None, limit: int = 1_000) -> pl.DataFrame:
        """Every fact about an order of any day, newest first."""
        return await self.ask(requests.history(order_id, trader, limit))

    async def positions(self, portfolio: str | None = None) -> pl.DataFrame:
        """Positions of a portfolio, or of all that the token sees."""
        return await self.ask(requests.positions(portfolio))

    async def portfolios(self) -> pl.DataFrame:
        """Cash, equity and P&L of the portfolios that the token sees."""
        return await self.ask(requests.portfolios())

    async def portfolio(self, name: str) -> dict[str, Any]:
        """One portfolio with its positions, numbers as decimal texts."""
        return await self.ask(requests.portfolio(name))

    async def limits(self, portfolio: str) -> pl.DataFrame:
        """Risk limits of a portfolio, their use and headroom."""
        return await self.ask(requests.limits(portfolio))

    async def trades(self, symbol: str, *, limit: int = 100) -> pl.DataFrame:
        """Trades, newest first."""
        return await self.ask(requests.trades(symbol, limit))

    async def quotes(self, *symbols: str) -> pl.DataFrame:
        """Best prices and last trades; of every instrument without symbols."""
        return await self.ask(requests.quotes(*symbols))

    async def bars(self, symbol: str, interval: str = "1m", *, limit: int = 100) -> pl.DataFrame:
        """Bars, newest first."""
        return await self.ask(requests.bars(symbol, interval, limit))

    async def instruments(self) -> pl.DataFrame:
        """What is traded."""
        return await self.ask(requests.instruments())

    async def summary(self, trader: str, date: str | int | None = None) -> pl.DataFrame:
        """Orders, volume and VWAP of a trader on a day, by symbol."""
        return await self.ask(requests.summary(trader, date))

    async def breaches(self, *, portfolio: str | None = None, limit: int = 100) -> pl.DataFrame:
        """Refusals of risk limits, and alarms, newest first."""
        return await self.ask(requests.refusals("/v1/breaches", limit, portfolio=portfolio))

    async def compliance_failures(self, *, trader: str | None = None, limit: int = 100) -> pl.DataFrame:
        """Refusals of compliance rules, newest first."""
        return await self.ask(requests.refusals("/v1/compliance-failures", limit, trader=trader))

    async def alerts(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """What the session and its streams noticed, newest first."""
        return await self.ask(requests.alerts(limit))

    async def state(self, at: int | str | None = None) -> dict[str, Any]:
        """Portfolios, books and open orders as of a seq or a time; now without one."""
        return await self.ask(requests.state(at))

    # what is asked for

    async def send(self, command: Command) -> dict[str, Any]:
        """Send an order, cancel or replace; `order` and `facts` once they are committed. Raises Refused with the Reason's name."""
        return await self.ask(requests.sent(command))

    async def cancel(self, order_id: int) -> dict[str, Any]:
        """Cancel an order."""
        return await self.ask(requests.cancelled(order_id))

    async def cancel_all(self) -> dict[str, Any]:
        """Cancel every open order of the token's trader; `cancelled` counts them."""
        return await self.ask(Request("DELETE", "/v1/orders"))

    async def replace(
        self, order_id: int, *, quantity: Number | None = None, price: Number | None = None, stop_price: Number | None = None
    ) -> dict[str, Any]:
        """Change an order; what is not named stays."""
        return await self.ask(requests.replaced(order_id, {"quantity": quantity, "price": price, "stop_price": stop_price}))

    async def kill(self, reason: str, *, portfolio: str | None = None, trader: str | None = None) -> dict[str, Any]:
        """Stop a portfolio, a trader, or with neither the session; for risk and admin."""
        return await self.ask(requests.switched("POST", portfolio, trader, reason))

    async def revive(self, reason: str, *, portfolio: str | None = None, trader: str | None = None) -> dict[str, Any]:
        """Let them trade again."""
        return await self.ask(requests.switched("DELETE", portfolio, trader, reason))

    async def halt(self, symbol: str, reason: str) -> dict[str, Any]:
        """Halt an instrument; for risk and admin."""
        return await self.ask(requests.halted("POST", symbol, reason))

    async def resume(self, symbol: str, reason: str) -> dict[str, Any]:
        """Let it trade again."""
        return await self.ask(requests.halted("DELETE", symbol, reason))

    async def set_limits(self, portfolio: str, limits: Limits, reason: str) -> pl.DataFrame:
        """Set all risk limits of a portfolio; one that is not named is no limit. For risk and admin."""
        return await self.ask(requests.limited(portfolio, limits, reason))

    # facts as they come

    def follow(self, from_seq: int | None = None, *, trader: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Facts about the trader's orders (for who oversees: every trader's, or those of `trader`) from `from_seq` on, else from now on,
        without gap or repeat: a connection that was lost, or closed for being slow, is taken up where it ended. Raises Gone, Unauthorized,
        and Unreachable once `patience` is at its end."""
        from live.client.sockets import follow_async

        return follow_async(self._place, from_seq, trader, Backoff(self._patience))

    # how

    async def ask(self, request: Request) -> Any:
        """The answer to any request; of a list all its pages. Raises ClientError."""
        if request.most is None:
            return request.made((await self._one(request))[0])
        rows, cursor = await self._one(request)
        while cursor is not None and len(rows) < request.most:
            more, cursor = await self._one(request, len(rows), cursor)
            rows += more
        return request.made(rows[: request.most])

    async def _one(self, request: Request, have: int = 0, cursor: str | None = None) -> tuple[Any, str | None]:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                base_url=self._place.url, timeout=self._timeout, verify=self._place.tls or True, trust_env=False
            )
        content = request.content()
        headers = self._place.headers() | ({} if content is None else {"content-type": "application/json"})
        try:
            got = await self._http.request(
                request.method, request.path, params=request.parameters(have, cursor), content=content, headers=headers
            )
        except httpx2.HTTPError as odd:
            raise Unreachable(f"{self._place.url} gave no answer: {odd or type(odd).__name__}") from None
        return answer_of(got.status_code, got.content, got.headers.get("retry-after")), got.headers.get(CURSOR)
