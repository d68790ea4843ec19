"""What venues charge, as parts of the notional: presets, each with the page it comes from and the day on which it was looked up.

They are the rates of a new account: no volume tier, no discount for paying in a venue's own token. Venues change them; compare the day.
"""

from decimal import Decimal
from typing import NamedTuple

from engine.messages.hints import did_you_mean
from engine.messages.instrument import Number, decimal


class Fees(NamedTuple):
    """Rates of a venue, parts of the notional; negative is a rebate. `source`: the venue's page; `checked`: when, ISO; `by`: where that
    was read."""

    venue: str
    maker: Decimal
    taker: Decimal
    source: str
    checked: str
    by: str = ""


_INDEX = "loweef Crypto Futures Fee Index (CC-BY-4.0)"
_GUIDE = "newsgaged.com, guide to maker and taker fees; a secondary source"
_BINANCE, _KRAKEN = "https://www.binance.com/en/fee", "https://www.kraken.com/features/fee-schedule"
_BYBIT, _OKX = "https://www.bybit.com/en/help-center/article/Trading-Fee-Structure", "https://www.okx.com/fees"
_PRESETS = (
    ("binance-spot", "0.001", "0.001", f"{_BINANCE}/trading", "2026-11-29", _GUIDE),
    ("binance-usdm", "0.0002", "0.0005", f"{_BINANCE}/futureFee", "2026-10-12", _INDEX),
    ("bybit-linear", "0.0002", "0.00055", _BYBIT, "2026-10-16", _INDEX),
    ("bybit-spot", "0.001", "0.001", _BYBIT, "2026-11-29", _GUIDE),
    ("kraken-futures", "0.0002", "0.0005", _KRAKEN, "2026-10-12", _INDEX),
    ("kraken-spot", "0.0025", "0.0040", _KRAKEN, "2026-11-29", _GUIDE),
    ("okx-spot", "0.0008", "0.0010", _OKX, "2026-11-29", _GUIDE),
    ("okx-swap", "0.0002", "0.0005", _OKX, "2026-10-16", _INDEX),
)
PRESETS = {name: Fees(name, Decimal(maker), Decimal(taker), *told) for name, maker, taker, *told in _PRESETS}
"""Fees by name."""
PER_SHARE = ("arca", "bats", "bx", "byx", "edga", "edgx", "iex", "memx", "nasdaq", "nyse", "psx")
"""Venues that charge by the share, which no part of the notional says."""


def fees(venue: str) -> Fees:
    """A venue's maker and taker fee: `Backtest(…, fees="binance-spot")`, or `tb.fees("binance-spot").taker`.

    Raises ValueError for an unknown venue, with the nearest names; and for one that charges by the share, with the mend.
    """
    if venue in PRESETS:
        return PRESETS[venue]
    if venue.lower() in PER_SHARE:
        raise ValueError(
            f"{venue} charges by the share and by tiers; an instrument's fees are parts of the notional: "
            'tb.fees_per_share(maker="-0.0020", taker="0.0030", price="150") makes them from your rates, exact at that price'
        )
    raise ValueError(f"no fees of {venue!r}; {did_you_mean(venue, PRESETS, 'there are ' + ', '.join(PRESETS))}")


def fees_per_share(maker: Number, taker: Number, price: Number, venue: str = "per share") -> Fees:
    """Fees in money a share as the parts of the notional that they are at one price: exact there, and elsewhere wrong by what the price
    differs, so take one from the middle of the day. Raises ValueError where the price is not above 0."""
    at = decimal(price, "price")
    if at <= 0:
        raise ValueError(f"price is {price}; give the price of a share, above 0")
    parts = [round(decimal(rate, name) / at, 9) for name, rate in (("maker", maker), ("taker", taker))]
    return Fees(venue, parts[0], parts[1], f"{maker} and {taker} a share at {price}", "")
