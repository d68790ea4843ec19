"""What a killed process left half-written goes with the next run; what a living one is writing stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from backtest import Backtest
from data import leftovers, synthetic_flow
from data.leftovers import remove_leftovers
from engine import Strategy

HOLD = "import sys, time; file = open(sys.argv[1], 'ab'); file.write(b'x'); file.flush(); print('open', flush=True); time.sleep(60)"
pytestmark = pytest.mark.skipif(not hasattr(leftovers._system, "F_SETLEASE"), reason="needs Linux's leases")


def half_written(folder: Path, seconds: float = 10.0) -> Path:
    """A part of a file that was last written so many seconds ago."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "0123abcd.part"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = half_written(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        os.utime(path, (0, 0))
        remove_leftovers(tmp_path)
        assert path.exists(), "somebody is writing it"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    os.utime(path, (time.time() - 10,) * 2)
    remove_leftovers(tmp_path)
    assert not path.exists()


def test_what_was_closed_this_moment_may_be_about_to_be_renamed(tmp_path: Path) -> None:
    path = half_written(tmp_path, 0.0)
    remove_leftovers(tmp_path)
    assert path.exists()


def test_only_parts_are_removed(tmp_path: Path) -> None:
    kept = half_written(tmp_path).rename(tmp_path / "0123abcd.npy")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "nowhere")
    assert kept.exists()


def test_where_the_system_cannot_say_a_day_must_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_system", SimpleNamespace())
    path = half_written(tmp_path, 7200)
    remove_leftovers(tmp_path)
    assert path.exists()
    os.utime(path, (time.time() - 90_000,) * 2)
    remove_leftovers(tmp_path)
    assert not path.exists()


class Idle(Strategy):
    every = "1h"

    def on_timer(self) -> None:
        pass


@pytest.mark.parametrize("own", [False, True])
def test_the_next_run_cleans_its_cache(tmp_path: Path, own: bool) -> None:
    cache = tmp_path / "mine" if own else tmp_path / "cache"
    path = half_written(cache)
    Backtest(synthetic_flow(messages=2_000), Idle, cache=cache if own else None).run(tmp_path)
    assert not path.exists()
    assert list(cache.glob("*.npy"))
