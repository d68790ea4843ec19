"""The state of an exchange: named flat structured arrays, so that it copies, saves and compares like data.

Node indices: the price cells of all ladders come first (W each), then one parked list per ladder, then the orders' nodes; a cell or a
parked list is itself the sentinel of a circular FIFO list, so append and unlink have no branch for head or tail. An empty list is all
zeros (`engine.state.ladder.head`), so that a book in which nothing stands takes no memory.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from engine.compiler.handle import Handle
from engine.compiler.lazy_kernels import ADDRESSES, load_kernels_of
from engine.messages.records import COMMAND, zeros
from engine.state.nodes import MANY_LADDERS, NODE, W, empty_nodes, gather, spread

MASK = W - 1
NEAR = W // 4
"""Every order within this many ticks of its side's best is in the window."""
EMPTY = -(1 << 62)
"""Best key of an empty ladder."""
RECORD, PIECE, QUOTE = 1, 2, 3
"""What an order of history without an id stands for: a level's first lots (kept while the venue shows the level), lots that joined it
behind an order of ours, a side of the price of bars."""
LEVELS = 0x80000000
"""LEVELS | instrument owns the places of RECORDs in `history_ids`."""
FINISHED = 0x80000000
"""`slot` of a used id: FINISHED | OrderStatus << 16 | instrument once the order is finished, else the order's slot + 1."""
UNCOUNTED = 0xFFFFFFFF
"""`ahead` where it is not counted: NEAR or more ticks from the best, or too many lots."""


def _lines(fields: list[tuple[str, str]], size: int) -> np.dtype:
    """A record of `size` bytes: whole cache lines."""
    made: Any = np.dtype(fields)
    offsets = [made.fields[name][1] for name in made.names]
    return np.dtype({"names": made.names, "formats": [kind for _, kind in fields], "offsets": offsets, "itemsize": size})


LADDER = np.dtype(
    [("best", "<i8"), ("base", "<i8"), ("summary", "<u8"), ("orders", "<u4"), ("own", "<u4"), ("parked", "<u4"), ("spare", "<u4")]
)
"""One side of a book. Keys are ticks for bids and ~ticks for asks, so the highest key is the best on both sides."""

ORDER = np.dtype(
    [
        ("id", "<u8"),
        ("created", "<i8"),  # seq of its command: the order of acceptance
        ("queued", "<i8"),  # seq when it joined the end of its level: the order within a price
        ("price", "<i4"),
        ("stop_price", "<i4"),  # of a RECORD: how many PIECEs its level has beside it
        ("quantity", "<u4"),  # total; of a RECORD what the level shows
        ("executed", "<u4"),  # of history's orders: lots that ours took from it
        ("portfolio", "<u4"),
        ("trader", "<u4"),
        ("place", "<u4"),  # of its id in `ids` (of history's in `history_ids`); of a free slot the next free one
        ("position", "<u4"),  # index in `positions`
        ("instrument", "<u2"),
        ("side", "u1"),
        ("type", "u1"),
        ("time_in_force", "u1"),
        ("flags", "u1"),
        ("self_trade", "u1"),  # of history's orders: 0, RECORD, PIECE or QUOTE
        ("pending", "u1"),  # a stop that was not triggered: outside the book, its node in one of the instrument's heaps of stops
    ]
)
USED = np.dtype([("id", "<u8"), ("owner", "<u4"), ("slot", "<u4")])
"""An entry of the tables of ids: `owner` is the trader, of history's ids the instrument."""

TERMS = _lines(
    [
        ("tick", "<i8"),  # price units
        ("value", "<i8"),  # money of one price unit × one lot
        ("reach", "<i8"),  # largest |price × quantity| whose money stays below 2^62
        ("maker_fee", "<i8"),  # parts of 10^12
        ("taker_fee", "<i8"),
        ("last", "<i8"),
        ("mark", "<i8"),
        ("volume", "<i8"),  # lots printed
        ("world", "<i8"),  # position of the outside world, portfolio 0
        ("reference", "<i8"),
        ("swept", "<i8"),  # our lots that the aggressor under way took; 0 where none goes on
        ("lot", "<u4"),  # digits of the lot, 10^(lot_power - 128) each
        ("buy_stop", "<u4"),  # node of the first pending stop of each side, 0 where there is none
        ("sell_stop", "<u4"),
        ("bid_quote", "<u4"),  # of an instrument of bars: slots of the two orders by which history quotes the path's price
        ("ask_quote", "<u4"),
        ("share", "<u4"),  # of a bar's volume that ours may trade, in millionths
        ("grain", "u1"),
        ("queue_model", "u1"),
        ("exponent", "u1"),  # of a queue model, in sixteenths
        ("lot_power", "u1"),
        ("listed", "u1"),
        ("negative", "u1"),
        ("traded", "u1"),  # there was a last price
        ("marked", "u1"),
        ("referenced", "u1"),
        ("halted", "u1"),
    ],
    128,
)
PORTFOLIO = _lines(
    [
        ("cash", "<i8"),
        ("fees", "<i8"),
        ("working", "<i8"),  # notional of what works: accepted, unfinished, not reduce-only
        ("base", "<i8"),  # equity when the day began, with the day's deposits
        ("open", "u1"),
        ("guard", "u1"),  # GUARD bits
        ("breached", "u1"),  # the alarm of the daily loss was raised
        ("position_power", "u1"),
        ("first", "<u4"),  # its positions, a list through `next`: number + 1 of the newest
        ("max_position", "<i8"),  # digits, 10^(position_power - 128) units each; NOT_NAMED is no limit, here and below
        ("max_exposure", "<i8"),  # money
        ("max_daily_loss", "<i8"),  # money
        ("max_leverage", "<i8"),  # parts of 10^9
    ],
    128,
)
TRADER = _lines(
    [
        ("max_quantity", "<i8"),  # digits, 10^(quantity_power - 128) units each; NOT_NAMED is no rule, here and below
        ("max_notional", "<i8"),  # money
        ("collar", "<i8"),  # parts of 10^9
        ("rate", "<i8"),  # thousandths of an order a second
        ("tokens", "<i8"),  # parts of 10^12 of an order that may still come, at `filled`
        ("filled", "<i8"),  # ns
        ("rules", "<u4"),  # how often they were set: restrictions of earlier rules hold no more
        ("admitted", "u1"),
        ("guard", "u1"),  # GUARD bits
        ("quantity_power", "u1"),
        ("no_short", "u1"),
        ("restricts", "u1"),  # bits: RESTRICTS, TURNED_DOWN
    ],
    64,
)
RESTRICTS, TURNED_DOWN = 1, 2
"""Bits of `restricts`: an instrument is restricted; the last SET_RULES was refused, so its RESTRICT commands are refused, too."""
KILLED, LIMITED, LOSS_LIMITED, CASH_ACCOUNT, RULED = 1, 2, 4, 8, 16
"""GUARD bits: why orders of a portfolio or a trader are checked before they reach the book."""
POSITION = np.dtype(
    [
        ("portfolio", "<u4"),
        ("instrument", "<u4"),
        ("quantity", "<i8"),
        ("cost", "<i8"),
        ("realized", "<i8"),  # P&L of what was closed, gross: before fees
        ("buying", "<i8"),  # lots of working buys; of portfolio 0 this and the next two are not kept
        ("selling", "<i8"),
        ("buying_money", "<i8"),  # notional of working buys
        ("reducers", "<u4"),  # resting reduce-only orders
        ("next", "<u4"),  # number + 1 of the portfolio's next position
    ]
)
COUNTERS = ("displaced", "clipped", "revealed", "removed", "estimated", "unknown", "crossed")
"""Lots of history that did not go as recorded, by what happened to them."""
LIMITS = ("orders_max", "portfolios_max", "traders_max", "instruments_max")
COUNTS = ("instruments", "portfolios", "traders", "open_orders", "live", "free", "fresh", "used", "known", "positions", "fee_cash")
CONTROL = ("pending", "guarded", "killed", "restrictions")
"""Pending stops; control commands and reduce-only orders so far; the session's kill switch; entries of `restricted`."""
SESSION = np.dtype(
    [(name, "<i8") for name in ("seq", "ts", "opened", "decimals", *LIMITS, *COUNTS, *CONTROL, *COUNTERS)]
    + [("history_facts", "<i8")]  # build facts about history's own orders: no part of the logical state
    + [(name, "<i8") for name in ("named", "symbols", "names")]  # commands that open a session, accepted or not; numbers that have a
    # symbol or were listed without one; rows of `naming`: no part of it either
    + [
        (name, "<i8") for name in ("value", "limit", "executed", "needs")
    ]  # passed between two kernels: of the order being checked its notional, then what was found, its limit; Lazy + 1 to load
)


class State(Handle):
    """Everything that matching remembers. `orders[k]` and `nodes[first + k]` are one order; slot 0 is never used."""

    FIELDS: ClassVar[dict[str, np.dtype]] = {
        "session": SESSION,  # one
        "instruments": TERMS,
        "ladders": LADDER,  # two an instrument: 2 × instrument + side
        "words": np.dtype(np.uint64),  # 64 a ladder
        "nodes": NODE,
        "orders": ORDER,
        "ids": USED,  # a power of two: clients' ids of the day
        "history_ids": USED,  # a power of two: history's live ids
        "portfolios": PORTFOLIO,
        "traders": TRADER,
        "positions": POSITION,  # in order of opening
        "index": np.dtype(np.uint32),  # a power of two: hash of (portfolio, instrument) to position + 1
        "restricted": USED,  # a power of two: (instrument + 1, rules) of a trader
        "scratch": np.dtype(np.uint32),  # as many as orders
        "naming": COMMAND,  # the commands that named something or listed an instrument, in their order, without those that were refused
        "named": USED,  # a power of two: (hash of a name, Kind), so that none is given twice
        "wanted": COMMAND,  # one: an order as a REPLACE wants it
        "lazy": np.dtype(np.int64),  # of this process: where the machine code of each Lazy kernel is, 0 where it is not made yet
    }
    session: Any
    instruments: Any
    ladders: Any
    words: Any
    nodes: Any
    orders: Any
    ids: Any
    history_ids: Any
    portfolios: Any
    traders: Any
    positions: Any
    index: Any
    restricted: Any
    scratch: Any
    naming: Any
    named: Any
    wanted: Any
    lazy: Any

    def __init__(self, **arrays: Any) -> None:
        super().__init__(**arrays, lazy=ADDRESSES)

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays that say what happened: not `lazy`."""
        return {name: array for name, array in super().arrays().items() if name != "lazy"}

    def written(self) -> dict[str, Any]:
        """`arrays`, with only those nodes that can hold something, and `room`, how many there are."""
        rows = gather(self.nodes, self.words, len(self.ladders), len(self.orders))
        return {**self.arrays(), "nodes": rows, "room": len(self.nodes)}

    @classmethod
    def rebuilt(cls, written: dict[str, Any]) -> "State":
        """The state of `written`. Raises ValueError where its parts do not fit together."""
        parts = dict(written)
        parts["nodes"] = spread(parts["nodes"], parts["words"], len(parts["ladders"]), len(parts["orders"]), parts.pop("room"))
        return cls(**parts)

    def copy(self) -> "State":
        """The same in arrays of its own."""
        own = {name: part.copy() for name, part in self.arrays().items() if name != "nodes"}
        return State(**own, nodes=self.nodes.copy() if len(self.ladders) <= MANY_LADDERS else self.rebuilt(self.written()).nodes)

    def __getstate__(self) -> dict[str, Any]:
        return self.written()

    def __setstate__(self, written: dict[str, Any]) -> None:
        self.__init__(**self.rebuilt(written).arrays())  # type: ignore[misc]
        load_kernels_of(self)


class Capacity(NamedTuple):
    """What the arrays hold before they grow."""

    instruments: int = 1
    orders: int = 1 << 10
    ids: int = 1 << 12
    history_ids: int = 1 << 10
    portfolios: int = 16
    traders: int = 16
    positions: int = 64


DEFAULT_CAPACITY = Capacity()


def smallest(instruments: int, orders: int) -> Capacity:
    """So many instruments and orders, and as little as can be of all else."""
    return Capacity(instruments, orders, ids=4, history_ids=4, portfolios=1, traders=1, positions=1)


def empty_state(capacity: Capacity = DEFAULT_CAPACITY) -> State:
    """A state before its first command, with room for `capacity` (powers of two for the tables)."""
    ladders = 2 * capacity.instruments
    state = State(
        session=zeros(1, SESSION),
        instruments=zeros(capacity.instruments, TERMS),
        ladders=zeros(ladders, LADDER),
        words=zeros(ladders * 64, np.uint64),
        nodes=empty_nodes(ladders, capacity.orders),
        orders=zeros(capacity.orders, ORDER),
        ids=zeros(capacity.ids, USED),
        history_ids=zeros(capacity.history_ids, USED),
        portfolios=zeros(capacity.portfolios, PORTFOLIO),
        traders=zeros(capacity.traders, TRADER),
        positions=zeros(capacity.positions, POSITION),
        index=zeros(4 * capacity.positions, np.uint32),
        restricted=zeros(8, USED),
        scratch=zeros(capacity.orders, np.uint32),
        naming=zeros(capacity.positions, COMMAND),
        named=zeros(8, USED),
        wanted=zeros(1, COMMAND),
    )
    state.ladders["best"] = EMPTY
    state.session["fresh"] = 1
    return state
