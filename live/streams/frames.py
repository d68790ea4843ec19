"""Ticks from frames and feeds, and what the streams told as frames."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from data.feed import DataError, Feed
from engine.exchange import Exchange
from engine.messages.instrument import Instrument, decimal
from engine.messages.vocabulary import NOT_WHOLE, Kind
from live.configuration.streams import indicator
from live.streams.folding import Known
from live.streams.kernels.records import MINUTE, PURE, TICK, Formula, Has, Told
from live.streams.told_json import ALERTS, paid, plain_rows

NUMBERS = {"last": "last", "price": "last", "size": "size", "quantity": "size"} | {
    name: name for name in ("bid", "ask", "open", "high", "low", "close")
}
"""Columns of a frame and the fields that they fill; `price` and `quantity` are those of `Exchange.trades`."""
TRADES = (Kind.TradeExecuted, Kind.HistoryExecuted, Kind.TradePrinted)
_NEAR = 1e-6
_TIME = pl.Datetime("ns", "UTC")


def trade_ticks(facts: np.ndarray) -> np.ndarray:
    """The trades among facts (FACT) as ticks (TICK)."""
    found = facts[np.isin(facts["kind"], TRADES) & (facts["quantity"] > 0)]
    return _trades(found["ts"], found["price"], found["quantity"], found["instrument"])


def _trades(ts: np.ndarray, price: np.ndarray, size: np.ndarray, symbol: np.ndarray) -> np.ndarray:
    made = np.zeros(len(ts), TICK)
    made["ts"], made["last"], made["size"], made["symbol"] = ts, price, size, symbol
    made["has"] = int(Has.LAST | Has.SIZE)
    return made


def feed_ticks(feed: Feed) -> Iterator[np.ndarray]:
    """The trades of a feed as ticks, some at a time: its executions and prints; of a recorded session all trades of its participants."""
    if feed.session_opening is None:
        for batch in feed.batches():
            rows = batch[(batch["kind"] == Kind.EXECUTE) | (batch["kind"] == Kind.PRINT)]
            yield _trades(rows["ts"], rows["price"], rows["quantity"], rows["instrument"])
        return
    exchange = Exchange.from_commands(feed.session_opening, history_facts=True)
    exchange.forget_facts()
    for batch in feed.batches():
        yield trade_ticks(exchange.run(batch))


def frame_ticks(frame: Any, instruments: Sequence[Instrument]) -> np.ndarray:
    """The rows of a frame (polars or pandas, or a mapping of columns) as ticks, in their order.

    Columns: `symbol` (may be left out where one is listed), `ts`, and any of `last` (or `price`), `size` (or `quantity`), `bid`, `ask`,
    `open`, `high`, `low`, `close`. Null is what a tick does not have; NaN, a number off its unit and an unknown symbol make a bad tick,
    which the streams count. Raises DataError for columns that are not there, or not known.
    """
    given = frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(frame)
    unknown = [name for name in given.columns if name not in (*NUMBERS, "symbol", "ts", "seq")]
    if unknown or "ts" not in given.columns:
        what = f"no column {unknown[0]!r} is known" if unknown else "the column 'ts' is missing"
        raise DataError("frame of ticks", f"{what}; give ts, symbol and any of {', '.join(NUMBERS)}")
    made = np.zeros(len(given), TICK)
    _put_symbols(made, given, instruments)
    _put_times(made, given["ts"])
    for column, field in NUMBERS.items():
        if column in given.columns:
            _put_numbers(made, given[column], field, instruments)
    return made


def _put_symbols(made: np.ndarray, given: pl.DataFrame, instruments: Sequence[Instrument]) -> None:
    if "symbol" not in given.columns:
        if len(instruments) != 1:
            raise DataError("frame of ticks", f"the column 'symbol' is missing, and there are {len(instruments)} instruments; add it")
        return
    numbers = {one.symbol: at for at, one in enumerate(instruments)}
    found = given["symbol"].cast(pl.String).replace_strict(numbers, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    made["symbol"] = np.where(found < 0, 0, found)
    made["has"] |= np.where(found < 0, int(Has.ODD_SYMBOL), 0).astype(np.uint32)


def _put_times(made: np.ndarray, given: pl.Series) -> None:
    if given.dtype == pl.String:
        given = given.str.to_datetime(time_unit="ns", time_zone="UTC", strict=False)
    if given.dtype.is_temporal():
        given = given.cast(pl.Datetime("ns", getattr(given.dtype, "time_zone", None))).to_physical()
    elif not given.dtype.is_integer():
        raise DataError("frame of ticks", f"the column 'ts' is {given.dtype}; give times, text in UTC, or whole ns since 1970", field="ts")
    missing = given.is_null().to_numpy()
    made["ts"] = np.where(missing, 0, given.cast(pl.Int64).fill_null(0).to_numpy())
    made["has"] |= np.where(missing, int(Has.ODD_TIME), 0).astype(np.uint32)


def _put_numbers(made: np.ndarray, given: pl.Series, field: str, instruments: Sequence[Instrument]) -> None:
    size = field == "size"
    there = given.is_not_null().to_numpy()
    units = np.array([float(one.lot if size else one.price_unit) for one in instruments])[np.minimum(made["symbol"], len(instruments) - 1)]
    if given.dtype.is_numeric() and not given.dtype.is_decimal():
        whole, odd = _from_floats(given.cast(pl.Float64).fill_null(0.0).to_numpy(), units)
    else:
        whole, odd = _from_texts(given.cast(pl.String).to_list(), made["symbol"], instruments, size)
    made[field] = np.where(there & ~odd, whole, 0)
    bit, mark = int(Has[field.upper()]), int(Has.ODD_SIZE if size else Has.ODD_PRICE)
    made["has"] |= np.where(there, bit, 0).astype(np.uint32) | np.where(there & odd, mark, 0).astype(np.uint32)


def _from_floats(given: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole units, and where a number is none of them (to a millionth of a unit)."""
    with np.errstate(invalid="ignore", over="ignore"):
        exact = given / units
        odd = ~(np.abs(exact) < 2.0**62)
        exact = np.where(odd, 0.0, exact)
        whole = np.rint(exact)
        odd |= np.abs(exact - whole) > np.maximum(_NEAR, np.abs(exact) * 1e-12)
    return whole.astype(np.int64), odd


def _from_texts(
    given: list[str | None], symbols: np.ndarray, instruments: Sequence[Instrument], size: bool
) -> tuple[np.ndarray, np.ndarray]:
    whole, odd = np.zeros(len(given), np.int64), np.zeros(len(given), bool)
    for at, text in enumerate(given):
        if text is None:
            continue
        one = instruments[int(symbols[at])]
        try:
            exact = decimal(text)
            units = one.lots(exact) if size else one.price_units(exact)
        except ValueError:
            units = NOT_WHOLE
        whole[at], odd[at] = units, units == NOT_WHOLE
    return whole, odd


def bars_frame(told: np.ndarray, known: Known) -> pl.DataFrame:
    """Bars as they were told, revisions too: symbol, start, end, open, high, low, close, volume, vwap, trades, revision."""
    rows = told[told["kind"] == Told.BAR]
    units, lots = _scales(rows, known)
    sums = [paid(row) for row in plain_rows(rows)]
    made: dict[str, Any] = {"symbol": _symbols(rows, known), "start": rows["ts"], "end": rows["ts"] + MINUTE}
    made |= {name: _times(rows[name], units) for name in ("open", "high", "low", "close")}
    made |= {"volume": _times(rows["volume"], lots), "vwap": [of / int(v) * u for of, v, u in zip(sums, rows["volume"], units)]}
    frame = pl.DataFrame(made | {"trades": rows["trades"], "revision": rows["revision"]}, schema_overrides={"vwap": pl.Float64})
    return frame.with_columns(pl.col("start", "end").cast(pl.Int64).cast(_TIME), pl.col("symbol").cast(pl.String))


def values_frame(told: np.ndarray, known: Known) -> pl.DataFrame:
    """Values of indicators: symbol, name, ts, value."""

    rows = told[told["kind"] == Told.VALUE]
    units, _ = _scales(rows, known)
    pure = [Formula[indicator(name)[0]] in PURE for name in known.indicators]
    scale = np.where(np.array([*pure, False])[rows["indicator"]], 1.0, units) if len(rows) else units
    names = [known.value_name(int(number), int(part)) for number, part in zip(rows["indicator"], rows["part"])]
    made = {"symbol": _symbols(rows, known), "name": names, "ts": rows["ts"], "value": rows["value"] * scale}
    return pl.DataFrame(made, schema={"symbol": pl.String, "name": pl.String, "ts": pl.Int64, "value": pl.Float64}).with_columns(
        pl.col("ts").cast(_TIME)
    )


def alerts_frame(told: np.ndarray, known: Known) -> pl.DataFrame:
    """Alerts: symbol, ts, type, price, close, change; bid, ask; volume; usual. What a type does not have is null."""
    schema: dict[str, Any] = {"symbol": pl.String, "ts": _TIME, "type": pl.String}
    schema |= dict.fromkeys(("price", "close", "change", "bid", "ask", "volume", "usual"), pl.Float64)
    rows = told[np.isin(told["kind"], [int(kind) for kind in ALERTS])]
    return pl.DataFrame([_alert(row, known) for row in rows], schema=schema)


def _alert(row: np.void, known: Known) -> dict[str, Any]:
    one, kind = known.instruments[int(row["symbol"])], Told(int(row["kind"]))
    made: dict[str, Any] = {"symbol": one.symbol, "ts": int(row["ts"]), "type": ALERTS[kind]}
    first, high, close = (float(one.price(int(row[name]))) for name in ("open", "high", "close"))
    if kind == Told.PRICE_ALERT:
        return made | {"price": first, "close": close, "change": (int(row["open"]) - int(row["close"])) / int(row["close"])}
    if kind == Told.SPREAD_ALERT:
        return made | {"bid": first, "ask": high, "usual": float(row["value"]) * float(one.price_unit)}
    return made | {"volume": float(one.quantity(int(row["volume"]))), "usual": float(row["value"]) * float(one.lot)}


def _symbols(rows: np.ndarray, known: Known) -> list[str]:
    return [known.instruments[int(number)].symbol for number in rows["symbol"]]


def _times(whole: np.ndarray, units: np.ndarray) -> np.ndarray:
    """whole × units; where a unit is one nth, divided by n, which gives the float nearest to the decimal."""
    parts = np.rint(1 / units)
    return np.where(np.abs(parts * units - 1) < 1e-12, whole / np.maximum(parts, 1), whole * units)


def _scales(rows: np.ndarray, known: Known) -> tuple[np.ndarray, np.ndarray]:
    """Price unit and lot of each row."""
    units = np.array([float(one.price_unit) for one in known.instruments])
    lots = np.array([float(one.lot) for one in known.instruments])
    return units[rows["symbol"]], lots[rows["symbol"]]
