"""Consumers of a pipeline: each with its backpressure, what is dropped is counted, what fails is seen."""

import asyncio

import numpy as np
import pytest

from live import streams
from tests.live.streams.ticks import LISTED, random_ticks
from tests.support.brokers import in_loop


@in_loop
async def test_block_latest_and_buffer() -> None:
    ticks, expected = random_ticks(8, 4_000), streams.run(random_ticks(8, 4_000), LISTED)
    pipeline, gate = streams.Pipeline(LISTED), asyncio.Event()
    got: dict[str, list[np.ndarray]] = {name: [] for name in ("block", "latest", "buffer", "plain", "quotes")}

    def slow(name: str) -> object:
        async def take(rows: np.ndarray) -> None:
            await gate.wait()
            got[name].append(rows.copy())

        return take

    pipeline.consume("told", got["plain"].append)
    pipeline.consume("bars", slow("latest"), "latest")  # type: ignore[arg-type]
    pipeline.consume("bars", slow("buffer"), "buffer(10)")  # type: ignore[arg-type]
    pipeline.consume("quotes", slow("quotes"), "latest")  # type: ignore[arg-type]
    for at in range(0, len(ticks), 100):
        await pipeline.put(ticks[at : at + 100])
        await asyncio.sleep(0)
    bars = expected.told[expected.told["kind"] == 0]
    gate.set()
    await pipeline.finish()
    await pipeline.close()
    assert np.concatenate(got["plain"]).tobytes() == expected.told.tobytes()
    latest, buffer = np.concatenate(got["latest"]), np.concatenate(got["buffer"])
    assert len(latest) < 20
    assert len(buffer) < 30
    for symbol in (0, 1):  # nobody ever misses the newest
        newest = bars[bars["symbol"] == symbol]["number"][-1]
        assert latest[latest["symbol"] == symbol]["number"][-1] == newest
    assert buffer["number"][-1] == bars["number"][-1]
    assert (np.diff(buffer["number"]) > 0).all()
    quotes = np.concatenate(got["quotes"])
    for symbol in (0, 1):
        assert quotes[quotes["symbol"] == symbol]["last"][-1] == pipeline.folding.state.symbols["last"][symbol]
    assert pipeline.counts["dropped"] >= 2 * len(bars) - len(latest) - len(buffer) > 0


@in_loop
async def test_who_blocks_is_waited_for() -> None:
    pipeline, gate, seen = streams.Pipeline(LISTED), asyncio.Event(), 0

    async def take(rows: np.ndarray) -> None:
        nonlocal seen
        await gate.wait()
        seen += len(rows)

    pipeline.consume("told", take, "block")
    putting = asyncio.ensure_future(pipeline.put(random_ticks(8, 4_000)))
    await asyncio.sleep(0.2)
    assert not putting.done()
    gate.set()
    await putting
    assert seen > 100
    assert pipeline.counts["dropped"] == 0
    await pipeline.close()


@pytest.mark.parametrize("policy", ["block", "latest", "buffer(5)"])
@in_loop
async def test_a_consumer_that_raises_is_seen(policy: str) -> None:
    pipeline = streams.Pipeline(LISTED)

    async def take(rows: np.ndarray) -> None:
        raise ZeroDivisionError("of the consumer")

    pipeline.consume("bars", take, policy)

    async def put_all() -> None:
        ticks = random_ticks(8, 4_000)
        for at in range(0, len(ticks), 100):
            await pipeline.put(ticks[at : at + 100])
            await asyncio.sleep(0.01)

    with pytest.raises(ZeroDivisionError, match="of the consumer"):
        await put_all()
    await pipeline.close()


def test_odd_choices() -> None:
    pipeline = streams.Pipeline(LISTED)
    with pytest.raises(ValueError, match=r"'buffer\(0\)' is no choice of backpressure; name block, latest, or buffer\(1000\)"):
        pipeline.consume("bars", print, "buffer(0)")
    with pytest.raises(ValueError, match="the streams tell no 'trades'; ask for bars, indicators, alerts, told, quotes"):
        pipeline.consume("trades", print)
    with pytest.raises(ValueError, match="no indicator 'SMAX'"):
        streams.StreamsSettings(indicators=["SMAX"])
