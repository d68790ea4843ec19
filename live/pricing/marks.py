"""Where marks come from: a CSV file that is read again when it changes, or a topic of ticks."""

import csv
from pathlib import Path

from data.feed import DataError
from data.named_file import named_text
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import NOT_WHOLE
from live.broker.port import END, Broker, BrokerError, Reader
from live.streams.kernels.records import Has
from live.streams.raw_json import TickReader
from live.wire.dead_letters import dead_letter
from live.wire.errors import WireError

Marks = dict[str, int]
"""Symbol to price units."""
_MOST = 1_000


class MarkFile:
    """A file with the columns `symbol` and `price`, the latest row of a symbol counts."""

    def __init__(self, path: Path, instruments: list[Instrument]) -> None:
        self.path, self._listed = path, {one.symbol: one for one in instruments}
        self._seen: tuple[int, int] = (0, 0)

    async def newest(self) -> Marks:
        """The marks, if the file changed since the last look. Raises DataError with the line and the mend."""
        try:
            stat = self.path.stat()
            if (stat.st_mtime_ns, stat.st_size) == self._seen:
                return {}
            self._seen = (stat.st_mtime_ns, stat.st_size)
            return self._read(named_text(self.path))
        except (OSError, UnicodeDecodeError) as odd:
            raise DataError(self.path, f"the marks cannot be read ({odd}); write a CSV with the columns symbol and price") from None

    def _read(self, text: str) -> Marks:
        rows = csv.DictReader(text.splitlines())
        if not {"symbol", "price"} <= set(rows.fieldnames or ()):
            raise DataError(self.path, f"its columns are {', '.join(rows.fieldnames or ()) or 'none'}; give symbol and price", 1)
        made: Marks = {}
        for row in rows:
            one = self._listed.get(row["symbol"])
            if one is None:
                mend = f"there are {', '.join(list(self._listed)[:20])}"
                raise DataError(self.path, f"no instrument {row['symbol']!r}; {mend}", rows.line_num, "symbol")
            try:
                made[one.symbol] = one.price_units(row["price"])
            except ValueError as odd:
                raise DataError(self.path, str(odd), rows.line_num, "price") from None
            if made[one.symbol] == NOT_WHOLE:
                what = f"{row['price']} is off the price unit {one.price_unit} of {one.symbol}"
                raise DataError(self.path, what, rows.line_num, "price")
        return made


class MarkTopic:
    """A topic of records as on market-data-raw, read from its end on: `last` is the mark, else the middle of `bid` and `ask`."""

    def __init__(self, broker: Broker, topic: str, shard: int, instruments: list[Instrument]) -> None:
        self._broker, self.topic, self._shard = broker, topic, shard
        self._reading = TickReader(instruments)
        self._reader: Reader | None = None
        self.refused, self.complaint = 0, ""
        """Records that were no ticks of ours, and what was wrong with the last of them."""

    async def newest(self) -> Marks:
        """The marks since the last look; a record that is none becomes a dead letter and is counted. Raises BrokerError: the next look
        begins at the end again."""
        try:
            return await self._look()
        except BrokerError:
            await self.close()
            raise

    async def close(self) -> None:
        """Read no more."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _look(self) -> Marks:
        if self._reader is None:
            self._reader = await self._broker.read(self.topic, self._shard, END)
        made: Marks = {}
        while taken := await self._reader.take(_MOST, 0):
            letters = []
            for message in taken:
                try:
                    mark = _mark(self._reading.row(message.value))
                except WireError as error:
                    letters.append(dead_letter(message, error))
                    self.refused, self.complaint = self.refused + 1, f"{self.topic} offset {message.offset}: {error}"
                    continue
                if mark is not None:
                    made[self._reading.instruments[mark[0]].symbol] = mark[1]
            if letters:
                await self._broker.publish(letters)
        return made


def _mark(row: tuple[int, ...]) -> tuple[int, int] | None:
    """Number of the instrument and its mark, of the fields of a TICK; the middle of best prices is rounded down to the price unit."""
    symbol, has = row[-2], row[-1]
    if has & Has.LAST:
        return symbol, row[1]
    if has & Has.BID and has & Has.ASK:
        return symbol, (row[3] + row[4]) // 2
    return None
