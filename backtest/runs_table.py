"""All runs under a folder as one table, filtered and written out: what each was, what was set, what came of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtest.analysis.definitions import METRICS
from backtest.past import OUT, RunError, folders, read_run

if TYPE_CHECKING:
    import polars as pl

SAID = ("strategy", "data", "engine", "digest", "fingerprint", "feed_latency", "order_latency", "response_latency", "seed", "time_zone")


def runs_frame(out: Path | str = OUT, *, where: str | None = None, strategy: str | None = None, data: str | None = None) -> "pl.DataFrame":
    """One row a run, newest first: run, what it was (SAID), start and end, each parameter as "parameters.name", every figure.

    `where`: a condition of SQL over these columns, like "sharpe > 1 AND fills >= 30". `strategy`, `data`: a part of the name.
    Raises RunError with what is wrong with the condition.
    """
    import polars as pl

    rows = [_row(folder) for folder in folders(Path(out))]
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in names})
    for column, part in (("strategy", strategy), ("data", data)):
        if part is not None and rows:
            frame = frame.filter(pl.col(column).str.to_lowercase().str.contains(part.lower(), literal=True))
    if where is None or not rows:
        return frame
    try:
        return pl.SQLContext(runs=frame).execute(f"SELECT * FROM runs WHERE {where}", eager=True)
    except pl.exceptions.PolarsError as error:
        raise RunError(f"--where {where!r}: {str(error).splitlines()[0]}; columns are {', '.join(names[:12])} …") from None


def _row(folder: Path) -> dict[str, Any]:
    said = read_run(folder)
    meta, summary = said["meta"], said["summary"]
    start, end = said.get("span") or (None, None)
    found = {"run": folder.name, **{name: meta.get(name) for name in SAID}, "start": start, "end": end}
    found |= {f"parameters.{name}": value for name, value in (meta.get("parameters") or {}).items()}
    return found | {one.name: summary.get(one.name) for one in METRICS}


def _column(name: str, values: Sequence[Any]) -> Any:
    """Numbers as they are, mixed or nested values as texts."""
    import polars as pl

    if name in ("start", "end"):
        return pl.Series(values, dtype=pl.Int64).cast(pl.Datetime("ns", "UTC"))
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pl.Series(values, dtype=pl.Boolean if kinds else pl.Float64)
    if kinds == {int}:
        return pl.Series(values, dtype=pl.Int64)
    if kinds <= {int, float}:
        return pl.Series([None if value is None else float(value) for value in values], dtype=pl.Float64)
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]


def export_runs(frame: "pl.DataFrame", path: Path) -> Path:
    """Write it as .parquet, .csv or .json, as a whole. Raises RunError for another ending."""
    writers: dict[str, Any] = {".parquet": frame.write_parquet, ".csv": frame.write_csv, ".json": frame.write_json}
    if path.suffix not in writers:
        raise RunError(f"{path}: what kind of file? end it with {', '.join(writers)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    writers[path.suffix](temporary)
    temporary.replace(path)
    return path
