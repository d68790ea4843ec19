"""The events of the exchange, one frame each; breaches of risk limits and failed compliance checks, refusals among them."""

from collections.abc import Callable

import numpy as np
import polars as pl

from engine.frames import columns
from engine.frames.order_states import ORDER_KINDS
from engine.frames.trades import executions, traded, trades
from engine.messages.names import Names
from engine.messages.vocabulary import Flag, Kind, OrderType, Reason, Side, TimeInForce

COMPLIANCE = [reason for reason in Reason if Reason.RESTRICTED_SYMBOL <= reason <= Reason.ORDER_RATE]
RISK = [reason for reason in Reason if Reason.BUYING_POWER <= reason <= Reason.LEVERAGE_LIMIT]
IN_LOTS = [Reason.MAX_ORDER_QUANTITY, Reason.SHORT_SALE, Reason.POSITION_LIMIT]
IN_MONEY = [Reason.MAX_ORDER_NOTIONAL, Reason.EXPOSURE_LIMIT, Reason.DAILY_LOSS_LIMIT]
"""What `value` and `limit` of a refusal count; BUYING_POWER counts money for a buy, lots for a sale."""
NO_BOUND = 2**63 - 1
"""A leverage without an upper bound: equity is not above 0."""


def order_events(facts: np.ndarray, names: Names, decimals: int, kind: Kind) -> pl.DataFrame:
    """OrderCreated, OrderTriggered, OrderReplaced, OrderCancelled, OrderExpired or OrderRejected: the order as the fact shows it."""
    f = facts[facts["kind"] == kind]
    number, reason = f["instrument"], f["reason"]
    unknown = (reason == Reason.UNKNOWN_INSTRUMENT) | (number >= len(names.instruments))
    unpriced = ~np.isin(f["type"], (OrderType.LIMIT, OrderType.STOP_LIMIT)) | unknown
    unstopped = ~np.isin(f["type"], (OrderType.STOP, OrderType.STOP_LIMIT)) | unknown
    refused = kind == Kind.OrderRejected
    return pl.DataFrame(
        {
            "seq": f["seq"].copy(),
            "ts": columns.times(f["ts"]),
            "order_id": f["order_id"].copy(),
            "symbol": columns.nulled(columns.symbols(number, names), unknown),
            "portfolio": columns.portfolios(f["portfolio"], names),
            "trader": columns.traders(f["trader"], names),
            "type": columns.words(f["type"], OrderType),
            "side": columns.words(f["side"], Side),
            "quantity": columns.nulled(columns.quantity(f["quantity"], number, names), unknown),
            "price": columns.nulled(columns.price(f["price"], number, names), unpriced),
            "stop_price": columns.nulled(columns.price(f["stop_price"], number, names), unstopped),
            "time_in_force": columns.words(f["time_in_force"], TimeInForce),
            "post_only": f["flags"] & Flag.POST_ONLY != 0,
            "reduce_only": f["flags"] & Flag.REDUCE_ONLY != 0,
            "remaining": columns.nulled(columns.quantity(f["remaining"], number, names), unknown),
            "reason": columns.nulled(columns.words(reason, Reason), reason == Reason.NONE),
            "price_ticks": columns.nulled(columns.ticks(f["price"], number, names), unpriced),
            "stop_price_ticks": columns.nulled(columns.ticks(f["stop_price"], number, names), unstopped),
            "quantity_lots": f["quantity"].astype(np.int64),
            "remaining_lots": f["remaining"].astype(np.int64),
            **({"value_raw": f["value"].copy(), "limit_raw": f["limit"].copy()} if refused else {}),
        }
    )


def fills(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """OrderFilled, one row a side of ours: `executions`, and where the order stands then."""
    rows = executions(facts, names, decimals)
    return rows.with_columns(status=pl.when(pl.col("remaining_lots") == 0).then(pl.lit("FILLED")).otherwise(pl.lit("PARTIALLY_FILLED")))


def both_sides(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """TradeExecuted: `trades`, and what else the fact says of its two sides."""
    t = traded(facts)
    number = t["instrument"]
    return trades(facts, names).with_columns(
        maker_trader=columns.traders(t["maker_trader"], names),
        taker_trader=columns.traders(t["trader"], names),
        maker_fee=columns.money(t["maker_fee"].copy(), decimals),
        taker_fee=columns.money(t["fee"].copy(), decimals),
        maker_remaining=pl.Series(columns.quantity(t["maker_remaining"], number, names)),
        taker_remaining=pl.Series(columns.quantity(t["remaining"], number, names)),
        maker_fee_raw=pl.Series(t["maker_fee"].copy()),
        taker_fee_raw=pl.Series(t["fee"].copy()),
        maker_remaining_lots=pl.Series(t["maker_remaining"].astype(np.int64)),
        taker_remaining_lots=pl.Series(t["remaining"].astype(np.int64)),
    )


def breaches(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """RiskLimitBreached: alarms of a daily loss, and orders and replaces that a risk limit refused, with what was found and allowed.

    `value` and `limit` are in units, currency or a ratio, as the reason counts; `value_raw` and `limit_raw` as the fact has them.
    """
    f = facts[_refused(facts, RISK) | (facts["kind"] == Kind.RiskLimitBreached)]
    return judged(f, *_owners(facts, f), names, decimals)


def compliance_failures(facts: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """ComplianceCheckFailed: orders and replaces that a rule of their trader refused; columns as `breaches`."""
    f = facts[_refused(facts, COMPLIANCE)]
    return judged(f, *_owners(facts, f), names, decimals)


def _refused(facts: np.ndarray, reasons: list[Reason]) -> np.ndarray:
    kind, reason = facts["kind"], facts["reason"]
    return ((kind == Kind.OrderRejected) | (kind == Kind.ReplaceRejected)) & (reason >= reasons[0]) & (reason <= reasons[-1])


def judged(f: np.ndarray, portfolio: np.ndarray, side: np.ndarray, names: Names, decimals: int) -> pl.DataFrame:
    """`breaches` or `compliance_failures` of their facts, of each the portfolio and the side of its order."""
    number, alarm, entry = f["instrument"], f["kind"] == Kind.RiskLimitBreached, f["kind"] == Kind.OrderRejected
    unpriced = ~entry | ~np.isin(f["type"], (OrderType.LIMIT, OrderType.STOP_LIMIT))
    reason = f["reason"]
    return pl.DataFrame(
        {
            "seq": f["seq"].copy(),
            "ts": columns.times(f["ts"]),
            "event": columns.words(f["kind"], Kind),
            "reason": columns.words(reason, Reason),
            "portfolio": columns.portfolios(portfolio, names),
            "trader": columns.nulled(columns.traders(f["trader"], names), alarm),
            "order_id": columns.nulled(f["order_id"].copy(), alarm),
            "symbol": columns.symbols(number, names),
            "side": columns.nulled(columns.words(side, Side), alarm),
            "quantity": columns.nulled(columns.quantity(f["quantity"], number, names), ~entry),
            "price": columns.nulled(columns.price(f["price"], number, names), unpriced),
            "value": _measured(f, "value", side, names, decimals),
            "limit": _measured(f, "limit", side, names, decimals),
            "value_raw": f["value"].copy(),
            "limit_raw": f["limit"].copy(),
        }
    )


def _owners(facts: np.ndarray, f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Portfolio and side of each refusal; a ReplaceRejected does not say them, its order's OrderCreated does."""
    created = facts[facts["kind"] == Kind.OrderCreated]
    keys = ["trader", "order_id"]
    orders = pl.DataFrame({name: created[name].copy() for name in ("seq", *keys, "portfolio", "side")})
    asked = pl.DataFrame({name: f[name].copy() for name in ("seq", *keys)})
    found = asked.join_asof(orders, on="seq", by=keys, check_sortedness=False)
    own = f["kind"] != Kind.ReplaceRejected
    portfolio = np.where(own, f["portfolio"], found["portfolio"].fill_null(0).to_numpy())
    return portfolio, np.where(own, f["side"], found["side"].fill_null(0).to_numpy())


def _measured(f: np.ndarray, field: str, side: np.ndarray, names: Names, decimals: int) -> pl.Series:
    """`value` or `limit` of refusals and alarms in the unit in which people count it; null where there is none."""
    raw, reason, number = f[field], f["reason"], f["instrument"]
    cash = np.isin(reason, IN_MONEY) | ((reason == Reason.BUYING_POWER) & (side == Side.BUY))
    lots = np.isin(reason, IN_LOTS) | ((reason == Reason.BUYING_POWER) & (side != Side.BUY))
    cases = {
        "money": (cash, columns.money(raw.copy(), decimals).to_numpy()),
        "lots": (lots, columns.quantity(raw, number, names)),
        "price": (reason == Reason.PRICE_COLLAR, columns.price(raw, number, names)),
        "rate": (reason == Reason.ORDER_RATE, raw / 1000),
        "ratio": (reason == Reason.LEVERAGE_LIMIT, raw / 10**9),
    }
    made = np.select([where for where, _ in cases.values()], [values for _, values in cases.values()], 0.0)
    nothing = (reason == Reason.RESTRICTED_SYMBOL) | ((reason == Reason.LEVERAGE_LIMIT) & (raw == NO_BOUND))
    return columns.nulled(made, nothing | ((reason == Reason.ORDER_RATE) & (field == "value")))


def _of(kind: Kind) -> Callable[[np.ndarray, Names, int], pl.DataFrame]:
    return lambda facts, names, decimals: order_events(facts, names, decimals, kind)


EVENTS: dict[str, Callable[[np.ndarray, Names, int], pl.DataFrame]] = {
    **{kind.name: _of(kind) for kind in ORDER_KINDS},
    "OrderFilled": fills,
    "TradeExecuted": both_sides,
    "RiskLimitBreached": breaches,
    "ComplianceCheckFailed": compliance_failures,
}
"""Name of each event and what makes its frame."""
