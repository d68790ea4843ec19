"""A backtest: a feed, a strategy (or a given order flow), and what lies between them."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC as UTC_ZONE
from datetime import datetime
from decimal import Decimal
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from backtest.camera import DepthCamera
from backtest.grain import QueueName, bar_ends, grains_of, latency_or, waits_for_open
from backtest.opening import introduced, opening_of, with_fees
from backtest.participants import described, participants
from backtest.recording import Recording, days_of, kept_facts
from backtest.result import Result
from backtest.store import OUT, save
from backtest.timing import Latency
from backtest.window import window
from data.feed import Feed
from data.leftovers import remove_leftovers
from data.times import TimeOfDay, utc_offsets
from engine.exchange import Exchange
from engine.loop.loop_state import NEVER, StrategyState, new_strategy_state
from engine.messages.commands import Limits, Rules, set_queue, set_rules
from engine.messages.durations import duration_ns
from engine.messages.instrument import Number, money_decimals, opening_cash
from engine.messages.vocabulary import Grain, Kind, Reason
from engine.state.arrays import COUNTERS
from engine.strategy.driver import BLOCK, Driver
from engine.strategy.participant import NONE, Given
from engine.strategy.view import UTC


def engine_version() -> str:
    """The installed version of Tapebook."""
    try:
        return version("tapebook")
    except PackageNotFoundError:
        return "0"


class Backtest:
    """Run a strategy, or a frame of orders, on a feed.

    Parameters
    ----------
    feed : Feed
    strategy : Strategy, its class, a list of them (each has its own portfolio; called in this order), or None with `orders`
    orders : columns or frame for `Exchange.commands`, with `ts` (ns) the time each was sent; DAY LIMIT orders unless they say otherwise
    parameters : values of the strategy's parameters, where its class is given
    cash : currency in each portfolio at the start
    limits, rules : risk limits of the portfolio, compliance rules of the trader
    feed_latency, order_latency, response_latency : "100us" (the default), nanoseconds, or an array (n, 2) of (ts, latency)
    queue : of a feed of trades and levels, what leaves a level untraded: "risk-averse" (default: from behind ours), "proportional", or
        ("power", 2.0)
    fill : of a feed of bars, where an order sent at a bar's end meets the market: "next_open" (default), "close", or "path": when its
        latency says
    volume_share : of a feed of bars, the part of a bar's volume that our buys, and that our sells, may trade; default 0.1
    maker_fee, taker_fee : parts of the notional, instead of the instruments' own; negative is a rebate
    start, end : "HH:MM[:SS]" on the feed's clock, of its first day and of its last; a datetime, or ns UTC; history before `start` only
        builds the book
    warm_up : time after `start` before the strategy is called
    sample_every : how often the market is sampled for equity, markouts and pictures
    portfolio : name of the portfolio and trader; of several strategies a list, by default the names of their classes
    cache : folder in which decoded feeds are kept; by default `cache` in the folder that the run is recorded in
    seed : recorded with the run, handed to a strategy that has a parameter `seed`

    `cash`, `limits`, `rules` and the latencies hold for every strategy, or are mappings from a portfolio's name.
    Raises ValueError where something does not fit.
    """

    def __init__(
        self,
        feed: Feed,
        strategy: Given | Sequence[Given] | None = None,
        *,
        orders: Any = None,
        parameters: Mapping[str, Any] | None = None,
        cash: Number | Mapping[str, Number] = 1_000_000,
        limits: Limits | Mapping[str, Limits] | None = None,
        rules: Rules | Mapping[str, Rules] | None = None,
        feed_latency: Latency | Mapping[str, Latency] | None = None,
        order_latency: Latency | Mapping[str, Latency] | None = None,
        response_latency: Latency | Mapping[str, Latency] | None = None,
        queue: QueueName | None = None,
        fill: str | None = None,
        volume_share: Number | None = None,
        maker_fee: Number | None = None,
        taker_fee: Number | None = None,
        start: TimeOfDay | None = None,
        end: TimeOfDay | None = None,
        warm_up: int | str = 0,
        sample_every: int | str = "100ms",
        portfolio: str | Sequence[str] | None = None,
        cache: Path | str | None = None,
        seed: int | None = None,
    ) -> None:
        if (strategy is None) == (orders is None):
            raise ValueError("a backtest takes a strategy or orders, one of the two")
        self.feed, self.orders, self.cache, self.seed = feed, orders, cache, seed
        self.grains = grains_of(feed.grains, queue, fill, volume_share)
        self.participants = participants(
            strategy,
            parameters=parameters,
            portfolio=portfolio,
            cash=cash,
            limits=limits,
            rules=rules,
            feed_latency=latency_or(feed_latency, "feed_latency", self.grains),
            order_latency=latency_or(order_latency, "order_latency", self.grains),
            response_latency=latency_or(response_latency, "response_latency", self.grains),
            seed=seed,
            seats=feed.seats,
        )
        self.instruments = [with_fees(i, maker_fee, taker_fee) for i in feed.instruments]
        for one in self.participants:
            opening_cash(one.name, one.cash, money_decimals(self.instruments))
        self.window = (start, end)
        self.warm_up, self.sample_every = duration_ns(warm_up), duration_ns(sample_every)
        if self.warm_up < 0 or self.sample_every < 0:
            raise ValueError("warm_up and sample_every cannot be negative")
        self.progress: Callable[[int, int], None] | None = None

    def run(self, out: Path | str | None = OUT) -> Result:
        """Run it and record it under `out`/runs/<run id> (None: keep nothing on disk)."""
        cache = None if out is None else Path(out) / "cache"
        recording, driver = self.record(cache)
        result = Result(recording)
        if kept := self.cache or cache:
            remove_leftovers(Path(kept))
        if out is not None:
            result.folder = save(result, driver, self.feed.origin, Path(out)).folder
        return result

    def record(self, cache: Path | None = None) -> tuple[Recording, Driver]:
        """Run it; returns what it leaves behind, and the driver that ran it. `cache`: where the decoded feed is kept, unless told."""
        began = time.time_ns()
        for one in self.participants:
            one.strategy = one.made()
        history = self.feed.commands(self.cache or cache)
        self._set_by_bars(history)
        driver = self.driver(history, [one.state(len(self.instruments)) for one in self.participants])
        if self.progress is not None:
            told = self.progress
            driver.progress = lambda row: told(row, len(history))
        driver.clock["block"] = BLOCK
        first, last = self._span(history)
        if self.orders is not None:
            self._load_orders(driver)
        driver.play(first - 1)
        self._sample(driver, first)
        driver.play(first + self.warm_up - 1)
        printed = driver.exchange.state.instruments["volume"].copy()
        strategies = [one.strategy for one in self.participants if one.strategy is not None]
        if strategies:
            for one, state in zip(self.participants, driver.states):
                one.arm(state.clock[0], first + self.warm_up - (1 if one.bar_ends is not None else 0))  # its first bar is whole
            driver.run(strategies, last)
        else:
            driver.play(last)
        printed = driver.exchange.state.instruments["volume"] - printed
        return self._recording(driver, first, last, began, printed), driver

    def _set_by_bars(self, history: np.ndarray) -> None:
        """Where history is bars: when they end, and how long an order waits for the next."""
        if Grain.BARS in self.grains.grains:
            for one in self.participants:
                one.bar_ends = bar_ends(history)
                if self.grains.fill == "next_open":
                    one.latencies = (one.latencies[0], waits_for_open(history), one.latencies[2])

    def _sample(self, driver: Driver, first: int) -> None:
        """Sample the market from now on."""
        driver.clock["sample_every"] = self.sample_every
        driver.clock["sample_next"] = -(-first // self.sample_every) * self.sample_every if self.sample_every else NEVER

    def _market(self, history: np.ndarray, first: int, last: int) -> np.ndarray:
        """SAMPLE: history alone, as if nobody of ours had been there."""
        driver = self._camera(history, 1)
        driver.play(first - 1)
        self._sample(driver, first)
        driver.play(last)
        return driver.loop.samples[: int(driver.clock["samples"])]

    def driver(self, history: np.ndarray, states: Sequence[StrategyState]) -> Driver:
        """Exchange and history before the first row, and the states of the strategies; the session's opening commands are done."""
        cash = {one.name: one.cash for one in self.participants}
        limits = {one.name: one.limits for one in self.participants if one.limits is not None}
        exchange = opening_of(self.instruments, cash, limits, self.feed.session_opening)
        named = [part for one in self.participants for part in introduced(exchange, one.name, one.trader)]
        ruled = [exchange.encode(set_rules(one.trader, one.rules)) for one in self.participants if one.rules is not None]
        listed = [(one.symbol, grain) for one, grain in zip(self.instruments, self.grains.grains) if grain != Grain.ORDERS]
        queued = [exchange.encode(set_queue(symbol, self.grains.of(grain))) for symbol, grain in listed]
        exchange.opening = np.concatenate([exchange.opening, *named, *ruled, *queued])
        for one, state in zip(self.participants, states):
            state.clock["portfolio"] = exchange.names.portfolios[one.name]
            state.clock["trader"] = exchange.names.traders[one.trader]
        driver = Driver(exchange, states, history, self._offsets(history))
        driver.clock["distinct"] = bool(self.feed.seats)
        driver.open(exchange.opening)
        opened = driver.facts.all()
        refused = opened[opened["kind"] == Kind.CommandRejected]
        if len(refused):
            raise ValueError(f"the session could not open: {Reason(int(refused['reason'][0])).name}; check cash, limits and rules")
        return driver

    def _camera(self, history: np.ndarray, levels: int) -> Driver:
        """A driver for one who only looks, at `levels` levels."""
        return self.driver(history, [new_strategy_state(len(self.instruments), levels, 0, NONE, np.zeros(1))])

    def _offsets(self, history: np.ndarray) -> np.ndarray:
        """STEP: ns that the feed's clock is ahead of UTC, through its days."""
        return utc_offsets(self._time_zone(), int(history["ts"][0]), int(history["ts"][-1])) if len(history) else UTC

    def _load_orders(self, driver: Driver) -> None:
        """Put a given order flow on its way."""
        exchange = driver.exchange
        columns = {name: self.orders[name] for name in getattr(self.orders, "columns", self.orders)}
        if "ts" not in columns:
            raise ValueError("orders need a column ts: ns UTC at which each was sent")
        columns.setdefault("portfolio", [self.participants[0].name])
        columns.setdefault("trader", [self.participants[0].name])
        commands = exchange.commands(columns)
        commands = commands[np.argsort(commands["ts"], kind="stable")]
        order = self.participants[0].latencies[1]
        at = np.maximum(np.searchsorted(order["ts"], commands["ts"], side="right") - 1, 0)
        driver.load(commands, np.maximum.accumulate(commands["ts"] + order["value"][at]))

    def _span(self, history: np.ndarray) -> tuple[int, int]:
        """First and last exchange time of the run."""
        if not len(history):
            raise ValueError(f"{self.feed.name}: the feed is empty")
        return window(self.window, (int(history["ts"][0]), int(history["ts"][-1])), self.warm_up, self._time_zone())

    def _time_zone(self) -> str:
        return str(getattr(self.feed, "time_zone", "UTC"))

    def _recording(self, driver: Driver, first: int, last: int, began: int, printed: np.ndarray) -> Recording:
        exchange, clock = driver.exchange, driver.clock
        if self.feed.session_opening is not None:
            exchange.learn(driver.history)
        facts = driver.facts.all()
        session = exchange.state.session[0]
        return Recording(
            facts=kept_facts(facts[driver.opening :]),
            instruments=self.instruments,
            decimals=exchange.decimals,
            cash=self._cash(exchange, facts[facts["ts"] <= first]),
            portfolios=list(exchange.names.portfolios),
            traders=list(exchange.names.traders),
            samples=driver.loop.samples[: int(clock["samples"])],
            start=first,
            end=last,
            warm_up_end=first + self.warm_up,
            market_commands=int(clock["row"]),
            counters={name: int(session[name]) for name in COUNTERS},
            meta=self._meta(exchange.digest(), began),
            wakes=sum(int(state.clock["wakes"][0]) for state in driver.states),
            resolution=self.sample_every,
            marks=driver.loop.marks[: int(clock["marks"])],
            printed=[int(lots) for lots in printed[: len(self.instruments)]],
            days=days_of(driver.history, facts, len(self.instruments)),
            market=functools.cache(partial(self._market, driver.history, first, last)),
            depth_window=DepthCamera(partial(self._camera, driver.history), driver.sent, self.instruments[0].tick_units),
            unarrived=driver.unarrived(),
            logged=[row for one, state in zip(self.participants, driver.states) for row in one.logged(state)],
        )

    def _cash(self, exchange: Exchange, facts: np.ndarray) -> dict[str, Decimal]:
        """What each portfolio had been given by then."""
        paid = facts[facts["kind"] == Kind.CashDeposited]
        given = {}
        for one in self.participants:
            units = int(paid["value"][paid["portfolio"] == exchange.names.portfolios[one.name]].sum())
            total = Decimal(units).scaleb(-exchange.decimals)
            given[one.name] = one.cash if total == one.cash else total
        return given

    def _meta(self, digest: str, began: int) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(began // 10**9, UTC_ZONE).strftime("%Y%m%d-%H%M%S")
        return {
            "run_id": f"{stamp}-{(began // 1000) % 10**6:06d}",
            **described(self.participants),
            **self.grains.said([one.symbol for one in self.instruments]),
            "data": self.feed.name,
            "fingerprint": self.feed.fingerprint,
            "engine": engine_version(),
            "digest": digest,
            "maker_fee": str(self.instruments[0].maker_fee),
            "taker_fee": str(self.instruments[0].taker_fee),
            "seed": self.seed,
            "time_zone": self._time_zone(),
        }
