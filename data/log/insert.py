"""Rows into the log's tables; the caller holds the transaction."""

from typing import Any

import duckdb
import numpy as np

from data.log.batch import LIVE, Batch
from data.log.schema import COMMAND_COLUMNS
from engine.messages.records import FACT_COLUMNS


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[Any, ...]], conflict: str = "") -> None:
    """Some rows; `conflict`: what SQL does with one that is there, like OR IGNORE."""
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        con.executemany(f"INSERT {conflict} INTO {table} VALUES ({marks})", rows)


def insert_batch(con: duckdb.DuckDBPyConnection, session: int, number: int, span: tuple[int, int], batch: Batch, digest: str) -> None:
    """Commands, facts and blocks of a batch, and its own row with the hash that seals it."""
    commands, facts, blocks = batch
    columns = {"seq": commands.seqs, **_columns(commands.records, COMMAND_COLUMNS), "position": commands.positions}
    _insert_columns(con, "commands", columns, f"?::INTEGER, * REPLACE (NULLIF(position, {LIVE}) AS position)", session)
    _insert_columns(con, "facts", _columns(facts, FACT_COLUMNS), "?::INTEGER, *", session)
    insert(con, "blocks", [(session, number, seq, text) for seq, text in blocks.items()])
    times = batch.times() or (None, None)
    insert(con, "batches", [(session, number, *span, *times, len(commands.seqs), len(facts), digest)])


def _insert_columns(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, np.ndarray], selected: str, session: int) -> None:
    """Arrays into a table; a registered mapping of arrays is DuckDB's fastest way in."""
    if len(columns["seq"]):
        con.register("batch_rows", columns)
        con.execute(f"INSERT INTO {table} SELECT {selected} FROM batch_rows", [session])
        con.unregister("batch_rows")


def _columns(records: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(records[name]) for name in names}
