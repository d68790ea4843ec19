"""Processes of this machine that share a list of work: the outcomes come as they are done, and a process that dies is replaced."""

import json
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from backtest.workers.outcome import Outcome
from backtest.workers.wire import Task, pack, receive, send

ATTEMPTS = 3
"""Processes that a piece of work may take with it before it counts as failed."""
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "import tapebook; tapebook.keep_bytecode(); from backtest.workers.worker import main; main()"
)


class Pool:
    """`processes` workers with one task.

    `seconds`: how long a piece of work may take before its process is killed. `loud`: what the task prints is passed on to standard error.
    """

    def __init__(self, task: Task, processes: int, *, seconds: float | None = None, attempts: int = ATTEMPTS, loud: bool = False) -> None:
        if processes < 1:
            raise ValueError(f"processes={processes}; give at least 1")
        self._task, self.processes, self.seconds, self.attempts, self.loud = pack(task), processes, seconds, attempts, loud
        self._live: dict[int, subprocess.Popen[bytes]] = {}
        self._closed = False

    def run(self, items: Sequence[Any]) -> Iterator[tuple[int, Outcome]]:
        """Index and outcome of each item, in the order in which they are done. Leaving the loop early ends the workers."""
        waiting: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[int, Outcome] | BaseException] = queue.SimpleQueue()
        for index, item in enumerate(items):
            waiting.put((index, pack(item)))
        count = min(self.processes, len(items))
        threads = [threading.Thread(target=self._serve, args=(k, waiting, done), daemon=True) for k in range(count)]
        for thread in threads:
            waiting.put(None)
            thread.start()
        try:
            for _ in range(len(items)):
                found = done.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            self.close()

    def close(self) -> None:
        """End the workers, what they are at included."""
        self._closed = True
        for process in list(self._live.values()):
            with suppress(OSError):
                process.kill()

    def _serve(
        self,
        number: int,
        waiting: "queue.SimpleQueue[tuple[int, bytes] | None]",
        done: "queue.SimpleQueue[tuple[int, Outcome] | BaseException]",
    ) -> None:
        """The thread of one worker: one item after the other, in a new process where the last one died."""
        process = None
        try:
            while not self._closed and (taken := waiting.get()) is not None:
                index, message = taken
                for tried in range(1, self.attempts + 1):
                    process = self._started(number) if process is None or process.poll() is not None else process
                    outcome = self._done(process, message)
                    if not outcome.lost or tried == self.attempts or self._closed:
                        break
                    process = None
                done.put((index, outcome))
        except BaseException as error:
            done.put(error)
        finally:
            _ended(process)

    def _started(self, number: int) -> "subprocess.Popen[bytes]":
        """A process that has the task."""
        words = [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path)]
        quiet = None if self.loud else subprocess.DEVNULL
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, env=_environment())
        self._live[number] = process
        with suppress(OSError):  # one that is gone already is told by its missing answer
            send(_pipe(process.stdin), self._task)
            receive(_pipe(process.stdout))
        return process

    def _done(self, process: "subprocess.Popen[bytes]", message: bytes) -> Outcome:
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, stop) if self.seconds else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        answer = None
        with suppress(OSError):
            send(_pipe(process.stdin), message)
            answer = receive(_pipe(process.stdout))
        if timer is not None:
            timer.cancel()
        if answer is not None:
            found: Outcome = pickle.loads(answer)
            return found
        _ended(process)
        if late.is_set():
            return Outcome(error=f"took longer than {self.seconds:g} s and was stopped", lost=True)
        return Outcome(error=f"its process died ({_how(process.returncode)})", lost=True)


def _pipe(stream: Any) -> BinaryIO:
    assert stream is not None
    found: BinaryIO = stream
    return found


def _environment() -> dict[str, str]:
    """One core a process: so many processes with as many threads each would only wait for each other."""
    return {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}


def _ended(process: "subprocess.Popen[bytes] | None") -> None:
    if process is None:
        return
    with suppress(OSError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            _pipe(stream).close()


def _how(code: int) -> str:
    return f"killed by signal {-code}: out of memory?" if code == -9 else f"signal {-code}" if code < 0 else f"exit code {code}"
