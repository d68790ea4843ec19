"""One command as a person writes it, in records: those that introduce its names, then itself."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from engine.messages.commands import Command, Limits, Queue, Rules
from engine.messages.instrument import Instrument, Number, decimal, opening_cash, whole_units
from engine.messages.missing import flag_of, name_of
from engine.messages.names import Names, record
from engine.messages.parsing import order_number, timestamp, word
from engine.messages.records import COMMAND
from engine.messages.vocabulary import EXPONENT_PARTS, NAMES_PORTFOLIO, NAMES_TRADER, NOT_NAMED, NOT_WHOLE, SHARE_PARTS, Flag, Grain, Kind

PARTS = Decimal("1e-9")
"""Leverage and collars are counted in these."""
ORDERS_A_SECOND = Decimal("0.001")
_POST_ONLY, _REDUCE_ONLY = int(Flag.POST_ONLY), int(Flag.REDUCE_ONLY)


def _amount(value: Number | None, unit: Decimal, what: str) -> int:
    return NOT_NAMED if value is None else whole_units(value, unit, what)


def _digits(value: Number | None, what: str) -> tuple[int, int]:
    """A quantity in units as (digits, exponent + 128): exact, whatever the lots of the instruments are."""
    if value is None:
        return NOT_NAMED, 128
    made = decimal(value, what).normalize()
    digits = int(made.scaleb(-int(made.as_tuple().exponent)))
    return digits if abs(digits) < 2**62 else NOT_WHOLE, int(made.as_tuple().exponent) + 128


def _write_limits(made: np.ndarray, limits: Limits, money: Decimal) -> None:
    made["quantity"], made["type"] = _digits(limits.max_position, "max_position")
    made["price"] = _amount(limits.max_exposure, money, "max_exposure")
    made["stop_price"] = _amount(limits.max_daily_loss, money, "max_daily_loss")
    made["order_id"] = np.int64(_amount(limits.max_leverage, PARTS, "max_leverage")).view(np.uint64)
    made["flags"] = flag_of("cash_account", limits.cash_account)


def _write_rules(made: np.ndarray, rules: Rules, money: Decimal) -> None:
    made["quantity"], made["type"] = _digits(rules.max_order_quantity, "max_order_quantity")
    made["price"] = _amount(rules.max_order_notional, money, "max_order_notional")
    made["stop_price"] = _amount(rules.price_collar, PARTS, "price_collar")
    made["order_id"] = np.int64(_amount(rules.order_rate, ORDERS_A_SECOND, "order_rate")).view(np.uint64)
    made["flags"] = not flag_of("short_sale", rules.short_sale)


def _write_queue(made: np.ndarray, queue: Queue) -> None:
    made["side"], made["type"] = queue.grain, queue.model
    made["stop_price"] = 0 if queue.exponent is None else whole_units(queue.exponent, Decimal(1) / EXPONENT_PARTS, "exponent")
    share = 1 if queue.volume_share is None and queue.grain == Grain.BARS else queue.volume_share or 0
    made["quantity"] = whole_units(share, Decimal(1) / SHARE_PARTS, "volume_share")


def _write_terms(made: np.ndarray, command: Command, instruments: Sequence[Instrument], number: int) -> None:
    """Prices and quantity, in the units of the command's instrument."""
    instrument = instruments[number] if number < len(instruments) else None
    for field in ("price", "stop_price"):
        given = getattr(command, field)
        made[field] = NOT_NAMED if given is None else instrument.price_units(given) if instrument else 0
    made["quantity"] = NOT_NAMED if command.quantity is None else instrument.lots(command.quantity) if instrument else 0


def _write_more(made: np.ndarray, command: Command, money: Decimal) -> None:
    """What a command has beside the terms of an order."""
    if command.kind == Kind.DEPOSIT:
        made["quantity"] = whole_units(command.more, money, "amount")
    elif command.kind == Kind.SET_LIMITS:
        _write_limits(made, command.more, money)
    elif command.kind == Kind.SET_RULES:
        _write_rules(made, command.more, money)
    elif command.kind == Kind.SET_QUEUE:
        _write_queue(made, command.more)
    elif command.kind in (Kind.KILL, Kind.REVIVE):
        made["flags"] = NAMES_PORTFOLIO * (command.portfolio is not None) + NAMES_TRADER * (command.trader is not None)


def encode(command: Command, names: Names, decimals: int) -> np.ndarray:
    """The records of one command. Raises ValueError where a number or a word is none; no name is introduced then."""
    parts: list[Any] = []
    made = record(command.kind, order_id=order_number(command.order_id), ts=timestamp(command.ts))
    for field in ("side", "type", "time_in_force", "self_trade"):
        made[field] = word(field, getattr(command, field))
    flags = _POST_ONLY * flag_of("post_only", command.post_only) + _REDUCE_ONLY * flag_of("reduce_only", command.reduce_only)
    if flags:
        made["flags"] = flags
    number = names.symbol(command.symbol) if command.symbol is not None else 0
    made["instrument"] = number
    _write_terms(made, command, names.instruments, number)
    _write_more(made, command, Decimal(1).scaleb(-decimals))
    restricted = [names.symbol(symbol) for symbol in command.more.restricted] if command.kind == Kind.SET_RULES else []
    if restricted:
        made["instrument"] = max(restricted)  # an unknown one is above all: then the rules are refused as a whole
    given = {field: name_of(field, name) for field in ("portfolio", "trader") if (name := getattr(command, field)) is not None}
    mark = names.mark()
    try:
        for field, kind in (("portfolio", Kind.PORTFOLIO), ("trader", Kind.TRADER)):
            if field in given:
                made[field], introduced = names.number(kind, given[field])
                if introduced is not None:
                    introduced["ts"] = made["ts"]
                    parts.append(introduced)
    except ValueError:
        names.forget(mark)
        raise
    parts.append(made)
    parts += [_restriction(instrument, int(made["trader"][0]), int(made["ts"][0])) for instrument in restricted]
    return made if len(parts) == 1 else np.concatenate(parts, dtype=COMMAND)


def encode_cash(cash: Mapping[str, Number], names: Names, decimals: int) -> list[np.ndarray]:
    """The records that open each portfolio with its cash; an empty account is only named. Raises ValueError that names the portfolio."""
    parts, total = [], 0
    for portfolio, amount in cash.items():
        units = opening_cash(portfolio, amount, decimals)
        total += units
        if units:
            parts.append(encode(Command(Kind.DEPOSIT, portfolio=portfolio, more=amount), names, decimals))
        elif (introduced := names.number(Kind.PORTFOLIO, name_of("portfolio", portfolio))[1]) is not None:
            parts.append(introduced)
    if abs(total) >= 2**62:
        most = Decimal(2**62).scaleb(-decimals)
        raise ValueError(f"cash: {len(cash)} portfolios together have too much; with these instruments it is below {most:f}")
    return parts


def _restriction(instrument: int, trader: int, ts: int) -> np.ndarray:
    return record(Kind.RESTRICT, instrument=instrument, trader=trader, ts=ts)
