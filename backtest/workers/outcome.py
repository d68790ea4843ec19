"""How a piece of work ended, wherever it was done."""

import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).resolve().parents[2]


class Outcome(NamedTuple):
    """`value` of the work, or in `error` one line that says what it raised and where.

    `lost`: its process died or ran out of time, so that another try may succeed. `bad_input`: the error is one of ours, with its mend.
    """

    value: Any = None
    error: str | None = None
    lost: bool = False
    bad_input: bool = False
    trace: str = ""


def attempt(work: Callable[[Any], Any], item: Any) -> Outcome:
    """Do it; what it raises is an outcome too, an interrupt is not."""
    try:
        return Outcome(work(item))
    except Exception as error:
        errors = getattr(sys.modules.get("engine.errors"), "TapebookError", ())
        bad = isinstance(error, (ValueError, OSError, errors))
        return Outcome(error=_line(error), bad_input=bad and not _own(error), trace="".join(traceback.format_exception(error)))


def _line(error: Exception) -> str:
    """`ValueError: what (mine.py line 7)`, the place that of the user's own code where some of it was on the way."""
    said = " ".join(str(error).split()) or "without a word"
    place = _own(error)
    return f"{type(error).__name__}: {said}{f' ({place})' if place else ''}"


def _own(error: Exception) -> str:
    """The innermost line of the user's own code; empty where none was on the way."""
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename).resolve()
        ours = path.is_relative_to(_HERE) and path.relative_to(_HERE).parts[0] in ("engine", "data", "backtest", "live", "dashboards")
        if not ours and path.name != "tapebook.py" and not any(path.is_relative_to(folder) for folder in installed):
            return f"line {line}" if path.name.startswith("<") else f"{path.name} line {line}"
    return ""
