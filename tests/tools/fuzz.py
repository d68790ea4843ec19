"""Long random streams: `uv run --group test python -m tests.tools.fuzz --commands 200_000 --seed 1`.

The twin and the compiled exchange get the same commands, and every session must keep the promises of `tests.support.invariants`. With
`--compiled` the compiled exchange is held against itself, a hundred times as fast: cut into batches, started again in the middle, with more
room (`tests.tools.fuzz_compiled`). Stops at the first failure, shrinks it to a short list of commands, ready to be pasted into a test.
Each session runs in a process of its own, so that a crash is a failure like any other.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

import numpy as np

from tests.support import invariants
from tests.support.streams import SETTINGS
from tests.support.twins import Difference, Pair, compiled, describe_command
from tests.support.worlds import World
from tests.tools import fuzz_compiled

SESSION = 20_000  # commands of one exchange; then a new one, with the next seed and another setting
Fails = Callable[[np.ndarray], bool]
Check = Callable[[World, np.ndarray], Difference | None]


class Session(NamedTuple):
    """Streams of one setting, that one process runs, each on a new exchange."""

    setting: str
    seed: int
    streams: list[np.ndarray]


def part(world: World, commands: np.ndarray) -> Difference | None:
    """Where the exchanges part on `commands`, or a promise is broken; None if all is well to the end."""
    pair = Pair(world)
    try:
        for start in range(0, len(commands), 500):
            pair.run(commands[start : start + 500])
            pair.compare_states()
        pair.compare_orders()
        invariants.hold(pair.exchange)
    except Difference as difference:
        return difference
    except AssertionError as broken:
        return Difference(len(commands) - 1, str(broken).partition("\n")[0], f"broken: {broken}")
    return None


def guarded(check: Check, world: World, streams: list[np.ndarray]) -> Difference | None:
    """The first that `check` finds in a process of its own, where a crash is a Difference, too."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def work() -> None:
        found = next((found for stream in streams if (found := check(world, stream))), None)
        theirs.send(found and (found.at, found.about, str(found)))
        theirs.close()
        os._exit(0)

    child = context.Process(target=work)
    child.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        child.join()
        return Difference(len(streams[-1]) - 1, "crash", f"the process ended with {child.exitcode}")
    child.join()
    return Difference(*found) if found else None


# ---------------------------------------------------------------------- a short list that fails


def shrink(commands: np.ndarray, fails: Fails) -> np.ndarray:
    """A shorter stream that still fails: ever smaller pieces are left out as long as that helps."""
    size = len(commands) // 2
    while size:
        start = 0
        while start < len(commands):
            shorter = np.concatenate([commands[:start], commands[start + size :]])
            if fails(shorter):
                commands = shorter
            else:
                start += size
        size //= 2
    return plain(commands, fails)


def plain(commands: np.ndarray, fails: Fails) -> np.ndarray:
    """Fields that do not matter become 0."""
    for index in range(len(commands)):
        for name in commands.dtype.names or ():
            simpler = commands.copy()
            simpler[name][index] = 0
            if name != "kind" and commands[name][index] and fails(simpler):
                commands = simpler
    return commands


def report(session: Session, check: Check) -> None:
    """Finds the stream that fails, shrinks it, prints it."""
    world = SETTINGS[session.setting].world
    failing = ((number, stream, found) for number, stream in enumerate(session.streams) if (found := guarded(check, world, [stream])))
    number, stream, found = next(failing, (0, session.streams[0], None))
    if found is None:
        return print(f"\nsetting {session.setting!r}, seed {session.seed}: failed, but no stream of it fails again")
    commands = stream[: found.at + 1]
    print(f"\nsetting {session.setting!r}, seed {session.seed}, stream {number}: {found}")
    print(f"shrinking {len(commands)} commands ...", flush=True)

    def same(shorter: np.ndarray) -> bool:
        other = guarded(check, world, [shorter])
        return other is not None and other.about == found.about

    short = shrink(commands if same(commands) else stream, same)
    print(f"{len(short)} commands reproduce it:")
    for command in short:
        print(f"    {describe_command(command)},")
    return print(guarded(check, world, [short]))


# ---------------------------------------------------------------------- the run


def sessions(names: list[str], seed: int, size: int) -> Iterator[Session]:
    """One stream after the other, without end."""
    for number in count():
        name = names[number % len(names)]
        yield Session(name, seed + number, [SETTINGS[name].stream(seed + number).take(size)])


def run(sessions: Iterator[Session], check: Check, commands: int) -> bool:
    """Check after check until so many commands are done; False at the first failure, which is reported."""
    started = told = time.monotonic()
    done, rate, screen = 0, 0.0, sys.stdout.isatty()
    while done < commands:
        session = next(sessions)
        if time.monotonic() > told + (0.2 if screen else 20):
            told = time.monotonic()
            said = f"{done:,} of {commands:,} commands, {rate:,.0f} a second; setting {session.setting!r}, seed {session.seed}"
            print(f"\r{said:<110}" if screen else said, end="" if screen else "\n", flush=True)
        if guarded(check, SETTINGS[session.setting].world, session.streams):
            report(session, check)
            return False
        done += sum(map(len, session.streams))
        rate = done / (time.monotonic() - started)
    print(f"\n{done:,} commands, no difference, {rate:,.0f} a second")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.tools.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=200_000, help="commands in all (default 200_000)")
    parser.add_argument("--seed", type=int, default=1, help="first seed; each session has the next, and another setting")
    parser.add_argument("--setting", choices=SETTINGS, action="append", help="only this setting (may be named more than once)")
    parser.add_argument("--compiled", action="store_true", help="the compiled exchange against itself")
    asked = parser.parse_args()
    names = asked.setting or list(SETTINGS)
    compiled(SETTINGS[names[0]].world)  # kernels are loaded once, before the processes part
    if asked.compiled:
        streams = (Session(*made) for made in fuzz_compiled.sessions(names, asked.seed))
        return 0 if run(streams, fuzz_compiled.part, asked.commands) else 1
    return 0 if run(sessions(names, asked.seed, SESSION), part, asked.commands) else 1


if __name__ == "__main__":
    sys.exit(main())
