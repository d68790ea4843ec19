"""Messages of market-data-raw as micro-batches of ticks: JSON and packed, what is no tick to dead letters, repeats left out."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from live.broker.port import Message, Outgoing
from live.streams.folding import Folding
from live.streams.kernels.records import TICK, Bad, Has
from live.streams.raw_json import PlainRecords, TickError, TickReader
from live.streams.raw_packed import Unpacker, is_packed
from live.wire.dead_letters import dead_letter
from live.wire.errors import WireError

_SIZE = int(Has.SIZE)


class Intake:
    """Reads messages for a folding. `seqs`: by session, the seq of the last trade that was taken."""

    def __init__(self, folding: Folding, seqs: dict[str, int]) -> None:
        self.folding, self.seqs = folding, seqs
        listed = list(folding.known.instruments)
        self._plain, self._reader, self._unpacker = PlainRecords(listed), TickReader(listed), Unpacker(listed)

    def read(self, messages: Sequence[Message]) -> tuple[np.ndarray, list[Outgoing]]:
        """The ticks (TICK) of messages in their order, and the dead letters of those that are none."""
        letters: list[Outgoing] = []
        parts = []
        for packed, group in groupby(messages, lambda one: bool(one.headers) and is_packed(one)):
            parts.append((self._packed if packed else self._json)(list(group), letters))
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, TICK), *parts]), letters

    def _json(self, messages: list[Message], letters: list[Outgoing]) -> np.ndarray:
        ticks, done = self._plain.read([one.value for one in messages])
        good = np.ones(len(ticks), np.bool_)
        for at in np.flatnonzero(~done).tolist():
            try:
                ticks[at] = self._reader.row(messages[at].value)
            except WireError as error:
                good[at] = False
                letters.append(self._refused(messages[at], error))
        for at, message in enumerate(messages):
            if message.headers and good[at]:
                good[at] = self._is_new(message, int(ticks["has"][at]))
        return ticks if good.all() else ticks[good]

    def _packed(self, messages: list[Message], letters: list[Outgoing]) -> np.ndarray:
        parts = [np.zeros(0, TICK)]
        for message in messages:
            try:
                parts.append(self._unpacker.ticks(message))
            except WireError as error:
                letters.append(self._refused(message, error))
        return np.concatenate(parts)

    def _refused(self, message: Message, error: WireError) -> Outgoing:
        self.folding.count(error.reason if isinstance(error, TickError) else Bad.UNREADABLE)
        return dead_letter(message, error)

    def _is_new(self, message: Message, has: int) -> bool:
        """Whether a session's trade was not taken before. Its quotes may repeat: the latest wins."""
        said = dict(message.headers)
        if "session" not in said or not said.get("seq", b"").isdigit() or not has & _SIZE:
            return True
        session, seq = said["session"].decode(errors="replace"), int(said["seq"])
        if seq <= self.seqs.get(session, 0):
            self.folding.count(Bad.REPEATED)
            return False
        self.seqs[session] = seq
        return True
