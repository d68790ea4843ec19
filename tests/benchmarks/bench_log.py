"""How near the event log comes to the disk: one million facts in durable commits, against an append-only file of the same bytes.

uv run python -m tests.benchmarks.bench_log [facts] [rows a commit ...]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from data.log.event_log import EventLog
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Kind

Commit = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Commands, facts and the commands' seqs."""


def made_up(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`count` facts, three to a command: orders that are created, traded and cancelled; and the commands with their seqs."""
    chance = np.random.default_rng(1)
    asked, told = np.zeros(count // 3, COMMAND), np.zeros(count // 3 * 3, FACT)
    seqs = 1 + 4 * np.arange(len(asked))
    told["seq"] = (seqs[:, None] + [1, 2, 3]).ravel()
    told["kind"] = np.tile([Kind.OrderCreated, Kind.TradeExecuted, Kind.OrderCancelled], len(asked)).astype(np.uint8)
    asked["ts"] = 1_700_000_000 * 10**9 + np.cumsum(chance.integers(0, 10**6, len(asked)))
    asked["order_id"], asked["kind"], asked["quantity"] = np.arange(1, len(asked) + 1), Kind.NEW, chance.integers(1, 1_000, len(asked))
    asked["price"], asked["side"], asked["type"] = chance.integers(14_000, 16_000, len(asked)), chance.integers(0, 2, len(asked)), 1
    for field in ("ts", "order_id", "quantity", "price", "side", "type"):
        told[field] = np.repeat(asked[field], 3)
    told["maker_order_id"][1::3] = told["order_id"][1::3] // np.uint64(2)
    told["remaining"] = told["quantity"] // 2
    return asked, seqs, told


def commits(asked: np.ndarray, seqs: np.ndarray, told: np.ndarray, rows: int) -> Iterator[Commit]:
    """Commits of about `rows` facts."""
    step = max(1, rows // 3)
    for at in range(0, len(asked), step):
        yield asked[at : at + step], told[3 * at : 3 * (at + step)], seqs[at : at + step]


def timed(write: Callable[[np.ndarray, np.ndarray, np.ndarray], object], batches: list[Commit]) -> list[float]:
    """Seconds of each commit."""
    seconds = []
    for one in batches:
        began = time.perf_counter()
        write(*one)
        seconds.append(time.perf_counter() - began)
    return seconds


def compare(folder: Path, count: int, rows: int) -> None:
    """Write the same batches to the floor and to the log, read the log back, and print both."""
    batches = list(commits(*made_up(count), rows))
    facts = sum(len(told) for _, told, _ in batches)
    handle = os.open(folder / f"floor-{rows}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)

    def write_floor(asked: np.ndarray, told: np.ndarray, seqs: np.ndarray) -> None:
        os.writev(handle, [seqs.tobytes(), asked.tobytes(), told.tobytes()])
        os.fdatasync(handle)

    floor = timed(write_floor, batches)
    os.close(handle)
    with EventLog(folder / f"log-{rows}.duckdb") as log:
        session = log.begin("bench", instruments=[Instrument("AAPL", "0.01")])
        spent = timed(lambda asked, told, seqs: log.append(session, asked, told, seqs), batches)
        for name, seconds in (("file + fdatasync", floor), ("event log", spent)):
            p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
            print(f"  {name:18} {facts / sum(seconds) / 1e3:8,.0f} k facts/s   commit p50 {p50:6.2f} ms  p99 {p99:6.2f} ms")
        print(f"  the log takes {sum(spent) / sum(floor):.1f} times the floor")
        for what, work in (
            ("read facts", lambda: sum(len(piece) for piece in log.read_facts(session))),
            ("verify the chain", lambda: log.verify_chain(session)),
            ("view orders", lambda: log.frame("orders", session)),
        ):
            began = time.perf_counter()
            work()
            print(f"  {what:18} {facts / (time.perf_counter() - began) / 1e3:8,.0f} k facts/s")
    size = (folder / f"log-{rows}.duckdb").stat().st_size
    print(f"  {size / facts:.0f} bytes a fact on disk, its commands included, after the checkpoint at close")


def main() -> None:
    count, *sizes = [int(text) for text in sys.argv[1:]] or [1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes or [10_000]:
            print(f"{count:,} facts and {count // 3:,} commands in commits of {rows:,} facts")
            compare(Path(folder), count, rows)


if __name__ == "__main__":
    main()
