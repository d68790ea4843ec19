"""What settles when: a frame of a settlement's state, and that of a session from its two logs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from data.log.sessions import names_of
from data.settlement.machine import Machine
from data.settlement.steps import Step
from data.settlement.terms import SettlementError, Terms, settle_dates
from engine.messages.instrument import Instrument, money_decimals
from engine.messages.names import Names

if TYPE_CHECKING:
    from data.log.event_log import EventLog

SUFFIX = ".settlement"
"""Behind a session's name: its settlement session, in a folder of that name."""
_SCHEMA: dict[str, Any] = {
    "settles": pl.Date,
    "traded": pl.Date,
    "portfolio": pl.String,
    "symbol": pl.String,
    "status": pl.String,
    "quantity": pl.Float64,
    "cash": pl.Float64,
    "fees": pl.Float64,
    "trades": pl.Int64,
    "tries": pl.Int64,
    "instruction": pl.Int64,
    "quantity_lots": pl.Int64,
    "cash_raw": pl.Int64,
}


def trade_dates(ts: np.ndarray, time_zone: str) -> np.ndarray:
    """The dates (days since 1970) of moments (ns UTC) on the clock of a zone."""
    local = pl.Series(np.ascontiguousarray(ts)).cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone(time_zone)
    return local.dt.date().cast(pl.Int32).to_numpy().astype(np.int64)


def as_frame(machine: Machine, names: Names, decimals: int) -> pl.DataFrame:
    """One row for each instruction and each net of a day that is not over: `settles` (of the next try; null beyond the calendar's end),
    `traded`, `portfolio`, `symbol`, `status` TRADED INSTRUCTED FAILED, `quantity` (below 0: delivers), `cash` (below 0: pays), `fees` in
    it, trades, tries, instruction (null before it is instructed), and exact lots and money in 10^-decimals. In the order of settlement."""
    rows: list[tuple[Any, ...]] = []
    for (date, instrument, portfolio), (lots, cash, fees, trades) in machine.open.items():
        rows.append((_due(date, machine.terms[instrument]), date, portfolio, instrument, "TRADED", lots, cash, fees, trades, 0, None))
    for one in machine.instructions.values():
        status = "FAILED" if one.tries else "INSTRUCTED"
        rows.append(
            (one.due, one.traded, one.portfolio, one.instrument, status, one.lots, one.cash, one.fees, one.trades, one.tries, one.number)
        )
    return _frame(rows, names.instruments, {number: name for name, number in names.portfolios.items()}, decimals)


def _due(date: int, terms: Terms) -> int | None:
    try:
        return int(settle_dates(np.array([date]), terms)[0])
    except SettlementError:
        return None


def _frame(rows: Sequence[tuple[Any, ...]], instruments: Sequence[Instrument], portfolios: dict[int, str], decimals: int) -> pl.DataFrame:
    unit = 10**decimals
    made = [
        {
            "settles": np.datetime64(due, "D").item(),
            "traded": np.datetime64(date, "D").item(),
            "portfolio": portfolios.get(portfolio, ""),
            "symbol": instruments[instrument].symbol,
            "status": status,
            "quantity": float(instruments[instrument].quantity(lots)),
            "cash": cash / unit,
            "fees": fees / unit,
            "trades": trades,
            "tries": tries,
            "instruction": number,
            "quantity_lots": lots,
            "cash_raw": cash,
        }
        for due, date, portfolio, instrument, status, lots, cash, fees, trades, tries, number in rows
    ]
    return pl.DataFrame(made, schema=_SCHEMA).sort("settles", "portfolio", "symbol", "traded", nulls_last=True, maintain_order=True)


def terms_of(meta: dict[str, Any], instruments: Sequence[Instrument]) -> dict[int, Terms]:
    """The terms that a settlement session was begun with, by instrument."""
    given = meta.get("terms", {})
    return {number: Terms(*given[one.symbol]) for number, one in enumerate(instruments) if one.symbol in given}


def machine_of(trading: "EventLog", session: int, settlement: "EventLog", number: int) -> Machine:
    """Settlement as two logs have it: the trading session, and its settlement session. Raises SettlementError, LogError."""
    meta = settlement.meta(number)
    if "terms" not in meta:
        raise SettlementError(f"{settlement.path}: session {number} is not a settlement; name one whose name ends in {SUFFIX}")
    instruments = trading.instruments(session)
    machine = Machine(instruments, money_decimals(instruments), terms_of(meta, instruments), int(meta["retries"]))
    for facts in settlement.read_facts(number):
        machine.learn(facts)
    for facts in trading.read_facts(session, last_day(settlement, number) + 1):
        machine.trade(facts, trade_dates(facts["ts"], meta["time_zone"]))
    return machine


def last_day(settlement: "EventLog", number: int) -> int:
    """The seq of the trading session up to which trades are instructed: where the last DAY stands that was not refused."""
    found = 0
    with settlement.at_once(False) as reader:
        query = (
            f"SELECT max(position) FROM commands c WHERE session = ? AND kind = {Step.DAY:d} AND EXISTS (SELECT 1 FROM facts f "
            f"WHERE f.session = c.session AND f.seq = c.seq + 1 AND f.kind = {Step.DayReached:d})"
        )
        found = reader.file.rows(query, [number])[0][0] or 0
    return int(found)


def ladder(trading: "EventLog", session: int, settlement: "EventLog", number: int = 1) -> pl.DataFrame:
    """See `as_frame`, of two logs."""
    machine = machine_of(trading, session, settlement, number)
    with trading.at_once(False) as reader:
        names = names_of(reader.file, session)
    return as_frame(machine, names, money_decimals(names.instruments))


def movements(settlement: "EventLog", number: int = 1) -> pl.DataFrame:
    """What was settled and compensated: `seq, ts, step` (the fact), `instruction, portfolio, symbol, quantity_lots, cash_raw, traded`."""
    sign = "CASE f.side WHEN 0 THEN 1 ELSE -1 END"
    steps = " ".join(f"WHEN {int(step)} THEN '{step.name}'" for step in Step)
    query = (
        f"SELECT f.seq, f.ts, CASE f.kind {steps} END AS step, f.order_id AS instruction, coalesce(p.name, '') AS portfolio, i.symbol, "
        f"({sign} * f.maker_order_id::BIGINT)::BIGINT AS quantity_lots, f.fee AS cash_raw, f.price AS traded FROM facts f "
        "JOIN instruments i ON i.session = f.session AND i.number = f.instrument LEFT JOIN names p ON p.session = f.session "
        f"AND p.kind = 'portfolio' AND p.number = f.portfolio WHERE f.session = ? AND f.kind IN ({Step.SettlementSettled:d}, "
        f"{Step.SettlementCompensated:d}) ORDER BY f.seq"
    )
    with settlement.at_once(False) as reader:
        found = reader.file.frame(query, [number])
    return found.with_columns(
        pl.col("ts").cast(pl.Datetime("ns", "UTC")), pl.col("traded").cast(pl.Int32).cast(pl.Date), pl.col("instruction").cast(pl.Int64)
    )
