"""Records as they come: whatever a record says, the exchange answers it, and what it refuses leaves the state as it was."""

from typing import Any

import numpy as np
import pytest

from engine import Exchange, Instrument, Kind, Reason, Side, limit
from engine.messages.names import NAMES_AHEAD, open_session, record
from engine.messages.records import COMMAND
from engine.state.digest import digest
from engine.state.snapshot import pack, unpack
from tests.support import invariants
from tests.support.raw_commands import mixed
from tests.support.twins import Pair
from tests.support.worlds import World
from tests.tools import fuzz_raw

MANY = 10_000
SIGNED = {"quantity", "price", "stop_price"}


def told(exchange: Exchange, command: np.ndarray) -> str:
    (fact,) = exchange.run(command)
    return f"{Kind(fact['kind']).name} {Reason(fact['reason']).name}"


def named(kind: Kind, number: int, name: bytes) -> np.ndarray:
    """A command whose name is these bytes, text or not."""
    made = record(kind, trader=number)
    made.view(np.uint8)[8:48] = np.frombuffer(name.ljust(40, b"\0"), np.uint8)
    return made


def held(exchange: Exchange) -> int:
    """Bytes of its arrays."""
    return sum(array.nbytes for array in exchange.state.arrays().values())


def terms(**fields: Any) -> np.ndarray:
    """A good INSTRUMENT, the second one, but for some fields."""
    good = {"instrument": 1, "price": 1, "quantity": 10_000, "portfolio": 1, "side": 126, "trader": 1, "type": 128}
    return record(Kind.INSTRUMENT, **(good | fields))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange([Instrument("X", "0.01")], cash={"ann": 100}, session_limits={"instruments": 9, "portfolios": 9_000})


NOT_OURS, BAD = "CommandRejected TOO_MANY_", "CommandRejected INVALID_COMBINATION"


@pytest.mark.parametrize(
    ("kind", "number", "name", "answer"),
    [
        (Kind.SYMBOL, 1, b"Y", "SymbolNamed NONE"),
        (Kind.SYMBOL, 1, "é€😀".encode(), "SymbolNamed NONE"),
        (Kind.SYMBOL, 1, b"y" * 40, "SymbolNamed NONE"),
        (Kind.SYMBOL, 0, b"Y", BAD),  # has a name
        (Kind.SYMBOL, 2, b"Y", BAD),  # is not the next
        (Kind.SYMBOL, 8, b"Y", BAD),
        (Kind.SYMBOL, 9, b"Y", NOT_OURS + "INSTRUMENTS"),
        (Kind.SYMBOL, 65_535, b"Y", NOT_OURS + "INSTRUMENTS"),
        (Kind.SYMBOL, 2**32 - 1, b"Y", NOT_OURS + "INSTRUMENTS"),
        (Kind.SYMBOL, 1, b"X", BAD),  # another's
        (Kind.SYMBOL, 1, b"", BAD),
        (Kind.SYMBOL, 1, b"\xff", BAD),
        (Kind.SYMBOL, 1, b"\x80", BAD),
        (Kind.SYMBOL, 1, b"Y\0Z", BAD),
        (Kind.SYMBOL, 1, b"\0Y", BAD),
        (Kind.SYMBOL, 1, b"\xc0\x80", BAD),  # longer than it need be
        (Kind.SYMBOL, 1, b"\xed\xa0\x80", BAD),  # half of a pair
        (Kind.SYMBOL, 1, b"\xf4\x90\x80\x80", BAD),  # beyond Unicode
        (Kind.SYMBOL, 1, b"y" * 39 + b"\xc3", BAD),  # cut off
        (Kind.PORTFOLIO, 2, b"bob", "PortfolioOpened NONE"),
        (Kind.PORTFOLIO, 7, b"bob", "PortfolioOpened NONE"),  # the commands of 2 to 6 may stand behind
        (Kind.PORTFOLIO, 2 + NAMES_AHEAD, b"bob", BAD),
        (Kind.PORTFOLIO, 9_000, b"bob", NOT_OURS + "PORTFOLIOS"),
        (Kind.PORTFOLIO, 0, b"bob", BAD),
        (Kind.PORTFOLIO, 1, b"bob", BAD),
        (Kind.PORTFOLIO, 1, b"ann", BAD),
        (Kind.PORTFOLIO, 2, b"ann", BAD),
        (Kind.PORTFOLIO, 2, b"", BAD),
        (Kind.PORTFOLIO, 2, b"\xff", BAD),
        (Kind.TRADER, 1, b"ann", "TraderAdmitted NONE"),  # a portfolio's name is free for a trader
        (Kind.TRADER, 0, b"tom", BAD),
        (Kind.TRADER, 1 + NAMES_AHEAD, b"tom", BAD),
        (Kind.TRADER, 2**32 - 1, b"tom", NOT_OURS + "TRADERS"),
        (Kind.TRADER, 1, b"to\xe2\x82", BAD),
    ],
)
def test_a_name_and_its_number(exchange: Exchange, kind: Kind, number: int, name: bytes, answer: str) -> None:
    before, size = fuzz_raw.logical(exchange), held(exchange)
    assert told(exchange, named(kind, number, name)) == answer
    if answer.startswith("CommandRejected"):
        assert fuzz_raw.logical(exchange) == before
        assert held(exchange) - size < 1_000_000
        assert name.decode(errors="replace") not in {**exchange.names.symbols, **exchange.names.traders}.keys() - {"X", ""}
    else:
        assert told(exchange, named(kind, number, b"other")) == BAD, "a number gets its name once"
        assert told(exchange, named(kind, number + 1, name)) == BAD, "a name is given once"
    assert exchange.send(limit(1, "X", Side.BUY, 1, "1.00", portfolio="new"))["kind"].tolist() == [Kind.PortfolioOpened, Kind.OrderCreated]


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "InstrumentListed NONE"),
        ({"flags": 1, "stop_price": 1 - 10**12, "price": 2**31 - 1}, "InstrumentListed NONE"),
        ({"portfolio": 3, "trader": 7, "quantity": 21}, "InstrumentListed NONE"),
        ({"portfolio": 3, "trader": 7, "quantity": 22}, BAD),  # its multiplier would be no decimal
        ({"instrument": 0}, BAD),
        ({"instrument": 2}, BAD),
        ({"instrument": 65_535}, NOT_OURS + "INSTRUMENTS"),
        ({"price": 0}, BAD),
        ({"price": -1}, BAD),
        ({"price": 2**31}, BAD),
        ({"quantity": 0}, BAD),
        ({"quantity": 2**62}, BAD),
        ({"trader": 0}, BAD),  # a lot of 0
        ({"portfolio": 0}, BAD),
        ({"type": 91}, BAD),
        ({"side": 165}, BAD),
        ({"flags": 2}, BAD),
        ({"stop_price": 10**12}, BAD),  # a fee of all of it
        ({"stop_price": -(10**12)}, BAD),
        ({"order_id": 10**12}, BAD),
        ({"order_id": 2**64 - 10**12}, BAD),
    ],
)
def test_the_terms_of_an_instrument(exchange: Exchange, fields: dict[str, int], answer: str) -> None:
    before = fuzz_raw.logical(exchange)
    assert told(exchange, terms(**fields)) == answer
    assert (fuzz_raw.logical(exchange) == before) == (answer != "InstrumentListed NONE")
    assert len(exchange.instruments) == 1 + (answer == "InstrumentListed NONE")
    assert [one.value(6) for one in exchange.instruments] == [
        int(each) for each in exchange.state.instruments["value"][: len(exchange.instruments)]
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": 5},
        {"type": 11},
        {"quantity": -1},
        {"quantity": 2**40},
        {"price": 0},
        {"price": 2**21},
        {"stop_price": 0},
        {"order_id": 2**17},
    ],
)
def test_a_session_of_limits_that_no_session_has(fields: dict[str, int]) -> None:
    nobody = Exchange.from_commands(np.empty(0, COMMAND))
    good = open_session([], 8)
    bad = good.copy()
    for field, value in fields.items():
        bad[field] = value
    assert (told(nobody, bad), told(nobody, good), told(nobody, good)) == (BAD, "SessionOpened NONE", BAD)
    assert nobody.decimals == 8


def test_random_records_are_answered_as_the_twin_answers_them() -> None:
    pair = Pair(World())
    commands = mixed(7, 1_200, pair.world)
    for start in range(0, len(commands), 200):
        pair.run(commands[start : start + 200])
        pair.compare_states()
    invariants.hold(pair.exchange)
    assert len(pair.exchange.instruments) > len(pair.world.instruments)


def test_random_records_never_raise() -> None:
    """The large version is `python -m tests.tools.fuzz_raw`."""
    for seed, _, exchange, other, commands in fuzz_raw.sessions(12_000, 77):
        fuzz_raw.check(exchange, other, commands[:6_000], np.random.default_rng(seed))


def test_ten_thousand_books_that_are_empty_take_next_to_nothing() -> None:
    """Memory is that of the pages that were written; with two orders in each book, too."""
    Exchange([Instrument("X", "0.01")]).send(limit(1, "X", Side.BUY, 1, "1.00"))  # loads what every exchange takes
    before = resident()
    exchange = Exchange([Instrument(f"S{k}", "0.01") for k in range(MANY)], keep_facts=False)
    assert resident() - before < 60
    assert len(pack(exchange.state)) < 500_000
    at = np.repeat(np.arange(MANY), 2)
    columns = {"order_id": np.arange(1, 2 * MANY + 1), "symbol": at, "side": np.tile([0, 1], MANY), "price_ticks": 1_000 + at % 50 * 10}
    orders = exchange.commands(columns | {"quantity_lots": np.full(2 * MANY, 5)})
    orders["price"] += np.tile([0, 5], MANY)
    exchange.run(orders)
    assert resident() - before < 300
    packed = pack(exchange.state)
    assert len(packed) < 10_000_000
    assert digest(unpack(packed)) == exchange.digest() == exchange.twin().digest()
    assert resident() - before < 600, "two copies more"
    exchange.run(orders)  # all of them once more: refused, and the tables have grown
    assert exchange.book(f"S{MANY - 1}").levels(2) == ([(14.9, 5.0, 1)], [(14.95, 5.0, 1)])


def resident() -> float:
    """MB that this process has now."""
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * 4096 / 1e6
