"""Which facts and alerts are told to whom: the session's rules over the objects that stand on its topics."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from live.configuration.services import NotificationSettings
from live.configuration.words import FACTS
from live.ports.publisher import LEARNED
from live.wire.facts import FactEncoder


class Found(NamedTuple):
    """Something to be told: the object as JSON, and the names of the targets."""

    key: str
    seq: int
    ts: int
    kind: str
    value: bytes
    targets: tuple[str, ...]


class Rules:
    """The session's rules. One fact is told once to a target, whatever rules name it."""

    def __init__(self, rules: Iterable[NotificationSettings], session: str, encoder: FactEncoder) -> None:
        self._rules = [(frozenset(one.events()), dict(one.where), tuple(one.to)) for one in rules]
        self._session, self._encoder = session, encoder
        named = {name for names, _, _ in self._rules for name in names}
        kinds = {kind for name in named for kind in FACTS.get(name, ())}
        self._wanted = frozenset(map(int, kinds))
        self._learned = np.array(sorted({*map(int, LEARNED), *kinds}), np.uint8)
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode

    def learn(self, facts: np.ndarray) -> None:
        """Take in facts (FACT) that were looked at before."""
        self._encoder.learn(facts[np.isin(facts["kind"], LEARNED)])

    def facts(self, facts: np.ndarray) -> Iterator[Found]:
        """What of the next facts (FACT) is to be told, in order."""
        facts = facts[np.isin(facts["kind"], self._learned)]
        for seq, ts, rows in self._encoder.encode_some(facts, self._wanted):
            yield from self._told(seq, ts, dict.fromkeys(value for _, _, value in rows))

    def _told(self, seq: int, ts: int, values: Iterable[bytes]) -> Iterator[Found]:
        count = 0
        for value in values:
            said = self._decode(value)
            targets = self._targets(str(said["kind"]), said)
            if targets:
                key = f"{self._session}-{seq}" + (f".{count}" if count else "")
                count += 1
                yield Found(key, seq, ts, str(said["kind"]), value, targets)

    def alert(self, key: str, kind: str, ts: int, said: Mapping[str, Any], value: bytes) -> Found | None:
        """An alert, where it is to be told."""
        targets = self._targets(kind, said)
        return Found(f"{self._session}-{key}", 0, ts, kind, value, targets) if targets else None

    def _targets(self, kind: str, said: Mapping[str, Any]) -> tuple[str, ...]:
        names = [name for events, where, to in self._rules if kind in events and _fits(where, said) for name in to]
        return tuple(dict.fromkeys(names))


def _fits(where: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return all(name in said and _text(said[name]) in _texts(wanted) for name, wanted in where.items())


def _texts(wanted: Any) -> list[str]:
    return [_text(one) for one in wanted] if isinstance(wanted, list) else [_text(wanted)]


def _text(value: Any) -> str:
    """A value as it is compared: 5, "5" and true, "true" are alike."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
