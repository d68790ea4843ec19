"""What a log holds that no append wrote: rows outside every batch, cells that are NULL, views of somebody else."""

from functools import cache

import duckdb

from data.log.schema import COMMAND_COLUMNS, TABLES, quoted
from data.views.definitions import VIEWS
from engine.messages.records import FACT_COLUMNS

_COLUMNS = {"commands": COMMAND_COLUMNS, "facts": FACT_COLUMNS}


def stray_row(con: duckdb.DuckDBPyConnection, session: int) -> str | None:
    """A row of a session's commands or facts that stands in no batch, or has an empty cell; None where there is none."""
    both = " UNION ALL ".join(f"SELECT seq FROM {table} WHERE session = $1" for table in _COLUMNS)
    ends = "SELECT coalesce(max(last_seq), 0) FROM batches WHERE session = $1"
    beyond = con.execute(f"SELECT min(seq) FROM ({both}) WHERE seq < 1 OR seq > ({ends})", [session]).fetchall()[0][0]
    if beyond is not None:
        return f"rows from seq {beyond} belong to no batch"
    for table, columns in _COLUMNS.items():
        empty = " OR ".join(f"{quoted([column])} IS NULL" for column in columns)
        found = con.execute(f"SELECT count(*), min(seq) FROM {table} WHERE session = $1 AND ({empty})", [session]).fetchall()[0]
        if found[0]:
            return f"{found[0]} rows of {table} have an empty cell, the first at seq {found[1]}"
    return None


def lost_session(con: duckdb.DuckDBPyConnection) -> str | None:
    """A session that has batches and is not listed; None where there is none."""
    lost = con.execute("SELECT min(session) FROM batches WHERE session NOT IN (SELECT session FROM sessions)").fetchall()[0][0]
    return None if lost is None else f"the log has batches of a session {lost} that is not listed any more"


@cache
def _ours() -> dict[str, str]:
    """Our views, as this DuckDB writes them down."""
    with duckdb.connect() as con:
        for name, columns in TABLES.items():
            con.execute(f"CREATE TABLE {name} ({columns})")
        for name, query in VIEWS.items():
            con.execute(f"CREATE VIEW {name} AS {query}")
        return views_in(con)


def views_in(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The views of a database: name -> SQL."""
    return dict(con.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall())


def strange_view(con: duckdb.DuckDBPyConnection) -> str | None:
    """The name of a view that is missing, changed, or not ours; None where all are as they should be."""
    found, ours = views_in(con), _ours()
    return next((name for name in sorted({*found, *ours}) if found.get(name) != ours.get(name)), None)
