"""The live table: one screen with the market, portfolios, rates and alarms, twice a second; nothing where nobody looks."""

import asyncio
from typing import Any

from live.cli.picture import Camera, Picture
from live.session.session import Session

EVERY = 0.5


async def show(session: Session) -> None:
    """Show the session for ever. Without a terminal, one line that says where it is."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    if not console.is_terminal:
        await _listening(session)
        print(f"session {session.name!r} runs: {_where(session)}", flush=True)
        await asyncio.Event().wait()
    camera = Camera(session)
    with Live(console=console, auto_refresh=False, transient=True) as screen:
        while True:
            screen.update(_screen(session, await camera.take(), console.width), refresh=True)
            await asyncio.sleep(EVERY)


async def _listening(session: Session) -> None:
    """Wait until its gateway, if it has one, takes clients."""
    for _ in range(200):
        if "url" in session.folder.said or not session.services:
            return
        await asyncio.sleep(0.1)


def _where(session: Session) -> str:
    """Where a person finds it: its pages, its gateway, or its folder."""
    url = session.folder.said.get("url")
    return f"{url}{session.folder.entrance}" if url else str(session.folder.path)


def _screen(session: Session, picture: Picture, width: int) -> Any:
    from rich.columns import Columns
    from rich.console import Group
    from rich.text import Text

    where = _where(session)
    head = Text.assemble((f" {session.name} ", "reverse bold"), "  ", (where, "cyan"), f"   {picture.seconds:,.0f} s   Ctrl-C stops")
    parts: list[Any] = [head, Text(), _market(picture)]
    portfolios = _portfolios(picture)
    parts = [head, Text(), Columns([_market(picture), portfolios], padding=(0, 4))] if width >= 120 else [*parts, Text(), portfolios]
    return Group(*parts, Text(), _rates(picture), *_alarms(picture))


def _table(*columns: tuple[str, str]) -> Any:
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, justify in columns:
        made.add_column(name, justify=justify)  # type: ignore[arg-type]
    return made


def _market(picture: Picture) -> Any:
    made = _table(
        ("symbol", "left"),
        ("bid size", "right"),
        ("bid", "right"),
        ("ask", "right"),
        ("ask size", "right"),
        ("last", "right"),
        ("volume", "right"),
    )
    for one in picture.quotes:
        prices = [f"{price:,f}" if price is not None else "" for price in (one.bid, one.ask, one.last)]
        bid, ask, last = f"[green]{prices[0]}[/]", f"[red]{prices[1]}[/]", prices[2]
        sizes = [f"{size:,f}" if size is not None else "" for size in (one.bid_quantity, one.ask_quantity)]
        made.add_row(one.symbol, sizes[0], bid, ask, sizes[1], last, f"{one.volume:,f}")
    return made


def _portfolios(picture: Picture) -> Any:
    made = _table(("portfolio", "left"), ("position", "left"), ("P&L", "right"), ("equity", "right"))
    for one in picture.portfolios:
        held = " ".join(f"{quantity:+,g} {symbol}" for symbol, quantity in list(one["positions"].items())[:3])
        colour = "green" if one["pnl"] > 0 else "red" if one["pnl"] < 0 else "white"
        made.add_row(one["name"], held or "flat", f"[{colour}]{one['pnl']:+,.2f}[/]", f"{one['equity']:,.2f}")
    return made


def _rates(picture: Picture) -> Any:
    from rich.text import Text

    times = [f"{name} {_milliseconds(p50)}/{_milliseconds(p99)}" for name, (p50, p99) in picture.stages.items()]
    counts = picture.counts
    return Text(
        f"{picture.rate:,.0f} commands/s   {counts.get('commands', 0):,} commands   {counts.get('facts', 0):,} facts   "
        f"{picture.active:,} active orders\nms p50/p99: {'   '.join(times)}"
    )


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1e3:.1f}"


def _alarms(picture: Picture) -> list[Any]:
    from rich.text import Text

    return [Text(f"! {alarm}", style="yellow", overflow="ellipsis", no_wrap=True) for alarm in picture.alarms[-4:]]
