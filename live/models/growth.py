"""Room for what comes: arrays of the read models grow by doubling, and their tables with them."""

import numpy as np

from engine.messages.instrument import FEE_PARTS
from engine.messages.names import Names
from engine.messages.records import zeros
from live.models.arrays import MARKET, Models, longer
from live.models.tables import index_orders, index_pairs

FIRST_TRADES = 16
"""Trades that an instrument has room for before its ring grows."""


def table(rows: int) -> np.ndarray:
    """An empty index for so many rows, at most half full."""
    size = 16
    while size < 2 * rows:
        size *= 2
    return zeros(size, np.uint32)


def with_names(models: Models, names: Names, decimals: int) -> Models:
    """Room for every portfolio, trader and instrument that has a name."""
    portfolios, traders, listed = len(names.portfolios), len(names.traders), len(names.instruments)
    if portfolios > len(models.accounts) or traders > len(models.traders):
        models = models.replaced(
            accounts=longer(models.accounts, portfolios),
            limits=longer(models.limits, portfolios),
            traders=longer(models.traders, traders),
        )
    if listed > len(models.markets):
        markets = zeros(listed, MARKET)
        markets[: len(models.markets)] = models.markets
        for number, instrument in enumerate(names.instruments):
            markets[number]["value"] = int(instrument.value(decimals))
            markets[number]["rate"] = int(max(instrument.maker_fee, instrument.taker_fee, 0) * FEE_PARTS)
        models = models.replaced(markets=markets)
    return models


def with_orders(models: Models, count: int) -> Models:
    """Room for so many orders of a day."""
    if 2 * count > len(models.index):
        models = models.replaced(index=table(count))
        index_orders(models)
    return models.replaced(orders=longer(models.orders, count))


def with_room(models: Models, instrument: int) -> Models:
    """Room for a few more of whatever is full; `instrument`: the one whose ring of trades may be."""
    head = models.head[0]
    orders, sums, holdings = (int(head[name]) for name in ("orders", "sums", "holdings"))
    models = with_orders(models, orders + 1)
    models = models.replaced(sums=longer(models.sums, sums + 2), holdings=longer(models.holdings, holdings + 2))
    if 2 * (sums + 2) > len(models.sums_index) or 2 * (holdings + 2) > len(models.holdings_index):
        models = models.replaced(sums_index=table(2 * (sums + 2)), holdings_index=table(2 * (holdings + 2)))
        index_pairs(models)
    return _with_trades(models, instrument)


def _with_trades(models: Models, instrument: int) -> Models:
    """A larger ring for an instrument whose ring is full and may grow: at the end of the pool, its trades with it."""
    head, market = models.head[0], models.markets[instrument]
    most, room, start = int(head["trades_kept"]), int(market["room"]), int(market["start"])
    if market["trades"] < room or room >= most:
        return models
    larger, end = min(most, max(FIRST_TRADES, 2 * room)), int(head["trades"])
    models = models.replaced(trades=longer(models.trades, end + larger), trade_days=longer(models.trade_days, end + larger))
    for array in (models.trades, models.trade_days):
        raw, size = array.view(np.uint8), array.dtype.itemsize
        raw[end * size : (end + room) * size] = raw[start * size : (start + room) * size]
    market["start"], market["room"], head["trades"] = end, larger, end + larger
    return models
