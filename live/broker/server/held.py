"""The lock of a Kafka's folder, which Java inherits: whoever started it may go, the lock stays as long as the server lives."""

import os
from pathlib import Path

from live.broker.server.unavailable import Unavailable


def try_lock(file: Path) -> int | None:
    """A descriptor that holds the lock, to be passed on and closed; None where another process holds it."""
    try:
        import fcntl
    except ImportError:
        raise Unavailable("tapebook kafka runs on Linux and macOS; elsewhere name a Kafka that runs already") from None
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(file: Path) -> bool:
    """Does a process hold the lock?"""
    if not file.exists():
        return False
    descriptor = try_lock(file)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
