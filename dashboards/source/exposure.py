"""Exposure by portfolio, symbol and trader: sums of what the session says of its accounts and orders, exact."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

NOTHING = Decimal(0)


def by_symbol(accounts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each symbol what portfolios hold: long, short, net (quantities), mark, unrealized_pnl; `accounts` of `portfolio_exact`."""
    sums: dict[str, dict[str, Any]] = {}
    for account in accounts:
        for symbol, of in account["positions"].items():
            row = sums.setdefault(symbol, {"symbol": symbol, "long": NOTHING, "short": NOTHING, "net": NOTHING, "unrealized_pnl": NOTHING})
            quantity = of["quantity"]
            row["long" if quantity > 0 else "short"] += abs(quantity)
            row["net"] += quantity
            row["mark"] = of["mark"]
            row["unrealized_pnl"] += of["unrealized_pnl"] or NOTHING
    return [sums[symbol] for symbol in sorted(sums)]


def by_trader(orders: Iterable[Mapping[str, Any]], multipliers: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    """Of each trader its open orders: how many, and the notional of those that have a price, buys and sells apart."""
    sums: dict[str, dict[str, Any]] = defaultdict(lambda: {"orders": 0, "buys": NOTHING, "sells": NOTHING})
    for order in orders:
        row = sums[order["trader"]]
        row["orders"] += 1
        price = order["price"] if order["price"] is not None else order["stop_price"]
        if price is not None:
            left = order["quantity"] - order["executed_quantity"]
            row["buys" if order["side"] == "BUY" else "sells"] += abs(price * left * multipliers[order["symbol"]])
    return [{"trader": trader, **sums[trader]} for trader in sorted(sums)]
