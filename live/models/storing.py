"""Read models as bytes and back: the rows in use, compressed. They only shorten a start: the log is the truth."""

import json
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from engine.messages.instrument import money_decimals
from engine.messages.names import Names
from engine.messages.records import FACT, zeros
from engine.messages.vocabulary import Kind
from live.models.activity import ring
from live.models.arrays import MODELS_LAYOUT, Models, empty_models, joined, longer, plain
from live.models.growth import table
from live.models.tables import index_orders, index_pairs

if TYPE_CHECKING:
    from data.log.event_log import EventLog

PIECE = 1 << 18
"""Rows of the log that are read at a time."""
_LEVEL = 1
_STORED = ("head", "orders", "sums", "holdings", "accounts", "limits", "traders", "markets", "trades", "trade_days", "breaches", "failures")


def _rings(models: Models) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Markets, trades and their days with the trades of each instrument together, oldest first."""
    markets = models.markets.copy()
    trades, days = [], []
    for market in markets:
        place, count = slice(int(market["start"]), int(market["start"] + market["room"])), int(market["trades"])
        trades.append(ring(models.trades[place], count))
        days.append(ring(models.trade_days[place], count))
        market["start"], market["room"] = 0, len(trades[-1])
    return markets, joined(trades, FACT), joined(days, np.dtype(np.uint32))


def _trimmed(rows: np.ndarray) -> np.ndarray:
    """Without the zeros at the end."""
    used = np.flatnonzero(rows.view(np.uint8))
    return rows[: used[-1] // rows.dtype.itemsize + 1 if len(used) else 0]


def _rows(models: Models) -> dict[str, np.ndarray]:
    head = models.head.copy()
    markets, trades, days = _rings(models)
    made = {name: getattr(models, name)[: int(head[name][0])] for name in ("orders", "sums", "holdings")}
    made |= {name: _trimmed(getattr(models, name)) for name in ("accounts", "limits", "traders")}
    made |= {name: ring(getattr(models, name), int(head[name][0])) for name in ("breaches", "failures")}
    head["trades"], head["trades_kept"] = 0, 0
    made |= {"head": head, "markets": _trimmed(markets), "trades": trades, "trade_days": days}
    return {name: made[name] for name in _STORED}


def gather(models: Models) -> bytes:
    """The read models as bytes, not yet compressed: a copy, in milliseconds."""
    rows = _rows(models)
    told = json.dumps([MODELS_LAYOUT, [[name, repr(Models.FIELDS[name]), len(of)] for name, of in rows.items()]]).encode()
    parts = [np.ascontiguousarray(of).view(np.uint8) for of in rows.values()]
    return b"".join([struct.pack("<I", len(told)), told, *(part.data for part in parts)])


def compress(gathered: bytes) -> bytes:
    """What `gather` gave, as it is stored; other threads may run meanwhile."""
    return zlib.compress(gathered, _LEVEL)


def _unpacked(stored: bytes) -> dict[str, np.ndarray]:
    try:
        raw = zlib.decompress(stored)  # which verifies a checksum
        (size,) = struct.unpack_from("<I", raw)
        layout, told = json.loads(raw[4 : 4 + size])
        fields = [(str(name), str(descr), int(count)) for name, descr, count in told]
    except (struct.error, ValueError, TypeError, zlib.error) as error:
        raise ValueError(f"these bytes are not stored read models ({error}); rebuild them: ReadModels.from_log") from None
    if layout != MODELS_LAYOUT or [(name, descr) for name, descr, _ in fields] != [(n, repr(Models.FIELDS[n])) for n in _STORED]:
        raise ValueError("these read models are of another layout; rebuild them: ReadModels.from_log")
    at, rows = 4 + size, {}
    for name, _, count in fields:
        rows[name] = np.frombuffer(raw, Models.FIELDS[name], count, at)
        at += rows[name].nbytes
    return rows


def unpack(stored: bytes, trades_kept: int, breaches_kept: int) -> Models:
    """The read models that were packed, with as many trades and refusals as are kept now. Raises ValueError."""
    rows = _unpacked(stored)
    models = empty_models(trades_kept, breaches_kept)
    made = {
        name: longer(getattr(models, name), len(rows[name])) for name in ("orders", "sums", "holdings", "accounts", "limits", "traders")
    }
    for name, array in made.items():
        plain(array)[: len(rows[name])] = plain(rows[name])
    head = rows["head"].copy()
    for name, kept in (("breaches", models.breaches), ("failures", models.failures)):
        newest = rows[name][-breaches_kept:]
        count = int(head[name][0])
        plain(kept)[(count - len(newest) + np.arange(len(newest))) % breaches_kept] = plain(newest)
    models = models.replaced(head=head, **made, **_placed(rows, head[0], trades_kept))
    models = models.replaced(
        index=table(len(rows["orders"]) + 1), sums_index=table(len(rows["sums"]) + 2), holdings_index=table(len(rows["holdings"]) + 2)
    )
    index_orders(models)
    index_pairs(models)
    return models


def _placed(rows: dict[str, np.ndarray], head: np.void, trades_kept: int) -> dict[str, np.ndarray]:
    """Markets, trades and their days as rings of a pool; of each instrument the newest trades."""
    markets = rows["markets"].copy()
    rooms = np.minimum(markets["room"], trades_kept)
    pool, days = zeros(max(64, int(rooms.sum())), FACT), zeros(max(64, int(rooms.sum())), np.uint32)
    ends, start = np.cumsum(markets["room"]), 0
    for market, end, room in zip(markets, ends.tolist(), rooms.tolist()):
        if room:
            places = start + (int(market["trades"]) - room + np.arange(room)) % room
            plain(pool)[places], days[places] = plain(rows["trades"])[end - room : end], rows["trade_days"][end - room : end]
        market["start"], market["room"] = start, room
        start += room
    head["trades"], head["trades_kept"] = start, trades_kept
    return {"markets": markets, "trades": pool, "trade_days": days}


def names_of(log: "EventLog", session: int) -> Names:
    """The names that a session's log gives: instruments, portfolios and traders."""
    made = Names(log.instruments(session))
    tables = {"symbol": made.symbols, "portfolio": made.portfolios, "trader": made.traders}
    for kind, number, name in log.frame("names", session).sort("number").select("kind", "number", "name").iter_rows():
        tables[kind][name] = number
    return made


def decimals_of(log: "EventLog", session: int) -> int:
    """Decimals of a session's money: its first command says them, else its instruments."""
    opening, _ = log.read(session, 1, 1)
    if len(opening.records) and opening.records["kind"][0] == Kind.SESSION:
        return int(opening.records["type"][0])
    return money_decimals(log.instruments(session))
