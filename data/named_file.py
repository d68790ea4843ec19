"""Small files that people name: configurations, tokens, secrets, keys. Read whole, and never without end."""

import errno
import os
import stat
from pathlib import Path

MOST = 1 << 24
"""Bytes of the largest."""


def named_bytes(path: Path | str, most: int = MOST) -> bytes:
    """The bytes of a regular file. Raises OSError, also for a pipe or a device, which may never end, and for more than `most` bytes."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # what reading a folder raises says enough
        raise OSError(errno.EINVAL, "Not a regular file; write it to one and name that", str(path))
    with Path(path).open("rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"Larger than {most:,} bytes", str(path))
    return found


def named_text(path: Path | str, encoding: str = "utf-8-sig") -> str:
    """The text of a regular file. Raises OSError as `named_bytes` does, and UnicodeDecodeError."""
    return named_bytes(path).decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
