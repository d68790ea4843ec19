"""Where bars come from: CSV, Parquet, QuantConnect Lean's zips, pandas and polars frames, as one table of named raw columns."""

import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from data.feed import DataError
from data.recognition import check_line_ends, check_regular, members_of
from engine.errors import TapebookError

NAMES = {
    "open": ("o",),
    "high": ("h",),
    "low": ("l",),
    "close": ("c", "last"),
    "volume": ("vol", "v", "tickvol", "tick_volume"),
    "date": (),
    "time": ("timestamp", "datetime", "date_time", "open_time", "ts"),
}
"""What each column may also be called."""
_HEAD = 65536
_INDEX = ("", "index", "unnamed: 0")
"""A written frame's index: the time where no other column is."""
_SYMBOLS = ("symbol", "ticker", "sym", "instrument")
_STANDARD = {alias: name for name, aliases in NAMES.items() for alias in (name, *aliases)}
_LEAN_DAY = re.compile(r"(\d{8})_(\w+)_(?:minute|second)_trade\.csv", re.IGNORECASE)
_LEAN_COLUMNS = ["time", "open", "high", "low", "close", "volume"]
LEAN_SCALE = 10_000
LEAN_ZONE = "America/New_York"


class Bad(TapebookError):
    """Rows that must go before a table can be read; raised only where the reading repairs."""

    def __init__(self, mask: pl.Series, what: str) -> None:
        self.mask, self.what = mask, what
        super().__init__(what)


class Table(NamedTuple):
    """Raw bars: as they stand in the source, not yet checked."""

    name: str  # file, or kind of frame
    frame: pl.DataFrame  # columns of NAMES that are there, and `line`, counted from 1 (of a frame: the row)
    zone: str = "UTC"  # of times that name no zone
    scale: int = 1  # prices are written times this
    symbol: str = "BARS"  # what the file's name calls it
    repair: bool = False  # bad rows are left out and counted

    def refuse(self, name: str, bad: pl.Series, what: str, values: pl.Series | None = None) -> None:
        """Raise DataError for the first line where `bad` is true: it names the value of the column `name` and says `what` it is. A table
        that repairs raises Bad instead, for all of them."""
        if not bad.any():
            return
        if self.repair:
            raise Bad(bad.fill_null(False), "_".join(f"{name} {what}".partition(";")[0].partition(",")[0].split()))
        place = int(bad.arg_max() or 0)
        value = (self.frame[name] if values is None else values)[place]
        message = what if value is None or what == "is missing" else f"{value} {what}"
        raise DataError(self.name, message, int(self.frame["line"][place]), name)


def open_table(source: Any) -> Table:
    """The raw bars of a file or a frame. Raises DataError where it cannot be read or a column is missing."""
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, Path)):
        return _open_file(Path(source))
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return _named("DataFrame", source, source.columns, 1)
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        return _open_pandas(source)
    raise DataError(type(source).__name__, "bars come from a CSV, Parquet or zip file, or from a pandas or polars frame")


def _open_file(path: Path) -> Table:
    check_regular(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from None
    try:
        if content[:4] == b"PAR1":
            frame = pl.read_parquet(io.BytesIO(content))
            return _named(str(path), frame, frame.columns, 1)._replace(symbol=path.stem.upper())
        if content[:2] == b"PK":
            return _open_zip(path, content)
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (PolarsError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        why = (str(error) or "cut short").splitlines()[0]
        raise DataError(path, f"is damaged, or packed in a way that cannot be read ({why}); fetch it again") from None
    return _open_text(str(path), path.stem if path.suffix.lower() == ".gz" else path.name, content)


def _open_zip(path: Path, content: bytes) -> Table:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = members_of(archive)
        if len(members) != 1:
            raise DataError(path, f"holds {len(members)} files; bars need exactly one")
        return _open_text(f"{path}:{members[0]}", members[0], archive.read(members[0]))


def _open_text(name: str, file: str, content: bytes) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(name, "is not UTF-8 text", content[: error.start].count(b"\n") + 1) from None
    check_line_ends(name, content[:_HEAD])
    first = text.split("\n", 1)[0].rstrip("\r")
    if not first.strip():
        raise DataError(name, "has no first line; bars need a header line and rows", 1)
    separator = max(",;\t", key=first.count)
    if first[0].isdigit():
        return _open_lean(name, file, _columns(name, text, separator, False))
    labels = next(csv.reader([first], delimiter=separator))
    return _named(name, _columns(name, text, separator, True), labels, 2)._replace(symbol=Path(file).stem.upper())


def _columns(name: str, text: str, separator: str, header: bool) -> pl.DataFrame:
    """The text's columns, as text."""
    try:
        return pl.read_csv(io.BytesIO(text.encode()), infer_schema=False, separator=separator, has_header=header)
    except PolarsError as error:
        rows = csv.reader(io.StringIO(text), delimiter=separator)
        wide = len(next(rows))
        for row in rows:
            if len(row) > wide:
                raise DataError(name, f"{len(row)} fields where the first line has {wide}", rows.line_num) from None
        raise DataError(name, f"is not a table: {str(error).splitlines()[0]}") from None


def _open_lean(name: str, file: str, frame: pl.DataFrame) -> Table:
    """Trade bars of US equities as Lean keeps them: no header, prices × 10,000, times of the exchange (of a day: ms since midnight)."""
    if frame.width != len(_LEAN_COLUMNS):
        raise DataError(name, f"has no header line; name its {frame.width} columns (time,open,high,low,close,volume)", 1)
    frame.columns = _LEAN_COLUMNS
    day = _LEAN_DAY.fullmatch(file)
    if day:
        midnight = pl.lit(day[1]).str.to_date("%Y%m%d").cast(pl.Datetime("ns"))
        frame = frame.with_columns(time=midnight + pl.duration(milliseconds=pl.col("time").cast(pl.Int64, strict=False)))
    elif not re.fullmatch(r"\d{8} \d\d:\d\d", str(frame["time"][0])):
        raise DataError(name, "has no header line, and its times are not those of a Lean file (20131007 09:30)", 1, "time")
    symbol = day[2] if day else Path(file).stem
    return Table(name, frame.with_row_index("line", 1), LEAN_ZONE, LEAN_SCALE, symbol.upper())


def pandas_frame(source: Any, is_time: Callable[[str], bool]) -> tuple[list[str], pl.DataFrame]:
    """The labels of a pandas frame, and its columns by their numbers; the index is the time where no column is one by its label."""
    labels = [str(label[0] if isinstance(label, tuple) else label) for label in source.columns]
    columns = [source.iloc[:, place] for place in range(len(labels))]
    if not any(map(is_time, labels)) and source.index.dtype.kind != "i":
        labels, columns = ["time", *labels], [source.index.to_series(), *columns]
    try:
        return labels, pl.DataFrame([pl.Series(str(place), _values(column), strict=False) for place, column in enumerate(columns)])
    except (TypeError, ValueError) as error:
        raise DataError("DataFrame", f"holds a value that is not a number, text or time: {error}") from None


def _open_pandas(source: Any) -> Table:
    labels, frame = pandas_frame(source, lambda label: _standard(label) in ("time", "date"))
    return _named("DataFrame", frame, labels, 1)


def refuse_nested(name: str, label: str, dtype: pl.DataType) -> None:
    """Raise DataError for a column of lists or structs."""
    if dtype.is_nested():
        raise DataError(name, f"holds {dtype} in each row, not one value; explode or unnest it, or name another column", 0, label)


def _values(column: Any) -> Any:
    """A pandas column as what polars takes; times with a zone as UTC."""
    if getattr(column.dtype, "tz", None) is not None:
        return pl.Series(_finer(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())).dt.replace_time_zone("UTC")
    if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O":
        return _finer(column.to_numpy())
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna())]


def _finer(values: Any) -> Any:
    """Times in seconds as milliseconds, the coarsest that polars takes."""
    return values.astype("datetime64[ms]") if values.dtype == np.dtype("datetime64[s]") else values


def _standard(label: str) -> str | None:
    return _STANDARD.get(label.strip().strip("<>").lower())


def _check_symbols(name: str, frame: pl.DataFrame, labels: list[str], first_line: int) -> None:
    """Raise DataError where a column says that the bars are of several symbols."""
    for label, column in zip(labels, frame.get_columns()):
        if label.strip().strip("<>").lower() in _SYMBOLS:
            others = column.is_not_null() & (column != column[0]) if len(column) else pl.Series([False])
            if others.any():
                at = int(others.arg_max() or 0)
                what = f"is {column[at]}, but {column[0]} above; bars are of one symbol: keep its rows, or read each from a file of its own"
                raise DataError(name, what, first_line + at, label)


def _named(name: str, frame: pl.DataFrame, labels: list[str], first_line: int) -> Table:
    """The columns under their standard names, with `line`; lines that hold nothing are left out."""
    _check_symbols(name, frame, labels, first_line)
    header, found = max(first_line - 1, 0), {}
    for label, column in zip(labels, frame.get_columns()):
        standard = _standard(label)
        if standard in found:
            raise DataError(name, f"a second column is the {standard}; keep one", header, label)
        if standard is not None:
            refuse_nested(name, label, column.dtype)
            found[standard] = column.alias(standard)
    if not {"time", "date"} & set(found):
        index = next((place for place, label in enumerate(labels) if label.strip().lower() in _INDEX), None)
        if index is None:
            raise DataError(name, f"no column named date, time, datetime or timestamp among {', '.join(map(repr, labels))}", header)
        found["time"] = frame.get_columns()[index].alias("time")
    for needed in ("open", "high", "low", "close"):
        if needed not in found:
            raise DataError(name, f"no column named {needed} among {', '.join(map(repr, labels))}", header)
    table = pl.DataFrame(list(found.values())).with_row_index("line", first_line)
    return Table(name, table.filter(~pl.all_horizontal(pl.exclude("line").is_null())))
