"""The open file of a log, as everything that asks it something shares it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from data.log.frames import frame_of
from data.log.schema import LogError, connect, one_line
from data.log.strays import strange_view

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class LogFile:
    """A connection to a log and cursors of it; each question takes its own, so that threads may ask at the same time.

    `con`: for the questions of ours; `plain`: the same as DuckDB knows it, for those of a person. `folders`: what it reads beside its file.
    """

    con: "DuckDBPyConnection"
    plain: "DuckDBPyConnection"  # as text: DuckDB reports its types as leaked where a class keeps them to the end

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path, self.closed = path, False
        self.con = self.plain = connect(path, read_only)
        self.folders: tuple[Path, ...] = ()

    def close(self) -> None:
        """Close the connection."""
        self.con.close()
        self.closed = True

    def again(self) -> "LogFile":
        """The same state of the log, to be read from where this one is closed."""
        return LogFile(self.path, read_only=True)

    def is_gone(self, error: Exception) -> bool:
        """Whether a query failed because a file was merged into another before it was read; a log's own file never is."""
        return False

    def make_views(self) -> None:
        """See to it that the views of `data.views` are there; a file has them."""

    def strange_view(self) -> str | None:
        """The name of a view that is not as Tapebook writes it; None where all are."""
        return strange_view(self.con.cursor())

    def rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises LogError."""
        try:
            return self.con.cursor().execute(query, list(values)).fetchall()
        except duckdb.Error as error:
            raise LogError(f"{self.path}: {one_line(error)}") from None

    def frame(self, query: str, values: Iterable[Any] = ()) -> pl.DataFrame:
        """A query as a frame; times are UTC. Raises duckdb.Error."""
        return frame_of(self.con.cursor().sql(query, params=list(values)))
