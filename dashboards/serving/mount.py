"""Puts the pages beside a session's gateway, in its process and behind its guard."""

import asyncio
import contextlib
import logging
from importlib import import_module
from typing import Any

from dashboards.pages.place import present
from dashboards.serving.answering import Answering
from dashboards.serving.doors import Doors
from dashboards.serving.entrance import Entrance
from dashboards.serving.hub import Hub
from dashboards.serving.panel_app import add_pages
from dashboards.serving.socket import PageSocket
from dashboards.serving.visits import Visits
from dashboards.source.session import SessionSource
from live.demo.settings import VISITOR
from live.gateway.security.principals import Role
from live.gateway.server import Gateway
from live.session.session import Session

_log = logging.getLogger("tapebook.dashboards")


def load() -> None:
    """Import all that a first page needs."""
    import panel.io.fastapi  # noqa: F401

    for place in present():
        import_module(f"dashboards.pages.{place.module}")


def mount(gateway: Gateway) -> None:
    """Serve the pages at the gateway's address; what goes wrong there never ends the session."""
    session = gateway.desk.session
    if not isinstance(session, Session):
        return  # a reader has no exchange that could be asked
    source, visits = SessionSource(session, gateway.desk), Visits()
    hub = Hub(source)
    source.figures |= {"gateway": lambda: clients_of(gateway), "pages": hub.figures}
    out = session.folder.path.parent.parent
    living = add_pages(gateway.app, source, visits, out)
    entrance = Entrance(gateway.guard.verifier, gateway.secured.tls is not None)
    socket = PageSocket(hub)
    pages, answering = {place.path: place for place in present()}, Answering(source, out)
    gateway.app = Doors(gateway.app, entrance, pages, socket, visits, answering)  # type: ignore[assignment]

    async def run() -> None:
        await source.open()
        try:
            await asyncio.gather(_kept(living()), _kept(hub.run()))
        finally:
            socket.close()
            await source.close()

    gateway.beside.append(run)
    if gateway.issuer is not None and VISITOR in gateway.desk.names.traders and session.name == "demo":
        roles = [Role.TRADER, Role.RISK, Role.ADMIN]
        token = gateway.issuer.token(roles, trader=VISITOR, portfolios=[VISITOR], subject=VISITOR)
        session.folder.entrance = entrance.once(token)


def clients_of(gateway: Gateway) -> dict[str, Any]:
    """What the gateway counts of its clients, as its /metrics say it."""
    hub, guard = gateway.hub, gateway.guard
    return {
        "clients": len(hub.clients),
        "dropped": hub.dropped + sum(client.dropped for client in hub.clients),
        "closed_slow": hub.closed_slow,
        "waiting_bytes": sum(client.waiting for client in hub.clients),
        "denied": guard.denied,
        "limited": guard.users.refused + guard.addresses.refused,
    }


async def _kept(work: Any) -> None:
    """Run it; a failure is told in the log, not to the session."""
    with contextlib.suppress(Exception):
        try:
            await work
        except Exception:
            _log.exception("the pages are not served any more")
            raise
