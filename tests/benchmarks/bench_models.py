"""What the read models of a live session cost: `ReadModels.apply` as a ratio to `Exchange.run` of the same commands, in the same run.

uv run --group test python -m tests.benchmarks.bench_models [--commands N] [--rounds N]

`clients`: orders, cancels and replaces of 100 portfolios and 20 traders in 10 instruments; `history`: a synthetic market whose facts are
built, and a fifth as many orders of clients. In batches of 10,000 commands and of one; then what a question takes, and a restart.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np

from data.synthetic.flow import synthetic_flow
from engine import Exchange, Instrument, Kind, start_of_day
from live.models.read_models import ReadModels

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
SYMBOLS = [f"S{k}" for k in range(10)]
PORTFOLIOS = [f"p{k}" for k in range(100)]
TRADERS = [f"t{k}" for k in range(20)]


def crowd(count: int, keep_facts: bool = True) -> tuple[Exchange, np.ndarray]:
    """An exchange of clients alone, and their commands."""
    listed = [Instrument(symbol, "0.01", taker_fee="0.0001") for symbol in SYMBOLS]
    exchange = Exchange(listed, cash=dict.fromkeys(PORTFOLIOS, 10**9), keep_facts=keep_facts)
    random = np.random.default_rng(5)
    order, owner = np.arange(1, count + 1), random.integers(0, len(TRADERS), count)
    kind = random.choice([Kind.NEW, Kind.CANCEL, Kind.REPLACE], count, p=[0.6, 0.3, 0.1])
    meant = np.where(kind == Kind.NEW, order, np.maximum(1, order - random.integers(1, 400, count)))
    columns = {
        "kind": kind,
        "ts": order * 1000,
        "order_id": meant,
        "symbol": np.array(SYMBOLS)[meant % len(SYMBOLS)],
        "side": random.integers(0, 2, count),
        "quantity_lots": random.integers(1, 100, count),
        "price_ticks": 10_000 + random.integers(-8, 9, count),
        "portfolio": np.array(PORTFOLIOS)[meant % len(PORTFOLIOS)],
        "trader": np.array(TRADERS)[owner[meant - 1]],
    }
    return exchange, exchange.commands(columns)


def market(count: int) -> tuple[Exchange, np.ndarray]:
    """An exchange with a synthetic market, whose facts are built, and clients in it."""
    feed = synthetic_flow(messages=count)
    exchange = Exchange(feed.instruments, cash=dict.fromkeys(PORTFOLIOS, 10**9), history_facts=True)
    history, random = feed.commands(), np.random.default_rng(3)
    own = count // 5
    columns = {
        "ts": np.sort(random.choice(history["ts"], own)),
        "order_id": np.arange(1, own + 1),
        "symbol": "TAPE",
        "side": random.integers(0, 2, own),
        "quantity_lots": random.integers(1, 200, own),
        "price_ticks": 10_000 + random.integers(-40, 41, own),
        "portfolio": random.choice(PORTFOLIOS, own),
        "trader": random.choice(TRADERS, own),
    }
    mixed = np.concatenate([history, exchange.commands(columns)])
    return exchange, mixed[np.argsort(mixed["ts"], kind="stable")]


def batches(exchange: Exchange, commands: np.ndarray, size: int, spent: list[float]) -> Iterator[Batch]:
    """The commands carried out in batches, the opening first; adds to `spent` the seconds in the exchange."""
    last = 0
    opening = exchange._tape.all()
    for at in range(-size, len(commands), size):
        began = time.thread_time()
        asked, told = (exchange.opening, opening) if at < 0 else (commands[at : at + size], exchange.run(commands[at : at + size]))
        spent[0] += time.thread_time() - began
        end = last + len(asked) + len(told)
        taken = np.zeros(end - last + 1, bool)
        taken[told["seq"] - last] = True
        seqs = np.flatnonzero(~taken[1:]) + last + 1
        yield asked, seqs.astype(np.int64), told
        last = end


def run(make: Callable[[int], tuple[Exchange, np.ndarray]], count: int, size: int) -> tuple[float, float, int, int, ReadModels]:
    """Seconds in the exchange and in the read models, facts, batches, and the read models."""
    exchange, commands = make(count)
    models, spent, looked, facts, calls = ReadModels(exchange.names, exchange.decimals), [0.0], 0.0, 0, 0
    for batch in batches(exchange, commands, size, spent):
        began = time.thread_time()
        models.apply(*batch)
        looked += time.thread_time() - began
        facts, calls = facts + len(batch[2]), calls + 1
    return spent[0], looked, facts, calls, models


def show(name: str, make: Callable[[int], tuple[Exchange, np.ndarray]], count: int, rounds: int) -> ReadModels:
    for size, number in ((1, min(count, 20_000)), (10_000, count)):
        run(make, min(number, 2_000), size)  # compiles, or loads what is kept
        ran, looked, facts, calls, models = min((run(make, number, size) for _ in range(rounds)), key=lambda one: one[1])
        each = (
            f"{looked / facts * 1e9:6.0f} ns a fact, {facts / looked / 1e6:5.2f} M/s"
            if size > 1
            else f"{looked / calls * 1e6:6.1f} µs a batch"
        )
        print(f"  {name:8} batches of {size:6,}: {facts:10,} facts   {each}   {looked / ran:5.2f}x of Exchange.run")
    return models


def ask(models: ReadModels) -> None:
    rows = models.orders(newest_first=True, limit=1)
    order, trader, portfolio = int(rows["order_id"][0]), rows["trader"][0], rows["portfolio"][0]
    packed = models.store()
    questions: dict[str, Callable[[], Any]] = {
        "order_row": lambda: models.order_row(order, trader),
        "order": lambda: models.order(order, trader),
        "orders(trader, limit=50)": lambda: models.orders(trader=trader, newest_first=True, limit=50),
        "active_orders()": models.active_orders,
        "active_orders(portfolio)": lambda: models.active_orders(portfolio=portfolio),
        "trades(symbol, 100)": lambda: models.trades(models.names.instruments[0].symbol, 100),
        "execution_summary(trader)": lambda: models.execution_summary(trader=trader),
        "portfolio_exact": lambda: models.portfolio_exact(portfolio),
        "positions": models.positions,
        "store": models.store,
        "restored": lambda: ReadModels.restored(packed, models.names, models.decimals),
    }
    print(f"  of {len(models.orders()):,} orders of the day, {len(models.active_orders()):,} open; stored in {len(packed):,} bytes")
    for name, question in questions.items():
        times = []
        for _ in range(5):
            began = time.thread_time()
            question()
            times.append(time.thread_time() - began)
        print(f"    {name:26} {min(times) * 1e6:10,.0f} µs")


def turn_days(days: int, count: int) -> None:
    """Days of the clients' commands through an exchange that keeps no facts: what time and memory do."""
    exchange, commands = crowd(count, keep_facts=False)
    new_day = exchange.encode(start_of_day())
    models, spent, looked, facts = ReadModels(exchange.names, exchange.decimals), [0.0], 0.0, 0
    for number, batch in enumerate(batches(exchange, np.tile(np.concatenate([commands, new_day]), days), 10_000, spent)):
        began = time.thread_time()
        models.apply(*batch)
        looked, facts = looked + time.thread_time() - began, facts + len(batch[2])
        if number % (days * count // 10_000 // 8) == 0:
            kept = sum(array.nbytes for array in models._models.arrays().values())
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            print(f"    {facts:12,} facts, day {models.day:3}: {kept / 1e6:7.1f} MB of arrays, {resident / 1e6:7.1f} MB resident")
    print(f"  {days} days, {facts:,} facts: {looked / facts * 1e9:.0f} ns a fact, {looked / spent[0]:.2f}x of Exchange.run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=int, default=0, help="also as many days of these commands, to see what memory does")
    asked = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; numba {numba.__version__}")
    for name, make in (("clients", crowd), ("history", market)):
        ask(show(name, make, asked.commands, asked.rounds))
    if asked.days:
        turn_days(asked.days, asked.commands)


if __name__ == "__main__":
    main()
