"""A desk with services: two traders, two portfolios, and how they trade."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from engine import Side, limit
from live.configuration.session import SessionSettings
from live.session.session import Session


def settings(**more: Any) -> SessionSettings:
    """The settings of the session `desk`."""
    given: dict[str, Any] = {
        "name": "desk",
        "instruments": [{"symbol": "X", "tick": "0.01"}, {"symbol": "Y", "tick": "0.01"}],
        "portfolios": [{"name": "fund", "cash": "1000000", "limits": {"max_position": 500}}, {"name": "other", "cash": "1000000"}],
        "traders": [{"name": "ann", "portfolios": ["fund"]}, {"name": "bob", "portfolios": ["other"]}],
    }
    return SessionSettings.read(None, given | more)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine, which ends."""
    return asyncio.run(asyncio.wait_for(work, 240))


def buy(order_id: int, quantity: int = 10, price: str = "100.00", symbol: str = "X") -> Any:
    """Ann buys for the fund."""
    return limit(order_id, symbol, Side.BUY, quantity, price, portfolio="fund", trader="ann")


def sell(order_id: int, quantity: int = 10, price: str = "100.00", symbol: str = "X") -> Any:
    """Bob sells for the other one."""
    return limit(order_id, symbol, Side.SELL, quantity, price, portfolio="other", trader="bob")


def service(session: Session, name: str) -> Any:
    """A service of a session that runs."""
    return session.equipment.services.service(name)
