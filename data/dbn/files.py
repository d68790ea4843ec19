"""Databento's files: Zstandard or plain, their metadata, and their records as NumPy arrays, a block at a time."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.feed import DataError
from data.sources.blocks import Progress, packing_of, read_blocks
from engine.compiler.kernel import entry_kernel

BLOCK = 1 << 22
UNDEFINED = 2**63 - 1
"""A price that is none."""
HEADER = 16
RTYPES = {
    0: "trades", 1: "mbp-1", 10: "mbp-10", 17: "ohlcv", 32: "ohlcv", 33: "ohlcv", 34: "ohlcv", 35: "ohlcv", 36: "ohlcv", 18: "status",
    19: "definition", 20: "imbalance", 21: "error", 22: "symbol mapping", 23: "system", 24: "statistics", 160: "mbo", 177: "cmbp-1",
    192: "cbbo", 193: "cbbo", 194: "tcbbo", 195: "bbo", 196: "bbo",
}  # fmt: skip
"""What the type of a record is."""
MESSAGES = {
    "mbo": "MBOMsg", "mbp-1": "MBP1Msg", "mbp-10": "MBP10Msg", "trades": "TradeMsg", "ohlcv": "OHLCVMsg", "cmbp-1": "CMBP1Msg",
    "bbo": "BBOMsg", "cbbo": "CBBOMsg", "tcbbo": "CMBP1Msg",
}  # fmt: skip
"""The class of databento_dbn for a schema's records."""
PERIODS = {32: 10**9, 33: 60 * 10**9, 34: 3600 * 10**9, 35: 86_400 * 10**9, 36: 86_400 * 10**9}
"""Nanoseconds of a bar."""


class Heading(NamedTuple):
    """What a file says of itself: the schema, the data set, and the symbols by the numbers of their instruments."""

    version: int
    dataset: str
    schema: str | None
    symbols: dict[int, str]
    ts_out: bool


def library() -> Any:
    """databento_dbn. Raises ValueError with the mend where it is not installed."""
    try:
        import databento_dbn
    except ImportError:
        raise ValueError("Databento files need databento-dbn: uv sync --extra data, or pip install 'tapebook[data]'") from None
    return databento_dbn


def record_type(schema: str) -> np.dtype[Any]:
    """The dtype of a schema's records, letters as numbers."""
    fields = getattr(library(), MESSAGES[schema])._dtypes
    return np.dtype([(name, "u1" if kind == "S1" else kind) for name, kind in fields])


def raw_blocks(path: Path, progress: Progress | None = None, repair: bool = False) -> Iterator[bytes]:
    """The file's bytes, unpacked. Raises DataError where it is damaged or cut short."""
    if packing_of(path) != "zstd":
        yield from read_blocks(path, BLOCK, progress, repair)
        return
    try:
        import zstandard
    except ImportError:
        raise ValueError("packed Databento files need zstandard: uv sync --extra data, or pip install 'tapebook[data]'") from None
    done, total = 0, path.stat().st_size
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        while True:
            try:
                block = reader.read(BLOCK)
            except zstandard.ZstdError as error:
                if repair and done:
                    return
                what = f"is damaged or cut short after {done} unpacked bytes ({error}); fetch it again, or repair=True"
                raise DataError(path, what) from None
            if not block:
                return
            done += len(block)
            yield block
            if progress is not None:
                progress(min(file.tell(), total), total)


def read_heading(path: Path, blocks: Iterator[bytes]) -> tuple[Heading, bytes]:
    """The metadata at the beginning of the blocks, and the bytes after them. Raises DataError where there are none."""
    text = b""
    for block in blocks:
        text += block
        if len(text) >= 8 and len(text) >= 8 + int.from_bytes(text[4:8], "little"):
            break
    if not text:
        raise DataError(path, "is empty")
    if text[:3] != b"DBN":
        raise DataError(path, f"is not a Databento file: its first bytes are {text[:8].hex(' ')}, not DBN")
    end = 8 + int.from_bytes(text[4:8], "little")
    if len(text) < end or text[3] not in (1, 2, 3):
        what = f"is of DBN version {text[3]}; 1 to 3 are known" if text[3] not in (1, 2, 3) else "is cut short within its metadata"
        raise DataError(path, what)
    dbn = library()
    try:
        found = dbn.Metadata.decode(text[:end])
    except (dbn.DBNError, ValueError) as error:
        raise DataError(path, f"has damaged metadata ({error})") from None
    symbols: dict[int, str] = {}
    for symbol, spans in found.mappings.items():
        for span in spans:
            number, name = (span["symbol"], symbol) if str(span["symbol"]).isdigit() else (symbol, span["symbol"])
            if str(number).isdigit():
                symbols.setdefault(int(number), str(name))
    schema = None if found.schema is None else str(found.schema)
    return Heading(int(text[3]), str(found.dataset), schema, symbols, bool(found.ts_out)), text[end:]


@entry_kernel
def _find_records(text, wanted, size, offsets, counts, end):  # type: ignore[no-untyped-def]
    """Where records of the type `wanted` begin, into `offsets`, and how many; counts all by their type. `end[0]`: where the first record
    that is not whole begins; `end[1]`: 1 where a length cannot be."""
    at, n = np.int64(0), np.int64(0)
    while at + 2 <= len(text):
        length = np.int64(text[at]) * 4
        if length < HEADER or (text[at + 1] == wanted and length < size):
            end[1] = 1
            break
        if at + length > len(text):
            break
        counts[text[at + 1]] += 1
        if text[at + 1] == wanted:
            offsets[n] = at
            n += 1
        at += length
    end[0] = at
    return n


class Records(NamedTuple):
    """Records of one type: `rows` (the type's dtype), the number of the first of all records before them, and where it stands."""

    rows: np.ndarray
    first: int


def read_records(
    path: Path, wanted: int, dtype: np.dtype[Any], progress: Progress | None = None, repair: bool = False, counts: np.ndarray | None = None
) -> Iterator[Records]:
    """The records of one type, in their order. Raises DataError, with the record's number and its place, where the file is damaged."""
    blocks = raw_blocks(path, progress, repair)
    _, rest = read_heading(path, blocks)
    counts = np.zeros(256, np.int64) if counts is None else counts
    place, done = 0, 0
    for block in _chained(rest, blocks):
        text = np.frombuffer(rest + block if block is not rest else rest, np.uint8)
        offsets, end = np.zeros(len(text) // HEADER + 1, np.int64), np.zeros(2, np.int64)
        found = _find_records(text, wanted, dtype.itemsize, offsets, counts, end)
        if found:
            yield Records(_rows(text, offsets[:found], dtype), done + 1)
        done += found
        if end[1] and not repair:
            where = f"record {int(counts.sum()) + 1}, {place + int(end[0])} bytes after the metadata"
            raise DataError(path, f"{where}, has a length that cannot be; fetch it again")
        if end[1]:
            return
        place += int(end[0])
        rest = text[int(end[0]) :].tobytes()
    if rest and not repair:
        what = f"record {int(counts.sum()) + 1}, {place} bytes after the metadata, is cut short: {len(rest)} bytes are left; repair=True"
        raise DataError(path, what)


def _chained(rest: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield rest
    yield from blocks


def _rows(text: np.ndarray, offsets: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    size = dtype.itemsize
    stride = int(offsets[1] - offsets[0]) if len(offsets) > 1 else size
    if len(offsets) * stride == int(offsets[-1] - offsets[0]) + stride and np.all(np.diff(offsets) == stride) and stride == size:
        return text[int(offsets[0]) : int(offsets[0]) + len(offsets) * size].view(dtype)
    gathered = np.lib.stride_tricks.sliding_window_view(text, size)[offsets]
    return np.ascontiguousarray(gathered).view(dtype)[:, 0]


def first_type(path: Path) -> int:
    """The type of the first record that is market data. Raises DataError where there are no records."""
    blocks = raw_blocks(path)
    _, rest = read_heading(path, blocks)
    for block in _chained(b"", blocks):
        rest += block
        at = 0
        while at + 2 <= len(rest):
            if rest[at + 1] not in (18, 20, 21, 22, 23, 24) or rest[at] == 0:
                return rest[at + 1]
            at += 4 * rest[at]
        rest = rest[at:]
    raise DataError(path, "holds no records of a market")


def definitions(path: Path) -> list[Any]:
    """All definitions of instruments in a file, as databento-dbn's InstrumentDefMsg of the newest version."""
    dbn = library()
    raw = io.BytesIO()
    for block in raw_blocks(path):
        raw.write(block)
    decoder = dbn.DBNDecoder(upgrade_policy=dbn.VersionUpgradePolicy.UPGRADE_TO_V3)
    decoder.write(raw.getvalue())
    return [record for record in decoder.decode() if type(record).__name__.startswith("InstrumentDefMsg")]
