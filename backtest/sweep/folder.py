"""A sweep on disk: a folder with one file a run, each written under a temporary name and renamed when whole."""

import base64
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from backtest.sweep.row import Row


class SweepFolder:
    """`folder`/<run key>.json: parameters, figures, returns (float64, base64), or the error. A file that is cut is as good as none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, said: dict[str, Any]) -> None:
        """Make the folder and write what the sweep is of. Raises OSError where it cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / "sweep.json", said)
        for left in self.folder.glob(".*.tmp"):
            left.unlink(missing_ok=True)

    def load(self, key: str, parameters: dict[str, Any], number: int) -> Row | None:
        """The run of this key, or None where there is none."""
        try:
            said = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            returns = np.frombuffer(base64.b64decode(said["returns"]), "<f8")
            return Row(number, parameters, said["figures"], returns, said["yearly"], said["error"], said["digest"], said["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

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


def _write(path: Path, said: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(said, default=_plain), encoding="utf-8")
    temporary.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        found = value.item()
        return found if not isinstance(found, float) or math.isfinite(found) else None
    return str(value)
