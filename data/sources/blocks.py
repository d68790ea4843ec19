"""The bytes of a file in blocks, plain, gzipped or the one member of a zip; with how far we are, and one clear error where they end."""

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from data.feed import DataError
from data.recognition import check_regular, members_of

BLOCK = 1 << 22
Progress = Callable[[int, int], None]
"""Called with the bytes of the file that were read, and how many it has."""
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError)
"""What a damaged, encrypted or strangely packed file raises."""


def packing_of(path: Path) -> str:
    """`"gzip"`, `"zip"`, `"zstd"` or `""`, by the first bytes. Raises DataError where there is no such file."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from None
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head == b"\x28\xb5\x2f\xfd":
        return "zstd"
    return "zip" if head == b"PK\x03\x04" else ""


def only_member(path: Path) -> str:
    """The one file in a zip. Raises DataError where there are none or several."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = members_of(archive)
    except (OSError, zipfile.BadZipFile):
        raise DataError(path, "the zip is broken or cut short; fetch it again") from None
    if len(members) != 1:
        raise DataError(path, f"holds {len(members)} files ({', '.join(members[:3])}); it must hold one: unpack it and name the files")
    return members[0]


def inner_name(path: Path) -> str:
    """The file's name without its packing: what says symbol and day."""
    if packing_of(path) == "zip":
        return Path(only_member(path)).name
    return path.name.removesuffix(".gz").removesuffix(".zst")


def _unpacked(path: Path, file: IO[bytes]) -> IO[bytes]:
    packing = packing_of(path)
    if packing == "gzip":
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    if packing == "zip":
        return zipfile.ZipFile(file).open(only_member(path))
    if packing == "zstd":
        raise DataError(path, "is packed with Zstandard; unpack it (unzstd) and name the file that comes out")
    return file


def read_blocks(path: Path, size: int = BLOCK, progress: Progress | None = None, repair: bool = False) -> Iterator[bytes]:
    """The unpacked bytes, `size` at a time. Raises DataError, with the place, where the packing is damaged or cut short.

    With `repair` what came before the damage is all there is.
    """
    total, done = path.stat().st_size if path.exists() else 0, 0
    try:
        with path.open("rb") as raw:
            file = _unpacked(path, raw)
            while block := _read(file, size):
                done += len(block)
                yield block
                if progress is not None:
                    progress(min(raw.tell(), total), total)
    except FileNotFoundError:
        raise DataError(path, "no such file") from None
    except BROKEN as error:
        if repair and done:
            return
        said = str(error).rstrip(".") or type(error).__name__
        raise DataError(path, f"is damaged or cut short after {done} unpacked bytes ({said}); fetch it again, or repair=True") from None


def _read(file: IO[bytes], size: int) -> bytes:
    """As many bytes as there are, up to `size`; those before damage come first, the error with the next call."""
    parts: list[bytes] = []
    room = size
    while room > 0:
        try:
            part = file.read1(min(room, 1 << 18)) if isinstance(file, gzip.GzipFile) else file.read(room)
        except BROKEN:
            if parts:
                break
            raise
        if not part:
            break
        parts.append(part)
        room -= len(part)
    return b"".join(parts)


def line_blocks(path: Path, size: int = BLOCK, progress: Progress | None = None, repair: bool = False) -> Iterator[bytes]:
    """Blocks of whole lines, each ended by a line break."""
    rest = b""
    for block in read_blocks(path, size, progress, repair):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
    if rest.strip():
        yield rest + b"\n"


def file_head(path: Path, size: int = 65536) -> bytes:
    """The first unpacked bytes, as many as can be read; of a damaged file those before the damage."""
    return next(read_blocks(path, size, repair=True), b"")


def file_hash(path: Path, *options: Any) -> str:
    """SHA-256 (hex) of the options and of the bytes as they lie on disk. Raises DataError where they cannot be read."""
    hashed = hashlib.sha256("|".join(map(str, options)).encode())
    try:
        with path.open("rb") as file:
            hashed.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from None
    return hashed.hexdigest()


def text_lines(content: bytes) -> io.StringIO:
    """UTF-8 text as a stream of lines."""
    return io.StringIO(content.decode("utf-8-sig"))
