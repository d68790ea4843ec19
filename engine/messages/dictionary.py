"""What each term of the exchange means: commands and facts with their fields and order, reasons, limits, rules, order types, flags."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from engine.messages import commands as orders
from engine.messages.field_docs import COMMAND_FIELDS, COMMANDS, FACT_FIELDS, FACTS, Meaning
from engine.messages.glossary import (
    FLAGS,
    FOUND,
    GRAINS,
    LIMITS,
    ORDER_TYPES,
    QUEUE_MODELS,
    REASONS,
    RULES,
    SELF_TRADES,
    SIDES,
    STATUSES,
    TIMES_IN_FORCE,
    Bound,
)
from engine.messages.grammar import CAUSES, PARTS, causes_of, facts_of, parts_of
from engine.messages.hints import did_you_mean
from engine.messages.vocabulary import Kind, Reason

CALLS = [name for name, made in inspect.getmembers(orders, inspect.isfunction) if made.__module__ == orders.__name__ and name[0] != "_"]
"""The functions that make commands."""
CHECKS = {
    "malformed: the id stays unused": range(Reason.UNKNOWN_INSTRUMENT, Reason.UNSUPPORTED + 1),
    "of the id and the instrument": range(Reason.DUPLICATE_ORDER, Reason.CLOSED + 1),
    "kill switch": [Reason.KILL_SWITCH],
    "compliance": range(Reason.RESTRICTED_SYMBOL, Reason.ORDER_RATE + 1),
    "risk": range(Reason.BUYING_POWER, Reason.LEVERAGE_LIMIT + 1),
    "the book": range(Reason.REDUCE_ONLY, Reason.UNFILLED + 1),
    "of a cancel or a replace": range(Reason.UNKNOWN_ORDER, Reason.ORDER_EXPIRED + 1),
    "nobody refused": [Reason.NONE, *range(Reason.REQUESTED, Reason.END_OF_DAY + 1)],
    "limits of the session": range(Reason.TOO_MANY_ORDERS, Reason.TOO_MANY_INSTRUMENTS + 1),
    "names that the session does not know": range(Reason.UNKNOWN_PORTFOLIO, Reason.UNKNOWN_TRADER + 1),
}
"""The checks in their order, and the reasons of each."""


@dataclass(frozen=True)
class Entry:
    """What one word says where it stands; the same word may stand in several groups."""

    group: str
    word: str
    says: str
    number: int | None = None
    more: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


def entries() -> Iterator[Entry]:
    """Every word of every group."""
    yield from (_command(kind, meaning) for kind, meaning in COMMANDS.items())
    yield from (_fact(kind, meaning) for kind, meaning in FACTS.items())
    yield from (_reason(reason) for reason in Reason)
    for group, told in (
        *(("order type", ORDER_TYPES), ("side", SIDES), ("time in force", TIMES_IN_FORCE), ("self-trade mode", SELF_TRADES)),
        *(("status", STATUSES), ("flag", FLAGS), ("grain", GRAINS), ("queue model", QUEUE_MODELS)),
    ):
        yield from _words(group, told)
    yield from (_bound("limit", name, bound, Kind.SET_LIMITS) for name, bound in LIMITS.items())
    yield from (_bound("rule", name, bound, Kind.SET_RULES) for name, bound in RULES.items())
    yield from (_field("command field", name, says, COMMANDS) for name, says in COMMAND_FIELDS.items())
    yield from (_field("fact field", name, says, FACTS) for name, says in FACT_FIELDS.items())
    yield from (_call(name) for name in CALLS)


def _words(group: str, told: Mapping[Any, str]) -> Iterator[Entry]:
    for word, says in told.items():
        yield Entry(group, word.name, says, int(word))


def _fields(meaning: Meaning, known: Mapping[str, str]) -> dict[str, str]:
    return {name: special or known[name] for name, special in meaning.fields.items()}


def _command(kind: Kind, meaning: Meaning) -> Entry:
    order = {"": CAUSES[kind], **{part: PARTS[part] for part in parts_of(kind)}}
    facts = {fact.name: FACTS[fact].says for fact in facts_of(kind)}
    return Entry("command", kind.name, meaning.says, int(kind), order, _fields(meaning, COMMAND_FIELDS), facts)


def _fact(kind: Kind, meaning: Meaning) -> Entry:
    caused = {"caused by": " ".join(one.name for one in causes_of(kind))}
    return Entry("fact", kind.name, meaning.says, int(kind), caused, _fields(meaning, FACT_FIELDS))


def _reason(reason: Reason) -> Entry:
    checks = next(name for name, reasons in CHECKS.items() if reason in reasons)
    found = FOUND[reason]._asdict() if reason in FOUND else {}
    bound = next((name for name, bound in {**LIMITS, **RULES}.items() if bound.reason == reason), None)
    return Entry("reason", reason.name, REASONS[reason], int(reason), {"check": checks, **({"set by": bound} if bound else {}), **found})


def _bound(group: str, name: str, bound: Bound, kind: Kind) -> Entry:
    return Entry(group, name, bound.says, None, {"in": bound.unit, "set by": kind.name, "reason": bound.reason.name})


def _field(group: str, name: str, says: str, kinds: Mapping[Kind, Meaning]) -> Entry:
    used = {kind.name: meaning.fields[name] or says for kind, meaning in kinds.items() if name in meaning.fields}
    return Entry(group, name, says, None, {}, used)


def _call(name: str) -> Entry:
    made = getattr(orders, name)
    kind = Kind[name.upper()] if name.upper() in Kind.__members__ else Kind.NEW
    parameters = inspect.signature(made).parameters.values()
    shown = [_parameter(one) for one in parameters]
    positional = sum(one.kind != one.KEYWORD_ONLY for one in parameters)
    if positional < len(shown):
        shown.insert(positional, "*")
    return Entry("call", name, inspect.getdoc(made) or "", None, {"call": f"{name}({', '.join(shown)})", "sends": kind.name})


def _parameter(one: inspect.Parameter) -> str:
    """A parameter as somebody would type it: a default that is a word of the vocabulary by its name."""
    if one.default is one.empty:
        return one.name
    return f"{one.name}={one.default.name if isinstance(one.default, IntEnum) else repr(one.default)}"


def find(word: str, more: Iterable[Entry] = ()) -> list[Entry]:
    """What a term means, in any case of its letters; `more`: entries that others have besides. Raises ValueError with the nearest term
    where there is none."""
    known = [*entries(), *more]
    found = [entry for entry in known if entry.word.lower() == word.lower().replace("-", "_")]
    if not found:
        hint = did_you_mean(word, [entry.word for entry in known], "`tapebook explain` lists all words")
        raise ValueError(f"no word {word!r}; {hint}")
    return found


def groups(more: Iterable[Entry] = ()) -> dict[str, list[str]]:
    """The words of each group, those of `more` last."""
    made: dict[str, list[str]] = {}
    for entry in [*entries(), *more]:
        made.setdefault(entry.group, []).append(entry.word)
    return made


def as_json(found: list[Entry]) -> list[dict[str, Any]]:
    """The entries for a script."""
    return [asdict(entry) for entry in found]
