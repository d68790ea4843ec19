"""A question in SQL to a log, which can read the log and nothing else, and change nothing."""

import datetime
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from data.log.frames import frame_of
from data.log.log_file import LogFile
from data.log.schema import LogBusy, LogError, literal

if TYPE_CHECKING:
    from data.log.event_log import EventLog

_LOCKS = (
    "SET temp_directory = ''",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_TRIES = 5


def select(log: "EventLog", statement: str, most: int | None = None) -> pl.DataFrame:
    """The answer to one SELECT, at most `most` rows; times are UTC.

    The tables and views are those of the log. No file can be read or written, no setting changed; `log` must be open read-only, and
    its connection keeps these bounds until it is closed. Raises LogError on anything but one SELECT, and with what DuckDB says.
    """
    _check(statement)
    if not log.read_only:
        raise LogError(f"{log.path}: is open for writing; SQL is for a log that is open read-only: EventLog.open(path)")
    for left in reversed(range(_TRIES)):
        try:
            with log.at_once(keeps=True) as reader:
                return _ask(reader.file, statement, most)
        except LogBusy:  # its files were merged before they were read
            if not left:
                raise
    raise AssertionError("never reached")


def _check(statement: str) -> None:
    try:
        found = duckdb.extract_statements(statement)
    except duckdb.Error as error:
        raise LogError(f"SQL: {_said(error)}") from None
    if len(found) != 1:
        raise LogError(f"SQL: {len(found)} statements; give one SELECT")
    if found[0].type != duckdb.StatementType.SELECT:
        raise LogError(f"SQL: {found[0].type.name} is refused; a log is read with SELECT, and changed by nobody")


def _ask(file: LogFile, statement: str, most: int | None) -> pl.DataFrame:
    con = file.plain.cursor()
    try:
        file.make_views()
        _lock(con, file)
        con.execute("BEGIN TRANSACTION READ ONLY")  # a SELECT may hold an INSERT
        relation: Any = con.sql(statement)
        return frame_of(relation if most is None else relation.limit(most))
    except duckdb.Error as error:
        raise (LogBusy if file.is_gone(error) else LogError)(f"SQL: {_said(error)}") from None
    except pl.exceptions.DuplicateError:
        raise LogError("SQL: two columns have the same name; name them apart with AS") from None
    finally:
        con.close()


def _lock(con: "duckdb.DuckDBPyConnection", file: LogFile) -> None:
    """From now on the database of a connection reads the log alone."""
    if con.execute("SELECT current_setting('lock_configuration')").fetchall() == [(False,)]:
        con.execute(f"SET allowed_directories = [{', '.join(map(literal, file.folders))}]")
        for lock in _LOCKS:
            con.execute(lock)


def _said(error: duckdb.Error) -> str:
    """What DuckDB says, without the drawing of the place."""
    return " ".join(str(error).partition("\n\nLINE")[0].split())


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can say them: times ISO 8601 with nanoseconds, whole numbers as they are, other decimals and bytes as text."""
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    told = frame.with_columns(pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.9f" + _zone(frame.schema[name])) for name in times)
    return [{name: _plain(value) for name, value in row.items()} for row in told.iter_rows(named=True)]


def _zone(kind: Any) -> str:
    return "Z" if kind.time_zone == "UTC" else ""


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else str(value)
        case bytes():
            return value.hex()
        case datetime.date() | datetime.time():
            return value.isoformat()
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
    return value
