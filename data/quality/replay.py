"""Depth rows: a feed's history replayed through the exchange, the book written down after each message."""

import numpy as np

from data.feed import Commands, Feed
from data.quality.audit import Audit, audit_execution, audit_flow, audit_row, empty_audit, remember_row
from data.quality.hindsight import NO_ID, Hindsight, build_level, build_returned, name_stranger, no_hindsight, orders_left, pass_row
from engine.compiler.kernel import entry_kernel, kernel
from engine.compiler.lazy_kernels import Lazy, load_kernel
from engine.control.session import list_instrument, open_session
from engine.matching.history import add_history, modify_history, reduce_history
from engine.matching.reconcile import clear, remove, reveal
from engine.messages.instrument import money_decimals
from engine.messages.names import open_session as session_commands
from engine.messages.records import FACT
from engine.messages.vocabulary import Flag, Kind
from engine.state.arrays import EMPTY, State, W, empty_state
from engine.state.growth import grow_history_ids, grow_orders, make_room
from engine.state.ladder import head, key_of, lots_at
from engine.state.levels import level_list, lower_key, stands_at
from engine.step import SLACK, commands_left

NO_PRICE = 9_999_999_999
"""LOBSTER's ask price of an empty level; the bid's is minus that."""
OPENING = int(Flag.OPENING)


@kernel
def lots_of(state, ladder, key):  # type: ignore[no-untyped-def]
    """Lots that stand at the occupied `key`."""
    sentinel = level_list(state, ladder, key)
    if sentinel < len(state.ladders) * W:
        return lots_at(state, sentinel)
    lots = np.int64(0)
    node = head(state, sentinel)
    while node != sentinel:
        if stands_at(state, ladder, sentinel, node, key):
            lots += np.int64(state.nodes[node]["quantity"])
        node = np.int64(state.nodes[node]["next"])
    return lots


@kernel
def write_side(state, ladder, scale, row):  # type: ignore[no-untyped-def]
    """One side's best levels into a depth row (int64, 4 × depth): price × scale and lots, best first."""
    side = ladder & 1
    at = 0 if side == 1 else 2
    key = state.ladders[ladder]["best"]
    tick = state.instruments[ladder >> 1]["tick"] * scale
    while at < len(row):
        if key == EMPTY:
            row[at] = NO_PRICE if side == 1 else -NO_PRICE
            row[at + 1] = 0
        else:
            row[at] = key_of(side, key) * tick
            row[at + 1] = lots_of(state, ladder, key)
            key = lower_key(state, ladder, key)
        at += 4


@kernel
def _carry_out(state, c, facts):  # type: ignore[no-untyped-def]
    """One command of history, or of a session's opening; those that cannot change the book are left out, clients' orders too."""
    state.session[0]["seq"] += 1
    kind = c["kind"]
    if kind == Kind.ADD:
        add_history(state, c, facts, 0)
    elif kind == Kind.REDUCE or kind == Kind.EXECUTE:
        reduce_history(state, c, facts, 0)
    elif kind == Kind.MODIFY:
        modify_history(state, c, facts, 0)
    elif kind == Kind.REVEAL:
        reveal(state, c, facts, 0)
    elif kind == Kind.REMOVE:
        remove(state, c, facts, 0)
    elif kind == Kind.CLEAR:
        clear(state, c, facts, 0)
    elif kind == Kind.SESSION:
        open_session(state, c, facts, 0)
    elif kind == Kind.INSTRUMENT:
        list_instrument(state, c, facts, 0)


@entry_kernel
def _trace(state, commands, start, facts, resync, scale, row, rows, done, audit, hindsight, room, published):  # type: ignore[no-untyped-def]
    """Carry out commands[start:] and write the book after each message into `rows`, from rows[done[0]] on, while there are any.

    With an `audit` that counts, each message is judged. With `hindsight`, published rows (`published`) and later ones make the levels
    that come into the window, and a message may bring in `room` orders. Returns the command before which it stopped to ask for room,
    or how many there are.
    """
    judges, knows = len(audit.counts) > 0, len(hindsight.ids) > 0
    for i in range(start, len(commands)):
        c = commands[i]
        kind = c["kind"]
        if (knows or not resync) and (kind == Kind.REMOVE or (kind == Kind.REVEAL and c["flags"] & OPENING == 0)):
            continue
        if commands_left(state) < 1 or (knows and orders_left(state) < room):
            return i
        if knows and kind == Kind.REVEAL:
            build_level(state, hindsight, facts, np.int64(c["side"]), c["price"], c["quantity"], NO_ID, True)
            continue
        if knows:
            name_stranger(state, hindsight, facts, c)
        if judges and kind == Kind.FLOW:
            audit_flow(state, audit, c)
        elif judges and kind == Kind.EXECUTE:
            audit_execution(state, audit, c)
        _carry_out(state, c, facts)
        if knows:
            pass_row(state, hindsight, facts, c)
        if kind >= Kind.ADD and kind != Kind.FLOW and kind != Kind.PRINT and kind != Kind.NOTICE:
            write_side(state, 2 * np.int64(c["instrument"]) + np.int64(c["side"]), scale, row)
        if kind == Kind.CLEAR:
            write_side(state, 2 * np.int64(c["instrument"]) + 1, scale, row)
        if c["row"] > 0:
            if done[0] < len(rows):
                for k in range(len(row)):
                    rows[done[0], k] = row[k]
            if judges:
                shown = published[min(done[0], len(published) - 1)]
                if knows:
                    build_returned(state, hindsight, facts, 0, audit.before, shown)
                    build_returned(state, hindsight, facts, 1, audit.before, shown)
                else:
                    audit_row(state, audit, c["row"], shown, row)
                remember_row(audit, shown)
            done[0] += 1
    return len(commands)


class Replay:
    """A feed's history on an exchange of its own, some commands at a time.

    `scale`: LOBSTER's price units (1/10000) of one of the instrument's. `audit`: what is counted on the way. With `hindsight` the book
    is the one that later rows prove (it needs an audit and published rows). Raises ValueError where the feed has several instruments,
    or a price unit finer than LOBSTER's.
    """

    def __init__(self, feed: Feed, depth: int, audit: Audit | None = None, hindsight: Hindsight | None = None) -> None:
        self.state: State = empty_state()
        load_kernel(Lazy.RECONCILE, self.state)
        self.depth, self.audit, self.hindsight = depth, audit or empty_audit(0, False), hindsight or no_hindsight()
        self.room = self.hindsight.room(feed.levels)
        self.row = np.tile(np.array([NO_PRICE, 0, -NO_PRICE, 0], np.int64), depth)
        unit = feed.instrument.price_unit * 10000
        if unit % 1:
            raise ValueError(f"{feed.name}: its price unit {feed.instrument.price_unit} is finer than LOBSTER's 0.0001")
        self.scale = int(unit)
        self._run(session_commands(feed.instruments, money_decimals(feed.instruments)), True, np.zeros((0, 0), np.int64), self.row[:0])

    def rows_after(self, commands: Commands, resync: bool, published: np.ndarray | None = None) -> np.ndarray:
        """Carry out `commands`; returns the book after each message among them, int64 (messages, 4 × depth)."""
        rows = np.zeros((int(np.count_nonzero(commands["row"])), 4 * self.depth), np.int64)
        self._run(commands, resync, rows, self.row, published)
        return rows

    def _run(self, commands: Commands, resync: bool, rows: np.ndarray, row: np.ndarray, published: np.ndarray | None = None) -> None:
        facts, done = np.zeros(4 * SLACK, FACT), np.zeros(1, np.int64)
        shown = np.zeros((1, 0), np.int64) if published is None else published
        more = self.scale, row, rows, done, self.audit, self.hindsight, self.room, shown
        at = _trace(self.state, commands, 0, facts, resync, *more)
        while at < len(commands):
            self.state = make_room(self.state)
            if len(self.hindsight.ids):
                self.state = grow_history_ids(grow_orders(self.state, 2 * len(self.state.orders)), 2 * len(self.state.history_ids))
            at = _trace(self.state, commands, at, facts, resync, *more)


def replay(feed: Feed, depth: int = 10, resync: bool = False) -> np.ndarray:
    """The book after each message of a one-instrument feed, as the exchange keeps it.

    Returns int64 (messages, 4 × depth) in LOBSTER's order (ask price, ask size, bid price, bid size of each level) and units (dollars
    × 10000, lots); an empty level is 9999999999 or -9999999999 with size 0. With `resync` the book is reconciled to the published row
    k-1 before message k; without, only the opening book is taken from what was published. Raises ValueError on a depth below 1.
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}; it must be at least 1")
    market = Replay(feed, depth)
    parts = [market.rows_after(batch, resync) for batch in feed.batches()]
    return np.concatenate(parts) if parts else np.zeros((0, 4 * depth), np.int64)
