"""The open orders of a venue, by their ids: what a message about an order that names nothing but the id is about."""

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel

ORDER = np.dtype(
    [
        ("order_id", "<u8"),
        ("price", "<i8"),
        ("lots", "<u4"),
        ("instrument", "<u4"),
        ("side", "u1"),
        ("taken", "u1"),
        ("spare", "<u2"),
        ("more", "<u4"),
    ]
)
"""An open order; `taken` is 1 where the place holds one."""
assert ORDER.itemsize == 32


def empty_table(room: int = 1 << 12) -> np.ndarray:
    """A table (ORDER) without orders; `room` is a power of two, and at most half of it is filled."""
    return np.zeros(room, ORDER)


@kernel
def _home(table, order_id):  # type: ignore[no-untyped-def]
    """Where an id's search begins: neighbouring ids, which live at one time, stand in neighbouring places."""
    mixed = order_id ^ (order_id >> np.uint64(15)) ^ (order_id >> np.uint64(30)) ^ (order_id >> np.uint64(45))
    return np.int64(mixed & np.uint64(len(table) - 1))


@kernel
def find_order(table, order_id, instrument):  # type: ignore[no-untyped-def]
    """The place of an order, or of the gap where it would stand (`taken` is 0 there)."""
    at = _home(table, order_id)
    while table[at]["taken"] != 0 and (table[at]["order_id"] != order_id or (instrument >= 0 and table[at]["instrument"] != instrument)):
        at = (at + 1) & (len(table) - 1)
    return at


@kernel
def put_order(table, at, order_id, instrument, side, price, lots):  # type: ignore[no-untyped-def]
    """Put an order into the gap at `at`."""
    order = table[at]
    order["order_id"] = order_id
    order["instrument"] = instrument
    order["side"] = side
    order["price"] = price
    order["lots"] = lots
    order["taken"] = 1


@kernel
def drop_order(table, at):  # type: ignore[no-untyped-def]
    """Take the order at `at` out; those after it that would have stood nearer to their home move up."""
    last = len(table) - 1
    gap = at
    k = (at + 1) & last
    while table[k]["taken"] != 0:
        if ((k - _home(table, table[k]["order_id"])) & last) >= ((k - gap) & last):
            table[gap] = table[k]
            gap = k
        k = (k + 1) & last
    table[gap]["taken"] = 0


@entry_kernel
def move_orders(table, larger):  # type: ignore[no-untyped-def]
    """Put every order of `table` into the empty table `larger`."""
    for k in range(len(table)):
        if table[k]["taken"] != 0:
            order_id = table[k]["order_id"]
            at = find_order(larger, order_id, np.int64(table[k]["instrument"]))
            larger[at] = table[k]


def grown(table: np.ndarray) -> np.ndarray:
    """The same orders with twice the room."""
    larger = empty_table(2 * len(table))
    move_orders(table, larger)
    return larger
