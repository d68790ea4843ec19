"""The book of a recorded run at any moment: its feed is played again up to there, with the orders that the run sent."""

import asyncio
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from backtest.past import read_run
from backtest.store import Run
from backtest.timing import latency
from backtest.verify import history_of
from dashboards.answers.port import AnswerError, Asked
from dashboards.answers.runs import named
from dashboards.source.ladder import ladder
from data.log.event_log import EventLog
from engine.exchange import Exchange
from engine.loop.loop_state import new_strategy_state
from engine.messages.names import Names
from engine.strategy.driver import Driver
from live.gateway import shapes
from live.models.market import book, quote
from live.wire.times import time_text

LEVELS_MOST, KEPT = 50, 2


class Player:
    """A run that is played on from moment to moment; to go back it begins anew."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.run = Run(folder, read_run(folder))
        self.lock = threading.Lock()
        with EventLog(self.run.log, read_only=True) as log:
            session = log.session(self.run.run_id)
            (_, self._commands, _), _ = log.read(session)
            self._instruments, meta = log.instruments(session), log.meta(session)
        if "opening_commands" not in meta:
            raise AnswerError(f"{self.run.run_id}: an older version wrote it, and not with what it was opened; run it again")
        self._count = int(meta["opening_commands"])
        self._history = history_of(self.run, cache)
        self.symbols = [one.symbol for one in self._instruments]
        self.first, self.last = (int(ts) for ts in self.run.said["span"])
        self._driver: Driver | None = None
        self._at = 0

    def _begin(self) -> Driver:
        """As it was before the first row of history."""
        exchange = Exchange(open_now=False)
        exchange.names, exchange.opening = Names(self._instruments), self._commands[: self._count]
        exchange.decimals = int(self._commands["type"][0])
        state = new_strategy_state(len(self._instruments), 1, 0, (latency(0), latency(0), latency(0)), np.zeros(1))
        driver = Driver(exchange, [state], self._history)
        driver.open(exchange.opening)
        sent = self._commands[self._count :]
        driver.load(sent, sent["ts"])
        return driver

    def at(self, ts: int) -> Exchange:
        """The exchange when everything up to and including `ts` (ns UTC) was done."""
        if self._driver is None or ts < self._at:
            self._driver = self._begin()
        self._driver.play(ts)
        self._at = ts
        return self._driver.exchange


_players: OrderedDict[Path, Player] = OrderedDict()
_turn = threading.Lock()


def player(folder: Path, cache: Path) -> Player:
    """The player of a run; a few of them are kept."""
    with _turn:
        if folder not in _players:
            _players[folder] = Player(folder, cache)
            while len(_players) > KEPT:
                _players.popitem(last=False)
        _players.move_to_end(folder)
        return _players[folder]


async def book_at(asked: Asked) -> Any:
    """Ladder and best prices of `run` at `at` (ns UTC; its end where none is given), of `symbol`, `depth` levels a side."""
    folder = named(asked, asked.text("run"))
    return await asyncio.to_thread(_book_at, asked, folder)


def _book_at(asked: Asked, folder: Path) -> dict[str, Any]:
    played = player(folder, asked.out / "cache")
    symbol = asked.query.get("symbol") or played.symbols[0]
    if symbol not in played.symbols:
        raise AnswerError(f"the run has no instrument {symbol[:40]!r}; it has {', '.join(played.symbols[:20])}")
    ts, depth = asked.number("at", played.last, played.first, played.last), asked.number("depth", 15, 1, LEVELS_MOST)
    with played.lock:
        exchange = played.at(ts)
        found, quoted = book(exchange, symbol, depth), quote(exchange, symbol)
    made = {"run": folder.name, "symbol": symbol, "symbols": played.symbols, "at": str(ts), "ts": time_text(ts), "seq": found["seq"]}
    span = {"first": str(played.first), "last": str(played.last)}
    return {**made, **span, "quote": shapes.plain(quoted), **ladder(found["bids"], found["asks"])}
