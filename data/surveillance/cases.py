"""The cases of a log: each with the rule that it breaks, who, when, by how much, and the seqs of the facts that show it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from data.log.sessions import names_of
from data.surveillance.surveyor import Surveyor
from engine.messages.names import Names

if TYPE_CHECKING:
    from data.log.event_log import EventLog


def cases(
    log: "EventLog",
    session: int,
    rules: Sequence[str] | None = None,
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> pl.DataFrame:
    """The cases of a session, in the order in which they were complete.

    Columns `rule, trader, symbol, first_seq, last_seq, started, ended` (UTC), `value, threshold` (in what the rule measures), `facts` (how
    many show it), `text`, `seqs` (the first 200 of them). `rules`: names, all by default; `given`: rule -> parameter -> value. Reads the
    facts in pieces. Raises SurveillanceError, LogError.
    """
    surveyor = Surveyor(rules, given)
    found = [surveyor.add(facts) for facts in log.read_facts(session)]
    with log.at_once(False) as reader:
        names = names_of(reader.file, session)
    return named(pl.concat([*found, surveyor.finish()]), names)


def named(found: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Cases with names for numbers, and times as such."""
    traders = {number: name for name, number in names.traders.items()}
    symbols = {number: one.symbol for number, one in enumerate(names.instruments)}
    time = [pl.col(name).cast(pl.Datetime("ns", "UTC")) for name in ("started", "ended")]
    return found.with_columns(
        pl.col("trader").replace_strict(traders, default=None, return_dtype=pl.String),
        pl.col("instrument").replace_strict(symbols, default=None, return_dtype=pl.String).alias("symbol"),
        *time,
    ).select("rule", "trader", "symbol", "first_seq", "last_seq", "started", "ended", "value", "threshold", "facts", "text", "seqs")
