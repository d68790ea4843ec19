"""One number for the whole logical state: never capacities, free lists or where a ladder's window stands."""

import numpy as np

from engine.compiler.kernel import entry_kernel, kernel
from engine.state.arrays import COUNTERS, EMPTY, FINISHED, LIMITS, MASK, SESSION, TURNED_DOWN, State, W
from engine.state.ladder import first_node, head

START = np.uint64(0x9E3779B97F4A7C15)
_LOGICAL = ("seq", "ts", "opened", "decimals", *LIMITS, "instruments", "portfolios", "traders", "pending", "killed", "fee_cash", *COUNTERS)
_FIELDS = tuple(SESSION.names.index(name) for name in _LOGICAL) if SESSION.names else ()


@kernel
def mix(so_far, word):
    """Fold a 64-bit word into a hash (the finaliser of MurmurHash3 over their sum)."""
    h = (so_far ^ np.uint64(word)) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(29))


@kernel
def _order(state, slot):
    order = state.orders[slot]
    h = mix(START, order["id"])
    h = mix(h, order["created"])
    h = mix(h, order["queued"])
    h = mix(h, (np.int64(order["price"]) << 32) ^ np.int64(order["stop_price"]))
    h = mix(h, (np.int64(order["quantity"]) << 32) | np.int64(order["executed"]))
    h = mix(h, (np.int64(order["portfolio"]) << 32) | np.int64(order["trader"]))
    small = (np.int64(order["instrument"]) << 40) | (np.int64(order["side"]) << 32) | (np.int64(order["type"]) << 24)
    h = mix(h, small | (np.int64(order["time_in_force"]) << 16) | (np.int64(order["self_trade"]) << 8) | np.int64(order["flags"]))
    return mix(h, state.nodes[first_node(state) + slot]["quantity"])


@kernel
def _list(state, sentinel):
    total = np.uint64(0)
    first = first_node(state)
    node = head(state, sentinel)
    while node != sentinel:
        total += _order(state, node - first)
        node = np.int64(state.nodes[node]["next"])
    return total


@kernel
def _books(state):
    """Sum over all resting orders: each hash holds its level and its place there, so they can be added in any order."""
    total = np.uint64(0)
    for ladder in range(len(state.ladders)):
        if state.ladders[ladder]["best"] != EMPTY:
            for at in range(W):
                if (state.words[ladder * 64 + (at >> 6)] >> np.uint64(at & 63)) & np.uint64(1):
                    total += _list(state, ladder * W + (at & MASK))
            total += _list(state, len(state.ladders) * W + ladder)
    return total


@kernel
def _used(state):
    """Used ids whose order is finished, and pending stops: each with its place in the queue."""
    total = np.uint64(0)
    for at in range(len(state.ids)):
        used = state.ids[at]
        if used["slot"] >= FINISHED:
            total += mix(mix(mix(START, used["id"]), used["owner"]), used["slot"])
        elif used["slot"] != 0 and state.orders[used["slot"] - 1]["pending"] != 0:
            total += _order(state, np.int64(used["slot"]) - 1)
    return total


@kernel
def _consumed(state):
    """History's orders that ours took whole: in no list, known until their record ends."""
    total = np.uint64(0)
    first = first_node(state)
    for at in range(len(state.history_ids)):
        slot = np.int64(state.history_ids[at]["slot"]) - 1
        if slot >= 0 and state.nodes[first + slot]["quantity"] == 0:
            total += _order(state, slot)
    return total


@kernel
def _limits(h, account):
    if account["guard"] == 0:
        return h
    h = mix(mix(mix(h, account["guard"]), account["breached"]), account["position_power"])
    return mix(mix(mix(mix(h, account["max_position"]), account["max_exposure"]), account["max_daily_loss"]), account["max_leverage"])


@kernel
def _rules(h, rules):
    if rules["restricts"] & TURNED_DOWN:
        h = mix(h, TURNED_DOWN)
    if rules["guard"] == 0:
        return h
    h = mix(mix(mix(h, rules["guard"]), rules["no_short"]), rules["quantity_power"])
    h = mix(mix(mix(h, rules["max_quantity"]), rules["max_notional"]), rules["collar"])
    return mix(mix(mix(h, rules["rate"]), rules["tokens"]), rules["filled"])


@kernel
def _restrictions(state):
    """What traders may not trade under the rules that hold."""
    total = np.uint64(0)
    for at in range(len(state.restricted)):
        entry = state.restricted[at]
        if entry["slot"] != 0 and np.int64(entry["id"] >> np.uint64(32)) == state.traders[entry["owner"]]["rules"]:
            total += mix(mix(START, entry["id"] & np.uint64(0xFFFFFFFF)), entry["owner"])
    return total


@kernel
def _accounts(state):
    total = np.uint64(0)
    for k in range(len(state.portfolios)):
        if state.portfolios[k]["open"] != 0:
            account = state.portfolios[k]
            h = mix(mix(mix(mix(START, k), account["cash"]), account["fees"]), account["working"])
            total += _limits(mix(h, account["base"]), account)
    for k in range(len(state.traders)):
        if state.traders[k]["admitted"] != 0:
            total += _rules(mix(START, k + 1), state.traders[k])
    for k in range(state.session[0]["positions"]):
        held = state.positions[k]
        if held["quantity"] != 0 or held["cost"] != 0 or held["realized"] != 0:
            h = mix(mix(START, held["portfolio"]), held["instrument"])
            total += mix(mix(mix(h, held["quantity"]), held["cost"]), held["realized"])
    return total


@kernel
def _instruments(state):
    total = np.uint64(0)
    for k in range(len(state.instruments)):
        terms = state.instruments[k]
        if terms["listed"] != 0:
            h = mix(mix(mix(mix(mix(START, k), terms["tick"]), terms["value"]), terms["maker_fee"]), terms["taker_fee"])
            h = mix(mix(mix(h, terms["last"]), terms["mark"]), terms["volume"])
            h = mix(mix(mix(h, terms["negative"]), terms["traded"]), terms["marked"])
            h = mix(mix(mix(h, terms["halted"]), terms["referenced"]), terms["reference"])
            if terms["grain"] | terms["queue_model"] != 0:
                h = mix(mix(mix(mix(h, terms["grain"]), terms["queue_model"]), terms["exponent"]), terms["share"])
            total += mix(h, terms["swept"]) if terms["swept"] != 0 else h
    return total


@entry_kernel
def fold(state, words, lanes):
    """Fold the session's `words` and every part of the state into the two uint64 of `lanes`."""
    for k in range(len(words)):
        lanes[0] = mix(lanes[0], words[k])
    lanes[0] = mix(mix(mix(lanes[0], _books(state)), _consumed(state)), _accounts(state))
    lanes[0] = mix(mix(lanes[0], _instruments(state)), _used(state)) + _restrictions(state)
    lanes[1] = mix(lanes[0], lanes[1])


def digest(state: State) -> str:
    """Hash of the logical state as 32 hex digits: equal wherever the same commands went in, however they were cut."""
    session = state.session[0].item()
    words = np.array([session[k] for k in _FIELDS], np.int64)
    lanes = np.array([1, 2], np.uint64)
    fold(state, words, lanes)
    return f"{int(lanes[0]):016x}{int(lanes[1]):016x}"
