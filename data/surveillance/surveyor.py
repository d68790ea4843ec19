"""Looks for cases in a session's facts as they come: a log from its beginning, or a session that runs.

A case can be told once all that it depends on has happened: a rule says when (`due`) and how far back it looks (`reach`). So facts are
looked at in steps that end at full minutes of their own time, and how they are cut into batches never changes what is found.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.surveillance.facts import relevant, tape
from data.surveillance.orders import LAYERING, ORDER_TO_TRADE, QUOTE_STUFFING, added, counted, order_to_trade
from data.surveillance.rule import MOST_SEQS, SECOND, Rule, SurveillanceError, settle
from data.surveillance.trading import MARKING_THE_CLOSE, MOMENTUM_IGNITION, WASH_TRADES
from engine.messages.hints import did_you_mean
from engine.messages.records import FACT
from engine.messages.vocabulary import Kind

RULES = {one.name: one for one in (ORDER_TO_TRADE, LAYERING, WASH_TRADES, MARKING_THE_CLOSE, QUOTE_STUFFING, MOMENTUM_IGNITION)}
STEP = 60 * SECOND
_FOREVER = 1 << 62
SCHEMA: dict[str, Any] = {
    "rule": pl.String,
    **dict.fromkeys(("trader", "instrument", "first_seq", "last_seq", "started", "ended"), pl.Int64),
    "value": pl.Float64,
    "threshold": pl.Float64,
    "facts": pl.Int64,
    "text": pl.String,
    "seqs": pl.List(pl.Int64),
}


def chosen(names: Sequence[str] | None) -> list[Rule]:
    """The rules of these names; all without any. Raises SurveillanceError."""
    for name in names or ():
        if name not in RULES:
            raise SurveillanceError(f"no rule {name!r}; {did_you_mean(name, list(RULES), 'there are ' + ', '.join(RULES))}")
    return [RULES[name] for name in names or RULES]


class Surveyor:
    """`rules`: names of rules, all by default; `given`: rule -> parameter -> value. Raises SurveillanceError."""

    def __init__(self, rules: Sequence[str] | None = None, given: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        chosen(list(given or {}))
        self.rules = [(rule, settle(rule, (given or {}).get(rule.name, {}))) for rule in chosen(rules)]
        self._daily = [(rule, values) for rule, values in self.rules if rule is ORDER_TO_TRADE]
        self._near = [(rule, values) for rule, values in self.rules if rule is not ORDER_TO_TRADE]
        self.reach = 2 * round(SECOND * max([rule.reach(values) for rule, values in self._near], default=0.0))
        self._kept: list[np.ndarray] = []
        self._day: list[pl.DataFrame] = []
        self.until = 0
        """Cases that were due before this time (ns UTC) were found."""

    def add(self, facts: np.ndarray) -> pl.DataFrame:
        """The next facts (FACT), in order; returns the cases that they complete (SCHEMA)."""
        found = [self._days(facts)]
        kept = relevant(facts)
        if len(kept):
            self._kept.append(kept)
        if len(facts):
            found.append(self.reached(int(facts["ts"][-1])))
        return pl.concat(found)

    def reached(self, now: int) -> pl.DataFrame:
        """Time has come to `now` (ns UTC), and no earlier fact will come; returns the cases that are complete."""
        edge = now // STEP * STEP
        if edge <= self.until:
            return _nothing()
        found = self._look(self.until, edge)
        self.until = edge
        self._forget(edge - self.reach)
        return found

    def finish(self) -> pl.DataFrame:
        """No more facts will come; returns the cases that are left, those of the last day too."""
        found = self._look(self.until, _FOREVER)
        self._kept, self.until = [], _FOREVER
        return pl.concat([found, self._turn()])

    def _look(self, since: int, edge: int) -> pl.DataFrame:
        if not self._kept or not self._near:
            return _nothing()
        self._kept = [np.concatenate(self._kept, dtype=FACT)]
        facts = self._kept[0]
        shown = tape(facts[: np.searchsorted(facts["ts"], edge)])
        cases = [
            _made(rule, rule.find(shown, values).filter((pl.col("due") > since) & (pl.col("due") <= edge))) for rule, values in self._near
        ]
        return pl.concat(cases).sort("last_seq", "rule", "trader")

    def _forget(self, before: int) -> None:
        self._kept = [facts[np.searchsorted(facts["ts"], before) :].copy() for facts in self._kept if facts["ts"][-1] >= before]

    def _days(self, facts: np.ndarray) -> pl.DataFrame:
        """Count messages and trades; where a day begins, judge the one before."""
        if not self._daily:
            return _nothing()
        found, first = [_nothing()], 0
        for turn in np.flatnonzero(facts["kind"] == Kind.DayStarted).tolist():
            self._count(facts[first:turn])
            found.append(self._turn())
            first = turn
        self._count(facts[first:])
        return pl.concat(found)

    def _count(self, facts: np.ndarray) -> None:
        kept = relevant(facts)
        if len(kept):
            self._day.append(counted(tape(kept)))
        if len(self._day) > 16:
            self._day = [added(self._day)]

    def _turn(self) -> pl.DataFrame:
        if not self._day or not self._daily:
            return _nothing()
        day, self._day = added(self._day), []
        return pl.concat([_made(rule, order_to_trade(day, values)) for rule, values in self._daily])


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)


def _made(rule: Rule, found: pl.DataFrame) -> pl.DataFrame:
    """Cases in the columns of SCHEMA."""
    seqs = pl.col("seqs").list
    return found.with_columns(
        rule=pl.lit(rule.name),
        first_seq=seqs.min(),
        last_seq=seqs.max(),
        facts=seqs.len().cast(pl.Int64),
        seqs=seqs.sort().list.head(MOST_SEQS),
    ).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
