"""A worker's process: takes the task once, then item after item, until its parent is gone.

It imports nothing of the parent's script, so that scripts need no guard and notebooks work; what strategies print goes to standard error.
"""

import os
import pickle
import signal
import sys
import threading
import time

from backtest.workers.outcome import Outcome, attempt
from backtest.workers.wire import READY, NotPortable, pack, receive, send

LOOK_EVERY = 0.5
"""Seconds between two looks for the parent."""


def main() -> None:
    """Serve until standard input ends, or the parent is gone. A Ctrl-C is the parent's to act on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task, broken = None, Outcome(error="no task was given")
    if (given := receive(source)) is None:
        return
    try:
        task = pickle.loads(given)
    except Exception as error:
        broken = Outcome(error=f"{type(error).__name__}: {error}", bad_input=True)
    send(answers, READY)
    while (message := receive(source)) is not None:
        outcome = broken if task is None else attempt(task, pickle.loads(message))
        try:
            packed = pack(outcome)
        except NotPortable as error:
            packed = pack(Outcome(error=str(error)))
        send(answers, packed)


def _leave_with(parent: int) -> None:
    """End this process, in the middle of its work too, once its parent was killed: who comes after may be at the same work."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)
