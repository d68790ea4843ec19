"""Numbers out of the bytes of comma-separated text, exactly: integers, and decimal seconds as nanoseconds. No floats."""

import numpy as np

from engine.compiler.kernel import kernel

COMMA, NEWLINE, RETURN, MINUS, POINT, ZERO = 44, 10, 13, 45, 46, 48
DIGITS_MAX = 18
"""Digits that fit int64 whatever they are."""
BAD = -1
"""Position of a number that is none."""
BILLION = 1_000_000_000


@kernel
def read_integer(text, at):  # type: ignore[no-untyped-def]
    """(value, position of the byte after it) of the integer that begins at `at`; position BAD where there is none."""
    negative = text[at] == MINUS
    if negative:
        at += 1
    first = at
    value = np.int64(0)
    while True:
        digit = np.int64(text[at]) - ZERO
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        at += 1
    if at == first or at - first > DIGITS_MAX:
        return value, BAD
    return -value if negative else value, at


@kernel
def read_seconds(text, at):  # type: ignore[no-untyped-def]
    """(nanoseconds, position after it) of decimal seconds, to the nearest nanosecond; position BAD where there is no such number."""
    first = at
    value = np.int64(0)
    while ZERO <= text[at] <= ZERO + 9:
        value = value * 10 + (np.int64(text[at]) - ZERO)
        at += 1
    if at == first or at - first > 6:
        return value, BAD
    unit = np.int64(BILLION)
    value *= unit
    if text[at] != POINT:
        return value, at
    at += 1
    while ZERO <= text[at] <= ZERO + 9:
        digit = np.int64(text[at]) - ZERO
        if unit > 1:
            unit //= 10
            value += digit * unit
        elif unit == 1:  # the tenth decimal rounds, what follows it cannot
            value += 1 if digit >= 5 else 0
            unit = np.int64(0)
        at += 1
    return value, at


@kernel
def line_end(text, at):  # type: ignore[no-untyped-def]
    """Position after the line break that stands at `at`, or BAD where another byte stands there."""
    if text[at] == RETURN:
        at += 1
    return at + 1 if text[at] == NEWLINE else BAD


@kernel
def skip_word(text, at):  # type: ignore[no-untyped-def]
    """Position after the letters that begin at `at`."""
    while 65 <= text[at] <= 90 or 97 <= text[at] <= 122:
        at += 1
    return at
