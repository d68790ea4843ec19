"""Notifications: rules choose facts and alerts; log, topic, signed webhooks, e-mail; targets that fail or hang; once for one fact."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from standardwebhooks import Webhook

from data.configuration import ConfigurationError
from engine import Exchange
from engine.messages.records import FACT
from live.broker.memory import MemoryBroker
from live.broker.port import BEGINNING
from live.configuration.session import read_settings
from live.configuration.words import ALERTS, FIELDS
from live.session.session import Session
from live.wire.facts import encode_facts
from tests.live.services.desk import buy, run, sell, service, settings
from tests.support import live_batches
from tests.support.receivers import mail_server, receiver, until
from tests.support.streams import SETTINGS

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FAST = {"first_wait": "5ms", "longest_wait": "20ms", "pause": "50ms", "timeout": "2s"}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_SECRET", SECRET)


def webhook(url: str, **more: Any) -> dict[str, Any]:
    return {"name": "ops", "kind": "webhook", "url": url, "secret": {"env": "OPS_SECRET"}, **FAST, **more}


def told(when: str | list[str], to: list[str], **where: Any) -> dict[str, Any]:
    return {"when": when, "to": to, "where": where}


def lines(tmp_path: Path) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in (tmp_path / "live" / "desk" / "session.log").read_text().splitlines()]
    return [one for one in said if one["message"] == "notification"]


def test_a_webhook_is_signed_and_says_the_fact(tmp_path: Path) -> None:
    async def work() -> None:
        with receiver() as ops:
            rules = [told("RiskLimitBreached", ["ops", "log"], portfolio="fund")]
            async with Session(settings(notifications=rules, targets=[webhook(ops.url)]), tmp_path) as session:
                await session.send(buy(1))
                refused = await session.send(buy(2, quantity=600))
                await until(lambda: ops.requests)
                request = ops.requests[0]
                body = Webhook(SECRET).verify(request.body, request.headers)
                assert request.headers["webhook-id"] == f"desk-{refused['seq'][0]}"
                assert body["type"] == "RiskLimitBreached"
                assert (
                    body["data"] | {"seq": int(refused["seq"][0]), "reason": "POSITION_LIMIT", "value": "610", "limit": "500"}
                    == body["data"]
                )
                await until(lambda: lines(tmp_path))
        assert lines(tmp_path)[0]["event"] == "RiskLimitBreached"
        assert len(ops.requests) == 1

    run(work())


def test_rules_choose_by_name_and_field_and_a_fact_is_told_once(tmp_path: Path) -> None:
    async def work() -> None:
        with receiver() as ops:
            rules = [
                told("OrderFilled", ["ops"], portfolio="fund", symbol=["X", "Z"]),
                told(["OrderFilled", "OrderCreated"], ["ops"], portfolio="fund", symbol="Y"),
                told("OrderFilled", ["ops"], portfolio="fund"),
            ]
            async with Session(settings(notifications=rules, targets=[webhook(ops.url)]), tmp_path) as session:
                for order_id, symbol in enumerate(("X", "Y"), 1):
                    await session.send([buy(order_id, symbol=symbol), sell(order_id, symbol=symbol)])
                await until(lambda: len(ops.requests) >= 3)
                await asyncio.sleep(0.3)
                said = [json.loads(one.body)["data"] for one in ops.requests]
        assert [(one["kind"], one["symbol"], one["portfolio"]) for one in said] == [
            ("OrderFilled", "X", "fund"),
            ("OrderCreated", "Y", "fund"),
            ("OrderFilled", "Y", "fund"),
        ]
        assert len(set(ops.ids())) == 3

    run(work())


def test_a_target_that_fails_is_tried_again_and_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    async def work() -> None:
        with receiver(lambda number: 503 if number <= 12 else 200) as ops:
            rules = [told("OrderCreated", ["ops"])]
            async with Session(settings(notifications=rules, targets=[webhook(ops.url, attempts=3, failures=4)]), tmp_path) as session:
                for k in range(1, 6):
                    await session.send(buy(k))
                await until(lambda: len(set(ops.ids())) == 5 and len(ops.requests) >= 17)
                await asyncio.sleep(0.3)
            assert len(ops.requests) == 17  # 12 refusals of the first, then each once
            assert ops.ids()[:12] == [ops.ids()[0]] * 12
            assert sorted(set(ops.ids()), key=ops.ids().index) == ops.ids()[12:]

    run(work())


def test_a_target_that_hangs_holds_up_neither_the_session_nor_another(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(number: int) -> int:
        release.wait(60)
        return 200

    async def work() -> None:
        with receiver(hang) as hanging, receiver() as fine:
            targets = [webhook(hanging.url, timeout="300ms"), webhook(fine.url) | {"name": "fine"}]
            rules = [told("OrderCreated", ["ops", "fine"])]
            async with Session(settings(notifications=rules, targets=targets), tmp_path) as session:
                for k in range(1, 31):
                    await session.send(buy(k, quantity=1))
                await until(lambda: len(fine.requests) == 30)
                assert hanging.requests
                assert len(set(hanging.ids())) == 1
                assert session.error is None
                release.set()
                await until(lambda: len(set(hanging.ids())) == 30)

    run(work())


def test_a_target_that_refuses_makes_a_dead_letter_with_the_services_name(tmp_path: Path) -> None:
    async def work() -> None:
        broker = MemoryBroker()
        with receiver(lambda number: 400 if number == 1 else 200) as ops:
            rules = [told("OrderCreated", ["ops"])]
            async with Session(settings(notifications=rules, targets=[webhook(ops.url)]), tmp_path, broker=broker) as session:
                await session.send(buy(1))
                await session.send(buy(2))
                await until(lambda: len(ops.requests) == 2)
                await until(lambda: session.equipment.services.kept["notifications"].host.letters)
                reader = await broker.read("dead-letters", 0, BEGINNING)
                letter = (await reader.take(5, 5))[0]
        headers = {name: value.decode() for name, value in letter.headers}
        assert (headers["service"], headers["topic"]) == ("notifications", "service:notifications")
        assert "answered 400" in headers["error"]
        assert json.loads(letter.value)["order_id"] == 1
        kept = json.loads((tmp_path / "live" / "desk" / "services" / "dead-letters.jsonl").read_text())
        assert kept["service"] == "notifications"

    run(work())


def test_the_topic_gets_every_notification_as_it_stands_on_the_others(tmp_path: Path) -> None:
    async def work() -> None:
        broker = MemoryBroker()
        async with Session(settings(notifications=[told("TradeExecuted", ["log"])]), tmp_path, broker=broker) as session:
            await session.send([buy(1), sell(1)])
            found = []
            for topic in ("notifications", "trades"):
                reader = await broker.read(topic, 0, BEGINNING)
                found.append((await reader.take(5, 20))[0].value)
        assert found[0] == found[1]

    run(work())


def test_after_a_restart_what_was_told_is_not_told_again_and_what_was_missed_is(tmp_path: Path) -> None:
    async def live(url: str, order_id: int, wanted: Any) -> None:
        rules = [told("OrderCreated", ["ops"])]
        async with Session(settings(notifications=rules, targets=[webhook(url)]), tmp_path) as session:
            await session.send(buy(order_id))
            if wanted is not None:
                await until(wanted)

    async def work() -> None:
        with receiver() as ops:
            await live(ops.url, 1, lambda: len(ops.requests) == 1)
            await live("http://127.0.0.1:9/", 2, None)  # nobody listens there: it waits
            await live(ops.url, 3, lambda: len(ops.requests) == 3)
            await asyncio.sleep(0.2)
            assert [json.loads(one.body)["data"]["order_id"] for one in ops.requests] == [1, 2, 3]

    run(work())


def test_a_session_that_ends_waits_for_the_answer_to_what_it_told(tmp_path: Path) -> None:
    async def live(url: str) -> None:
        async with Session(settings(notifications=[told("OrderCreated", ["ops"])], targets=[webhook(url)]), tmp_path) as session:
            if not ops.requests:
                await session.send(buy(1))
            await until(lambda: len(ops.requests) == 1)

    with receiver(lambda number: time.sleep(0.5) or 200) as ops:
        run(live(ops.url))
        run(live(ops.url))
        time.sleep(0.2)
        assert len(ops.requests) == 1


def test_an_alert_of_the_session_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        async with Session(settings(notifications=[told("StrategyStopped", ["log"], strategy="maker")]), tmp_path) as session:
            await asyncio.sleep(0.7)
            session.notice("StrategyStopped", strategy="maker", failure="LookupError: three")
            session.notice("StrategyStopped", strategy="taker", failure="LookupError: four")
            await until(lambda: lines(tmp_path))
        assert [one["object"]["strategy"] for one in lines(tmp_path)] == ["maker"]

    run(work())


def test_mail_is_sent_tried_again_and_given_up(tmp_path: Path) -> None:
    answers = {1: "451 try later", 2: "250 taken", 3: "550 never"}

    async def work() -> None:
        with mail_server(lambda number: answers.get(number, "250 taken")) as (box, port):
            mail = {"name": "desk-mail", "kind": "email", "port": port, "sender": "desk@example.org", "to": ["ann@example.org"], **FAST}
            rules = [told("OrderCreated", ["desk-mail"])]
            async with Session(settings(notifications=rules, targets=[mail]), tmp_path) as session:
                for k in (1, 2, 3):
                    await session.send(buy(k))
                await until(lambda: len(box.mails) == 2)
                await until(lambda: session.equipment.services.kept["notifications"].host.letters == 1)
        first = box.mails[0]
        assert first["Subject"] == "[desk] OrderCreated fund ann X"
        assert first["Message-ID"].startswith("<desk-")
        assert "price: 100" in first.get_payload()
        assert box.tries == 4

    run(work())


def test_every_field_of_every_fact_may_be_named() -> None:
    setting = SETTINGS["all"]
    exchange, committed = live_batches.session(setting, 3, 2_000)
    assert isinstance(exchange, Exchange)
    seen: set[str] = set()
    every = np.concatenate([facts for _, _, facts in committed], dtype=FACT)
    for _, _, value in encode_facts("x", every, exchange.names, exchange.decimals):
        seen |= set(msgspec.json.decode(value))
    assert seen - {"session", "seq", "ts", "kind"} <= FIELDS
    assert ALERTS


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"notifications": [told("RiskLimitBreach", ["log"])]}, "no fact or alert 'RiskLimitBreach'; did you mean RiskLimitBreached?"),
        ({"notifications": [told("OrderCreated", ["log"], portfolios="fund")]}, "no field 'portfolios'; did you mean portfolio?"),
        ({"notifications": [told("OrderCreated", ["opps"])], "targets": [webhook("http://x")]}, "no target 'opps'; did you mean ops?"),
        ({"targets": [webhook("ftp://x")]}, "'ftp://x' is not an address of a webhook"),
        ({"targets": [webhook("http://x", secret="whsec_abc")]}, "a secret does not stand in the file"),
        ({"targets": [webhook("http://x", secret={"env": "NOT_SET"})]}, "the environment variable NOT_SET is not set; export it"),
        ({"targets": [webhook("http://x", secret={"file": "/no/such"})]}, "/no/such: No such file or directory"),
        ({"targets": [webhook("http://x", timeout="0s")]}, "is not a time above 0"),
        ({"targets": [{"name": "m", "kind": "email"}]}, "an e-mail needs a sender"),
        ({"targets": [webhook("http://x"), webhook("http://y")]}, "'ops' is named twice"),
        ({"surveillance": {"rules": ["layer"]}}, "no rule 'layer'"),
        ({"surveillance": {"set": {"layering": {"ration": 1}}}}, "no parameter 'ration'; did you mean ratio?"),
        ({"settlement": {"custodian": "nobody"}}, "custodian"),
    ],
)
def test_bad_configuration_is_told(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings(**more)
    assert says in "\n".join(error.value.problems)


def test_status_says_how_services_stand(tmp_path: Path) -> None:
    async def work() -> None:
        async with Session(settings(notifications=[told("OrderCreated", ["log"])]), tmp_path) as session:
            await session.send(buy(1))
            await until(lambda: service(session, "notifications").position() == session.seq)
            status = tmp_path / "live" / "desk" / "services" / "status.json"
            await until(lambda: status.exists() and json.loads(status.read_text())["services"]["notifications"]["behind"] == 0)

    run(work())


def test_what_a_stop_interrupted_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(number: int) -> int:
        if number == 1:
            release.wait(60)
        return 200

    async def live(url: str, wanted: Any, *order_ids: int) -> None:
        rules = [told("OrderCreated", ["ops"])]
        async with Session(settings(notifications=rules, targets=[webhook(url, timeout="30s")]), tmp_path) as session:
            for order_id in order_ids:
                await session.send(buy(order_id))
            await until(wanted)

    async def work() -> None:
        with receiver(hang) as ops:
            await live(ops.url, lambda: len(ops.requests) == 1, 1)  # taken by the receiver, which had not answered yet
            release.set()
            await live(ops.url, lambda: len(ops.requests) == 3, 2)
            assert ops.ids()[0] == ops.ids()[1] != ops.ids()[2]
            assert ops.requests[0].body == ops.requests[1].body

    run(work())


TOML = """
name = "desk"
instruments = [{ symbol = "X", tick = "0.01", settle = { days = 2, calendar = "XNYS" } }]
portfolios = [{ name = "fund", cash = "1000000" }]

[[notifications]]
when = "RiskLimitBreached"
where = { portfolio = "fund" }
to = ["log", "ops-webhook"]

[[targets]]
name = "ops-webhook"
kind = "webhook"
url = "https://ops.example.org/hook"
secret = { env = "OPS_SECRET" }

[settlement]
custodian = "immediate"

[surveillance]
rules = ["layering", "wash-trades"]
set = { layering = { ratio = 3 } }
"""


def test_a_file_says_it_all_and_what_is_wrong_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text(TOML)
    found = read_settings(file)
    assert (found.notifications[0].to, found.targets[0].name) == (["log", "ops-webhook"], "ops-webhook")
    file.write_text(TOML.replace('"XNYS"', '"XNYX"').replace("where = { portfolio", "where = { portfolios"))
    with pytest.raises(ConfigurationError) as error:
        read_settings(file)
    problems = [line.replace(f"{tmp_path}/", "") for line in error.value.problems]
    assert len(problems) == 2
    assert problems[0].startswith("desk.toml line 3, key instruments.0.settle.calendar: no calendar 'XNYX'; did you mean XNYS?")
    assert problems[1].startswith("desk.toml line 8, key notifications.0.where.portfolios: no field 'portfolios'; did you mean portfolio?")
