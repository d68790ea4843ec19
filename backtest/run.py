"""A backtest: a feed, a strategy (or a given order flow), and what lies between them."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from backtest.camera import DepthCamera
from backtest.recording import Recording
from backtest.result import Result
from backtest.store import OUT, save
from backtest.timing import Latency, latency
from data.feed import Feed
from data.times import moment
from engine.exchange import Exchange
from engine.messages.instrument import Instrument, Number, decimal
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from engine.state.arrays import COUNTERS
from engine.strategy.compile import parameter_array
from engine.strategy.driver import BLOCK, Driver
from engine.strategy.loop_state import NEVER, Want, new_world
from engine.strategy.parameters import parameters_of
from engine.strategy.strategy import Strategy, nanoseconds, parameter_values, wants_of


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
    strategy : Strategy, its class, or None with `orders`
    orders : columns or frame for `Exchange.commands`, with `ts` (ns) the time each was sent; DAY LIMIT orders unless they say otherwise
    parameters : values of the strategy's parameters, where its class is given
    cash : currency in the portfolio at the start
    feed_latency, order_latency, response_latency : "100us", nanoseconds, or an array (n, 2) of (ts, latency)
    maker_fee, taker_fee : parts of the notional, instead of the instruments' own; negative is a rebate
    start, end : "HH:MM[:SS]" on the feed's clock, or ns UTC; history before `start` only builds the book
    warm_up : time after `start` before the strategy is called
    sample_every : how often the market is sampled for equity, markouts and pictures
    portfolio : name of the portfolio and trader
    cache : folder in which decoded feeds are kept; by default `cache` in the folder that the run is recorded in
    seed : recorded with the run, handed to a strategy that has a parameter `seed`

    Raises ValueError where something does not fit.
    """

    def __init__(
        self,
        feed: Feed,
        strategy: Strategy | type[Strategy] | None = None,
        *,
        orders: Any = None,
        parameters: Mapping[str, Any] | None = None,
        cash: Number = 1_000_000,
        feed_latency: Latency = "100us",
        order_latency: Latency = "100us",
        response_latency: Latency = "100us",
        maker_fee: Number | None = None,
        taker_fee: Number | None = None,
        start: int | str | None = None,
        end: int | str | None = None,
        warm_up: int | str = 0,
        sample_every: int | str = "100ms",
        portfolio: str = "strategy",
        cache: Path | str | None = None,
        seed: int | None = None,
    ) -> None:
        if (strategy is None) == (orders is None):
            raise ValueError("a backtest takes a strategy or orders, one of the two")
        self.feed, self.orders, self.portfolio, self.cache, self.seed = feed, orders, portfolio, cache, seed
        if parameters and not isinstance(strategy, type):
            raise ValueError("parameters go with a strategy's class; an instance has its own")
        given = dict(parameters or {})
        if isinstance(strategy, type) and seed is not None and "seed" in parameters_of(strategy):
            given.setdefault("seed", seed)
        self._make = (strategy, given) if isinstance(strategy, type) else None
        self.strategy = strategy(**given) if isinstance(strategy, type) else strategy
        if self.strategy is not None:
            wants_of(self.strategy)
        self.cash = decimal(cash, "cash")
        self.latencies = (latency(feed_latency), latency(order_latency), latency(response_latency))
        self.instruments = [_with_fees(i, maker_fee, taker_fee) for i in feed.instruments]
        self.window = (start, end)
        self.warm_up, self.sample_every = nanoseconds(warm_up), nanoseconds(sample_every)
        if self.warm_up < 0 or self.sample_every < 0:
            raise ValueError("warm_up and sample_every cannot be negative")
        self.progress: Callable[[int, int], None] | None = None

    def run(self, out: Path | str | None = OUT) -> Result:
        """Run it and record it under `out`/runs/<run id> (None: keep nothing on disk)."""
        recording, driver = self.record(None if out is None else Path(out) / "cache")
        result = Result(recording)
        if out is not None:
            result.folder = save(result, driver, self.feed.origin, Path(out)).folder
        return result

    def record(self, cache: Path | None = None) -> tuple[Recording, Driver]:
        """Run it; returns what it leaves behind, and the driver that ran it. `cache`: where the decoded feed is kept, unless told."""
        began = time.time_ns()
        if self._make is not None:
            self.strategy = self._make[0](**self._make[1])  # a fresh one for each run
        history = self.feed.commands(self.cache or cache)
        strategy = self.strategy
        depth, memory = (type(strategy).depth, type(strategy).memory) if strategy is not None else (1, 0)
        driver = self.driver(history, depth, memory, parameter_array(strategy) if strategy is not None else None)
        if self.progress is not None:
            told = self.progress
            driver.progress = lambda row: told(row, len(history))
        driver.clock["block"] = BLOCK
        first, last = self._span(history)
        if self.strategy is None:
            self._load_orders(driver)
        driver.play(first - 1)
        self._arm(driver, first + self.warm_up)
        if self.strategy is None:
            driver.play(last)
        else:
            driver.play(first + self.warm_up - 1)
            driver.clock["first"] = first + self.warm_up
            driver.run(self.strategy, last)
        return self._recording(driver, first, last, began), driver

    def driver(self, history: np.ndarray, depth: int = 1, memory: int = 0, parameters: np.ndarray | None = None) -> Driver:
        """Exchange, world and history before the first row, without latencies of its own; the session's opening commands are done."""
        exchange = Exchange(self.instruments, cash={self.portfolio: self.cash}, open_now=False)
        exchange.opening = np.concatenate([exchange.opening, *_introduced(exchange, self.portfolio)])
        latencies = self.latencies if parameters is not None else (latency(0), latency(0), latency(0))
        world = new_world(len(self.instruments), depth, memory, latencies, np.zeros(1) if parameters is None else parameters)
        world.clock["portfolio"] = exchange.names.portfolios[self.portfolio]
        world.clock["trader"] = exchange.names.traders[self.portfolio]
        driver = Driver(exchange, world, history)
        driver.open(exchange.opening)
        return driver

    def _arm(self, driver: Driver, first: int) -> None:
        """Set timers, bars and samples going."""
        clock, strategy = driver.clock, self.strategy
        clock["sample_every"] = self.sample_every
        clock["sample_next"] = -(-(first - self.warm_up) // self.sample_every) * self.sample_every if self.sample_every else NEVER
        if strategy is None:
            return
        clock["wants"] = int(wants_of(strategy))
        for name, given, want in (("timer", type(strategy).every, Want.TIMER), ("bar", type(strategy).bar, Want.BAR)):
            every = nanoseconds(given)
            if clock["wants"] & int(want):
                if every <= 0:
                    raise ValueError(f"{type(strategy).__name__} wants on_{name} but its `{'every' if name == 'timer' else 'bar'}` is 0")
                clock[f"{name}_every"] = every
                clock[f"{name}_next"] = (first // every + 1) * every if name == "bar" else -(-first // every) * every

    def _load_orders(self, driver: Driver) -> None:
        """Put a given order flow on its way."""
        exchange = driver.exchange
        columns = {name: self.orders[name] for name in getattr(self.orders, "columns", self.orders)}
        if "ts" not in columns:
            raise ValueError("orders need a column ts: ns UTC at which each was sent")
        columns.setdefault("portfolio", [self.portfolio])
        columns.setdefault("trader", [self.portfolio])
        commands = exchange.commands(columns)
        commands = commands[np.argsort(commands["ts"], kind="stable")]
        order = self.latencies[1]
        at = np.maximum(np.searchsorted(order["ts"], commands["ts"], side="right") - 1, 0)
        driver.load(commands, np.maximum.accumulate(commands["ts"] + order["value"][at]))

    def _span(self, history: np.ndarray) -> tuple[int, int]:
        """First and last exchange time of the run."""
        if not len(history):
            raise ValueError(f"{self.feed.name}: the feed is empty")
        bounds = [int(history["ts"][0]), int(history["ts"][-1])]
        for k, given in enumerate(self.window):
            if given is not None:
                bounds[k] = moment(given, bounds[0], self._time_zone())
        bounds[0] = max(bounds[0], int(history["ts"][0]))
        if bounds[0] + self.warm_up >= bounds[1]:
            after = f" and a warm-up of {self.warm_up / 1e9:g} s" if self.warm_up else ""
            raise ValueError(f"start {self.window[0] or 'of the feed'}{after} is not before end {self.window[1] or 'of the feed'}")
        return bounds[0], bounds[1]

    def _time_zone(self) -> str:
        return str(getattr(self.feed, "time_zone", "UTC"))

    def _recording(self, driver: Driver, first: int, last: int, began: int) -> Recording:
        exchange, clock = driver.exchange, driver.clock
        facts = driver.facts.all()
        session = exchange.state.session[0]
        return Recording(
            facts=facts[facts["kind"] < Kind.SessionOpened],
            instruments=self.instruments,
            decimals=exchange.decimals,
            cash={self.portfolio: self.cash},
            portfolios=list(exchange.names.portfolios),
            traders=list(exchange.names.traders),
            samples=driver.world.samples[: int(clock["samples"])],
            start=first,
            end=last,
            warm_up_end=first + self.warm_up,
            market_commands=int(clock["row"]),
            counters={name: int(session[name]) for name in COUNTERS},
            meta=self._meta(exchange.digest(), began),
            wakes=int(clock["wakes"]),
            resolution=self.sample_every,
            depth_window=DepthCamera(partial(self.driver, driver.history), driver.sent()[0], self.instruments[0].tick_units),
        )

    def _meta(self, digest: str, began: int) -> dict[str, Any]:
        strategy = self.strategy
        name = f"{type(strategy).__module__}:{type(strategy).__qualname__}" if strategy is not None else "orders"
        stamp = datetime.fromtimestamp(began // 10**9, UTC).strftime("%Y%m%d-%H%M%S")
        feed, order, response = (int(steps["value"][0]) if len(steps) == 1 else "series" for steps in self.latencies)
        return {
            "run_id": f"{stamp}-{(began // 1000) % 10**6:06d}",
            "strategy": name,
            "parameters": parameter_values(strategy) if strategy is not None else {},
            "data": self.feed.name,
            "fingerprint": self.feed.fingerprint,
            "engine": engine_version(),
            "digest": digest,
            "feed_latency": feed,
            "order_latency": order,
            "response_latency": response,
            "maker_fee": str(self.instruments[0].maker_fee),
            "taker_fee": str(self.instruments[0].taker_fee),
            "seed": self.seed,
            "time_zone": self._time_zone(),
        }


def _with_fees(instrument: Instrument, maker: Number | None, taker: Number | None) -> Instrument:
    given = {name: fee for name, fee in (("maker_fee", maker), ("taker_fee", taker)) if fee is not None}
    fields = {f.name: getattr(instrument, f.name) for f in dataclasses.fields(instrument)}
    return Instrument(**{**fields, **given}) if given else instrument


def _introduced(exchange: Exchange, name: str) -> list[np.ndarray]:
    """The commands that introduce `name` as portfolio and trader, where it is new."""
    made = [exchange.names.number(kind, name)[1] for kind in (Kind.PORTFOLIO, Kind.TRADER)]
    return [command for command in made if command is not None] or [np.zeros(0, COMMAND)]
