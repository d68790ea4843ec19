"""Query results as polars frames.

This module must not import duckdb: polars keeps the type of what it reads for the life of the process, and what that type's module
imports with it; DuckDB's own types, kept so, are reported as leaked on stderr when the process ends.
"""

from collections.abc import Callable
from typing import Any

import polars as pl


class _Columns:
    """One Arrow stream, handed out once."""

    def __init__(self, stream: Callable[[Any], Any]) -> None:
        self._stream = stream

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._stream(requested_schema)


def frame_of(relation: Any) -> pl.DataFrame:
    """All rows of a DuckDB relation; its times, which carry no zone there, are UTC."""
    frame = pl.DataFrame(_Columns(relation.__arrow_c_stream__))
    return frame.with_columns(pl.col(pl.Datetime("ns")).dt.replace_time_zone("UTC"))
