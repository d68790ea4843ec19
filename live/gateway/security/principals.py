"""Who asks: what a token says about its holder."""

from dataclasses import dataclass
from enum import StrEnum

from live.gateway.problems import Problem


class Role(StrEnum):
    """What a token allows; the table of `live.gateway.routes` says role by route."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    COMPLIANCE = "compliance"
    ADMIN = "admin"


OVERSEERS = frozenset({Role.RISK, Role.COMPLIANCE, Role.ADMIN})
"""Roles that see every trader and every portfolio."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a token."""

    subject: str
    roles: frozenset[Role]
    trader: str | None = None
    portfolios: frozenset[str] = frozenset()
    expires: int = 0
    """Seconds since 1970."""

    @property
    def oversees(self) -> bool:
        """Whether every trader and portfolio may be seen."""
        return bool(self.roles & OVERSEERS)

    def name(self) -> str:
        """The trader that it trades as. Raises Problem (403)."""
        if not self.trader:
            raise Problem(403, "NO_TRADER", "the token names no trader; ask for one with --trader NAME")
        return self.trader

    def sees_portfolio(self, name: str) -> bool:
        """Whether this portfolio may be seen."""
        return self.oversees or name in self.portfolios

    def check_portfolio(self, name: str) -> None:
        """Raises Problem (403) for another's portfolio."""
        if not self.sees_portfolio(name):
            own = ", ".join(sorted(self.portfolios)) or "none"
            raise Problem(403, "FORBIDDEN", f"portfolio {name!r} is not the token's; it names {own}", path="portfolio")

    def check_trader(self, name: str) -> None:
        """Raises Problem (403) for another trader."""
        if not self.oversees and name != self.trader:
            raise Problem(403, "FORBIDDEN", f"trader {name!r} is not the token's; it names {self.trader or 'none'}", path="trader")
