"""The crowd that trades in `data.synthetic.flow`: where it rests, what it takes and what it gives up.

A fair price wanders; the crowd leans toward it: it takes from the side that is stale, leaves it, and steps into the spread. Every
chance was drawn before (`DIE`), so this is a book of price-time queues and nothing else. Prices here are ticks.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel
from engine.messages.vocabulary import Flag, Kind

LEVELS = 1 << 14
"""Ticks that a day can use, around the first price."""
REACH = LEVELS // 2 - 1024
"""The fair price turns back this far from the first price."""
FEW = 24
"""A side with no more orders than this is neither taken from nor left."""
OPENING = 240
"""Orders that stand in the book at the open."""
USUAL = 360
"""Orders in the book at which as many come as go."""

ORDER = np.dtype([(name, "<i8") for name in ("price", "open", "next", "prev", "place", "side")])
LEVEL = np.dtype([(name, "<i8") for name in ("head", "tail", "lots")])
NOW = np.dtype([(name, "<i8") for name in ("event", "floor", "fair", "bid", "ask", "orders", "messages", "rows", "taker")])
DIE = np.dtype(
    [
        ("walk", "<i8"),  # step of the fair price, ticks in Q16
        ("what", "<i8"),  # 0 … 999, what happens
        ("side", "<i8"),  # 0 … 65535, which side
        ("manner", "<i8"),  # 0 … 99: inside the spread or not; partly or whole; the displayed size or another
        ("habit", "<i8"),  # 0 … 99: near the touch or anywhere; the side of the last aggressor or a new one
        ("size", "<i8"),  # lots
        ("part", "<i8"),  # 0 … 65535, a part of something
        ("behind", "<i8"),  # ticks behind the touch
        ("deeper", "<i8"),  # levels behind the touch
        ("later", "<i8"),  # places before the end of the queue
    ]
)
"""What chance says about one event."""


class Crowd(NamedTuple):
    """The arrays of a market."""

    now: Any  # NOW, one
    orders: Any  # ORDER by id; id 0 is nobody
    levels: Any  # LEVEL by price - now["floor"]
    live: Any  # int64 (2, orders): ids of the orders that rest, by side
    counts: Any  # int64 (2): how many
    dice: Any  # DIE by event


def new_crowd(messages: int, dice: np.ndarray[Any, Any]) -> Crowd:
    """An empty market with room for `messages` messages. `dice`: DIE (messages + 1,)."""
    live, counts = np.zeros((2, messages + 1), np.int64), np.zeros(2, np.int64)
    return Crowd(np.zeros(1, NOW), np.zeros(messages + 1, ORDER), np.zeros(LEVELS, LEVEL), live, counts, dice)


@kernel
def level_at(m: Crowd, price: int) -> Any:
    """The level of a price."""
    return m.levels[price - m.now[0]["floor"]]


@kernel
def lean(m: Crowd) -> int:
    """The side that pushes the price to where it is fair and away from the longer queue: the farther, the surer."""
    now = m.now[0]
    bids, asks = level_at(m, now["bid"])["lots"], level_at(m, now["ask"])["lots"]
    gap = now["fair"] - ((now["bid"] + now["ask"]) << 15) + (bids - asks) * 30000 // (bids + asks + 1)
    chance = 32768 + min(max(gap // 2, -31000), 31000)
    return 0 if m.dice[now["event"]]["side"] < chance else 1


@kernel
def rest(m: Crowd, number: int, side: int, price: int, quantity: int) -> None:
    """Put an order at the end of the queue at its price."""
    now, order, level = m.now[0], m.orders[number], level_at(m, price)
    order["price"], order["open"], order["side"] = price, quantity, side
    order["next"], order["prev"] = 0, level["tail"]
    if level["tail"]:
        m.orders[level["tail"]]["next"] = number
    else:
        level["head"] = number
    level["tail"] = number
    level["lots"] += quantity
    order["place"] = m.counts[side]
    m.live[side, m.counts[side]] = number
    m.counts[side] += 1
    if side:
        now["ask"] = min(now["ask"], price)
    else:
        now["bid"] = max(now["bid"], price)


@kernel
def reduce(m: Crowd, number: int, quantity: int) -> None:
    """Take lots from an order; with its last lot it leaves its queue, and an empty best level gives way to the next."""
    now, order = m.now[0], m.orders[number]
    side, level = order["side"], level_at(m, order["price"])
    order["open"] -= quantity
    level["lots"] -= quantity
    if order["open"]:
        return
    if order["prev"]:
        m.orders[order["prev"]]["next"] = order["next"]
    else:
        level["head"] = order["next"]
    if order["next"]:
        m.orders[order["next"]]["prev"] = order["prev"]
    else:
        level["tail"] = order["prev"]
    m.counts[side] -= 1
    last = m.live[side, m.counts[side]]
    m.live[side, order["place"]] = last
    m.orders[last]["place"] = order["place"]
    while level_at(m, now["bid"])["head"] == 0:
        now["bid"] -= 1
    while level_at(m, now["ask"])["head"] == 0:
        now["ask"] += 1


@kernel
def write(m: Crowd, rows: Any, kind: int, number: int, side: int, price: int, quantity: int) -> None:
    """One command of this event."""
    now = m.now[0]
    row = rows[now["rows"]]
    row["ts"], row["kind"], row["order_id"], row["side"], row["price"], row["quantity"] = now["event"], kind, number, side, price, quantity
    now["rows"] += 1
    now["messages"] += kind != Kind.FLOW


@kernel
def free_price(m: Crowd, side: int) -> int:
    """A price that trades with nobody: a step into a wide spread where that is the way to go, else behind the touch."""
    now = m.now[0]
    die = m.dice[now["event"]]
    best, sign = now["ask"] if side else now["bid"], 1 - 2 * side
    spread = now["ask"] - now["bid"]
    if spread > 1 and die["manner"] < 45 + 15 * spread and (spread > 2 or side == lean(m)):
        return best + sign * (1 + (die["part"] * (spread - 1) >> 17))
    fair = (now["fair"] >> 16) + side  # nobody offers below it or bids above it
    best = max(best, fair) if side else min(best, fair)
    return max(best - sign * die["behind"], 1)


@kernel
def stale(m: Crowd) -> int:
    """The side whose best price is on the wrong side of what is fair; 2 where both are right."""
    now = m.now[0]
    fair = now["fair"] >> 16
    return 0 if fair < now["bid"] else 1 if fair >= now["ask"] else 2


@kernel
def choose(m: Crowd) -> int:
    """A resting order: a stale one; else mostly one near the touch and late in its queue, or any of the side that has more."""
    now = m.now[0]
    die, side, deeper = m.dice[now["event"]], stale(m), 0
    if side == 2:
        if die["habit"] < 40:
            side = 0 if m.counts[0] > m.counts[1] else 1
            return m.live[side, die["part"] * m.counts[side] >> 16]
        side, deeper = 1 - lean(m), die["deeper"]
    price, step = now["ask"] if side else now["bid"], 2 * side - 1
    for _ in range(deeper):
        price += step
        while level_at(m, price)["head"] == 0:
            price += step
    number = level_at(m, price)["tail"]
    for _ in range(die["later"]):
        if m.orders[number]["prev"]:
            number = m.orders[number]["prev"]
    return number


@kernel
def aggress(m: Crowd, rows: Any, room: int) -> None:
    """Somebody takes: a hidden order inside the spread; or what is displayed, best price first, first in first out, after one FLOW."""
    now = m.now[0]
    die = m.dice[now["event"]]
    side = now["taker"] if die["habit"] < 35 else lean(m)
    now["taker"] = side
    spread, sign = now["ask"] - now["bid"], 1 - 2 * side
    if spread > 1 and die["manner"] < 25:
        price = now["bid"] + 1 + (die["part"] * (spread - 1) >> 16)
        write(m, rows, Kind.FLOW, 0, side, price, die["size"])
        write(m, rows, Kind.PRINT, 0, side, price, die["size"])
        rows[now["rows"] - 1]["flags"] = rows[now["rows"] - 2]["flags"] = Flag.HIDDEN
        return
    price = now["bid"] if side else now["ask"]
    level = level_at(m, price)
    wanted = level["lots"] if die["manner"] >= (60 if stale(m) == 1 - side else 90) else die["size"]
    limit, room = price + sign * min(die["deeper"], 3), min(room, m.counts[1 - side] - FEW)
    number, total, count, worst = level["head"], 0, 0, price
    while total < wanted and count < room and number:
        total += min(m.orders[number]["open"], wanted - total)
        count += 1
        worst, number = price, m.orders[number]["next"]
        while number == 0 and price != limit:
            price += sign
            number = level_at(m, price)["head"]
    write(m, rows, Kind.FLOW, 0, side, worst, total)
    for _ in range(count):
        price = now["bid"] if side else now["ask"]
        number = level_at(m, price)["head"]
        quantity = min(m.orders[number]["open"], total)
        write(m, rows, Kind.EXECUTE, number, 1 - side, price, quantity)
        reduce(m, number, quantity)
        total -= quantity


@kernel
def withdraw(m: Crowd, rows: Any, number: int) -> None:
    """Cancel an order, now and then only a part of it."""
    order, die = m.orders[number], m.dice[m.now[0]["event"]]
    quantity = order["open"] - (order["open"] * die["part"] >> 17 if die["manner"] < 6 else 0)
    write(m, rows, Kind.REDUCE, number, order["side"], order["price"], quantity)
    reduce(m, number, quantity)


@kernel
def amend(m: Crowd, rows: Any, number: int) -> None:
    """Move an order to another price; where that is its own, make it smaller there, or take it out."""
    order = m.orders[number]
    side, price, quantity = order["side"], order["price"], order["open"]
    moved = free_price(m, side)
    kept = 1 + (m.dice[m.now[0]["event"]]["part"] * (quantity - 1) >> 16)
    if moved != price:
        write(m, rows, Kind.MODIFY, number, side, moved, quantity)
        reduce(m, number, quantity)
        rest(m, number, side, moved, quantity)
    elif kept < quantity:
        write(m, rows, Kind.MODIFY, number, side, price, kept)
        reduce(m, number, quantity - kept)
    else:
        withdraw(m, rows, number)


@kernel
def add(m: Crowd, rows: Any, side: int, price: int) -> None:
    """A new order."""
    now = m.now[0]
    now["orders"] += 1
    quantity = m.dice[now["event"]]["size"]
    rest(m, now["orders"], side, price, quantity)
    write(m, rows, Kind.ADD, now["orders"], side, price, quantity)


@kernel
def wander(m: Crowd, first: int) -> None:
    """Move the fair price, back where it would leave the levels."""
    now = m.now[0]
    walk = m.dice[now["event"]]["walk"]
    inside = max(first - REACH, 3) << 16 < now["fair"] + walk < first + REACH << 16
    now["fair"] += walk if inside else -walk


@entry_kernel
def trade(m: Crowd, rows: Any, first: int, messages: int) -> int:
    """Fill `rows` with a day of `messages` messages that starts at price `first`; `ts` is the event. Gives the number of rows."""
    now = m.now[0]
    now["floor"], now["fair"], now["bid"], now["ask"] = first - LEVELS // 2, first << 16, first - 1, first + 1
    while now["messages"] < messages:
        now["event"] += 1
        what, held = m.dice[now["event"]]["what"], m.counts[0] + m.counts[1]
        if now["messages"] < OPENING or min(m.counts[0], m.counts[1]) <= FEW:
            what = 100
        else:
            wander(m, first)
        if what < 55:
            aggress(m, rows, messages - now["messages"])
        elif what < 90:
            amend(m, rows, choose(m))
        elif what < 545 + min(max((USUAL - held) * 450 // USUAL, -300), 350):
            side = 0 if m.dice[now["event"]]["side"] * (held + 1) < 65536 * m.counts[1] + 32768 else 1
            if held < 2:  # the first two are the touch
                add(m, rows, held, first - 1 + 2 * held)
            else:
                add(m, rows, side, free_price(m, side))
        else:
            withdraw(m, rows, choose(m))
    return now["rows"]
