"""The left side of a scenario: from words to the fields of a command."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from engine.messages.instrument import Instrument, whole_units
from engine.messages.vocabulary import NOT_NAMED, Flag, Grain, Kind, OrderType, QueueModel, SelfTrade, Side, TimeInForce

Fields = dict[str, int]
OPTIONS: dict[str, tuple[str, int]] = {
    **{tif.name.lower(): ("time_in_force", tif) for tif in TimeInForce},
    **{mode.name.lower().replace("_", "-"): ("self_trade", mode) for mode in SelfTrade},
    "trade-itself": ("self_trade", SelfTrade.NONE),
    "post-only": ("flags", Flag.POST_ONLY),
    "reduce-only": ("flags", Flag.REDUCE_ONLY),
    "hidden": ("flags", Flag.HIDDEN),
    "continued": ("flags", Flag.CONTINUED),
    "opening": ("flags", Flag.OPENING),
    "unknown": ("flags", Flag.ESTIMATED),
}
DAYS = {"end of day": Kind.END_OF_DAY, "start of day": Kind.START_OF_DAY}
NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}
RATIO, THOUSANDTH, MILLIONTH = Decimal("1e-9"), Decimal("0.001"), Decimal("1e-6")


class Names(Protocol):
    """What a table is about: instruments, and portfolios and traders by number."""

    instruments: list[Instrument]
    portfolios: list[str]
    traders: list[str]

    @property
    def money_unit(self) -> Decimal: ...


def portfolio_number(names: Names, word: str) -> int:
    return 0 if word == "outside" else names.portfolios.index(word)


def trader_number(names: Names, word: str) -> int:
    return 0 if word == "nameless" else names.traders.index(word)


def split_instrument(names: Names, text: str) -> tuple[str, int]:
    """` on Y` taken off the end, and the number of Y."""
    text, _, symbol = text.partition(" on ")
    return text, [i.symbol for i in names.instruments].index(symbol) if symbol else 0


def fields_of(names: Names, text: str) -> Fields:
    """The fields of the command that a text asks for."""
    clock = re.search(r" at (\d+)([a-z]+)$", text)
    if clock:
        return {"ts": int(clock[1]) * NANOSECONDS[clock[2]]} | fields_of(names, text[: clock.start()].strip())
    if text.startswith("raw "):
        return raw(text.split()[1:])
    text, instrument = split_instrument(names, text)
    words, listed = text.split(), names.instruments[instrument]
    fields: Fields = {"instrument": instrument}
    if text in DAYS:
        return fields | {"kind": DAYS[text]}
    while words and words[-1] in OPTIONS:
        name, value = OPTIONS[words.pop()]
        fields[name] = fields.get(name, 0) | int(value)
    asked = desk_fields(names, words, listed) or session_fields(names, words) or history_fields(words, listed)
    return fields | (asked or new_order(names, words, listed))


def raw(words: Sequence[str]) -> Fields:
    fields = {"kind": int(words[0]) if words[0].isdigit() else int(Kind[words[0]])}
    for word in words[1:]:
        name, value = word.split("=")
        fields[name] = eval(value, {"__builtins__": {}})
    return fields


def desk_fields(names: Names, words: Sequence[str], listed: Instrument) -> Fields | None:
    """What concerns an instrument, or an order that is there."""
    if words[0] in ("cancel", "replace"):
        return changed(names, words, listed)
    if words[0] in ("mark", "reference"):
        return {"kind": Kind[words[0].upper()], "price": listed.price_units(words[1])}
    if words[0] in ("halt", "resume", "clear"):
        return {"kind": Kind[words[0].upper()]}
    if words[0] == "restrict":
        return {"kind": Kind.RESTRICT, "trader": trader_number(names, words[1])}
    return None


def session_fields(names: Names, words: Sequence[str]) -> Fields | None:
    """What concerns the session, a portfolio or a trader."""
    if words[0] in ("kill", "revive"):
        return {"kind": Kind[words[0].upper()]} | switch(names, words[1:])
    if words[0] == "deposit":
        return {"kind": Kind.DEPOSIT, "portfolio": portfolio_number(names, words[1]), "quantity": money(names, words[2])}
    if words[0] == "limits":
        amounts = {"exposure": names.money_unit, "loss": names.money_unit, "leverage": RATIO}
        options = {"kind": Kind.SET_LIMITS, "portfolio": portfolio_number(names, words[1]), "flags": int("cash-account" in words)}
        return options | amounts_of(words[2:], "position", amounts)
    if words[0] == "rules":
        amounts = {"notional": names.money_unit, "collar": RATIO, "rate": THOUSANDTH}
        options = {"kind": Kind.SET_RULES, "trader": trader_number(names, words[1]), "flags": int("no-short" in words)}
        return options | amounts_of(words[2:], "quantity", amounts)
    return None


def amounts_of(words: Sequence[str], first: str, others: Mapping[str, Decimal]) -> Fields:
    """`position 100 exposure 5000 …`: a quantity in units, then three amounts; what is not named is NOT_NAMED."""
    given = dict(zip(words[::2], words[1::2]))
    fields: Fields = {"quantity": NOT_NAMED, "type": 128}
    if first in given:
        exponent = int(Decimal(given[first]).as_tuple().exponent)
        fields = {"quantity": int(Decimal(given[first]).scaleb(-exponent)), "type": 128 + exponent}
    for field, (word, unit) in zip(("price", "stop_price", "order_id"), others.items()):
        fields[field] = whole_units(given[word], unit) if word in given else NOT_NAMED
    return fields | {"order_id": fields["order_id"] % 2**64}


def switch(names: Names, words: Sequence[str]) -> Fields:
    """`session`, `trader tom` or a portfolio's name."""
    if words[0] == "session":
        return {"flags": 0}
    if words[0] == "trader":
        return {"flags": 2, "trader": trader_number(names, words[1])}
    return {"flags": 1, "portfolio": portfolio_number(names, words[0])}


def money(names: Names, word: str) -> int:
    return whole_units(word, names.money_unit)


def history_fields(words: Sequence[str], listed: Instrument) -> Fields | None:
    if words[0] in ("add", "reduce", "modify", "execute"):
        return {"kind": Kind[words[0].upper()], "order_id": ord(words[1]), "row": 1} | trade_terms(words[2:], listed)
    if words[0] in ("flow", "print", "reveal", "remove", "level", "trade"):
        volume = {"stop_price": listed.lots(words[6])} if "volume" in words else {}
        return {"kind": Kind[words[0].upper()]} | trade_terms(words[1:], listed) | volume
    return {"kind": Kind.SET_QUEUE} | queue(words[1:]) if words[0] == "queue" else None


def queue(words: Sequence[str]) -> Fields:
    """`levels power 2.5`, `bars 0.1`: what history is made of, and how our place is estimated."""
    grain = Grain[words[0].upper()]
    if grain == Grain.BARS:
        return {"side": int(grain), "quantity": whole_units(words[1], MILLIONTH)}
    fields = {"side": int(grain), "type": int(QueueModel[words[1].replace("-", "_").upper()])}
    return fields | ({"stop_price": int(16 * Decimal(words[2]))} if len(words) > 2 else {})


def new_order(names: Names, words: Sequence[str], listed: Instrument) -> Fields:
    fields = {"kind": Kind.NEW, "portfolio": portfolio_number(names, words[0])} | key(names, words[-1])
    terms = list(words[1:-1])
    if "stop" in terms:
        at = terms.index("stop")
        fields |= {"stop_price": listed.price_units(terms[at + 1])}
        del terms[at : at + 2]
    waits, market = "stop_price" in fields, terms[2] == "market"
    kind = (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT, OrderType.STOP)[2 * waits + market]
    return fields | {"type": kind} | trade_terms(terms, listed)


def changed(names: Names, words: Sequence[str], listed: Instrument) -> Fields:
    fields = {"kind": Kind[words[0].upper()]} | key(names, words[1])
    if words[0] == "cancel":
        return fields
    fields |= {"quantity": NOT_NAMED, "price": NOT_NAMED, "stop_price": NOT_NAMED}
    for name, value in zip(words[2::2], words[3::2]):
        fields[{"stop": "stop_price"}.get(name, name)] = listed.lots(value) if name == "quantity" else listed.price_units(value)
    return fields


def key(names: Names, word: str) -> Fields:
    trader, _, number = word.partition("#")
    return {"trader": names.traders.index(trader), "order_id": int(number)}


def trade_terms(words: Sequence[str], listed: Instrument) -> Fields:
    """`buy 100 @ 10.00` or `sell 5 market`."""
    fields = {"side": int(Side[words[0].upper()]), "quantity": listed.lots(words[1])}
    return fields | ({"price": listed.price_units(words[3])} if words[2] == "@" else {})
