"""Risk limits in the twin: what a portfolio may still order, and when its loss of the day raises an alarm."""

from collections.abc import Iterable

from engine.messages.instrument import FEE_PARTS
from engine.messages.vocabulary import Kind, Reason, Side
from tests.naive.accounts import LARGEST, Accounts, Refusal, clamped
from tests.naive.book import Order
from tests.naive.limits import RATIO, Limits


def refusal(ex: Accounts, order: Order, but: Order | None = None) -> Refusal | None:
    """The first limit that a new order fails; of a replace: the order as it would be, `but` what it was."""
    limits = ex.limits.get(order.portfolio)
    if limits is None or order.reduces_only:
        return None
    refused = buying_power(ex, order, but, limits) or position_limit(ex, order, but, limits)
    if refused or lots_with(ex, order, but) <= ex.against(order):  # it only reduces
        return refused
    return exposure_limit(ex, order, but, limits) or daily_loss_limit(ex, order, limits) or leverage_limit(ex, order, but, limits)


def lots_with(ex: Accounts, order: Order, but: Order | None) -> int:
    """Lots of the order and of all that works on its side."""
    same = (order.instrument, order.side)
    return order.open + sum(o.open for o in ex.working(order.portfolio, but) if (o.instrument, o.side) == same)


def buying_power(ex: Accounts, order: Order, but: Order | None, limits: Limits) -> Refusal | None:
    """A cash account pays all its buys in advance, and sells what it has."""
    if not limits.cash_account:
        return None
    if order.side == Side.SELL:
        return uncovered(ex, order, but, Reason.BUYING_POWER)
    buys = [*(o for o in ex.working(order.portfolio, but) if o.side == Side.BUY), order]
    listed = {o.instrument for o in buys}
    cost = sum(with_fee(ex, i, sum(ex.open_notional(o) for o in buys if o.instrument == i)) for i in listed)
    cash = ex.cash[order.portfolio]
    return Refusal(Reason.BUYING_POWER, clamped(cost), cash) if cost > cash else None


def uncovered(ex: Accounts, order: Order, but: Order | None, reason: Reason) -> Refusal | None:
    """Sales beyond the position."""
    lots, held = lots_with(ex, order, but), ex.against(order)
    return Refusal(reason, lots, held) if lots > held else None


def with_fee(ex: Accounts, instrument: int, notional: int) -> int:
    """What buys of an instrument may cost, with the higher of the two fees, rounded once; a rebate is not counted on."""
    listed = ex.instruments[instrument]
    parts = int(max(listed.maker_fee, listed.taker_fee, 0) * FEE_PARTS)
    return notional + (2 * notional * parts + FEE_PARTS) // (2 * FEE_PARTS)


def position_limit(ex: Accounts, order: Order, but: Order | None, limits: Limits) -> Refusal | None:
    if limits.max_position is None:
        return None
    worst = lots_with(ex, order, but) - ex.against(order)
    most = int(limits.max_position / ex.lot(order.instrument))
    return Refusal(Reason.POSITION_LIMIT, worst, clamped(most)) if worst > most else None


def exposure_with(ex: Accounts, order: Order, but: Order | None) -> int:
    return clamped(ex.exposure(order.portfolio, but) + ex.open_notional(order))


def exposure_limit(ex: Accounts, order: Order, but: Order | None, limits: Limits) -> Refusal | None:
    exposure, most = exposure_with(ex, order, but), limits.max_exposure
    return Refusal(Reason.EXPOSURE_LIMIT, clamped(exposure), most) if most is not None and exposure > most else None


def daily_loss_limit(ex: Accounts, order: Order, limits: Limits) -> Refusal | None:
    profit, most = ex.profit_of_day(order.portfolio), limits.max_daily_loss
    return Refusal(Reason.DAILY_LOSS_LIMIT, clamped(profit), -most) if most is not None and profit < -most else None


def leverage_limit(ex: Accounts, order: Order, but: Order | None, limits: Limits) -> Refusal | None:
    """Exposure over equity, in parts of 10^9."""
    exposure, equity, most = exposure_with(ex, order, but), ex.equity(order.portfolio), limits.max_leverage
    if most is None or (equity > 0 and exposure * RATIO <= most * equity):
        return None
    return Refusal(Reason.LEVERAGE_LIMIT, clamped(exposure * RATIO // equity) if equity > 0 else LARGEST, most)


def judge(ex: Accounts, portfolios: Iterable[int], instrument: int) -> None:
    """RiskLimitBreached, once for each crossing of the daily loss."""
    for portfolio in portfolios:
        limits = ex.limits.get(portfolio)
        if limits is None or limits.max_daily_loss is None:
            continue
        profit, worst = ex.profit_of_day(portfolio), -limits.max_daily_loss
        if profit >= worst:
            ex.alarmed.discard(portfolio)
        elif portfolio not in ex.alarmed:
            ex.alarmed.add(portfolio)
            same = {"portfolio": portfolio, "instrument": instrument, "reason": Reason.DAILY_LOSS_LIMIT}
            ex.emit(Kind.RiskLimitBreached, **same, value=clamped(profit), limit=worst)


def judge_holders(ex: Accounts, instrument: int) -> None:
    """After a MARK: all who hold the instrument."""
    judge(ex, sorted(owner for (owner, held), position in ex.positions.items() if held == instrument and position.quantity), instrument)
