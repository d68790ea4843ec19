"""Machine code that is kept on disk: by every source, made again where it is damaged, done without where it cannot be written."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.compiler import code_cache

ROOT = Path(__file__).parents[2]
SMALL = """
from pathlib import Path
import numpy as np
from engine.compiler.kernel import entry_kernel
@entry_kernel
def double(numbers):
    for k in range(len(numbers)):
        numbers[k] *= 2
numbers = np.arange(3)
double(numbers)
print(numbers, double.stats.cache_hits)
"""


def double(tmp_path: Path, **env: str) -> str:
    """What a process prints that compiles a small kernel, or loads it."""
    module = tmp_path / "small.py"
    module.write_text(SMALL)
    settings = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT), **env}
    done = subprocess.run([sys.executable, str(module)], env=settings, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def kept(tmp_path: Path, pattern: str) -> list[Path]:
    return list((tmp_path / "cache").rglob(pattern))


DAMAGE: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "index empty": ("*.nbi", lambda path: path.write_bytes(b"")),
    "index cut": ("*.nbi", lambda path: path.write_bytes(path.read_bytes()[:40])),
    "code empty": ("*.nbc", lambda path: path.write_bytes(b"")),
    "code cut": ("*.nbc", lambda path: path.write_bytes(path.read_bytes()[:-9])),
    "code changed": ("*.nbc", lambda path: path.write_bytes(path.read_bytes()[:-40] + b"\1" * 40)),
    "code gone": ("*.nbc", lambda path: path.unlink()),
}


def test_damaged_machine_code_is_made_again(tmp_path: Path) -> None:
    assert double(tmp_path) == "[0 2 4] Counter()\n"
    assert "Counter({" in double(tmp_path)
    for pattern, harm in DAMAGE.values():
        (path,) = kept(tmp_path, pattern)
        harm(path)
        assert double(tmp_path) == "[0 2 4] Counter()\n"
    assert "Counter({" in double(tmp_path)
    (folder,) = {path.parent for path in kept(tmp_path, "*.nbi")}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_where_nothing_can_be_kept_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert double(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file")) == "[0 2 4] Counter()\n"
    assert double(tmp_path, NUMBA_OPT="0").startswith("[0 2 4]")


def test_a_folder_that_others_can_write_to_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    package = tmp_path / "mine"
    package.mkdir()
    usual = Path(code_cache.folder_of.__wrapped__(package))  # type: ignore[attr-defined]
    assert usual.is_relative_to(tmp_path)
    usual.chmod(0o777)
    other = Path(code_cache.folder_of.__wrapped__(package))  # type: ignore[attr-defined]
    assert other != usual
    assert stat.S_IMODE(other.stat().st_mode) == 0o700


def test_machine_code_is_kept_by_every_source_of_a_package(tmp_path: Path) -> None:
    """A changed module in a room of a package is another folder of machine code."""
    room = tmp_path / "mine" / "room"
    room.mkdir(parents=True)
    for folder in (tmp_path / "mine", room):
        (folder / "__init__.py").write_text("")
    (room / "inner.py").write_text("one = 1\n")
    before = code_cache.stamp.__wrapped__(tmp_path / "mine")  # type: ignore[attr-defined]
    (room / "inner.py").write_text("one = 2\n")
    assert code_cache.stamp.__wrapped__(tmp_path / "mine") != before  # type: ignore[attr-defined]
    assert code_cache.package_of(room / "inner.py") == tmp_path / "mine"
