"""Arrays that grow between two kernel calls. Nothing here changes what the state means."""

import numpy as np

from engine.compiler.kernel import entry_kernel
from engine.messages.records import zeros
from engine.state.accounts import enter_index
from engine.state.arrays import FINISHED, USED, State, W, empty_state, smallest
from engine.state.id_table import rehash
from engine.state.nodes import gather, longer_nodes, used_cells


@entry_kernel
def _rehash(old, new, orders):
    rehash(old, new, orders, FINISHED)


@entry_kernel
def _reindex(index, positions, count):
    for k in range(count):
        enter_index(index, positions, k)


def _longer(array: np.ndarray, length: int) -> np.ndarray:
    made = zeros(length, array.dtype)
    made[: len(array)] = array
    return made


def grow_orders(state: State, orders: int) -> State:
    """Room for `orders` live orders; their nodes are the last ones, so nothing moves."""
    return state.replaced(
        orders=_longer(state.orders, orders),
        scratch=zeros(orders, np.uint32),
        nodes=longer_nodes(state.nodes, state.words, len(state.ladders), len(state.orders), orders),
    )


def grow_ids(state: State, ids: int) -> State:
    """A table of `ids` entries (a power of two) for clients' ids."""
    table = zeros(ids, USED)
    _rehash(state.ids, table, state.orders)
    return state.replaced(ids=table)


def grow_history_ids(state: State, entries: int) -> State:
    """A table of `entries` entries (a power of two) for history's ids."""
    table = zeros(entries, USED)
    _rehash(state.history_ids, table, state.orders)
    return state.replaced(history_ids=table)


def grow_restricted(state: State) -> State:
    """Twice the room for restrictions; those of rules that were replaced are left out."""
    rules = state.traders["rules"][np.minimum(state.restricted["owner"], len(state.traders) - 1)]
    kept = state.restricted[(state.restricted["slot"] != 0) & (state.restricted["id"] >> 32 == rules)]
    table = zeros(above(4 * len(kept) + 7), USED)
    _rehash(kept, table, state.orders)
    state.session["restrictions"] = len(kept)
    return state.replaced(restricted=table)


def grow_positions(state: State, positions: int) -> State:
    """Room for `positions` positions."""
    grown: State = state.replaced(positions=_longer(state.positions, positions), index=zeros(4 * positions, np.uint32))
    _reindex(grown.index, grown.positions, int(grown.session["positions"][0]))
    return grown


def grow_names(state: State, portfolios: int, traders: int) -> State:
    """Rows for `portfolios` and `traders` numbers."""
    return state.replaced(portfolios=_longer(state.portfolios, portfolios), traders=_longer(state.traders, traders))


def grow_naming(state: State) -> State:
    """Room for one more name, and as many again."""
    names = int(state.session["names"][0])
    table = zeros(max(len(state.named), 2 * above(names)), USED)
    _rehash(state.named, table, state.orders)
    return state.replaced(naming=_longer(state.naming, max(len(state.naming), above(names))), named=table)


def grow_instruments(state: State, instruments: int) -> State:
    """Two ladders more for each new instrument: all nodes behind the cells move up, and every link with them."""
    old, new, orders = len(state.ladders), 2 * instruments, len(state.orders)
    fresh = empty_state(smallest(instruments, orders))
    first, then = old * (W + 1), new * (W + 1)

    def moved(links: np.ndarray) -> np.ndarray:
        wide = links.astype(np.int64)
        parked = (wide >= old * W) & (wide < first)
        return np.where(wide < old * W, wide, np.where(parked, wide + (new - old) * W, wide + then - first)).astype(np.uint32)

    cells, rows = used_cells(state.words), gather(state.nodes, state.words, old, orders)
    for link in ("next", "prev"):
        rows[link] = moved(rows[link])
    rows["cell"][-orders:] = moved(rows["cell"][-orders:])
    fresh.nodes[cells] = rows[: len(cells)]
    fresh.nodes[new * W : new * W + old] = rows[len(cells) : -orders]
    fresh.nodes[then : then + orders] = rows[-orders:]
    fresh.ladders[:old] = state.ladders
    fresh.words[: old * 64] = state.words
    return state.replaced(nodes=fresh.nodes, ladders=fresh.ladders, words=fresh.words, instruments=_longer(state.instruments, instruments))


def above(number: int) -> int:
    """The smallest power of two above `number`."""
    return 1 << int(number).bit_length()


def make_room(state: State, instrument: int = 0, portfolio: int = 0, trader: int = 0) -> State:
    """Grow whatever is full, and so that the given numbers have rows."""
    session = state.session[0]
    if session["live"] + 2 >= len(state.orders):
        state = grow_orders(state, 2 * len(state.orders))
    if session["used"] >= len(state.ids) // 8 * 5:
        state = grow_ids(state, 4 * len(state.ids))
    if 2 * session["known"] >= len(state.history_ids):
        state = grow_history_ids(state, 2 * len(state.history_ids))
    if session["positions"] >= min(len(state.positions), len(state.index) // 4):
        state = grow_positions(state, 2 * len(state.positions))
    if portfolio >= len(state.portfolios) or trader >= len(state.traders):
        state = grow_names(state, max(above(portfolio), len(state.portfolios)), max(above(trader), len(state.traders)))
    if 2 * session["restrictions"] >= len(state.restricted):
        state = grow_restricted(state)
    if session["names"] >= min(len(state.naming), len(state.named) // 2):
        state = grow_naming(state)
    if instrument >= len(state.instruments):
        state = grow_instruments(state, above(instrument))
    return state
