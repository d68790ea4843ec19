"""`tapebook dash`, and the pages of `tapebook live`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from data.terminal import LONG, OUT, Out
from live.cli.pages import LOADERS

app = typer.Typer()


def _pages() -> Callable[[Any], None] | None:
    """Puts pages beside a session's gateway; without the extra there are none."""
    try:
        from dashboards.serving.mount import load, mount
    except ModuleNotFoundError as odd:
        if odd.name not in ("panel", "bokeh", "bokeh_fastapi", "param"):
            raise
        return None
    load()
    return mount


LOADERS[:] = [_pages]


@app.command("dash")
def dash(
    session: Annotated[str | None, typer.Option(metavar="URL", help="A session that runs, by its gateway's address.")] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="A recorded backtest: its id or its folder.")] = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="An event log, or the folder of a session.")] = None,
    token: Annotated[str | None, typer.Option(help="For --session: the token that the pages act with.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="For --session: a file that holds the token.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the pages are served; 0 is any.")] = 0,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after so long.")] = None,
    out: Out = OUT,
) -> None:
    """Pages over a session elsewhere, a recorded run or a log; prints an address that signs in once. Without an option: the newest run.

    Example: `tapebook dash --session http://127.0.0.1:8000 --token-file ann.token`
    """
    import asyncio

    from dashboards.serving.server import Choice, serve

    choice = Choice(session, run, log, token, token_file, out)
    raise typer.Exit(asyncio.run(serve(choice, port, seconds)))
