"""What a log tells of a session's past: the exchange at any moment, the history of an order, and whether it all holds."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from data.log.insert import insert
from data.log.rows import read_naming
from data.log.schema import LogError
from data.log.verification import Verification, verify_chain, verify_replay
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.names import Names
from engine.messages.vocabulary import Kind

if TYPE_CHECKING:
    import duckdb

    from data.log.snapshots import Moment
    from engine import Exchange


class Past:
    """The questions about the past that an `EventLog` answers. What compiles kernels is imported by who replays."""

    path: Path
    _con: "duckdb.DuckDBPyConnection"  # as text: DuckDB tells of its types as leaked where a class keeps them to the end
    closed: bool
    snapshot_every: int

    def __init__(self, path: str | Path, read_only: bool = False) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        raise NotImplementedError

    def meta(self, session: int) -> Mapping[str, Any]:
        """What `begin` was given as meta."""
        raise NotImplementedError

    def instruments(self, session: int) -> list[Instrument]:
        """The instruments that `begin` was given."""
        raise NotImplementedError

    def last_seq(self, session: int) -> int:
        """The last seq that is stored; 0 for a session without rows."""
        raise NotImplementedError

    def read_facts(self, session: int, first_seq: int = 1, last_seq: int | None = None) -> Iterator[np.ndarray]:
        """The facts (FACT arrays) from `first_seq` to `last_seq` inclusive."""
        raise NotImplementedError

    def _rows(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _writing(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def verify_chain(self, session: int) -> Verification:
        """Check that every stored byte of the session is what was written; names the first batch that differs."""
        self.last_seq(session)
        return verify_chain(self._con.cursor(), session)

    def replay(self, session: int) -> "Exchange":
        """A new exchange that has taken every command of a session whose commands are all in the log. Raises LogError for one that keeps
        its feed by reference: its commands are not all here."""
        from data.log.snapshots import advance, unopened

        con = self._con.cursor()
        return advance(unopened(con, session, self._built_history(session)), con, session, 1, self.last_seq(session))

    def state(self, session: int, at: "Moment | None" = None) -> "Exchange":
        """The exchange as it was at a moment of a session: a seq, or a time (datetime, or ISO text; UTC where it names no zone); its end
        without one. A command whose seq or time is at the moment has been carried out, with all its facts.

        Starts at the nearest snapshot; the exchange is the same as by replay, and may go on. Raises LogError as `replay`.
        """
        from data.log.snapshots import seq_at, state_at

        con = self._con.cursor()
        history_facts = self._built_history(session)
        return state_at(self, con, session, seq_at(con, session, at, self.last_seq(session)), history_facts)

    def snapshot(self, session: int, exchange: "Exchange | None" = None) -> None:
        """Keep the state at the session's end; `exchange`: the one that has carried out its commands, made by replay where not given."""
        shown = exchange or self.state(session)
        with self._writing():
            self._keep_state(session, self.last_seq(session), shown, 0)

    def order_history(self, session: int, order_id: int, trader: str = "") -> pl.DataFrame:
        """Every fact that names an order of a trader, in the order of `seq`; columns as `Exchange.order_history`."""
        from engine.frames.orders import history

        names = self._names(session)
        if trader not in names.traders:
            raise LogError(f"{self.path}: no trader {trader!r} in session {session}; there are: {', '.join(map(repr, names.traders))}")
        facts = read_naming(self._con.cursor(), session, order_id, names.traders[trader])
        return history(facts, order_id, names.traders[trader], names, money_decimals(names.instruments))

    def verify(self, session: int) -> Verification:
        """Check the hash chain, then replay and compare byte for byte, snapshots too; a session with its feed by reference gets the chain
        alone."""
        checked = self.verify_chain(session)
        if not checked.ok or "feed" in self.meta(session):
            return checked
        from data.log.snapshots import replay_beside

        history_facts = self._built_history(session)
        exchange, wrong = replay_beside(self._con.cursor(), session, self.last_seq(session), history_facts)
        found = verify_replay(exchange.facts, self.read_facts(session), checked)
        if found.ok and wrong is not None:
            return found._replace(ok=False, message=f"session {session}: the snapshot at seq {wrong.seq} is not the state there")
        return found

    def _built_history(self, session: int) -> bool:
        """Whether facts about history were built. Raises LogError where the session cannot be replayed."""
        if "feed" in self.meta(session):
            raise LogError(f"{self.path}: session {session} keeps its feed by reference; replay it with the backtest that made it")
        return bool(self._rows("SELECT 1 FROM facts WHERE session = ? AND kind >= ? LIMIT 1", [session, int(Kind.HistoryAdded)]))

    def _names(self, session: int) -> Names:
        names = Names(self.instruments(session))
        tables = {"portfolio": names.portfolios, "trader": names.traders}
        for kind, number, name in self._rows("SELECT kind, number, name FROM names WHERE session = ? ORDER BY number", [session]):
            if kind in tables:
                tables[kind][name] = number
        return names

    def _keep_state(self, session: int, last_seq: int, exchange: "Exchange", every: int) -> None:
        """Within a transaction: a snapshot, unless fewer than `every` commands came since the last one."""
        from data.log.snapshots import row

        counted = "SELECT (SELECT sum(commands) FROM batches WHERE session = $1), (SELECT max(commands) FROM snapshots WHERE session = $1)"
        done, before = self._con.execute(counted, [session]).fetchall()[0]
        if (done or 0) - (before or 0) >= every:
            insert(self._con, "snapshots", [row(session, last_seq, done or 0, exchange)], "OR REPLACE")
