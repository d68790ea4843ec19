"""A DuckDB connection to files that another process merges into larger ones while it reads them."""

from collections.abc import Callable, Iterable
from typing import Any

import duckdb

RETRIES = 8


def is_gone(error: Exception) -> bool:
    """Whether a file was deleted before it was read."""
    return isinstance(error, duckdb.IOException) and ("No files found" in str(error) or "No such file" in str(error))


class SegmentConnection:
    """What the log asks of a DuckDB connection; a query that finds a file gone is asked again once `renew` has looked for its rows."""

    def __init__(self, con: "duckdb.DuckDBPyConnection", renew: Callable[[], None]) -> None:
        self._con, self._renew = con, renew

    def cursor(self) -> "SegmentConnection":
        """Another connection to the same views."""
        return SegmentConnection(self._con.cursor(), self._renew)

    def execute(self, query: str, values: Iterable[Any] = ()) -> "duckdb.DuckDBPyConnection":
        """Run a query to its end."""
        for _ in range(RETRIES):
            try:
                return self._con.execute(query, list(values))
            except duckdb.IOException as error:
                if not is_gone(error):
                    raise
                self._renew()
        return self._con.execute(query, list(values))

    def close(self) -> None:
        """Close the connection."""
        self._con.close()
