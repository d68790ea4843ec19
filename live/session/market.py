"""The market beside a session's participants, as its settings name it, and the clock that goes with it."""

from pathlib import Path

from data.feed import Feed
from data.formats import open_feed
from data.levels.queues import with_queue
from data.log.event_log import EventLog
from data.session_feed import SessionFeed
from live.configuration.session import SessionSettings
from live.ports.market import first_time
from live.session.recovery import SessionError
from live.writer.clock import Clock, ReplayClock, WallClock


def market_of(settings: SessionSettings, folder: Path) -> Feed | None:
    """The market's feed; a file is looked for from `folder` on. Raises DataError, LogError, ValueError."""
    given = settings.market
    if given is None or given.topic:
        return None
    if given.synthetic is not None:
        return open_feed("synthetic", None, **given.synthetic)
    assert given.file is not None
    return with_queue(replayed(folder / given.file, [one.name for one in settings.strategies], given.symbol), given.queue)


def replayed(path: Path, without: list[str], symbol: str | None = None) -> Feed:
    """A file of market data, or the log of a session or its folder, to be played again; of a session without its strategies."""
    log = path / "log.duckdb" if path.is_dir() else path
    if log.suffix == ".duckdb":
        if not log.exists():
            raise SessionError(f"{path}: no log of a session; name its folder, its log.duckdb, or a file of market data")
        opened = EventLog(log, read_only=True)
        seats = opened.meta(1).get("strategies", {})
        return SessionFeed(opened, 1, [name for name in seats if name in without] if without else list(seats))
    return open_feed(None if path.is_file() else "lobster", path, symbol=symbol)


def clock_of(settings: SessionSettings, market: Feed | None) -> Clock:
    """Real time; of a file that is replayed its own."""
    if market is None or settings.market is None or settings.market.file is None:
        return WallClock()
    return ReplayClock(first_time(market) - 1, settings.market.speed)
