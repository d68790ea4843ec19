"""Who a page is for: Panel's page functions get the request's headers alone, and what they hand to the browser anybody can read there. So
the doors put the number of a visit there, and the viewer stays with us."""

import secrets
import time

from live.gateway.security.principals import Principal

HEADER = "x-tapebook-visit"
VISITS_KEPT = 2_000


class Visits:
    """Viewers by the number of their visit; the oldest are forgotten."""

    def __init__(self) -> None:
        self._visits: dict[str, tuple[Principal, float]] = {}

    def enter(self, who: Principal) -> str:
        """A new visit's number, which nobody can guess."""
        number = secrets.token_urlsafe(18)
        self._visits[number] = (who, time.monotonic())
        while len(self._visits) > VISITS_KEPT:
            del self._visits[next(iter(self._visits))]
        return number

    def who(self, number: str) -> Principal | None:
        """Whose visit it is."""
        return self._visits.get(number, (None, 0.0))[0]
