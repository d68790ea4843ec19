"""Messages of `orders.commands` for tests: plausible ones, and mutations of them."""

import json
from random import Random
from typing import Any

from engine import Exchange, Instrument, Kind
from live.wire.fields import SHAPES

WORDS = {
    "side": ["BUY", "SELL"],
    "type": ["MARKET", "LIMIT", "STOP", "STOP_LIMIT"],
    "time_in_force": ["DAY", "GTC", "IOC", "FOK"],
    "self_trade": ["CANCEL_TAKER", "CANCEL_MAKER", "CANCEL_BOTH", "NONE"],
}
NUMBERS = ["1", "150.00", "149.5", "0.1", "1e2", "1E+1", "2.5e-1", "-3", "0", "1e-8", "100000000000000000000", "0.10"]
SYMBOLS, PORTFOLIOS, TRADERS = ["AAPL", "COIN", "é", "MSFT"], ["fund", "b", "new-1", "née"], ["ann", "bob", "new-2"]
LIMITS = ["max_position", "max_exposure", "max_daily_loss", "max_leverage"]
RULES = ["max_order_quantity", "max_order_notional", "price_collar", "order_rate"]
PLAIN = [Kind.NEW, Kind.CANCEL, Kind.REPLACE]


class Raw(str):
    """JSON that is written as it is."""


def exchange() -> Exchange:
    """An exchange that knows some of the names."""
    listed = [Instrument("AAPL", "0.01"), Instrument("COIN", "0.5", "0.001", price_unit="0.25"), Instrument("é", "10")]
    return Exchange(listed, cash={"fund": "1000000", "b": "1000000"})


def written(value: Any) -> str:
    """A value as JSON."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{written(one)}" for name, one in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def a_number(random: Random) -> Any:
    number = random.choice(NUMBERS) if random.random() < 0.5 else f"{random.randrange(14_000, 16_000) / 100:.2f}"
    return Raw(number) if random.random() < 0.4 else number


def a_value(random: Random, field: str) -> Any:
    """A plausible value of a field."""
    if field in WORDS:
        return random.choice(WORDS[field])
    if field in ("post_only", "reduce_only"):
        return random.random() < 0.3
    if field == "order_id":
        return random.choice([random.randrange(1, 60), 2**64 - 1, 0]) if random.random() < 0.1 else random.randrange(1, 10**6)
    if field in ("symbol", "portfolio", "trader"):
        return random.choice({"symbol": SYMBOLS, "portfolio": PORTFOLIOS, "trader": TRADERS}[field])
    if field == "ts":
        return random.choice(["2026-01-05T14:30:00Z", "2026-01-05T14:30:00.123456789Z", 1_767_623_400_000_000_000, -5])
    if field == "limits":
        return {name: a_number(random) for name in LIMITS if random.random() < 0.5} | {"cash_account": random.random() < 0.2}
    if field == "rules":
        made = {name: a_number(random) for name in RULES if random.random() < 0.5}
        return made | {"restricted": random.sample(SYMBOLS, random.randrange(3)), "short_sale": random.random() < 0.5}
    return a_number(random)


def an_object(random: Random, kinds: list[Kind] | None = None) -> dict[str, Any]:
    """The fields of a plausible command, in some order."""
    kind = random.choice(kinds or list(SHAPES))
    shape, made = SHAPES[kind], {"kind": kind.name}
    for field in (*shape.needs, *(field for field in (*shape.may, "ts") if random.random() < 0.5)):
        made[field] = a_value(random, field) if field in shape.needs or random.random() < 0.97 else None
    if kind == Kind.NEW and random.random() < 0.9:
        made |= {"price": a_number(random), "stop_price": a_number(random)}
    fields = list(made)
    if random.random() < 0.3:
        random.shuffle(fields)
    return {field: made[field] for field in fields}


PIECES = [
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0041", b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xed\xa0\x80", b"null", b"true",
    b"NaN", b"-Infinity", b"1e999", b"-", b".", b"0", b"9" * 30, b" ", b"\n", b"\xef\xbb\xbf", b'"price":1,', b'"kind":"NEW",', b'"ts":0,',
    b'"more":1,', b"BUY", b"e5", b"\xc3\xa9", b"[" * 2000, b'{"a":' * 50, b"nan", b'""', b"'", b"/*", b"1_0", "١".encode(),
]  # fmt: skip


def mutated(random: Random, value: bytes) -> bytes:
    """A message after some bytes of it were changed, lost, doubled or thrown in."""
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(value) + 1)
        to = min(len(value), at + random.randrange(1, 12))
        change = random.randrange(5)
        if change == 0:
            value = value[:at] + random.choice(PIECES) + value[at:]
        elif change == 1:
            value = value[:at] + random.choice(PIECES) + value[to:]
        elif change == 2:
            value = value[:at] + value[to:]
        elif change == 3:
            value = value[:to] + value[at:]
        else:
            value = value[:at] + bytes([random.randrange(256)]) + value[at + 1 :]
    return value
