"""Messages of market-data-raw as micro-batches of ticks: JSON and packed, what is no tick to dead letters, repeats left out."""

from collections.abc import Sequence

import numpy as np

from live.broker.port import Message, Outgoing
from live.streams.folding import Folding
from live.streams.kernels.records import TICK, Bad, Has
from live.streams.raw_json import Row, TickError, TickReader
from live.streams.raw_packed import Unpacker, is_packed
from live.wire.dead_letters import dead_letter
from live.wire.errors import WireError

SIZE_AT, HAS_AT = (TICK.names or ()).index("size"), (TICK.names or ()).index("has")
_SIZE = int(Has.SIZE)


class Intake:
    """Reads messages for a folding. `seqs`: by session, the seq of the last trade that was taken."""

    def __init__(self, folding: Folding, seqs: dict[str, int]) -> None:
        self.folding, self.seqs = folding, seqs
        self._reader, self._unpacker = TickReader(list(folding.known.instruments)), Unpacker(folding.known.instruments)

    def read(self, messages: Sequence[Message]) -> tuple[np.ndarray, list[Outgoing]]:
        """The ticks (TICK) of messages in their order, and the dead letters of those that are none."""
        parts: list[np.ndarray] = []
        rows: list[Row] = []
        letters: list[Outgoing] = []
        for message in messages:
            try:
                if message.headers and is_packed(message):
                    parts.append(_array(rows))
                    rows = []
                    parts.append(self._unpacker.ticks(message))
                else:
                    row = self._reader.row(message.value)
                    if not message.headers or self._is_new(message, row):
                        rows.append(row)
            except WireError as error:
                self.folding.count(error.reason if isinstance(error, TickError) else Bad.UNREADABLE)
                letters.append(dead_letter(message, error))
        parts.append(_array(rows))
        return parts[0] if len(parts) == 1 else np.concatenate(parts), letters

    def _is_new(self, message: Message, row: Row) -> bool:
        """Whether a session's trade was not taken before. Its quotes may repeat: the latest wins."""
        said = dict(message.headers)
        if "session" not in said or not said.get("seq", b"").isdigit() or not row[HAS_AT] & _SIZE:
            return True
        session, seq = said["session"].decode(errors="replace"), int(said["seq"])
        if seq <= self.seqs.get(session, 0):
            self.folding.count(Bad.REPEATED)
            return False
        self.seqs[session] = seq
        return True


def _array(rows: list[Row]) -> np.ndarray:
    return np.array(rows, TICK) if rows else np.zeros(0, TICK)
