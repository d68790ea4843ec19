"""The sealed segments of a folder as if they were the file of a log: a DuckDB in memory whose tables are views over them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
import polars as pl

from data.log.frames import frame_of
from data.log.log_file import LogFile
from data.log.schema import SOURCE_OFFSET, TABLES, LogError, check_layout, create_views, one_line, quoted, transaction
from data.segments.connection import RETRIES, SegmentConnection, is_gone
from data.segments.files import FIXED, Segment, current, segments_of, session_folders, session_id_of
from data.segments.parquet import reading

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_VIEWS = ("commands", "facts", "batches")
_COLUMNS = "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() WHERE schema_name = 'empty' GROUP BY 1"
_ENDS = {"commands": "seq", "facts": "seq", "batches": "greatest(first_seq, last_seq)"}


class SegmentFile(LogFile):
    """The segments under `path` at one moment, chosen by `show`; where they are merged meanwhile, the same rows of larger ones."""

    def __init__(self, path: Path) -> None:
        self.path, self.closed, self.folders = path, False, (path,)
        self.shown: list[Segment] | None = None
        self._con = self.plain = duckdb.connect()
        self.con = cast("DuckDBPyConnection", SegmentConnection(self._con, self._renew))
        self._con.execute("CREATE SCHEMA empty")
        for name, columns in TABLES.items():
            self._con.execute(f"CREATE TABLE empty.{name} ({columns})")
        self._con.execute("CREATE TABLE snapshots AS FROM empty.snapshots")
        self._columns = {name: quoted(columns) for name, columns in self._con.execute(_COLUMNS).fetchall()}
        self._has_views = False
        self._loaded: dict[str, list[Path]] = {}

    def show(self, segments: list[Segment]) -> None:
        """From now on hold the rows of these segments, and nothing else. Raises LogError that names a file that is none of ours."""
        if segments == self.shown:
            return
        folders = session_folders(self.path)
        try:
            with transaction(self._con):
                for name in FIXED:
                    self._load(name, [folder / f"{name}.parquet" for folder in folders])
                for name in ("names", "blocks"):
                    self._load(name, [one.path(name) for one in segments if name in one.tables])
                newest = {one.folder.parent: one for one in segments if "cursors" in one.tables}
                self._load("cursors", [one.path("cursors") for one in newest.values()])
                self._view(segments, "true")
        except duckdb.Error as error:
            self.shown, self._loaded = None, {}
            raise self._explained(error, segments) from None
        check_layout(self._con, self.path)
        self.shown = segments

    def again(self) -> LogFile:
        """See LogFile."""
        file = SegmentFile(self.path)
        file.show(current(self.path))
        return file

    def is_gone(self, error: Exception) -> bool:
        """See LogFile."""
        return is_gone(error)

    def make_views(self) -> None:
        """See LogFile."""
        if not self._has_views:
            create_views(self.con)
            self._has_views = True

    def strange_view(self) -> str | None:
        """See LogFile: its views are made when they are asked for."""
        return None

    def frame(self, query: str, values: Iterable[Any] = ()) -> pl.DataFrame:
        """See LogFile."""
        for _ in range(RETRIES):
            try:
                return frame_of(self._con.cursor().sql(query, params=list(values)))
            except duckdb.IOException as error:
                if not is_gone(error):
                    raise
                self._renew()
        return frame_of(self._con.cursor().sql(query, params=list(values)))

    def _load(self, table: str, files: list[Path]) -> None:
        """The rows of a small table."""
        if files != self._loaded.get(table):
            once = "DISTINCT " if table == "meta" else ""
            self._con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT {once}{self._from(table, files)}")
            self._loaded[table] = files

    def _view(self, segments: Sequence[Segment], chosen: str) -> None:
        for name in _VIEWS:
            rows = self._from(name, [one.path(name) for one in segments])
            self._con.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {rows} WHERE {chosen.format(seq=_ENDS[name])}")

    def _from(self, table: str, files: list[Path]) -> str:
        """The columns of a table, from files or from nowhere."""
        columns = f"session, source, {SOURCE_OFFSET}" if table == "cursors" else self._columns[table]
        return f"{columns} FROM {reading(files, table == 'cursors') if files else f'empty.{table}'}"

    def _renew(self) -> None:
        """The same rows of the segments that are there now. Raises LogError where they are in none."""
        last = {one.folder.parent: one.last for one in self.shown or []}
        first = {one.folder.parent: one.first for one in reversed(self.shown or [])}
        found = [one for folder, end in last.items() for one in segments_of(folder) if one.first <= end and one.last >= first[folder]]
        numbers = dict(self._con.cursor().execute("SELECT session_id, session FROM sessions").fetchall())
        bounds = " OR ".join(
            f"(session = {numbers[session_id_of(folder)]} AND {{seq}} BETWEEN {first[folder]} AND {end})" for folder, end in last.items()
        )
        with transaction(self._con):
            self._view(found, bounds or "true")

    def _explained(self, error: duckdb.Error, segments: Sequence[Segment]) -> Exception:
        """Which of the files is none of ours."""
        if is_gone(error):
            return error
        named = {one.path(table): table for one in segments for table in one.tables}
        named |= {folder / f"{table}.parquet": table for folder in session_folders(self.path) for table in FIXED}
        for path, table in named.items():
            try:
                self._con.cursor().execute(f"SELECT {self._from(table, [path])} LIMIT 0")
            except duckdb.Error as why:
                return LogError(f"{path}: is not one of our segments, or cut: {one_line(why)}")
        return LogError(f"{self.path}: {one_line(error)}")
