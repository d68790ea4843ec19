"""Parquet files that are there whole or not at all, and how DuckDB is told of them."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from data.log.schema import literal

if TYPE_CHECKING:
    import duckdb

_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"  # higher levels cost a third more and save 1 %
SCRATCH = ".tmp"


def reading(paths: Iterable[Path], by_name: bool = False) -> str:
    """The table function that reads files in their order, and their columns alone. `by_name`: files whose columns differ."""
    files = ", ".join(literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))) for path in paths)
    return f"read_parquet([{files}], hive_partitioning = false, union_by_name = {by_name})"


def store(con: "duckdb.DuckDBPyConnection", query: str, target: Path) -> None:
    """Write the rows of a query: beside the target under another name, made durable, then renamed. Raises duckdb.Error, OSError."""
    scratch = target.with_name(f".{target.name}{SCRATCH}")
    try:
        con.execute(f"COPY ({query}) TO {literal(scratch)} ({_OPTIONS})")
        sync(scratch)
        scratch.replace(target)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
