"""Records of market-data-raw: what the kernel reads is what the exact reader reads, byte by byte of whatever comes."""

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine import Instrument
from live.broker.port import Message
from live.streams.folding import Folding
from live.streams.intake import Intake
from live.streams.kernels.records import TICK
from live.streams.raw_json import PlainRecords, TickReader
from live.wire.errors import WireError
from tests.live.streams.ticks import LISTED, as_json, random_ticks, tick

MANY = [*LISTED, Instrument("Ü1", "0.25"), Instrument("BIG", "5", "1000"), Instrument("FINE", "0.00000001", "0.00000001")]
PLAIN, EXACT = PlainRecords(MANY), TickReader(MANY)
TIMES = ["2026-01-05T14:30:00Z", "2024-02-29T23:59:59.5Z", "2115-12-31T00:00:00.123456789Z", "2023-02-29T00:00:00Z", "1970-01-01T00:00:00Z"]
TIMES += ["2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-05T24:00:00Z", "2026-01-05T14:30:00.Z", "2026-01-05 14:30:00Z", "0"]
PRICES = ["100.00", "1", "-0.05", "0", "-0", "007", "1.", ".5", "1e2", "21474836.47", "21474836.48", "99999999999999999999", "0.000000001"]
PRICES += ["1250.250000000000", "123456789.12345678", "12345678901234567.8", "NaN", "+1", "1.5 ", ""]
SYMBOLS = [*(one.symbol for one in MANY), "APPL", "AAP", "AAPLE", "A\\u0041PL", ""]
WHOLE = tick(1)


def agree(value: bytes) -> bool:
    """Whether the kernel took it; then the exact reader says the same."""
    ticks, done = PLAIN.read([WHOLE, value, WHOLE])
    assert done.tolist()[::2] == [True, True]
    assert ticks[0].tolist() == ticks[2].tolist() == EXACT.row(WHOLE)
    if done[1]:
        assert ticks[1].tolist() == EXACT.row(value)
    return bool(done[1])


@st.composite
def records(draw: st.DrawFn) -> bytes:
    fields = {"symbol": f'"{draw(st.sampled_from(SYMBOLS))}"', "ts": f'"{draw(st.sampled_from(TIMES))}"'}
    names = ["last", "size", "bid", "ask", "open", "high", "low", "close"]
    names = draw(st.lists(st.sampled_from([*names, *names, "price", "closed", "highest"]), max_size=4, unique=True))
    for name in names:
        quote = draw(st.sampled_from(['"', '"', ""]))
        fields[name] = "null" if draw(st.booleans()) and not quote else f"{quote}{draw(st.sampled_from(PRICES))}{quote}"
    colon, comma = draw(st.sampled_from([(":", ","), (": ", ", "), (":", " ,"), (":\n", ",")]))
    order = draw(st.permutations(list(fields.items())))
    return ("{" + comma.join(f'"{name}"{colon}{text}' for name, text in order) + "}").encode()


@settings(deadline=None, max_examples=200)
@given(records())
def test_the_kernel_says_what_the_exact_reader_says(value: bytes) -> None:
    agree(value)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(as_json(random_ticks(4, 60))), st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), max_size=3))
@example(b"", [])
@example(WHOLE, [(len(WHOLE) - 1, b"}}")])
@example(WHOLE, [(0, b"{" + b" " * 2)])
def test_damaged_records(value: bytes, damage: list[tuple[int, bytes]]) -> None:
    for at, put in damage:
        value = value[:at] + put + value[at + 1 :]
    agree(value)


def test_the_plain_ones_are_read_by_the_kernel() -> None:
    """Else they would be slow: ours, json.dumps', numbers in or without quotes, null for what is absent."""
    fields = {"symbol": "Ü1", "ts": "2026-01-05T14:30:00Z", "last": 100.25, "size": 7, "close": None}
    assert agree(json.dumps(fields, ensure_ascii=False).encode())
    assert agree(b'{"symbol":"BIG","ts":"2026-01-05T14:30:00Z","last":"1005","size":"7000"}')
    assert agree(b'{"symbol":"FINE","ts":"2026-01-05T14:30:00Z","last":"0.00000003","size":0.5}')
    assert agree(b'{"symbol":"OIL","ts":"2026-01-05T14:30:00Z","last":"-37.60"}')
    ours = as_json(random_ticks(6, 500))
    good = [value for value in ours if not isinstance(_exact(value), Exception)]
    assert PLAIN.read(good)[1].all()
    assert len(good) > 400


def _exact(value: bytes) -> object:
    try:
        return EXACT.row(value)
    except WireError as error:
        return error


def test_order_letters_and_counts_do_not_depend_on_the_cut() -> None:
    """Plain, odd and bad records mixed, with and without headers."""
    values = as_json(random_ticks(7, 200))
    values[3::10] = [b'{"symbol":"AAPL","ts":"2026-01-05T14:30:00Z","last":1e2}'] * len(values[3::10])
    values[5::10] = [b"nonsense"] * len(values[5::10])
    headers = [(), (), (("session", b"desk"), ("seq", b"%d")), (("other", b"x"),)]
    messages = [
        Message("raw", 0, at, None, value, tuple((name, text.replace(b"%d", b"%d" % (at // 8))) for name, text in headers[at % 4]))
        for at, value in enumerate(values)
    ]
    found = []
    for size in (1, 7, len(messages)):
        folding, seqs = Folding(LISTED), dict[str, int]()
        intake, parts, letters = Intake(folding, seqs), [np.zeros(0, TICK)], []
        for at in range(0, len(messages), size):
            ticks, dead = intake.read(messages[at : at + size])
            parts.append(ticks)
            letters += dead
        found.append((np.concatenate(parts).tobytes(), letters, folding.counts, seqs))
    assert found[0] == found[1] == found[2]
    counts = found[0][2]
    assert counts["repeated"] > 0
    assert counts["unreadable"] == len(values[5::10]) == len([one for one in found[0][1] if one.value == b"nonsense"])
