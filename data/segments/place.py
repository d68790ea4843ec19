"""The folder of a live session: `session.json`, `log.duckdb`, `segments/`."""

import json
from pathlib import Path
from typing import Any

from data.log.schema import LogError

LOG, SEGMENTS = "log.duckdb", "segments"


def log_of(path: str | Path) -> tuple[Path, Path]:
    """The file of a log, and where its segments would be, by the path of the file or of the session."""
    place = Path(path).absolute()
    folder = place.parent if place.name == LOG and not place.is_dir() else place
    return place if not place.is_dir() else place / LOG, folder / SEGMENTS


def said_of(folder: Path) -> dict[str, Any]:
    """What a session's folder says of it in session.json; {} where it says nothing."""
    try:
        said = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def has_ended(folder: Path) -> bool:
    """Whether a session ended of its own will; one that was killed has not, it may start again."""
    return said_of(folder).get("state") == "ended"


def find_session(name: str, out: Path) -> Path:
    """The folder of the live session `name` under `out`. Raises LogError that names those there are."""
    sessions = out / "live"
    folder = sessions / name
    if folder.parent == sessions and not name.startswith(".") and folder.is_dir():
        return folder
    known = sorted(path.name for path in sessions.glob("[!.]*") if path.is_dir()) if sessions.is_dir() else []
    raise LogError(f"no live session {name!r} under {sessions}; there are: {', '.join(known) or 'none'}")
