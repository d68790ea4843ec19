"""What the twin knows, how it tells facts, and what each portfolio owns: cash, positions, what works for it."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from engine.messages.instrument import FEE_PARTS, Instrument, money_decimals
from engine.messages.vocabulary import Kind, OrderType, Reason, Side
from tests.naive.book import LIVE, Book, Order, Position, opposite
from tests.naive.limits import Limits, Rules

Fact = dict[str, int]
LARGEST = 2**63 - 1


class Refusal(NamedTuple):
    """Why not, what was found, and what it was held against."""

    reason: Reason
    value: int = 0
    limit: int = 0


def clamped(amount: int) -> int:
    """An amount as a fact can hold it: at most 2^63 - 1, either way."""
    return max(-LARGEST, min(amount, LARGEST))


class Accounts:
    """The state of the exchange."""

    def __init__(self, instruments: Sequence[Instrument], orders_max: int) -> None:
        self.instruments = list(instruments)
        self.symbols = [listed.symbol for listed in self.instruments]  # those named that are not listed yet, too
        self.names: set[tuple[int, str]] = set()  # (kind of command, name) of all that were given
        self.decimals = money_decimals(self.instruments)
        self.orders_max = orders_max  # live orders of clients
        self.values = [int(i.value(self.decimals)) for i in self.instruments]  # money of one price unit × one lot
        self.books = [Book() for _ in self.instruments]
        self.stops: list[list[Order]] = [[] for _ in self.instruments]  # stops that wait, in the order in which they came
        self.halted: set[int] = set()
        self.last: dict[int, int] = {}  # price of the last trade or print
        self.marks: dict[int, int] = {}  # that, or the last MARK, whichever came later
        self.references: dict[int, int] = {}
        self.orders: dict[tuple[int, int], Order] = {}  # clients', by (trader, order id), in order of entry
        self.history: list[dict[int, Order]] = [{} for _ in self.instruments]  # history's, by venue id
        self.levels: list[dict[tuple[int, int], int]] = [{} for _ in self.instruments]  # lots that the venue shows, by (side, price)
        self.queues: dict[int, tuple[int, int, int, int]] = {}  # by instrument: grain, queue model, its exponent, share of a volume
        self.quotes: dict[int, tuple[Order, Order]] = {}  # by instrument of bars: history's bid and offer at the path's price
        self.swept: Counter[int] = Counter()  # by instrument: our lots that an aggressor took whose FLOW goes on
        self.counts: Counter[str] = Counter()  # lots of history, by what became of them
        self.cash: dict[int, int] = {0: 0}  # money by portfolio; 0 is the outside world
        self.base: Counter[int] = Counter()  # by portfolio: equity when the day began, and the deposits since
        self.fees = 0  # the fee account
        self.positions: dict[tuple[int, int], Position] = {}  # by (portfolio, instrument)
        self.limits: dict[int, Limits] = {}  # by portfolio
        self.alarmed: set[int] = set()  # portfolios whose alarm of the daily loss was raised
        self.traders = {0}
        self.rules: dict[int, Rules] = {}  # by trader
        self.restricted: set[tuple[int, int]] = set()  # (trader, instrument)
        self.turned_down: set[int] = set()  # traders whose last SET_RULES was refused
        self.killed: set[tuple[str, int]] = set()  # ("session", 0), ("portfolio", number), ("trader", number)
        self.seq, self.ts = 0, 0
        self.emitted: list[Fact] = []

    # ------------------------------------------------------------------ facts

    def emit(self, kind: Kind, **fields: int) -> Fact:
        self.seq += 1
        fact = {"seq": self.seq, "ts": self.ts, "kind": int(kind)} | {name: int(value) for name, value in fields.items()}
        self.emitted.append(fact)
        return fact

    def emit_order(self, kind: Kind, order: Order, **fields: int) -> Fact:
        names = ("trader", "portfolio", "instrument", "side", "type", "time_in_force", "flags", "price", "stop_price", "quantity")
        return self.emit(kind, order_id=order.id, **{name: getattr(order, name) for name in names} | fields)

    # ------------------------------------------------------------------ what an order is worth

    def notional(self, instrument: int, price: int, lots: int) -> int:
        return abs(price * lots * self.values[instrument])

    def lot(self, instrument: int) -> Fraction:
        """Units of one lot."""
        return Fraction(self.instruments[instrument].lot)

    def valuation(self, order: Order) -> int:
        """The price at which an order counts: its own, its stop price, of a MARKET order the opposite best, else the mark, else 0."""
        if order.type != OrderType.MARKET:
            return order.stop_price if order.type == OrderType.STOP else order.price
        best = self.books[order.instrument].best(opposite(order.side))
        return best if best is not None else self.marks.get(order.instrument, 0)

    def open_notional(self, order: Order) -> int:
        return self.notional(order.instrument, self.valuation(order), order.open)

    def working(self, portfolio: int, but: Order | None = None) -> list[Order]:
        """A portfolio's orders that are accepted and unfinished, without reduce-only ones, and without one of them."""
        return [o for o in self.orders.values() if o.portfolio == portfolio and o.status in LIVE and not o.reduces_only and o is not but]

    def working_notional(self, portfolio: int, but: Order | None = None) -> int:
        return sum(map(self.open_notional, self.working(portfolio, but)))

    # ------------------------------------------------------------------ what a portfolio is worth

    def position(self, portfolio: int, instrument: int) -> int:
        """Lots; below zero a short position."""
        held = self.positions.get((portfolio, instrument))
        return held.quantity if held else 0

    def against(self, order: Order) -> int:
        """Lots of the position that an order would reduce; zero or less where there are none."""
        held = self.position(order.portfolio, order.instrument)
        return held if order.side == Side.SELL else -held

    def worths(self, portfolio: int) -> list[int]:
        """Each position at its mark."""
        return [
            held.quantity * self.marks.get(instrument, 0) * self.values[instrument]
            for (owner, instrument), held in self.positions.items()
            if owner == portfolio
        ]

    def equity(self, portfolio: int) -> int:
        """As far as money goes."""
        return clamped(self.cash[portfolio] + sum(self.worths(portfolio)))

    def exposure(self, portfolio: int, but: Order | None = None) -> int:
        return clamped(sum(map(abs, self.worths(portfolio))) + self.working_notional(portfolio, but))

    def profit_of_day(self, portfolio: int) -> int:
        """Realised and unrealised P&L, less fees, since the day began."""
        return clamped(self.equity(portfolio) - self.base[portfolio])

    # ------------------------------------------------------------------ what a fill does to it

    def printed(self, instrument: int, price: int) -> None:
        self.last[instrument] = self.marks[instrument] = price

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
