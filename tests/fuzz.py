"""Long random streams to both exchanges: `uv run python -m tests.fuzz --commands 200_000 --seed 1`.

Stops at the first difference, shrinks it to a short list of commands and prints it, ready to be pasted into a test.
"""

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np

from tests.streams import SETTINGS, Setting, World
from tests.twins import Difference, Pair, describe_command

SESSION = 20_000  # commands of one exchange; then a new one, with the next seed
BATCH = 500
Fails = Callable[[np.ndarray], bool]


def part(world: World, commands: np.ndarray) -> Difference | None:
    """Where the exchanges part on `commands`, None if they agree to the end."""
    pair = Pair(world)
    try:
        pair.run(commands)
        pair.compare_states()
    except Difference as difference:
        return difference
    return None


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


def report(world: World, commands: np.ndarray, seed: int) -> None:
    found = part(world, commands)
    assert found is not None
    print(f"\nseed {seed}: {found}\nshrinking {found.at + 1} commands ...", flush=True)

    def same(shorter: np.ndarray) -> bool:
        other = part(world, shorter)
        return other is not None and other.about == found.about

    short = shrink(commands[: found.at + 1], same)
    print(f"{len(short)} commands reproduce it:")
    for command in short:
        print(f"    {describe_command(command)},")
    print(part(world, short))


def session(setting: Setting, seed: int, count: int, tell: Callable[[int], None]) -> np.ndarray | None:
    """One stream of `count` commands in batches; the commands so far where the exchanges part."""
    pair, stream = Pair(setting.world), setting.stream(seed)
    sent: list[np.ndarray] = []
    for start in range(0, count, BATCH):
        sent.append(stream.take(min(BATCH, count - start)))
        try:
            pair.run(sent[-1])
            pair.compare_states()
        except Difference:
            return np.concatenate(sent)
        tell(len(sent[-1]))
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=200_000, help="commands in all (default 200_000)")
    parser.add_argument("--seed", type=int, default=1, help="first seed; each session of 20,000 commands has the next, and another setting")
    asked = parser.parse_args()
    started, done = time.monotonic(), 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        rate = done / (time.monotonic() - started)
        said = f"{done:,} of {asked.commands:,} commands agree, {rate:,.0f} a second"
        if sys.stdout.isatty():
            print(f"\r{said} ", end="", flush=True)
        elif done % SESSION == 0:
            print(said, flush=True)

    settings = list(SETTINGS.values())
    for number, start in enumerate(range(0, asked.commands, SESSION)):
        setting = settings[number % len(settings)]
        failing = session(setting, asked.seed + number, min(SESSION, asked.commands - start), tell)
        if failing is not None:
            report(setting.world, failing, asked.seed + number)
            return 1
    print(f"\n{asked.commands:,} commands, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
