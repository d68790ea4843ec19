"""What JSON costs: commands from it and facts to it, against msgspec alone on the very same bytes (no checks, no exact units, no names).

uv run --group test --extra live python -m tests.benchmarks.bench_wire [messages]
"""

import os
import platform
import sys
import time
from collections.abc import Callable
from random import Random

import msgspec
import numpy as np

from engine import Exchange, Instrument
from live.wire.facts import FactEncoder
from live.wire.orders import OrderReader, exact

RUNS = 5
SLOW = 2_000


class Bare(msgspec.Struct):
    """A NEW as msgspec alone reads it."""

    kind: str
    order_id: int
    symbol: str
    side: str
    type: str
    quantity: str | int
    price: str | float
    time_in_force: str
    portfolio: str
    trader: str


def messages(count: int, quoted: bool = True) -> list[bytes]:
    """NEW messages of two portfolios that meet in a third of the cases; `quoted`: whether numbers are strings."""
    random, made, mark = Random(1), [], '"' if quoted else ""
    for k in range(count):
        price = f"{mark}{150 + random.randrange(-300, 300) / 100:.2f}{mark}"
        made.append(
            f'{{"kind":"NEW","order_id":{k + 1},"symbol":"AAPL","side":"{random.choice(["BUY", "SELL"])}","type":"LIMIT"'
            f',"quantity":{mark}{random.randrange(1, 500)}{mark},"price":{price},"time_in_force":"DAY"'
            f',"portfolio":"{random.choice(["fund", "desk"])}","trader":"ann"}}'.encode()
        )
    return made


def opened() -> Exchange:
    """An exchange whose portfolios can pay for all of it."""
    return Exchange([Instrument("AAPL", "0.01", taker_fee="0.0001")], cash={"fund": 10**11, "desk": 10**11})


def fastest(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest run."""
    spent = []
    for _ in range(RUNS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def show(what: str, count: int, ours: float, bare: float) -> None:
    """One line: rates and the ratio."""
    print(f"  {what:34} {count / ours / 1e3:8,.0f} k/s   msgspec alone {count / bare / 1e3:8,.0f} k/s   {ours / bare:.1f}x")


def reading(count: int, quoted: bool) -> None:
    """Commands from messages, plain and the exact way."""
    values, exchange = messages(count, quoted), opened()
    reader, bare = OrderReader(exchange), msgspec.json.Decoder(Bare).decode
    decoded = reader.decode(values)
    assert not decoded.refused
    assert len(decoded.commands) == count + 1, "each message is one command; one trader is new"
    few = values[:SLOW]
    alone, alone_few = fastest(lambda: [bare(value) for value in values]), fastest(lambda: [bare(value) for value in few])
    show(f"NEW, numbers {'in quotes' if quoted else 'bare'}", count, fastest(lambda: reader.decode(values)), alone)
    show("  the exact way alone", SLOW, fastest(lambda: [exact(value, exchange) for value in few]), alone_few)


def writing(count: int) -> None:
    """Facts to records, in batches."""
    exchange = opened()
    commands = OrderReader(exchange).decode(messages(count)).commands
    commands["ts"] = 1_767_623_400 * 10**9 + np.cumsum(np.random.default_rng(1).integers(0, 10**6, len(commands)))
    facts = exchange.run(commands).copy()
    rows = FactEncoder("desk", exchange.names, exchange.decimals).encode(facts)
    objects, encode = [msgspec.json.decode(value) for _, _, value in rows], msgspec.json.encode
    assert [encode(one) for one in objects] == [value for _, _, value in rows]
    alone = fastest(lambda: [encode(one) for one in objects])
    for size in (len(facts), 1_000, 10):

        def ours(size: int = size) -> None:
            encoder = FactEncoder("desk", exchange.names, exchange.decimals)
            for at in range(0, len(facts), size):
                encoder.encode(facts[at : at + size])

        show(f"facts in batches of {size:,}", len(facts), fastest(ours), alone)
    size = sum(len(value) for _, _, value in rows)
    print(f"  {len(rows) / len(facts):.2f} records and {size / len(facts):,.0f} bytes a fact")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    versions = f"Python {platform.python_version()}, msgspec {msgspec.__version__}, numpy {np.__version__}"
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions}")
    print(f"{count:,} messages, CPU time, fastest of {RUNS}")
    reading(count, quoted=True)
    reading(count, quoted=False)
    writing(count)


if __name__ == "__main__":
    main()
