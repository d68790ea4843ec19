"""The tables of the event log, and how its file is opened: created, recognised, or refused with one clear line."""

import importlib.metadata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from data.views.comments import comments, view_comments
from data.views.definitions import VIEWS, VIEWS_DIGEST
from engine.errors import TapebookError
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.records import COMMAND, FACT, FACT_COLUMNS, LAYOUT


class LogError(TapebookError):
    """An event log that cannot be opened, read or written; the message says why and what to do."""


class LogBusy(LogError):
    """An event log that another process, or another part of this one, is writing."""


COMMAND_COLUMNS = [name for name in COMMAND.names or () if name != "spare"]
INSTRUMENT_TEXTS = ["symbol", "tick", "lot", "price_unit", "multiplier", "maker_fee", "taker_fee", "currency", "kind"]

_SQL_TYPES = {"<i8": "BIGINT", "<u8": "UBIGINT", "<i4": "INTEGER", "<u4": "UINTEGER", "<u2": "USMALLINT", "|u1": "UTINYINT"}


def quoted(columns: Iterable[str]) -> str:
    """Column names as SQL writes them."""
    return ", ".join(f'"{column}"' for column in columns)


def literal(text: object) -> str:
    """A text as SQL writes it."""
    return "'" + str(text).replace("'", "''") + "'"


def _typed(record: np.dtype, columns: list[str]) -> str:
    return ", ".join(f'"{column}" {_SQL_TYPES[record[column].str]}' for column in columns)


TABLES = {
    "meta": "key VARCHAR PRIMARY KEY, value VARCHAR",
    "sessions": "session INTEGER PRIMARY KEY, session_id VARCHAR UNIQUE, version VARCHAR, meta VARCHAR, decimals INTEGER, genesis VARCHAR",
    "instruments": "session INTEGER, number INTEGER, "
    + ", ".join(f"{name} VARCHAR" for name in INSTRUMENT_TEXTS)
    + ", negative_prices BOOLEAN, tick_units BIGINT, price_numerator BIGINT, price_denominator BIGINT, "
    "lot_numerator BIGINT, lot_denominator BIGINT, value BIGINT, decimals INTEGER, PRIMARY KEY (session, number)",
    "names": "session INTEGER, kind VARCHAR, number UINTEGER, name VARCHAR, PRIMARY KEY (session, kind, number)",
    "commands": f"session INTEGER, seq BIGINT, {_typed(COMMAND, COMMAND_COLUMNS)}, position BIGINT",
    "facts": f"session INTEGER, {_typed(FACT, FACT_COLUMNS)}",
    "cursors": "session INTEGER, source VARCHAR, source_offset BIGINT, PRIMARY KEY (session, source)",
    "blocks": "session INTEGER, batch INTEGER, seq BIGINT, digest VARCHAR",
    "batches": "session INTEGER, batch INTEGER, first_seq BIGINT, last_seq BIGINT, first_ts BIGINT, last_ts BIGINT, "
    "commands BIGINT, facts BIGINT, hash VARCHAR, PRIMARY KEY (session, batch)",
    "snapshots": "session INTEGER, seq BIGINT, layout INTEGER, commands BIGINT, digest VARCHAR, state BLOB, PRIMARY KEY (session, seq)",
}
SOURCE_OFFSET = "coalesce(*COLUMNS('offset$')) AS source_offset"
"""Reads that column of `cursors`, also where an older Tapebook called it by a word of SQL."""


def product_version() -> str:
    """The version of Tapebook that is installed."""
    return importlib.metadata.version("tapebook")


def instrument_rows(session: int, instruments: list[Instrument]) -> list[tuple[Any, ...]]:
    """Rows of `instruments`: the exact decimals as text, and as fractions for the views. Raises LogError where one has no room."""
    decimals = money_decimals(instruments)
    rows = []
    for number, listed in enumerate(instruments):
        price, lot = Fraction(listed.price_unit), Fraction(listed.lot)
        whole = [listed.tick_units, *price.as_integer_ratio(), *lot.as_integer_ratio(), int(listed.value(decimals))]
        if max(whole) >= 2**63:
            raise LogError(f"{listed.symbol}: tick, lot or multiplier needs more than 18 digits, which the log cannot keep")
        texts = [str(getattr(listed, name)) for name in INSTRUMENT_TEXTS]
        rows.append((session, number, *texts, listed.negative_prices, *whole, decimals))
    return rows


def read_instruments(con: duckdb.DuckDBPyConnection, session: int) -> list[Instrument]:
    """The instruments of a session, as they were given."""
    query = f"SELECT {quoted(INSTRUMENT_TEXTS)}, negative_prices FROM instruments WHERE session = ? ORDER BY number"
    found = []
    for row in con.execute(query, [session]).fetchall():
        given = dict(zip([*INSTRUMENT_TEXTS, "negative_prices"], row))
        found.append(Instrument(given.pop("symbol"), given.pop("tick"), given.pop("lot"), **given))
    return found


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block or nothing of it; durable once the block is left."""
    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        with suppress(duckdb.Error):
            con.rollback()
        raise


def one_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return (str(error).splitlines() or [""])[0]


def connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection to the log at `path`, created where nothing is there. Raises LogError."""
    _check_place(path, read_only)
    try:
        con = duckdb.connect(str(path), read_only=read_only)
    except duckdb.Error as error:
        raise _why_not(path, error) from None
    try:
        if not read_only:
            con.execute("SET wal_autocheckpoint = '1GB'")  # a checkpoint inside a commit would cost 100 ms and more
        _check_layout(con, path, read_only)
    except duckdb.Error as error:  # as where the disk is full
        con.close()
        raise LogError(f"{path}: cannot be opened: {one_line(error)}") from None
    except BaseException:
        con.close()
        raise
    return con


def _check_place(path: Path, read_only: bool) -> None:
    if path.is_dir():
        raise LogError(f"{path}: is a folder, not an event log; name the file in it")
    if read_only and not path.exists():
        raise LogError(f"{path}: no such event log; check the path")
    if path.exists() and not path.is_file():
        raise LogError(f"{path}: is not a regular file, so not an event log; name a log that Tapebook wrote")
    if not path.parent.is_dir():
        raise LogError(f"{path}: the folder {path.parent} does not exist; create it first")


def _why_not(path: Path, error: duckdb.Error) -> LogError:
    text = str(error)
    if "not a valid DuckDB" in text:
        return LogError(f"{path}: is not an event log (no DuckDB database); name a log that Tapebook wrote, or a new file")
    if "set lock on file" in text or "being used by another process" in text:
        owner = text[text.find("PID ") :].split(")")[0] if "PID " in text else "another process"
        return LogBusy(f"{path}: is open in another process ({owner}), and a log has one writer; close it there first")
    if "different configuration" in text:
        return LogBusy(f"{path}: is open in this process already, in another mode; use that EventLog, or close it first")
    if "checksum" in text.lower() or "corrupt" in text.lower() or "Serialization" in text:
        return LogError(f"{path}: is damaged ({one_line(error)}); take it from a backup, or read the segments beside it")
    return LogError(f"{path}: cannot be opened: {one_line(error)}")


def has_table(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether the file has a table: an older Tapebook knew fewer."""
    return bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [name]).fetchall())


def _check_layout(con: duckdb.DuckDBPyConnection, path: Path, read_only: bool) -> None:
    tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables and not read_only:
        _create(con)
        return
    if not {"meta", "batches", "facts"} <= tables:
        raise LogError(f"{path}: is a DuckDB database, but not an event log of Tapebook; name another file")
    meta = check_layout(con, path)
    if meta.get("views") != VIEWS_DIGEST and not read_only:
        with transaction(con):
            _create_tables(con)
            if con.execute("SELECT 1 FROM duckdb_columns() WHERE table_name = 'cursors' AND column_name = 'offset'").fetchall():
                con.execute('ALTER TABLE cursors RENAME COLUMN "offset" TO source_offset')
            _keep_views(con)


def check_layout(con: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """What the table `meta` says. Raises LogError where another Tapebook laid the rows out in another way."""
    meta = dict(con.execute("SELECT key, value FROM meta").fetchall())
    if meta.get("layout") != str(LAYOUT):
        raise LogError(
            f"{path}: has layout {meta.get('layout')}, written by Tapebook {meta.get('version')}; Tapebook {product_version()} reads "
            f"layout {LAYOUT}: open it with the Tapebook that wrote it, or run the session again"
        )
    return meta


def _create(con: duckdb.DuckDBPyConnection) -> None:
    with transaction(con):
        _create_tables(con)
        con.execute("INSERT INTO meta VALUES ('layout', ?), ('version', ?)", [str(LAYOUT), product_version()])
        _keep_views(con)


def _create_tables(con: duckdb.DuckDBPyConnection) -> None:
    for name, columns in TABLES.items():
        con.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")


def create_views(con: duckdb.DuckDBPyConnection) -> None:
    """The views of `data.views`, over the tables that are there."""
    for name, query in VIEWS.items():
        con.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
    con.execute(";".join(view_comments()))


def _keep_views(con: duckdb.DuckDBPyConnection) -> None:
    create_views(con)
    found = con.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal").fetchall()
    con.execute(";".join(comments(found)))
    con.execute("INSERT OR REPLACE INTO meta VALUES ('views', ?)", [VIEWS_DIGEST])
