"""What was tried against Tapebook, as rows of a table: `uv run --group test --all-extras python -m tests.tools.attacks tampering`.

`kills`: processes that write a log, its segments, or run a session under load are killed, and start again. `inputs`: the tables of
`tests/commands`. `records`: `tests.tools.fuzz_raw`. `tampering`: a log's cells, rows and views are changed, one at a time, and
`EventLog.verify` must find it. Each prints one row with date and commit, and exits 1 where something did not hold; `--into PAGE` puts the
row into a page, in the place of the one from before.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.tools.tampering import tampered

ROOT = Path(__file__).parents[2]
KILLED = (
    "tests/data/test_log_crash.py::test_no_acknowledged_row_is_lost",
    "tests/data/segments/test_writer_crash.py::test_what_a_killed_writer_left_is_made_whole",
    "tests/live/session/test_crashes.py::test_a_client_that_retries",
)
"""Tests that kill as often as TAPEBOOK_KILLS says."""


class Found(NamedTuple):
    """One attack: how many were tried, how many held, and what held means."""

    tried: int
    held: int
    means: str


def kills(count: int, seed: int) -> Found:
    """`count` kills of each of three writers; one that does not come back whole fails its test, and all its kills count as lost."""
    held = sum(not _run("pytest", "-q", "-p", "no:cacheprovider", test, TAPEBOOK_KILLS=str(count)).returncode for test in KILLED)
    return Found(len(KILLED) * count, held * count, "nothing acknowledged lost, nothing done twice (log, segments, session under load)")


def inputs(count: int, seed: int) -> Found:
    """Every row of the tables of bad input."""
    said = _run("pytest", "-p", "no:cacheprovider", "tests/commands").stdout  # one -q of the project leaves the count
    passed, failed = (sum(map(int, re.findall(rf"(\d+) {word}", said))) for word in ("passed", "failed"))
    return Found(passed + failed, passed, "one line that says what and where, exit 2")


def records(count: int, seed: int) -> Found:
    """Random bytes and spoiled commands."""
    done = _run("tests.tools.fuzz_raw", "--records", str(count), "--seed", str(seed))
    return Found(count, 0 if done.returncode else count, "none raised, each answered, refusals left the state as it was")


def tampering(count: int, seed: int) -> Found:
    """Changes of what a log holds."""
    missed = [said for said, found in tampered(count, seed) if not found]
    for said in missed:
        print(f"not found: {said}", file=sys.stderr)
    return Found(count, count - len(missed), "found by `verify`")


ATTACKS: dict[str, tuple[Callable[[int, int], Found], int, str]] = {
    "kills": (kills, 20, "Kills survived"),
    "inputs": (inputs, 0, "Bad inputs tried"),
    "records": (records, 100_000, "Records fuzzed"),
    "tampering": (tampering, 500, "Tampering found"),
}
"""Each with its usual number and its name in the table."""


def _run(module: str, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, env=os.environ | more, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    return done


def row(name: str, found: Found, command: str) -> str:
    """A row of the table."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date()
    return f"| {name} | {found.held:,} of {found.tried:,} | {found.means} | {today} | {commit} | `{command}` |"


def put(page: Path, made: str) -> None:
    """The row in the place of the one that begins as it does, else behind the last."""
    begin = made[: made.index("|", 1) + 1]
    kept = [line for line in page.read_text(encoding="utf-8").rstrip().splitlines() if not line.startswith(begin)]
    page.write_text("\n".join([*kept, made]) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.tools.attacks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--count", type=int, help="how many (default: kills 20 of each, records 100_000, tampering 500)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--into", type=Path, metavar="PAGE", help="a page with the table, like notebooks/docs/attacks.md")
    asked = parser.parse_args()
    attack, usual, name = ATTACKS[asked.attack]
    count = usual if asked.count is None else asked.count
    found = attack(count, asked.seed)
    numbered = f" --count {count} --seed {asked.seed}" if count else ""
    made = row(name, found, f"python -m tests.tools.attacks {asked.attack}{numbered}")
    print(made)
    if asked.into:
        put(asked.into, made)
    return int(found.held < found.tried or not found.tried)


if __name__ == "__main__":
    sys.exit(main())
