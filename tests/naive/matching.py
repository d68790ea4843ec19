"""The twin's verbs: how orders meet, and what a fill leads to."""

from engine.messages.vocabulary import Flag, Kind, OrderStatus, Reason, SelfTrade, Side, TimeInForce
from tests.naive import risk
from tests.naive.accounts import Accounts, Fact, Refusal
from tests.naive.book import LIVE, Order

MONEY_LIMIT = 2**62

NEAR, UNCOUNTED = 1024, 2**32 - 1
"""`ahead` is not counted this many ticks or more behind the best."""


def self_trade(taker: Order, maker: Order) -> int:
    """What happens when these two meet. NONE: they trade. The outside world is nobody; a reduce-only order never trades with its own."""
    if taker.portfolio != maker.portfolio or taker.portfolio == 0:
        return SelfTrade.NONE
    if taker.self_trade == SelfTrade.NONE and (taker.reduces_only or maker.reduces_only):
        return SelfTrade.CANCEL_TAKER
    return taker.self_trade


class Matching(Accounts):
    """What happens once an order was let in."""

    # ------------------------------------------------------------------ the book

    def refused_by_book(self, order: Order) -> Refusal | None:
        facing = self.books[order.instrument].facing(order.side, order.worst_price)
        if order.reduces_only and self.against(order) <= 0:
            return Refusal(Reason.REDUCE_ONLY, self.position(order.portfolio, order.instrument))
        if order.flags & Flag.POST_ONLY and facing:
            return Refusal(Reason.POST_ONLY)
        if order.worst_price is None and not facing:
            return Refusal(Reason.NO_LIQUIDITY)
        return None

    def fillable(self, order: Order) -> int:
        """Lots that a fill-or-kill order may count on: as many fills in a row as every account surely holds."""
        lots, money = 0, 0
        for maker in self.books[order.instrument].facing(order.side, order.worst_price):
            mode = self_trade(order, maker)
            if mode in (SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH):
                break
            if mode == SelfTrade.NONE and not maker.reduces_only:
                part = min(maker.open, self.most(order) - lots)
                money += self.notional(maker.instrument, maker.price, part)
                if self.overflows(order, maker, money):
                    break
                lots += part
        return lots

    def most(self, order: Order) -> int:
        """Lots that an order may trade at once: a reduce-only one at most the position it is against."""
        return min(order.open, self.against(order)) if order.reduces_only else order.open

    def start(self, order: Order, fact: Fact) -> None:
        """A new or triggered order, with `fact` emitted, begins to work."""
        if order.time_in_force == TimeInForce.FOK and self.fillable(order) < self.most(order):
            return self.finish(order, Reason.NOT_FILLABLE)
        return self.enter(order, fact)

    def enter(self, order: Order, fact: Fact) -> None:
        """Trade what can trade; what is left rests or ends. `fact` (created, triggered, replaced) learns what was ahead."""
        book, before = self.books[order.instrument], order.executed
        self.match(order, book.facing(order.side, order.worst_price))
        if order.status not in LIVE:
            return
        if order.worst_price is None:
            self.finish(order, Reason.NO_LIQUIDITY)
        elif order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            self.finish(order, Reason.UNFILLED)
        else:
            fact["ahead"] = self.ahead_at_entry(order) if order.executed == before else 0
            book.join(order)

    def ahead_at_entry(self, order: Order) -> int:
        """Lots ahead of an order that comes to rest; not counted NEAR ticks or more behind its side's best."""
        book = self.books[order.instrument]
        best = next(iter(book.prices(order.side)), order.price)
        behind = (best - order.price) * (1 if order.side == Side.BUY else -1)
        return UNCOUNTED if behind >= NEAR * self.instruments[order.instrument].tick_units else book.ahead(order)

    def match(self, taker: Order, makers: list[Order], price: int | None = None) -> None:
        """The taker meets them in turn; they trade at the makers' prices, or all at `price`."""
        for maker in makers:
            if taker.status not in LIVE:
                break
            mode = self_trade(taker, maker)
            if not maker.open:  # cancelled by a fill before
                continue
            lots = min(self.most(taker), self.most(maker))
            if mode == SelfTrade.NONE and self.overflows(
                taker, maker, self.notional(maker.instrument, maker.price if price is None else price, lots)
            ):
                if not taker.is_history:
                    self.finish(taker, Reason.MONEY_RANGE)
                break
            if mode == SelfTrade.NONE:
                self.trade(taker, maker, lots, price=price)
            if mode in (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH):
                self.finish(maker, Reason.SELF_TRADE)
            if mode in (SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH):
                self.finish(taker, Reason.SELF_TRADE)

    def finish(self, order: Order, reason: Reason, kind: Kind = Kind.OrderCancelled) -> None:
        """A client's order ends unfilled: OrderCancelled or OrderExpired, with the lots that were still open."""
        self.emit_order(kind, order, reason=reason, remaining=order.open)
        self.withdraw(order)
        order.open = 0
        order.status = OrderStatus.EXPIRED if kind == Kind.OrderExpired else OrderStatus.CANCELLED

    def withdraw(self, order: Order) -> None:
        """Out of the book, or of the pending stops."""
        self.books[order.instrument].leave(order)
        if order in self.stops[order.instrument]:
            self.stops[order.instrument].remove(order)

    # ------------------------------------------------------------------ a fill

    def overflows(self, taker: Order, maker: Order, money: int) -> bool:
        """Whether fills worth `money` and fees might take somebody's cash or cost past 64 bits; the outside world trades with itself."""
        both = (taker, maker)
        if not (taker.portfolio or maker.portfolio):
            return False
        held = [self.positions.get((o.portfolio, o.instrument)) for o in both if o.portfolio]
        sums = [*(self.cash[o.portfolio] for o in both), *(p.cost for p in held if p)]
        return max(map(abs, sums)) > 2**63 - 1 - 2 * money

    def trade(self, taker: Order, maker: Order, lots: int, ahead: int = 0, price: int | None = None) -> None:
        """One fill at the maker's price, if no other is given: the maker is booked first, then the taker."""
        instrument, price = maker.instrument, maker.price if price is None else price
        maker.fill(lots)
        taker.fill(lots)
        maker_fee = self.fee(maker, price, lots, "maker_fee")
        taker_fee = self.fee(taker, price, lots, "taker_fee")
        self.settle(maker, price, lots, maker_fee)
        self.settle(taker, price, lots, taker_fee)
        self.printed(instrument, price)
        estimated = maker.estimated or (taker.is_history and taker.estimated)
        flags = Flag.MAKER_HISTORY if maker.is_history else Flag.ESTIMATED if estimated else 0
        self.emit(
            Kind.TradeExecuted, instrument=instrument, price=price, quantity=lots, side=taker.side, ahead=ahead,
            order_id=taker.id, trader=taker.trader, portfolio=taker.portfolio, remaining=taker.open, fee=taker_fee,
            maker_order_id=maker.id, maker_trader=maker.trader, maker_portfolio=maker.portfolio, maker_remaining=maker.open,
            maker_fee=maker_fee, flags=flags | (Flag.TAKER_HISTORY if taker.is_history else 0),
        )  # fmt: skip
        if not maker.open:
            self.books[instrument].leave(maker)
        risk.judge(self, (maker.portfolio, taker.portfolio), instrument)
        for portfolio in (maker.portfolio, taker.portfolio):
            self.cancel_reducers(portfolio, instrument)
        if taker.reduces_only and taker.open and self.against(taker) <= 0:
            self.finish(taker, Reason.REDUCE_ONLY)

    def cancel_reducers(self, portfolio: int, instrument: int) -> None:
        """Resting reduce-only orders that are against no position any more, in the order of acceptance."""
        for order in list(self.orders.values()):
            resting = (order.portfolio, order.instrument) == (portfolio, instrument) and self.books[instrument].holds(order)
            if resting and order.reduces_only and self.against(order) <= 0:
                self.finish(order, Reason.REDUCE_ONLY)
