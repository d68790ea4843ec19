"""A long session: memory as the facts go by, the size of its log, an order by its id, and how long its next start takes.

uv run --extra live --group test python -m tests.benchmarks.bench_long_session [--facts N] [--every N] [--days N]

Commands are made a piece at a time, so that memory is the session's. It turns its day `--days` times on the way: read models keep the
orders of a day. Resident memory is the process's own; what DuckDB holds for its buffers is part of it.
"""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from data.log.event_log import EventLog
from engine.messages.commands import start_of_day
from live.session.session import Session
from tests.benchmarks.session_load import TRADERS, records, settings_of

PIECE = 4_096


def resident() -> float:
    """MB of our process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def folder_size(folder: Path) -> int:
    """Bytes of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def said(session: Session, facts: int, spent: float, cpu: float, number: int) -> None:
    """A line of the table."""
    folder = session.folder.path
    times = []
    for _ in range(20):
        began = time.perf_counter()
        session.models.order_row(number, TRADERS[number % len(TRADERS)])
        times.append(time.perf_counter() - began)
    log, wal = ((folder / name).stat().st_size / 1e6 if (folder / name).exists() else 0.0 for name in ("log.duckdb", "log.duckdb.wal"))
    print(
        f"  {facts / 1e6:5.1f}   {resident():6,.0f}   {log:6,.0f} + {wal:5,.0f}   {folder_size(folder / 'segments') / 1e6:6,.0f}   "
        f"{np.median(times) * 1e3:7.3f}   {spent / max(1, session.meters.counts['commands']) * 1e6:6.2f}   {cpu:6.2f}",
        flush=True,
    )


async def grow(folder: Path, most: int, every: int, days: int) -> tuple[int, int, str]:
    """Run until there are so many facts; returns commands, facts and the digest."""
    async with Session(settings_of(), folder) as session:
        facts, number, told, turned = 0, 1, 0, 0
        began, cpu, asked = time.perf_counter(), time.process_time(), 0
        print("  facts   memory   log + WAL       segments  an order  by the clock, CPU: µs a command")
        print("  million MB       MB              MB        ms")
        while facts < most:
            (piece,) = records(session.exchange, PIECE, PIECE, number)
            number += PIECE
            asked += PIECE
            facts += len(await session.run(piece))
            if facts // (most // (days + 1)) > turned:
                turned += 1
                await session.send(start_of_day())
                number += -number % 20
            if facts // every > told:
                told = facts // every
                (latest,) = records(session.exchange, 1, 1, number)
                await session.run(latest)
                spent, used = time.perf_counter() - began, time.process_time() - cpu
                said(session, facts, spent, used / asked * 1e6, int(latest["order_id"][0]))
                number += 1
        return asked, facts, session.exchange.digest()


async def reopen(folder: Path, digest: str) -> None:
    """The next start, from the nearest snapshot."""
    began, cpu = time.perf_counter(), time.process_time()
    async with Session(settings_of(), folder) as session:
        spent, used = time.perf_counter() - began, time.process_time() - cpu
        print(f"  started again in {spent:.2f} s ({used:.2f} s of CPU), {resident():,.0f} MB")
        assert session.seq > 0
        assert await session.ask(lambda exchange: exchange.digest()) == digest


def main() -> None:
    """Print the machine, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=20_000_000)
    parser.add_argument("--every", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=9)
    parser.add_argument("--dir", type=Path, help="where the session lies; a temporary folder by default")
    given = parser.parse_args()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, duckdb {duckdb.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {versions}\n")
    with tempfile.TemporaryDirectory(dir=given.dir) as name:
        folder = Path(name)
        asked, facts, digest = asyncio.run(grow(folder, given.facts, given.every, given.days))
        size = folder_size(folder / "live")
        print(f"\n  {asked:,} commands, {facts:,} facts; the folder has {size / 1e6:,.0f} MB, {size / facts:.0f} bytes a fact")
        with EventLog(folder / "live" / "bench" / "log.duckdb", read_only=True) as log:
            seq = log.last_seq(1)
        print(f"  the log ends at seq {seq:,}")
        asyncio.run(reopen(folder, digest))


if __name__ == "__main__":
    main()
