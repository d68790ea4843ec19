"""Examples of answers, by operation: what OpenAPI shows, and tests hold against what is answered."""

from typing import Any

_TS = "2026-01-05T14:30:00.000000001Z"
_ORDER = {
    "order_id": 1,
    "symbol": "AAPL",
    "portfolio": "fund",
    "trader": "ann",
    "type": "LIMIT",
    "side": "BUY",
    "quantity": "100",
    "price": "150.00",
    "stop_price": None,
    "time_in_force": "DAY",
    "status": "PARTIALLY_FILLED",
    "executed_quantity": "40",
    "average_price": "150.00",
    "created": _TS,
    "updated": _TS,
    "reason": None,
}
_FACT = {"session": "desk", "seq": 28, "ts": _TS, "kind": "OrderCreated", "order_id": 1, "symbol": "AAPL", "trader": "ann"}
_SENT = {"order": _ORDER, "facts": [_FACT]}
_HELD = {"quantity": "40", "average_price": "150.00", "mark": "150.00", "realized_pnl": "0.000000", "unrealized_pnl": "0.000000"}
_PORTFOLIO = {
    "name": "fund",
    "cash": "994000.000000",
    "equity": "1000000.000000",
    "realized_pnl": "0.000000",
    "unrealized_pnl": "0.000000",
    "fees": "0.000000",
    "exposure": "15000.000000",
    "leverage": "0.015",
    "positions": {"AAPL": _HELD},
}
_LIMITS = [{"portfolio": "fund", "limit": "POSITION_LIMIT", "symbol": "AAPL", "maximum": "500", "used": "100", "headroom": "400"}]
_BOOK = {"symbol": "AAPL", "seq": 33, "ts": _TS, "bids": [["150.00", "60", 1]], "asks": [["150.01", "20", 2]]}
_REFUSED = {
    "seq": 33, "ts": _TS, "event": "OrderRejected", "reason": "POSITION_LIMIT", "portfolio": "fund", "trader": "ann", "order_id": 2,
    "symbol": "AAPL", "side": "BUY", "quantity": "5000", "price": "150.00", "value": "5100", "limit": "500",
}  # fmt: skip
_DONE = {"seq": 38, "reason": "drill", "by": "rita"}
EXAMPLES: dict[str, Any] = {
    "place_order": _SENT,
    "replace_order": _SENT,
    "cancel_order": _SENT,
    "preview_order": {
        "verdict": "ACCEPTED", "reason": None, "detail": "", "value": None, "limit": None, "executed_quantity": "40",
        "average_price": "150", "fills": [["150.00", "40"]], "open_quantity": "60", "cancelled": None,
        "before": {"cash": "1000000", "equity": "1000000", "exposure": "0", "leverage": "0", "position": "0"},
        "after": {"cash": "994000", "equity": "1000000", "exposure": "6000", "leverage": "0.006", "position": "40"},
    },
    "list_orders": [_ORDER],
    "trader_orders": [_ORDER],
    "show_order": _ORDER,
    "cancel_all": {"cancelled": 1, "facts": [{**_FACT, "kind": "OrderCancelled"}]},
    "order_history": [{"kind": "OrderCreated", "seq": 28, "ts": _TS, "status": "NEW", "order_id": 1, "quantity": "100", "price": "150.00"}],
    "execution_summary": [{"symbol": "AAPL", "orders": 1, "volume": "40", "vwap": "150"}],
    "list_portfolios": [_PORTFOLIO],
    "show_portfolio": _PORTFOLIO,
    "show_limits": _LIMITS,
    "show_settlement": [
        {"settles": "2026-01-07", "traded": "2026-01-05", "symbol": "AAPL", "status": "TRADED", "quantity": "40", "cash": "-6000",
         "fees": "0", "trades": 1, "tries": 0, "instruction": None}
    ],
    "set_limits": _LIMITS,
    "list_instruments": [{"symbol": "AAPL", "tick": "0.01", "lot": "1", "price_unit": "0.01", "currency": "USD", "multiplier": "1"}],
    "show_book": _BOOK,
    "list_trades": [{"seq": 31, "ts": _TS, "symbol": "AAPL", "price": "150.00", "quantity": "40", "taker_side": "SELL"}],
    "list_bars": [
        {"symbol": "AAPL", "start": _TS, "end": _TS, "open": "150.00", "high": "150.00", "low": "150.00", "close": "150.00",
         "volume": "40", "vwap": "150", "trades": 1}
    ],
    "list_quotes": [
        {"symbol": "AAPL", "seq": 33, "ts": _TS, "bid": "150.00", "bid_quantity": "60", "ask": None, "ask_quantity": None,
         "last": "150.00", "mark": "150.00", "volume": "40"}
    ],
    "list_controls": {
        "seq": 33, "killed": False, "portfolios": [], "traders": [], "halted": ["AAPL"],
        "actions": [{"ts": _TS, "seq": 33, "who": "risk", "action": "HALT", "reason": "news", "symbol": "AAPL"}],
    },
    "kill": _DONE,
    "revive": _DONE,
    "halt": _DONE,
    "resume": _DONE,
    "list_breaches": [_REFUSED],
    "list_failures": [{**_REFUSED, "reason": "MAX_ORDER_QUANTITY"}],
    "list_alerts": [{"seq": 38, "ts": _TS, "kind": "RiskLimitBreached"}],
    "show_state": {"seq": 33, "ts": _TS, "portfolios": [_PORTFOLIO], "books": [_BOOK]},
    "issue_token": {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 3600},
    "stream": f'event: trade\nid: 31\ndata: {{"session":"desk","seq":31,"ts":"{_TS}","symbol":"AAPL","price":"150.00"}}\n\n',
    "healthz": {"status": "ok"},
    "readyz": {"status": "ready", "session": "desk", "seq": 33, "checks": {"session": True, "log": True}},
    "metrics": "trading_active_orders 12.0\n",
}  # fmt: skip
