"""Questions to a gateway's REST, each asked again only when its answer has grown old."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from dashboards.source.exposure import by_symbol
from dashboards.source.metrics_text import told
from dashboards.source.models import limits_shown
from dashboards.source.port import Payload
from live.gateway import shapes
from live.gateway.security.principals import Principal, Role

WAIT = 5.0
PACE = {
    "orders": 0.2,
    "accounts": 0.3,
    "limits": 1.0,
    "exposure": 1.0,
    "refusals": 2.0,
    "controls": 1.0,
    "alerts": 2.0,
    "status": 2.0,
    "operations": 2.0,
}
"""Seconds that an answer holds."""
_NUMBERS = ("quantity", "mark", "unrealized_pnl")
EMPTY: dict[str, Payload] = {
    "orders": {"orders": []},
    "accounts": {"portfolios": []},
    "exposure": {"symbols": [], "traders": [], "known_traders": []},
    "limits": {"limits": []},
    "refusals": {"breaches": [], "failures": []},
    "controls": {"killed": False, "portfolios": [], "traders": [], "halted": []},
    "alerts": {"alerts": []},
    "status": {},
    "operations": {},
}


class GatewayCalls:
    """REST of one gateway with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self._kept: dict[str, tuple[float, Payload]] = {}
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @property
    def halted(self) -> list[str]:
        """Symbols that are halted."""
        return list(self.topic("controls", 0)["halted"])

    async def get(self, path: str, fail: bool = False) -> Any:
        """The answer's JSON; None for a refusal, or OSError where `fail`."""
        try:
            return await asyncio.to_thread(self._get, path)
        except (OSError, ValueError):
            if fail:
                raise
            return None

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"authorization": f"Bearer {self.token}"})
        try:
            with self._open.open(request, timeout=WAIT) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as odd:
            told = json.loads(odd.read() or b"{}")
            raise OSError(str(told.get("detail") or odd)) from None

    def spoil(self, name: str) -> None:
        """An answer that is known to be old."""
        self._kept.pop(name, None) if name not in self._kept else self._kept.update({name: (0.0, self._kept[name][1])})

    def topic(self, name: str, seq: int) -> Payload:
        """The newest answer about a topic."""
        return {"seq": seq, **self._kept.get(name, (0.0, EMPTY.get(name, {})))[1]}

    async def due(self, names: set[str], who: Principal) -> None:
        """Ask again what has grown old."""
        now = time.monotonic()
        old = [name for name in {*names, "controls"} if now - self._kept.get(name, (-1e9, {}))[0] > PACE.get(name, 1.0)]
        if who.roles <= {Role.VIEWER}:
            old = [name for name in old if name in ("alerts", "status", "operations")]
        made = await asyncio.gather(*(getattr(self, f"_{name}")(who) for name in old))
        self._kept |= {name: (now, payload) for name, payload in zip(old, made) if payload is not None}

    async def _orders(self, who: Principal) -> Payload | None:
        active, every = await asyncio.gather(self.get("/v1/orders?status=active&limit=200"), self.get("/v1/orders?limit=200"))
        if active is None or every is None:
            return None
        known = {(row["trader"], row["order_id"]) for row in active}
        return {"orders": [*active, *(row for row in every if (row["trader"], row["order_id"]) not in known)]}

    async def _accounts(self, who: Principal) -> Payload | None:
        found = await self.get("/v1/portfolios")
        if found is None:
            return None
        for one in found:
            one.pop("seq", None)
            net = Decimal(one["realized_pnl"]) + Decimal(one["unrealized_pnl"]) - Decimal(one["fees"])
            one["net_pnl"] = f"{net:f}"
        return {"portfolios": found}

    async def _limits(self, who: Principal) -> Payload | None:
        accounts = self._kept.get("accounts", (0.0, {}))[1] or await self._accounts(who) or {"portfolios": []}
        names = [one["name"] for one in accounts["portfolios"]]
        found = await asyncio.gather(*(self.get(f"/v1/portfolios/{quote(name, safe='')}/limits") for name in names))
        rows = [row for one in found if one for row in one]
        decimal = ("maximum", "used", "headroom")
        return {"limits": limits_shown({**row, **{k: None if row[k] is None else Decimal(row[k]) for k in decimal}} for row in rows)}

    async def _exposure(self, who: Principal) -> Payload | None:
        accounts = await self._accounts(who)
        if accounts is None:
            return None
        exact = [
            {"positions": {s: {k: None if p[k] is None else Decimal(p[k]) for k in _NUMBERS} for s, p in one["positions"].items()}}
            for one in accounts["portfolios"]
        ]
        traders = sorted({row["trader"] for row in self._kept.get("orders", (0.0, EMPTY["orders"]))[1]["orders"]})
        return {"symbols": shapes.plain(by_symbol(exact)), "traders": [], "known_traders": traders}

    async def _refusals(self, who: Principal) -> Payload | None:
        breaches, failures = await asyncio.gather(self.get("/v1/breaches?limit=100"), self.get("/v1/compliance-failures?limit=100"))
        return {"breaches": breaches or [], "failures": failures or []}

    async def _controls(self, who: Principal) -> Payload | None:
        found = await self.get("/v1/controls")
        return None if found is None else {key: value for key, value in found.items() if key != "seq"}

    async def _alerts(self, who: Principal) -> Payload | None:
        found = await self.get("/v1/alerts?limit=100")
        return None if found is None else {"alerts": found}

    async def _status(self, who: Principal) -> Payload | None:
        try:
            found = await self.get("/readyz", fail=True)
        except OSError as odd:
            return {"state": f"not ready: {odd}"}
        return {"state": found["status"], "checks": found["checks"]}

    async def _operations(self, who: Principal) -> Payload | None:
        """Of /metrics, where that stands beside the gateway's routes."""
        try:
            text = await asyncio.to_thread(self._text, "/metrics")
        except OSError:
            return None
        return told(text)

    def _text(self, path: str) -> str:
        with self._open.open(self.url + path, timeout=WAIT) as answer:
            return str(answer.read().decode("utf-8", "replace"))
