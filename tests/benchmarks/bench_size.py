"""Size: a wide market against hand-tuned C++, ten million live orders, a hundred days in flat memory.

uv run --group test python -m tests.benchmarks.bench_size [--dir DIR] [--parts wide,orders,rows,days] [--rounds N]

`wide`: a stream of 1,000 instruments (made by gen.py of bench_matching) through the reference and the exchange, whose orders are of
10,000 portfolios in turn, or of as many that trade ten instruments each; once more as a second day, when all memory has been
touched. `orders`: ten million live orders. `rows`: what
an instrument, a portfolio and a position take. `days`: the first messages of that stream on each of a hundred trading days, facts
dropped; once the same portfolios send the same orders every day, once other ones. Each part but the first runs in a process of its own.
"""

import argparse
import gc
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from engine import Exchange, Instrument, Kind, SelfTrade, TimeInForce
from engine.messages.records import COMMAND, FACT, zeros
from engine.state.tape import read_only
from engine.step import run
from tests.benchmarks.bench_matching import prepare, run_reference, tape, touches

SYMBOLS, PORTFOLIOS, LIVE = 1_000, 10_000, 10_000_000
WIDE = {"p_add": 0.475, "p_mkt": 0.05, "p_rep": 0.2, "target": 100, "mult": 2.2, "vol": 0.02}
"""As stream c of gen.py, with a tenth of its orders a symbol and ten times its symbols."""
WIDE_MESSAGES, DAY_MESSAGES = 3_000_000, 200_000
DAY = 86_400 * 10**9
TOLD = (1, 2, 10, 50, 100)
"""Days after which the memory is told."""


def memory(field: str = "VmRSS") -> int:
    """Bytes of memory of this process: resident now, or `VmHWM`, the most so far."""
    gc.collect()
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024


def state_bytes(exchange: Exchange) -> int:
    return sum(array.nbytes for array in exchange.state.arrays().values())


def instruments(count: int) -> list[Instrument]:
    return [Instrument(f"S{k}", tick="1", lot="1") for k in range(count)]


def money(count: int) -> dict[str, int]:
    return {f"p{k}": 10**6 for k in range(count)}


def carry_out(exchange: Exchange, commands: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Exchange.run for who keeps no facts: they are in `out`, until the next call."""
    commands = read_only(commands)
    i = n = 0
    while True:
        i, n, least = run(exchange.state, commands, i, len(commands), out, n)
        if i >= len(commands):
            return out[:n]
        if n + least > len(out):
            raise SystemExit(f"{len(out):,} facts are too few")
        exchange.make_room(commands[i])


def spread(commands: np.ndarray, shift: int = 0) -> None:
    """The order with id k is of portfolio k mod 10,000 (numbers begin at 1), or of one `shift` further."""
    commands["portfolio"] = (commands["order_id"] + np.uint64(shift)) % np.uint64(PORTFOLIOS) + np.uint64(1)


def specialise(commands: np.ndarray) -> None:
    """Each portfolio trades ten instruments: a hundred portfolios share them."""
    group = commands["instrument"] // 10 % (PORTFOLIOS // 100)
    commands["portfolio"] = group * 100 + commands["order_id"] % np.uint64(100) + np.uint64(1)


def night(symbols: int, ts: int) -> np.ndarray:
    """END_OF_DAY of every instrument, then START_OF_DAY."""
    commands = zeros(symbols + 1, COMMAND)
    commands["kind"] = Kind.END_OF_DAY
    commands["instrument"] = np.arange(symbols + 1) % symbols
    commands["kind"][-1] = Kind.START_OF_DAY
    commands["ts"] = ts
    return commands


def wide_stream(source: Path, folder: Path) -> tuple[Path, dict[str, np.ndarray], list[str]]:
    """The stream, made where it is not there yet; its orders are good for the day."""
    module: Any = prepare(source, folder)
    path = folder / "data" / "wide.npy"
    if not path.exists():
        code = f"import gen; gen.make('wide', {WIDE_MESSAGES}, {SYMBOLS}, 1004, **{WIDE})"
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=os.environ | {"PYTHONPATH": str(source)}, check=True)
    columns, symbols = module.columns(path)
    day = {"time_in_force": np.array([int(TimeInForce.DAY)]), "self_trade": np.array([int(SelfTrade.NONE)])}
    return path, columns | day, symbols


def digests(exchange: Exchange, facts: np.ndarray) -> list[str]:
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    fills = tape([trades[name] for name in ("maker_order_id", "order_id", "quantity", "price")])
    return [fills, touches(exchange.state.ladders["best"].tolist())]


def wide(source: Path, folder: Path, rounds: int) -> None:
    """The wide stream through the reference and the exchange; prints the fastest and the median."""
    path, columns, symbols = wide_stream(source, folder)
    count = len(columns["ts"])
    out = zeros(2 * count, FACT)
    out["seq"] = 0
    spent: dict[str, list[float]] = {}
    held: dict[str, int] = {}
    for _ in range(rounds):
        seconds, *expected = run_reference(folder / "bench-ref", path, count)
        spent.setdefault("reference", []).append(seconds)
        for owners, own in (("nobody's", None), ("ten instruments each", specialise), ("all instruments each", spread)):
            exchange = Exchange(instruments(len(symbols)), cash=money(PORTFOLIOS if own else 0), reserve=2 * count)
            commands = exchange.commands(columns)
            if own:
                own(commands)
            for day in ("first day", "second day"):
                began = time.thread_time()
                facts = carry_out(exchange, commands, out)
                spent.setdefault(f"{owners}, {day}", []).append((time.thread_time() - began) / count * 1e9)
                if digests(exchange, facts) != expected:
                    raise SystemExit(f"{owners}, {day}: fills or books are not the reference's")
                carry_out(exchange, night(len(symbols), DAY), out)
                commands["ts"] += DAY
            held[owners] = int(exchange.state.session["positions"][0])
    print(f"wide: {count:,} messages, {len(symbols):,} instruments, {PORTFOLIOS:,} portfolios; equal fills and books")
    print("  positions: " + ", ".join(f"{count:,} ({owners})" for owners, count in held.items()))
    for book, times in spent.items():
        fastest, middle = min(times), float(np.median(times))
        ratios = f"{fastest / min(spent['reference']):5.2f}x fastest {middle / np.median(spent['reference']):5.2f}x median"
        print(f"  {book:34} {fastest:7.1f} ns fastest {middle:7.1f} ns median   {ratios}")


def resting(first: int, count: int) -> np.ndarray:
    """Orders `first` to `first + count` that never meet: 1,000 prices a side in each instrument in turn, portfolios in turn."""
    commands = zeros(count, COMMAND)
    number = np.arange(first, first + count)
    commands["kind"] = Kind.NEW
    commands["ts"] = number
    commands["order_id"] = number + 1
    commands["quantity"] = 1 + number % 100
    commands["instrument"] = number % SYMBOLS
    commands["portfolio"] = number % PORTFOLIOS + 1
    row = number // SYMBOLS
    commands["side"] = row % 2
    commands["price"] = 30_000 + np.where(row % 2 == 0, -1, 1) * (1 + row // 2 % 1_000)
    commands["type"] = 1
    return commands


def warm() -> np.ndarray:
    """Compile and load what the parts run; returns a buffer for facts, touched."""
    out = zeros(1_000_000, FACT)
    out["seq"] = 0
    exchange = Exchange(instruments(100), cash=money(100))
    commands = resting(0, 5_000)  # enough that each array grows
    commands["instrument"] %= 100
    commands["portfolio"] = np.arange(len(commands)) % 100 + 1
    carry_out(exchange, commands, out)
    carry_out(exchange, night(100, DAY), out)
    return out


def orders() -> None:
    """Ten million live orders: what they take."""
    out = warm()
    empty = memory()
    exchange = Exchange(instruments(SYMBOLS), cash=money(PORTFOLIOS))
    carry_out(exchange, resting(0, 1), out)
    opened, before = memory() - empty, state_bytes(exchange)
    batch, spent, last = 100_000, 0.0, 0.0
    for first in range(1, LIVE + 1, batch):
        commands = resting(first, batch)
        began = time.thread_time()
        carry_out(exchange, commands, out)
        last = time.thread_time() - began
        spent += last
    session = exchange.state.session[0]
    assert session["open_orders"] == LIVE + 1
    live = int(session["open_orders"])
    taken, most, now = memory() - empty, memory("VmHWM") - empty, state_bytes(exchange)
    print(f"orders: {live:,} live, {SYMBOLS:,} instruments, {PORTFOLIOS:,} portfolios, {int(session['positions']):,} positions")
    print(f"  before them {opened / 1e6:,.0f} MB resident, {before / 1e6:,.0f} MB of arrays")
    print(f"  with them {taken / 1e9:.2f} GB resident, {now / 1e9:.2f} GB of arrays; {most / 1e9:.2f} GB while arrays grew")
    print(f"  an order {(taken - opened) / live:.0f} bytes resident, {(now - before) / live:.0f} of arrays")
    print(
        "  MB: " + ", ".join(f"{name} {array.nbytes / 1e6:,.0f}" for name, array in exchange.state.arrays().items() if array.nbytes > 1e6)
    )
    print(f"  {spent / LIVE * 1e9:.0f} ns an order with all growth, {last / batch * 1e9:.0f} ns the last ones")


def rows() -> None:
    """What a row of each other kind takes: memory with many less memory with one."""
    out = warm()

    def taken(make: Callable[[], Exchange]) -> tuple[int, int]:
        before = memory()
        made = make()
        return memory() - before, state_bytes(made)

    def traded(pairs: int) -> Exchange:
        """A million orders that end at once, in that many pairs of a portfolio and an instrument."""
        exchange = Exchange(instruments(100), cash=money(PORTFOLIOS))
        for first in range(0, 1_000_000, 100_000):
            commands = resting(first, 100_000)
            pair = np.arange(first, first + 100_000) % pairs
            commands["instrument"], commands["portfolio"] = pair // PORTFOLIOS, pair % PORTFOLIOS + 1
            commands["time_in_force"] = TimeInForce.IOC
            carry_out(exchange, commands, out)
        assert exchange.state.session["positions"][0] == pairs + 100
        return exchange

    kinds: tuple[tuple[str, int, Callable[[int], Exchange]], ...] = (
        ("instrument", 1_000, lambda count: Exchange(instruments(count))),
        ("portfolio", 100_000, lambda count: Exchange(instruments(1), cash=money(count))),
        ("position", 1_000_000, traded),
    )
    for name, count, make in kinds:
        (many, arrays), (one, array) = (taken(partial(make, number)) for number in (count, 1))
        print(
            f"  {name}: {(many - one) / (count - 1):,.0f} bytes resident, {(arrays - array) / (count - 1):,.0f} of arrays, among {count:,}"
        )


def days(source: Path, folder: Path) -> None:
    """A hundred days of equal flow: the memory after some of them."""
    out = warm()
    _, columns, symbols = wide_stream(source, folder)
    columns = {key: column[:DAY_MESSAGES] for key, column in columns.items()}
    for shift in (0, 7):
        exchange = Exchange(instruments(len(symbols)), cash=money(PORTFOLIOS))
        commands = exchange.commands(columns)
        print(f"days: {DAY_MESSAGES:,} messages each, {'the same' if shift == 0 else 'other'} portfolios every day")
        for day in range(1, max(TOLD) + 1):
            spread(commands, day * shift)
            began = time.thread_time()
            facts = carry_out(exchange, commands, out)
            spent = time.thread_time() - began
            counted = len(facts), *digests(exchange, facts)
            if day == 1:
                expected = counted
            assert counted == expected, f"day {day} is not as the first"
            began = time.thread_time()
            carry_out(exchange, night(len(symbols), day * DAY), out)
            over = time.thread_time() - began
            commands["ts"] += DAY
            session = exchange.state.session[0]
            assert session["open_orders"] == session["used"] == 0
            if day in TOLD:
                size = f"{state_bytes(exchange) / 1e6:,.1f} MB of arrays, {memory() / 1e6:,.1f} MB resident"
                times = f"{spent / len(commands) * 1e9:.0f} ns a message, {over * 1e3:.0f} ms the night"
                print(f"  after day {day:3}: {size}, {int(session['positions']):,} positions; {times}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("../shared/bench/matching"), help="generator and reference")
    parser.add_argument("--parts", default="wide,orders,rows,days")
    parser.add_argument("--rounds", type=int, default=3, help="of the wide stream")
    asked = parser.parse_args()
    parts = asked.parts.split(",")
    if not (asked.dir / "ref.cpp").exists() and {"wide", "days"} & set(parts):
        parser.error(f"{asked.dir} has no ref.cpp; name the folder of the streams' generator and the reference with --dir")
    source, folder = asked.dir.resolve(), Path(os.environ.get("BENCH_DIR", Path(tempfile.gettempdir()) / "tapebook-matching"))
    if len(parts) == 1:
        works: dict[str, Callable[[], None]] = {
            "wide": partial(wide, source, folder, asked.rounds),
            "orders": orders,
            "rows": rows,
            "days": partial(days, source, folder),
        }
        works[parts[0]]()
        return
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; numba {numba.__version__}", flush=True)
    for part in parts:
        options = ["--dir", str(source), "--parts", part, "--rounds", str(asked.rounds)]
        subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_size", *options], check=True)


if __name__ == "__main__":
    main()
