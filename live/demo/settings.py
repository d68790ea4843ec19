"""The session of `tapebook live --demo`: no configuration at all."""

from typing import Any

from live.configuration.session import SessionSettings

TRADERS = ["amy", "ben", "cleo"]
STRATEGIES = {"maker": "Maker", "follower": "Follower", "contrarian": "Contrarian"}
VISITOR = "you"
"""The trader and portfolio of the person who looks on."""
SYMBOLS = {"AAPL": 5, "MSFT": 3, "TSLA": 4}


def demo_settings(**more: Any) -> SessionSettings:
    """A synthetic market of three symbols, three strategies and a small crowd."""
    portfolios = [
        {"name": name, "cash": "1000000", "limits": {"max_position": 2_000, "max_daily_loss": "20000"}}
        for name in [*TRADERS, *STRATEGIES, VISITOR]
    ]
    given: dict[str, Any] = {
        "name": "demo",
        "gateway": {"port": 0},
        "portfolios": portfolios,
        "traders": [{"name": name, "portfolios": [name], "rules": {"max_order_quantity": 5_000}} for name in [*TRADERS, VISITOR]],
        "strategies": [
            {"name": name, "strategy": f"live.demo.strategies:{kind}", "portfolio": name, "set": {}} for name, kind in STRATEGIES.items()
        ],
        "streams": {},
        "market": {
            "synthetic": {
                "seed": 7,
                "symbols": SYMBOLS,
                "messages": 1_500_000,
                "price": {"AAPL": "190.00", "MSFT": "410.00", "TSLA": "240.00"},
            }
        },
    }
    return SessionSettings.read(None, given | more)
