"""Kernels of indicators: means of the ticks of a window, and what is made of bars, one bar on at a time."""

from engine.compiler.kernel import kernel
from engine.indicators.steps import deviation, mean, next_ema, next_wilder, strength, true_range, volatility, weighted_mean
from live.streams.kernels.records import MINUTE, Bad, Formula, Told


@kernel
def tell_value(state, out, n, symbol, indicator, part, ts, value):
    """One value of an indicator."""
    head = state.head[0]
    head["values"] += 1
    told = out[n]
    told["kind"] = Told.VALUE
    told["number"] = head["values"]
    told["symbol"] = symbol
    told["indicator"] = indicator
    told["part"] = part
    told["ts"] = ts
    told["value"] = value
    return n + 1


@kernel
def add_to_means(state, tick, watermark):
    """A tick's last price into the windows of all means."""
    count = len(state.indicators)
    for k in range(count):
        if state.indicators[k]["formula"] != Formula.SMA:
            continue
        width = state.indicators[k]["n"] * MINUTE
        key = tick["ts"] // width
        if (key + 1) * width <= watermark:
            state.counts[Bad.LATE_FOR_VALUE] += 1
            state.examples[Bad.LATE_FOR_VALUE] = tick
            continue
        memory = state.memories[2 * (tick["symbol"] * count + k) + (key & 1)]
        if memory["key"] != key:
            memory["key"] = key
            memory["sum"] = 0
            memory["count"] = 0
        memory["sum"] += tick["last"]
        memory["count"] += 1


@kernel
def close_means(state, out, n, minute):
    """The means whose windows end with a minute, of all symbols."""
    count = len(state.indicators)
    for k in range(count):
        width = state.indicators[k]["n"]
        if state.indicators[k]["formula"] != Formula.SMA or (minute + 1) % width != 0:
            continue
        key = (minute + 1) // width - 1
        for symbol in range(len(state.symbols)):
            memory = state.memories[2 * (symbol * count + k) + (key & 1)]
            if memory["key"] == key and memory["count"] > 0:
                out[n]["open"] = memory["sum"]
                out[n]["trades"] = memory["count"]
                n = tell_value(state, out, n, symbol, k, 0, (minute + 1) * MINUTE, memory["sum"] / memory["count"])
                memory["count"] = 0
    return n


@kernel
def _next_ema_of(memory, value, n):
    """Whether there is a mean now, which is memory's `a`."""
    if memory["count"] <= n:
        memory["a"] += value / n
    else:
        memory["a"] = next_ema(memory["a"], value, n)
    return memory["count"] >= n


@kernel
def _next_rsi_of(memory, change, n):
    if memory["count"] <= n + 1:
        memory["a"] += max(change, 0.0) / n
        memory["b"] += max(-change, 0.0) / n
    else:
        memory["a"] = next_wilder(memory["a"], max(change, 0.0), n)
        memory["b"] = next_wilder(memory["b"], max(-change, 0.0), n)
    return memory["count"] > n


@kernel
def _next_atr_of(memory, reach, n):
    if memory["count"] <= n + 1:
        memory["a"] += reach / n
    else:
        memory["a"] = next_wilder(memory["a"], reach, n)
    return memory["count"] > n


@kernel
def _tell_window(state, out, n, symbol, k, end, ts):
    """An indicator of the last bars, whose rows end before `end`; nothing where there are too few."""
    formula, length, seen = state.indicators[k]["formula"], state.indicators[k]["n"], state.symbols[symbol]["bars"]
    if formula == Formula.VOLATILITY:
        if seen > length:
            n = tell_value(state, out, n, symbol, k, 0, ts, volatility(state.closes, end - length - 1, end))
        return n
    if seen < length:
        return n
    if formula == Formula.VWAP:
        return tell_value(state, out, n, symbol, k, 0, ts, weighted_mean(state.vwaps, state.volumes, end - length, end))
    middle, width = mean(state.closes, end - length, end), 2.0 * deviation(state.closes, end - length, end)
    n = tell_value(state, out, n, symbol, k, 0, ts, middle + width)
    n = tell_value(state, out, n, symbol, k, 1, ts, middle)
    return tell_value(state, out, n, symbol, k, 2, ts, middle - width)


@kernel
def bar_values(state, out, n, symbol, high, low, ts):
    """What the indicators say now that a symbol's newest bar, the last of its rows, was told."""
    count, kept = len(state.indicators), state.rules[0]["bars"]
    end = (symbol + 1) * kept
    close, before = state.closes[end - 1], state.closes[end - 2]
    first = state.symbols[symbol]["bars"] == 1
    for k in range(count):
        formula, length = state.indicators[k]["formula"], state.indicators[k]["n"]
        if formula == Formula.SMA:
            continue
        memory = state.memories[2 * (symbol * count + k)]
        memory["count"] += 1
        if formula == Formula.EMA:
            if _next_ema_of(memory, close, length):
                n = tell_value(state, out, n, symbol, k, 0, ts, memory["a"])
        elif formula == Formula.RSI:
            if _next_rsi_of(memory, 0.0 if first else close - before, length):
                n = tell_value(state, out, n, symbol, k, 0, ts, strength(memory["a"], memory["b"]))
        elif formula == Formula.ATR:
            if _next_atr_of(memory, 0.0 if first else true_range(high, low, before), length):
                n = tell_value(state, out, n, symbol, k, 0, ts, memory["a"])
        else:
            n = _tell_window(state, out, n, symbol, k, end, ts)
    return n
