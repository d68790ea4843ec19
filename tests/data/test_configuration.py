"""Configuration files: the line of every key, options on top, every problem with its place."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from data.configuration import Configuration, ConfigurationError, key_lines, read_toml

TEXT = '''\
# a comment = 1
title = "a = b"
"quoted key" = 1

a.b = 2
long = """
not_a_key = 3
"""
after = 4

[set]            # a table
spread = 3
[set.deep]
size = 5
[[session]]
name = "one"
[[session]]
name = "two"
inline = { x = 1 }
'''


class Job(Configuration):
    """A model of two keys and a table."""

    size: int = 1
    name: str = "x"
    set: dict[str, Any] = Field(default_factory=dict)


def test_the_line_of_every_key() -> None:
    found = key_lines(TEXT)
    assert found == {
        ("title",): 2,
        ("quoted key",): 3,
        ("a",): 5,
        ("a", "b"): 5,
        ("long",): 6,
        ("after",): 9,
        ("set",): 11,
        ("set", "spread"): 12,
        ("set", "deep"): 13,
        ("set", "deep", "size"): 14,
        ("session",): 15,
        ("session", 0): 15,
        ("session", 0, "name"): 16,
        ("session", 1): 17,
        ("session", 1, "name"): 18,
        ("session", 1, "inline"): 19,
    }


@pytest.fixture
def job(tmp_path):
    def read(text: str, **options: Any) -> Job:
        (tmp_path / "job.toml").write_bytes(text.encode())
        return Job.read(read_toml(tmp_path / "job.toml"), options)

    return read


def test_options_win_and_tables_are_merged(job, monkeypatch) -> None:
    monkeypatch.setenv("NAME", "of the environment")
    made = job("size = 2\n[set]\na = 1\nb = 2\n", size=3, set={"b": 4})
    assert (made.size, made.name, made.set) == (3, "x", {"a": 1, "b": 4})
    assert Job.read(None, {}).size == 1, "a file is forgotten once it is read"


def test_a_byte_order_mark_is_no_text(job) -> None:
    assert job("\ufeffsize = 2\n").size == 2


def test_every_problem_at_once_in_the_order_of_the_file(job, tmp_path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        job("nme = 'y'\nset = 3\nsize = 'many'\n", name=5)
    path = tmp_path / "job.toml"
    option, first, second, third = refused.value.problems
    assert option.startswith("--name: ")
    assert first == f"{path} line 1: unknown key 'nme'; did you mean name?"
    assert second.startswith(f"{path} line 2, key set: ")
    assert third.startswith(f"{path} line 3, key size: ")
    with pytest.raises(ConfigurationError, match=r"--colour: unknown key 'colour'; known are size, name, set"):
        Job.read(None, {"colour": 1})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a = 1\nb = \n", "line 2: is not TOML: Invalid value"),
        (b"\xff\xfe", "is not TOML: "),
        (b"a = " + b"[" * 5000, "is not TOML: "),
        (None, "No such file or directory; name a TOML file"),
    ],
)
def test_what_is_not_toml(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "job.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        read_toml(path)
    assert str(refused.value).startswith(str(path))
    assert why in str(refused.value)
