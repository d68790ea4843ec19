"""The kernel that looks at each tick once: is it good, does the clock believe it, what does it change, what is told."""

from engine.compiler.kernel import entry_kernel, kernel
from live.streams.kernels.alarms import watch_price, watch_spread
from live.streams.kernels.bar_values import add_to_means
from live.streams.kernels.records import MINUTE, NEVER, PRICE_END, SIZE_END, Bad, Has
from live.streams.kernels.windows import advance, trade

GOOD = -1
LATEST_TS = 1 << 62
LAST, SIZE, BID, ASK, OPEN, HIGH, LOW, CLOSE = (int(Has[name]) for name in ("LAST", "SIZE", "BID", "ASK", "OPEN", "HIGH", "LOW", "CLOSE"))
ODD_PRICE, ODD_SIZE, ODD_TIME, ODD_SYMBOL = (int(Has[f"ODD_{name}"]) for name in ("PRICE", "SIZE", "TIME", "SYMBOL"))
QUOTED = 0xFFFF & ~(LAST | SIZE)
UNKNOWN_SYMBOL, BAD_PRICE, BAD_SIZE, BAD_TIME = (int(Bad[name]) for name in ("UNKNOWN_SYMBOL", "BAD_PRICE", "BAD_SIZE", "BAD_TIME"))
AHEAD = int(Bad.AHEAD)


@kernel
def _is_bad_price(price, negative):
    return abs(price) >= PRICE_END or (price <= 0 and negative == 0)


@kernel
def _has_bad_price(tick, negative):
    """Whether a price that the tick has is out of range."""
    has = tick["has"]
    return (
        (has & LAST != 0 and _is_bad_price(tick["last"], negative))
        or (has & BID != 0 and _is_bad_price(tick["bid"], negative))
        or (has & ASK != 0 and _is_bad_price(tick["ask"], negative))
        or (has & OPEN != 0 and _is_bad_price(tick["open"], negative))
        or (has & HIGH != 0 and _is_bad_price(tick["high"], negative))
        or (has & LOW != 0 and _is_bad_price(tick["low"], negative))
        or (has & CLOSE != 0 and _is_bad_price(tick["close"], negative))
    )


@kernel
def _judge(state, tick):
    """The reason why a tick is bad, or GOOD."""
    has = tick["has"]
    if has & ODD_SYMBOL != 0 or tick["symbol"] >= len(state.symbols):
        return UNKNOWN_SYMBOL
    if has & ODD_TIME != 0 or tick["ts"] <= 0 or tick["ts"] >= LATEST_TS:
        return BAD_TIME
    if has & ODD_SIZE != 0 or (has & SIZE != 0 and (tick["size"] < 0 or tick["size"] >= SIZE_END)):
        return BAD_SIZE
    if has & ODD_PRICE != 0 or _has_bad_price(tick, state.symbols[tick["symbol"]]["negative"]):
        return BAD_PRICE
    return GOOD


@kernel
def _refuse(state, reason, tick):
    state.counts[reason] += 1
    state.examples[reason] = tick


@kernel
def _quote(symbol, tick):
    """What a tick says of a symbol takes the place of what was said before. Returns whether both best prices are known."""
    has = tick["has"]
    if has & BID != 0:
        symbol["bid"] = tick["bid"]
    if has & ASK != 0:
        symbol["ask"] = tick["ask"]
    if has & OPEN != 0:
        symbol["open"] = tick["open"]
    if has & HIGH != 0:
        symbol["high"] = tick["high"]
    if has & LOW != 0:
        symbol["low"] = tick["low"]
    if has & CLOSE != 0:
        symbol["close"] = tick["close"]
    symbol["has"] |= has & QUOTED
    symbol["quote_ts"] = tick["ts"]
    return has & (BID | ASK) != 0 and symbol["has"] & BID != 0 and symbol["has"] & ASK != 0


@kernel
def _apply(state, out, n, tick):
    """A good tick that the clock believes. Quotes and alerts look at a symbol's newest alone."""
    head, symbol, has = state.head[0], state.symbols[tick["symbol"]], tick["has"]
    if tick["ts"] > head["clock"]:
        n = advance(state, out, n, tick["ts"])
    if tick["ts"] >= symbol["quote_ts"] and _quote(symbol, tick):
        n = watch_spread(state, out, n, tick)
    if has & LAST == 0:
        return n
    add_to_means(state, tick, head["clock"] - state.rules[0]["allowance"])
    if has & SIZE != 0 and tick["size"] > 0:
        n = trade(state, out, n, tick)
    if tick["ts"] >= symbol["last_ts"]:
        symbol["last_ts"] = tick["ts"]
        symbol["last"] = tick["last"]
        symbol["size"] = tick["size"]
        symbol["has"] |= LAST
        n = watch_price(state, out, n, tick)
    return n


@kernel
def _begin(state, ts):
    """The clock begins at `ts`."""
    head = state.head[0]
    head["clock"] = ts
    head["closed"] = (ts - state.rules[0]["allowance"]) // MINUTE
    head["lone"] = 1


@kernel
def _begin_anew(state, ts):
    """The first tick of all came from far ahead: what it opened and quoted is dropped."""
    _refuse(state, AHEAD, state.held[0])
    for k in range(len(state.windows)):
        state.windows[k]["trades"] = 0
        state.windows[k]["minute"] = NEVER
    for k in range(len(state.memories)):
        state.memories[k]["key"] = NEVER
        state.memories[k]["count"] = 0
    for k in range(len(state.symbols)):
        state.symbols[k]["last_ts"] = NEVER
        state.symbols[k]["quote_ts"] = NEVER
        state.symbols[k]["has"] = state.symbols[k]["has"] & CLOSE
        state.symbols[k]["quotes"] = 0
        state.symbols[k]["spread"] = 0.0
        state.symbols[k]["far"] = 0
    _begin(state, ts)


@kernel
def _drop_held(state):
    head = state.head[0]
    for k in range(head["held"]):
        _refuse(state, AHEAD, state.held[k])
    head["held"] = 0


@kernel
def _hold(state, out, n, tick):
    """A tick from far ahead waits until so many in a row came from there; then all of them are believed."""
    head, rules = state.head[0], state.rules[0]
    if head["held"] > 0 and abs(tick["ts"] - state.held[0]["ts"]) > rules["jump"]:
        _drop_held(state)
    state.held[head["held"]] = tick
    head["held"] += 1
    if head["held"] == rules["confirm"]:
        head["held"] = 0
        for k in range(rules["confirm"]):
            n = _apply(state, out, n, state.held[k])
    return n


@kernel
def _most(state, tick):
    """Rows that a tick may tell, at most."""
    head, rules = state.head[0], state.rules[0]
    if head["clock"] != NEVER and (tick["ts"] - rules["allowance"]) // MINUTE <= head["closed"]:
        return 4
    each = rules["slots"] * (2 + 3 * len(state.indicators)) + 2 * len(state.indicators)
    return rules["confirm"] * (len(state.symbols) * each + 4)


@entry_kernel
def take(state, ticks, start, out, n):
    """Look at ticks[start:]; returns (the first that was not looked at, because `out` may be too small for it; rows of `out`, rows that
    it needs). `out` is blank from `n` on."""
    head, rules = state.head[0], state.rules[0]
    for i in range(start, len(ticks)):
        tick = ticks[i]
        reason = _judge(state, tick)
        if reason != GOOD:
            _refuse(state, reason, tick)
            head["ticks"] += 1
            continue
        most = _most(state, tick)
        if n + most > len(out):
            return i, n, most
        head["ticks"] += 1
        if head["clock"] == NEVER:
            _begin(state, tick["ts"])
            state.held[0] = tick
            n = _apply(state, out, n, tick)
            continue
        if tick["ts"] - head["clock"] > rules["jump"]:
            n = _hold(state, out, n, tick)
            head["lone"] = 0
            continue
        if head["lone"] == 1 and head["clock"] - tick["ts"] > rules["jump"]:
            _begin_anew(state, tick["ts"])
            state.held[0] = tick
        else:
            head["lone"] = 0
            _drop_held(state)
        n = _apply(state, out, n, tick)
    return len(ticks), n, 0


@entry_kernel
def finish(state, out):
    """The market is over: all that is open is told, as if the watermark had passed it. Returns the rows of `out`."""
    _drop_held(state)
    head, rules = state.head[0], state.rules[0]
    if head["clock"] == NEVER:
        return 0
    clock = head["clock"]
    n = advance(state, out, 0, clock + rules["allowance"] + (rules["longest"] + 1) * MINUTE)
    head["clock"] = clock
    return n
