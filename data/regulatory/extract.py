"""Writes the events of a log's orders to a file, reads it back, and holds it against the log: each fact is there, each share adds up."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np
import polars as pl

from data.log.schema import LogError, literal, one_line
from data.log.sessions import names_of
from data.regulatory.events import FORMATS, OF_ORDERS, TRADERS, query
from engine.messages.hints import did_you_mean
from engine.messages.vocabulary import HISTORY, Kind

if TYPE_CHECKING:
    from data.log.event_log import EventLog

_SUFFIXES = {".csv": "(FORMAT csv, HEADER)", ".parquet": "(FORMAT parquet, COMPRESSION zstd)"}
_SUMS = {"order_id": pl.UInt64, "lots": pl.Int64}
_ORDER_KINDS = np.array([int(kind) for kind in OF_ORDERS], np.uint8)


class Extract(NamedTuple):
    """What was written, and whether it is all."""

    path: Path
    rows: int
    orders: int
    executed_lots: int
    problems: list[str]
    """What the file and the log do not agree on; empty where they agree."""


def extract(log: "EventLog", session: int, path: Path, form: str = "cat") -> Extract:
    """Write every event of every order of a session to `path`, a `.csv` or `.parquet`, in the columns of `form` (cat, rts24).

    The file appears under its name once it is whole. Afterwards it is read back and counted against the log's facts: rows of each event,
    and executed lots of each order. Raises LogError where it cannot be written, or the format is not known.
    """
    if form not in FORMATS:
        raise LogError(f"no format {form!r}; {did_you_mean(form, list(FORMATS), 'there are ' + ', '.join(FORMATS))}")
    if path.suffix not in _SUFFIXES:
        raise LogError(f"{path}: the ending says the kind of file; name it .csv or .parquet")
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    with log.at_once(False) as reader:
        reader.last_seq(session)  # whether there is such a session
        try:
            reader.file.con.cursor().execute(f"COPY ({query(form, session)}) TO {literal(part)} {_SUFFIXES[path.suffix]}")
        except duckdb.Error as error:
            with suppress(OSError):
                part.unlink()
            raise LogError(f"{path}: cannot be written: {one_line(error)}") from None
        rows, told = _written(part, TRADERS[form])
        traders = {number: name for name, number in names_of(reader.file, session).traders.items()}
        wanted = _logged(reader.read_facts(session), traders)
    os.replace(part, path)
    problems = [*_compared(told, wanted)]
    return Extract(path, rows, wanted.executed.height, int(wanted.executed["lots"].sum() or 0), problems)


class _Counted(NamedTuple):
    """`events`: event -> rows; `executed`: trader order_id lots, a row each order that traded."""

    events: dict[str, int]
    executed: pl.DataFrame


def _written(path: Path, trader: str) -> tuple[int, _Counted]:
    """What the file says, read by a connection that knows nothing of the log."""
    with duckdb.connect() as con:
        read = (
            f"read_csv({literal(path)}, header = true, all_varchar = true)" if path.suffix == ".csv" else f"read_parquet({literal(path)})"
        )
        events = dict(con.execute(f"SELECT event, count(*) FROM {read} GROUP BY 1").fetchall())
        sums = con.execute(
            f"SELECT coalesce({trader}, '')::VARCHAR, order_id::UBIGINT, sum(trade_lots::BIGINT)::BIGINT FROM {read} "
            "WHERE event = 'TradeExecuted' GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    frame = pl.DataFrame(sums, schema={"trader": pl.String, **_SUMS}, orient="row")
    return sum(events.values()), _Counted(events, frame)


def _logged(pieces: Any, traders: dict[int, str]) -> _Counted:
    """What the facts say, counted without SQL."""
    events: dict[str, int] = {}
    sums, order = [pl.DataFrame(schema={"trader": pl.UInt32, **_SUMS})], ["trader", "order_id"]
    for facts in pieces:
        ours = facts[np.isin(facts["kind"], _ORDER_KINDS) & (facts["trader"] != HISTORY)]
        for kind, count in zip(*np.unique(ours["kind"], return_counts=True)):
            events[Kind(kind).name] = events.get(Kind(kind).name, 0) + int(count)
        trades = facts[facts["kind"] == Kind.TradeExecuted]
        for trader, order_id in (("trader", "order_id"), ("maker_trader", "maker_order_id")):
            side = trades[trades[trader] != HISTORY]
            if len(side):
                events[Kind.TradeExecuted.name] = events.get(Kind.TradeExecuted.name, 0) + len(side)
            lots = side["quantity"].astype(np.int64)
            sums.append(pl.DataFrame({"trader": side[trader].copy(), "order_id": side[order_id].copy(), "lots": lots}))
        sums = [pl.concat(sums).group_by(order).agg(pl.col("lots").sum())]
    named = sums[0].with_columns(pl.col("trader").replace_strict(traders, return_dtype=pl.String))
    return _Counted(events, named.sort(order))


def _compared(told: _Counted, wanted: _Counted) -> list[str]:
    problems = [
        f"{event}: {told.events.get(event, 0):,} rows in the file, {wanted.events.get(event, 0):,} in the log"
        for event in sorted({*told.events, *wanted.events})
        if told.events.get(event, 0) != wanted.events.get(event, 0)
    ]
    odd = told.executed.join(wanted.executed, on=["trader", "order_id"], how="full", coalesce=True, suffix="_log").filter(
        pl.col("lots").fill_null(0) != pl.col("lots_log").fill_null(0)
    )
    problems += [
        f"order {row['order_id']} of {row['trader']!r}: {row['lots'] or 0:,} lots executed in the file, {row['lots_log'] or 0:,} in the log"
        for row in odd.sort("trader", "order_id").head(5).iter_rows(named=True)
    ]
    return problems + ([f"and {odd.height - 5:,} more orders"] if odd.height > 5 else [])
