"""Where a reader of facts stands: what it asks for when it comes back, and what it has seen already."""

from collections.abc import Mapping
from typing import Any

from live.client.errors import Gone

Message = Mapping[str, Any]


class Resume:
    """The place of one reader in a session's facts. Two facts may have one seq (both sides of a trade, for who sees every trader), so it
    counts those of the last one and asks for that seq again.

    `from_seq`: the first fact that is wanted; None is the first after the connection. `trader`: whose, for who may see others'.
    """

    def __init__(self, from_seq: int | None = None, trader: str | None = None) -> None:
        self.next_seq, self.trader = from_seq, trader
        self.session: str | None = None
        self._had = self._passed = 0

    def welcome(self, data: Message) -> dict[str, Any]:
        """A connection stands (`data` of its WELCOME): the data of the SUBSCRIBE_ORDER_UPDATES to send. Raises Gone."""
        if self.session is not None and data["session"] != self.session:
            raise Gone(f"session {data['session']!r} answers now, not {self.session!r}; begin again with its facts", code="OTHER_SESSION")
        seq = int(data["seq"])
        if self.next_seq is not None and self._had and seq < self.next_seq:
            raise Gone(f"the session ends at seq {seq} and had come to {self.next_seq}: its log is another one", code="OTHER_LOG")
        self.session = str(data["session"])
        self.next_seq = seq + 1 if self.next_seq is None else self.next_seq
        self._passed = 0
        return {"from_seq": self.next_seq} | ({} if self.trader is None else {"trader": self.trader})

    def is_new(self, fact: Message) -> bool:
        """Whether a fact was not seen before; it is seen then."""
        seq = int(fact["seq"])
        if self.next_seq is not None and seq < self.next_seq:
            return False
        if seq != self.next_seq:
            self.next_seq, self._had, self._passed = seq, 1, 1
            return True
        if self._passed < self._had:
            self._passed += 1
            return False
        self._had += 1
        self._passed += 1
        return True
