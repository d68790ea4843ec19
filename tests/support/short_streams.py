"""Short lists of commands for hypothesis: few ids and few prices, so that they meet, and shrink well."""

from typing import Any

from hypothesis import strategies as st

from engine.messages.vocabulary import NOT_NAMED, Kind
from tests.support.streams import (
    HISTORY_KINDS,
    STRANGE_AMOUNTS,
    STRANGE_EXPONENTS,
    STRANGE_KINDS,
    STRANGE_PRICES,
    STRANGE_QUANTITIES,
    Command,
)
from tests.support.worlds import World


def command_strategy(world: World) -> st.SearchStrategy[Command]:
    """One command."""
    number = st.integers
    listed = number(0, len(world.instruments) - 1) | st.just(len(world.instruments))
    quantity = number(1, 6) | st.sampled_from(STRANGE_QUANTITIES)
    last = len(world.instruments) - 1
    price = st.builds(lambda steps, i: world.middle(i) + steps * world.instruments[i].tick_units, number(-2, 2), number(0, last))
    any_price = price | price | price | st.sampled_from(STRANGE_PRICES)
    changed = any_price | st.just(NOT_NAMED)
    portfolio, trader = number(0, len(world.portfolio_names)), number(0, len(world.traders) + 1)
    named = {"order_id": number(0, 6), "trader": trader, "instrument": listed, "ts": number(-1, 5)}
    order = {"portfolio": portfolio, "side": number(0, 2), "type": st.sampled_from((1, 1, 1, 0, 2, 3, 4)), "stop_price": any_price}
    order |= {"time_in_force": number(0, 4), "self_trade": number(0, 4), "flags": st.sampled_from((0, 0, 0, 1, 2, 2, 3, 4))}
    history: dict[str, Any] = {
        "side": number(0, 2),
        "quantity": number(1, 6),
        "price": any_price,
        "instrument": listed,
        "ts": number(-1, 5),
    }
    control = (Kind.MARK, Kind.REFERENCE, Kind.HALT, Kind.RESUME, Kind.RESUME, Kind.END_OF_DAY, Kind.START_OF_DAY, *STRANGE_KINDS)
    amount = st.just(NOT_NAMED) | number(0, 4) | number(0, 10**7) | st.sampled_from(STRANGE_AMOUNTS)
    amounts = {"quantity": amount, "price": amount, "stop_price": amount, "order_id": amount.map(lambda value: value % 2**64)}
    amounts |= {"type": st.sampled_from((128, 128, 127, 129, *STRANGE_EXPONENTS)), "flags": number(0, 2)}
    who = {"portfolio": portfolio, "trader": trader}
    kinds: dict[tuple[int, ...], dict[str, Any]] = {
        (Kind.NEW,): {"quantity": quantity, "price": any_price} | named | order,
        (Kind.CANCEL,): named,
        (Kind.REPLACE,): {"quantity": quantity | st.just(NOT_NAMED), "price": changed, "stop_price": changed} | named,
        HISTORY_KINDS: {"order_id": number(0, 4)} | history,
        (Kind.LEVEL, Kind.TRADE, Kind.PRINT): {"flags": st.sampled_from((0, 0, 4, 8, 16, 24))} | history | {"quantity": number(0, 6)},
        (Kind.SET_QUEUE,): {"instrument": listed} | {name: number(0, 3) for name in ("side", "type", "stop_price", "quantity")},
        control: history,
        (Kind.DEPOSIT,): {"portfolio": portfolio, "quantity": number(-5, 5)},
        (Kind.SET_LIMITS, Kind.SET_RULES): who | amounts,
        (Kind.RESTRICT, Kind.KILL, Kind.REVIVE, Kind.REVIVE): who | {"instrument": listed, "flags": number(0, 4)},
    }
    new, *others = (st.fixed_dictionaries({"kind": st.sampled_from(kind)} | fields) for kind, fields in kinds.items())
    return st.one_of(new, new, new, *others)
