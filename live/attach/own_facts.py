"""Facts about our orders as the gateway tells them, as the records from which a strategy learns."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from engine.exchange import Exchange
from engine.messages.records import FACT
from engine.messages.vocabulary import HISTORY, Kind, OrderType, Reason, Side
from live.wire.routes import ORDER_KINDS

NOT_COUNTED = (1 << 32) - 1
"""`ahead` where the lots of the queue are not counted: the gateway does not tell them."""
_ORDER = {kind.name: kind for kind in ORDER_KINDS}
_REFUSED = {Kind.NEW: Kind.OrderRejected, Kind.CANCEL: Kind.CancelRejected, Kind.REPLACE: Kind.ReplaceRejected}


class OwnFacts:
    """Makes records (FACT) of ORDER_UPDATEs, with the numbers of `exchange`. `trader`, `portfolio`: whose facts are meant, by name."""

    def __init__(self, exchange: Exchange, trader: str, portfolio: str) -> None:
        self._names, self._unit = exchange.names, 10**exchange.decimals
        self.trader = trader
        self._trader, self._portfolio = exchange.names.traders[trader], exchange.names.portfolios[portfolio]

    def made(self, data: Mapping[str, Any], ts: int) -> np.ndarray:
        """The record of a fact at `ts`, shape (1,); none for facts of others, and for the repeated id of an order that was sent again."""
        if data.get("trader") != self.trader or data.get("reason") == Reason.DUPLICATE_ORDER.name:
            return np.zeros(0, FACT)
        if data["kind"] == "OrderFilled":
            return self._fill(data, ts)
        if data["kind"] not in _ORDER:
            return np.zeros(0, FACT)
        made = self._plain(_ORDER[data["kind"]], data, ts)
        made["reason"] = Reason[data["reason"]] if data.get("reason") else Reason.NONE
        if data.get("side") is not None:
            made["side"] = Side[data["side"]]
        if data.get("type") is not None:
            made["type"] = OrderType[data["type"]]
        return made

    def refused(self, command: np.void, reason: str, ts: int) -> np.ndarray:
        """The refusal of a command (COMMAND) that the gateway turned away, which the exchange never saw: the record that it would have."""
        made = np.zeros(1, FACT)
        made["kind"], made["ts"] = _REFUSED[Kind(int(command["kind"]))], ts
        made["trader"], made["portfolio"], made["ahead"] = self._trader, self._portfolio, NOT_COUNTED
        for name in ("order_id", "instrument", "side", "type"):
            made[name] = command[name]
        if command["kind"] == Kind.NEW:
            made["price"] = command["price"] if abs(int(command["price"])) < 1 << 31 else 0
            made["quantity"] = command["quantity"] if 0 <= command["quantity"] < 1 << 32 else 0
        made["reason"] = Reason[reason] if reason in Reason.__members__ else Reason.UNSUPPORTED
        return made

    def _plain(self, kind: Kind, data: Mapping[str, Any], ts: int) -> np.ndarray:
        made = np.zeros(1, FACT)
        made["kind"], made["ts"], made["order_id"] = kind, ts, data["order_id"]
        made["trader"], made["portfolio"], made["ahead"] = self._trader, self._portfolio, NOT_COUNTED
        number = self._names.symbols.get(data.get("symbol") or "", len(self._names.instruments))
        made["instrument"] = number
        if number < len(self._names.instruments):
            instrument = self._names.instruments[number]
            for name in ("price", "stop_price"):
                made[name] = instrument.price_units(Decimal(data[name])) if data.get(name) is not None else 0
            for name in ("quantity", "remaining"):
                made[name] = instrument.lots(Decimal(data[name])) if data.get(name) is not None else 0
        return made

    def _fill(self, data: Mapping[str, Any], ts: int) -> np.ndarray:
        """Our side of a trade; the other is nobody that we know."""
        made = self._plain(Kind.TradeExecuted, data, ts)
        side, fee = Side[data["side"]], int(Decimal(data["fee"]) * self._unit)
        maker = data["liquidity"] == "MAKER"
        made["side"] = 1 - side if maker else side
        if maker:
            made["maker_trader"], made["maker_portfolio"], made["maker_order_id"] = self._trader, self._portfolio, data["order_id"]
            made["maker_remaining"], made["maker_fee"] = made["remaining"], fee
            made["trader"], made["portfolio"], made["order_id"], made["remaining"], made["fee"] = HISTORY, 0, 0, 0, 0
        else:
            made["fee"], made["maker_trader"] = fee, HISTORY
        return made
