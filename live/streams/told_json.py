"""What the streams tell, as JSON for its topics: bars, values of indicators, alerts."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from live.broker.topics import MARKET_DATA_1MIN, MARKET_INDICATORS, PRICE_ALERTS
from live.configuration.streams import indicator
from live.streams.folding import Known
from live.streams.kernels.records import MINUTE, PURE, TOLD, Formula, Told
from live.wire.numbers import Texts, rounded
from live.wire.times import time_text

MORE_DECIMALS = 4
"""Decimals of a mean price beyond those of the price unit."""
PURE_DECIMALS = CHANGE_DECIMALS = 6
TOPICS: dict[int, str] = {int(kind): PRICE_ALERTS for kind in (Told.PRICE_ALERT, Told.SPREAD_ALERT, Told.VOLUME_ALERT)}
TOPICS |= {int(Told.BAR): MARKET_DATA_1MIN, int(Told.VALUE): MARKET_INDICATORS}
"""Which topic each goes to; each topic counts its own numbers."""
ALERTS = {Told.PRICE_ALERT: "ANOMALY_DETECTED", Told.SPREAD_ALERT: "SPREAD_ANOMALY", Told.VOLUME_ALERT: "VOLUME_ANOMALY"}


Row = Mapping[str, Any]
"""The fields of a TOLD row by name, as plain numbers (`plain_rows`)."""
_NAMES = TOLD.names or ()


def plain_rows(told: np.ndarray) -> Iterator[dict[str, Any]]:
    """The rows of TOLD as mappings of plain numbers, which are read many times faster."""
    for row in told.tolist():
        yield dict(zip(_NAMES, row))


def paid(row: Row) -> int:
    """Σ price units × lots of a bar."""
    return (row["paid_high"] << 32) + row["paid_low"]


class ToldWriter:
    """Writes TOLD rows."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._symbols = [msgspec.json.encode(one.symbol).decode() for one in known.instruments]
        self.keys = [one.symbol.encode() for one in known.instruments]
        self._prices = [Texts(one.price_unit) for one in known.instruments]
        self._lots = [Texts(one.lot) for one in known.instruments]
        self._formulas = [Formula[indicator(name)[0]] for name in known.indicators]

    def text(self, row: Row) -> str:
        """The JSON object of a row."""
        kind = row["kind"]
        if kind == Told.BAR:
            return self._bar(row)
        if kind == Told.VALUE:
            return self._value(row)
        return self._alert(row)

    def mean_price(self, symbol: int, above: int, below: int) -> str:
        """above ÷ below price units as a decimal."""
        of = self._prices[symbol]
        return rounded(above * of.mantissa, below * 10**of.decimals, of.decimals + MORE_DECIMALS)

    def _price(self, symbol: int, units: float) -> str:
        of = self._prices[symbol]
        return f"{units * of.mantissa / 10**of.decimals:.{of.decimals + MORE_DECIMALS}f}"

    def _bar(self, row: Row) -> str:
        symbol, start = row["symbol"], row["ts"]
        prices = self._prices[symbol]
        told = "".join(f',"{name}":{prices[int(row[name])]}' for name in ("open", "high", "low", "close"))
        return (
            f'{{"symbol":{self._symbols[symbol]},"start":"{time_text(start)}","end":"{time_text(start + MINUTE)}"{told}'
            f',"volume":{self._lots[symbol][row["volume"]]},"vwap":"{self.mean_price(symbol, paid(row), row["volume"])}"'
            f',"trades":{row["trades"]},"revision":{row["revision"]}}}'
        )

    def _value(self, row: Row) -> str:
        symbol, number = row["symbol"], row["indicator"]
        formula = self._formulas[number]
        if formula == Formula.SMA:
            value = self.mean_price(symbol, row["open"], row["trades"])
        elif formula in PURE:
            value = f"{row['value']:.{PURE_DECIMALS}f}"
        else:
            value = self._price(symbol, row["value"])
        name = self.known.value_name(number, row["part"])
        return f'{{"symbol":{self._symbols[symbol]},"name":"{name}","ts":"{time_text(row["ts"])}","value":"{value}"}}'

    def _alert(self, row: Row) -> str:
        symbol, kind = row["symbol"], Told(row["kind"])
        prices = self._prices[symbol]
        head = f'{{"symbol":{self._symbols[symbol]},"ts":"{time_text(row["ts"])}","type":"{ALERTS[kind]}"'
        first, high, close = row["open"], row["high"], row["close"]
        if kind == Told.PRICE_ALERT:
            change = rounded(first - close, close, CHANGE_DECIMALS)
            return f'{head},"price":{prices[first]},"close":{prices[close]},"change":"{change}"}}'
        if kind == Told.SPREAD_ALERT:
            usual = self._price(symbol, row["value"])
            return f'{head},"bid":{prices[first]},"ask":{prices[high]},"spread":{prices[high - first]},"usual":"{usual}"}}'
        lot = self._lots[symbol]
        usual = f"{float(row['value']) * lot.mantissa / 10**lot.decimals:.{lot.decimals + 2}f}"
        return f'{head},"volume":{lot[row["volume"]]},"usual":"{usual}"}}'
