"""The questions that pages may ask, for whom, and who answers them."""

from dashboards.answers import audit, operations, portfolio, run_book, runs, sweeps
from dashboards.answers.port import Answer
from live.gateway.routes import ANYONE, OVERSIGHT, OWN
from live.gateway.security.principals import Role

AUDITORS = frozenset({Role.COMPLIANCE, Role.ADMIN})
ANSWERS = {
    "runs": Answer(ANYONE, runs.listed),
    "compare": Answer(ANYONE, runs.compared),
    "curve": Answer(ANYONE, runs.curve),
    "report": Answer(ANYONE, runs.report),
    "run-book": Answer(ANYONE, run_book.book_at),
    "sweeps": Answer(ANYONE, sweeps.sweeps),
    "sweep": Answer(ANYONE, sweeps.sweep),
    "equity": Answer(OWN, portfolio.equity),
    "traded": Answer(OWN, portfolio.traded),
    "settlement": Answer(OWN, portfolio.settlement),
    "standing": Answer(ANYONE, operations.standing),
    "letters": Answer(OVERSIGHT, operations.letters),
    "order": Answer(OVERSIGHT, audit.order_life),
    "sql": Answer(AUDITORS, audit.sql),
    "cases": Answer(OVERSIGHT, audit.surveillance),
}
