"""How the log's views write a column: names for numbers, decimals beside exact integers.

Prices, quantities and money are DOUBLE, each a whole number divided once; the columns that end in `_ticks`, `_lots` and `_raw` (money in
10^-decimals) are exact. Times are TIMESTAMP_NS in UTC. NULL where there is nothing. Facts are called `f`, their instrument `i`.
"""

from collections.abc import Iterable
from enum import IntEnum

from engine.messages.vocabulary import Kind, OrderType

LISTED = "LEFT JOIN instruments i ON i.session = f.session AND i.number = f.instrument"
STOPS = f"({OrderType.STOP:d}, {OrderType.STOP_LIMIT:d})"
PRICED = f"({OrderType.LIMIT:d}, {OrderType.STOP_LIMIT:d})"


def word(column: str, words: type[IntEnum]) -> str:
    """An enum's number as its name; NULL where it has no such number."""
    cases = " ".join(f"WHEN {int(one)} THEN '{one.name}'" for one in words)
    return f"CASE {column} {cases} END"


def one_of(numbers: Iterable[int]) -> str:
    """Numbers for IN."""
    return f"({', '.join(str(int(number)) for number in numbers)})"


def kinds(*of: Kind) -> str:
    """Kinds for IN."""
    return one_of(of)


def time_of(column: str) -> str:
    """A time as TIMESTAMP_NS; NULL for the two that DuckDB keeps for infinity."""
    return f"make_timestamp_ns(CASE WHEN abs({column}::HUGEINT) < {2**63 - 1} THEN {column} END)"


def price(units: str) -> str:
    """Price units as DOUBLE."""
    return f"{units}::DOUBLE * i.price_numerator / i.price_denominator"


def ticks(units: str) -> str:
    """Price units in ticks; NULL off the tick."""
    return f"CASE WHEN {units} % i.tick_units = 0 THEN {units} // i.tick_units END"


def quantity(lots: str) -> str:
    """Lots as DOUBLE."""
    return f"{lots}::DOUBLE * i.lot_numerator / i.lot_denominator"


def money(raw: str, decimals: str = "i.decimals") -> str:
    """Money in 10^-decimals as DOUBLE."""
    return f"{raw}::DOUBLE / (10 ** {decimals})"


def named(kind: str, column: str, alias: str) -> str:
    """The join that finds the name of a portfolio or trader number."""
    return f"LEFT JOIN names {alias} ON {alias}.session = f.session AND {alias}.kind = '{kind}' AND {alias}.number = {column}"


def called(alias: str, column: str) -> str:
    """A portfolio's or trader's name; number 0 is "", which nobody has to name."""
    return f"COALESCE({alias}.name, CASE {column} WHEN 0 THEN '' END)"


def flag(bit: int, column: str = "f.flags") -> str:
    """Whether a bit of `flags` is set."""
    return f"{column} & {int(bit)} <> 0"


OWNERS = f"{named('portfolio', 'f.portfolio', 'p')} {named('trader', 'f.trader', 't')}"
PORTFOLIO, TRADER = called("p", "f.portfolio"), called("t", "f.trader")
