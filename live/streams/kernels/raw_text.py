"""Records of market-data-raw as they are nearly always written, read by a kernel: many a call, each whole and exact or not at all.

What it does not take (escapes, exponents, more than 18 digits, other times, anything wrong) is read by `live.streams.raw_json`, which
says what is wrong; where both read a record they say the same.
"""

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel
from live.streams.kernels.records import PRICE_END, SIZE_END, TICK

SCALE = np.dtype([(name, "<i8") for name in ("price_mantissa", "price_power", "lot_mantissa", "lot_power", "least")])
"""A unit is mantissa × 10^power; `least`: price units of the lowest price."""
DIGITS_MAX = 18
ROW = 10
"""Numbers of 8 bytes in a TICK."""
_SPACE, _QUOTE, _COMMA, _MINUS, _POINT, _COLON, _OPEN, _CLOSE, _ESCAPE = (ord(one) for one in ' ",-.:{}\\')
_ZERO, _NINE, _A, _Z, _N, _U, _L, _T, _UTC = (ord(one) for one in "09aznulTZ")
_KEYS = [int.from_bytes(name.encode(), "big") for name in ("symbol", "ts", "last", "size", "bid", "ask", "open", "high", "low", "close")]
_SYMBOL, _TS, _LAST, _SIZE, _BID, _ASK, _OPENED, _HIGH, _LOW, _CLOSED = _KEYS
_KEY_LETTERS = 6
HASHED = (1 << 30) - 1
_SECOND = 10**9
NONE = -(2**63)


@kernel
def _field(key):
    """The place of a key among the fields of a record; -1 for one that it has not."""
    if key == _SYMBOL:
        return 0
    if key == _TS:
        return 1
    if key == _LAST:
        return 2
    if key == _SIZE:
        return 3
    if key == _BID:
        return 4
    if key == _ASK:
        return 5
    if key == _OPENED:
        return 6
    if key == _HIGH:
        return 7
    if key == _LOW:
        return 8
    return 9 if key == _CLOSED else -1


@kernel
def _is_digit(text, i):
    return _ZERO <= text[i] <= _NINE


@kernel
def _past_spaces(text, i):
    while text[i] == _SPACE:
        i += 1
    return i


@kernel
def _number(text, i, found):
    """The place behind a number, bare or in quotes, or -1; found: its digits with their sign, and how many of them are decimals."""
    quoted = text[i] == _QUOTE
    if quoted:
        i += 1
    negative = text[i] == _MINUS
    if negative:
        i += 1
    first, digits, point = i, 0, -1
    while _is_digit(text, i) or (text[i] == _POINT and point < 0 and i > first):
        if text[i] == _POINT:
            point = i
        else:
            digits = digits * 10 + np.int64(text[i]) - _ZERO
        i += 1
        if i - first > DIGITS_MAX:
            return -1
    whole = (point if point >= 0 else i) - first
    if whole == 0 or (whole > 1 and text[first] == _ZERO) or point == i - 1:
        return -1
    if quoted:
        if text[i] != _QUOTE:
            return -1
        i += 1
    found[0] = -digits if negative else digits
    found[1] = 0 if point < 0 else i - quoted - point - 1
    return i


@kernel
def _ten(power):
    made = 1
    for _ in range(power):
        made *= 10
    return made


@kernel
def _units(digits, decimals, mantissa, power):
    """digits × 10^-decimals in units of mantissa × 10^power, or NONE."""
    up = -decimals - power
    if abs(up) > DIGITS_MAX:
        return NONE
    scale = _ten(abs(up))
    if up >= 0:
        if abs(digits) > _ten(DIGITS_MAX) // scale:
            return NONE
        digits, scale = digits * scale, mantissa
    else:
        if mantissa > _ten(DIGITS_MAX) // scale:
            return NONE
        scale *= mantissa
    made = digits // scale
    return made if made * scale == digits else NONE


@kernel
def _two(text, i):
    """Two digits, or -1."""
    if not (_is_digit(text, i) and _is_digit(text, i + 1)):
        return -1
    return (np.int64(text[i]) - _ZERO) * 10 + np.int64(text[i + 1]) - _ZERO


@kernel
def _days(year, month, day):
    """Days since 1970 of a date, or -1 where there is none. After Howard Hinnant, chrono-compatible low-level date algorithms."""
    if not (1970 <= year < 2116 and 1 <= month <= 12 and day >= 1):
        return -1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 28 + leap if month == 2 else 30 + (month + month // 8) % 2
    if day > last:
        return -1
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@kernel
def _time(text, i, found):
    """The place behind a time in quotes, 2026-01-05T14:30:00.123456789Z with up to nine decimals, or -1; found: ns UTC."""
    if text[i] != _QUOTE or _two(text, i + 1) < 0 or _two(text, i + 3) < 0 or text[i + 5] != _MINUS:
        return -1
    year, month = _two(text, i + 1) * 100 + _two(text, i + 3), _two(text, i + 6)
    if month < 0 or text[i + 8] != _MINUS:
        return -1
    day = _two(text, i + 9)
    if day < 0 or text[i + 11] != _T:
        return -1
    hour = _two(text, i + 12)
    if not 0 <= hour < 24 or text[i + 14] != _COLON:
        return -1
    minute = _two(text, i + 15)
    if not 0 <= minute < 60 or text[i + 17] != _COLON:
        return -1
    second, days = _two(text, i + 18), _days(year, month, day)
    if not 0 <= second < 60 or days < 0:
        return -1
    i += 20
    part, weight = 0, _SECOND
    if text[i] == _POINT:
        i += 1
        while _is_digit(text, i) and weight > 1:
            weight //= 10
            part += (np.int64(text[i]) - _ZERO) * weight
            i += 1
        if weight == _SECOND:
            return -1
    if text[i] != _UTC or text[i + 1] != _QUOTE:
        return -1
    found[0] = (days * 86_400 + hour * 3_600 + minute * 60 + second) * _SECOND + part
    return i + 2


@kernel
def _symbol(text, i, names, slots, found):
    """The place behind a listed symbol in quotes, or -1; found: its number."""
    if text[i] != _QUOTE:
        return -1
    first, key = i + 1, 0
    i = first
    while text[i] != _QUOTE:
        if text[i] < _SPACE or text[i] == _ESCAPE:
            return -1
        key = (key * 31 + np.int64(text[i])) & HASHED
        i += 1
    at = key % len(slots)
    while slots[at, 0] >= 0:
        start, end = slots[at, 1], slots[at, 2]
        if end - start == i - first:
            same = True
            for k in range(end - start):
                if names[start + k] != text[first + k]:
                    same = False
                    break
            if same:
                found[0] = slots[at, 0]
                return i + 1
        at = (at + 1) % len(slots)
    return -1


@kernel
def _value(text, i, field, names, slots, found):
    """The place behind the value of a field, or -1; found: what it is, and found[1] = -1 for null."""
    if field == 0:
        return _symbol(text, i, names, slots, found)
    if field == 1:
        return _time(text, i, found)
    if text[i] == _N:
        found[1] = -1
        return i + 4 if text[i + 1] == _U and text[i + 2] == _L and text[i + 3] == _L else -1
    return _number(text, i, found)


@kernel
def _put(numbers, scale, row):
    """Prices and size in units, as a row of TICK; whether all are whole and within their bounds."""
    for k in range(8):
        row[1 + k] = 0
        if numbers[k, 1] < 0:
            continue
        if k == 1:
            units, least, end = _units(numbers[k, 0], numbers[k, 1], scale["lot_mantissa"], scale["lot_power"]), 0, SIZE_END
        else:
            units = _units(numbers[k, 0], numbers[k, 1], scale["price_mantissa"], scale["price_power"])
            least, end = scale["least"], PRICE_END
        if not least <= units < end:
            return False
        row[1 + k] = units
    return True


@kernel
def _record(text, i, end, names, slots, scales, numbers, found, row):
    """Whether text[i:end] is a plain record; then the row (10 numbers of 8 bytes) is its TICK."""
    for k in range(8):
        numbers[k, 1] = -1
    seen = has = 0
    ts, symbol = NONE, NONE
    if text[i] != _OPEN:
        return False
    i += 1
    while True:
        i = _past_spaces(text, i)
        if text[i] != _QUOTE:
            return False
        i, key, first = i + 1, 0, i + 1
        while _A <= text[i] <= _Z and i - first < _KEY_LETTERS:
            key = key * 256 + np.int64(text[i])
            i += 1
        field = _field(key)
        if field < 0 or text[i] != _QUOTE or seen >> field & 1:
            return False
        seen |= 1 << field
        i = _past_spaces(text, i + 1)
        if text[i] != _COLON:
            return False
        found[1] = 0
        i = _value(text, _past_spaces(text, i + 1), field, names, slots, found)
        if i < 0:
            return False
        if field == 0:
            symbol = found[0]
        elif field == 1:
            ts = found[0]
        elif found[1] >= 0:
            has |= 1 << (field - 2)
            numbers[field - 2, 0], numbers[field - 2, 1] = found[0], found[1]
        i = _past_spaces(text, i)
        if text[i] != _COMMA:
            break
        i += 1
    if text[i] != _CLOSE or i + 1 != end or symbol < 0 or ts <= 0:
        return False
    row[0], row[9] = ts, has << 32 | symbol
    return _put(numbers, scales[symbol], row)


@entry_kernel
def read_records(text, ends, names, slots, scales, room, rows, done):
    """Read the records of `text` that end before the line ends at `ends`, into `rows` (int64 (n, 10): TICK); `done` says which it took.
    `room`: int64 (9, 2), to work in."""
    start = 0
    for k in range(len(ends)):
        done[k] = _record(text, start, ends[k], names, slots, scales, room[:8], room[8], rows[k])
        start = ends[k] + 1


assert TICK.itemsize == 8 * ROW
