"""The past of a logged session: its exchange at any moment, by a snapshot and a short replay, and whether all of it holds.

The exchange's kernels come with this module, so an `EventLog` imports it only when it is asked about the past.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from data.log.log_file import LogFile
from data.log.rows import read_naming
from data.log.schema import LogError
from data.log.sessions import built_history, head_of, names_of
from data.log.snapshots import advance, replay_beside, seq_at, state_at, unopened
from data.log.verification import Verification, verify_replay
from data.times import Moment
from engine.exchange import Exchange
from engine.frames.orders import history
from engine.messages.instrument import money_decimals


def replay(file: LogFile, session: int) -> Exchange:
    """See `EventLog.replay`."""
    con = file.con.cursor()
    return advance(unopened(con, session, built_history(file, session)), con, session, 1, head_of(file, session).seq)


def state(file: LogFile, session: int, at: Moment | None) -> Exchange:
    """See `EventLog.state`."""
    history_facts = built_history(file, session)
    return state_at(file, session, seq_at(file.con.cursor(), session, at, head_of(file, session).seq), history_facts)


def verify(file: LogFile, session: int, pieces: Iterator[np.ndarray], checked: Verification) -> Verification:
    """Replay a session and compare with its facts (`pieces`: FACT arrays) and snapshots; `checked` is what the chain said."""
    exchange, wrong = replay_beside(file.con.cursor(), session, head_of(file, session).seq, built_history(file, session))
    found = verify_replay(exchange.facts, pieces, checked)
    if found.ok and wrong is not None:
        return found._replace(ok=False, message=f"session {session}: the snapshot at seq {wrong.seq} is not the state there")
    return found


def order_history(file: LogFile, session: int, order_id: int, trader: str) -> pl.DataFrame:
    """See `EventLog.order_history`."""
    names = names_of(file, session)
    if trader not in names.traders:
        raise LogError(f"{file.path}: no trader {trader!r} in session {session}; there are: {', '.join(map(repr, names.traders))}")
    facts = read_naming(file.con.cursor(), session, order_id, names.traders[trader])
    return history(facts, order_id, names.traders[trader], names, money_decimals(names.instruments))
