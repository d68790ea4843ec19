"""`tapebook dash`, and the pages of `tapebook live`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from data.terminal import LONG, OUT, Json, Out, say, say_json
from live.cli.pages import LOADERS

app = typer.Typer()
SITE = Path(__file__).resolve().parent / "site"
"""Where the documentation lies in a wheel, and where a checkout builds it."""


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


def needs_dash() -> None:
    """Name the extra that brings all of this. Raises ModuleNotFoundError for the first of its packages."""
    import importlib.util

    if not all(importlib.util.find_spec(name) for name in ("panel", "fastapi", "uvicorn", "websockets", "msgspec", "streamz")):
        raise ModuleNotFoundError("No module named 'panel'", name="panel")


Url = Annotated[str | None, typer.Option(metavar="URL", help="A session that runs, by its gateway's address.")]
Run = Annotated[str | None, typer.Option(metavar="RUN", help="A recorded backtest: its id or its folder.")]
Log = Annotated[Path | None, typer.Option(metavar="FILE", help="An event log, or the folder of a session.")]
Token = Annotated[str | None, typer.Option(help="For --session: the token that the pages act with.")]
TokenFile = Annotated[Path | None, typer.Option(help="For --session: a file that holds the token.")]
dash_app, report_app = typer.Typer(), typer.Typer(no_args_is_help=True, help="Reports of sessions, as files that can be mailed.")
app.add_typer(dash_app, name="dash")
app.add_typer(report_app, name="report")


@dash_app.callback(invoke_without_command=True)
def dash(
    context: typer.Context,
    session: Url = None,
    run: Run = None,
    log: Log = None,
    token: Token = None,
    token_file: TokenFile = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the pages are served; 0 is any.")] = 0,
    seconds: Annotated[float | None, typer.Option("--for", min=0, max=LONG, metavar="SECONDS", help="Stop after this time.")] = None,
    out: Out = OUT,
) -> None:
    """Pages over a session elsewhere, a recorded run or a log; prints an address that signs in once. Without an option: the newest run.

    Example: `tapebook dash --session http://127.0.0.1:8000 --token-file ann.token`
    """
    if context.invoked_subcommand is not None:
        return
    needs_dash()
    import asyncio

    from dashboards.serving.choice import Choice
    from dashboards.serving.server import serve

    choice = Choice(session, run, log, token, token_file, out)
    raise typer.Exit(asyncio.run(serve(choice, port, seconds)))


@dash_app.command("export")
def export(
    page: Annotated[
        str,
        typer.Argument(help="desk, risk, portfolio, backtests, operations or audit; a state of it follows a ?, as in desk?symbol=AAPL."),
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Ends in .html, .png or .pdf.")],
    session: Url = None,
    run: Run = None,
    log: Log = None,
    token: Token = None,
    token_file: TokenFile = None,
    width: Annotated[int, typer.Option(help="CSS pixels of the window.")] = 1440,
    height: Annotated[int, typer.Option(help="CSS pixels; a picture is as high as the page is.")] = 900,
    theme: Annotated[str, typer.Option(help="dark or light; of HTML by default the reader's own.")] = "",
    colours: Annotated[str, typer.Option(help="usual or cvd.")] = "",
    out: Out = OUT,
) -> None:
    """A page as one file: HTML that needs no server, or PNG or PDF where there is a browser. Without a source: the newest run.

    Example: `tapebook dash export portfolio?portfolio=fund --log .tapebook/live/desk --to fund.html`
    """
    needs_dash()
    from dashboards.reports.to_file import to_file
    from dashboards.serving.choice import Choice

    say(to_file(Choice(session, run, log, token, token_file, out), page, to, (width, height), theme, colours))


@report_app.command("daily")
def daily(
    name: Annotated[str, typer.Argument(help="A session under the folder, or a portfolio of the only one that has it.")],
    portfolio: Annotated[str | None, typer.Option(help="The portfolio to report; by default each has its page.")] = None,
    day: Annotated[int | None, typer.Option(min=1, help="Trading day of the session, from 1; by default the last one.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="A PDF beside it, where there is a browser.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="The HTML file, of one portfolio.")] = None,
    out: Out = OUT,
    as_json: Json = False,
) -> None:
    """A portfolio's trading day as one HTML file that can be mailed: worth, P&L by symbol, fees, positions, trades, settlement, breaches.

    Example: `tapebook report daily desk --portfolio fund --pdf`
    """
    needs_dash()
    from dashboards.reports.daily_files import daily_files

    made = daily_files(out, name, portfolio, day, to, pdf)
    if as_json:
        say_json([{**one, "files": [str(path) for path in one["files"]]} for one in made])
        return
    for one in made:
        say(f"{one['portfolio']}, day {one['day']}: {', '.join(str(path) for path in one['files'])}")


@app.command()
def docs(
    browser: Annotated[bool, typer.Option("--open", help="Open them in the browser.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print the folder of the pages, to put on a web server.")] = False,
) -> None:
    """The documentation as pages of this installation, which need no network; prints their address.

    Example: `tapebook docs --open`
    """
    start = SITE / "index.html"
    if not start.is_file():
        from engine.errors import TapebookError

        mend = "in a checkout, build them: uv run --group docs --all-extras python notebooks/docs/build.py"
        raise TapebookError(f"{SITE}: the documentation's pages are not there; {mend}")
    say(str(SITE) if path else start.as_uri())
    if browser:
        import webbrowser

        webbrowser.open(start.as_uri())
