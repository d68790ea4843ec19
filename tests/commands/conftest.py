"""Runs a command line within this process, among odd files."""

import faulthandler
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapebook import run_command_line
from tests.commands import odd_files

PATIENCE = 300
"""Seconds after which a command hangs, as one that reads a pipe without end does."""


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The odd files."""
    made = tmp_path_factory.mktemp("odd")
    odd_files.make(made)
    return made


@pytest.fixture
def complains(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., None]]:
    """Asserts that the words of a command line are answered by exit 2 (or `exits`), nothing on stdout and one line on stderr with these
    parts."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TAPEBOOK_TOKEN", "none")
    faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)

    def check(words: list[str], *parts: str, exits: int = 2) -> None:
        code = run_command_line(words)
        out, err = capsys.readouterr()
        assert (code, out) == (exits, ""), (out, err[-2000:])
        assert err.startswith("tapebook: ")
        assert err.count("\n") == 1, err
        assert len(err) < 700, "a line that a person reads"
        for part in parts:
            assert part.lower() in err.lower(), err

    yield check
    faulthandler.cancel_dump_traceback_later()
