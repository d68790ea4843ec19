"""Rows into the log's tables; the caller holds the transaction."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np

from data.log.batch import LIVE, Batch
from data.log.schema import COMMAND_COLUMNS
from engine.messages.records import FACT_COLUMNS

FEW = 4
"""Rows up to which values are quicker than a registered mapping of arrays: binding that takes some milliseconds, however few they are."""


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]], conflict: str = "") -> None:
    """Some rows; `conflict`: what SQL does with one that is there, like OR IGNORE."""
    if not rows:
        return
    marks = ", ".join("?" * len(rows[0]))
    if len(rows) <= FEW:
        values = [value for row in rows for value in row]
        con.execute(f"INSERT {conflict} INTO {table} VALUES {', '.join([f'({marks})'] * len(rows))}", values)
    else:
        con.executemany(f"INSERT {conflict} INTO {table} VALUES ({marks})", rows)


def keep_cursors(con: duckdb.DuckDBPyConnection, session: int, cursors: Mapping[str, int]) -> None:
    """Where each source stands; nearly always one that is there already, which costs half of a replacement."""
    for source, offset in cursors.items():
        update = "UPDATE cursors SET source_offset = ? WHERE session = ? AND source = ?"
        (changed,) = con.execute(update, [int(offset), session, source]).fetchone() or (0,)
        if not changed:
            insert(con, "cursors", [(session, source, int(offset))])


def insert_batch(con: duckdb.DuckDBPyConnection, session: int, number: int, span: tuple[int, int], batch: Batch, digest: str) -> None:
    """Commands, facts and blocks of a batch, and its own row with the hash that seals it."""
    commands, facts, blocks = batch
    columns = {"seq": commands.seqs, **_columns(commands.records, COMMAND_COLUMNS), "position": commands.positions}
    if len(commands.seqs) <= FEW:
        placed = [None if at == LIVE else at for at in commands.positions.tolist()]
        insert(con, "commands", _rows(session, columns | {"position": placed}))
    else:
        _insert_columns(con, "commands", columns, f"?::INTEGER, * REPLACE (NULLIF(position, {LIVE}) AS position)", session)
    if len(facts) <= FEW:
        insert(con, "facts", _rows(session, _columns(facts, FACT_COLUMNS)))
    else:
        _insert_columns(con, "facts", _columns(facts, FACT_COLUMNS), "?::INTEGER, *", session)
    insert(con, "blocks", [(session, number, seq, text) for seq, text in blocks.items()])
    times = batch.times() or (None, None)
    insert(con, "batches", [(session, number, *span, *times, len(commands.seqs), len(facts), digest)])


def _insert_columns(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, np.ndarray], selected: str, session: int) -> None:
    """Arrays into a table; a registered mapping of arrays is DuckDB's fastest way in."""
    con.register("batch_rows", columns)
    con.execute(f"INSERT INTO {table} SELECT {selected} FROM batch_rows", [session])
    con.unregister("batch_rows")


def _rows(session: int, columns: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The same as values, the session before each row."""
    lists = [one.tolist() if isinstance(one, np.ndarray) else one for one in columns.values()]
    return [(session, *row) for row in zip(*lists, strict=True)]


def _columns(records: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(records[name]) for name in names}
