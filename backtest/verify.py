"""Playing a recorded run again: the same feed and commands must give the same bytes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backtest.store import Run, RunError
from backtest.timing import latency
from data.feed import load_commands
from data.formats import reopen
from data.log.event_log import EventLog
from engine.exchange import Exchange
from engine.loop.loop_state import new_strategy_state
from engine.messages.names import Names
from engine.messages.vocabulary import Kind
from engine.strategy.driver import BLOCK, Driver


@dataclass(frozen=True)
class Verdict:
    """What playing a run again found. `seq`: the first own fact that differs, else the end of the first block that does."""

    ok: bool
    text: str
    commands: int = 0
    facts: int = 0
    blocks: int = 0
    seq: int | None = None


def history_of(run: Run, cache: Path) -> np.ndarray:
    """The feed's commands: decoded before, or read again from where they came."""
    fingerprint, origin = run.said["meta"]["fingerprint"], run.said["origin"]
    kept = load_commands(cache / f"{fingerprint}.npy")
    if kept is not None:
        return kept
    if origin is None:
        raise RunError(f"{run.run_id}: its feed is neither in {cache} nor was it opened from a file; run it again")
    return reopen(origin, fingerprint).commands(cache)


def play_again(run: Run, cache: Path) -> tuple[Driver, np.ndarray, dict[int, str]]:
    """A driver that has played the run's commands on its feed, and the logged facts and block digests."""
    with EventLog(run.log, read_only=True) as log:
        session = log.session(run.run_id)
        chain = log.verify_chain(session)
        if not chain.ok:
            raise RunError(f"{run.run_id}: the log was changed: {chain.message}")
        (seqs, commands, _), facts = log.read(session)
        instruments, blocks, meta = log.instruments(session), log.blocks(session), log.meta(session)
    count = int(meta.get("opening_commands", _opening_commands(seqs, commands)))
    exchange = Exchange(open_now=False)
    exchange.names, exchange.opening = Names(instruments), commands[:count]
    exchange.decimals = int(commands["type"][0])
    state = new_strategy_state(len(instruments), 1, 0, (latency(0), latency(0), latency(0)), np.zeros(1))
    driver = Driver(exchange, [state], history_of(run, cache))
    driver.open(exchange.opening)
    driver.load(commands[count:], commands["ts"][count:])
    driver.clock["block"] = BLOCK
    driver.play(run.said["span"][1])
    return driver, facts, blocks


def _opening_commands(seqs: np.ndarray, commands: np.ndarray) -> int:
    """How many commands opened the session of a log that does not say so: an older version wrote it, and gave each one fact."""
    opening = (commands["kind"] < Kind.NEW) & (seqs == 2 * np.arange(len(seqs)) + 1)
    return len(opening) if opening.all() else int(np.argmin(opening))


def verify_run(run: Run, cache: Path) -> Verdict:
    """Hold the run's files against its log, play it again, and compare facts, block digests and the final digest."""
    changed = [name for name in run.changed if name != run.log.name]
    if changed:
        verb = "is" if len(changed) == 1 else "are"
        return Verdict(False, f"{' and '.join(changed)} {verb} not what the run wrote; take its folder from a backup, or run it again")
    driver, logged, blocks = play_again(run, cache)
    facts = driver.facts.all()
    said = {"commands": len(driver.sent()[0]), "facts": len(logged), "blocks": len(blocks)}
    same = min(len(facts), len(logged))
    raw = [
        np.ascontiguousarray(array[:same]).view(np.uint8).reshape(same, facts.dtype.itemsize)
        for array in (facts, logged.astype(facts.dtype))
    ]
    differs = np.flatnonzero((raw[0] != raw[1]).any(axis=1))
    if len(differs) or len(facts) != len(logged):
        where = int(differs[0]) if len(differs) else same
        seq = int((logged if where < len(logged) else facts)["seq"][where])
        return Verdict(False, f"fact {where:,} (seq {seq:,}) differs when it is played again", **said, seq=seq)
    for seq, digest in driver.blocks:
        if blocks.get(seq) != digest:
            return Verdict(False, f"the exchange differs at the end of the block at seq {seq:,}", **said, seq=seq)
    if driver.exchange.digest() != run.said["meta"]["digest"]:
        return Verdict(False, "the exchange differs at the end of the run", **said)
    return Verdict(True, "played again to identical bytes", **said)
