"""Tapebook: `import tapebook as tb`, and the command line.

Names are loaded when first asked for: importing this module costs nothing.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOMS = {
    "engine": (
        "Command Exchange Flag Instrument Kind Limits OrderStatus OrderType Parameter Reason Rules SelfTrade Side Strategy TimeInForce "
        "Wake Want limit market stop stop_limit cancel replace halt resume end_of_day start_of_day mark reference deposit "
        "set_limits set_rules kill revive TapebookError"
    ),
    "data": "DataError EventLog Feed merge read_bars read_lobster replay synthetic_flow",
    "backtest": "Backtest FastImbalanceTaker FastMarketMaker ImbalanceTaker MarketMaker Result assert_same runs",
}
_WHERE = {name: room for room, names in _ROOMS.items() for name in names.split()}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'tapebook' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "main"])


def _shadow() -> str | None:
    """A file in the current folder that Python would import instead of one of our rooms."""
    here = Path(__file__).resolve().parent
    for room in (*_ROOMS, "live", "dashboards"):
        found = sys.modules.get(room)
        where = getattr(found, "__file__", None)
        if where and Path(where).resolve().parent not in (here / room, here):
            return where
        for path in (Path.cwd() / f"{room}.py", Path.cwd() / room / "__init__.py"):
            if path.exists() and Path.cwd() in map(Path, sys.path[:1]) and Path.cwd() != here:
                return str(path)
    return None


def _keep_bytecode() -> None:
    """Where Python was told to write no bytecode beside the sources (as container images do), keep it with our compiled kernels.

    Compiling the sources of Numba and its company anew takes 3 s of CPU a start.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(Path(home) / "tapebook" / "bytecode")


def main() -> None:
    """The command line; exits 0, 1 (failed) or 2 (bad input: one clear line on stderr)."""
    _keep_bytecode()
    shadow = _shadow()
    if shadow:
        print(f"tapebook: {shadow} stands where Tapebook's own module should; rename it, or run from another folder", file=sys.stderr)
        sys.exit(2)
    from backtest.cli.app import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
