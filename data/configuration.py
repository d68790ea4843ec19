"""Configuration: TOML files with options given beside them on top, checked as a whole, every problem with its place."""

import re
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from data.named_file import named_text
from engine.errors import TapebookError
from engine.messages.hints import did_you_mean

Key = tuple[str | int, ...]
DEPTH_MAX = 32
PROBLEMS_MAX = 50
"""Problems that are told at once."""
_PART = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ASSIGNED = re.compile(rf"\s*({_DOTTED})\s*=")
_IN_FILE: ContextVar[dict[str, Any]] = ContextVar("_IN_FILE")


class ConfigurationError(TapebookError, ValueError):
    """What is wrong with a configuration, a line for each problem in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Problems(TapebookError, ValueError):
    """Several problems of one value, by the keys within it: a name, or a path of names and numbers."""

    def __init__(self, found: Mapping[Any, str]) -> None:
        self.found = found
        super().__init__("; ".join(found.values()))


class Document(NamedTuple):
    """What a TOML file says, and the line of each key."""

    path: Path
    values: dict[str, Any]
    lines: dict[Key, int]

    def place(self, key: Key) -> str:
        """The file and the line of a key, or of what it is within."""
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path} line {self.lines[key]}" if key else str(self.path)


def read_toml(path: Path) -> Document:
    """A TOML file. Raises ConfigurationError with the file, and with the line where it is not TOML."""
    try:
        text = named_text(path)
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror or error}; name a TOML file"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        why, _, line = str(error).partition(" (at line ")
        place = f"{path} line {line.partition(',')[0]}" if line else str(path)
        raise ConfigurationError([f"{place}: is not TOML: {why}"]) from None
    if _depth(values) > DEPTH_MAX:
        raise ConfigurationError([f"{path}: its tables and lists are more than {DEPTH_MAX} deep; no key lies so deep"])
    return Document(path, values, key_lines(text))


def _depth(values: Any) -> int:
    """How deep tables and lists lie within each other, counted to a little above DEPTH_MAX."""
    layer, depth = [values], 0
    while layer and depth <= DEPTH_MAX:
        inner = [one for value in layer for one in (value.values() if isinstance(value, dict) else value)]
        layer, depth = [one for one in inner if isinstance(one, dict | list)], depth + 1
    return depth


def key_lines(text: str) -> dict[Key, int]:
    """The line (from 1) on which each key of a TOML text is first written; a table's name counts as a key."""
    found: dict[Key, int] = {}
    table: Key = ()
    counts: dict[Key, int] = {}
    quoted = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quoted:  # within a text of several lines
            quoted = "" if quoted in line else quoted
            continue
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            _note(found, table, number)
        elif assigned := _ASSIGNED.match(line):
            _note(found, (*table, *_parts(assigned[1])), number)
            quoted = next((marks for marks in ('"""', "'''") if line.count(marks) % 2), "")
    return found


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))


def _note(found: dict[Key, int], key: Key, number: int) -> None:
    for length in range(1, len(key) + 1):
        found.setdefault(key[:length], number)


class Configuration(BaseSettings):
    """Keys of a TOML file, also given as options; no environment variable sets one."""

    model_config = SettingsConfigDict(extra="forbid", case_sensitive=True, validate_default=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options win over the file."""
        return init_settings, InitSettingsSource(settings_cls, _IN_FILE.get({}))

    @classmethod
    def read(cls, document: Document | None, options: Mapping[str, Any]) -> Self:
        """What the file and the options say. Raises ConfigurationError with every problem of theirs at once."""
        token = _IN_FILE.set(document.values if document else {})
        try:
            return cls(**options)
        except ValidationError as error:
            lines = document.lines if document else {}
            found = sorted(_found(error), key=lambda one: lines.get(one[0], 0))
            told = [_line(cls, document, options, key, what) for key, what in found[:PROBLEMS_MAX]]
            more = len(found) - PROBLEMS_MAX
            raise ConfigurationError([*told, *([f"and {more:,} more problems; mend these first"] if more > 0 else [])]) from None
        finally:
            _IN_FILE.reset(token)


def nested(model: type[Configuration], values: Any) -> Any:
    """A table within a file, read by a model of its own. Raises Problems with the keys within it."""
    if not isinstance(values, dict):
        raise Problems({(): f"{values!r} is not a table"})
    token = _IN_FILE.set({})
    try:
        return model(**values)
    except ValidationError as error:
        raise Problems({key: what or _unknown(model, key) for key, what in _found(error)}) from None
    finally:
        _IN_FILE.reset(token)


def _unknown(model: type[Configuration], key: Key) -> str:
    known = list(model.model_fields)
    return f"unknown key {'.'.join(map(str, key))!r}; {did_you_mean(str(key[-1]), known, 'known are ' + ', '.join(known))}"


def _found(error: ValidationError) -> list[tuple[Key, str]]:
    """Keys and what is wrong with their values; an empty text for a key that is not known."""
    made: list[tuple[Key, str]] = []
    for one in error.errors(include_url=False):
        cause = one.get("ctx", {}).get("error")
        if isinstance(cause, Problems):
            made += [((*one["loc"], *(key if isinstance(key, tuple) else (key,))), what) for key, what in cause.found.items()]
        else:
            made.append((one["loc"], "" if one["type"] == "extra_forbidden" else str(cause or one["msg"])))
    return made


def _line(model: type[Configuration], document: Document | None, options: Mapping[str, Any], key: Key, what: str) -> str:
    """One problem with its place: the option, or file, line and key."""
    name = ".".join(map(str, key))
    if not what:
        what, name = _unknown(model, key), ""
    if document is None or _given(options, key):
        return f"--{str(key[0]).replace('_', '-')}{''.join(f' {part}' for part in key[1:])}: {what}"
    return f"{document.place(key)}{name and f', key {name}'}: {what}"


def _given(options: Any, key: Key) -> bool:
    """Whether options say something of a key."""
    for part in key:
        options = options.get(part) if isinstance(options, Mapping) else None
    return options is not None
