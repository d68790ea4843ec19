"""What parent and worker say to each other: pickles behind their length, over the worker's standard input and output."""

import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import TapebookError

_LENGTH = struct.Struct("<Q")
READY = b"ready"
"""A worker's first word, once it has its task: only from then on does time count."""


class NotPortable(TapebookError, ValueError):
    """Something that another process cannot be given."""


def pack(value: Any) -> bytes:
    """A pickle of `value`; classes and functions of a notebook or a script go by value where cloudpickle is installed.

    Raises NotPortable with the mend.
    """
    try:
        import cloudpickle
    except ModuleNotFoundError:
        return _plainly(value)
    try:
        return bytes(cloudpickle.dumps(value))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise NotPortable(f"cannot be handed to another process ({error}); run with processes=1") from None


def _plainly(value: Any) -> bytes:
    try:
        made = pickle.dumps(value)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise NotPortable(f"cannot be handed to another process ({error}); install tapebook[research], or run with processes=1") from None
    if b"__main__" in made:
        mend = "install tapebook[research], put the strategy into a module of its own, or run with processes=1"
        raise NotPortable(f"a class of this script or notebook is unknown in another process; {mend}")
    return made


def by_value(module: str) -> None:
    """Let classes of a module of the user's travel by value from now on, for machines that do not have its file."""
    import cloudpickle

    found = sys.modules.get(module)
    here, file = Path(__file__).resolve().parents[2], getattr(found, "__file__", None)
    if found is None or file is None or module == "__main__":
        return
    path = Path(file).resolve()
    ours = path.is_relative_to(here) and path.relative_to(here).parts[0] in ("engine", "data", "backtest", "live", "dashboards")
    if not ours and not {"site-packages", "dist-packages"} & set(path.parts):
        cloudpickle.register_pickle_by_value(found)


def send(stream: BinaryIO, message: bytes) -> None:
    """One message. Raises OSError where nobody listens any more."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: BinaryIO) -> bytes | None:
    """The next message; None where the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = stream.read(length)
    return message if len(message) == length else None


Task = Callable[[Any], Any]
