"""One command as JSON, in both directions: exact, strict, and with an error that names the field. `plain_orders` is the fast way."""

import json
from collections.abc import Mapping
from typing import Any

from engine.messages.commands import Command
from engine.messages.hints import did_you_mean
from engine.messages.instrument import decimal
from engine.messages.parsing import WORDS, word
from engine.messages.vocabulary import Kind, OrderType
from live.wire.errors import WireError
from live.wire.fields import IS_MORE, MORE, NUMBERS, PRICED, READERS, SHAPES, STOPS, known, shown
from live.wire.numbers import EXPONENT_MAX, Written
from live.wire.times import time_text

MESSAGE_BYTES_MAX = 1 << 17
"""Longest message that is read: rules that restrict some ten thousand symbols. One message must not keep the session busy for long."""
WHOLE = "message"
"""Stands for the field's path where the whole message is meant."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(field for field, _ in pairs if field in seen or seen.add(field))  # type: ignore[func-returns-value]
        raise WireError(shown(twice)[1:-1], "the field stands twice in one object; write it once")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=Written, parse_float=Written, parse_constant=Written)


def read_object(value: bytes) -> dict[str, Any]:
    """A JSON object, its numbers as they are written. Raises WireError for anything else, and for a field that stands twice."""
    if len(value) > MESSAGE_BYTES_MAX:
        raise WireError(WHOLE, f"it has {len(value):,} bytes; the most that is read is {MESSAGE_BYTES_MAX:,}")
    try:
        made = _DECODER.decode(value.decode())
    except UnicodeDecodeError as odd:
        raise WireError(WHOLE, f"it is not UTF-8 at byte {odd.start}; write it as JSON in UTF-8") from None
    except json.JSONDecodeError as odd:
        raise WireError(WHOLE, f"it is not JSON: {odd.msg}, at character {odd.pos}; write one object a message") from None
    except RecursionError:
        raise WireError(WHOLE, "it is nested too deep; a command is one object of plain fields") from None
    if not isinstance(made, dict):
        raise WireError(WHOLE, f"it is {shown(made)}; write one object a message")
    return made


def read_command(value: bytes) -> Command:
    """The command of a message of `orders.commands`, its numbers exact decimals. Raises WireError."""
    return command_of(read_object(value))


def command_of(given: dict[str, Any]) -> Command:
    """The command of a JSON object, its numbers as they are written (`read_object`). Raises WireError."""
    kind = _kind(given)
    shape = SHAPES[kind]
    given = {field: one for field, one in given.items() if field != "kind"}
    more = next((field for field in shape.needs if field in IS_MORE), None)
    if more is not None and MORE in given:
        if more in given:
            raise WireError(MORE, f"it stands for {more}, which is there too; write {more} alone")
        given[more] = given.pop(MORE)
    known(given, shape.fields, f"a {kind.name}")
    read = {field: READERS[field](field, one) for field, one in given.items() if one is not None}
    _complete(kind, shape.needs, read)
    return Command(kind, **{MORE if field in IS_MORE else field: one for field, one in read.items()})


def _kind(given: Mapping[str, Any]) -> Kind:
    if given.get("kind") is None:
        raise WireError("kind", f"it is missing; write one of {', '.join(kind.name for kind in SHAPES)}")
    kind = given["kind"]
    names = {of.name: of for of in SHAPES}
    if not isinstance(kind, str) or kind not in names:
        mend = did_you_mean(kind if isinstance(kind, str) else "", names, f"it is one of {', '.join(names)}")
        raise WireError("kind", f"{shown(kind)} is not a command that may be sent; {mend}")
    return names[kind]


def _complete(kind: Kind, needs: tuple[str, ...], read: Mapping[str, Any]) -> None:
    """Raises WireError where a field is missing that the command cannot do without."""
    if kind == Kind.NEW:
        made = read.get("type", OrderType.LIMIT)
        needs += ("price",) * (made in PRICED) + ("stop_price",) * (made in STOPS)
    for field in needs:
        if field not in read:
            raise WireError(field, f"it is missing; a {kind.name} needs {', '.join(needs)}")


def write_command(command: Command) -> bytes:
    """The JSON of a command, as `orders.commands` carries it: what is at its default is left out, numbers are decimal strings.

    Raises WireError for what has no place there: a kind that is not sent, a field that the kind has not, a name that is empty.
    """
    if command.kind not in SHAPES:
        raise WireError(
            "kind", f"{command.kind!r} is not a command that may be sent; it is one of {', '.join(kind.name for kind in SHAPES)}"
        )
    kind = Kind(command.kind)
    fields = {MORE if field in IS_MORE else field: field for field in SHAPES[kind].fields}
    made: dict[str, Any] = {"kind": kind.name}
    for name, value in command._asdict().items():
        unnamed = value == "" and name in ("portfolio", "trader") and kind in (Kind.NEW, Kind.CANCEL, Kind.REPLACE)
        if name == "kind" or unnamed or (value == Command._field_defaults[name] and name not in SHAPES[kind].needs):
            continue
        if name not in fields:
            raise WireError(name, f"a {kind.name} has no such field; it has {', '.join(SHAPES[kind].fields)}")
        made[fields[name]] = _json(fields[name], value)
    return _checked(made)


def _checked(made: dict[str, Any]) -> bytes:
    """A command as bytes that `read_command` takes."""
    try:
        value = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise WireError(WHOLE, "a name has half of a surrogate pair, which is not a character; write the name in UTF-8") from None
    read_command(value)
    return value


def _json(field: str, value: Any) -> Any:
    """The value of one field of a command, or of its limits or rules, as JSON has it."""
    try:
        if field in WORDS:
            return WORDS[field](word(field, value)).name
        if value is None or field not in NUMBERS:
            return _other(field, value)
        made = decimal(value, field)
    except ValueError as odd:
        raise WireError(field, str(odd).removeprefix(f"{field}: ")) from None
    if abs(made.adjusted()) > EXPONENT_MAX:
        raise WireError(field, f"{made} is out of bounds; it has at most {EXPONENT_MAX} places before or after its point")
    return f"{made:f}"


def _other(field: str, value: Any) -> Any:
    if field in ("limits", "rules"):
        return {name: _json(name, one) for name, one in value._asdict().items() if one is not None}
    if field == "ts":
        return time_text(int(value))
    return list(value) if field == "restricted" else value
