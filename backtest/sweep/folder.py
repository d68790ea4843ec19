"""A sweep on disk: a folder with one file a run, each written under a temporary name and renamed when whole."""

import base64
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from backtest.sweep.row import Row

FILE = "sweep.json"
"""What a sweep is of: data, fingerprint, key, strategies and target."""


class SweepFolder:
    """`folder`/<run key>.json: parameters, figures, returns (float64, base64), or the error. A file that is cut is as good as none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, said: dict[str, Any]) -> None:
        """Make the folder and write what the sweep is of. Raises OSError where it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / FILE, said)
        for left in self.folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)

    def load(self, key: str, parameters: dict[str, Any], number: int) -> Row | None:
        """The run of this key, or None where there is none."""
        said = _read(self.folder / f"{key}.json")
        return None if said is None else _row(said, parameters, number)

    def rows(self) -> list[Row]:
        """Every whole run that is there, in the order of its parameters; their numbers count from 0 in that order."""
        said = [_read(path) for path in self.folder.glob("[!.]*.json") if path.name != FILE]
        found = [_row(one, one.get("parameters") or {}, 0) for one in said if isinstance(one, dict)]
        kept = sorted((one for one in found if one is not None), key=lambda row: [_place(value) for value in row.parameters.values()])
        return [row._replace(number=number) for number, row in enumerate(kept)]

    def save(self, key: str, row: Row) -> None:
        """Keep a run."""
        said = {
            "parameters": row.parameters,
            "error": row.error,
            "figures": row.figures,
            "digest": row.digest,
            "yearly": row.yearly,
            "seconds": row.seconds,
            "returns": base64.b64encode(np.ascontiguousarray(row.returns, "<f8").tobytes()).decode(),
        }
        _write(self.folder / f"{key}.json", said)


def folders(out: Path) -> list[Path]:
    """The folders of sweeps under `out`, the newest first."""
    return sorted((path.parent for path in (out / "sweeps").glob(f"*/{FILE}")), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def said_of(folder: Path) -> dict[str, Any]:
    """What a sweep is of, as far as it was written down."""
    found = _read(folder / FILE)
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _row(said: Any, parameters: dict[str, Any], number: int) -> Row | None:
    """A run as its file says it; None where the file does not."""
    try:
        returns = np.frombuffer(base64.b64decode(said["returns"]), "<f8")
        return Row(number, parameters, said["figures"], returns, said["yearly"], said["error"], said["digest"], said["seconds"])
    except (ValueError, KeyError, TypeError):
        return None


def _place(value: Any) -> tuple[int, float, str]:
    """Numbers before words."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def _write(path: Path, said: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(said, default=_plain), encoding="utf-8")
    temporary.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        found = value.item()
        return found if not isinstance(found, float) or math.isfinite(found) else None
    return str(value)
