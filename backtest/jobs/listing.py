"""The jobs that were run under a folder, and how their dates ended."""

import json
from pathlib import Path
from typing import Any


def jobs(out: Path) -> list[dict[str, Any]]:
    """One mapping a job and date, by name, the newest date first: job, date, outcome, problems, steps, summary."""
    found: list[dict[str, Any]] = []
    for home in sorted(path for path in (out / "jobs").glob("*") if path.is_dir()):
        for path in sorted(home.glob("*/job.json"), reverse=True):
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(said, dict):
                found.append(said)
    return found
