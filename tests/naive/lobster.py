"""LOBSTER written plainly: a market that makes its files, a reader of them, and a book that replays the commands. Slow and independent."""

import random
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from types import SimpleNamespace

from engine.messages.vocabulary import Flag, Kind, Side

EMPTY = 9_999_999_999
TICK = 100
KINDS = {1: Kind.ADD, 2: Kind.REDUCE, 3: Kind.REDUCE, 4: Kind.EXECUTE, 5: Kind.PRINT, 6: Kind.PRINT, 7: Kind.NOTICE}


# ------------------------------------------------------------------ reading


def nanoseconds(seconds):
    return int((Decimal(seconds) * 10**9).quantize(Decimal(1), ROUND_HALF_UP))


def sides_of(row):
    """A published row as {side: {price: lots}}."""
    asks, bids = zip(row[0::4], row[1::4]), zip(row[2::4], row[3::4])
    return {Side.BUY: {p: q for p, q in bids if q}, Side.SELL: {p: q for p, q in asks if q}}


def best_first(side, prices):
    return sorted(prices, reverse=side == Side.BUY)


class Sums:
    """Level sums of a replayed book, and what brings them to a published row."""

    def __init__(self, levels):
        self.levels, self.lots = levels, {Side.BUY: {}, Side.SELL: {}}

    def change(self, side, price, lots):
        left = self.lots[side].pop(price, 0) + lots
        if left > 0:
            self.lots[side][price] = left

    def reconcile(self, row):
        """(kind, side, price, lots) of each difference inside the published window, best price first; they are mended here."""
        found = []
        for side, shown in sides_of(row).items():
            held = self.lots[side]
            whole = len(shown) < self.levels
            worst = best_first(side, shown)[-1] if shown else None
            for price in best_first(side, held.keys() | shown.keys()):
                beyond = not whole and (price < worst if side == Side.BUY else price > worst)
                more = shown.get(price, 0) - held.get(price, 0)
                if more and not beyond:
                    found.append((Kind.REVEAL if more > 0 else Kind.REMOVE, side, price, abs(more)))
                    self.change(side, price, more)
        return found


def command(kind, ts, side=0, price=0, quantity=0, order_id=0, flags=0, row=0):
    return (int(kind), ts, order_id, int(side), price, quantity, int(flags), row)


def read(messages, book, midnight):
    """The commands that a LOBSTER file pair means, as tuples of (kind, ts, order_id, side, price, quantity, flags, row)."""
    rows = [(nanoseconds(time), *map(int, rest[:5])) for time, *rest in (line.split(",") for line in messages)]
    published = [list(map(int, line.split(","))) for line in book] if book else None
    commands, sums, number = [], None, 0

    def aggressor(numbered):
        at, (time, kind, *_, direction) = numbered
        return (time, direction) if kind in (4, 5) else ("alone", at)

    for _, group in groupby(enumerate(rows), aggressor):
        rows_of, flows = [row for _, row in group], []
        if rows_of[0][1] in (4, 5):
            side = Side.SELL if rows_of[0][5] == 1 else Side.BUY
            prices = [row[4] for row in rows_of]
            hidden = Flag.HIDDEN if all(row[1] == 5 for row in rows_of) else 0
            for stop in best_first(1 - side, {row[4] for row in rows_of if row[1] == 5} | {best_first(1 - side, prices)[-1]}):
                passed = sum(row[3] for row in rows_of if row[1] == 5 and (row[4] < stop if side == Side.BUY else row[4] > stop))
                left = sum(row[3] for row in rows_of) - passed
                flows.append(command(Kind.FLOW, midnight + rows_of[0][0], side, stop, left, flags=hidden | Flag.CONTINUED))
            flows[-1] = (*flows[-1][:6], int(hidden), 0)
        for k, (time, kind, order_id, size, price, direction) in enumerate(rows_of):
            ts, resting = midnight + time, Side.BUY if direction == 1 else Side.SELL
            change = {1: size, 2: -size, 3: -size, 4: -size}.get(kind, 0)
            if published and number == 0:
                sums = Sums(len(published[0]) // 4)
                for side, shown in sides_of(published[0]).items():
                    sums.lots[side] = dict(shown)
                sums.change(resting, price, -change)
                for side in Side:
                    for at in best_first(side, sums.lots[side]):
                        commands.append(command(Kind.REVEAL, ts, side, at, sums.lots[side][at], flags=Flag.OPENING))
            if k == 0 and kind in (4, 5):
                commands += flows
            number += 1
            if kind == 7:
                status = {-1: Kind.HALT, 1: Kind.RESUME}.get(price, Kind.NOTICE)
                commands.append(command(status, ts, price=price if status == Kind.NOTICE else 0, row=number))
            elif kind in (5, 6):
                hidden = Flag.HIDDEN if kind == 5 else 0
                commands.append(command(Kind.PRINT, ts, 1 - resting, price, size, flags=hidden, row=number))
            else:
                commands.append(command(KINDS[kind], ts, resting, price, size, order_id, row=number))
            if sums:
                if change:
                    sums.change(resting, price, change)
                commands += [command(what, ts, side, at, lots) for what, side, at, lots in sums.reconcile(published[number - 1])]
    return commands


# ------------------------------------------------------------------ replaying


class Book:
    """Queues of history's orders: a list of [id, lots] for each (side, price), id 0 for those that were revealed."""

    def __init__(self):
        self.queues = {}

    def lots(self, side, price):
        return sum(lots for _, lots in self.queues.get((side, price), ()))

    def take(self, place, lots, orders):
        for order in orders:
            part = min(lots, order[1])
            order[1] -= part
            lots -= part
        self.queues[place] = [order for order in self.queues.get(place, ()) if order[1]]
        return lots

    def apply(self, c):
        place = (c.side, c.price)
        queue = self.queues.setdefault(place, [])
        if c.kind in (Kind.ADD, Kind.REVEAL):
            queue.append([c.order_id, c.quantity])
        elif c.kind == Kind.REMOVE:  # the newest that fit as a whole, then the newest
            left = c.quantity
            for order in queue[::-1]:
                if order[1] <= left:
                    left = self.take(place, left, [order])
            self.take(place, left, self.queues[place][::-1])
        elif c.kind in (Kind.REDUCE, Kind.EXECUTE):
            left = self.take(place, c.quantity, [order for order in queue if order[0] == c.order_id])
            queue = self.queues[place]
            if c.kind == Kind.EXECUTE:  # whoever it was stood at the head
                self.take(place, left, queue)
            else:
                self.take(place, left, [o for o in queue if not o[0]] + [o for o in queue if o[0]])

    def row(self, depth):
        made = [EMPTY, 0, -EMPTY, 0] * depth
        for side, at in ((Side.SELL, 0), (Side.BUY, 2)):
            prices = [price for of, price in self.queues if of == side and self.lots(of, price)]
            for level, price in enumerate(best_first(side, prices)[:depth]):
                made[4 * level + at : 4 * level + at + 2] = [price, self.lots(side, price)]
        return made


FIELDS = ("kind", "ts", "order_id", "side", "price", "quantity", "flags", "row")


def replayed(commands, depth, resync):
    """Book rows after each message; `commands` as `read` makes them."""
    book, rows = Book(), []
    for values in commands:
        c = SimpleNamespace(**dict(zip(FIELDS, values)))
        if not resync and (c.kind == Kind.REMOVE or (c.kind == Kind.REVEAL and not c.flags & Flag.OPENING)):
            continue
        book.apply(c)
        if c.row:
            rows.append(book.row(depth))
    return rows


# ------------------------------------------------------------------ making


class Market:
    """A price-time market that publishes what LOBSTER would: the messages that change its best `levels` levels, and those levels."""

    def __init__(self, seed, levels):
        self.chance, self.levels = random.Random(seed), levels
        self.orders = {}  # id -> [side, price, lots], in time order
        self.messages, self.rows = [], []
        self.now, self.last_id = 34_200_000_000_000, 1000
        for _ in range(60):
            self.add()
        self.messages, self.rows = [], []

    def published(self):
        row = [EMPTY, 0, -EMPTY, 0] * self.levels
        for side, at in ((Side.SELL, 0), (Side.BUY, 2)):
            sums = {}
            for of, price, lots in self.orders.values():
                if of == side:
                    sums[price] = sums.get(price, 0) + lots
            for level, price in enumerate(best_first(side, sums)[: self.levels]):
                row[4 * level + at : 4 * level + at + 2] = [price, sums[price]]
        return row

    def tell(self, kind, order_id, size, price, side, before):
        row = self.published()
        if row != before or kind in (5, 7):
            whole, part = divmod(self.now, 10**9)
            self.messages.append(f"{whole}.{part:09d},{kind},{order_id},{size},{price},{1 if side == Side.BUY else -1}")
            self.rows.append(",".join(map(str, row)))

    def best(self, side):
        prices = [price for of, price, _ in self.orders.values() if of == side]
        return best_first(side, prices)[0] if prices else (1_000_000 if side == Side.BUY else 1_000_000 + TICK)

    def add(self):
        side = Side(self.chance.randrange(2))
        away = TICK * int(self.chance.paretovariate(0.8))
        other = self.best(1 - side)
        price = max(TICK, other - away) if side == Side.BUY else other + away
        before, size = self.published(), self.chance.choice([100, 100, 100, 200, 50, self.chance.randrange(1, 300)])
        self.last_id += self.chance.randrange(1, 9)
        self.orders[self.last_id] = [side, price, size]
        self.tell(1, self.last_id, size, price, side, before)

    def cancel(self):
        if not self.orders:
            return
        order_id = self.chance.choice(list(self.orders))
        side, price, lots = self.orders[order_id]
        before, size = self.published(), lots if self.chance.random() < 0.8 else self.chance.randrange(1, lots + 1)
        self.lessen(order_id, size)
        self.tell(2 if order_id in self.orders else 3, order_id, size, price, side, before)

    def lessen(self, order_id, size):
        self.orders[order_id][2] -= size
        if not self.orders[order_id][2]:
            del self.orders[order_id]

    def trade(self):
        side, size = Side(self.chance.randrange(2)), self.chance.choice([50, 100, 150, 400])
        if self.chance.random() < 0.3:
            before = self.published()
            self.tell(5, 0, self.chance.randrange(1, 200), self.best(side) + (TICK // 2 if side == Side.SELL else -TICK // 2), side, before)
        while size and any(order[0] == side for order in self.orders.values()):
            price = self.best(side)
            order_id, (_, _, lots) = next((i, order) for i, order in self.orders.items() if order[:2] == [side, price])
            before, part = self.published(), min(size, lots)
            self.lessen(order_id, part)
            self.tell(4, order_id, part, price, side, before)
            size -= part

    def run(self, events):
        for _ in range(events):
            self.now += self.chance.choice([0, 1, 1000, 123_456_789])
            self.chance.choices([self.add, self.cancel, self.trade], [50, 40, 10])[0]()
        return self.messages, self.rows
