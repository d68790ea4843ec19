"""The synchronous client."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import polars as pl

from engine.messages.commands import Command, Limits
from engine.messages.instrument import Number
from live.client import requests
from live.client.async_client import AsyncClient
from live.client.errors import Unreachable
from live.client.frames import BookView
from live.client.place import Backoff, Place, Token
from live.client.requests import CURSOR, Request, answer_of


class Client:
    """A session's gateway, as one token sees it: `Client("http://127.0.0.1:8000", token)`.

    What is shown are polars frames with the columns of `Exchange`'s (a book is a mapping with `.frame()`); what is sent are the commands
    of `tb.limit(…)` and its like, and the answer has `order` and `facts`. `async with Client(…) as client` gives an `AsyncClient` with
    the same methods, to be awaited. `token`: text, or what returns the one that holds now; `timeout`: seconds for an answer; `verify`:
    the PEM file of the authority of its certificate; `patience`: seconds that `follow` tries to come back. Raises ClientError and its
    kinds, with `code` and `field` of the problem details.
    """

    def __init__(
        self, url: str, token: Token, *, timeout: float = 10, verify: Path | str | None = None, patience: float | None = 60
    ) -> None:
        self._place, self._timeout, self._patience = Place(url, token, verify), timeout, patience
        self._http: httpx2.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> AsyncClient:
        self._asynchronous = AsyncClient.at(self._place, self._timeout, self._patience)
        return self._asynchronous

    async def __aexit__(self, *_: Any) -> None:
        await self._asynchronous.close()

    def close(self) -> None:
        """Close its connections; the next request opens one again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    # what is shown

    def book(self, symbol: str, depth: int = 10) -> BookView:
        """A book: `symbol`, `seq`, `ts`, `bids` and `asks` as [price, quantity, orders], best first; `.frame()` of it."""
        return self.ask(requests.book(symbol, depth))

    def orders(self, status: str | None = None, *, trader: str | None = None, limit: int = 100) -> pl.DataFrame:
        """The day's orders, newest first; `status`: "active" or an OrderStatus; `trader`: for who may see others'."""
        return self.ask(requests.orders(status, trader, limit))

    def order(self, order_id: int, *, trader: str | None = None) -> dict[str, Any]:
        """One order of the day."""
        return self.ask(requests.order(order_id, trader))

    def history(self, order_id: int, *, trader: str | None = None, limit: int = 1_000) -> pl.DataFrame:
        """Every fact about an order of any day, newest first."""
        return self.ask(requests.history(order_id, trader, limit))

    def positions(self, portfolio: str | None = None) -> pl.DataFrame:
        """Positions of a portfolio, or of all that the token sees."""
        return self.ask(requests.positions(portfolio))

    def portfolios(self) -> pl.DataFrame:
        """Cash, equity and P&L of the portfolios that the token sees."""
        return self.ask(requests.portfolios())

    def portfolio(self, name: str) -> dict[str, Any]:
        """One portfolio with its positions, numbers as decimal texts."""
        return self.ask(requests.portfolio(name))

    def limits(self, portfolio: str) -> pl.DataFrame:
        """Risk limits of a portfolio, their use and headroom."""
        return self.ask(requests.limits(portfolio))

    def trades(self, symbol: str, *, limit: int = 100) -> pl.DataFrame:
        """Trades, newest first."""
        return self.ask(requests.trades(symbol, limit))

    def quotes(self, *symbols: str) -> pl.DataFrame:
        """Best prices and last trades; of every instrument without symbols."""
        return self.ask(requests.quotes(*symbols))

    def bars(self, symbol: str, interval: str = "1m", *, limit: int = 100) -> pl.DataFrame:
        """Bars, newest first."""
        return self.ask(requests.bars(symbol, interval, limit))

    def instruments(self) -> pl.DataFrame:
        """What is traded."""
        return self.ask(requests.instruments())

    def summary(self, trader: str, date: str | int | None = None) -> pl.DataFrame:
        """Orders, volume and VWAP of a trader on a day, by symbol."""
        return self.ask(requests.summary(trader, date))

    def breaches(self, *, portfolio: str | None = None, limit: int = 100) -> pl.DataFrame:
        """Refusals of risk limits, and alarms, newest first."""
        return self.ask(requests.refusals("/v1/breaches", limit, portfolio=portfolio))

    def compliance_failures(self, *, trader: str | None = None, limit: int = 100) -> pl.DataFrame:
        """Refusals of compliance rules, newest first."""
        return self.ask(requests.refusals("/v1/compliance-failures", limit, trader=trader))

    def alerts(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """What the session and its streams noticed, newest first."""
        return self.ask(requests.alerts(limit))

    def state(self, at: int | str | None = None) -> dict[str, Any]:
        """Portfolios, books and open orders as of a seq or a time; now without one."""
        return self.ask(requests.state(at))

    # what is asked for

    def send(self, command: Command) -> dict[str, Any]:
        """Send an order, cancel or replace; `order` and `facts` once they are committed. Raises Refused with the Reason's name."""
        return self.ask(requests.sent(command))

    def cancel(self, order_id: int) -> dict[str, Any]:
        """Cancel an order."""
        return self.ask(requests.cancelled(order_id))

    def cancel_all(self) -> dict[str, Any]:
        """Cancel every open order of the token's trader; `cancelled` counts them."""
        return self.ask(Request("DELETE", "/v1/orders"))

    def replace(
        self, order_id: int, *, quantity: Number | None = None, price: Number | None = None, stop_price: Number | None = None
    ) -> dict[str, Any]:
        """Change an order; what is not named stays."""
        return self.ask(requests.replaced(order_id, {"quantity": quantity, "price": price, "stop_price": stop_price}))

    def kill(self, reason: str, *, portfolio: str | None = None, trader: str | None = None) -> dict[str, Any]:
        """Stop a portfolio, a trader, or with neither the session; for risk and admin."""
        return self.ask(requests.switched("POST", portfolio, trader, reason))

    def revive(self, reason: str, *, portfolio: str | None = None, trader: str | None = None) -> dict[str, Any]:
        """Let them trade again."""
        return self.ask(requests.switched("DELETE", portfolio, trader, reason))

    def halt(self, symbol: str, reason: str) -> dict[str, Any]:
        """Halt an instrument; for risk and admin."""
        return self.ask(requests.halted("POST", symbol, reason))

    def resume(self, symbol: str, reason: str) -> dict[str, Any]:
        """Let it trade again."""
        return self.ask(requests.halted("DELETE", symbol, reason))

    def set_limits(self, portfolio: str, limits: Limits, reason: str) -> pl.DataFrame:
        """Set all risk limits of a portfolio; one that is not named is no limit. For risk and admin."""
        return self.ask(requests.limited(portfolio, limits, reason))

    # facts as they come

    def follow(self, from_seq: int | None = None, *, trader: str | None = None) -> Iterator[dict[str, Any]]:
        """Facts about the trader's orders (for who oversees: every trader's, or those of `trader`) from `from_seq` on, else from now on,
        without gap or repeat: a connection that was lost, or closed for being slow, is taken up where it ended. Raises Gone, Unauthorized,
        and Unreachable once `patience` is at its end."""
        from live.client.sockets import follow

        return follow(self._place, from_seq, trader, Backoff(self._patience))

    # how

    def ask(self, request: Request) -> Any:
        """The answer to any request; of a list all its pages. Raises ClientError."""
        if request.most is None:
            return request.made(self._one(request)[0])
        rows, cursor = self._one(request)
        while cursor is not None and len(rows) < request.most:
            more, cursor = self._one(request, len(rows), cursor)
            rows += more
        return request.made(rows[: request.most])

    def _one(self, request: Request, have: int = 0, cursor: str | None = None) -> tuple[Any, str | None]:
        if self._http is None:
            self._http = httpx2.Client(base_url=self._place.url, timeout=self._timeout, verify=self._place.tls or True, trust_env=False)
        content = request.content()
        headers = self._place.headers() | ({} if content is None else {"content-type": "application/json"})
        try:
            got = self._http.request(
                request.method, request.path, params=request.parameters(have, cursor), content=content, headers=headers
            )
        except httpx2.HTTPError as odd:
            raise Unreachable(f"{self._place.url} gave no answer: {odd or type(odd).__name__}") from None
        return answer_of(got.status_code, got.content, got.headers.get("retry-after")), got.headers.get(CURSOR)
