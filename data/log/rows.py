"""Rows of the log read back into records, byte for byte, in pieces that fit in memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np

from data.log.batch import LIVE, LoggedCommands
from data.log.schema import COMMAND_COLUMNS, LogError, one_line, quoted
from engine.messages.records import COMMAND, FACT, FACT_COLUMNS
from engine.messages.vocabulary import Kind

READ_ROWS = 1 << 18
"""Rows of one piece: 25 MB of facts."""


# np.concatenate would pack FACT, whose fields overlap, into another dtype unless it is named.
def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The rows of several arrays of one dtype, which is kept as it is; at least one array."""
    return np.concatenate(parts, dtype=parts[0].dtype)


_COMMANDS = f"SELECT seq, {quoted(COMMAND_COLUMNS)}, coalesce(position, {LIVE}) AS position FROM commands"
_FACTS = f"SELECT {quoted(FACT_COLUMNS)} FROM facts"


def no_commands() -> LoggedCommands:
    """No commands at all."""
    return LoggedCommands(np.empty(0, np.int64), np.empty(0, COMMAND), np.empty(0, np.int64))


def read_commands(
    con: duckdb.DuckDBPyConnection, session: int, first_seq: int, last_seq: int, rows: int = READ_ROWS
) -> Iterator[LoggedCommands]:
    """Commands of a session, at most `rows` at a time. Raises LogError where they are out of order."""
    for columns in _pieces(con, _COMMANDS, session, first_seq, last_seq, rows):
        yield LoggedCommands(columns["seq"], _records(columns, COMMAND, COMMAND_COLUMNS), columns["position"])


def read_facts(con: duckdb.DuckDBPyConnection, session: int, first_seq: int, last_seq: int, rows: int = READ_ROWS) -> Iterator[np.ndarray]:
    """Facts of a session (FACT arrays), at most `rows` at a time. Raises LogError where they are out of order."""
    for columns in _pieces(con, _FACTS, session, first_seq, last_seq, rows):
        yield _records(columns, FACT, FACT_COLUMNS)


def read_kinds(con: duckdb.DuckDBPyConnection, session: int, kinds: Sequence[int], last_seq: int) -> np.ndarray:
    """Commands (COMMAND) of some kinds up to `last_seq`."""
    marks = ", ".join(str(int(kind)) for kind in kinds)
    columns = _fetch(con, f"{_COMMANDS} WHERE session = ? AND seq <= ? AND kind IN ({marks}) ORDER BY seq", [session, last_seq])
    return _records(columns, COMMAND, COMMAND_COLUMNS)


def read_naming(con: duckdb.DuckDBPyConnection, session: int, order_id: int, trader: int) -> np.ndarray:
    """Facts (FACT) that name an order; of a trade either side counts."""
    query = f"""{_FACTS} WHERE session = ? AND ((order_id = ? AND trader = ?)
        OR (kind = {Kind.TradeExecuted:d} AND maker_order_id = ? AND maker_trader = ?)) ORDER BY seq"""
    return _records(_fetch(con, query, [session, order_id, trader, order_id, trader]), FACT, FACT_COLUMNS)


def _pieces(
    con: duckdb.DuckDBPyConnection, query: str, session: int, first_seq: int, last_seq: int, rows: int
) -> Iterator[dict[str, np.ndarray]]:
    # Without ORDER BY rows come in the order in which they were stored, which is by seq; sorting would hold the whole session in memory.
    bounded = f"{query} WHERE session = ? AND seq BETWEEN ? AND ? LIMIT {rows:d}"
    at = first_seq
    while at <= last_seq:
        columns = _fetch(con, bounded, [session, at, last_seq])
        seqs = columns["seq"]
        if not len(seqs):
            return
        if not (np.diff(seqs) > 0).all():
            raise LogError(
                f"session {session}: rows between seq {at} and {seqs.max()} are out of order: the file was changed after it was written"
            )
        yield columns
        at = int(seqs[-1]) + 1


def _fetch(con: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> dict[str, np.ndarray]:
    try:
        return con.execute(query, values).fetchnumpy()
    except duckdb.Error as error:
        raise LogError(f"the log cannot be read: {one_line(error)}") from None


def _records(columns: dict[str, np.ndarray], dtype: np.dtype, names: list[str]) -> np.ndarray:
    records = np.zeros(len(columns[names[0]]), dtype)
    for name in names:
        records[name] = columns[name]
    return records
