"""The pages that there are: one table, from which navigation, rights and routes follow."""

import importlib.util
from functools import cache
from typing import NamedTuple

from live.gateway.routes import ANYONE, OVERSIGHT, OWN
from live.gateway.security.principals import Role


class Place(NamedTuple):
    """A page: where it is, what it is called, for whom, and the module under `dashboards.pages` whose `cells(visit)` say what
    stands on it."""

    path: str
    title: str
    roles: frozenset[Role]
    module: str


PLACES = (
    Place("/desk", "Desk", ANYONE, "desk"),
    Place("/risk", "Risk", OWN, "risk"),
    Place("/portfolio", "Portfolio", OWN, "portfolio"),
    Place("/backtests", "Backtests", ANYONE, "backtests"),
    Place("/operations", "Operations", ANYONE, "operations"),
    Place("/audit", "Audit", OVERSIGHT, "audit"),
)


@cache
def present() -> tuple[Place, ...]:
    """The pages that are there."""
    return tuple(place for place in PLACES if importlib.util.find_spec(f"dashboards.pages.{place.module}") is not None)
