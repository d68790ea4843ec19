"""Portfolios, packed records and dead letters."""

import contextlib
import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Exchange, Instrument, Side, limit, market
from engine.messages.records import COMMAND, FACT, LAYOUT
from engine.messages.vocabulary import Kind
from live.broker.checks import check_message
from live.broker.port import MESSAGE_BYTES_MAX, Message, Outgoing
from live.wire.dead_letters import ERROR_BYTES_MAX, dead_letter
from live.wire.errors import WireError
from live.wire.numbers import fixed, rounded
from live.wire.packed import RECORDS_MAX, pack, unpack
from live.wire.portfolios import account, encode_portfolios, touched
from live.wire.times import nanoseconds, time_text
from tests.support.streams import SETTINGS

T = 1_767_623_400_123_456_789

# ------------------------------------------------------------------ portfolios


def portfolios(exchange: Exchange, *names: str) -> dict[str, Any]:
    accounts = {name: account(exchange.state, exchange.names.portfolios[name]) for name in names}
    rows = encode_portfolios("desk", 12, T, accounts, exchange.names, exchange.decimals)
    assert [(topic, key.decode()) for topic, key, _ in rows] == [("portfolio.events", name) for name in names]
    return {name: json.loads(value) for name, (_, _, value) in zip(names, rows)}


def test_a_portfolio_by_hand() -> None:
    exchange = Exchange([Instrument("AAPL", "0.01", taker_fee="0.001")], cash={"a": "1000"})
    exchange.send(limit(1, "AAPL", Side.SELL, 1, "10.00", portfolio="b", trader="bob"))
    exchange.send(limit(2, "AAPL", Side.SELL, 2, "10.01", portfolio="b", trader="bob"))
    exchange.send(market(1, "AAPL", Side.BUY, 3, portfolio="a", trader="ann"))
    exchange.send(limit(2, "AAPL", Side.SELL, 1, "11.00", portfolio="a", trader="ann"))
    told = portfolios(exchange, "a", "b")
    assert told["a"] == {
        "session": "desk",
        "seq": 12,
        "ts": "2026-01-05T14:30:00.123456789Z",
        "name": "a",
        "cash": "969.949980",
        "equity": "999.979980",
        "realized_pnl": "0.000000",
        "unrealized_pnl": "0.010000",
        "fees": "0.030020",
        "exposure": "41.030000",
        "leverage": "0.041030821",
        "positions": {
            "AAPL": {
                "quantity": "3",
                "average_price": "10.006666666667",
                "mark": "10.01",
                "realized_pnl": "0.000000",
                "unrealized_pnl": "0.010000",
            }
        },
    }
    assert told["b"]["positions"]["AAPL"]["quantity"] == "-3"
    assert told["b"]["positions"]["AAPL"]["average_price"] == "10.006666666667"
    assert told["b"]["leverage"] is None
    assert touched(exchange.facts) == [1, 2]
    assert touched(exchange.facts[exchange.facts["kind"] == Kind.OrderCreated]) == []


@pytest.mark.parametrize("name", ["clients", "all"])
def test_portfolios_are_those_of_the_exchange(name: str) -> None:
    setting = SETTINGS[name]
    exchange = Exchange(setting.world.instruments, setting.world.cash)
    exchange.run(setting.world.opening())
    exchange.run(setting.stream(seed=11).take(3_000))
    names = [name for name in exchange.names.portfolios if name]
    for name, told in portfolios(exchange, *names).items():
        expected = exchange.portfolio(name)
        for field in ("cash", "equity", "realized_pnl", "unrealized_pnl", "fees", "exposure"):
            assert float(told[field]) == expected[field]
        assert told["leverage"] is expected["leverage"] is None or abs(float(told["leverage"]) - expected["leverage"]) <= 5.01e-10
        held = {symbol: at for symbol, at in expected["positions"].items() if at["quantity"] or at["realized_pnl"]}
        assert held.keys() == told["positions"].keys()
        assert len(held) > 1
        for symbol, at in held.items():
            for field, value in at.items():
                given = told["positions"][symbol][field]
                assert given is None if value is None else float(given) == pytest.approx(value, abs=1e-11, rel=1e-14)


@given(st.integers(-(2**70), 2**70), st.integers(1, 2**66), st.integers(0, 12))
def test_quotients_are_rounded_half_to_even(above: int, below: int, decimals: int) -> None:
    text = rounded(above, below, decimals)
    assert text == fixed(round(Fraction(above, below) * 10**decimals), decimals)
    assert re.fullmatch(r"-?\d+(\.\d+)?", text)


# ------------------------------------------------------------------ times


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_time_comes_back(ts: int) -> None:
    assert nanoseconds(time_text(ts)) == ts


# ------------------------------------------------------------------ packed records


def message(sent: Outgoing) -> Message:
    return Message(sent.topic, 0, 5, sent.key, sent.value, sent.headers)


def some_facts(count: int) -> np.ndarray:
    made = np.frombuffer(np.random.default_rng(1).bytes(count * FACT.itemsize), FACT).copy()
    made["seq"] = 100 + 2 * np.arange(count)
    return made


@pytest.mark.parametrize("count", [0, 1, RECORDS_MAX, RECORDS_MAX + 1, 3 * RECORDS_MAX])
def test_records_come_back_as_they_are(count: int) -> None:
    facts = some_facts(count)
    sent = list(pack("orders.events.packed", "désk", facts, partition=2, key=b"k"))
    assert len(sent) == -(-count // RECORDS_MAX)
    assert all(len(one.value) < 900_000 and one.partition == 2 and one.key == b"k" for one in sent)
    back = [unpack(message(one)) for one in sent]
    assert b"".join(one.records.tobytes() for one in back) == facts.tobytes()
    assert [(one.session, one.seq) for one in back] == [("désk", 100 + 2 * RECORDS_MAX * k) for k in range(len(sent))]


def test_history_counts_from_the_seq_that_it_is_given() -> None:
    commands = np.zeros(RECORDS_MAX + 5, COMMAND)
    commands["order_id"] = np.arange(len(commands))
    back = [unpack(message(one)) for one in pack("market-history", "nasdaq", commands, 41)]
    assert [(one.seq, len(one.records)) for one in back] == [(41, RECORDS_MAX), (41 + RECORDS_MAX, 5)]
    assert back[1].records.dtype == COMMAND
    with pytest.raises(TypeError, match="name that of the first"):
        next(pack("market-history", "nasdaq", commands))
    with pytest.raises(TypeError, match="commands or facts"):
        next(pack("market-history", "nasdaq", np.zeros(3), 1))


def changed(**headers: bytes | None) -> Callable[[Message], Message]:
    def change(sent: Message) -> Message:
        said = {**dict(sent.headers), **headers}
        return sent._replace(headers=tuple((name, value) for name, value in said.items() if value is not None))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed(layout=str(LAYOUT + 1).encode()), "layout: the records have layout '3'; this Tapebook reads layout 2"),
        (changed(layout=None), "layout: the header is missing"),
        (changed(session=None), "session: the header is missing"),
        (changed(record=b"order"), "record: 'order' is not a record; it is command or fact"),
        (changed(record=b"command"), "value: it has 288 bytes, but 3 records of 64 bytes are 192"),
        (changed(count=b"4"), "value: it has 288 bytes, but 4 records of 96 bytes are 384"),
        (changed(count=b"-3"), "count: the header '-3' is not a whole number"),
        (changed(count=b"9" * 9_999), "count: the header '9999"),
        (changed(seq=b"1e3"), "seq: the header '1e3' is not a whole number"),
        (changed(seq=b"101"), "seq: the header says 101, but the first fact has 100"),
        (changed(session=b"\xff"), "headers: they are not UTF-8"),
        (lambda sent: sent._replace(value=sent.value[:-1]), "value: it has 287 bytes, but 3 records of 96 bytes are 288"),
        (lambda sent: sent._replace(value=b""), "value: it has 0 bytes"),
        (lambda sent: sent._replace(headers=()), "layout: the header is missing; packed records have layout, record, session, seq, count"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: Callable[[Message], Message], says: str) -> None:
    (sent,) = pack("orders.events.packed", "desk", some_facts(3))
    with pytest.raises(WireError) as odd:
        unpack(change(message(sent)))
    assert str(odd.value).startswith(says)


@given(st.binary(max_size=300), st.dictionaries(st.sampled_from(["layout", "record", "session", "seq", "count"]), st.binary(max_size=6)))
def test_any_message_is_unpacked_or_refused(value: bytes, headers: dict[str, bytes]) -> None:
    (sent,) = pack("orders.events.packed", "desk", some_facts(3))
    with contextlib.suppress(WireError):
        assert len(unpack(Message("t", 0, 0, None, value, tuple((dict(sent.headers) | headers).items()))).records) * 64 <= len(value)


# ------------------------------------------------------------------ dead letters


def test_a_dead_letter_has_the_bytes_as_they_came_and_why() -> None:
    came = Message("orders.commands", 3, 17, b"fund", b"\xff{", (("trace", b"1"),))
    sent = dead_letter(came, WireError("message", "it is not UTF-8 \ud800"))
    assert sent == Outgoing(
        "dead-letters",
        3,
        b"fund",
        b"\xff{",
        (
            ("topic", b"orders.commands"),
            ("partition", b"3"),
            ("offset", b"17"),
            ("error", b"message: it is not UTF-8 \\ud800"),
            ("trace", b"1"),
        ),
    )


LARGE = b"x" * MESSAGE_BYTES_MAX


@pytest.mark.parametrize(
    ("key", "value", "headers"), [(b"k", LARGE, ()), (LARGE, b"v", ()), (None, b"v", (("h", LARGE),)), (b"k", b"v", (("h", None),))]
)
def test_whatever_came_has_room_among_the_dead_letters(key: bytes, value: bytes, headers: Any) -> None:
    sent = dead_letter(Message("orders.commands", 0, 0, key, value, headers), "x" * 9_000)
    check_message(sent)
    assert value.startswith(sent.value)


def test_a_long_error_is_cut_at_a_character() -> None:
    sent = dead_letter(Message("t", 0, 0, None, b"", ()), "a" + "é" * ERROR_BYTES_MAX)
    error = dict(sent.headers)["error"]
    assert len(error) <= ERROR_BYTES_MAX
    assert error.decode().startswith("aé")
