"""Tables of any size, some rows at a time: CSV (plain, gzipped, zipped), Parquet, pandas and polars frames."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from polars.exceptions import PolarsError

from data.bars.files import pandas_frame, refuse_nested
from data.feed import DataError
from data.recognition import check_line_ends
from data.sources.blocks import Progress, file_hash, file_head, inner_name, line_blocks
from data.tabular.columns import ALIASES, plain_name

ROWS = 1 << 18
READ = 1 << 20
"""Rows of a Parquet file that are read at once: a row group that is cut is unpacked again for each of its parts."""
TEXT = 1 << 23
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


class Block(NamedTuple):
    """Rows of a table, as they stand: `frame` has its columns, `first` is the line of the first row (of a frame: the row, from 1)."""

    frame: pl.DataFrame
    first: int


class Source(NamedTuple):
    """A table: `name` for errors, `stem` what the file is called, its column `labels`, `header` the line that they stand in (0: none),
    `blocks`, which reads it from the beginning, and `fingerprint` of its bytes."""

    name: str
    stem: str
    labels: list[str]
    header: int
    blocks: Callable[[], Iterator[Block]]
    fingerprint: Callable[[], str]


def open_source(source: Any, names: Sequence[str] | None = None, progress: Progress | None = None, repair: bool = False) -> Source:
    """The table of a file or a frame. `names`: the columns of a file without a header line. Raises DataError where it is not a table."""
    if isinstance(source, str | Path):
        path = Path(source)
        return _parquet(path) if file_head(path, 4) == b"PAR1" else _text(path, names, progress, repair)
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return _frame(source)
    if type(source).__module__.split(".")[0] == "pandas" and hasattr(source, "columns"):
        return _frame(_of_pandas(source))
    raise DataError(type(source).__name__, "is neither a file nor a pandas or polars frame")


def _of_pandas(source: Any) -> pl.DataFrame:
    times = {*ALIASES["time"], *ALIASES["date"]}
    labels, frame = pandas_frame(source, lambda label: plain_name(label) in times)
    frame.columns = labels
    return frame


def _frame(frame: pl.DataFrame) -> Source:
    def blocks() -> Iterator[Block]:
        for first in range(0, len(frame), ROWS):
            yield Block(frame.slice(first, ROWS), first + 1)

    def fingerprint() -> str:
        written = io.BytesIO()
        frame.write_ipc(written)
        return hashlib.sha256(written.getbuffer()).hexdigest()

    return Source("DataFrame", "", _flat("DataFrame", frame.schema), 0, blocks, fingerprint)


def _flat(name: str, schema: pl.Schema) -> list[str]:
    """The columns that hold one value a row. Raises DataError where another has a name that we read."""
    for label, dtype in schema.items():
        if any(plain_name(label) in aliases for aliases in ALIASES.values()):
            refuse_nested(name, label, dtype)
    return [label for label, dtype in schema.items() if not dtype.is_nested()]


def _parquet(path: Path) -> Source:
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        rows = int(scan.select(pl.len()).collect().item())
    except (PolarsError, OSError) as error:
        raise DataError(path, f"is a damaged Parquet file ({str(error).splitlines()[0]}); fetch it again") from None

    labels = _flat(str(path), schema)

    def blocks() -> Iterator[Block]:
        for first in range(0, rows, READ):
            try:
                frame = scan.slice(first, READ).collect()
            except PolarsError as error:
                raise DataError(path, f"is damaged ({str(error).splitlines()[0]}); fetch it again", first + 1) from None
            at = first + 1
            for part in _parts(frame):
                yield Block(part, at)
                at += len(part)

    return Source(str(path), path.stem, labels, 0, blocks, lambda: file_hash(path))


def _parts(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """A frame cut where its memory is, so that nothing is copied; frames of many small pieces by rows."""
    lengths = frame.to_series(0).chunk_lengths() if frame.width else [len(frame)]
    at = 0
    for length in lengths if len(lengths) * (ROWS >> 2) <= len(frame) else [len(frame)]:
        for first in range(0, length, ROWS):
            yield frame.slice(at + first, min(ROWS, length - first))
        at += length


def _text(path: Path, names: Sequence[str] | None, progress: Progress | None, repair: bool) -> Source:
    line = _first_line(path)
    separator = max(",;\t|", key=line.count)
    labels = next(csv.reader([line], delimiter=separator))
    header = 0 if names is not None and not _is_header(labels) else 1
    if names is not None:
        if len(names) != len(labels):
            raise DataError(path, f"has {len(labels)} columns, not the {len(names)} that were named ({', '.join(names)})", 1)
        labels = list(names)
    elif not _is_header(labels):
        shown = ",".join(labels[:8])
        raise DataError(path, f"has no header line ({shown}); name its columns: names=[…], {len(labels)} of them", 1)
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DataError(path, "two columns have this name; keep one", 1, twice)

    def blocks() -> Iterator[Block]:
        first, skip = 1, header
        for text in line_blocks(path, TEXT, progress, repair):
            begin = text.index(b"\n") + 1 if skip else 0
            first += skip
            skip = 0
            lines = text.count(b"\n", begin)
            if lines:
                yield Block(_parsed(str(path), text[begin:], labels, separator, first), first)
            first += lines

    return Source(str(path), Path(inner_name(path)).stem, labels, header, blocks, lambda: file_hash(path))


def _first_line(path: Path) -> str:
    head = file_head(path)
    if b"\0" in head:
        raise DataError(path, "is a binary file, not a table of text")
    check_line_ends(path, head)
    line = head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r")
    if not line.strip():
        raise DataError(path, "is empty" if not head.strip() else "begins with an empty line", 0 if not head.strip() else 1)
    return line


def _is_header(labels: Sequence[str]) -> bool:
    return not any(_NUMBER.fullmatch(label.strip()) for label in labels)


def _parsed(name: str, text: bytes, labels: list[str], separator: str, first: int) -> pl.DataFrame:
    """Lines as columns of text. Raises DataError that names the line with more or fewer fields."""
    quoted = b'"' in text
    try:
        frame = pl.read_csv(
            io.BytesIO(text), has_header=False, new_columns=labels, infer_schema=False, separator=separator,
            quote_char='"' if quoted else None, truncate_ragged_lines=False,
        )  # fmt: skip
        if frame.width == len(labels) and len(frame) == text.count(b"\n"):
            return frame.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))
    except PolarsError as error:
        failed = str(error).splitlines()[0]
    else:
        failed = f"{frame.width} columns, {len(frame)} rows"
    try:
        lines = text.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DataError(name, "is not UTF-8 text", first + text[: error.start].count(b"\n")) from None
    for number, fields in enumerate(csv.reader(lines, delimiter=separator)):
        if len(fields) != len(labels):
            raise DataError(name, f"has {len(fields)} fields, not {len(labels)}; is it cut short?", first + number)
    raise DataError(name, f"is not a table ({failed})", first)
