"""The words of settlement, and what its commands and facts put into the fields of the log's two records.

A settlement session is a log of its own beside the trading session's, of the same records: its commands say what the world did (a day
came, the custodian settled, or failed), its facts what follows. A command's `position` is the seq of the trading session up to which
trades count. Its kinds are its own: `NAME.settlement` is no session of orders.

Of facts about an instruction `order_id` is its number, `side` BUY where the portfolio receives and SELL where it delivers, `maker_order_id`
the lots, `fee` the cash that it gets, `maker_fee` the fees in that, `price` the trade date, `stop_price` the date on which it is due,
`quantity` its trades, `remaining` its tries. `price` of DAY and DayReached is the date.

Dates are days since 1970.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from engine.messages.records import COMMAND, FACT
from engine.messages.vocabulary import Side


class Step(IntEnum):
    """Commands (below 64) and facts of a settlement session."""

    DAY = 50  # a date began: what was traded before is instructed
    SETTLE = 51  # the custodian settled an instruction
    FAIL = 52  # it could not
    COMPENSATE = 53  # somebody gives an instruction up

    DayReached = 120
    SettlementInstructed = 121
    SettlementSettled = 122
    SettlementFailed = 123
    SettlementRetried = 124
    SettlementCompensated = 125
    StepRejected = 126


class Refusal(IntEnum):
    """Reasons of StepRejected."""

    UNKNOWN_INSTRUCTION = 1
    NOT_DUE = 2
    DAY_PASSED = 3


class Instruction(NamedTuple):
    """What a portfolio receives or delivers of an instrument, net of a day's trades, against cash."""

    number: int
    portfolio: int
    instrument: int
    lots: int
    """Above 0: it receives them."""
    cash: int
    """Money that it gets, fees taken off; below 0: it pays."""
    fees: int
    traded: int
    due: int
    trades: int
    tries: int = 0


def command(kind: Step, ts: int, number: int = 0, date: int = 0) -> np.ndarray:
    """A command (1,) of a settlement session."""
    made = np.zeros(1, COMMAND)
    made["kind"], made["ts"], made["order_id"], made["price"] = kind, ts, number, date
    return made


def fact_of(kind: Step, ts: int, one: Instruction) -> np.ndarray:
    """A fact (1,) about an instruction; its seq is set where it is logged."""
    made = np.zeros(1, FACT)
    row = made[0]
    row["kind"], row["ts"], row["order_id"], row["portfolio"], row["instrument"] = kind, ts, one.number, one.portfolio, one.instrument
    row["side"], row["maker_order_id"] = Side.BUY if one.lots >= 0 else Side.SELL, abs(one.lots)
    row["fee"], row["maker_fee"], row["price"], row["stop_price"] = one.cash, one.fees, one.traded, one.due
    row["quantity"], row["remaining"] = min(one.trades, 2**32 - 1), one.tries
    return made


def plain_fact(kind: Step, ts: int, number: int = 0, date: int = 0, reason: int = 0) -> np.ndarray:
    """DayReached, or StepRejected with its reason."""
    made = np.zeros(1, FACT)
    made["kind"], made["ts"], made["order_id"], made["price"], made["reason"] = kind, ts, number, date, reason
    return made


def instruction_of(fact: np.void) -> Instruction:
    """The instruction that a fact is about."""
    lots = int(fact["maker_order_id"])
    return Instruction(
        int(fact["order_id"]),
        int(fact["portfolio"]),
        int(fact["instrument"]),
        lots if fact["side"] == Side.BUY else -lots,
        int(fact["fee"]),
        int(fact["maker_fee"]),
        int(fact["price"]),
        int(fact["stop_price"]),
        int(fact["quantity"]),
        int(fact["remaining"]),
    )


def joined_facts(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Facts one behind the other."""
    return np.concatenate([np.zeros(0, FACT), *parts], dtype=FACT)
