"""Commands from JSON: every kind comes back as it went, numbers are what is written, and what is not a command says why."""

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command, Exchange, Instrument, Kind, Limits, OrderType, Rules, SelfTrade, Side, TimeInForce
from engine.messages.commands import (
    cancel,
    deposit,
    end_of_day,
    halt,
    kill,
    limit,
    mark,
    market,
    reference,
    replace,
    resume,
    revive,
    set_limits,
    set_rules,
    start_of_day,
    stop,
    stop_limit,
)
from engine.messages.instrument import whole_units
from engine.messages.records import COMMAND, read_name
from engine.messages.vocabulary import NOT_NAMED, NOT_WHOLE, Reason
from live.wire.command_json import MESSAGE_BYTES_MAX, read_command, write_command
from live.wire.errors import WireError
from live.wire.fields import SHAPES
from live.wire.numbers import Units
from live.wire.orders import OrderReader, decode_orders, exact
from live.wire.plain_orders import PlainOrders
from tests.live.wire.messages import exchange

T = 1_767_623_400_123_456_789
ORDER = {"portfolio": "fund", "trader": "ann", "ts": T}
COMMANDS = [
    limit(1, "AAPL", Side.SELL, 100, "150.00", time_in_force=TimeInForce.GTC, post_only=True, self_trade=SelfTrade.CANCEL_BOTH, **ORDER),
    limit(2**64 - 1, "COIN", Side.BUY, "0.001", Decimal("1E+2"), reduce_only=True, time_in_force=TimeInForce.FOK, **ORDER),
    limit(3, "é", Side.BUY, 1, 150),
    limit(0, "NONE", Side.BUY, 1, 1.5),
    market(4, "AAPL", Side.SELL, 10.0, time_in_force=TimeInForce.IOC, self_trade=SelfTrade.NONE, **ORDER),
    stop(5, "AAPL", Side.BUY, "7", "151", self_trade=SelfTrade.CANCEL_MAKER, **ORDER),
    stop_limit(6, "AAPL", Side.BUY, "7", "151", "150.5", **ORDER),
    cancel(1, "AAPL", trader="ann", ts=T),
    cancel(1, "AAPL"),
    replace(1, "AAPL", quantity=5, trader="ann"),
    replace(1, "AAPL", price="1.5", stop_price="2", trader="new", ts=T),
    replace(1, "AAPL"),
    halt("AAPL", ts=T), resume("AAPL"), end_of_day("AAPL"), start_of_day(), start_of_day(ts=-1),
    mark("AAPL", "150.005"), reference("COIN", 1e-8),
    deposit("fund", "-100.25"), deposit("other", 10**9, ts=T),
    set_limits("fund", Limits("50.5", 10**6, "0.01", "1e-3", True)), set_limits("new", Limits()),
    set_rules("ann", Rules(("AAPL", "é"), 10, "1000.5", "0.05", False, "2.5")), set_rules("bob", Rules(restricted=["NONE"])),
    set_rules("cid", Rules()),
    kill("fund"), kill(trader="ann"), kill("x", "y", ts=T), kill(), revive("fund", "ann"), revive(),
    Command(Kind.RESTRICT, symbol="AAPL", trader="ann"),
]  # fmt: skip
NEW = {"kind": "NEW", "order_id": 1, "symbol": "AAPL", "side": "BUY", "quantity": "100", "price": "150.00"}


def message(**fields: Any) -> bytes:
    """NEW with other fields; a field that is `...` is left out."""
    return json.dumps({name: value for name, value in (NEW | fields).items() if value is not ...}, ensure_ascii=False).encode()


def raw(field: str, text: str) -> bytes:
    """NEW with a field that is written as it is."""
    return message(**{field: "@"}).replace(b'"@"', text.encode())


def refusal(value: bytes) -> str:
    """Why a message is refused; it has introduced no names."""
    made = exchange()
    before = dict(made.names.portfolios), dict(made.names.traders)
    decoded = decode_orders([value], made)
    assert len(decoded.commands) == len(decoded.owner) == 0
    assert (made.names.portfolios, made.names.traders) == before
    ((index, why),) = decoded.refused
    assert index == 0
    return why


def test_every_kind_is_among_the_examples() -> None:
    assert {command.kind for command in COMMANDS} == set(SHAPES)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind.name)
def test_a_command_comes_back_as_the_records_that_the_exchange_makes(command: Command) -> None:
    here, there = exchange(), exchange()
    decoded = decode_orders([write_command(command)], there)
    assert decoded.refused == []
    assert decoded.commands.tobytes() == here.encode(command).tobytes()
    assert there.names.portfolios == here.names.portfolios
    assert there.names.traders == here.names.traders
    assert there.run(decoded.commands).tobytes() == exchange().send(command).tobytes()


def test_a_batch_keeps_its_order_and_says_which_message_made_each_row() -> None:
    made = exchange()
    values = [message(portfolio="p", trader="t"), b"?", message(portfolio="p"), write_command(COMMANDS[-10]), b"", message(trader="u")]
    decoded = decode_orders(values, made)
    assert [Kind(kind).name for kind in decoded.commands["kind"]] == [
        "PORTFOLIO", "TRADER", "NEW", "NEW", "TRADER", "SET_RULES", "RESTRICT", "RESTRICT", "TRADER", "NEW",
    ]  # fmt: skip
    assert decoded.owner.tolist() == [0, 0, 0, 2, 3, 3, 3, 3, 5, 5]
    assert decoded.owner.dtype == np.int64
    assert [index for index, _ in decoded.refused] == [1, 4]
    assert [read_name(row) for row in decoded.commands[:2]] == ["p", "t"]
    assert len(made.run(decoded.commands)) >= len(decoded.commands)


def test_many_messages_with_names_of_their_own() -> None:
    values = [message(order_id=k + 1, portfolio=f"p{k}", trader=f"t{k}") for k in range(300)]
    decoded = decode_orders(values, exchange())
    assert len(decoded.commands) == 900
    assert decoded.owner.tolist() == np.repeat(np.arange(300), 3).tolist()
    assert decode_orders([], exchange()).commands.dtype == COMMAND


def test_a_reader_learns_from_batch_to_batch() -> None:
    made = exchange()
    reader = OrderReader(made)
    first, second = reader.decode([message(trader="t", portfolio="p")]), reader.decode([message(order_id=2, trader="t", portfolio="p")])
    assert (len(first.commands), len(second.commands)) == (3, 1)


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("150.00", 15_000), ('"150.00"', 15_000), ("150", 15_000), ("1E2", 10_000), ('"1e+2"', 10_000), ("15000e-2", 15_000), ("0.1", 10),
        ("1.005e2", 10_050), ("0.10", 10), ("-0.01", -1), ("-0", 0), ("0.001", NOT_WHOLE), ("1e-8", NOT_WHOLE), ("1e30", NOT_WHOLE),
        ("46116860184273879.03", 2**62 - 1), ("46116860184273879.04", NOT_WHOLE), ("0.30000000000000004", NOT_WHOLE),
        ("0.1000000000000000000000000000000000000", 10),
    ],
)  # fmt: skip
def test_a_number_is_the_decimal_that_is_written(text: str, units: int) -> None:
    decoded = decode_orders([raw("price", text)], exchange())
    assert decoded.refused == []
    assert decoded.commands["price"].tolist() == [units]


WRITTEN = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True, alphabet="0123456789.eE+-")
UNITS = st.builds(Decimal, st.sampled_from(["0.01", "0.25", "1", "0.005", "1E+1", "10", "25", "0.0000000001", "3", "0.10", "1E+3"]))


@given(WRITTEN, UNITS, st.booleans())
def test_units_are_those_of_exact_decimals(text: str, unit: Decimal, quoted: bool) -> None:
    read = Units(unit)[(f'"{text}"' if quoted else text).encode()]
    assert read is None or read == whole_units(text, unit)
    if len(text) <= 28:
        assert (read is None) == (abs(int(text.lower().partition("e")[2] or 0)) > 64)


@pytest.mark.parametrize("text", ["1e65", '"1e-65"', "0." + "1" * 29, "1" + "0" * 64, '"1e999999999"', "1e" + "9" * 5000])
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    assert "out of bounds" in refusal(raw("price", text)) if len(text) < 5000 else refusal(raw("price", text)).startswith("price: ")


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("value", "starts", "says"),
    [
        (b"", "message: it is empty", "one JSON object"),
        (b"\xff", "message: it is not UTF-8 at byte 0", "UTF-8"),
        (b"\xef\xbb\xbf{}", "message: it is not JSON", "character 0"),
        (b"[1]", "message: it is an array", "one object"),
        (b'"NEW"', "message: it is 'NEW'", "one object"),
        (b"null", "message: it is null", "one object"),
        (message() + message(), "message: it is not JSON", "Extra data"),
        (message()[:-1], "message: it is not JSON", "at character"),
        (b"[" * 100_000, "message: it is nested too deep", "one object"),
        (b'{"a":' * 20_000, "message: it is nested too deep", "one object"),
        (b" " * (MESSAGE_BYTES_MAX + 1), "message: it has 131,073 bytes", "131,072"),
        (message(kind=...), "kind: it is missing", "NEW, CANCEL"),
        (message(kind=None), "kind: it is missing", "NEW, CANCEL"),
        (message(kind="new"), "kind: 'new' is not a command", "did you mean NEW?"),
        (message(kind=10), "kind: 10 is not a command", "NEW, CANCEL"),
        (message(kind="SESSION"), "kind: 'SESSION' is not a command that may be sent", "NEW, CANCEL"),
        (message(kind="ADD"), "kind: 'ADD' is not a command that may be sent", ""),
        (message(kind="OrderCreated"), "kind: 'OrderCreated' is not a command that may be sent", ""),
        (message(pric="1"), "pric: a NEW has no such field", "did you mean price?"),
        (message(more="1"), "more: a NEW has no such field", "order_id, symbol"),
        (b'{"kind":"CANCEL","order_id":1,"symbol":"AAPL","quantity":5}', "quantity: a CANCEL has no such field", "portfolio, trader"),
        (b'{"kind":"REPLACE","order_id":1,"symbol":"AAPL","side":"BUY"}', "side: a REPLACE has no such field", "quantity"),
        (message(quantity=...), "quantity: it is missing", "a NEW needs order_id, symbol, side, quantity, price"),
        (message(price=...), "price: it is missing", "needs"),
        (message(price=None), "price: it is missing", "needs"),
        (message(type="STOP_LIMIT"), "stop_price: it is missing", "needs"),
        (message(type="STOP", price=...), "stop_price: it is missing", "needs"),
        (message(side=...), "side: it is missing", "needs"),
        (b'{"kind":"MARK","symbol":"AAPL"}', "price: it is missing", "a MARK needs symbol, price"),
        (message(side="buy"), "side: 'buy' is not known", "did you mean BUY?"),
        (message(side=0), "side: 0 is not known", "BUY, SELL"),
        (message(type=["LIMIT"]), "type: an array is not known", "LIMIT"),
        (message(order_id="1"), "order_id: '1' is not an order id", "without quotes"),
        (message(order_id=-1), "order_id: -1 is not an order id", "from 1"),
        (message(order_id=1.0), "order_id: 1.0 is not an order id", "without"),
        (message(order_id=2**64), "order_id: 18446744073709551616 is not an order id", "2^64 - 1"),
        (raw("order_id", "1" * 5_000), "order_id: 1111", "2^64 - 1"),
        (message(order_id=True), "order_id: true is not an order id", ""),
        (message(order_id={}), "order_id: an object is not an order id", ""),
        (message(quantity="ten"), "quantity: 'ten' is not a number", '"150.00"'),
        (message(quantity=" 1"), "quantity: ' 1' is not a number", ""),
        (message(quantity="1_000"), "quantity: '1_000' is not a number", ""),
        (message(quantity="+1"), "quantity: '+1' is not a number", ""),
        (message(quantity="٣"), "quantity: '\\u0663' is not a number", ""),
        (message(quantity=True), "quantity: true is not a number", ""),
        (message(quantity=[1]), "quantity: an array is not a number", ""),
        (raw("price", "NaN"), "price: NaN is not a number", ""),
        (raw("price", "-Infinity"), "price: -Infinity is not a number", ""),
        (message(price="NaN"), "price: 'NaN' is not a number", ""),
        (raw("stop_price", "Infinity"), "stop_price: Infinity is not a number", ""),
        (message(post_only=1), "post_only: 1 is not a flag", "true or false"),
        (message(post_only="true"), "post_only: 'true' is not a flag", ""),
        (message(symbol=7), "symbol: 7 is not a name", "in quotes"),
        (message(symbol=""), "symbol: the name is empty", ""),
        (message(portfolio=""), "portfolio: the name is empty", "leave the field out"),
        (message(trader="é" * 21), "trader: '\\xe9", "has 42 bytes; a name has at most 40"),
        (message(trader="a\0"), "trader: 'a\\x00' is not a name", "NUL"),
        (message(portfolio="nan"), "portfolio: 'nan' is not a name", "missing"),
        (raw("portfolio", '"\\ud800"'), "portfolio: '\\ud800' has half of a surrogate pair", "UTF-8"),
        (raw("symbol", '"\\udc00x"'), "symbol: '\\udc00x' has half of a surrogate pair", ""),
        (message(ts="2026-01-05T14:30:00"), "ts: '2026-01-05T14:30:00' is not a time", "2026-01-05T14:30:00.000000000Z"),
        (message(ts="2026-13-05T14:30:00Z"), "ts: '2026-13", ""),
        (message(ts="2026-01-05T14:30:00.0123456789Z"), "ts: '2026", ""),
        (message(ts="2026-01-05T14:30:00+01:00"), "ts: '2026", "UTC"),
        (message(ts="9999-01-05T14:30:00Z"), "ts: '9999", "2262"),
        (message(ts=2**63), "ts: 9223372036854775808 is not a time", ""),
        (message(ts=1.5), "ts: 1.5 is not a time", ""),
        (b'{"kind":"NEW","kind":"NEW"}', "kind: the field stands twice", "once"),
        (message().replace(b'"side"', b'"price":"1","side"'), "price: the field stands twice", ""),
        (message().replace(b'"side"', b'"pr\\u0069ce":"1","side"'), "price: the field stands twice", ""),
        (b'{"kind":"SET_LIMITS","portfolio":"fund"}', "limits: it is missing", "portfolio, limits"),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":5}', "limits: 5 is not an object", "max_position"),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":{"max_pos":5}}', "limits.max_pos: ", "did you mean max_position?"),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":{"max_exposure":"x"}}', "limits.max_exposure: 'x' is not a number", ""),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":{"cash_account":1}}', "limits.cash_account: 1 is not a flag", ""),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":{"a":1,"a":1}}', "a: the field stands twice", ""),
        (b'{"kind":"SET_LIMITS","portfolio":"fund","limits":{},"more":{}}', "more: it stands for limits", "limits alone"),
        (b'{"kind":"SET_RULES","trader":"ann","rules":{"restricted":"AAPL"}}', "rules.restricted: 'AAPL' is not an array", ""),
        (b'{"kind":"SET_RULES","trader":"ann","rules":{"restricted":["AAPL",""]}}', "rules.restricted[1]: the name is empty", ""),
        (b'{"kind":"DEPOSIT","portfolio":"fund","amount":"1,5"}', "amount: '1,5' is not a number", "with a point"),
        (b'{"kind":"KILL","portfolio":"fund","reason":"x"}', "reason: a KILL has no such field", "portfolio, trader, ts"),
    ],
)  # fmt: skip
def test_what_is_no_command_says_where_what_and_the_mend(value: bytes, starts: str, says: str) -> None:
    why = refusal(value)
    assert why.startswith(starts)
    assert says in why
    assert len(why) < 400
    assert "\n" not in why


def test_a_refused_message_has_not_introduced_the_names_that_it_has() -> None:
    assert refusal(message(portfolio="unseen", trader="x" * 41)).startswith("trader: ")
    assert refusal(b'{"kind":"KILL","portfolio":"unseen","trader":"a\\u0000"}').startswith("trader: ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"symbol": "MSFT"}, Reason.UNKNOWN_INSTRUMENT),
        ({"order_id": 0}, Reason.INVALID_ORDER_ID),
        ({"quantity": "0.5"}, Reason.INVALID_QUANTITY),
        ({"quantity": 10**20}, Reason.INVALID_QUANTITY),
        ({"price": "150.001"}, Reason.INVALID_PRICE),
        ({"price": "-1"}, Reason.INVALID_PRICE),
        ({"post_only": True, "time_in_force": "IOC"}, Reason.INVALID_COMBINATION),
    ],
)
def test_what_the_exchange_refuses_with_a_reason_is_no_dead_letter(fields: dict[str, Any], reason: Reason) -> None:
    made = exchange()
    decoded = decode_orders([message(**fields)], made)
    assert decoded.refused == []
    assert made.run(decoded.commands)["reason"].tolist() == [reason]


def test_more_is_what_command_calls_it() -> None:
    assert read_command(b'{"kind":"DEPOSIT","portfolio":"fund","more":"1.5"}') == deposit("fund", Decimal("1.5"))
    assert read_command(b'{"kind":"SET_LIMITS","portfolio":"fund","more":{"max_position":1}}').more == Limits(Decimal(1))


def test_null_is_what_is_not_named() -> None:
    made = exchange()
    fields = dict.fromkeys(("stop_price", "type", "time_in_force", "post_only", "self_trade", "portfolio", "trader", "ts"))
    assert decode_orders([message(**fields)], made).commands.tobytes() == decode_orders([message()], made).commands.tobytes()
    assert decode_orders([message(type="MARKET", price=None)], made).commands["price"].tolist() == [NOT_NAMED]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (Command(Kind.SESSION), "kind"),
        (Command(Kind.ADD, symbol="AAPL"), "kind"),
        (Command(Kind.CANCEL, 1, "AAPL", quantity=5), "quantity"),
        (kill(""), "portfolio"),
        (deposit("", 1), "portfolio"),
        (limit(1, "AAPL", Side.BUY, 1, "1e400"), "price"),
        (limit(1, "AAPL", Side.BUY, 1, "1", trader="\ud800"), "message"),
        (Command(Kind.NEW, 1, "AAPL", type=OrderType.MARKET), "quantity"),
        (limit(1, "AAPL", Side.BUY, "many", "1"), "quantity"),
        (limit(1, "AAPL", "HOLD", 1, "1"), "side"),
        (limit(1, "AAPL", 7, 1, "1"), "side"),
    ],
)
def test_what_cannot_be_written_is_named(command: Command, path: str) -> None:
    with pytest.raises(WireError) as odd:
        write_command(command)
    assert odd.value.path == path


# ------------------------------------------------------------------ the fast way


PLAIN = [
    message(), message(type="LIMIT", time_in_force="DAY", portfolio="fund", self_trade="NONE"), raw("price", "150.00"),
    message(type="MARKET", price=...), message(type="STOP", price=None, stop_price="1"), message(post_only=False, reduce_only=True),
    message(ts="2026-01-05T14:30:00.123456789Z"), message(ts=T), message(symbol="é", portfolio="b"),
    b'{"symbol":"AAPL", "order_id":7 ,"kind":"CANCEL"}', b'{"kind":"REPLACE","order_id":7,"symbol":"COIN","quantity":1.5,"price":null}',
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN)
def test_the_fast_way_takes_what_is_plain(value: bytes) -> None:
    made = exchange()
    row = PlainOrders(made.names).row(value)
    assert row is not None
    assert np.array([row], COMMAND).tobytes() == exact(value, made).tobytes()


@settings(max_examples=200)
@given(st.data())
def test_the_fast_way_refuses_a_field_that_stands_twice(data: st.DataObject) -> None:
    value = data.draw(st.sampled_from(PLAIN))
    fields = json.loads(value)
    field = data.draw(st.sampled_from(sorted(fields)))
    text = json.dumps({field: data.draw(st.sampled_from([fields[field], None, "", "1", 1, False, "BUY"]))})[1:-1]
    twice = b"{" + text.encode() + b"," + value[1:] if data.draw(st.booleans()) else value[:-1] + b"," + text.encode() + b"}"
    assert PlainOrders(exchange().names).row(twice) is None


def test_an_instrument_that_has_a_symbol_alone_goes_the_slow_way() -> None:
    made = Exchange([Instrument("AAPL", "0.01")])
    made.names.symbols["SOON"] = 1
    assert PlainOrders(made.names).row(message(symbol="SOON")) is None
