"""The exchange equals its twin where sums of money are as large as they get, and where two of them nearly cancel each other out."""

from random import Random

import pytest

from engine import Instrument
from engine.messages.vocabulary import NOT_NAMED, Kind, OrderType, Reason, Side
from tests.support.streams import Command, as_array
from tests.support.twins import Pair
from tests.support.worlds import World

WORLD = World(
    [
        *(Instrument(f"LARGE{k}", "0.01", multiplier=10**k, negative_prices=True) for k in range(5)),
        Instrument("FINE", "0.000001", lot="0.001", negative_prices=True),
    ],
    cash={"mine": "1000000", "theirs": "1000000"},
)
MINE, THEIRS = 1, 2
ASKS: Command = {"kind": Kind.NEW, "portfolio": MINE, "quantity": 1, "type": OrderType.LIMIT}
NO_LIMIT = {"quantity": NOT_NAMED, "price": NOT_NAMED, "stop_price": NOT_NAMED, "order_id": NOT_NAMED % 2**64, "type": 128}


def drawn(random: Random, bits: int) -> int:
    """A number of any size up to so many bits."""
    return random.getrandbits(random.randrange(bits + 1))


def limits(random: Random) -> Command:
    """One of the limits that value the whole portfolio, or none."""
    named = random.choice([{"price": drawn(random, 62)}, {"stop_price": drawn(random, 62)}, {"order_id": drawn(random, 40)}, {}])
    return {"kind": Kind.SET_LIMITS, "portfolio": MINE} | NO_LIMIT | named


def positions(random: Random) -> list[Command]:
    """At a price of 0, which costs nothing: of any size, and of two instruments as many lots on either side."""
    made: list[Command] = []
    same = random.getrandbits(32) or 1
    for k in range(len(WORLD.instruments)):
        lots = same if k in (1, 2) and random.random() < 0.7 else drawn(random, 32) or 1
        side = k % 2 if random.random() < 0.8 else random.randrange(2)
        for portfolio, whose in ((THEIRS, 1 - side), (MINE, side)):
            made.append(ASKS | {"order_id": len(made) + 1, "instrument": k, "portfolio": portfolio, "side": whose, "quantity": lots})
    return made


def marks(random: Random) -> list[Command]:
    """Prices up to where one lot is more than an amount; of two instruments, one with ten times the value, they nearly balance."""
    made: list[Command] = []
    for k, listed in enumerate(WORLD.instruments):
        bits = min(31, 62 - int(listed.value(9)).bit_length())
        made.append({"kind": Kind.MARK, "instrument": k, "price": random.choice((-1, 1)) * drawn(random, bits)})
    if random.random() < 0.7:
        price = drawn(random, 27)
        made[1]["price"], made[2]["price"] = 10 * price + random.randrange(-3, 4), price
    return [mark for mark in made if random.random() < 0.7]


@pytest.mark.parametrize("seed", range(3))
def test_sums_whose_parts_are_more_than_an_amount_holds(seed: int) -> None:
    random, reasons = Random(seed), set()
    for _ in range(20):
        pair = Pair(WORLD)
        pair.run(as_array(positions(random)))
        for number in range(100, 125):
            asks = ASKS | {"order_id": number, "instrument": random.randrange(len(WORLD.instruments)), "side": random.choice(list(Side))}
            told = pair.run(as_array([limits(random), *marks(random), asks]))
            reasons |= set(told["reason"][told["kind"] == Kind.OrderRejected].tolist())
        pair.compare_states()
    assert {Reason.EXPOSURE_LIMIT, Reason.DAILY_LOSS_LIMIT, Reason.LEVERAGE_LIMIT} <= reasons
