"""Our fills, one row per own side of a trade, in exact integers."""

import numpy as np

from backtest.analysis.quotes import Quotes
from backtest.recording import Recording
from engine.messages.vocabulary import HISTORY, Flag, Kind, Side
from engine.state.arrays import UNCOUNTED

FILL = np.dtype(
    [
        ("seq", "<i8"),
        ("ts", "<i8"),
        ("order_id", "<u8"),
        ("price", "<i8"),  # price units
        ("lots", "<i8"),
        ("remaining", "<i8"),  # lots of the order that are still open
        ("fee", "<i8"),  # money, negative is a rebate
        ("flow", "<i8"),  # change of cash, money: price × lots × value, less the fee
        ("doubled", "<i8"),  # bid + ask of the last sample before the fill
        ("position", "<i8"),  # lots of its portfolio after the fill
        ("ahead", "<i8"),  # lots that stood ahead of ours when the taker came
        ("instrument", "<u4"),
        ("portfolio", "<u4"),
        ("trader", "<u4"),
        ("side", "u1"),
        ("maker", "?"),
        ("estimated", "?"),  # the place in the queue was not exact
        ("known", "?"),  # there was a middle before the fill
        ("queued", "?"),  # `ahead` is known: a maker whose taker came as a FLOW
    ]
)


def own_fills(recording: Recording, quotes: list[Quotes]) -> np.ndarray:
    """FILL array of both own sides of every trade, in order of seq, the maker's side first."""
    trades = recording.facts[recording.facts["kind"] == Kind.TradeExecuted]
    makers, takers = (trades[_own(recording, trades[name])] for name in ("maker_trader", "trader"))
    rows = np.concatenate([_sides(makers, maker=True), _sides(takers, maker=False)])
    rows = rows[np.lexsort((~rows["maker"], rows["seq"]))]
    value = recording.values()[rows["instrument"]]
    rows["flow"] = -signs(rows) * rows["price"] * rows["lots"] * value - rows["fee"]
    for members in groups(rows):
        rows["position"][members] = np.cumsum((signs(rows) * rows["lots"])[members])
    for number, quote in enumerate(quotes):
        members = np.flatnonzero(rows["instrument"] == number)
        rows["doubled"][members], rows["known"][members] = quote.middle(rows["ts"][members], before=True)
    return rows


def _own(recording: Recording, traders: np.ndarray) -> np.ndarray:
    """bool: the side of a trader of ours."""
    return traders != HISTORY if recording.own is None else np.isin(traders, list(recording.own))


def _sides(trades: np.ndarray, maker: bool) -> np.ndarray:
    rows = np.zeros(len(trades), FILL)
    side = "maker_" if maker else ""
    for name in ("seq", "ts", "price", "instrument"):
        rows[name] = trades[name]
    rows["lots"] = trades["quantity"]
    for name in ("order_id", "remaining", "fee", "portfolio", "trader"):
        rows[name] = trades[side + name]
    rows["side"] = trades["side"] if not maker else Side.SELL - trades["side"]
    rows["maker"] = maker
    if maker:
        rows["ahead"] = trades["ahead"]
        rows["estimated"] = trades["flags"] & Flag.ESTIMATED > 0
        rows["queued"] = (trades["flags"] & Flag.TAKER_HISTORY > 0) & (trades["ahead"] != UNCOUNTED)
    return rows


def signs(rows: np.ndarray) -> np.ndarray:
    """int64: +1 where `side` is BUY, −1 where it is SELL."""
    return 1 - 2 * rows["side"].astype(np.int64)


def groups(rows: np.ndarray) -> list[np.ndarray]:
    """Row numbers of each (portfolio, instrument), in order of time; the groups in order of portfolio, then instrument."""
    key = rows["portfolio"].astype(np.int64) << 32 | rows["instrument"]
    return [np.flatnonzero(key == one) for one in np.unique(key)]
