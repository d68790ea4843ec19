"""Which column is what: names that the trading world uses for times, prices, sides and the rest, and the kind of data they make."""

import re
from collections.abc import Iterable, Mapping, Sequence

from data.feed import DataError
from engine.messages.hints import did_you_mean

ALIASES: dict[str, tuple[str, ...]] = {
    "time": (
        "ts_event", "exchange_time", "exchange_timestamp", "exch_ts", "event_time", "timestamp", "ts", "time", "datetime", "date_time",
        "transact_time", "trade_time", "transaction_time", "sip_timestamp", "participant_timestamp", "open_time", "ts_recv",
        "local_timestamp", "received_time", "utc_time", "time_exchange", "t",
    ),
    "date": ("date", "day", "trade_date", "trading_day"),
    "symbol": ("symbol", "ticker", "instrument", "sym", "sym_root", "ric", "contract", "market", "pair", "product_id", "code"),
    "price": ("price", "px", "trade_price", "last_price", "execution_price", "p", "rate", "last"),
    "quantity": ("quantity", "qty", "size", "amount", "volume", "vol", "shares", "trade_size", "sz", "lots", "q", "last_size", "base_qty"),
    "side": ("side", "aggressor_side", "aggressor", "taker_side", "direction", "buy_sell", "bs", "buysell", "trade_side", "type_side"),
    "maker": ("is_buyer_maker", "isbuyermaker", "buyer_maker", "m", "buyer_is_maker"),
    "id": ("trade_id", "agg_trade_id", "id", "tradeid", "match_id", "agg_id", "tid", "exec_id", "trade_number"),
    "order_id": ("order_id", "orderid", "order", "oid", "order_number", "order_ref", "order_reference", "order_reference_number"),
    "new_order_id": ("new_order_id", "new_order_reference_number", "new_oid"),
    "action": ("action", "type", "event", "event_type", "message_type", "msg_type", "update_type", "order_action"),
    "snapshot": ("is_snapshot", "snapshot"),
    "bid": ("bid", "bid_price", "best_bid", "best_bid_price", "bidprice", "bid_px", "bid_px_00", "bids[0].price", "bestbid", "b1", "bp"),
    "ask": ("ask", "ask_price", "best_ask", "best_ask_price", "askprice", "ask_px", "ask_px_00", "asks[0].price", "offer", "bestask",
            "a1", "ofr", "offer_price", "ap"),
    "bid_quantity": ("bid_size", "bidsize", "bid_qty", "best_bid_qty", "best_bid_size", "bid_amount", "bidsiz", "bid_volume",
                     "bid_quantity", "bid_sz", "bid_sz_00", "bids[0].amount", "bidvolume", "bs_size"),
    "ask_quantity": ("ask_size", "asksize", "ask_qty", "best_ask_qty", "best_ask_size", "ask_amount", "asksiz", "ask_volume",
                     "ask_quantity", "ask_sz", "ask_sz_00", "asks[0].amount", "askvolume", "ofr_size", "ofrsiz", "offer_size"),
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "local": ("local_timestamp", "ts_recv", "local_time"),
}  # fmt: skip
"""What each column may be called, the surest name first."""
KINDS = ("l3", "l2", "depth", "trades", "quotes", "bars")
NEEDED = {
    "l3": ("order_id", "action"),
    "l2": ("side", "price", "quantity"),
    "depth": (),
    "trades": ("price", "quantity"),
    "quotes": ("bid", "ask"),
    "bars": ("open", "high", "low", "close"),
}
_WIDE = (
    re.compile(r"(?P<side>bid|ask)s?\[(?P<level>\d+)\]\.(?P<what>price|amount|size|quantity)"),
    re.compile(r"(?P<side>bid|ask)_?(?P<what>px|price|sz|size|qty|quantity|volume)_?(?P<level>\d+)"),
    re.compile(r"(?P<side>bid|ask)_?(?P<level>\d+)_?(?P<what>px|price|sz|size|qty|quantity|volume)"),
    re.compile(r"(?P<side>[ba])(?P<what>[pvq])(?P<level>\d+)"),
)
Wide = dict[tuple[int, int, int], str]
"""Column of each (level from 0, side, 0 price or 1 quantity)."""


def plain_name(label: str) -> str:
    """A label as it is compared."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", label.strip().strip("<>\"'"))
    return re.sub(r"[\s\-]+", "_", spaced).lower()


def wide_columns(labels: Iterable[str]) -> Wide:
    """The columns of a book of several levels, side by side; empty where there are not two levels."""
    found: Wide = {}
    for label in labels:
        for form in _WIDE:
            match = form.fullmatch(plain_name(label))
            if match:
                side = 0 if match["side"].startswith("b") else 1
                what = 0 if match["what"] in ("price", "px", "p") else 1
                found[int(match["level"]), side, what] = label
                break
    lowest = min((level for level, _, _ in found), default=0)
    made = {(level - lowest, side, what): label for (level, side, what), label in found.items()}
    return made if any(level == 1 for level, _, _ in made) else {}


def find_columns(labels: Sequence[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The label of each column that we know; `given` (ours to theirs) wins. Raises ValueError for a name of ours or theirs that is none."""
    found = {}
    names = {plain_name(label): label for label in reversed(labels)} | {label.lower(): label for label in reversed(labels)}
    for ours, aliases in ALIASES.items():
        label = next((names[alias] for alias in aliases if alias in names), None)
        if label is not None:
            found[ours] = label
    for ours, theirs in (given or {}).items():
        if ours not in ALIASES:
            hint = did_you_mean(ours, ALIASES, f"there are {', '.join(ALIASES)}")
            raise ValueError(f"columns: {ours!r} is not one of our columns; {hint}")
        if theirs not in labels:
            hint = did_you_mean(theirs, labels, f"there are {', '.join(labels)}")
            raise ValueError(f"columns: there is no column {theirs!r}; {hint}")
        found = {name: label for name, label in found.items() if label != theirs} | {ours: theirs}
    return found


def guess_kind(labels: Sequence[str], found: Mapping[str, str], sides: set[str]) -> str | None:
    """The kind of data that columns make; `sides`: the first values of the side column, in small letters. None where they make none."""
    names = {plain_name(label) for label in labels}
    if {"order_id", "action", "price"} <= set(found):
        return "l3"
    if len({"open", "high", "low", "close"} & set(found)) >= 3 and not {"bid", "ask"} <= set(found):
        return "bars"
    if wide_columns(labels):
        return "depth"
    if {"bid", "ask"} <= set(found):
        return "quotes"
    if {"price", "quantity", "side"} <= set(found) and "maker" not in found:
        words = sides & {"bid", "ask", "offer", "bids", "asks"}
        if "snapshot" in found or "update_type" in names or (words and "id" not in found):
            return "l2"
    return "trades" if {"price", "quantity"} <= set(found) else None


def check_columns(name: str, kind: str, labels: Sequence[str], found: Mapping[str, str], header: int) -> None:
    """Raise DataError where a column that the kind needs is not there."""
    missing = [needed for needed in NEEDED[kind] if needed not in found]
    if not {"time", "date"} & set(found):
        missing.append("time")
    if missing:
        what = f"no column is the {missing[0]} among {', '.join(map(repr, labels[:12]))}; name it: columns={{{missing[0]!r}: …}}"
        raise DataError(name, what, header)
