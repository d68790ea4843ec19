"""Kernels of event-time minutes: trades go into windows, which are told as bars at their close, and anew when a late trade comes."""

from engine.compiler.kernel import kernel
from live.streams.kernels.alarms import watch_volume
from live.streams.kernels.bar_values import bar_values, close_means
from live.streams.kernels.records import MINUTE, Bad, Told

LOW_BITS = 0xFFFFFFFF


@kernel
def tell_bar(state, out, n, symbol, slot):
    """The bar of a window, as it is now. `out[n]` is blank."""
    head, told, window = state.head[0], out[n], state.windows[slot]
    head["bars"] += 1
    told["kind"] = Told.BAR
    told["number"] = head["bars"]
    told["symbol"] = symbol
    told["ts"] = window["minute"] * MINUTE
    told["open"] = window["open"]
    told["high"] = window["high"]
    told["low"] = window["low"]
    told["close"] = window["close"]
    told["volume"] = window["volume"]
    told["paid_high"] = window["paid_high"]
    told["paid_low"] = window["paid_low"]
    told["trades"] = window["trades"]
    told["revision"] = window["revision"]
    window["told"] = 1
    return n + 1


@kernel
def _remember_bar(state, symbol, slot):
    """The bar as the newest of its symbol's rows."""
    window, kept = state.windows[slot], state.rules[0]["bars"]
    first, last = symbol * kept, (symbol + 1) * kept - 1
    for k in range(first, last):
        state.closes[k] = state.closes[k + 1]
        state.vwaps[k] = state.vwaps[k + 1]
        state.volumes[k] = state.volumes[k + 1]
    paid = float(window["paid_high"]) * 4294967296.0 + float(window["paid_low"])
    state.closes[last] = window["close"]
    state.vwaps[last] = paid / window["volume"]
    state.volumes[last] = window["volume"]
    state.symbols[symbol]["bars"] += 1


@kernel
def _close_bars(state, out, n, minute):
    """The bars of a minute, of all symbols, and what follows from each."""
    slots, end = state.rules[0]["slots"], (minute + 1) * MINUTE
    for symbol in range(len(state.symbols)):
        slot = symbol * slots + minute % slots
        window = state.windows[slot]
        if window["minute"] != minute or window["trades"] == 0 or window["told"] == 1:
            continue
        n = tell_bar(state, out, n, symbol, slot)
        n = watch_volume(state, out, n, symbol, window["volume"], end)
        _remember_bar(state, symbol, slot)
        n = bar_values(state, out, n, symbol, float(window["high"]), float(window["low"]), end)
    return n


@kernel
def advance(state, out, n, ts):
    """The clock goes on to `ts`: every window whose end the watermark passes is told, by end, then by symbol; bars before means."""
    head, rules = state.head[0], state.rules[0]
    last_seen = head["clock"] // MINUTE
    closed = (ts - rules["allowance"]) // MINUTE
    for minute in range(head["closed"], min(closed, last_seen + rules["longest"] + 1)):
        if minute <= last_seen:
            n = _close_bars(state, out, n, minute)
        n = close_means(state, out, n, minute)
    head["clock"] = ts
    head["closed"] = max(head["closed"], closed)
    return n


@kernel
def _add(window, tick):
    """A trade into a window: open and close by time, of one time by arrival."""
    price, size = tick["last"], tick["size"]
    if window["trades"] == 0 or tick["ts"] < window["first_ts"]:
        window["first_ts"] = tick["ts"]
        window["open"] = price
    if window["trades"] == 0 or tick["ts"] >= window["last_ts"]:
        window["last_ts"] = tick["ts"]
        window["close"] = price
    window["high"] = max(window["high"], price) if window["trades"] > 0 else price
    window["low"] = min(window["low"], price) if window["trades"] > 0 else price
    paid = price * size
    window["volume"] += size
    window["paid_high"] += paid >> 32
    window["paid_low"] += paid & LOW_BITS
    window["trades"] += 1


@kernel
def _open(window, minute):
    """A blank window of a minute."""
    window["minute"] = minute
    window["volume"] = 0
    window["paid_high"] = 0
    window["paid_low"] = 0
    window["trades"] = 0
    window["revision"] = 0
    window["told"] = 0


@kernel
def trade(state, out, n, tick):
    """A trade into its minute. Of a minute that is closed, its bar is told at once: for the first time, or as its next revision."""
    rules, head = state.rules[0], state.head[0]
    minute = tick["ts"] // MINUTE
    if head["clock"] - rules["allowance"] >= (minute + 1) * MINUTE + rules["revise"]:
        state.counts[Bad.LATE] += 1
        state.examples[Bad.LATE] = tick
        return n
    slot = tick["symbol"] * rules["slots"] + minute % rules["slots"]
    window = state.windows[slot]
    if window["minute"] != minute:
        _open(window, minute)
    _add(window, tick)
    if minute < head["closed"]:
        if window["told"] == 1:
            window["revision"] += 1
        n = tell_bar(state, out, n, tick["symbol"], slot)
    return n
