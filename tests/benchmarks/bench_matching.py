"""How near matching comes to hand-tuned C++: nanoseconds of CPU a message, on streams of orders with known fills.

uv run --group test python -m tests.benchmarks.bench_matching [--dir DIR] [--streams abc] [--messages N] [--rounds N]

DIR holds the streams' generator (gen.py, columns.py) and the reference (ref.cpp). Three books carry out the same messages:
`reference` is that C++, `bare` is a loop of the engine's book and id table alone (no facts, no checks, no accounts), `exchange` is
Exchange.run with every fact it tells. All fills must be the reference's. One process of each after the other, so neighbours share the load.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np

from engine import Exchange, Instrument, Kind
from engine.compiler.intrinsics import prefetch
from engine.compiler.kernel import entry_kernel
from engine.matching.match import close_slot, open_slot
from engine.state.arrays import EMPTY, MASK, Capacity, State, W, empty_state
from engine.state.id_table import erase, find, home, put
from engine.state.ladder import first_node, leave, rest, shrink
from engine.step import AHEAD

CANCEL, REPLACE, MARKET = 1, 2, 3
ANY_PRICE = 1 << 40
FILL = np.dtype([("maker", "<u8"), ("taker", "<u8"), ("lots", "<i8"), ("price", "<i8")])


@entry_kernel
def match_bare(state, messages, fills):
    """Carry out `messages` on the engine's books; writes FILL rows, returns how many."""
    n = 0
    first = first_node(state)
    owner = np.uint32(0)
    last = len(messages) - 1
    for i in range(len(messages)):
        prefetch(state.history_ids, home(state.history_ids, messages[min(i + AHEAD, last)]["id"], owner))
        m = messages[i]
        kind = np.int64(m["type"])
        identity = m["id"]
        slot = 0
        if kind == CANCEL or kind == REPLACE:
            at = find(state.history_ids, identity, owner)
            slot = np.int64(state.history_ids[at]["slot"]) - 1
            if slot < 0:
                continue
            leave(state, slot)
            if kind == CANCEL:
                erase(state.history_ids, at, state.orders)
                close_slot(state, slot)
                continue
        side = np.int64(m["side"])
        lots = np.int64(m["qty"])
        key = np.int64(m["price"]) ^ -side
        ladder = 2 * np.int64(m["sym"]) + side
        opposite = ladder ^ 1
        reach = ANY_PRICE if kind == MARKET else key
        while lots > 0 and ~state.ladders[opposite]["best"] <= reach:
            best = state.ladders[opposite]["best"]
            node = np.int64(state.nodes[opposite * W + (best & MASK)]["next"])
            maker = node - first
            here = np.int64(state.nodes[node]["quantity"])
            part = min(lots, here)
            fill = fills[n]
            fill["maker"] = state.orders[maker]["id"]
            fill["taker"] = identity
            fill["lots"] = part
            fill["price"] = best ^ -(opposite & 1)
            n += 1
            lots -= part
            if part < here:
                shrink(state, maker, part)
            else:
                leave(state, maker)
                erase(state.history_ids, np.int64(state.orders[maker]["place"]), state.orders)
                close_slot(state, maker)
        if lots > 0 and kind != MARKET:
            if slot == 0:
                slot = open_slot(state)
                at = find(state.history_ids, identity, owner)
                put(state.history_ids, at, identity, owner, np.uint32(slot + 1))
                order = state.orders[slot]
                order["id"] = identity
                order["place"] = at
                order["instrument"] = m["sym"]
            state.orders[slot]["price"] = m["price"]
            rest(state, ladder, key, slot, lots)
        elif slot != 0:
            erase(state.history_ids, np.int64(state.orders[slot]["place"]), state.orders)
            close_slot(state, slot)
    return n


@entry_kernel
def fingerprint(words):
    """FNV-1a over 64-bit words, row by row."""
    made = np.uint64(14695981039346656037)
    for i in range(words.shape[0]):
        for j in range(words.shape[1]):
            made = (made ^ words[i, j]) * np.uint64(1099511628211)
    return made


def tape(columns: list[np.ndarray]) -> str:
    words = np.stack([np.asarray(column).astype(np.int64).view(np.uint64) for column in columns], axis=1)
    return f"{int(fingerprint(np.ascontiguousarray(words))):016x}"


def touches(best: list[int]) -> str:
    """Hash of (symbol, best bid, best ask) of all symbols; `best` are keys of the ladders."""
    prices = [-1 if key == EMPTY else key ^ -(ladder & 1) for ladder, key in enumerate(best)]
    return tape([np.arange(len(best) // 2), np.array(prices[::2]), np.array(prices[1::2])])


def bare_state(symbols: int) -> State:
    """Books with as much room for live orders and ids as the reference takes."""
    orders, ids = (1 << 16, 1 << 14) if symbols == 1 else (1 << 18, 1 << 18)
    state = empty_state(Capacity(instruments=symbols, orders=orders, history_ids=ids))
    state.instruments["tick"] = 1
    return state


def run_bare(messages: np.ndarray, symbols: int, fills: np.ndarray) -> tuple[float, str, str]:
    """CPU ns a message, digest of the fills, digest of the books."""
    state = bare_state(symbols)
    began = time.thread_time()
    n = match_bare(state, messages, fills)
    spent = (time.thread_time() - began) / len(messages) * 1e9
    return spent, tape([fills[name][:n] for name in FILL.names or ()]), touches(state.ladders["best"].tolist())


def run_exchange(columns: dict[str, np.ndarray], symbols: list[str]) -> tuple[float, str, str]:
    """As `run_bare`, for the exchange as everybody uses it."""
    exchange = Exchange([Instrument(symbol, tick="1", lot="1") for symbol in symbols], reserve=2 * len(columns["ts"]))
    commands = exchange.commands(columns)
    began = time.thread_time()
    facts = exchange.run(commands)
    spent = (time.thread_time() - began) / len(commands) * 1e9
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    digest = tape([trades[name] for name in ("maker_order_id", "order_id", "quantity", "price")])
    return spent, digest, touches(exchange.state.ladders["best"].tolist())


def run_reference(program: Path, path: Path, messages: int) -> tuple[float, str, str]:
    done = subprocess.run([str(program), str(path), "1", str(messages)], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return said["min"], said["tape"], said["book"]


def prepare(source: Path, folder: Path) -> Any:
    """Make streams and reference in `folder` where they are not there yet; returns the module that reads streams as columns."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    if not (folder / "data" / "c.npy").exists():
        subprocess.run([sys.executable, str(source / "gen.py")], cwd=folder, check=True)
    flags = ["-O3", "-march=native", "-std=c++20", "-DIDMODE=2"]
    subprocess.run(["g++", *flags, str(source / "ref.cpp"), "-o", str(folder / "bench-ref")], check=True)
    spec = importlib.util.spec_from_file_location("columns", source / "columns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compare(name: str, folder: Path, module: Any, messages: int, rounds: int) -> None:
    """One stream through all three, in turn; prints the fastest and the median of each."""
    path = folder / "data" / f"{name}.npy"
    columns, symbols = module.columns(path)
    stream = np.load(path)
    messages = min(messages or len(stream), len(stream))
    stream, columns = stream[:messages], {key: column[:messages] for key, column in columns.items()}
    fills = np.zeros(2 * messages, FILL)
    spent: dict[str, list[float]] = {"reference": [], "bare": [], "exchange": []}
    for _ in range(rounds):
        for book, run in (
            ("reference", lambda: run_reference(folder / "bench-ref", path, messages)),
            ("bare", lambda: run_bare(stream, len(symbols), fills)),
            ("exchange", lambda: run_exchange(columns, symbols)),
        ):
            seconds, *digests = run()
            if book == "reference":
                expected = digests
            elif digests != expected:
                raise SystemExit(f"stream {name}: fills or books of {book} are not the reference's")
            spent[book].append(seconds)
    print(f"stream {name}: {messages:,} messages, {len(symbols)} symbols, equal fills and books")
    for book, times in spent.items():
        fastest, middle = min(times), float(np.median(times))
        ratios = f"{fastest / min(spent['reference']):5.2f}x fastest {middle / np.median(spent['reference']):5.2f}x median"
        print(f"  {book:10} {fastest:7.1f} ns fastest {middle:7.1f} ns median   {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path("../shared/bench/matching"), help="generator and reference")
    parser.add_argument("--streams", default="abc")
    parser.add_argument("--messages", type=int, default=0, help="at most so many of each stream (0: all)")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if not (asked.dir / "ref.cpp").exists():
        parser.error(f"{asked.dir} has no ref.cpp; name the folder of the streams' generator and the reference with --dir")
    folder = Path(os.environ.get("BENCH_DIR", Path(tempfile.gettempdir()) / "tapebook-matching"))
    module = prepare(asked.dir.resolve(), folder)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; numba {numba.__version__}")
    for name in asked.streams:
        compare(name, folder, module, asked.messages, asked.rounds)


if __name__ == "__main__":
    main()
