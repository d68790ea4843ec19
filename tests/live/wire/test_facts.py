"""The JSON of facts says what the log's views say, exactly: decimals from integers, names for numbers, each fact where it belongs."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.log.event_log import EventLog
from data.views.events import EVENTS
from engine import Command, Exchange, Instrument, Limits, Queue, QueueModel, Rules, Side
from engine.messages.commands import (
    cancel,
    deposit,
    end_of_day,
    halt,
    kill,
    limit,
    mark,
    market,
    replace,
    resume,
    revive,
    set_limits,
    set_queue,
    set_rules,
    start_of_day,
)
from engine.messages.encoding import encode
from engine.messages.vocabulary import Kind, Reason
from live.wire.facts import FactEncoder, Row, encode_facts
from live.wire.routes import HISTORYS_OWN
from tests.data.test_log_replay import opened, run
from tests.support.streams import SETTINGS

COMMANDS = 4_000
PLAIN = re.compile(r"-?\d+(\.\d+)?")
LIMITED = Limits(max_position="50.5", max_exposure=10**6, max_daily_loss="0.01", max_leverage="0.000001", cash_account=True)
EXACT = {"price": "price_ticks", "stop_price": "stop_price_ticks"}
"""Columns of the views that have the exact price of a decimal; quantities end in _lots, money in _raw."""
MONEY = {"fee", "maker_fee", "taker_fee"}
QUANTITIES = {"quantity", "remaining", "maker_remaining", "taker_remaining"}
IN_LOTS = {"MAX_ORDER_QUANTITY", "SHORT_SALE", "POSITION_LIMIT"}
IN_MONEY = {"MAX_ORDER_NOTIONAL", "EXPOSURE_LIMIT", "DAILY_LOSS_LIMIT"}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    with EventLog(tmp_path / "log.duckdb") as log:
        yield log


def objects(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """The objects by event, in their order; those of a refusal by a limit or a rule from their own topic."""
    made = defaultdict(list)
    for topic, _, value in rows:
        told = json.loads(value)
        if (topic == "orders.events" and told["kind"] != "RiskLimitBreached") or topic in ("risk.events", "compliance.events"):
            made[told["kind"]].append(told)
    return made


def measured(row: dict[str, Any], field: str, listed: Instrument, unit: Decimal) -> Decimal | None:
    """`value` or `limit` of a refusal from its raw integer."""
    raw, reason = row[f"{field}_raw"], row["reason"]
    if reason in IN_LOTS or (reason == "BUYING_POWER" and row["side"] == "SELL"):
        return raw * listed.lot
    if reason in IN_MONEY or reason == "BUYING_POWER":
        return raw * unit
    scale = {"PRICE_COLLAR": listed.price_unit, "ORDER_RATE": Decimal("0.001"), "LEVERAGE_LIMIT": Decimal("1e-9")}
    nothing = reason == "RESTRICTED_SYMBOL" or (reason == "ORDER_RATE" and field == "value") or raw == 2**63 - 1
    return None if nothing else raw * scale[reason]


def exactly(row: dict[str, Any], exchange: Exchange, event: str) -> dict[str, Any]:
    """A row of a view as JSON has it, its decimals from the exact integers beside them."""
    listed = next((one for one in exchange.instruments if one.symbol == row["symbol"]), None)
    unit, made = Decimal(1).scaleb(-exchange.decimals), {}
    for field, value in row.items():
        if field == "session" or re.search("_(ticks|lots|raw)$", field):
            continue
        if field in ("value", "limit"):
            made[field] = measured(row, field, listed, unit) if listed else None
            assert (value is None) == (made[field] is None)
        elif value is None or listed is None:
            made[field] = value
        elif field in QUANTITIES:
            made[field] = row[f"{field}_lots"] * listed.lot if f"{field}_lots" in row else Decimal(repr(value))
        elif field in MONEY:
            made[field] = row[f"{field}_raw"] * unit
        elif field in EXACT and row.get(EXACT[field]) is not None:
            made[field] = row[EXACT[field]] * listed.tick
        elif field in EXACT:
            made[field] = Decimal(repr(value)).quantize(listed.price_unit)
        else:
            made[field] = value
    return made


def as_read(told: dict[str, Any]) -> dict[str, Any]:
    """An object with its decimals read; each of them is plain."""
    made = dict(told)
    for field in (*QUANTITIES, *MONEY, *EXACT, "value", "limit"):
        if made.get(field) is not None:
            assert PLAIN.fullmatch(made[field]), made
            made[field] = Decimal(made[field])
    return made


def rows_of(log: EventLog, view: str, session: int) -> list[dict[str, Any]]:
    frame = log.frame(view, session)
    ns = frame["ts"].dt.strftime("%Y-%m-%dT%H:%M:%S.%9fZ")
    return frame.with_columns(ts=ns).rows(named=True)


@pytest.mark.parametrize("name", ["all", "clients", "broken", "edge"])
def test_objects_are_the_rows_of_the_views(log: EventLog, name: str) -> None:
    setting = SETTINGS[name]
    session, exchange = opened(log, name, setting)
    run(log, session, exchange, setting.stream(seed=8).take(COMMANDS))
    for portfolio in exchange.names.portfolios:
        if portfolio:
            run(log, session, exchange, encode(set_limits(portfolio, LIMITED), exchange.names, exchange.decimals))
    run(log, session, exchange, setting.stream(seed=11).take(COMMANDS))
    rows = encode_facts(name, exchange.facts, exchange.names, exchange.decimals)
    told = objects(rows)
    for event in EVENTS:
        expected = [exactly(row, exchange, event) for row in rows_of(log, event, session)]
        found = [as_read(one) for one in told[event]]
        assert len(found) == len(expected) > 0, event
        for one, row in zip(found, expected):
            assert one.pop("session") == name
            assert one.pop("kind") == event
            if event == "TradeExecuted":
                assert one.pop("order_id") == one["taker_order_id"]
            if event == "OrderRejected":
                one.pop("value"), one.pop("limit")
            assert one == row


def test_every_other_fact_is_told_once_and_historys_own_never(log: EventLog) -> None:
    setting = SETTINGS["all"]
    _, exchange = opened(log, "all", setting)
    exchange.run(setting.stream(seed=3).take(COMMANDS))
    rows = encode_facts("s", exchange.facts, exchange.names, exchange.decimals)
    told = [json.loads(value) for topic, _, value in rows if topic == "orders.events"]
    own = exchange.facts[~np.isin(exchange.facts["kind"], HISTORYS_OWN)]
    assert len(own) < len(exchange.facts)
    once = [(one["seq"], one["kind"]) for one in told if one["kind"] != "OrderFilled"]
    assert once == [(int(fact["seq"]), Kind(fact["kind"]).name) for fact in own]


@pytest.mark.parametrize("size", [1, 7, 500])
def test_pieces_and_restarts_give_the_same_bytes(log: EventLog, size: int) -> None:
    setting = SETTINGS["all"]
    _, exchange = opened(log, "all", setting)
    exchange.run(setting.stream(seed=5).take(COMMANDS))
    facts, told = exchange.facts[:5_000], ("s", exchange.names, exchange.decimals)
    whole = encode_facts("s", facts, exchange.names, exchange.decimals)
    encoder, again = FactEncoder(*told), FactEncoder(*told)
    assert [row for at in range(0, len(facts), size) for row in encoder.encode(facts[at : at + size])] == whole
    again.learn(facts[:3_000])
    last = again.encode(facts[3_000:])
    assert last == whole[len(whole) - len(last) :]
    assert len(last) > 1_500


def test_a_recovered_session_tells_the_same_bytes() -> None:
    here = Exchange([Instrument("A", "0.0100", "10.0"), Instrument("B", "2E+1", "0.50", price_unit="1E+1")], cash={"a": 10**6})
    asked = []
    for k, symbol in enumerate("AB", 1):
        asked += [limit(k, symbol, Side.SELL, 20, 200, portfolio="a", trader="ann"), cancel(k, symbol, trader="ann")]
        asked.insert(-1, market(k, symbol, Side.BUY, 10, portfolio="b", trader="bob"))
    commands = np.concatenate([here.encode(command) for command in asked])
    here.run(commands)
    there = Exchange.from_commands(np.concatenate([here.opening, commands]))
    assert here.facts.tobytes() == there.facts.tobytes()
    rows = encode_facts("s", here.facts, here.names, here.decimals)
    assert rows == encode_facts("s", there.facts, there.names, there.decimals)
    created = [json.loads(row[2]) for row in rows if b"OrderCreated" in row[2]]
    assert [(one["price"], one["quantity"]) for one in created if one["price"]] == [("200.00", "20"), ("200", "20.0")]


# ------------------------------------------------------------------ by hand


AAPL = Instrument("AAPL", "0.01", taker_fee="0.001")
T = 1_767_623_400_123_456_789


def told(*asked: Command, **options: Any) -> list[tuple[str, bytes, dict[str, Any]]]:
    exchange = Exchange([AAPL], **options)
    start = len(exchange.facts)
    encoder = FactEncoder("desk", exchange.names, exchange.decimals)
    encoder.learn(exchange.facts)
    for command in asked:
        exchange.send(command)
    return [(topic, key, json.loads(value)) for topic, key, value in encoder.encode(exchange.facts[start:])]


def own(rows: list[tuple[str, bytes, dict[str, Any]]], kind: str) -> list[tuple[str, bytes, dict[str, Any]]]:
    return [row for row in rows if row[2]["kind"] == kind]


def test_a_trade_is_told_to_both_and_to_everyone() -> None:
    rows = told(
        limit(1, "AAPL", Side.SELL, 100, "150.00", portfolio="a", trader="ann", ts=T),
        market(1, "AAPL", Side.BUY, 30, portfolio="b", trader="bob"),
    )
    fact = {"session": "desk", "seq": rows[-1][2]["seq"], "ts": "2026-01-05T14:30:00.123456789Z", "symbol": "AAPL", "price": "150.00"}
    fact |= {"quantity": "30"}
    maker, taker, trade, public = rows[-4:]
    assert maker == (
        "orders.events",
        b"a",
        fact
        | {"kind": "OrderFilled", "order_id": 1, "portfolio": "a", "trader": "ann", "side": "SELL", "fee": "0.000000"}
        | {"liquidity": "MAKER", "day": 1, "remaining": "70", "status": "PARTIALLY_FILLED"},
    )
    assert taker == (
        "orders.events",
        b"b",
        fact
        | {"kind": "OrderFilled", "order_id": 1, "portfolio": "b", "trader": "bob", "side": "BUY", "fee": "4.500000"}
        | {"liquidity": "TAKER", "day": 1, "remaining": "0", "status": "FILLED"},
    )
    both = fact | {"kind": "TradeExecuted", "order_id": 1, "maker_order_id": 1, "taker_order_id": 1, "maker_portfolio": "a"}
    both |= {"taker_portfolio": "b", "taker_side": "BUY", "maker_trader": "ann", "taker_trader": "bob", "maker_fee": "0.000000"}
    both |= {"taker_fee": "4.500000", "maker_remaining": "70", "taker_remaining": "0"}
    assert trade == ("orders.events", b"b", both)
    assert public == ("trades", b"AAPL", both)


def test_a_refusal_by_a_limit_goes_to_risk_and_by_a_rule_to_compliance() -> None:
    rows = told(
        set_limits("a", Limits(max_position=10)),
        limit(1, "AAPL", Side.BUY, 11, "150.00", portfolio="a", trader="ann"),
        set_rules("ann", Rules(max_order_quantity=5)),
        limit(2, "AAPL", Side.BUY, 6, "150.00", portfolio="a", trader="ann"),
        limit(3, "AAPL", Side.BUY, 5, "150.00", portfolio="a", trader="ann"),
        replace(3, "AAPL", quantity=7, trader="ann"),
    )
    (risk,) = own(rows, "RiskLimitBreached")
    assert risk[:2] == ("risk.events", b"AAPL")
    assert {"event": "OrderRejected", "reason": "POSITION_LIMIT", "value": "11", "limit": "10", "portfolio": "a"}.items() <= risk[2].items()
    first, second = own(rows, "ComplianceCheckFailed")
    assert first[:2] == ("compliance.events", b"AAPL")
    assert {"event": "OrderRejected", "reason": "MAX_ORDER_QUANTITY", "value": "6", "limit": "5", "order_id": 2}.items() <= first[2].items()
    assert {"event": "ReplaceRejected", "portfolio": "a", "side": "BUY", "quantity": None, "value": "7"}.items() <= second[2].items()
    (kept,) = own(rows, "ReplaceRejected")
    assert kept[:2] == ("orders.events", b"a")
    assert {"reason": "MAX_ORDER_QUANTITY", "value": "7", "limit": "5", "portfolio": "a", "trader": "ann"}.items() <= kept[2].items()
    assert len(own(rows, "OrderRejected")) == 2


def test_an_alarm_goes_to_its_portfolio_and_to_risk() -> None:
    rows = told(
        set_limits("a", Limits(max_daily_loss="5")),
        limit(1, "AAPL", Side.SELL, 100, "150.00", portfolio="b", trader="bob"),
        market(1, "AAPL", Side.BUY, 100, portfolio="a", trader="ann"),
        mark("AAPL", "149"),
    )
    alarms = own(rows, "RiskLimitBreached")
    assert [row[:2] for row in alarms] == [("orders.events", b"a"), ("risk.events", b"AAPL")]
    assert alarms[0][2] == alarms[1][2]
    shows = {"event": "RiskLimitBreached", "reason": "DAILY_LOSS_LIMIT", "order_id": None, "value": "-15.000000", "limit": "-5.000000"}
    assert shows.items() <= alarms[0][2].items()


@pytest.mark.parametrize(
    ("asked", "kind", "key", "shows"),
    [
        (deposit("a", "12.5"), "CashDeposited", b"a", {"portfolio": "a", "amount": "12.500000"}),
        (
            set_limits("a", Limits("50.50", None, "7", "2.5", True)),
            "LimitsSet",
            b"a",
            {"portfolio": "a", "max_position": "50.5", "max_exposure": None, "max_daily_loss": "7.000000"}
            | {"max_leverage": "2.500000000", "cash_account": True},
        ),
        (
            set_rules("ann", Rules((), 10**6, "1000", "0.05", False, "1.5")),
            "RulesSet",
            b"",
            {"trader": "ann", "max_order_quantity": "1000000", "max_order_notional": "1000.000000", "price_collar": "0.050000000"}
            | {"short_sale": False, "order_rate": "1.500"},
        ),
        (set_rules("ann", Rules(["AAPL"])), "SymbolRestricted", b"", {"trader": "ann", "symbol": "AAPL"}),
        (
            set_queue("AAPL", Queue(model=QueueModel.POWER, exponent="2.0625")),
            "QueueSet",
            b"",
            {"symbol": "AAPL", "grain": "LEVELS", "queue_model": "POWER", "exponent": "2.0625", "volume_share": None},
        ),
        (halt("AAPL"), "TradingHalted", b"", {"symbol": "AAPL"}),
        (end_of_day("AAPL"), "DayEnded", b"", {"symbol": "AAPL"}),
        (start_of_day(), "DayStarted", b"", {}),
        (mark("AAPL", "1.23"), "PriceMarked", b"", {"symbol": "AAPL", "price": "1.23"}),
        (kill("a"), "TradingKilled", b"a", {"portfolio": "a", "trader": None}),
        (kill(trader="ann"), "TradingKilled", b"", {"portfolio": None, "trader": "ann"}),
        (revive(), "TradingRevived", b"", {"portfolio": None, "trader": None}),
        (resume("MSFT"), "CommandRejected", b"", {"symbol": None, "portfolio": "", "trader": "", "reason": "UNKNOWN_INSTRUMENT"}),
        (
            cancel(9, "AAPL", trader="ann"),
            "CancelRejected",
            b"",
            {"order_id": 9, "symbol": "AAPL", "portfolio": "", "trader": "ann", "reason": "UNKNOWN_ORDER"},
        ),
    ],
)
def test_what_other_facts_show(asked: Command, kind: str, key: bytes, shows: dict[str, Any]) -> None:
    (row,) = own(told(asked._replace(ts=T)), kind)
    assert row[:2] == ("orders.events", key)
    assert {field: row[2][field] for field in row[2] if field not in ("session", "seq", "ts", "kind")} == shows
    assert list(row[2])[:4] == ["session", "seq", "ts", "kind"]


def test_what_was_given_is_shown_where_an_order_was_malformed() -> None:
    rows = told(
        limit(1, "AAPL", Side.BUY, 10, "1.23", portfolio="a"),
        limit(2, "AAPL", Side.BUY, 10, "-1.5", portfolio="a"),
        limit(3, "AAPL", Side.BUY, "0.5", "1.5", portfolio="a"),
        limit(4, "MSFT", Side.BUY, 10, "1.5", portfolio="a"),
    )
    refused = [row[2] for row in own(rows, "OrderRejected")]
    values = [(one["reason"], one["value"]) for one in refused]
    assert values == [("INVALID_PRICE", "-1.50"), ("INVALID_QUANTITY", None), ("UNKNOWN_INSTRUMENT", None)]
    assert [one["symbol"] for one in refused] == ["AAPL", "AAPL", None]
    assert refused[2]["quantity"] is refused[2]["price"] is None


def test_every_reason_is_shown_in_its_unit() -> None:
    exchange = Exchange([AAPL], cash={"a": 1})
    refused = exchange.send(limit(1, "AAPL", Side.BUY, 10, "-1", portfolio="a")).copy()
    refused = np.repeat(refused[-1:], len(Reason))
    refused["reason"], refused["value"], refused["limit"] = list(Reason), 2_000_000, 3_000_000
    shown = [json.loads(row[2]) for row in encode_facts("s", refused, exchange.names, exchange.decimals) if row[0] == "orders.events"]
    units = {"2.000000": "money", "2000000": "lots or a count", "20000.00": "price", "0.002000000": "ratio", None: "nothing"}
    found = defaultdict(set)
    for one in shown:
        found[units[one["value"]]].add(one["reason"] or "NONE")
    assert found["money"] == {*IN_MONEY, "BUYING_POWER"}
    assert found["lots or a count"] == {*IN_LOTS, "REDUCE_ONLY", "INVALID_QUANTITY", "TOO_MANY_ORDERS"}
    assert found["price"] == {"INVALID_PRICE", "INVALID_STOP_PRICE", "PRICE_COLLAR"}
    assert found["ratio"] == {"LEVERAGE_LIMIT"}
    assert {one["reason"]: one["limit"] for one in shown}["ORDER_RATE"] == "3000.000"


def test_names_of_any_characters_are_json() -> None:
    name = 'a"\\\n\x01é\U0001f600'
    (row,) = own(told(deposit(name, 1)), "CashDeposited")
    assert row[1:] == (name.encode(), row[2])
    assert row[2]["portfolio"] == name


def test_a_day_begins_with_start_of_day() -> None:
    sell = limit(1, "AAPL", Side.SELL, 10, "1", portfolio="a", trader="ann")
    rows = told(sell, start_of_day(), market(1, "AAPL", Side.BUY, 10, portfolio="b", trader="bob"))
    assert {row[2]["day"] for row in own(rows, "OrderFilled")} == {2}
