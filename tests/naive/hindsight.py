"""Which aggressors a price-time market fills as a LOBSTER file says, judged with hindsight and written plainly. Slow and independent."""

from collections import Counter, defaultdict

from engine.messages.vocabulary import Side
from tests.naive.lobster import best_first, nanoseconds, sides_of

NEVER = 1 << 64


def worst_of(row, side):
    """How far a published row reaches: higher is narrower; None where the side is shown whole."""
    shown = sides_of(row)[side]
    return rank(side, best_first(side, shown)[-1]) if len(shown) == len(row) // 4 else None


def rank(side, price):
    return price if side == Side.BUY else -price


class Later:
    """What the rows still to come say: lots due from each order, who was never added, and which of those stood in the opening book."""

    def __init__(self, rows, published):
        self.due, self.place = Counter(), {}
        self.added = [row[2] for row in rows if row[1] == 1]
        self.opening, narrowest = set(), {}
        for (_, kind, order_id, size, price, direction), row in zip(rows, published):
            side = Side.BUY if direction == 1 else Side.SELL
            if kind in (2, 3, 4):
                self.due[order_id] += size
                if self.place.setdefault(order_id, (side, price, row)) == (side, price, row):
                    reach = narrowest.get(side)
                    if reach is None or rank(side, price) >= reach:
                        self.opening.add(order_id)
            for of in Side:
                worst = worst_of(row, of)
                if worst is not None:
                    narrowest[of] = max(worst, narrowest.get(of, worst))
        self.strangers = defaultdict(list)
        for order_id in self.due.keys() - set(self.added):
            self.strangers[self.place[order_id][:2]].append(order_id)
        self.opening -= set(self.added)


class Known:
    """The queues as later rows prove them: lists of [id, lots] for each (side, price), id 0 where nobody is named any more."""

    def __init__(self, rows, published):
        self.later, self.queues = Later(rows, published), {}
        self.passed, self.latest = 0, 0

    def build(self, side, price, lots=None, until=0, opens=False):
        """Lots None: the level was never out of sight, and keeps what it has."""
        due, queue = self.later.due, self.queues.pop((side, price), [])
        named = {i: min(q, due[i]) if lots is not None else q for i, q in queue if i}
        following = self.later.added[self.passed] if self.passed < len(self.later.added) else NEVER
        until = max(until, following, self.latest)
        for i in self.later.strangers[side, price]:
            if i not in named and (i in self.later.opening if opens else i < until):
                named[i] = due[i]
                self.latest = max(self.latest, i) if opens else self.latest
        left, made = sum(q for _, q in queue) if lots is None else lots, []
        for i in sorted(named):
            made.append([i, min(named[i], left)])
            left -= made[-1][1]
        self.queues[side, price] = [order for order in [*made, [0, left]] if order[1]]

    def head(self, side):
        prices = [price for of, price in self.queues if of == side and self.queues[of, price]]
        if not prices:
            return None, (0, 0)
        price = best_first(side, prices)[0]
        return price, self.queues[side, price][0]

    def add(self, side, price, order_id, size):
        self.passed += 1
        self.queues.setdefault((side, price), []).append([order_id, size])
        if order_id < self.latest:
            self.build(side, price)
        self.latest = max(self.latest, order_id)

    def take(self, side, price, order_id, size):
        self.later.due[order_id] -= size
        self.latest = max(self.latest, order_id)
        queue = self.queues.get((side, price), [])
        for order in [o for o in queue if o[0] == order_id] + [o for o in queue if o[0] != order_id]:
            part = min(size, order[1])
            order[1] -= part
            size -= part
        self.queues[side, price] = [order for order in queue if order[1]]

    def see(self, before, row):
        """Build the levels that come into the window."""
        for side in Side:
            edge, worst = worst_of(before, side), worst_of(row, side)
            if edge is None:
                continue
            shown = sides_of(row)[side]
            for price in {price for of, price in self.queues if of == side} | set(shown):
                if rank(side, price) < edge and (worst is None or rank(side, price) >= worst):
                    self.build(side, price, shown.get(price, 0))


def open_book(known, message, row):
    _, kind, _, size, price, direction = message
    side = Side.BUY if direction == 1 else Side.SELL
    shown = sides_of(row)
    if kind in (1, 2, 3, 4):
        shown[side][price] = shown[side].get(price, 0) + (-size if kind == 1 else size)
    for of in Side:
        for at, lots in shown[of].items():
            known.build(of, at, lots, opens=True)


def judge(messages, book):
    """(displayed aggressors, rows where one first departs from price-time matching, from 1)."""
    rows = [(nanoseconds(time), *map(int, rest[:5])) for time, *rest in (line.split(",") for line in messages)]
    published = [list(map(int, line.split(","))) for line in book]
    known = Known(rows, published)
    open_book(known, rows[0], published[0])
    aggressors, bad, under_way = set(), {}, None
    for number, (time, kind, order_id, size, price, direction) in enumerate(rows, 1):
        side = Side.BUY if direction == 1 else Side.SELL
        if kind not in (4, 5) or under_way is None or under_way[:2] != (time, side):
            under_way = (time, side, number) if kind in (4, 5) else None
        if kind in (2, 3, 4) and order_id not in [i for i, _ in known.queues.get((side, price), [])]:
            known.build(side, price, until=order_id + 1)
        if kind == 4:
            aggressors.add(under_way)
            best, (first, lots) = known.head(side)
            if (best, first) != (price, order_id) or lots < size:
                bad.setdefault(under_way, number)
        if kind == 1:
            known.add(side, price, order_id, size)
        elif kind in (2, 3, 4):
            known.take(side, price, order_id, size)
        if number > 1:
            known.see(published[number - 2], published[number - 1])
    return len(aggressors), sorted(bad.values())
