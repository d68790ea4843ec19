"""What risk limits cost: the streams of bench_matching without limits, with a hundred portfolios, and with every limit on each of them.

uv run --group test python -m tests.benchmarks.bench_limits [--dir DIR] [--streams ab] [--messages N] [--rounds N]

`reference` is the C++ of bench_matching, `bare` is Exchange.run where all orders are the outside world's, `portfolios` the same with
the orders of a hundred portfolios (order k is of portfolio k mod 100), `limits` with a limit of each kind on each portfolio and rules
for the trader. No limit ever refuses, so all fills must be the reference's; that each is asked is what `limits` pays for. `alone` are
limits without the daily loss, which is the one that every fill asks, too, and rules without limits.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

from engine import Command, Exchange, Instrument, Kind, Limits, Rules, SelfTrade
from tests.benchmarks.bench_matching import prepare, run_reference, tape, touches

PORTFOLIOS = [f"p{k}" for k in range(100)]
CASH = 10**9
LIMITS = Limits(max_position=10**9, max_exposure=10**12, max_daily_loss=10**12, max_leverage=10**6)
"""Far from everything that the streams reach: 10^5 times what a portfolio trades of them in all."""
NO_LOSS = LIMITS._replace(max_daily_loss=None)
RULES = Rules(max_order_quantity=10**9, max_order_notional=10**11, price_collar=4, order_rate=8_000_000)

Prepared = Callable[[], tuple[float, str, str]]


def exchange_of(symbols: list[str], messages: int, limits: Limits | None, rules: Rules | None) -> Exchange:
    """An exchange with the portfolios, open and with money."""
    named = dict.fromkeys(PORTFOLIOS, limits) if limits else None
    cash = dict.fromkeys(PORTFOLIOS, CASH)
    made = Exchange([Instrument(symbol, tick="1", lot="1") for symbol in symbols], cash=cash, limits=named, reserve=2 * messages)
    if rules:
        made.send(Command(Kind.SET_RULES, trader="", more=rules))
    return made


def run_exchange(
    columns: dict[str, np.ndarray], symbols: list[str], portfolios: bool, limits: Limits | None = None, rules: Rules | None = None
) -> tuple[float, str, str]:
    """CPU ns a message, digest of the fills, digest of the books."""
    exchange = exchange_of(symbols, len(columns["ts"]), limits, rules)
    commands = exchange.commands(columns | {"self_trade": np.array([int(SelfTrade.NONE)])})
    if portfolios:
        numbers = np.array([exchange.names.portfolios[name] for name in PORTFOLIOS], np.uint32)
        commands["portfolio"] = numbers[commands["order_id"] % np.uint64(len(numbers))]
    began = time.thread_time()
    facts = exchange.run(commands)
    spent = (time.thread_time() - began) / len(commands) * 1e9
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    digest = tape([trades[name] for name in ("maker_order_id", "order_id", "quantity", "price")])
    return spent, digest, touches(exchange.state.ladders["best"].tolist())


def compare(name: str, columns: dict[str, np.ndarray], symbols: list[str], reference: Prepared, rounds: int) -> None:
    """One stream through all, in turn; prints the fastest and the median of each."""
    books: dict[str, Prepared] = {
        "reference": reference,
        "bare": lambda: run_exchange(columns, symbols, False),
        "portfolios": lambda: run_exchange(columns, symbols, True),
        "limits": lambda: run_exchange(columns, symbols, True, LIMITS, RULES),
        "  rules alone": lambda: run_exchange(columns, symbols, True, None, RULES),
        "  limits alone": lambda: run_exchange(columns, symbols, True, LIMITS),
        "  without loss": lambda: run_exchange(columns, symbols, True, NO_LOSS),
    }
    run_exchange({key: column[:1000] for key, column in columns.items()}, symbols, True, LIMITS, RULES)  # compiles, or loads what is kept
    spent: dict[str, list[float]] = {book: [] for book in books}
    for _ in range(rounds):
        for book, run in books.items():
            seconds, *digests = run()
            if book == "reference":
                expected = digests
            elif digests != expected:
                raise SystemExit(f"stream {name}: fills or books of {book} are not the reference's")
            spent[book].append(seconds)
    print(f"stream {name}: {len(columns['ts']):,} messages, {len(symbols)} symbols, equal fills and books")
    for book, times in spent.items():
        fastest, middle = min(times), float(np.median(times))
        ratios = f"{fastest / min(spent['reference']):5.2f}x fastest {middle / np.median(spent['reference']):5.2f}x median"
        print(f"  {book:14} {fastest:7.1f} ns fastest {middle:7.1f} ns median   {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("../shared/bench/matching"), help="generator and reference")
    parser.add_argument("--streams", default="ab")
    parser.add_argument("--messages", type=int, default=0, help="at most so many of each stream (0: all)")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if not (asked.dir / "ref.cpp").exists():
        parser.error(f"{asked.dir} has no ref.cpp; name the folder of the streams' generator and the reference with --dir")
    folder = Path(os.environ.get("BENCH_DIR", Path(tempfile.gettempdir()) / "tapebook-matching"))
    module = prepare(asked.dir.resolve(), folder)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; numba {numba.__version__}")
    for name in asked.streams:
        path = folder / "data" / f"{name}.npy"
        columns, symbols = module.columns(path)
        columns = {key: column[: asked.messages or None] for key, column in columns.items()}
        reference = folder / "bench-ref", path, len(columns["ts"])
        compare(name, columns, symbols, lambda asked=reference: run_reference(*asked), asked.rounds)  # type: ignore[misc]


if __name__ == "__main__":
    main()
