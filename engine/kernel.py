"""The decorator of our compiled functions, and where their machine code is kept.

Numba's own disk cache watches only the file a function stands in; ours lies in a folder named by a hash of all sources of the
function's package and of the engine, so an edit anywhere there compiles anew. The user's Numba settings stay as they are.
This is the one module of the engine that touches files.
"""

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import caching, config

F = TypeVar("F", bound=Callable[..., Any])
_settings: Any = config
_njit: Any = numba.njit
_ENGINE = Path(__file__).parent


@functools.cache
def _stamp(package: Path) -> str:
    """Hash of every source that machine code of `package` may be made from."""
    said = hashlib.sha256(f"{numba.__version__} {_settings.BOUNDSCHECK}".encode())
    for folder in sorted({package, _ENGINE}):
        for path in sorted(folder.glob("*.py")):
            said.update(path.read_bytes())
    return said.hexdigest()[:16]


@functools.cache
def _folder(package: Path) -> str:
    """A writable folder for the machine code of `package`: under the user's cache, else under the temporary folder."""
    homes = [Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()), Path(tempfile.gettempdir())]
    for home in homes:
        folder = home / "tapebook" / "kernels" / f"{package.name}-{_stamp(package)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    return tempfile.mkdtemp(prefix="tapebook-kernels-")


class _Locator(caching._CacheLocator):
    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._package = Path(py_file).parent
        self._line = py_func.__code__.co_firstlineno

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_Locator":
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return _folder(self._package)

    def get_source_stamp(self) -> str:
        return _stamp(self._package)

    def get_disambiguator(self) -> str:
        return str(self._line)


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012 (numba's own attribute)


class _Cache(caching.FunctionCache):
    _impl_class = _Implementation


def kernel(function: F) -> F:
    """Compile `function` on first call, keep the machine code on disk, and leave reference counts alone.

    `_nrt=False`: counting references to the arrays of the state doubled the time of the hot path. A kernel therefore allocates
    nothing: arrays come in as arguments.
    """
    made = _njit(error_model="numpy", _nrt=False)(function)
    return _cached(made, function)


def allocating_kernel(function: F) -> F:
    """As `kernel`, for the few outside the hot path that make arrays."""
    return _cached(_njit(error_model="numpy")(function), function)


def _cached(made: Any, function: F) -> F:
    if not _settings.DISABLE_JIT:
        made._cache = _Cache(function)
    return made
