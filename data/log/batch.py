"""What one append carries, and the hash chain over the appends: who changes a logged byte breaks it."""

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from data.log.schema import INSTRUMENT_TEXTS, LogError
from engine.messages.instrument import Instrument
from engine.messages.records import COMMAND, FACT, LAYOUT, read_name
from engine.messages.vocabulary import Kind

SEAL = "snapshot sha256 "
"""How the hash of a snapshot begins among the blocks."""
LIVE = -1
"""The position of a command that did not enter beside a feed kept by reference."""

NAME_KINDS = {Kind.SYMBOL: "symbol", Kind.PORTFOLIO: "portfolio", Kind.TRADER: "trader"}


class LoggedCommands(NamedTuple):
    """Logged commands as parallel arrays of length n."""

    seqs: np.ndarray  # int64: place of each command in the one order of commands and facts
    records: np.ndarray  # COMMAND
    positions: np.ndarray  # int64: market position after which it entered; LIVE where it has none


class Batch(NamedTuple):
    """What one append stores, all of it or nothing."""

    commands: LoggedCommands
    facts: np.ndarray  # FACT
    blocks: dict[int, str]  # seq -> digest of the exchange after it

    def span(self) -> tuple[int, int] | None:
        """First and last seq of the rows; None without rows."""
        ends = [int(seqs[end]) for seqs in (self.commands.seqs, self.facts["seq"]) if len(seqs) for end in (0, -1)]
        return (min(ends), max(ends)) if ends else None

    def times(self) -> tuple[int, int] | None:
        """First and last ts (ns) of the rows; None without rows."""
        ends = [int(ts[end]) for ts in (self.commands.records["ts"], self.facts["ts"]) if len(ts) for end in (0, -1)]
        return (min(ends), max(ends)) if ends else None


def make_batch(
    commands: np.ndarray,
    facts: np.ndarray,
    seqs: np.ndarray | None = None,
    blocks: Mapping[int, str] | Iterable[tuple[int, str]] | None = None,
    positions: np.ndarray | None = None,
) -> Batch:
    """The checked batch of COMMAND and FACT arrays; without `seqs` they follow from the facts. Raises LogError on what cannot be logged."""
    _check_records("commands", commands, COMMAND)
    if facts.dtype.names == FACT.names:  # packed by np.concatenate: the same fields at other places
        facts = facts.astype(FACT, copy=False)
    _check_records("facts", facts, FACT)
    if commands["spare"].any():
        raise LogError("commands: the field spare must be 0, the log does not keep it")
    placed = _numbers("seqs", seqs, len(commands)) if seqs is not None else seqs_between(len(commands), facts["seq"])
    at = _numbers("positions", positions, len(commands)) if positions is not None else np.full(len(commands), LIVE, np.int64)
    _check_order(placed, facts["seq"])
    digests = {int(seq): str(digest) for seq, digest in dict(blocks or {}).items()}
    return Batch(LoggedCommands(placed, np.ascontiguousarray(commands), at), np.ascontiguousarray(facts), dict(sorted(digests.items())))


def _check_records(what: str, records: np.ndarray, dtype: np.dtype) -> None:
    if records.dtype != dtype or records.ndim != 1:
        raise LogError(f"{what}: want a one-dimensional array of engine.messages.records.{'COMMAND' if dtype is COMMAND else 'FACT'}")


def _numbers(what: str, given: np.ndarray, count: int) -> np.ndarray:
    numbers = np.ascontiguousarray(given, dtype=np.int64)
    if numbers.shape != (count,):
        raise LogError(f"{what}: {numbers.size} numbers for {count} commands; give one for each")
    return numbers


def seqs_between(count: int, taken: np.ndarray) -> np.ndarray:
    """The numbers of `count` commands: what their facts, which are all there, leave free."""
    if not count:
        return np.empty(0, np.int64)
    last = int(taken[-1]) if len(taken) else 0
    first = last - len(taken) - count + 1
    free = np.setdiff1d(np.arange(first, last + 1, dtype=np.int64), taken)
    if len(free) != count or first < 1 or free[0] != first:
        raise LogError(f"seqs: {len(taken)} facts leave no clear places for {count} commands; give seqs")
    return free


def _check_order(seqs: np.ndarray, fact_seqs: np.ndarray) -> None:
    for what, numbers in (("commands", seqs), ("facts", fact_seqs)):
        if len(numbers) and (numbers[0] < 1 or not (np.diff(numbers) > 0).all()):
            raise LogError(f"{what}: seq must be 1 or more and grow from row to row")
    if len(np.intersect1d(seqs, fact_seqs, assume_unique=True)):
        raise LogError("a command and a fact have the same seq; each has its own")


def names_in(batch: Batch) -> list[tuple[str, int, str]]:
    """(kind, number, name) of each name that the batch's commands give and its facts do not refuse."""
    records, refused = batch.commands.records, batch.facts["seq"][batch.facts["kind"] == Kind.CommandRejected]
    found = []
    for i in np.flatnonzero(np.isin(records["kind"], list(NAME_KINDS))):
        seq = batch.commands.seqs[i]
        if seq + 1 in refused:
            continue
        try:
            found.append((NAME_KINDS[Kind(records["kind"][i])], int(records["trader"][i]), read_name(records[i])))
        except UnicodeDecodeError:
            raise LogError(f"command {seq}: its name is not UTF-8; write it with engine.messages.records.write_name") from None
    return found


def genesis(session_id: str, meta: str, instruments: list[Instrument], *more: object) -> str:
    """The first hash of a session: over its id, its meta (JSON), its instruments, and `more`: the version that wrote it, its money's
    decimals, which older Tapebooks left out."""
    listed = [[str(getattr(one, name)) for name in [*INSTRUMENT_TEXTS, "negative_prices"]] for one in instruments]
    return hashlib.sha256(json.dumps([LAYOUT, session_id, meta, listed, *more]).encode()).hexdigest()


def seal(previous: str, batch: Batch) -> str:
    """The hash of a batch: SHA-256 over the hash before it and every byte that it stores."""
    commands, facts, blocks = batch
    digest = hashlib.sha256(bytes.fromhex(previous))
    digest.update(struct.pack("<2q", len(facts), len(commands.seqs)))
    for rows in (*commands, facts):
        digest.update(np.ascontiguousarray(rows).view(np.uint8).data)
    digest.update(json.dumps(list(blocks.items())).encode())
    return digest.hexdigest()
