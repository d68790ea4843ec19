"""What privileged people did, a line an action, beside the log of a session; the log seals each line that was carried out."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.messages.vocabulary import Kind

FILE = "audit.jsonl"
SEALS = f"SELECT order_id, price FROM commands WHERE session = ? AND kind = {int(Kind.NOTICE)} AND order_id > 0 ORDER BY seq"
"""Number and mark of each line that a session's log seals: a NOTICE stands before the action's own command, in one commit with it."""


def sealed(before: str, text: str) -> str:
    """The hash of a line behind a hash."""
    return hashlib.sha256((before + text).encode()).hexdigest()


def mark(digest: str) -> int:
    """What a log keeps of a line's hash: its first 60 bits."""
    return int(digest[:15], 16)


def broken_line(path: Path) -> int | None:
    """The number of the first line that is not what was written; None where all are."""
    before = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = json.loads(line)
            given = found.pop("hash")
        except (ValueError, KeyError, AttributeError):
            return number
        before = sealed(before, json.dumps(found, ensure_ascii=False))
        if before != given or found.get("number") != number:
            return number
    return None


def actions_in(path: Path, most: int = 200) -> list[dict[str, Any]]:
    """The newest actions of an audit file, newest first, as they were written down; none where there is no file. Lines that tell how an
    action ended are left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[-most:]
    except FileNotFoundError:
        return []
    return [one for one in map(json.loads, reversed(lines)) if "action" in one]


def disagreement(path: Path, seals: Iterable[tuple[int, int]]) -> str | None:
    """Where an audit file is not what was written, or not what the log seals (rows of `SEALS`), in words; None where it is."""
    kept = list(seals)
    if not path.exists():
        return f"{path.name} is gone, and the log knows of {len(kept)} privileged actions" if kept else None
    broken = broken_line(path)
    if broken is not None:
        return f"{path.name}, line {broken}: is not what was written"
    marks = {int(line["number"]): mark(line["hash"]) for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    odd = next((number for number, seal in kept if marks.get(number) != seal), None)
    return None if odd is None else f"{path.name}, line {odd}: is not the one that the log seals"
