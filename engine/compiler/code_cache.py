"""Where the machine code of our kernels is kept: in a folder named by a hash of all sources that it may be made from.

Numba's own disk cache watches only the file a function stands in; here an edit anywhere in the function's package or in the engine compiles
anew. What cannot be read is compiled again, and where nothing can be written the process goes on without. The user's Numba settings stay as
they are. This is the one module of the engine that touches files.
"""

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import caching, config

_settings: Any = config
_ENGINE = Path(__file__).parents[1]
_DIGEST = 32
"""Bytes of the SHA-256 in front of kept machine code."""


@functools.cache
def stamp(package: Path) -> str:
    """Hash of every source that machine code of `package` may be made from."""
    said = hashlib.sha256(f"{numba.__version__} {_settings.BOUNDSCHECK} {_settings.OPT}".encode())
    for folder in sorted({package, _ENGINE}):
        for path in sorted(folder.rglob("*.py") if (folder / "__init__.py").exists() else folder.glob("*.py")):
            said.update(path.read_bytes())
    return said.hexdigest()[:16]


def package_of(path: Path) -> Path:
    """The outermost package that holds a module; its folder where it stands in none."""
    folder = path.parent
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def _is_private(folder: Path) -> bool:
    """Whether a folder is ours and nobody else can write there: what lies in it is run."""
    found = folder.lstat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022 and folder.is_dir() and not folder.is_symlink()


@functools.cache
def folder_of(package: Path) -> str:
    """A writable folder of ours for the machine code of `package`: under the user's cache, else one of this process's own."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    folder = home / "tapebook" / "kernels" / f"{package.name}-{stamp(package)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_private(folder) and os.access(folder, os.W_OK):
            return str(folder)
    except OSError:
        pass
    return tempfile.mkdtemp(prefix="tapebook-kernels-")


class _Locator(caching._CacheLocator):
    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._py_file = py_file  # Numba names it where code cannot be kept
        self._package = package_of(Path(py_file))
        self._place = f"{py_func.__module__}-{py_func.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_Locator":
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return folder_of(self._package)

    def get_source_stamp(self) -> str:
        return stamp(self._package)

    def get_disambiguator(self) -> str:
        return self._place


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012 (numba's own attribute)

    def check_cachable(self, cres: Any) -> bool:
        """Whether code can be kept; without a word where it cannot, as under NUMBA_OPT=0."""
        return not (cres.library.has_dynamic_globals or any(not one.can_cache for one in cres.lifted))


class _Files(caching.IndexDataCacheFile):
    """Machine code behind its hash: a file that was cut or changed is as good as none."""

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        kept = path.read_bytes()
        if hashlib.sha256(kept[_DIGEST:]).digest() != kept[:_DIGEST]:
            raise OSError(f"{path} is damaged")  # which Numba takes for a file that is gone
        return caching.pickle.loads(kept[_DIGEST:])

    def _dump(self, obj: Any) -> bytes:
        return bytes(super()._dump(obj))

    def _save_data(self, name: str, data: Any) -> None:
        raw = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(raw).digest() + raw)


class Cache(caching.FunctionCache):
    """The kept machine code of one function."""

    _impl_class = _Implementation

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        base = self._impl.filename_base
        self._cache_file = _Files(cache_path=self._cache_path, filename_base=base, source_stamp=self._impl.locator.get_source_stamp())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kept code; None where there is none, or what is there cannot be read: then it is made again."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged index makes Numba and pickle raise
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep code; where the disk is full or the folder cannot be written, go on without."""
        try:
            super().save_overload(sig, data)
        except Exception:
            self._forget()
            self.disable()

    def _forget(self) -> None:
        try:
            Path(self._cache_file._index_path).unlink(missing_ok=True)
        except OSError:
            self.disable()
