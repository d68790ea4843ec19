"""Commands as people write them: a NamedTuple with the decimals as given. `Exchange` turns one into a record."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.messages.instrument import Number
from engine.messages.vocabulary import Grain, Kind, OrderType, QueueModel, SelfTrade, Side, TimeInForce


class Command(NamedTuple):
    """What someone asks of the exchange. `None` is "not named"; `ts` in ns, 0 is the last time seen."""

    kind: Kind
    order_id: int = 0
    symbol: str | None = None
    side: Side = Side.BUY
    type: OrderType = OrderType.LIMIT
    quantity: Number | None = None
    price: Number | None = None
    stop_price: Number | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    post_only: bool = False
    reduce_only: bool = False
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    portfolio: str | None = None
    trader: str | None = None
    ts: int = 0
    more: Any = None


class Limits(NamedTuple):
    """Risk limits of a portfolio; None is no limit. Position in units, exposure and daily loss in currency, leverage as a ratio."""

    max_position: Number | None = None
    max_exposure: Number | None = None
    max_daily_loss: Number | None = None
    max_leverage: Number | None = None
    cash_account: bool = False


class Rules(NamedTuple):
    """Compliance rules of a trader; None is no rule. Quantity in units, notional in currency, collar as a part, rate in orders a second."""

    restricted: Iterable[str] = ()
    max_order_quantity: Number | None = None
    max_order_notional: Number | None = None
    price_collar: Number | None = None
    short_sale: bool = True
    order_rate: Number | None = None


class Queue(NamedTuple):
    """What an instrument's history is made of, and how our place in its queues is estimated.

    `exponent`: of POWER, from 1/16 to 15.9375 in steps of 1/16. `volume_share`: of BARS, the part of a bar's volume that our buys, and
    that our sells, may trade.
    """

    grain: Grain = Grain.LEVELS
    model: QueueModel = QueueModel.RISK_AVERSE
    exponent: Number | None = None
    volume_share: Number | None = None


def limit(
    order_id: int,
    symbol: str,
    side: Side,
    quantity: Number,
    price: Number,
    *,
    time_in_force: TimeInForce = TimeInForce.DAY,
    post_only: bool = False,
    reduce_only: bool = False,
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    portfolio: str = "",
    trader: str = "",
    ts: int = 0,
) -> Command:
    """A LIMIT order: it trades at `price` or better, and what is left of it rests."""
    return Command(
        Kind.NEW,
        order_id,
        symbol,
        side,
        OrderType.LIMIT,
        quantity,
        price=price,
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        self_trade=self_trade,
        portfolio=portfolio,
        trader=trader,
        ts=ts,
    )


def market(
    order_id: int,
    symbol: str,
    side: Side,
    quantity: Number,
    *,
    time_in_force: TimeInForce = TimeInForce.DAY,
    post_only: bool = False,
    reduce_only: bool = False,
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    portfolio: str = "",
    trader: str = "",
    ts: int = 0,
) -> Command:
    """A MARKET order: it takes what is there and never rests."""
    return Command(
        Kind.NEW,
        order_id,
        symbol,
        side,
        OrderType.MARKET,
        quantity,
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        self_trade=self_trade,
        portfolio=portfolio,
        trader=trader,
        ts=ts,
    )


def stop(
    order_id: int,
    symbol: str,
    side: Side,
    quantity: Number,
    stop_price: Number,
    *,
    time_in_force: TimeInForce = TimeInForce.DAY,
    post_only: bool = False,
    reduce_only: bool = False,
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    portfolio: str = "",
    trader: str = "",
    ts: int = 0,
) -> Command:
    """A STOP order: a MARKET order once the last trade price reaches `stop_price`."""
    return Command(
        Kind.NEW,
        order_id,
        symbol,
        side,
        OrderType.STOP,
        quantity,
        stop_price=stop_price,
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        self_trade=self_trade,
        portfolio=portfolio,
        trader=trader,
        ts=ts,
    )


def stop_limit(
    order_id: int,
    symbol: str,
    side: Side,
    quantity: Number,
    price: Number,
    stop_price: Number,
    *,
    time_in_force: TimeInForce = TimeInForce.DAY,
    post_only: bool = False,
    reduce_only: bool = False,
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER,
    portfolio: str = "",
    trader: str = "",
    ts: int = 0,
) -> Command:
    """A STOP_LIMIT order: a LIMIT order once the last trade price reaches `stop_price`."""
    return Command(
        Kind.NEW,
        order_id,
        symbol,
        side,
        OrderType.STOP_LIMIT,
        quantity,
        price=price,
        stop_price=stop_price,
        time_in_force=time_in_force,
        post_only=post_only,
        reduce_only=reduce_only,
        self_trade=self_trade,
        portfolio=portfolio,
        trader=trader,
        ts=ts,
    )


def cancel(order_id: int, symbol: str, *, trader: str = "", ts: int = 0) -> Command:
    """Cancel what is left of the trader's order."""
    return Command(Kind.CANCEL, order_id, symbol, trader=trader, ts=ts)


def replace(
    order_id: int,
    symbol: str,
    *,
    quantity: Number | None = None,
    price: Number | None = None,
    stop_price: Number | None = None,
    trader: str = "",
    ts: int = 0,
) -> Command:
    """New total quantity, price or stop price of the trader's order; what is not named stays."""
    return Command(Kind.REPLACE, order_id, symbol, quantity=quantity, price=price, stop_price=stop_price, trader=trader, ts=ts)


def halt(symbol: str, *, ts: int = 0) -> Command:
    """Stop trading in an instrument."""
    return Command(Kind.HALT, symbol=symbol, ts=ts)


def resume(symbol: str, *, ts: int = 0) -> Command:
    """Open a halted instrument again."""
    return Command(Kind.RESUME, symbol=symbol, ts=ts)


def clear(symbol: str, *, ts: int = 0) -> Command:
    """Take all of history's orders of an instrument out of its book, as between two recorded days; ours stay."""
    return Command(Kind.CLEAR, symbol=symbol, ts=ts)


def end_of_day(symbol: str, *, ts: int = 0) -> Command:
    """Every open order of the instrument that is not GTC expires."""
    return Command(Kind.END_OF_DAY, symbol=symbol, ts=ts)


def start_of_day(*, ts: int = 0) -> Command:
    """Finished orders and their ids are forgotten."""
    return Command(Kind.START_OF_DAY, ts=ts)


def mark(symbol: str, price: Number, *, ts: int = 0) -> Command:
    """A price to value positions at, until the next trade."""
    return Command(Kind.MARK, symbol=symbol, price=price, ts=ts)


def reference(symbol: str, price: Number, *, ts: int = 0) -> Command:
    """The price around which price collars stand."""
    return Command(Kind.REFERENCE, symbol=symbol, price=price, ts=ts)


def deposit(portfolio: str, amount: Number, *, ts: int = 0) -> Command:
    """Cash from the outside world; a negative amount is a withdrawal."""
    return Command(Kind.DEPOSIT, portfolio=portfolio, more=amount, ts=ts)


def set_limits(portfolio: str, limits: Limits, *, ts: int = 0) -> Command:
    """Replace a portfolio's whole set of risk limits."""
    return Command(Kind.SET_LIMITS, portfolio=portfolio, more=limits, ts=ts)


def set_rules(trader: str, rules: Rules, *, ts: int = 0) -> Command:
    """Replace a trader's whole set of compliance rules."""
    return Command(Kind.SET_RULES, trader=trader, more=rules, ts=ts)


def set_queue(symbol: str, queue: Queue, *, ts: int = 0) -> Command:
    """Say what an instrument's history is made of, and the model of its queues."""
    return Command(Kind.SET_QUEUE, symbol=symbol, more=queue, ts=ts)


def kill(portfolio: str | None = None, trader: str | None = None, *, ts: int = 0) -> Command:
    """Reject new orders of a portfolio, a trader or the whole session, and cancel the working ones."""
    return Command(Kind.KILL, portfolio=portfolio, trader=trader, ts=ts)


def revive(portfolio: str | None = None, trader: str | None = None, *, ts: int = 0) -> Command:
    """Take a kill switch back."""
    return Command(Kind.REVIVE, portfolio=portfolio, trader=trader, ts=ts)
