"""One writer: ten times a second it brings the source's view up to now, writes each topic once as JSON, and gives it to who wants it."""

import asyncio
import logging
import time
from typing import Any

import msgspec

from dashboards.serving.viewers import Viewer
from dashboards.source.port import EVERY, Source, Topic

TICK = 0.1
HEARTBEAT = 1.0
"""Seconds after which a viewer hears that nothing has changed."""
VIEWERS_MAX = 500
_log = logging.getLogger("tapebook.dashboards")
_encode = msgspec.json.Encoder().encode


class Written:
    """A topic as it was written last: `number` counts the versions; `frame` goes on from the version before, `whole` from nothing."""

    def __init__(self) -> None:
        self.number, self.mark, self.read_at = 0, None, -1
        self.frame = self.whole = b""
        self.whole_of = -1
        self.is_whole = True


class Hub:
    """The viewers of a source. What waits for one of them is at most one frame: who takes none gets the newest whole state later."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.viewers: set[Viewer] = set()
        self.frames = self.skipped = 0
        self.spent = 0.0
        """Seconds of the loop's time that ticks took."""
        self._written: dict[Topic, Written] = {}
        self._ticks = 0

    def enter(self, viewer: Viewer) -> bool:
        """A new viewer; False where there are too many."""
        if len(self.viewers) >= VIEWERS_MAX:
            return False
        self.viewers.add(viewer)
        return True

    def leave(self, viewer: Viewer) -> None:
        """One that is gone."""
        self.viewers.discard(viewer)
        self.skipped += viewer.skipped

    async def run(self) -> None:
        """Tick for ever; a source that cannot be read is told to the viewers, and asked again."""
        while True:
            began = time.monotonic()
            if self.viewers:
                try:
                    await self.tick()
                except asyncio.CancelledError:
                    raise
                except Exception as odd:
                    self.failed(odd)
            await asyncio.sleep(max(0.005, TICK - (time.monotonic() - began)))

    def failed(self, odd: Exception) -> None:
        """Tell the viewers that a round went wrong."""
        _log.warning("the pages could not be brought up to date", exc_info=odd)
        gone = self.source.gone or str(odd)
        for viewer in self.viewers:
            viewer.offer(_encode({"type": "gone", "reason": gone, "at": time.time()}))

    async def tick(self) -> None:
        """One round: read what is due, and give every viewer what is new to it."""
        self._ticks += 1
        wanted = {topic for viewer in self.viewers for topic in viewer.topics.values()}
        for topic in [topic for topic in self._written if topic not in wanted]:
            del self._written[topic]
        due = frozenset(topic for topic in wanted if self._is_due(topic))
        began = time.monotonic()
        if due:
            await self.source.turn(due)
        for topic in due:
            self._write(topic)
        for viewer in list(self.viewers):
            self._give(viewer)
        self.spent += time.monotonic() - began

    def _is_due(self, topic: Topic) -> bool:
        written = self._written.setdefault(topic, Written())
        return written.read_at < 0 or self._ticks - written.read_at >= EVERY.get(topic.name, 10)

    def _write(self, topic: Topic) -> None:
        """Read and encode a topic, if there is anything new."""
        written = self._written[topic]
        written.read_at = self._ticks
        payload, mark = self.source.read(topic, written.mark)
        written.is_whole = mark is None
        text = _encode(payload)
        if text != written.frame:
            written.number += 1
            written.frame = text
        written.mark = mark

    def _whole(self, topic: Topic) -> bytes:
        """The topic from nothing, as of the newest version; written once for all who need it."""
        written = self._written[topic]
        if written.is_whole:
            return written.frame
        if written.whole_of != written.number or not written.whole:
            payload, written.mark = self.source.read(topic, None)
            written.whole, written.whole_of = _encode(payload), written.number
        return written.whole

    def _give(self, viewer: Viewer) -> None:
        now = time.monotonic()
        if viewer.busy:
            viewer.skipped += 1
            return
        parts = []
        for name, topic in viewer.topics.items():
            written = self._written.get(topic)
            if written is None or written.read_at < 0:
                continue
            has = viewer.has.get(name, -1)
            if has == written.number:
                continue
            follows = has >= 0 and has == written.number - 1 and not written.is_whole
            text = written.frame if follows or written.is_whole else self._whole(topic)
            head = {"n": written.number, "after": has if follows else None}
            parts.append(_encode(name) + b":{" + _encode(head)[1:-1] + b',"data":' + text + b"}")
            viewer.has[name] = written.number
        if parts or now - viewer.heard >= HEARTBEAT:
            viewer.heard = now
            self.frames += 1
            viewer.offer(self._message(parts))

    def _message(self, parts: list[bytes]) -> bytes:
        head = {"type": "frame", "at": time.time(), "seq": self.source.seq, "gone": self.source.gone}
        return _encode(head)[:-1] + b',"topics":{' + b",".join(parts) + b"}}"

    def figures(self) -> dict[str, Any]:
        """Viewers, frames and what slow ones did not get."""
        skipped = self.skipped + sum(viewer.skipped for viewer in self.viewers)
        return {"viewers": len(self.viewers), "frames": self.frames, "skipped": skipped, "seconds": self.spent}
