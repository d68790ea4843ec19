"""Recordings made from a seed: a walking market and a trader who quotes, takes, replaces and cancels, with consistent facts."""

from decimal import Decimal
from typing import Any

import numpy as np

from backtest.recording import ASK, BID, LAST, DepthWindow, Recording
from engine.loop.loop_state import SAMPLE
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import FACT
from engine.messages.vocabulary import HISTORY, Flag, Kind, OrderType, Reason, Side, TimeInForce

STEP = 100_000_000
OPEN = 1_340_285_400 * 10**9  # 2012-06-21 13:30 UTC
DAY = 86_400 * 10**9


class Market:
    """One instrument's sampled quotes on the grid of one day: arrays over the grid, prices in units."""

    def __init__(self, random: np.random.Generator, instrument: Instrument, steps: int, middle: int) -> None:
        tick = instrument.tick_units
        walk = np.cumsum(random.normal(0, 0.35, steps) + 0.8 * np.sin(np.arange(steps) / 9000) / 100)
        base = middle // tick + np.round(walk).astype(np.int64)
        spread = 1 + random.poisson(2.0, steps)
        moves = random.random(steps) < 0.4
        moves[0] = True
        held = np.maximum.accumulate(np.where(moves, np.arange(steps), 0))
        self.bid = (base[held] - spread[held] // 2) * tick
        self.ask = self.bid + spread[held] * tick
        self.bid_lots = 100 * (1 + random.poisson(3, steps))[held]
        self.ask_lots = 100 * (1 + random.poisson(3, steps))[held]
        self.prints = np.where(random.random(steps) < 0.2, 1 + random.integers(0, 200, steps), 0)
        self.aggressor = random.integers(0, 2, steps)
        self.one_sided = (random.random(steps) < 0.004)[held]


class Trader:
    """Writes the facts of one portfolio's orders; keeps what is open so that every fact is possible."""

    def __init__(self, random: np.random.Generator, instruments: list[Instrument], decimals: int) -> None:
        self.random, self.instruments, self.decimals = random, instruments, decimals
        self.seq, self.next_id = 100, 1
        self.facts: list[dict[str, Any]] = []
        self.open: dict[int, dict[str, Any]] = {}
        self.held = [0] * len(instruments)
        self.last: dict[int, int] = {}

    def tell(self, ts: int, kind: Kind, **fields: Any) -> None:
        self.seq += 1
        self.facts.append({"seq": self.seq, "ts": ts, "kind": kind, **fields})

    def fee(self, number: int, price: int, lots: int, maker: bool) -> int:
        instrument = self.instruments[number]
        rate = instrument.maker_fee if maker else instrument.taker_fee
        notional = Decimal(int(instrument.value(self.decimals)) * abs(price) * lots)
        return int((notional * rate).to_integral_value("ROUND_HALF_UP"))

    def new(self, ts: int, number: int, side: int, kind: int, price: int, lots: int, **fields: Any) -> dict[str, Any]:
        self.seq += 1  # the command itself
        order = {
            "order_id": self.next_id,
            "instrument": number,
            "side": side,
            "type": kind,
            "price": price,
            "quantity": lots,
            "portfolio": 1,
            "trader": 1,
            **fields,
        }
        self.next_id += 1
        return order

    def quote(self, ts: int, number: int, side: int, price: int, lots: int, ahead: int) -> None:
        order = self.new(ts, number, side, OrderType.LIMIT, price, lots)
        self.tell(ts, Kind.OrderCreated, **order, remaining=lots, ahead=ahead)
        self.open[order["order_id"]] = {
            **order,
            "open": lots,
            "ahead": ahead,
            "ts": ts,
            "total": lots,
            "estimated": bool(self.random.random() < 0.03),
        }

    def refuse(self, ts: int, number: int, side: int, price: int, lots: int) -> None:
        order = self.new(ts, number, side, OrderType.LIMIT, price, lots, flags=int(Flag.POST_ONLY))
        self.tell(ts, Kind.OrderRejected, **order, reason=Reason.POST_ONLY)

    def take(self, ts: int, number: int, side: int, price: int, lots: int, there: int) -> None:
        order = self.new(ts, number, side, OrderType.MARKET, 0, lots, time_in_force=TimeInForce.IOC)
        self.tell(ts, Kind.OrderCreated, **order, remaining=lots)
        traded = min(lots, there)
        self.trade(
            ts,
            number,
            side,
            price,
            traded,
            fee=self.fee(number, price, traded, False),
            order_id=order["order_id"],
            trader=1,
            portfolio=1,
            remaining=lots - traded,
            maker_trader=HISTORY,
            flags=int(Flag.MAKER_HISTORY),
        )
        self.held[number] += traded if side == Side.BUY else -traded
        if traded < lots:
            self.tell(ts, Kind.OrderCancelled, **order, remaining=lots - traded, reason=Reason.NO_LIQUIDITY)

    def trade(self, ts: int, number: int, side: int, price: int, lots: int, **fields: Any) -> None:
        self.tell(ts, Kind.TradeExecuted, instrument=number, side=side, price=price, quantity=lots, **fields)
        self.last[number] = price

    def hit(self, ts: int, number: int, identity: int, lots: int) -> None:
        order = self.open[identity]
        self.seq += 1
        order["open"] -= lots
        flags = int(Flag.TAKER_HISTORY) | (int(Flag.ESTIMATED) if order["estimated"] else 0)
        price = order["price"]
        self.trade(
            ts,
            number,
            1 - order["side"],
            price,
            lots,
            maker_fee=self.fee(number, price, lots, True),
            maker_order_id=identity,
            maker_trader=1,
            maker_portfolio=1,
            maker_remaining=order["open"],
            trader=HISTORY,
            ahead=order["ahead"] // 3,
            flags=flags,
        )
        self.held[number] += lots if order["side"] == Side.BUY else -lots
        if not order["open"]:
            del self.open[identity]

    def cancel(self, ts: int, identity: int) -> None:
        order = self.open.pop(identity)
        self.seq += 1
        self.tell(ts, Kind.OrderCancelled, **self.terms(order), remaining=order["open"], reason=Reason.REQUESTED)

    def replace(self, ts: int, identity: int, price: int, total: int, ahead: int) -> None:
        order = self.open[identity]
        self.seq += 1
        executed = order["total"] - order["open"]
        keeps = price == order["price"] and total <= order["total"]
        order.update(price=price, total=total, quantity=total, open=total - executed, ahead=order["ahead"] if keeps else ahead)
        self.tell(ts, Kind.OrderReplaced, **self.terms(order), remaining=order["open"], ahead=order["ahead"] // 2 if keeps else ahead)

    @staticmethod
    def terms(order: dict[str, Any]) -> dict[str, Any]:
        return {name: order[name] for name in ("order_id", "instrument", "side", "type", "price", "quantity", "portfolio", "trader")}

    def array(self) -> np.ndarray:
        made = np.zeros(len(self.facts), FACT)
        for row, fact in zip(made, self.facts):
            for name, value in fact.items():
                row[name] = value
        return made


def act(trader: Trader, market: Market, number: int, step: int, ts: int, size: int) -> None:
    """One thing that happens to our orders in one instrument at one step."""
    random, tick = trader.random, trader.instruments[number].tick_units
    mine = [i for i, order in trader.open.items() if order["instrument"] == number]
    bid, ask = int(market.bid[step]), int(market.ask[step])
    lean = int(trader.held[number] > 3 * size) - int(trader.held[number] < -3 * size)
    choice = random.random()
    if mine and choice < 0.45:
        identity = int(random.choice(mine))
        order = trader.open[identity]
        lots = order["open"] if random.random() < 0.6 else int(random.integers(1, order["open"] + 1))
        if abs(order["price"] - (bid + ask) // 2) <= 6 * tick:
            trader.hit(ts, number, identity, lots)
        else:
            trader.cancel(ts, identity)
    elif choice < 0.8:
        side = Side.SELL if lean > 0 else Side.BUY if lean < 0 else Side(int(random.integers(0, 2)))
        price = bid if side == Side.BUY else ask
        trader.quote(ts, number, int(side), price, int(size * random.integers(1, 3)), int(100 * random.integers(0, 8)))
    elif choice < 0.84:
        trader.refuse(ts, number, int(random.integers(0, 2)), bid, size)
    elif choice < 0.9 and mine:
        trader.cancel(ts, mine[0])
    elif choice < 0.95 and mine:
        order = trader.open[mine[-1]]
        executed = order["total"] - order["open"]
        moved = order["price"] + tick * int(random.integers(-1, 2))
        trader.replace(ts, mine[-1], moved, executed + int(random.integers(1, 2 * size)), 400)
    elif lean or random.random() < 0.3:
        side = Side.SELL if trader.held[number] > 0 else Side.BUY
        lots = abs(trader.held[number]) + (size if random.random() < 0.3 else 0)
        there = int(market.bid_lots[step] if side == Side.SELL else market.ask_lots[step])
        if lots and there:
            trader.take(ts, number, int(side), bid if side == Side.SELL else ask, lots, there)


def fabricate(
    seed: int,
    *,
    seconds: int = 600,
    symbols: int = 1,
    days: int = 1,
    activity: float = 0.08,
    cash: str = "1000000",
    flat: bool = False,
    size: int = 100,
) -> Recording:
    """A recording from a seed; `seconds` per day. `activity`: chance of an own event per step. `flat`: the trader closes at the end."""
    random = np.random.default_rng(seed)
    instruments = [
        Instrument(name, "0.01", "1", price_unit=unit, maker_fee="-0.0000050", taker_fee="0.0000220")
        for name, unit in (("AMZN", "0.005"), ("MSFT", "0.01"), ("AAPL", "0.01"))[:symbols]
    ]
    decimals = money_decimals(instruments)
    trader, steps, samples = Trader(random, instruments, decimals), seconds * 10, []
    volume = [0] * symbols
    for day in range(days):
        markets = [Market(random, one, steps, int((120 + 50 * i) / one.price_unit)) for i, one in enumerate(instruments)]
        before: list[Any] = [None] * symbols
        for step in range(1, steps):
            now = OPEN + day * DAY + step * STEP
            moments = np.sort(random.integers(1, STEP, symbols))  # command time never goes back
            for number, market in enumerate(markets):
                if random.random() < activity and step > 20:
                    act(trader, market, number, step, now - STEP + int(moments[number]), size)
                if market.prints[step]:
                    volume[number] += int(market.prints[step])
                    trader.last[number] = int(market.ask[step] if market.aggressor[step] == 0 else market.bid[step])
                if flat and day == days - 1 and step == steps - 1:
                    close(trader, market, number, step, now)
                row = sample(market, number, step, trader.last.get(number), volume[number])
                if row != before[number]:
                    before[number] = row
                    samples.append((now, *row, 0))
    end = OPEN + (days - 1) * DAY + seconds * 10**9
    order = ["ts", "instrument", "bid", "ask", "has", "bid_quantity", "ask_quantity", "last", "volume", "spare"]
    made = np.zeros(len(samples), SAMPLE)
    for name, column in zip(order, zip(*samples)):
        made[name] = column
    return Recording(
        facts=trader.array(),
        instruments=instruments,
        decimals=decimals,
        cash={"main": Decimal(cash)},
        portfolios=["", "main"],
        traders=["", "main"],
        samples=made,
        start=OPEN,
        end=end,
        market_commands=steps * days * 7,
        counters=counters(made, random),
        meta=meta(seed, seconds, days),
        wakes=steps * days,
        depth_window=depth_of(made, instruments[0].tick_units, seed) if len(made) else None,
    )


def close(trader: Trader, market: Market, number: int, step: int, ts: int) -> None:
    for identity in [i for i, order in trader.open.items() if order["instrument"] == number]:
        trader.cancel(ts, identity)
    if held := trader.held[number]:
        side = Side.SELL if held > 0 else Side.BUY
        trader.take(ts, number, int(side), int(market.bid[step] if held > 0 else market.ask[step]), abs(held), abs(held))


def sample(market: Market, number: int, step: int, last: int | None, volume: int) -> tuple[int, ...]:
    has = BID | (0 if market.one_sided[step] else ASK) | (0 if last is None else LAST)
    return (
        number,
        int(market.bid[step]),
        int(market.ask[step]),
        has,
        int(market.bid_lots[step]),
        int(market.ask_lots[step]),
        last or 0,
        volume,
    )


def counters(samples: np.ndarray, random: np.random.Generator) -> dict[str, int]:
    volume = int(samples["volume"].max()) if len(samples) else 0
    shares = {"displaced": 0.08, "clipped": 0.01, "revealed": 0.4, "removed": 0.3, "estimated": 0.02, "unknown": 0.001, "crossed": 0}
    return {name: int(volume * share) for name, share in shares.items()}


def meta(seed: int, seconds: int, days: int) -> dict[str, Any]:
    return {
        "run_id": f"bt-{seed:04d}",
        "strategy": "MarketMaker",
        "parameters": {"half_spread": "0.02", "size": 100, "skew": 0.5, "limit": 500},
        "data": "AMZN_2012-06-21 (LOBSTER, 5 levels)",
        "fingerprint": "9c1e5b7a40f2d86c6a0b1d7735c2e85fb1049a3fd2c1e86ab7d05f6c3e2a9177",
        "engine": "0.1.0",
        "digest": "4be1c0ffee5a17b2d90e6c3381f7aa20",
        "feed_latency": 200_000,
        "order_latency": 500_000,
        "response_latency": 300_000,
        "seed": seed,
        "time_zone": "America/New_York",
    }


def depth_of(samples: np.ndarray, tick: int, seed: int) -> Any:
    """A depth window around the sampled best prices of the first instrument; each level keeps its size while the best price stands."""
    rows = samples[(samples["instrument"] == 0) & (samples["has"] & (BID | ASK) == (BID | ASK))]

    def depth(at: int, before: int, after: int, columns: int, levels: int) -> DepthWindow:
        ts = np.linspace(at - before, at + after, columns).astype(np.int64)
        now = rows[np.maximum(np.searchsorted(rows["ts"], ts, "right") - 1, 0)]
        away = tick * np.arange(levels)
        price = np.stack([now["bid"][:, None] - away, now["ask"][:, None] + away], axis=1).astype(np.int64)
        sizes = np.random.default_rng(seed).poisson(5, (1 << 16, 2)).astype(np.int64) * 100
        quantity = np.stack([sizes[price[:, 0] % 65_536, 0], sizes[price[:, 1] % 65_536, 1]], axis=1)
        noise = (ts // 2_000_000_000)[:, None, None] * 31 + price
        return DepthWindow(ts, price, np.where(noise % 7 == 0, quantity // 3, quantity))

    return depth
