"""`tapebook report daily`: whose day it is, and the files."""

import os
from pathlib import Path
from typing import Any

from backtest.report.printing import PrintError, print_page
from dashboards.reports.daily_page import page
from dashboards.reports.day import Day, DayError, day_of, portfolios
from data.log.event_log import EventLog
from data.log.schema import LogError
from engine.messages.hints import did_you_mean


def daily_files(out: Path, name: str, portfolio: str | None, number: int | None, to: Path | None, pdf: bool) -> list[dict[str, Any]]:
    """Write a page for each portfolio that is asked for; returns what was written. Raises DayError, LogError, PrintError."""
    folder, chosen = _place(out, name, portfolio)
    made = []
    with EventLog.open(folder) as log:
        session = _last_session(log)
        names = [chosen] if chosen else portfolios(log, session)
        if not names:
            raise DayError(f"session {folder.name!r} has no portfolio with a name; [[portfolios]] of its configuration names them")
        if to is not None and len(names) > 1:
            raise DayError(f"--to {to} is one file, and there are portfolios {', '.join(names)}; name one with --portfolio")
        for one in names:
            day = day_of(log, session, one, number)
            files = _written(day, to or folder / "reports" / f"{_safe(one)}-day-{day.number}.html", pdf)
            made.append({"session": day.session, "portfolio": one, "day": day.number, "net_pnl": f"{day.net:f}", "files": files})
    return made


def _last_session(log: EventLog) -> int:
    listed = log.sessions()
    if not len(listed):
        raise DayError(f"{log.path}: the log holds no session yet")
    return int(listed["session"][-1])


def _place(out: Path, name: str, portfolio: str | None) -> tuple[Path, str | None]:
    """The session's folder and the portfolio; `name` is a session's, or that of a portfolio which only one session has."""
    folders = sorted(path for path in (out / "live").glob("*/") if not path.name.endswith(".settlement"))
    named = [path for path in folders if path.name == name]
    if named:
        return named[0], portfolio
    having = [] if portfolio else [path for path in folders if name in _portfolios(path)]
    if len(having) == 1:
        return having[0], name
    if having:
        raise DayError(f"portfolio {name!r} is in sessions {', '.join(path.name for path in having)}; name one, with --portfolio {name}")
    known = [path.name for path in folders]
    raise DayError(
        f"there is no session or portfolio {name!r} under {out / 'live'}; {did_you_mean(name, known, 'tapebook live list shows them')}"
    )


def _portfolios(folder: Path) -> list[str]:
    try:
        with EventLog.open(folder) as log:
            return portfolios(log, _last_session(log))
    except (LogError, DayError, OSError):
        return []


def _safe(name: str) -> str:
    return "".join(one if one.isalnum() or one in "-_." else "-" for one in name).lstrip(".") or "portfolio"


def _written(day: Day, path: Path, pdf: bool) -> list[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(page(day), encoding="utf-8")
        temporary.replace(path)
    except OSError as odd:
        raise DayError(f"{path}: {odd.strerror or odd}; name another file with --to") from None
    if not pdf:
        return [path]
    try:
        return [path, print_page(path, path.with_suffix(".pdf"))]
    except PrintError as odd:
        raise PrintError(f"{path} is written, its PDF is not: {odd}") from None
