"""A writer is killed with SIGKILL at a random moment, again and again: nothing that it acknowledged may be lost."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from data.log.event_log import EventLog
from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Kind

ROUNDS = int(os.environ.get("TAPEBOOK_KILLS", "4"))
ROOT = Path(__file__).parents[2]


def batch(first_seq: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` commands with one fact each whose every value follows from its seq."""
    asked, told = np.zeros(count, COMMAND), np.zeros(count, FACT)
    told["seq"] = first_seq + 1 + 2 * np.arange(count)
    told["kind"], asked["kind"] = Kind.OrderCreated, Kind.NEW
    told["order_id"] = asked["order_id"] = told["seq"].astype(np.uint64) * np.uint64(11_400_714_819_323_198_485)  # past 2^63 as well
    told["ts"] = asked["ts"] = told["seq"] * 1_000
    return asked, told


def write_until_killed(path: str, seed: int) -> None:
    """Append batches of random size for ever; print each last seq once it is durable."""
    sizes = random.Random(seed)
    with EventLog(path) as log:
        session = log.session("crash") if len(log.sessions()) else log.begin("crash")
        last = log.last_seq(session)
        while True:
            count = sizes.choice([1, 10, 3_000])
            last = log.append(session, *batch(last + 1, count), cursors={"source": last + 2 * count})
            print(last, flush=True)


def acknowledged_before_kill(path: Path, seed: int) -> int:
    """Run a writer, kill it within its first quarter of a second of work, and return the last seq that it acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.data.test_log_crash", str(path), str(seed)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(random.Random(-seed).uniform(0, 0.25))
    writer.kill()
    rest, _ = writer.communicate()
    assert writer.returncode == -signal.SIGKILL
    whole = [line for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]
    return int(whole[-1])


def test_no_acknowledged_row_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.duckdb"
    for round_number in range(ROUNDS):
        acknowledged = acknowledged_before_kill(path, seed=round_number + 1)
        with EventLog(path, read_only=True) as log:  # reads the write-ahead log that the dead writer left
            session = log.session("crash")
            last = log.last_seq(session)
            assert last >= acknowledged
            assert log.cursors(session) == {"source": last}
            asked, told = log.read(session)
            wanted = batch(1, last // 2)
            assert (asked.records.tobytes(), told.tobytes()) == (wanted[0].tobytes(), wanted[1].tobytes())
            assert log.verify_chain(session)[:3] == (True, last // 2, last // 2)


if __name__ == "__main__":
    write_until_killed(sys.argv[1], int(sys.argv[2]))
