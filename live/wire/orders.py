"""Messages of `orders.commands` as command records."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.exchange import Exchange
from engine.messages.records import COMMAND, zeros
from live.wire.command_json import WHOLE, read_command
from live.wire.errors import WireError
from live.wire.plain_orders import PlainOrders, Row

_RECORD = struct.Struct("<qQqqqIIIBBBBBBHI")
assert _RECORD.size == COMMAND.itemsize


class Decoded(NamedTuple):
    """What messages ask for."""

    commands: np.ndarray
    """COMMAND (n,), in the order of the messages, each behind those that introduce its names."""
    owner: np.ndarray
    """int64 (n,): index of the message that each command came from."""
    refused: list[tuple[int, str]]
    """Index of each message that is not a command, and why: the field's path, what is wrong, the mend."""


class _Rows:
    """Records as they come, in one array that has a row a message, and grows for the rare one that makes more."""

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.owner: list[int] = []
        self._hold(zeros(messages, COMMAND))

    def _hold(self, records: np.ndarray) -> None:
        self.records, self.bytes = records, records.view(np.uint8).data

    def add(self, row: Row, message: int) -> None:
        _RECORD.pack_into(self.bytes, _RECORD.size * len(self.owner), *row)
        self.owner.append(message)

    def extend(self, records: np.ndarray, message: int) -> None:
        used = len(self.owner)
        wanted = used + len(records) + self.messages - message - 1  # with a row for each message that is still to come
        if wanted > len(self.records):
            longer = zeros(wanted + wanted // 2, COMMAND)
            longer[:used] = self.records[:used]
            self._hold(longer)
        self.records[used : used + len(records)] = records
        self.owner += [message] * len(records)


class OrderReader:
    """Reads messages for one exchange. It may introduce names there, so what it returns must be run, in its order, before other commands
    of that exchange are made."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._plain = PlainOrders(exchange.names)

    def decode(self, values: Sequence[bytes]) -> Decoded:
        """The commands of `values`. A message that is none is refused, and has introduced no name; nothing is raised for one."""
        rows, refused, plain = _Rows(len(values)), [], self._plain.row
        for index, value in enumerate(values):
            row = plain(value) if value else None
            if row is not None:
                rows.add(row, index)
                continue
            try:
                rows.extend(exact(value, self._exchange), index)
            except WireError as odd:
                refused.append((index, str(odd)))
        return Decoded(rows.records[: len(rows.owner)], np.array(rows.owner, np.int64), refused)


def exact(value: bytes | None, exchange: Exchange) -> np.ndarray:
    """The records (COMMAND) of one message, the slow way. Raises WireError, and has introduced no name then."""
    if not value:
        raise WireError(WHOLE, "it is empty; write one JSON object a message")
    try:
        return exchange.encode(read_command(value))
    except WireError:
        raise
    except ValueError as odd:  # of what the exchange cannot take, before it introduces a name
        raise WireError(WHOLE, str(odd)) from None


def decode_orders(values: Sequence[bytes], exchange: Exchange) -> Decoded:
    """The commands of messages (JSON, UTF-8), and which of them are none. `OrderReader` remembers what it saw from batch to batch."""
    return OrderReader(exchange).decode(values)
