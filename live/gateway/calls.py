"""One request as the operations see it, and what they answer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from live.gateway.problems import Problem, malformed
from live.gateway.security.principals import Principal, Role
from live.wire.command_json import read_object
from live.wire.errors import WireError
from live.wire.fields import name as read_name

NOBODY = Principal("nobody", frozenset())
ROWS, ROWS_MAX = 100, 1_000
WORDS_MAX = 500
"""Characters of a reason."""


class Call(NamedTuple):
    """A request: who asks, what stands in the path and behind the question mark, and the body."""

    who: Principal = NOBODY
    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    body: bytes = b""
    headers: Mapping[str, str] = {}
    address: str = ""

    def number(self, name: str, default: int, most: int) -> int:
        """A parameter from 1 to `most`. Raises Problem (422)."""
        given = self.query.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit() and len(given) <= 18 and 1 <= int(given) <= most):
            raise malformed(name, f"{given[:40]!r} is not a number from 1 to {most}")
        return int(given)

    def page(self) -> tuple[int, int | None]:
        """`limit`, and the seq before which the page begins."""
        return self.number("limit", ROWS, ROWS_MAX), self.number("cursor", 0, 1 << 62) or None

    def trader(self) -> str:
        """The trader that is asked about: the token's, or for who may `trader`. Raises Problem."""
        asked = self.query.get("trader")
        if asked is None:
            return self.who.name()
        self.who.check_trader(asked)
        return asked

    def order_id(self) -> int:
        """The order's id in the path. Raises Problem (422)."""
        given = self.path["order_id"]
        if not (given.isascii() and given.isdigit() and len(given) <= 20 and 1 <= int(given) < 1 << 64):
            raise malformed("order_id", f"{given[:40]!r} is not an order id; it is a whole number from 1 to 2^64 - 1")
        return int(given)

    def object(self) -> dict[str, Any]:
        """The body's JSON object, numbers as they are written. Raises Problem (422)."""
        try:
            return read_object(self.body)
        except WireError as odd:
            raise unreadable(odd) from None


class Answer(NamedTuple):
    """What an operation answers: a value that is JSON, or bytes as they are."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"

    def body(self) -> bytes:
        """Its bytes."""
        if self.value is None:
            return b""
        return self.value if isinstance(self.value, bytes) else msgspec.json.encode(self.value)


def unreadable(odd: WireError) -> Problem:
    """422 with the path of the field."""
    return malformed(odd.path, str(odd).removeprefix(f"{odd.path}: "))


def paged(rows: list[dict[str, Any]], limit: int, more: bool | None = None) -> Answer:
    """A page of rows with a `seq`, newest first, and where the next one begins."""
    full = len(rows) >= limit if more is None else more
    headers = {"x-next-cursor": str(rows[-1]["seq"])} if rows and full else {}
    return Answer(200, rows, headers)


def named_page(rows: list[dict[str, Any]], key: str, call: Call) -> Answer:
    """A page of rows that have names and no time, in their order; the cursor is the last name of the page before. Raises Problem (422)."""
    limit, after = call.number("limit", ROWS_MAX, ROWS_MAX), call.query.get("cursor")
    if after is not None:
        names = [row[key] for row in rows]
        if after not in names:
            raise malformed("cursor", f"{after[:40]!r} is no {key} here; it is what x-next-cursor said")
        rows = rows[names.index(after) + 1 :]
    page = rows[:limit]
    return Answer(200, page, {"x-next-cursor": str(page[-1][key])} if len(rows) > limit else {})


def why(given: dict[str, Any]) -> str:
    """The reason of a privileged action, which is taken out of the body. Raises Problem (422)."""
    found = given.pop("reason", None)
    if not isinstance(found, str) or not found.strip():
        raise malformed("reason", "a reason is required, as text; it is logged with who")
    if len(found) > WORDS_MAX:
        raise malformed("reason", f"it has {len(found):,} characters; the most is {WORDS_MAX}")
    return found


def only(given: Mapping[str, Any], *known: str) -> None:
    """Raises Problem (422) for a field that is not known."""
    for name in given:
        if name not in known:
            raise malformed(name[:40], f"unknown field; there are {', '.join(known) or 'none here'}")


def named(given: Mapping[str, Any], field: str) -> str | None:
    """A name in a body; None where there is none. Raises Problem (422)."""
    if given.get(field) is None:
        return None
    try:
        return read_name(field, given[field])
    except WireError as odd:
        raise unreadable(odd) from None


__all__ = ["Answer", "Call", "Role", "named", "named_page", "only", "paged", "unreadable", "why"]
