"""A session among faults of the machine: clock, disk, signals, readers that do not read, a downtime, a broker that takes no dead letter."""

import asyncio
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from data.log.event_log import EventLog
from engine import Side, Strategy, limit
from engine.messages.commands import Command
from live.broker.memory import MemoryBroker
from live.broker.port import Outgoing
from live.broker.topics import DEAD_LETTERS
from live.session.session import Session
from live.writer import followers
from live.writer.clock import WallClock
from tests.live.session.test_crashes import Child, RetryingClient, check_log
from tests.live.session.test_refusals import ids, order, run, settings, taken
from tests.live.session.test_session import BEGAN, SECOND, Hand
from tests.support.brokers import in_loop


def bid(number: int, quantity: int = 1) -> Command:
    return limit(number, "AAPL", Side.BUY, quantity, "150.00", portfolio="fund", trader="ann")


def test_a_clock_that_is_set_back(tmp_path: Path) -> None:
    """Times go on from the last one, also over a restart, and the operator is told how far the clock is behind."""
    time = [BEGAN]

    async def work(first: int) -> None:
        async with Session(settings(), tmp_path, clock=WallClock(lambda: time[0])) as session:
            await session.send(bid(first))
            time[0] -= 3600 * SECOND
            for number in range(first + 1, first + 5):
                await session.send(bid(number))
            while not session.notices:
                await asyncio.sleep(0.05)
            (said,) = session.notices
            assert said["kind"] == "ClockBehind"
            assert 3590 < said["seconds"] < 7210

    run(work(1))
    run(work(10))
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        commands, facts = log.read(1)
        assert log.verify(1).ok
    assert (np.diff(commands.records["ts"]) >= 0).all()
    assert (np.diff(facts["ts"]) >= 0).all()
    assert int(commands.records["ts"][-1] - BEGAN) < SECOND


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # a session that did not end may still be there


@in_loop
async def test_a_full_disk_ends_it_in_one_line_and_the_log_is_whole(small_disk: Path) -> None:
    child = Child(small_disk)
    await child.start()
    client = RetryingClient(child, 3)
    (small_disk / "ballast").write_bytes(bytes(_free(small_disk) - (2 << 20)))
    await client.run(90)
    said, errors = await asyncio.wait_for(child.process.communicate(), 30)
    assert child.process.returncode == 1
    assert said == b""
    told = [line for line in errors.decode().splitlines() if line.startswith("tapebook: ")]
    assert len(told) == 1, errors.decode()
    assert "nothing was stored" in errors.decode()
    (small_disk / "ballast").unlink()
    await child.start()
    await client.run(1.0)
    await child.stop()
    log, facts = check_log(small_disk, set(client.answers) | set(client.again) | set(client.open), child.said["digest"])
    stored = {int(seq) for seq in facts["seq"]}
    assert client.answers
    assert {answer.seq for answer in client.answers.values()} <= stored
    log.close()


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@in_loop
async def test_sigterm_under_load_ends_it_in_order(tmp_path: Path) -> None:
    """Within the ten seconds that whoever sent the signal waits."""
    child = Child(tmp_path)
    await child.start()
    client = RetryingClient(child, 8)
    running = asyncio.create_task(client.run(60))
    while len(client.answers) < 200:
        await asyncio.sleep(0.01)
    child.process.terminate()
    said, errors = await asyncio.wait_for(child.process.communicate(), 10)
    assert child.process.returncode == 0, errors.decode()
    assert said
    await running
    log, facts = check_log(tmp_path, set(client.answers) | set(client.open), None)
    assert {answer.seq for answer in client.answers.values()} <= set(facts["seq"].tolist())
    log.close()


def test_a_follower_who_does_not_read_holds_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What he misses he reads in the log, later, without gap or repeat."""
    room, piece = 500, 100
    monkeypatch.setattr(followers, "ROOM", room)

    async def work() -> None:
        async with Session(settings(), tmp_path) as session:
            following = session.follow(1)
            batch = await anext(following)
            seqs = [*batch.seqs.tolist(), *batch.facts["seq"].tolist()]
            for at in range(1, 3_001, piece):
                await session.send([bid(number) for number in range(at, at + piece)])
                held = session.followers._queues[0]
                waiting = sum(len(one.seqs) + len(one.facts) for one in _waiting(held.batches))
                assert waiting <= room + 3 * piece
            while max(seqs) < session.seq:
                batch = await anext(following)
                seqs += [*batch.seqs.tolist(), *batch.facts["seq"].tolist()]
            assert sorted(seqs) == list(range(1, session.seq + 1))
            await following.aclose()  # type: ignore[attr-defined]

    run(work())


def _waiting(queue: "asyncio.Queue[followers.Committed | None]") -> Sequence[followers.Committed]:
    return [one for one in queue._queue if one is not None]  # type: ignore[attr-defined]


class Minutes(Strategy):
    """Says the time each minute."""

    every = "60s"

    def on_timer(self) -> None:
        self.log(f"{(self.now - BEGAN) // (60 * SECOND)}")


def test_timers_of_a_downtime_fire_at_the_first_turn_after_it(tmp_path: Path) -> None:
    """Each with its own time and before whatever comes then: a replay, which knows nothing of the downtime, has them there, too."""
    strategies = [{"name": "minutes", "strategy": f"{__name__}:Minutes", "portfolio": "fund"}]
    said: list[str] = []

    async def work(now: int, number: int) -> None:
        clock = Hand(now)
        session = Session(settings(strategies=strategies), tmp_path, clock=clock)
        async with session:
            session.matcher.logged = lambda strategy, ts, text: said.append(text)
            await session.send(bid(number))

    run(work(BEGAN, 1))
    run(work(BEGAN + 10 * 60 * SECOND + SECOND, 2))
    assert said == [str(minute) for minute in range(11)]  # the first, which the start before has written down, is not told again


class Deaf(MemoryBroker):
    """A broker that takes no dead letter until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.takes = asyncio.Event()
        self.asked = asyncio.Event()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if any(message.topic == DEAD_LETTERS for message in messages):
            self.asked.set()
            await self.takes.wait()
        await super().publish(messages)


def test_while_a_dead_letter_waits_for_the_broker_others_are_served(tmp_path: Path) -> None:
    """Names that the message behind it introduces are the session's all the same, each with the number that the log says."""

    async def work() -> None:
        broker = Deaf()
        async with Session(settings(), tmp_path, broker=broker) as session:
            await broker.publish([order(1, trader="eve"), order(2, side="UP"), order(3, trader="zoe", portfolio="z")])
            await asyncio.wait_for(broker.asked.wait(), 30)
            mine = limit(9, "AAPL", Side.BUY, 1, "150.00", portfolio="y", trader="yan")
            facts = await asyncio.wait_for(session.send(mine), 30)
            assert int(facts["order_id"][-1]) == 9
            assert sorted(ids(session)) == [1, 9]
            broker.takes.set()
            await taken(session, 3)
            while len(ids(session)) < 3:
                await asyncio.sleep(0.01)
            assert {row["trader"]: row["portfolio"] for row in session.models.orders().to_dicts()} == {
                "eve": "fund",
                "yan": "y",
                "zoe": "z",
            }
            assert len(await (await broker.read(DEAD_LETTERS, 0, 0)).take(10, 1)) == 1

    run(work())
    with EventLog(tmp_path / "live" / "desk" / "log.duckdb", read_only=True) as log:
        assert log.verify(1).ok
        named = {row["trader"]: row["portfolio"] for row in log.replay(1).orders().to_dicts()}
    assert named == {"eve": "fund", "yan": "y", "zoe": "z"}
