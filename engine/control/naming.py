"""Names and terms, judged before anything is taken: whose number it is, whether it is text, whether it means something."""

import numpy as np

from engine.compiler.kernel import kernel
from engine.messages.names import DECIMALS_MAX, DECIMALS_MIN, INSTRUMENTS_MAX, NAMES_AHEAD, NAMES_MAX, ORDERS_MAX
from engine.messages.records import NAME_BYTES
from engine.messages.vocabulary import Kind, Reason
from engine.state.arrays import FINISHED
from engine.state.digest import START, mix
from engine.state.id_table import find, put

FEE_END = 10**12
"""A fee is a part of the notional, counted in these; it is below the whole, either way."""
POWER_MIN, POWER_MAX = 128 - 36, 128 + 36
"""Exponents of a price unit and a lot, + 128: from 10^-36 to 10^36."""


@kernel
def _word(c, k):
    """Eight bytes of the name that a command carries, the first ones lowest."""
    if k == 0:
        return c["order_id"]
    if k == 1:
        return np.uint64(c["quantity"])
    if k == 2:
        return np.uint64(c["price"])
    if k == 3:
        return np.uint64(c["stop_price"])
    return np.uint64(c["instrument"]) | (np.uint64(c["portfolio"]) << np.uint64(32))


@kernel
def is_text(c):
    """Whether the name of a command is text: not empty, well-formed UTF-8 (Unicode 15, table 3-7), nothing behind its first zero byte."""
    left, low, high = 0, 0x80, 0xBF
    ended = False
    for k in range(NAME_BYTES):
        byte = np.int64((_word(c, k >> 3) >> np.uint64(8 * (k & 7))) & np.uint64(255))
        if ended or (byte == 0 and left == 0):
            if byte != 0 or k == 0:
                return False
            ended = True
        elif left > 0:
            if byte < low or byte > high:
                return False
            left, low, high = left - 1, 0x80, 0xBF
        elif byte >= 0x80:
            if byte < 0xC2 or byte > 0xF4:
                return False
            left = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
            low = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
            high = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
    return left == 0


@kernel
def _place_of(state, c):
    """Where a name stands, or belongs, in the table of names of its kind; two whose hashes are equal count as one."""
    name = START
    for k in range(NAME_BYTES // 8):
        name = mix(name, _word(c, k))
    return find(state.named, name, c["kind"]), name


@kernel
def misnamed(state, c):
    """Why a SYMBOL, PORTFOLIO or TRADER cannot be: its number is beyond the session's limit, is taken or is not to come yet; its name is
    no text, or another's. Else NONE."""
    session, number = state.session[0], np.int64(c["trader"])
    if c["kind"] == Kind.PORTFOLIO:
        if number >= session["portfolios_max"]:
            return Reason.TOO_MANY_PORTFOLIOS
        if number >= session["portfolios"] + NAMES_AHEAD or state.portfolios[number]["open"] != 0:
            return Reason.INVALID_COMBINATION
    elif c["kind"] == Kind.TRADER:
        if number >= session["traders_max"]:
            return Reason.TOO_MANY_TRADERS
        if number >= session["traders"] + NAMES_AHEAD or state.traders[number]["admitted"] != 0:
            return Reason.INVALID_COMBINATION
    else:
        if number >= session["instruments_max"]:
            return Reason.TOO_MANY_INSTRUMENTS
        if number != session["symbols"]:
            return Reason.INVALID_COMBINATION
    if not is_text(c):
        return Reason.INVALID_COMBINATION
    at, _ = _place_of(state, c)
    return Reason.INVALID_COMBINATION if state.named[at]["slot"] != 0 else Reason.NONE


@kernel
def keep_name(state, c):
    """A name that was taken is told to whoever reads the state, and is no other's from now on."""
    if c["kind"] != Kind.INSTRUMENT:
        at, name = _place_of(state, c)
        put(state.named, at, name, c["kind"], FINISHED | np.int64(c["trader"]))
    session = state.session[0]
    state.naming[session["names"]] = c
    session["names"] += 1


@kernel
def opens(c):
    """Whether a SESSION says what a session can be: decimals of money, and limits within those of any session."""
    if c["type"] < DECIMALS_MIN or c["type"] > DECIMALS_MAX or c["quantity"] < 0 or c["quantity"] > ORDERS_MAX:
        return False
    return 1 <= c["price"] <= NAMES_MAX and 1 <= c["stop_price"] <= NAMES_MAX and c["order_id"] <= INSTRUMENTS_MAX


@kernel
def _has_decimals(value, digits, more):
    """Whether value ÷ (digits × more) ends as a decimal: all that does not divide `value` in it is twos and fives."""
    part = np.uint64(digits) * np.uint64(more)
    for k in (2, 5):
        factor = np.uint64(k)
        while part % factor == 0:
            part = part // factor
    return np.uint64(value) % part == 0


@kernel
def makes_sense(c):
    """Whether the terms of an INSTRUMENT can be an instrument's: tick and value of a price, fees below the whole, a lot and a price unit
    above 0, whose multiplier is a decimal."""
    if not (0 < c["price"] < 1 << 31 and 0 < c["quantity"] < 1 << 62) or c["flags"] > 1:
        return False
    taker = np.int64(c["order_id"])
    if not (-FEE_END < c["stop_price"] < FEE_END and -FEE_END < taker < FEE_END):
        return False
    if c["portfolio"] == 0 or c["trader"] == 0:
        return False
    if not (POWER_MIN <= c["side"] <= POWER_MAX and POWER_MIN <= c["type"] <= POWER_MAX):
        return False
    return _has_decimals(c["quantity"], c["portfolio"], c["trader"])
