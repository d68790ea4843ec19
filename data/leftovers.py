"""Half-written files that a killed process left behind."""

import errno
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Any

_SETTLED = 1.0
"""Seconds since the last change after which a file that nobody has open is not about to be renamed."""
_OLD = 86_400.0
"""Seconds after which it is left over where the system cannot say whether somebody has it open."""
_system: Any = fcntl


def remove_leftovers(folder: Path) -> None:
    """Remove every `*.part` of a folder that no process is writing any more."""
    for path in folder.glob("*.part"):
        try:
            age = time.time() - path.stat().st_mtime
            if age > (_SETTLED if _is_closed(path) else _OLD):
                path.unlink()
        except OSError:
            continue  # gone meanwhile, or not ours to judge


def _is_closed(path: Path) -> bool:
    """Whether surely no process has the file open: Linux grants a lease for writing only then. False where it cannot say. Raises
    OSError where one has it open."""
    if not hasattr(_system, "F_SETLEASE"):
        return False
    file = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        _system.fcntl(file, _system.F_SETSIG, signal.SIGURG)  # who opens it meanwhile makes a signal: one that is ignored
        _system.fcntl(file, _system.F_SETLEASE, _system.F_WRLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise
        return False
    finally:
        os.close(file)
    return True
