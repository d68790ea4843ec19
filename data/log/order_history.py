"""The history of one order of a logged session."""

import polars as pl

from data.log.log_file import LogFile
from data.log.rows import read_naming
from data.log.schema import LogError
from data.log.sessions import names_of
from engine.frames.orders import history
from engine.messages.instrument import money_decimals


def order_history(file: LogFile, session: int, order_id: int, trader: str) -> pl.DataFrame:
    """See `EventLog.order_history`."""
    names = names_of(file, session)
    if trader not in names.traders:
        raise LogError(f"{file.path}: no trader {trader!r} in session {session}; there are: {', '.join(map(repr, names.traders))}")
    facts = read_naming(file.con.cursor(), session, order_id, names.traders[trader])
    return history(facts, order_id, names.traders[trader], names, money_decimals(names.instruments))
