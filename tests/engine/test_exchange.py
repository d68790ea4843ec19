"""What Python hands to the exchange, and what it says back: instruments, commands, names, the limits of a session."""

import threading
from copy import deepcopy
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine import (
    Exchange,
    Instrument,
    Kind,
    Limits,
    Reason,
    Rules,
    Side,
    TimeInForce,
    cancel,
    clear,
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
from engine.errors import TapebookError
from engine.messages.instrument import decimal, money_decimals
from engine.messages.names import record
from engine.messages.records import COMMAND, write_name
from engine.state.arrays import State

X = Instrument("X", "0.01")
Y = Instrument("Y", "0.5", "0.001", price_unit="0.25")


@pytest.fixture
def exchange() -> Exchange:
    return Exchange([X, Y], cash={"ann": "1000.00"})


def told(facts: np.ndarray) -> list[tuple[str, str]]:
    """Kind and reason of each fact."""
    return [(Kind(int(fact["kind"])).name, Reason(int(fact["reason"])).name) for fact in facts]


# ------------------------------------------------------------------ instruments and numbers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"symbol": ""}, "an instrument needs a symbol"),
        ({"tick": "0"}, "X: tick is 0; it must be above 0"),
        ({"lot": "-1"}, "X: lot is -1; it must be above 0"),
        ({"multiplier": 0}, "X: multiplier is 0; it must be above 0"),
        ({"price_unit": "0.003"}, "X: tick 0.01 is not a whole multiple of price_unit 0.003"),
        ({"maker_fee": "1"}, "X: maker_fee 1 must be a part of the notional below 1, with at most 12 decimals"),
        ({"taker_fee": "0.0000000000001"}, "X: taker_fee 1E-13 must be a part of the notional below 1, with at most 12 decimals"),
        ({"kind": "FUTURE"}, "X: kind 'FUTURE' is not supported yet; use SPOT"),
        ({"lot": "some"}, "X: lot: 'some' is not a number"),
        ({"tick": "cheap"}, "X: tick: 'cheap' is not a number"),
        ({"lot": float("nan")}, "X: lot: nan is not a finite number"),
        ({"multiplier": None}, "X: multiplier: None is not a number"),
    ],
)
def test_instruments_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        Instrument(**{"symbol": "X", "tick": "0.01", **given})
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("given", "exact"), [(0.1, "0.1"), (np.float64(0.1), "0.1"), (np.int64(7), "7"), ("1e-3", "0.001"), (Decimal("2.50"), "2.50")]
)
def test_a_number_is_the_decimal_that_was_written(given: Any, exact: str) -> None:
    assert decimal(given) == Decimal(exact)


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"order_id": -1}, Reason.INVALID_ORDER_ID),
        ({"order_id": 2**64}, Reason.INVALID_ORDER_ID),
        ({"side": -1}, Reason.INVALID_COMBINATION),
        ({"side": 256}, Reason.INVALID_COMBINATION),
        ({"time_in_force": 2**70}, Reason.INVALID_COMBINATION),
        ({"quantity": 10**30}, Reason.INVALID_QUANTITY),
        ({"side": "BUY", "time_in_force": "IOC", "order_id": np.uint64(2**64 - 1)}, Reason.NONE),
    ],
)
def test_a_number_that_no_field_holds_is_refused_by_the_exchange(named: dict[str, Any], reason: Reason) -> None:
    order = {"order_id": 1, "symbol": "X", "side": Side.BUY, "quantity": 1, "price": 1} | named
    assert Exchange([X]).send(limit(**order))[0]["reason"] == reason


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"order_id": 1.5}, "order_id: 1.5 is not a whole number"),
        ({"side": "LEFT"}, "side: 'LEFT' is none of BUY, SELL"),
        ({"ts": 2**63}, "ts: 9223372036854775808 is not a time; nanoseconds since 1970 lie between -2^63 and 2^63 - 1"),
        ({"trader": "new", "price": "cheap"}, "X: price: 'cheap' is not a number"),
    ],
)
def test_what_is_no_number_is_told_before_anything_happens(named: dict[str, Any], said: str) -> None:
    exchange = Exchange([X])
    before = exchange.digest()
    with pytest.raises(ValueError, match=r".") as error:
        exchange.send(limit(**{"order_id": 1, "symbol": "X", "side": Side.BUY, "quantity": 1, "price": 1} | named))
    assert (str(error.value), exchange.digest(), exchange.names.traders) == (said, before, {"": 0})


def test_rules_with_an_unknown_symbol_leave_those_that_hold() -> None:
    exchange = Exchange([X])
    exchange.send(set_rules("tom", Rules(restricted=("X",), max_order_quantity=5)))
    refused = exchange.send(set_rules("tom", Rules(restricted=("X", "NOPE"), max_order_quantity=9)))
    assert refused["kind"].tolist() == [Kind.CommandRejected] * 3
    assert exchange.send(limit(1, "X", Side.BUY, 1, 1, trader="tom"))[0]["reason"] == Reason.RESTRICTED_SYMBOL
    assert exchange.send(set_rules("tom", Rules(max_order_quantity=9)))[0]["kind"] == Kind.RulesSet
    assert exchange.send(limit(2, "X", Side.BUY, 6, 1, trader="tom"))[0]["reason"] == Reason.NONE


def test_money_has_as_many_decimals_as_the_finest_instrument_needs() -> None:
    fine = Instrument("FINE", "0.0001", "0.0001")
    assert [money_decimals(listed) for listed in ([], [X], [X, fine])] == [6, 6, 8]
    with pytest.raises(ValueError, match=r"^DUST: .* = 1E-11 needs more than 10 decimals of money; use a larger lot or price_unit"):
        Exchange([X, Instrument("DUST", "0.00001", "0.000001")])


def test_symbols_and_names_that_cannot_be_told_apart_or_written() -> None:
    with pytest.raises(ValueError, match=r"the symbol 'X' is listed twice"):
        Exchange([X, Y, Instrument("X", "0.05")])
    assert Exchange([Instrument("é" * 20, "1")]).instruments[0].symbol == "é" * 20
    with pytest.raises(ValueError, match=r"the symbol .* is longer than 40 bytes"):
        Exchange([Instrument("é" * 21, "1")])
    with pytest.raises(ValueError, match=r"has 41 bytes; the longest allowed is 40"):
        Exchange([X], cash={"a" * 41: 1})


# ------------------------------------------------------------------ commands, one by one


def test_every_command_that_people_write_is_carried_out(exchange: Exchange) -> None:
    """Each in the words of its function, and what the exchange says to it; the first that names a trader introduces it."""
    asked = [
        (set_limits("ann", Limits(max_position=10, max_exposure=500, max_daily_loss=100, max_leverage="1.5")), "LimitsSet"),
        (set_rules("tom", Rules(("Y",), max_order_quantity="2.5", order_rate="1")), "TraderAdmitted RulesSet SymbolRestricted"),
        (reference("X", "10.00"), "ReferenceSet"),
        (mark("X", "10.00"), "PriceMarked"),
        (limit(1, "X", Side.BUY, 4, "10.00", portfolio="ann"), "OrderCreated"),
        (limit(2, "X", Side.SELL, 5, "9.00", post_only=True, trader="tom"), "OrderRejected"),
        (limit(3, "Y", Side.SELL, 1, "9.00", trader="tom", ts=10**9), "OrderRejected"),
        (stop(4, "X", Side.SELL, 1, "9.50", portfolio="ann"), "OrderCreated"),
        (stop_limit(5, "X", Side.BUY, 1, "11.00", "10.50", time_in_force=TimeInForce.GTC), "OrderCreated"),
        (market(6, "X", Side.SELL, 1), "OrderCreated TradeExecuted"),
        (replace(1, "X", quantity=3, price="10.00"), "OrderReplaced"),
        (replace(4, "X", stop_price="9.25"), "OrderReplaced"),
        (cancel(1, "X"), "OrderCancelled"),
        (halt("X"), "TradingHalted"),
        (resume("X"), "TradingResumed"),
        (clear("X"), ""),  # a fact of history, built on request
        (kill("ann"), "TradingKilled OrderCancelled"),
        (revive("ann"), "TradingRevived"),
        (kill(trader="tom"), "TradingKilled"),
        (kill(), "TradingKilled OrderCancelled"),
        (revive(), "TradingRevived"),
        (end_of_day("X"), "DayEnded"),
        (start_of_day(), "DayStarted"),
        (deposit("ann", "-5.00"), "CashDeposited"),
        (limit(7, "Z", Side.BUY, 1, "10.00"), "OrderRejected"),
        (mark("Z", "10.00"), "CommandRejected"),
        (set_limits("bob", Limits()), "PortfolioOpened LimitsSet"),
    ]
    assert [" ".join(kind for kind, _ in told(exchange.send(command))) for command, _ in asked] == [facts for _, facts in asked]
    assert exchange.portfolio("ann")["cash"] == 985.0


def test_a_book_is_written_as_people_draw_it(exchange: Exchange) -> None:
    for number, (side, price) in enumerate([(Side.BUY, "9.50"), (Side.BUY, "9.00"), (Side.SELL, "10.50")], 1):
        exchange.send(limit(number, "Y", side, "0.125", price))
    assert [line.split() for line in repr(exchange.book("Y")).split("\n")] == [
        ["bid", "Y", "ask"],
        ["10.5", "0.125"],
        ["0.125", "9.5"],
        ["0.125", "9.0"],
    ]
    with pytest.raises(KeyError, match=r"no instrument 'Z'; there are X, Y"):
        exchange.book("Z")


def test_limits_finer_than_any_lot_and_larger_than_any_amount(exchange: Exchange) -> None:
    exchange.send(set_limits("ann", Limits(max_position="0.0015")))
    assert told(exchange.send(limit(1, "Y", Side.BUY, "0.002", "1.00", portfolio="ann"))) == [("OrderRejected", "POSITION_LIMIT")]
    assert told(exchange.send(limit(2, "Y", Side.BUY, "0.001", "1.00", portfolio="ann"))) == [("OrderCreated", "NONE")]
    refused = exchange.send(set_limits("ann", Limits(max_position="1" * 20)))
    assert told(refused) == [("CommandRejected", "INVALID_QUANTITY")]


def test_only_records_are_run(exchange: Exchange) -> None:
    with pytest.raises(TypeError, match=r"run takes an array of command records, not int64; Exchange.commands makes one from columns"):
        exchange.run(np.zeros(3, np.int64))


def test_an_exchange_of_nothing_refuses_and_says_so() -> None:
    """What an instrument that is not listed should cost, or how much of it, has no unit: it is not told."""
    nothing = Exchange()
    assert told(nothing.send(limit(1, "X", Side.BUY, 1, "1.00"))) == [("OrderRejected", "UNKNOWN_INSTRUMENT")]
    (refused,) = nothing.events("OrderRejected").rows(named=True)
    assert (refused["symbol"], refused["price"], refused["quantity"]) == (None, None, None)
    with pytest.raises(KeyError, match=r"no portfolio 'ann'; there are ''"):
        nothing.portfolio("ann")


# ------------------------------------------------------------------ a session and its limits


def test_a_session_holds_what_its_first_command_says() -> None:
    narrow = Exchange([X], cash={"ann": 1}, session_limits={"portfolios": 2, "traders": 2, "instruments": 1})
    for portfolio, trader in (("ann", "tom"), ("ann", "tim"), ("bob", "tom")):
        narrow.send(limit(1, "X", Side.BUY, 1, "1.00", portfolio=portfolio, trader=trader))
    named = np.zeros(1, COMMAND)
    write_name(named[0], "Y")
    named["kind"], named["trader"] = Kind.SYMBOL, 1
    narrow.run(named)
    narrow.run(record(Kind.INSTRUMENT, instrument=2, price=1, quantity=1))
    refused = [(reason, int(narrow.facts["trader"][k])) for k, (kind, reason) in enumerate(told(narrow.facts)) if kind == "CommandRejected"]
    assert [reason for reason, _ in refused] == ["TOO_MANY_TRADERS", "TOO_MANY_PORTFOLIOS", *2 * ["TOO_MANY_INSTRUMENTS"]]
    assert refused[0][1] == 2
    with pytest.raises(ValueError, match=r"the session could not open: TOO_MANY_INSTRUMENTS"):
        Exchange([X, Y], session_limits={"instruments": 1})


def test_a_session_opens_once_and_lists_an_instrument_once(exchange: Exchange) -> None:
    """And each number gets its name once."""
    opening = exchange.opening[exchange.opening["kind"] != Kind.DEPOSIT]
    assert told(exchange.run(opening)) == len(opening) * [("CommandRejected", "INVALID_COMBINATION")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": Kind.INSTRUMENT, "instrument": 3, "price": 0, "quantity": 1}, "INVALID_COMBINATION"),
        ({"kind": Kind.INSTRUMENT, "instrument": 3, "price": 1, "quantity": 0}, "INVALID_COMBINATION"),
        ({"kind": Kind.DEPOSIT, "portfolio": 0, "quantity": 1}, "INVALID_COMBINATION"),
        ({"kind": Kind.DEPOSIT, "portfolio": 1, "quantity": 0}, "INVALID_QUANTITY"),
    ],
)
def test_terms_and_cash_that_mean_nothing(exchange: Exchange, fields: dict[str, Any], reason: str) -> None:
    assert told(exchange.run(record(**fields))) == [("CommandRejected", reason)]


def test_a_session_is_learned_from_its_commands() -> None:
    """Names and terms of a replay are those of the first; before its first command a session has none."""
    exchange = Exchange([X, Y, Instrument("Z", "0.05")], cash={"ann": "1000.00"})
    sent = [limit(1, "Y", Side.BUY, "0.5", "9.00", portfolio="bob", trader="tom"), deposit("bob", 3)]
    log = np.concatenate([exchange.opening, *(exchange.encode(command) for command in sent)])
    exchange.run(log[len(exchange.opening) :])
    again = Exchange.from_commands(log)
    assert (again.names.portfolios, again.names.traders) == (exchange.names.portfolios, exchange.names.traders)
    assert again.instruments == exchange.instruments
    assert (again.digest(), again.facts.tobytes()) == (exchange.digest(), exchange.facts.tobytes())
    assert (len(Exchange.from_commands(log[:0]).facts), Exchange.from_commands(log[:0]).decimals) == (0, 6)


def test_nothing_is_learned_from_what_was_refused() -> None:
    """Else there would be an instrument without a book."""
    full = Exchange([X], session_limits={"instruments": 1, "portfolios": 1, "traders": 1})
    before = (full.instruments[:], dict(full.names.symbols), dict(full.names.portfolios), dict(full.names.traders))
    more = Exchange([X, Y], cash={"ann": "1.00"}, session_limits={"instruments": 2})
    answers = told(full.run(more.opening[more.opening["kind"] != Kind.SESSION]))
    assert {reason for kind, reason in answers if kind == "CommandRejected"} >= {"TOO_MANY_INSTRUMENTS", "TOO_MANY_PORTFOLIOS"}
    assert (full.instruments, full.names.symbols, full.names.portfolios, full.names.traders) == before
    with pytest.raises(KeyError):
        full.book("Y")


def test_an_instrument_that_was_refused_first_and_never_named() -> None:
    exchange = Exchange([X])
    opening = Exchange([X, Y]).opening
    (row,) = np.flatnonzero((opening["kind"] == Kind.INSTRUMENT) & (opening["instrument"] == 1))
    commands = opening[[row, row]]
    commands["price"][0] = 0
    answers = told(exchange.run(commands))
    assert answers == [("CommandRejected", "INVALID_COMBINATION"), ("InstrumentListed", "NONE")]
    assert [listed.symbol for listed in exchange.instruments] == ["X", "#1"]


def test_an_exchange_is_copied_whole_with_what_waits_in_it(exchange: Exchange) -> None:
    """What is asked of the copy changes the copy alone, and the other way round."""
    exchange.send(set_limits("ann", Limits(max_daily_loss=10)))
    exchange.send(stop(1, "X", Side.BUY, 1, "10.00", portfolio="ann"))
    other = deepcopy(exchange)
    assert other.digest() == exchange.digest()
    answers = [told(one.run(record(Kind.PRINT, price=1000, quantity=1))) for one in (exchange, other)]
    assert answers == 2 * [[("OrderTriggered", "NONE"), ("OrderCancelled", "NO_LIQUIDITY")]]
    before = exchange.digest()
    assert told(other.send(deposit("ann", 1))) == [("CashDeposited", "NONE")]
    assert exchange.digest() == before != other.digest()


def test_a_state_is_made_of_its_own_arrays_only(exchange: Exchange) -> None:
    arrays = exchange.state.arrays()
    for odd in ({"orders": arrays["orders"][::2]}, {"orders": np.zeros(4)}, {"orderz": arrays["orders"]}):
        with pytest.raises(TypeError, match=r"orderz|orders: expected a contiguous 1-d array of"):
            State(**{**arrays, **odd})


@pytest.mark.parametrize("way", ["one", "several", "columns"])
def test_commands_that_cannot_be_said_introduce_no_name(way: str) -> None:
    """A name that only the encoder knew would have a number that the exchange never heard of."""
    exchange = Exchange([Instrument("AAPL", tick="0.01")])
    good = limit(1, "AAPL", Side.BUY, 1, "1.00", portfolio="new", trader="ann")
    odd = limit(2, "AAPL", Side.BUY, 1, "1.00", portfolio="newer", trader="a" * 41)
    columns = {"symbol": ["AAPL"], "portfolio": ["new", "newer"], "trader": ["ann", "a" * 41]}
    tries = {
        "one": lambda: exchange.encode(odd),
        "several": lambda: exchange.encode(good, odd),
        "columns": lambda: exchange.commands(columns),
    }
    with pytest.raises(ValueError, match="longest allowed is 40"):
        tries[way]()
    assert list(exchange.names.portfolios) == list(exchange.names.traders) == [""]
    facts = exchange.send(good)
    assert [Kind(kind).name for kind in facts["kind"]] == ["PortfolioOpened", "TraderAdmitted", "OrderCreated"]


def test_a_second_thread_is_refused_and_nothing_of_its_commands_is_carried_out() -> None:
    columns = {"order_id": np.arange(1, 20_001, dtype=np.uint64), "symbol": "A", "side": Side.BUY, "price": "1.00", "quantity": 1}
    exchange = Exchange([Instrument("A", tick="0.01")])
    commands = exchange.commands(columns)
    carried: list[int] = []

    def send() -> None:
        for piece in np.array_split(commands, 400):
            try:
                carried.append(len(exchange.run(piece)))
            except TapebookError:
                continue

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(exchange.facts) == len(exchange.opening) + sum(carried)
    assert (np.diff(exchange.facts["seq"]) > 0).all()
    with exchange._alone, pytest.raises(TapebookError, match="another thread"):
        exchange.send(cancel(1, "A"))
    assert len(exchange.send(cancel(1, "A"))) == 1
