"""One visit of a page: who looks, at what, and how the page is put together."""

from pathlib import Path
from typing import Any, NamedTuple

from dashboards.pages.place import Place, present
from dashboards.source.port import Source
from live.gateway.security.principals import Principal

TEMPLATE = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


class Visit(NamedTuple):
    """What a page knows when it is built, on a thread of its own; the source is asked by cards, over the socket, not here."""

    who: Principal
    source: Source
    query: dict[str, str]
    """What stands behind the question mark."""
    out: Path
    """The folder of runs and sessions."""


class Cell(NamedTuple):
    """A card's place on a page: `name` is its area of the grid and the name of its element; `kind` and `options` are the card's."""

    name: str
    title: str
    kind: str
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


def page(place: Place, visit: Visit, cells: list[Cell]) -> Any:
    """The page as a template of Panel: header with navigation, and the cells in the grid `tb-grid-NAME` of `pages.css`."""
    import panel as pn

    from dashboards.cards.card import card

    made = pn.Template(TEMPLATE)
    shown = [one for one in present() if visit.who.roles & one.roles]
    made.add_variable("page", {"path": place.path, "title": place.title, "name": place.path.strip("/")})
    made.add_variable("places", [{"path": one.path, "title": one.title} for one in shown])
    made.add_variable("session", visit.source.about.name)
    made.add_variable("kind", visit.source.about.kind)
    made.add_variable("subject", visit.who.subject)
    made.add_variable("cells", [{"name": cell.name, "title": cell.title} for cell in cells])
    made.add_variable("roots_named", [cell.name for cell in cells])
    for cell in cells:
        made.add_panel(cell.name, card(cell.kind, **cell.options))
    return made
