"""Start, restart and recovery from a crash are one path: what the log holds is carried out again, and the session goes on behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.log.batch import LIVE
from data.log.event_log import EventLog
from data.log.rows import joined
from data.session_feed import SessionFeed
from data.write_ahead.session_log import SessionLog
from engine.errors import TapebookError
from engine.messages.commands import start_of_day
from engine.messages.instrument import Instrument
from engine.messages.vocabulary import Kind, Reason
from engine.strategy.live_driver import LiveDriver, Turn
from engine.strategy.participant import Participant
from engine.strategy.view import UTC
from live.configuration.session import SessionSettings
from live.session.opening import open_exchange, participants_of


class SessionError(TapebookError):
    """A session that cannot start or go on; the message says why and what to do."""


@dataclass
class Recovered:
    """A session as its log has it, ready to go on."""

    log: SessionLog
    session: int
    driver: LiveDriver
    cursors: dict[str, int]
    fresh: bool
    """Whether it was begun just now."""


def recover(
    settings: SessionSettings,
    path: Path,
    instruments: Sequence[Instrument],
    now: int,
    opening: np.ndarray | None = None,
    offsets: np.ndarray = UTC,
) -> Recovered:
    """The session of the log at `path`, begun at `now` (ns UTC) where it is new. Raises SessionError, LogError."""
    log = SessionLog(path, settings.snapshot_every)
    try:
        known = log.frame("sessions")["session_id"].to_list()
        if known and settings.name not in known:
            raise SessionError(f"{path}: is the log of session {known[0]!r}, not of {settings.name!r}; name that session, or another --out")
        if known:
            return _again(log, settings, instruments, offsets)
        return _anew(log, settings, instruments, now, opening, offsets)
    except BaseException:
        log.close()
        raise


def _meta(settings: SessionSettings, instruments: Sequence[Instrument]) -> dict[str, Any]:
    zone = settings.day.time_zone if settings.day is not None else "UTC"
    return {
        "name": settings.name,
        "live": True,
        "time_zone": zone,
        "strategies": {one.name: one.portfolio for one in settings.strategies},
        "broker": settings.broker.kind,
        "shard": settings.broker.shard,
        "shards": settings.broker.shards,
    }


def _anew(
    log: SessionLog, settings: SessionSettings, instruments: Sequence[Instrument], now: int, opening: np.ndarray | None, offsets: np.ndarray
) -> Recovered:
    session = log.begin(settings.name, _meta(settings, instruments), instruments)
    driver = LiveDriver(open_exchange(settings, instruments, opening), participants_of(settings), offsets)
    if opening is None:
        driver.exchange.opening["ts"] = now - 1
    turn = driver.enter(driver.exchange.opening)
    refused = turn.facts[turn.facts["kind"] == Kind.CommandRejected]
    if len(refused):
        reason = Reason(int(refused["reason"][0])).name
        raise SessionError(f"session {settings.name!r} could not open: {reason}; check cash, limits and rules")
    append(log, session, turn)
    driver.begin(now)
    if opening is None:
        append(log, session, driver.turn(driver.exchange.encode(start_of_day(ts=now)), now))
    return Recovered(log, session, driver, {}, True)


def append(log: EventLog, session: int, turn: Turn) -> None:
    """Log a turn at once, before the session runs."""
    log.append(session, turn.commands, turn.facts, turn.seqs, positions=np.where(turn.given < 0, turn.seqs - 1, LIVE))


def _again(log: SessionLog, settings: SessionSettings, instruments: Sequence[Instrument], offsets: np.ndarray) -> Recovered:
    session = log.session(settings.name)
    _check(log, session, settings, instruments)
    parts = participants_of(settings)
    cursors = log.cursors(session)
    if not parts:
        exchange = log.state(session)
        exchange.forget_facts()
        exchange.state.session["history_facts"] = True  # which the log does not say where it has had no history
        driver = LiveDriver(exchange, [], offsets)
        driver.clock["now"] = exchange.state.session["ts"][0]
        return Recovered(log, session, driver, cursors, False)
    return Recovered(log, session, _played_again(log, session, settings, parts, offsets), cursors, False)


def _check(log: EventLog, session: int, settings: SessionSettings, instruments: Sequence[Instrument]) -> None:
    """Hold the configuration against what the session was begun with. Raises SessionError that names what differs."""
    meta = log.meta(session)
    was = [repr(one) for one in log.instruments(session)]
    if was != [repr(one) for one in instruments]:
        odd = next((k for k, (a, b) in enumerate(zip(was, map(repr, instruments))) if a != b), min(len(was), len(instruments)))
        then = was[odd] if odd < len(was) else "not there"
        raise SessionError(
            f"{log.path}: instrument {odd + 1} of session {settings.name!r} was {then} when it began; "
            "put the configuration back, or begin a session of another name"
        )
    seats = {one.name: one.portfolio for one in settings.strategies}
    if meta.get("strategies", {}) != seats:
        raise SessionError(
            f"{log.path}: session {settings.name!r} began with the strategies {meta.get('strategies')}, not {seats}; "
            "put the configuration back, or begin a session of another name"
        )
    for key in ("shard", "shards"):
        if meta.get(key) != getattr(settings.broker, key):
            raise SessionError(
                f"{log.path}: session {settings.name!r} began with {key} = {meta.get(key)}, not {getattr(settings.broker, key)}; "
                "put it back, or begin a session of another name"
            )


def _played_again(log: EventLog, session: int, settings: SessionSettings, parts: list[Participant], offsets: np.ndarray) -> LiveDriver:
    """Strategies as they were at the end of the log: they see what they saw, and must send what they sent. Raises SessionError."""
    feed = SessionFeed(log, session, [one.trader for one in parts])
    assert feed.session_opening is not None
    driver = LiveDriver(open_exchange(settings, feed.instruments, feed.session_opening), parts, offsets)
    driver.failed = lambda k, error: None
    driver.enter(feed.session_opening)
    begun, last = False, log.last_seq(session)
    for batch in feed.batches():
        if not begun:
            driver.begin(int(batch["ts"][0]))
            begun = True
        _compare(log, session, driver.turn(batch, int(batch["ts"][-1]), settle=False))
    ended = int(log.frame("batches", session)["last_ts"].max())  # type: ignore[arg-type]
    _compare(log, session, driver.turn(feed.session_opening[:0], ended, settle=False))
    at = int(driver.exchange.state.session["seq"][0])
    if at != last:
        raise _changed(log, session, min(at, last) + 1)
    driver.said()  # which was written down when they said it first
    return driver


def _compare(log: EventLog, session: int, turn: Turn) -> None:
    """Hold what strategies sent against what the log says they sent."""
    if not len(turn.seqs):
        return
    logged = joined([np.zeros(0, turn.facts.dtype), *log.read_facts(session, int(turn.seqs[0]), int(turn.facts["seq"][-1]))])
    if logged.tobytes() != turn.facts.tobytes():
        count = min(len(logged), len(turn.facts))
        odd = np.flatnonzero(logged[:count] != turn.facts[:count])
        raise _changed(log, session, int(turn.facts["seq"][odd[0]]) if len(odd) else int(turn.seqs[-1]))


def _changed(log: EventLog, session: int, seq: int) -> SessionError:
    return SessionError(
        f"{log.path}: played again, the strategies of session {session} do other things from seq {seq} on: their code or parameters "
        "changed since; put them back, or begin a session of another name"
    )
