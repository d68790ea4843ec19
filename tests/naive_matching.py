"""The twin's verbs: how orders meet, what a fill does to cash and positions, how facts are told."""

from collections import Counter
from collections.abc import Sequence

from engine.instrument import FEE_PARTS, Instrument, money_decimals
from engine.vocabulary import Flag, Kind, OrderStatus, OrderType, Reason, SelfTrade, Side, TimeInForce
from tests.naive_book import LIVE, Book, Order, Position

Fact = dict[str, int]
NEAR, UNCOUNTED = 1024, 2**32 - 1
"""`ahead` is not counted this many ticks or more behind the best."""


def meets_itself(taker: Order, maker: Order) -> bool:
    """Both of one portfolio (the outside world is nobody), and the taker minds."""
    return taker.portfolio == maker.portfolio != 0 and taker.self_trade != SelfTrade.NONE


class Matching:
    """The state of the exchange, and what happens once an order was let in."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.instruments = list(instruments)
        self.decimals = money_decimals(self.instruments)
        self.values = [int(i.value(self.decimals)) for i in self.instruments]  # money of one price unit × one lot
        self.books = [Book() for _ in self.instruments]
        self.last: dict[int, int] = {}  # price of the last trade or print
        self.marks: dict[int, int] = {}  # that, or the last MARK, whichever came later
        self.orders: dict[tuple[int, int], Order] = {}  # clients', by (trader, order id), in order of entry
        self.history: list[dict[int, Order]] = [{} for _ in self.instruments]  # history's, by venue id
        self.counts: Counter[str] = Counter()  # lots of history: clipped, displaced, estimated, unknown
        self.cash: dict[int, int] = {0: 0}  # money by portfolio; 0 is the outside world
        self.fees = 0  # the fee account
        self.positions: dict[tuple[int, int], Position] = {}  # by (portfolio, instrument)
        self.traders = {0}
        self.seq, self.ts = 0, 0
        self.told: list[Fact] = []

    # ------------------------------------------------------------------ facts

    def tell(self, kind: Kind, **fields: int) -> Fact:
        self.seq += 1
        fact = {"seq": self.seq, "ts": self.ts, "kind": int(kind)} | {name: int(value) for name, value in fields.items()}
        self.told.append(fact)
        return fact

    def tell_order(self, kind: Kind, order: Order, **fields: int) -> Fact:
        names = ("trader", "portfolio", "instrument", "side", "type", "time_in_force", "flags", "price", "stop_price", "quantity")
        return self.tell(kind, order_id=order.id, **{name: getattr(order, name) for name in names} | fields)

    # ------------------------------------------------------------------ the book

    def refused_by_book(self, order: Order) -> Reason:
        facing = self.books[order.instrument].facing(order.side, order.worst_price)
        if order.flags & Flag.POST_ONLY and facing:
            return Reason.POST_ONLY
        if order.type == OrderType.MARKET and not facing:
            return Reason.NO_LIQUIDITY
        return Reason.NONE

    def fillable(self, order: Order) -> int:
        """Lots that a fill-or-kill order may count on."""
        lots = 0
        for maker in self.books[order.instrument].facing(order.side, order.worst_price):
            if not meets_itself(order, maker):
                lots += maker.open
            elif order.self_trade != SelfTrade.CANCEL_MAKER:
                break
        return lots

    def enter(self, order: Order, fact: Fact) -> None:
        """Trade what can trade; what is left rests or ends. `fact` (OrderCreated, OrderReplaced) learns what was ahead."""
        book, before = self.books[order.instrument], order.executed
        self.match(order, book.facing(order.side, order.worst_price))
        if order.status not in LIVE:
            return
        if order.type == OrderType.MARKET:
            self.finish(order, Reason.NO_LIQUIDITY)
        elif order.time_in_force == TimeInForce.IOC:
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

    def match(self, taker: Order, makers: list[Order]) -> None:
        for maker in makers:
            if taker.status not in LIVE:
                break
            if not meets_itself(taker, maker):
                self.trade(taker, maker, min(taker.open, maker.open))
                continue
            if taker.self_trade in (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH):
                self.finish(maker, Reason.SELF_TRADE)
            if taker.self_trade in (SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH):
                self.finish(taker, Reason.SELF_TRADE)

    def finish(self, order: Order, reason: Reason, kind: Kind = Kind.OrderCancelled) -> None:
        """A client's order ends unfilled: OrderCancelled or OrderExpired, with the lots that were still open."""
        self.tell_order(kind, order, reason=reason, remaining=order.open)
        self.books[order.instrument].leave(order)
        order.open = 0
        order.status = OrderStatus.EXPIRED if kind == Kind.OrderExpired else OrderStatus.CANCELLED

    # ------------------------------------------------------------------ a fill

    def trade(self, taker: Order, maker: Order, lots: int, ahead: int = 0) -> None:
        """One fill at the maker's price: the maker is booked first, then the taker."""
        instrument, price = maker.instrument, maker.price
        maker.fill(lots)
        taker.fill(lots)
        maker_fee = self.fee(maker, price, lots, "maker_fee")
        taker_fee = self.fee(taker, price, lots, "taker_fee")
        self.settle(maker, price, lots, maker_fee)
        self.settle(taker, price, lots, taker_fee)
        self.printed(instrument, price)
        flags = Flag.MAKER_HISTORY if maker.is_history else Flag.ESTIMATED if maker.estimated else 0
        self.tell(
            Kind.TradeExecuted, instrument=instrument, price=price, quantity=lots, side=taker.side, ahead=ahead,
            order_id=taker.id, trader=taker.trader, portfolio=taker.portfolio, remaining=taker.open, fee=taker_fee,
            maker_order_id=maker.id, maker_trader=maker.trader, maker_portfolio=maker.portfolio, maker_remaining=maker.open,
            maker_fee=maker_fee, flags=flags | (Flag.TAKER_HISTORY if taker.is_history else 0),
        )  # fmt: skip
        if not maker.open:
            self.books[instrument].leave(maker)

    def printed(self, instrument: int, price: int) -> None:
        self.last[instrument] = self.marks[instrument] = price

    def notional(self, instrument: int, price: int, lots: int) -> int:
        return abs(price * lots * self.values[instrument])

    def fee(self, order: Order, price: int, lots: int, rate: str) -> int:
        """A part of the notional, rounded once, half away from zero; history pays none."""
        parts = 0 if order.is_history else int(getattr(self.instruments[order.instrument], rate) * FEE_PARTS)
        size = (2 * self.notional(order.instrument, price, lots) * abs(parts) + FEE_PARTS) // (2 * FEE_PARTS)
        return size if parts > 0 else -size

    def settle(self, order: Order, price: int, lots: int, fee: int) -> None:
        """Cash and position of one side of a fill."""
        signed, lot_price = lots if order.side == Side.BUY else -lots, price * self.values[order.instrument]
        self.cash[order.portfolio] -= signed * lot_price + fee
        self.fees += fee
        position = self.positions.setdefault((order.portfolio, order.instrument), Position())
        position.fees += fee
        position.trade(signed, lot_price)
