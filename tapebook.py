"""Tapebook: `import tapebook as tb`, and the command line.

Names are loaded when first asked for: importing this module costs nothing.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

_ROOMS = {
    "engine": (
        "Command Exchange Flag Grain Instrument Kind Limits OrderStatus OrderType Parameter Queue QueueModel Reason Rules SelfTrade "
        "Side Strategy TimeInForce Wake Want context limit market stop stop_limit cancel replace halt resume clear end_of_day "
        "start_of_day mark reference deposit set_limits set_queue set_rules kill revive TapebookError"
    ),
    "data": (
        "Catalog DataError EventLog Feed adjust at_venue bars_of days fees fees_per_share in_sessions levels_of merge read "
        "read_bars read_binance read_dbn read_itch read_lobster read_table replay synthetic_flow"
    ),
    "backtest": (
        "Backtest BarBacktest FastImbalanceTaker FastMarketMaker ImbalanceTaker MarketMaker Result Sweep assert_same luck plot_lines "
        "runs sweep_bars vectorised"
    ),
    "live": "AsyncClient Broker Client ClientError KafkaBroker MemoryBroker Session SessionSettings",
    "dashboards": "view",
}
_PACKAGES = tuple(_ROOMS)
_EXTRAS = {
    **dict.fromkeys(("aiokafka", "filelock", "jgo", "msgspec", "streamz"), "live"),
    **dict.fromkeys(("cloudpickle", "distributed", "optuna", "pandas"), "research"),
    **dict.fromkeys(("fastapi", "httptools", "uvicorn", "websockets", "httpx2", "joserfc", "prometheus_client"), "gateway"),
    **dict.fromkeys(("panel", "bokeh", "bokeh_fastapi", "param"), "dash"),
}
"""Modules that only some commands need, and the extra that brings each."""
_COMMANDS = (
    *("backtest.cli.app", "backtest.cli.sweep", "backtest.cli.job", "data.cli"),
    *("live.cli.app", "live.broker.server.cli", "live.gateway.cli", "dashboards.cli"),
)
"""Modules with a Typer app `app`, in the order of the help."""
_INTERRUPTED = 130
_WHERE = {name: room for room, names in _ROOMS.items() for name in names.split()}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'tapebook' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "main"])


_HERE = Path(__file__).resolve().parent


class _Own(MetaPathFinder):
    """Finds our packages where we stand, whatever lies beside the user's script or in the current folder."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname not in _PACKAGES:
            return None
        return spec_from_file_location(fullname, _HERE / fullname / "__init__.py", submodule_search_locations=[str(_HERE / fullname)])


def _in_the_way() -> str | None:
    """A module of somebody else's that was imported under the name of one of our packages."""
    for name in _PACKAGES:
        where = getattr(sys.modules.get(name), "__file__", None)
        if where and Path(where).resolve().parent != _HERE / name:
            return str(where)
    return None


def _claim() -> None:
    """Our packages are ours from now on. Raises ImportError where another module has the name of one already."""
    if taken := _in_the_way():
        raise ImportError(f"{taken} was imported under the name of one of Tapebook's packages; rename it, or import tapebook first")
    if not any(type(finder).__name__ == _Own.__name__ and type(finder).__module__ == __name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, _Own())


_claim()


def keep_bytecode() -> None:
    """Where Python was told to write no bytecode beside the sources (as container images do), keep it with our compiled kernels.

    Compiling the sources of Numba and its company anew takes 3 s of CPU a start.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
        sys.dont_write_bytecode, sys.pycache_prefix = False, str(Path(home) / "tapebook" / "bytecode")


def command_line() -> Any:
    """The command line as one Typer app, composed of one a package."""
    import typer

    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")
    for module in _COMMANDS:
        app.add_typer(import_module(module).app)

    @app.callback()
    def tapebook(version: bool = typer.Option(False, "--version", help="Print the version.", callback=_say_version, is_eager=True)) -> None:
        """Backtests with exact queue position, from a real exchange day to a report. Start with: `tapebook backtest`"""

    return app


def _say_version(asked: bool) -> None:
    if asked:
        from importlib import metadata

        import typer

        print(f"tapebook {metadata.version('tapebook')}")
        raise typer.Exit


def run_command_line(words: Sequence[str]) -> int:
    """Run one command; returns the exit code: 0, 1 (failed, stopped) or 2 (bad input: one clear line a problem on stderr)."""
    try:
        import typer

        usage: Any = typer.BadParameter.__base__  # of click, which recent versions of typer carry within them
        try:
            code = int(command_line()(list(words), prog_name="tapebook", standalone_mode=False) or 0)
        except usage as error:
            return _misused(error, bool(words))
        if code != _INTERRUPTED:
            return code
        return _failed("stopped", code=1)
    except KeyboardInterrupt:
        return _failed("stopped", code=1)
    except Exception as error:
        return _explained(error)


def _misused(error: Any, worded: bool) -> int:
    """A command line that is not one of ours."""
    context, text = getattr(error, "ctx", None), error.format_message()
    if context is None or not worded:
        print(text, file=sys.stderr)
        return 2
    return _failed(f"{text.rstrip('.')}; see {context.command_path} --help", code=2)


def _explained(error: Exception) -> int:
    """What a command raised: bad input in one line a problem, the user's own code with its frames, a mistake of ours with all of them."""
    import traceback

    frames = _frames_of_the_user(error)
    if frames:
        print("tapebook: your code failed, most recent call last:", file=sys.stderr)
        print("".join([*frames.format(), *traceback.format_exception_only(error)]), end="", file=sys.stderr)
        return 1
    ours = getattr(sys.modules.get("engine.errors"), "TapebookError", ())  # not imported for this: nothing of it was raised then
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        extra = _EXTRAS[error.name]
        return _failed(f"this needs the extra {extra!r}: uv run --extra {extra} tapebook …, or pip install 'tapebook[{extra}]'", code=2)
    if isinstance(error, OSError) and error.strerror:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, code=2)
    if type(error).__module__ == "_duckdb" and type(error).__name__ in ("IOException", "TransactionException"):  # as where the disk is full
        return _failed(str(error).splitlines()[0], code=2)
    if type(error).__module__.startswith("polars") and "No space left" in str(error):  # a Parquet file that did not fit
        return _failed("No space left on device; make room, or name another folder", code=2)
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # of pathlib, an OSError from Python 3.13 on
        return _failed(f"{error}; name the file itself", code=2)
    if isinstance(error, (ValueError, OSError, ours)):
        return _failed(*getattr(error, "problems", [str(error)]), code=2)
    traceback.print_exception(error)
    return 1


def _failed(*problems: str, code: int) -> int:
    for problem in problems:
        print(f"tapebook: {' '.join(problem.split())}", file=sys.stderr)
    return code


def _frames_of_the_user(error: Exception) -> Any:
    """The frames of an exception's traceback that are in files of the user's, or in methods of an installed strategy."""
    import sysconfig
    import traceback

    here = Path(__file__).resolve().parent
    installed = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found = traceback.StackSummary()
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename).resolve()
        ours = path.is_relative_to(here) and path.relative_to(here).parts[0] in (*_PACKAGES, Path(__file__).name)
        theirs = path.exists() and not any(path.is_relative_to(folder) for folder in installed) and "dist-packages" not in path.parts
        if not ours and (theirs or _is_strategy(frame.f_locals.get("self"))):
            found.append(traceback.FrameSummary(str(path), line, frame.f_code.co_qualname))
    return found


def _is_strategy(caller: Any) -> bool:
    engine = sys.modules.get("engine")
    return engine is not None and isinstance(caller, engine.Strategy)


def main() -> None:
    """The command line; exits 0, 1 (failed) or 2 (bad input: one clear line on stderr)."""
    keep_bytecode()
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
