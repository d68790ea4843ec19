"""Surveillance beside a session: new cases are kept and told once; restarts, other batches and a rebuild find what the whole log shows."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data.log.event_log import EventLog
from data.surveillance.cases import cases
from engine import Side, limit
from live.configuration.services import SurveillanceSettings
from live.services.rebuild import LogHost, catch_up, rebuild
from live.services.service import Feeder
from live.services.surveillance import Surveillance
from live.session.session import Session
from live.writer.clock import ReplayClock
from live.writer.committed import Committed
from tests.data.test_surveillance import PLANTED, planted
from tests.live.services.desk import run, settings
from tests.support.desk import Script, logged
from tests.support.receivers import until

SECOND = 10**9
MONDAY = 1_767_571_200 * SECOND
Row = tuple[Any, ...]


def kept(folder: Path) -> list[Row]:
    with sqlite3.connect(folder / "services" / "surveillance.sqlite") as con:
        return con.execute("SELECT rule, trader, symbol, first_seq, last_seq FROM cases ORDER BY 1, 2, 3, 4").fetchall()


def wanted(log: EventLog) -> list[Row]:
    return sorted(cases(log, 1).select("rule", "trader", "symbol", "first_seq", "last_seq").rows())


def every_pattern() -> Script:
    script = Script()
    for minutes, rule in enumerate(PLANTED):
        for command in planted(True, rule).commands:
            script.commands.append(command._replace(ts=command.ts + minutes * 420 * SECOND, order_id=command.order_id + 1_000 * minutes))
    return script


@contextmanager
def host_of(tmp_path: Path) -> Iterator[LogHost]:
    folder = tmp_path / "live" / "desk"
    folder.mkdir(parents=True)
    with logged(folder / "log.duckdb", every_pattern()) as log:
        yield LogHost(folder, log, 1)


class Heard:
    """Collects alerts."""

    def __init__(self, host: LogHost) -> None:
        self.cases: list[dict[str, Any]] = []
        host.alerts.append(lambda key, kind, ts, said: self.cases.append(said))


def test_restarts_and_batches_find_what_the_whole_log_shows_and_tell_it_once(tmp_path: Path) -> None:
    with host_of(tmp_path) as host:
        expected = [row for row in wanted(host.log) if row[0] != "order-to-trade"]  # the day is not over
        heard, end = Heard(host), host.log.last_seq(1)

        async def work() -> None:
            reached = 0
            while reached < end:  # a new service every 100 seqs, as after a crash
                one = Surveillance(host, SurveillanceSettings())
                feeder = Feeder(one, host)
                first = await feeder.open()
                assert first <= reached + 1
                reached += 100
                for at in range(first, min(reached, end) + 1, 37):
                    commands, facts = host.log.read(1, at, min(at + 36, reached))
                    await feeder.feed(Committed(commands.records, commands.seqs, facts))
                if reached >= end:
                    one.tick(int(facts["ts"][-1]) + 1_000 * SECOND)
                one.close()

        asyncio.run(work())
        assert kept(host.folder.parent) == expected
        assert len(expected) >= 5
        told = sorted((one["rule"], one["trader"], one["symbol"], one["first_seq"], one["last_seq"]) for one in heard.cases)
        assert told == expected


def test_a_rebuild_finds_them_again(tmp_path: Path) -> None:
    with host_of(tmp_path) as host:
        folder = host.folder.parent
        expected = [row for row in wanted(host.log) if row[0] not in ("order-to-trade", list(PLANTED)[-1])]
        asyncio.run(catch_up(Feeder(Surveillance(host, SurveillanceSettings()), host), host))
        before = kept(folder)
        (host.folder / "settings.json").write_text(json.dumps({"surveillance": {}}))
        with sqlite3.connect(host.folder / "surveillance.sqlite") as con:
            con.execute("DELETE FROM cases WHERE rule = 'layering'")
    assert len(kept(folder)) < len(before)
    said = rebuild("surveillance", "desk", tmp_path)
    assert said["dead_letters"] == 0
    assert kept(folder) == before
    assert set(expected) <= set(before)


def test_a_case_in_a_session_is_told_as_a_notification(tmp_path: Path) -> None:
    clock = ReplayClock(MONDAY, 0)
    watched = {"surveillance": {"rules": ["wash-trades"]}, "notifications": [{"when": "SurveillanceCase", "where": {"trader": "ann"}}]}

    async def work() -> None:
        async with Session(settings(**watched), tmp_path, clock=clock) as session:
            both = (("fund", Side.SELL), ("other", Side.BUY))
            for order_id, (portfolio, side) in enumerate(both, 1):
                await session.send(limit(order_id, "X", side, 5, "100.00", portfolio=portfolio, trader="ann"))
            clock.reached = MONDAY + 120 * SECOND
            await until(lambda: any(one["kind"] == "SurveillanceCase" for one in session.notices))
            log = tmp_path / "live" / "desk" / "session.log"
            await until(lambda: '"notification"' in log.read_text())
            said = [one for one in session.notices if one["kind"] == "SurveillanceCase"]
            assert len(said) == 1
            assert (said[0]["rule"], said[0]["trader"], said[0]["symbol"]) == ("wash-trades", "ann", "X")
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert [one["object"]["rule"] for one in lines if one["message"] == "notification"] == ["wash-trades"]

    run(work())


@pytest.mark.parametrize("service", ["notification", "settlement"])
def test_what_cannot_be_rebuilt_is_told(tmp_path: Path, service: str) -> None:
    from live.services.host import ServiceError

    with host_of(tmp_path) as host:
        host.folder.mkdir()
        (host.folder / "settings.json").write_text(json.dumps({"surveillance": {}}))
    says = (
        "no service 'notification'; did you mean notifications" if service == "notification" else "has no settlement; it has: surveillance"
    )
    with pytest.raises(ServiceError, match=says):
        rebuild(service, "desk", tmp_path)
