"""Where the runs of a sweep are done: in this process, in processes of this machine, or on a Dask cluster. The same outcomes everywhere."""

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from backtest.sweep.runner import Runner
from backtest.sweep.space import Point, SweepError
from backtest.sweep.variant import kind_of
from backtest.workers.outcome import Outcome, attempt
from backtest.workers.pool import Pool
from backtest.workers.wire import by_value, pack

RETRIES = 3
"""Times that a run is given to another worker of a cluster after one that died."""
Outcomes = Iterator[tuple[int, Outcome]]
_runners: dict[str, Runner] = {}


def here(runner: Runner, points: Sequence[Point]) -> Outcomes:
    """In this process, one after the other."""
    for index, point in enumerate(points):
        yield index, attempt(runner, point)


def on_processes(runner: Runner, points: Sequence[Point], processes: int, seconds: float | None) -> Outcomes:
    """In `processes` processes, as they are done; the one that dies is replaced and its run tried again."""
    return Pool(runner, processes, seconds=seconds).run(points)


def client_of(given: Any) -> tuple[Any, bool]:
    """A Dask client, and whether it is ours to close. `given`: a client, a cluster, or an address like "tcp://10.0.0.1:8786"."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise SweepError("dask=… needs the extra 'research': pip install 'tapebook[research]'") from None
    if isinstance(given, Client):
        return given, False
    try:
        return Client(given, timeout="10s", set_as_default=False), True
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise SweepError(f"dask={given!r}: no scheduler answers there ({error}); start one with `dask scheduler`") from None


def on_dask(runner: Runner, points: Sequence[Point], given: Any) -> Outcomes:
    """On the workers of a cluster, as they are done. A worker that dies gives its runs to others; what is at hand travels with the code."""
    from distributed import as_completed

    client, ours = client_of(given)
    futures: dict[Any, int] = {}
    try:
        for one in runner.backtest.participants:
            if kind := kind_of(one):
                by_value(kind.__module__)
        packed = pack(runner)
        name = hashlib.sha256(packed).hexdigest()
        task = client.submit(_given, packed, key=f"tapebook-{name[:16]}", retries=RETRIES)
        futures = {client.submit(_run, task, name, point, retries=RETRIES, pure=False): k for k, point in enumerate(points)}
        for future in as_completed(list(futures), loop=client.loop):
            yield futures[future], _outcome(future)
    finally:
        client.cancel([one for one in futures if not one.done()])
        if ours:
            client.close()


def _outcome(future: Any) -> Outcome:
    error = future.exception()
    if error is None:
        found: Outcome = future.result()
        return found
    return Outcome(error=f"{type(error).__name__}: {' '.join(str(error).split())}", lost=True)


def _given(packed: bytes) -> bytes:
    """The runner as a task of its own: a cluster that loses it makes it anew."""
    return packed


def _run(packed: bytes, name: str, point: Point) -> Outcome:
    """On a worker: one point, with the runner that this process has unpacked already."""
    if name not in _runners:
        _runners.clear()
        _runners[name] = pickle.loads(packed)
    return attempt(_runners[name], point)
