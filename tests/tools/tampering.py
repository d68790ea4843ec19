"""Changes of what a log holds, one at a time, each by somebody who has the file and DuckDB."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import duckdb

from data.log.event_log import EventLog
from data.log.schema import LogError, literal
from data.views.definitions import VIEWS
from tests.support.live_batches import logged, session
from tests.support.streams import SETTINGS

COMMANDS = 400
TABLES = ("sessions", "instruments", "names", "commands", "facts", "blocks", "batches", "snapshots")
"""What `verify` answers for. Not `cursors`, which every commit replaces, and not `meta`, which is about the file."""
NUMBERS = {"BIGINT", "UBIGINT", "INTEGER", "UINTEGER", "USMALLINT", "UTINYINT"}


def written(path: Path) -> None:
    """A log of a random session, with blocks and a snapshot."""
    exchange, committed = session(SETTINGS["all"], 8, COMMANDS)
    with EventLog(path) as log:
        logged(log, exchange, committed)


def statement(con: duckdb.DuckDBPyConnection, chance: Random) -> str | None:
    """A statement that changes something; None where it met an empty table."""
    if chance.random() < 0.05:
        name = chance.choice(list(VIEWS))
        return chance.choice(
            [f"DROP VIEW {name}", f"CREATE OR REPLACE VIEW {name} AS SELECT 1 AS session", f"CREATE VIEW x{name} AS SELECT 1"]
        )
    table = chance.choice(TABLES)
    rows = con.execute(f"SELECT rowid FROM {table}").fetchall()
    if not rows:
        return None
    rowid = chance.choice(rows)[0]
    columns = con.execute(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'").fetchall()
    if chance.random() < 0.1:
        return f"DELETE FROM {table} WHERE rowid = {rowid}"
    column, kind = chance.choice(columns)
    value = con.execute(f'SELECT "{column}" FROM {table} WHERE rowid = {rowid}').fetchall()[0][0]
    return f'UPDATE {table} SET "{column}" = {_other(value, kind, chance)} WHERE rowid = {rowid}'


def _other(value: object, kind: str, chance: Random) -> str:
    """Another value of a column, as SQL."""
    if value is not None and chance.random() < 0.05:
        return "NULL"
    if kind in NUMBERS:
        return str(chance.choice([int(value or 0) ^ 1, 0 if value else 1]))
    if kind == "BOOLEAN":
        return str(not value)
    if kind == "BLOB":
        return "''::BLOB"
    text = str(value or "")
    return literal(chance.choice([text + "x", text[:-1] if text else "0", "0" if text != "0" else "1"]))


def tampered(count: int, seed: int) -> Iterator[tuple[str, bool]]:
    """`count` statements, and whether `verify` found what each did."""
    chance, done = Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        whole, copy = Path(folder) / "log.duckdb", Path(folder) / "copy.duckdb"
        written(whole)
        while done < count:
            shutil.copy(whole, copy)
            with duckdb.connect(str(copy)) as con:
                said = statement(con, chance)
                if said is None:
                    continue
                try:
                    con.execute(said)
                except duckdb.Error:  # as a NULL in a key, which the file itself refuses
                    continue
            done += 1
            yield said, _found(copy)


def _found(path: Path) -> bool:
    try:
        with EventLog.open(path, read_only=True) as log:
            return not log.verify(1).ok
    except (LogError, duckdb.Error):
        return True
