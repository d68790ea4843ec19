"""How sessions, services and files stand: what is on the disk of this machine."""

import asyncio
import json
from pathlib import Path
from typing import Any

from backtest.jobs.listing import jobs
from backtest.past import folders
from dashboards.answers.place import folder_of, path_of
from dashboards.answers.port import AnswerError, Asked
from data.segments.place import log_of
from live.broker.port import BrokerError
from live.services.host import FOLDER, LETTERS
from live.services.supervisor import STATUS
from live.session.status import sessions

LETTERS_MOST, VALUE_MOST, JOBS_MOST = 100, 400, 50
_SAID = ("session", "state", "started", "pid", "url", "error")


async def standing(asked: Asked) -> Any:
    """Sessions and the last jobs under the folder, services of this one, sizes of its log, numbers of runs and dead letters."""
    return await asyncio.to_thread(_standing, asked)


def _standing(asked: Asked) -> dict[str, Any]:
    listed = [{name: one.get(name) for name in _SAID} for one in sessions(asked.out)]
    made: dict[str, Any] = {"sessions": listed, "folder": str(asked.out), "runs": sum(1 for _ in folders(asked.out))}
    made["jobs"] = _jobs(asked.out)
    try:
        folder = folder_of(asked.source)
    except AnswerError as odd:
        return {**made, "services": [], "files": [], "elsewhere": str(odd)}
    return {**made, "services": _services(folder), "files": _files(path_of(asked.source)), "letters": len(_lines(folder))}


def _jobs(out: Path) -> list[dict[str, Any]]:
    """The last dates of all jobs, the newest first."""
    last = sorted(jobs(out), key=lambda one: str(one.get("date")), reverse=True)[:JOBS_MOST]
    return [
        {"name": one.get("job"), "date": one.get("date"), "outcome": one.get("outcome"), "problems": one.get("problems") or [],
         "steps": len(one.get("steps") or [])}
        for one in last
    ]  # fmt: skip


def _services(folder: Path) -> list[dict[str, Any]]:
    """As the session wrote them down."""
    try:
        said = json.loads((folder / FOLDER / STATUS).read_text(encoding="utf-8"))["services"]
    except (OSError, ValueError, KeyError):
        return []
    return [{"name": name, **one} for name, one in said.items()]


def _files(path: Path) -> list[dict[str, Any]]:
    """Bytes of the log's file, of what it has not merged yet, and of the segments beside it."""
    file, segments = log_of(path)
    sizes = {"log.duckdb": _size(file), "log.duckdb.wal": _size(file.with_name(file.name + ".wal"))}
    sealed = [_size(one) for one in segments.rglob("*.parquet")] if segments.is_dir() else []
    found = [{"name": name, "bytes": size, "files": 1} for name, size in sizes.items() if size is not None]
    known = [size for size in sealed if size is not None]
    return [*found, *([{"name": "segments", "bytes": sum(known), "files": len(known)}] if known else [])]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


async def letters(asked: Asked) -> Any:
    """The newest dead letters: those that services put aside, and those of the broker's topic where the session runs here."""
    kept = await asyncio.to_thread(lambda: _lines(folder_of(asked.source)))
    found = [{**one, "value": str(one.get("value", ""))[:VALUE_MOST]} for one in reversed(kept[-LETTERS_MOST:])]
    return {"letters": [*found, *await _of_broker(asked)]}


def _lines(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / FOLDER / LETTERS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [json.loads(line) for line in lines if line.startswith("{")]


async def _of_broker(asked: Asked) -> list[dict[str, Any]]:
    """Messages of topics that could not be taken. A service's letter is in its file already."""
    from live.broker.topics import DEAD_LETTERS

    session = getattr(asked.source, "session", None)
    broker = getattr(getattr(session, "equipment", None), "broker", None)
    if session is None or broker is None:
        return []
    shard = session.settings.broker.shard
    try:
        first, end = (await broker.ends(DEAD_LETTERS))[shard]
        reader = await broker.read(DEAD_LETTERS, shard, max(first, end - LETTERS_MOST))
        taken = await reader.take(LETTERS_MOST, 0.5) if end > first else []
    except (BrokerError, OSError, KeyError):
        return []
    made = []
    for one in taken:
        said = {name: value.decode(errors="replace") for name, value in one.headers[:4]}
        if said.get("topic", "").startswith("service:"):
            continue
        came = f"{said.get('topic')}[{said.get('partition')}]@{said.get('offset')}"
        made.append(
            {"service": came, "seq": one.offset, "error": said.get("error", ""), "value": one.value.decode(errors="replace")[:VALUE_MOST]}
        )
    return made[::-1]
