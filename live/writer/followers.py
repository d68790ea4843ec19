"""Whoever follows a session: what is in the log, then each batch as it is committed, without gap or repeat."""

import asyncio
from collections.abc import AsyncIterator

from live.writer.committed import Committed
from live.writer.face import Running

ROOM = 1 << 20
"""Rows that may wait for a follower; who is further behind reads on in the log."""
STEP = 1 << 16


class Queue:
    """What waits for one follower."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[Committed | None] = asyncio.Queue()
        self.rows = 0
        self.behind = False


class Followers:
    """Those who follow a session."""

    def __init__(self, session: Running) -> None:
        self.session = session
        self._queues: list[Queue] = []
        self._ended = False

    def __len__(self) -> int:
        return len(self._queues)

    def offer(self, batch: Committed) -> None:
        """A batch was committed."""
        for queue in self._queues:
            if queue.rows > ROOM:
                queue.behind = True
            if not queue.behind:
                queue.rows += len(batch.seqs) + len(batch.facts)
                queue.batches.put_nowait(batch)

    def end(self) -> None:
        """The session commits no more: whoever follows gets what waits, and has the rest in the log."""
        self._ended = True
        for queue in self._queues:
            queue.batches.put_nowait(None)

    async def follow(self, from_seq: int) -> AsyncIterator[Committed]:
        """Batches from `from_seq` on, until the session ends."""
        at = from_seq
        queue = Queue()
        self._queues.append(queue)
        try:
            while not self._ended:
                async for batch in self._logged(at):
                    yield batch
                    at = batch.last_seq + 1
                while not (queue.behind and queue.batches.empty()):
                    waited = await queue.batches.get()
                    if waited is None:
                        return
                    queue.rows -= len(waited.seqs) + len(waited.facts)
                    if waited.last_seq >= at:
                        yield since(waited, at)
                        at = waited.last_seq + 1
                queue.behind, queue.rows = False, 0
        finally:
            self._queues.remove(queue)

    async def _logged(self, first: int) -> AsyncIterator[Committed]:
        last = self.session.seq
        while first <= last:
            commands, facts = await asyncio.to_thread(self.session.log.read, self.session.number, first, min(last, first + STEP - 1))
            yield Committed(commands.records, commands.seqs, facts)
            first += STEP


def since(batch: Committed, seq: int) -> Committed:
    """What of a batch has `seq` or a later one."""
    if not len(batch.seqs) or batch.seqs[0] >= seq:
        return batch
    keep = batch.seqs >= seq
    return Committed(batch.commands[keep], batch.seqs[keep], batch.facts[batch.facts["seq"] >= seq])
