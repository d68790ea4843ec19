"""Orders of the read models as frames and as plain rows."""

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from engine.frames import columns
from engine.frames.orders import orders
from engine.messages.names import Names
from engine.messages.vocabulary import Flag, OrderStatus, OrderType, Reason, Side, TimeInForce

_PRICED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


def order_frame(rows: np.ndarray, names: Names) -> pl.DataFrame:
    """Rows (ORDER) as `Exchange.orders` has them."""
    same = ("order_id", "seq", "updated", "price", "stop_price", "quantity", "portfolio", "trader", "instrument")
    made = {name: rows[name].copy() for name in (*same, "type", "side", "time_in_force", "flags", "reason", "paid")}
    made |= {"ts": rows["created"].copy(), "traded": rows["traded"].astype(np.int64)}
    return orders(pl.DataFrame(made).with_columns(status=columns.words(rows["status"], OrderStatus)), names)


def order_dict(row: np.void, names: Names, called: "NamesOf") -> dict[str, Any]:
    """One row (ORDER) in exact numbers, with the columns of `Exchange.orders` and `last_seq`.

    Prices and quantities are Decimals, `average_price` to 28 digits; `created` and `updated` int, ns UTC.
    """
    of = dict(zip(row.dtype.names or (), row.item()))
    instrument = names.instruments[of["instrument"]]
    priced, stops, traded = of["type"] in _PRICED, of["type"] in _STOPS, of["traded"]
    return {
        "order_id": of["order_id"],
        "symbol": instrument.symbol,
        "portfolio": called.portfolio(of["portfolio"]),
        "trader": called.trader(of["trader"]),
        "type": OrderType(of["type"]).name,
        "side": Side(of["side"]).name,
        "quantity": instrument.quantity(of["quantity"]),
        "price": instrument.price(of["price"]) if priced else None,
        "stop_price": instrument.price(of["stop_price"]) if stops else None,
        "time_in_force": TimeInForce(of["time_in_force"]).name,
        "status": OrderStatus(of["status"]).name,
        "executed_quantity": instrument.quantity(traded),
        "average_price": Decimal(of["paid"]) / traded * instrument.price_unit if traded else None,
        "created": of["created"],
        "updated": of["updated"],
        "reason": Reason(of["reason"]).name if of["reason"] else None,
        "price_ticks": of["price"] // instrument.tick_units if priced else None,
        "quantity_lots": of["quantity"],
        "stop_price_ticks": of["stop_price"] // instrument.tick_units if stops else None,
        "executed_lots": traded,
        "post_only": of["flags"] & Flag.POST_ONLY != 0,
        "reduce_only": of["flags"] & Flag.REDUCE_ONLY != 0,
        "seq": of["seq"],
        "last_seq": of["last"],
    }


class NamesOf:
    """Portfolios and traders by number, as `names` has them; it looks again when there are more."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._portfolios: list[str] = []
        self._traders: list[str] = []

    def portfolio(self, number: int) -> str:
        """A portfolio's name."""
        if number >= len(self._portfolios):
            self._portfolios = _listed(self._names.portfolios)
        return self._portfolios[number]

    def trader(self, number: int) -> str:
        """A trader's name."""
        if number >= len(self._traders):
            self._traders = _listed(self._names.traders)
        return self._traders[number]


def _listed(table: dict[str, int]) -> list[str]:
    made = [""] * (max(table.values()) + 1)
    for name, number in table.items():
        made[number] = name
    return made
