"""Records as they come: `uv run --group test python -m tests.tools.fuzz_raw --records 1_000_000 --seed 1`.

Bytes without meaning, and good commands with fields that were changed, go into exchanges that are open, and into one that nobody opened.
Nothing may raise; each command has its answer; every promise of `tests.support.invariants` holds; a batch cut elsewhere gives the same
facts; what is refused leaves the state as it was; the process stays within `--memory` MB of what it had before. Stops at the first failure.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np

from engine import Exchange
from engine.messages.records import COMMAND
from engine.messages.vocabulary import Kind
from tests.support import invariants
from tests.support.raw_commands import pieces
from tests.support.twins import compiled, describe_command
from tests.support.worlds import World

SESSION = 20_000
"""Records of one exchange."""
REFUSALS = 20
"""Refused commands of a session that are sent once more, alone: the state must be what it was."""
COUNTED = (Kind.NEW, Kind.SET_RULES, Kind.MODIFY)
"""Their refusal is a part of the state: an id is used, rules hold no more, lots of an unknown order of history are counted."""
REFUSED = (Kind.CommandRejected, Kind.CancelRejected, Kind.ReplaceRejected)


def logical(exchange: Exchange) -> str:
    """The digest but for seq and time, which every command moves."""
    session = exchange.state.session
    kept = session[["seq", "ts"]].copy()
    session["seq"], session["ts"] = 0, 0
    found = exchange.digest()
    session["seq"], session["ts"] = kept["seq"], kept["ts"]
    return found


def check(exchange: Exchange, other: Exchange, commands: np.ndarray, chance: np.random.Generator) -> None:
    """Raises AssertionError, or whatever goes wrong, where a promise is broken."""
    facts = exchange.run(commands)
    told = b"".join(other.run(commands[start : start + 777]).tobytes() for start in range(0, len(commands), 777))
    assert facts.tobytes() == told, "facts of other batches differ"
    assert exchange.digest() == other.digest(), "the digest of other batches differs"
    assert len(facts) >= len(commands), "a command has no answer"
    for frame in (exchange.orders(), exchange.trades(), exchange.positions(), exchange.executions()):
        assert frame is not None
    for command in commands[chance.integers(0, len(commands), REFUSALS)]:
        before = logical(exchange)
        if set(exchange.run(command.reshape(1))["kind"]) <= set(REFUSED) and command["kind"] not in COUNTED:
            assert logical(exchange) == before, f"refused, and yet the state moved: {describe_command(command)}"


def sessions(records: int, seed: int) -> Iterator[tuple[int, str, Exchange, Exchange, np.ndarray]]:
    """(seed, what it is, an exchange, its twin, records) until there were so many."""
    world = World()
    for k, commands in enumerate(pieces(seed, records, SESSION, world)):
        if k % 10 == 9:
            nobody = [Exchange.from_commands(np.empty(0, COMMAND), history_facts=True) for _ in range(2)]
            yield seed + k, "not opened", nobody[0], nobody[1], commands
        else:
            yield seed + k, "open", compiled(world), compiled(world), commands


def memory() -> float:
    """MB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.tools.fuzz_raw", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="records in all (default 1_000_000)")
    parser.add_argument("--seed", type=int, default=1, help="first seed; each session has the next")
    parser.add_argument("--memory", type=int, default=300, help="MB beyond those of the first session (default 300)")
    asked = parser.parse_args()
    began, spent, done, base = time.monotonic(), time.process_time(), 0, 0.0
    for seed, about, exchange, other, commands in sessions(asked.records, asked.seed):
        try:
            check(exchange, other, commands, np.random.default_rng(seed))
            if exchange.state.session["opened"][0]:
                invariants.hold(exchange)
        except Exception as failure:
            print(f"\nseed {seed} ({about}): {type(failure).__name__}: {failure}")
            raise
        done += len(commands)
        base = base or memory()
        print(f"\r{done:,} records, {memory() - base:,.0f} MB beyond the first session", end="", flush=True)
        if memory() - base > asked.memory:
            print(f"\nseed {seed}: took more than {asked.memory} MB")
            return 1
    print(f"\n{done:,} records, none raised; {time.process_time() - spent:,.0f} s of CPU, {time.monotonic() - began:,.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
