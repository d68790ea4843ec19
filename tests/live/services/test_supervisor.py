"""Services run beside the session: they are stopped, started and rebuilt, catch up without a gap, and put aside what they cannot take."""

import asyncio
import json
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.log.event_log import EventLog
from engine import Instrument, Kind
from live.configuration.services import NotificationSettings, SettlementSettings
from live.services.notifications.service import Notifications
from live.services.rebuild import LogHost, catch_up
from live.services.service import Feeder
from live.services.settlement.service import Settlement
from live.services.store import Store
from live.session.session import Session
from live.writer.committed import Committed
from tapebook import run_command_line
from tests.live.services.desk import buy, run, service, settings
from tests.live.services.test_settlement import TERMS, trades
from tests.support.log_contract import commands
from tests.support.receivers import until

RULES = {"notifications": [{"when": "OrderCreated", "to": ["log"]}]}


def told(folder: Path) -> list[str]:
    """The keys of all that the outbox of a session's folder has or had."""
    with sqlite3.connect(folder / "services" / "notifications.sqlite") as con:
        return [key for (key,) in con.execute("SELECT key FROM deliveries ORDER BY n")]


def said_by(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run_command_line([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_service_that_was_stopped_catches_up_without_a_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = 50_000
    rows = {"symbol": ["X"], "quantity_lots": [1], "price_ticks": [1], "side": ["BUY"], "trader": ["ann"]}
    folder = tmp_path / "live" / "desk"

    async def command(*words: str) -> None:
        assert await asyncio.to_thread(run_command_line, [*words, "--out", str(tmp_path)]) == 0

    async def work() -> None:
        async with Session(settings(**RULES), tmp_path) as session:
            await session.send(buy(1))
            await until(lambda: service(session, "notifications").position() >= session.seq)
            await command("live", "services", "desk", "--stop", "notifications")
            assert "stopped" in capsys.readouterr().out
            for first in range(10, count, 10_000):
                await session.run({"order_id": np.arange(first, min(count, first + 10_000)), **rows})
            before = service(session, "notifications").position()
            assert before < session.seq - count
            await command("live", "services", "desk", "--start", "notifications")
            await until(lambda: service(session, "notifications").position() >= session.seq)
            with EventLog.open(folder) as log:
                facts = np.concatenate(list(log.read_facts(1)))
            created = facts["seq"][facts["kind"] == Kind.OrderCreated].tolist()
            assert len(created) > count - 20
            assert told(folder) == [f"desk-{seq}" for seq in created]
            await command("live", "rebuild", "notifications", "--session", "desk")
            assert "was sent is not sent again" in " ".join(capsys.readouterr().out.split())
            await until(lambda: service(session, "notifications").position() >= session.seq)
            assert told(folder) == [f"desk-{seq}" for seq in created]
            assert session.error is None

    run(work())
    assert run_command_line(["live", "rebuild", "notifications", "--session", "desk", "--out", str(tmp_path)]) == 0


class Counting:
    """A service that keeps the seqs of the facts that it took, and cannot take some."""

    name = "counting"

    def __init__(self, host: LogHost, odd: set[int]) -> None:
        self._host, self._odd, self.seq = host, odd, 0

    def open(self) -> int:
        self.store = Store(self._host, self.name, ("CREATE TABLE IF NOT EXISTS seen (seq INTEGER PRIMARY KEY)",))
        self.seq = self.store.position()
        return self.seq + 1

    def take(self, batch: Committed) -> None:
        with self.store.transaction() as con:
            for seq in batch.facts["seq"].tolist():
                con.execute("INSERT INTO seen VALUES (?)", (seq,))
                if seq in self._odd:
                    raise LookupError(f"fact {seq} is odd")
            self.seq = max(self.seq, batch.last_seq)
            self.store.put_position(self.seq)

    def tick(self, now: int) -> None:
        """Nothing to do."""

    def close(self) -> None:
        self.store.close()

    def position(self) -> int:
        return self.seq

    def wipe(self) -> str:
        return ""


def host_of(folder: Path, count: int) -> tuple[EventLog, LogHost]:
    """The log of a session in which `count` trades stand."""
    folder.mkdir(parents=True)
    log = EventLog(folder / "log.duckdb")
    number = log.begin("desk", {}, [Instrument("X", "0.01"), Instrument("Y", "0.05", "0.001")])
    facts = trades(count, 3, 1)
    facts["portfolio"], facts["maker_portfolio"] = 0, 0
    for name, most in (("price", 50), ("fee", 10), ("maker_fee", 10)):  # texts of numbers are kept, up to a bound of their own
        facts[name] = facts[name] % most + 1
    log.append(number, commands(*({"kind": Kind.NEW, "ts": int(ts)} for ts in facts["ts"])), facts, facts["seq"] + 1)
    return log, LogHost(folder, log, number)


def test_a_message_that_fails_is_put_aside_and_all_others_are_taken(tmp_path: Path) -> None:
    log, host = host_of(tmp_path / "live" / "desk", 500)
    with log:
        odd = {1, 333, 335, 999}
        one = Counting(host, odd)
        asyncio.run(catch_up(Feeder(one, host), host))
        again = Store(host, "counting")
        seen = [seq for (seq,) in again.rows("SELECT seq FROM seen ORDER BY 1")]
        assert again.position() == log.last_seq(1)
        again.close()
    assert seen == [seq for seq in range(1, 1_000, 2) if seq not in odd]
    letters = [json.loads(line) for line in (host.folder / "dead-letters.jsonl").read_text().splitlines()]
    assert [(one["service"], one["seq"]) for one in letters] == [("counting", seq) for seq in sorted(odd)]
    assert letters[0]["error"] == "LookupError: fact 1 is odd"
    assert json.loads(letters[0]["value"])["kind"] == "TradeExecuted"


def test_memory_does_not_grow_with_what_is_behind(tmp_path: Path) -> None:
    peaks = {}
    for count in (4_000, 40_000):
        log, host = host_of(tmp_path / str(count) / "live" / "desk", count)
        rules = [NotificationSettings(when="TradeExecuted", where={"symbol": "Z"})]
        made = [
            Notifications(host, rules, []),
            Settlement(host, SettlementSettings(time_zone="UTC"), {"X": TERMS[1], "Y": TERMS[1]}),
        ]
        with log:
            facts = list(log.read_facts(1, rows=1_000))
            for one in made:
                one.open()
            tracemalloc.start()
            for piece in facts:
                for one in made:
                    one.take(Committed(np.zeros(0), np.zeros(0, np.int64), piece))
            peaks[count] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            for one in made:
                one.close()
    assert peaks[40_000] < 2 * peaks[4_000]


def test_another_log_of_the_same_name_is_told(tmp_path: Path) -> None:
    from live.services.host import ServiceError

    log, host = host_of(tmp_path / "live" / "desk", 3)
    with log:
        store = Store(host, "counting")
        with store.transaction():
            store.put_position(5)
        store.close()
    (tmp_path / "live" / "desk" / "log.duckdb").unlink()
    (tmp_path / "live" / "desk").rename(tmp_path / "live" / "kept")
    log, host = host_of(tmp_path / "live" / "desk", 4)
    host.folder = tmp_path / "live" / "kept" / "services"
    with log, pytest.raises(ServiceError, match=r"another log of a session 'desk'; run tapebook live rebuild counting --session desk"):
        Store(host, "counting")
