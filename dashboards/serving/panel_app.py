"""Panel's applications of our pages, beside the gateway's routes or alone."""

import secrets
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from dashboards.pages.place import Place, present
from dashboards.pages.visit import Visit, page
from dashboards.serving.visits import HEADER, Visits
from dashboards.source.port import Source


def add_pages(app: FastAPI, source: Source, visits: Visits, out: Path) -> Callable[[], Any]:
    """Serve the pages from `app`; returns what gives the context in which the application lives (its clean-up of old pages)."""
    import panel as pn
    from panel.io.fastapi import add_applications

    pn.extension("tabulator", sizing_mode="stretch_width", notifications=False)
    shown: Any = {place.path: _builder(place, source, visits, out) for place in present()}
    titles = {place.path: f"{place.title} · {source.about.name} · Tapebook" for place in present()}
    key = secrets.token_bytes(32)
    add_applications(shown, app=app, title=titles, secret_key=key, sign_sessions=True, exclude_headers=["cookie", "authorization"])
    return lambda: _living(app)


async def _prime() -> None:
    """Once from the loop: a first busy event from a thread would keep one core busy for ever (Panel 1.10)."""
    import panel as pn

    schedule = getattr(pn.state, "_schedule_busy_cleanup", None)
    if schedule is not None:
        schedule()


async def _living(app: FastAPI) -> None:
    """Run the application's own tasks for ever: servers here serve without a lifespan of their own."""
    import asyncio

    await _prime()
    async with app.router.lifespan_context(app):
        await asyncio.Event().wait()


def _builder(place: Place, source: Source, visits: Visits, out: Path) -> Callable[[], Any]:
    module = import_module(f"dashboards.pages.{place.module}")

    def build() -> Any:
        import panel as pn

        number = next((str(value) for name, value in pn.state.headers.items() if name.lower() == HEADER), "")
        who = visits.who(number)
        if who is None:
            return pn.pane.HTML("<p>Load the page again.</p>")
        query = {name: values[0].decode() for name, values in (pn.state.session_args or {}).items() if values}
        visit = Visit(who, source, query, out)
        return page(place, visit, module.cells(visit))

    build.__name__ = place.module
    return build
