"""Whatever comes: a message ends in commands that the exchange runs, or is refused with a reason; and the fast way is the slow one."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Exchange
from live.wire.errors import WireError
from live.wire.orders import OrderReader, exact
from live.wire.plain_orders import PlainOrders
from tests.live.wire.messages import PLAIN, an_object, exchange, mutated, written

FUZZED, BATCH = 100_000, 1_000
HARD = 2_000


def made_one_by_one(values: list[bytes], on: Exchange) -> tuple[list[np.ndarray], list[int]]:
    """Each message the slow way: its records, and which were refused."""
    records, refused = [], []
    for index, value in enumerate(values):
        try:
            records.append(exact(value, on))
        except WireError:
            refused.append(index)
    return records, refused


def assert_both_ways(values: list[bytes], fast: OrderReader, slow: Exchange) -> None:
    decoded = fast.decode(values)
    records, refused = made_one_by_one(values, slow)
    assert decoded.commands.tobytes() == b"".join(one.tobytes() for one in records)
    assert [index for index, _ in decoded.refused] == refused


def test_a_hundred_thousand_mutations() -> None:
    """Each ends in commands or is refused; nothing is raised, and the exchange carries out what there is."""
    random, made = Random(20_260_105), exchange()
    reader, commands, refused = OrderReader(made), 0, 0
    values = [written(an_object(random)).encode() for _ in range(HARD)]
    for _ in range(FUZZED // BATCH):
        batch = [mutated(random, random.choice(values)) if random.random() < 0.9 else random.choice(values) for _ in range(BATCH)]
        decoded = reader.decode(batch)
        assert len(set(decoded.owner.tolist()) | {index for index, _ in decoded.refused}) == BATCH
        assert all(len(why) < 400 and why.isprintable() for _, why in decoded.refused)
        assert len(made.run(decoded.commands)) >= len(decoded.commands)
        commands, refused = commands + len(decoded.commands), refused + len(decoded.refused)
    assert commands > FUZZED // 10
    assert refused > FUZZED // 4


def test_fast_and_slow_agree_on_plausible_and_mutated_messages() -> None:
    random, slow, other = Random(7), exchange(), exchange()
    fast, taken = OrderReader(other), 0
    for _ in range(8):
        values = [written(an_object(random, PLAIN if random.random() < 0.8 else None)).encode() for _ in range(500)]
        values += [mutated(random, value) for value in values]
        assert_both_ways(values, fast, slow)
        taken += sum(PlainOrders(other.names).row(value) is not None for value in values)
    assert taken > 1_500
    assert other.names.portfolios == slow.names.portfolios
    assert other.names.traders == slow.names.traders


WORDS = st.sampled_from(["AAPL", "BUY", "fund", "1.5"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=50), WORDS)
SHORT = st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3), max_leaves=6)
FAST, SLOW = OrderReader(exchange()), exchange()
"""Two that see the same messages."""


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.data())
def test_any_value_in_any_field(seed: int, data: st.DataObject) -> None:
    fields = an_object(Random(seed))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(VALUES)
    value = written(fields).encode("utf-8", "surrogatepass")
    assert_both_ways([value], FAST, SLOW)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes(value: bytes) -> None:
    assert_both_ways([value], FAST, SLOW)
