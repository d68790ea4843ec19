"""Kernels of alerts: a price far from the close, a spread or a volume far from what is usual; each once a crossing."""

from engine.compiler.kernel import kernel
from live.streams.kernels.records import Has, Told

MILLION = 1_000_000
CLOSE = int(Has.CLOSE)


@kernel
def tell_alert(state, out, n, kind, symbol, ts):
    """The head of an alert at out[n]."""
    head = state.head[0]
    head["alerts"] += 1
    told = out[n]
    told["kind"] = kind
    told["number"] = head["alerts"]
    told["symbol"] = symbol
    told["ts"] = ts
    return n + 1


@kernel
def watch_price(state, out, n, tick):
    """|last − close| ÷ close above the threshold is told once, and again only after it fell below 4/5 of that. Exact."""
    symbol = state.symbols[tick["symbol"]]
    if symbol["has"] & CLOSE == 0 or symbol["close"] <= 0:
        return n
    change = abs(tick["last"] - symbol["close"]) * MILLION
    limit = state.rules[0]["price"] * symbol["close"]
    if symbol["far"] == 0 and change > limit:
        symbol["far"] = 1
        n = tell_alert(state, out, n, Told.PRICE_ALERT, tick["symbol"], tick["ts"])
        out[n - 1]["open"] = tick["last"]
        out[n - 1]["close"] = symbol["close"]
    elif symbol["far"] == 1 and 5 * change < 4 * limit:
        symbol["far"] = 0
    return n


@kernel
def watch_spread(state, out, n, tick):
    """A spread above so many times the usual one, which is an exponential mean of those before."""
    symbol, rules = state.symbols[tick["symbol"]], state.rules[0]
    spread = float(symbol["ask"] - symbol["bid"])
    if spread < 0.0:
        return n
    limit = rules["spread"] * symbol["spread"]
    if rules["spread"] > 0.0 and symbol["quotes"] >= rules["quotes"]:
        if symbol["wide"] == 0 and spread > limit:
            symbol["wide"] = 1
            n = tell_alert(state, out, n, Told.SPREAD_ALERT, tick["symbol"], tick["ts"])
            out[n - 1]["open"] = symbol["bid"]
            out[n - 1]["high"] = symbol["ask"]
            out[n - 1]["value"] = symbol["spread"]
        elif symbol["wide"] == 1 and spread < 0.8 * limit:
            symbol["wide"] = 0
    symbol["quotes"] += 1
    symbol["spread"] += (spread - symbol["spread"]) / min(symbol["quotes"], rules["quotes"])
    return n


@kernel
def watch_volume(state, out, n, number, volume, ts):
    """A minute's volume above so many times the mean of the bars before it; they are the rows, the newest last."""
    symbol, rules = state.symbols[number], state.rules[0]
    if rules["volume"] <= 0.0 or symbol["bars"] < rules["volumes"]:
        return n
    end, usual = (number + 1) * rules["bars"], 0.0
    for k in range(end - rules["volumes"], end):
        usual += state.volumes[k]
    usual /= rules["volumes"]
    limit = rules["volume"] * usual
    if symbol["busy"] == 0 and volume > limit:
        symbol["busy"] = 1
        n = tell_alert(state, out, n, Told.VOLUME_ALERT, number, ts)
        out[n - 1]["volume"] = volume
        out[n - 1]["value"] = usual
    elif symbol["busy"] == 1 and volume < 0.8 * limit:
        symbol["busy"] = 0
    return n
