"""Signals as arrays on bars: the vectorised form of a backtest."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtest.numbers import significant
from backtest.signals.kernel import AT_CLOSE, AT_OPEN, CASH, OPEN_END, PERCENT, TRADE, UNITS, play
from backtest.signals.statistics import Calendar, calendar_of, statistics
from engine.errors import TapebookError
from engine.state.card import card, figures

if TYPE_CHECKING:
    import polars as pl

    from backtest.report.pictures import Picture

KINDS = {"units": UNITS, "cash": CASH, "percent": PERCENT}
ENDS: dict[Any, int] = {"close": AT_CLOSE, "open": AT_OPEN, None: OPEN_END}
ALL = 1 - 2.220446049250313e-16
"""All of the equity, less the last bit of a float."""


class SignalError(TapebookError, ValueError):
    """Signals or prices that do not fit the bars, with the mend."""


class VectorResult:
    """What signals on bars gave: `stats` (names as in backtesting.py), `trades`, `equity` (float64 a bar)."""

    def __init__(self, calendar: Calendar, closes: np.ndarray, equity: np.ndarray, rows: np.ndarray, first: int) -> None:
        self.equity, self.rows, self._calendar, self._closes, self._first = equity, rows, calendar, closes, first

    @cached_property
    def stats(self) -> dict[str, Any]:
        """Every statistic of the closed trades and of equity, by `statistics.statistics`."""
        return statistics(self._calendar, self._closes, self.equity, self.rows[self.rows["exit_bar"] >= 0], self._first)

    @property
    def returns(self) -> np.ndarray:
        """float64 (periods − 1,): returns a day (a bar where bars are longer)."""
        ends = self.equity[self._calendar.ends]
        return ends[1:] / ends[:-1] - 1

    @property
    def yearly(self) -> float:
        """√(periods in a year)."""
        return math.sqrt(self._calendar.yearly)

    @cached_property
    def trades(self) -> "pl.DataFrame":
        """One row a trade: size, entry_bar, exit_bar, entry_price, exit_price, stop, target, pnl (net), commission, return (a part), entry,
        exit (times); what is left open at the end has no exit."""
        import polars as pl

        rows, times = self.rows, self._calendar.times
        names = ("size", "entry_bar", "entry_price", "stop", "target", "commission")
        frame = pl.DataFrame({name: rows[name] for name in names}).with_columns(pl.col("stop", "target").fill_nan(None))
        done = pl.Series(rows["exit_bar"] >= 0)
        ends = {"exit_bar": "exit_bar", "exit_price": "exit_price", "pnl": "pnl", "part": "return"}
        frame = frame.with_columns(pl.Series(shown, rows[name]).set(~done, None) for name, shown in ends.items())
        exits = pl.Series("exit", times[np.maximum(rows["exit_bar"], 0)]).set(~done, None)
        return frame.with_columns(pl.Series("entry", times[rows["entry_bar"]]), exits)

    def plot(self) -> "Picture":
        """Equity beside holding the instrument from bar `first` on, and what was held, bar by bar."""
        from backtest.signals.lines import plot_lines

        held = self._closes / self._closes[self._first] * self.equity[self._first]
        held[: self._first] = math.nan
        curves = {"signals": self.equity, "holding the instrument": held}
        return plot_lines("Signals on bars", self._calendar.times, {"Equity": curves, "Held, units": self._held()})

    def _held(self) -> np.ndarray:
        """float64 (bars,): units held at each bar's close."""
        changes = np.zeros(len(self.equity) + 1)
        np.add.at(changes, self.rows["entry_bar"], self.rows["size"])
        done = self.rows["exit_bar"] >= 0
        np.add.at(changes, self.rows["exit_bar"][done], -self.rows["size"][done])
        return np.cumsum(changes[:-1])

    def _repr_html_(self) -> str:
        s = self.stats
        names = (
            "Return [%]",
            "Sharpe Ratio",
            "Max. Drawdown [%]",
            "# Trades",
            "Win Rate [%]",
            "Exposure Time [%]",
            "Buy & Hold Return [%]",
        )
        shown = [(name, significant(s[name])) for name in names]
        return card("Signals on bars", f"{len(self.equity):,} bars", figures(shown), self.plot()._repr_svg_())

    def __repr__(self) -> str:
        s = self.stats
        return f"<{s['# Trades']:,} trades on {len(self.equity):,} bars: {s['Return [%]']:.2f} %, Sharpe {s['Sharpe Ratio']:.2f}>"


class BarBacktest:
    """Bars made ready for many runs of signals.

    Parameters
    ----------
    bars : Bars (`tb.read_bars`), or a frame or mapping with open, high, low, close and times (ts, or the index of pandas)
    cash : at the start
    commission : part of the notional, or (fixed amount an order, part)
    spread : part of the price that an entry pays beyond it
    leverage : largest notional ÷ equity
    fill : "open" (of the next bar) or "close" (of the signal's own bar)
    end : what is held at the end is closed at the last "close", at the last "open" (as backtesting.py does), or left open (None)
    fractional : sizes need not be whole units

    Raises SignalError with the mend.
    """

    def __init__(
        self,
        bars: Any,
        *,
        cash: float = 10_000,
        commission: float | tuple[float, float] = 0.0,
        spread: float = 0.0,
        leverage: float = 1.0,
        fill: Literal["open", "close"] = "open",
        end: Literal["close", "open"] | None = "close",
        fractional: bool = False,
    ) -> None:
        self.prices, times = _columns(bars)
        self.closes = np.ascontiguousarray(self.prices[:, 3])
        self.calendar = calendar_of(times, self.closes)
        fixed, relative = commission if isinstance(commission, tuple) else (0.0, commission)
        for name, value, good in (("cash", cash, cash > 0), ("leverage", leverage, leverage >= 1), ("commission", relative, relative < 1)):
            if not good:
                raise SignalError(f"{name}={value} makes no sense here")
        if fill not in ("open", "close") or end not in ENDS:
            raise SignalError(f"fill={fill!r}, end={end!r}: fill is 'open' or 'close', end 'close', 'open' or None")
        self._money = (float(cash), float(fixed), float(relative), float(spread), float(leverage))
        self.fill, self.end, self.fractional = fill, end, fractional

    def __len__(self) -> int:
        return len(self.prices)

    def run(
        self,
        entries: Any = None,
        exits: Any = None,
        *,
        short_entries: Any = None,
        short_exits: Any = None,
        targets: Any = None,
        size: Any = ALL,
        sizing: Literal["units", "cash", "percent"] = "percent",
        stop_loss: Any = None,
        take_profit: Any = None,
        trailing: float | None = None,
        first: int = 0,
    ) -> VectorResult:
        """Trade on signals, each a bool a bar, known at the bar's close.

        An entry against what is held closes it and goes the other way; an entry in its direction does nothing. `exits` close a long,
        `short_exits` a short. `targets` instead: the wanted direction a bar, above, below or 0, NaN for no change. `size` counts
        `sizing`, one
        value or one a bar; one that equity cannot carry is not filled. `stop_loss`, `take_profit`: prices a bar, for an entry signalled
        there.
        `trailing`: a stop so far (a part of the price) behind the best price since the entry, moved after each bar. `first`: bar from which
        holding the instrument is compared.
        """
        count = len(self)
        if targets is not None:
            if any(one is not None for one in (entries, exits, short_entries, short_exits)):
                raise SignalError("give targets, or entries and exits, not both")
            go, leave = _of_targets(_floats("targets", targets, count, math.nan))
        else:
            if entries is None and short_entries is None:
                raise SignalError("no signal: give entries, short_entries or targets")
            go, leave = _of_signals([_flags(name, one, count) for name, one in zip(_NAMES, (entries, exits, short_entries, short_exits))])
        if sizing not in KINDS:
            raise SignalError(f"sizing={sizing!r}; there are {', '.join(KINDS)}")
        sizes = _floats("size", size, count, ALL)
        if not (sizes > 0).all():
            raise SignalError("size must be above 0; the direction is that of the signal")
        trades, equity = np.zeros(np.count_nonzero(go) + 2, TRADE), np.zeros(count)
        stops, aims = _floats("stop_loss", stop_loss, count, math.nan), _floats("take_profit", take_profit, count, math.nan)
        behind = math.nan if trailing is None else float(trailing)
        made = play(
            *(self.prices, go, leave, sizes, stops, aims, behind, KINDS[sizing], self._money),
            *(self.fill == "close", ENDS[self.end], self.fractional, trades, equity),
        )
        open_end = int(self.end is None and made < len(trades) and trades["exit_bar"][made] == -1 and trades["size"][made] != 0)
        return VectorResult(self.calendar, self.closes, equity, trades[: made + open_end], first)


_NAMES = ("entries", "exits", "short_entries", "short_exits")


def _columns(bars: Any) -> tuple[np.ndarray, np.ndarray]:
    """float64 (n, 4) and datetime64[ns] (n,). Raises SignalError."""
    frame = getattr(bars, "frame", bars)
    names = {str(name).lower(): name for name in (frame if isinstance(frame, Mapping) else frame.columns)}
    if missing := [name for name in ("open", "high", "low", "close") if name not in names]:
        raise SignalError(f"the bars have no {', '.join(missing)}")
    prices = np.stack([np.asarray(frame[names[name]], np.float64) for name in ("open", "high", "low", "close")], axis=1)
    stamp = next((names[name] for name in ("ts", "time", "date", "datetime", "timestamp") if name in names), None)
    times = np.asarray(frame[stamp] if stamp is not None else frame.index).astype("datetime64[ns]")
    if len(prices) < 2 or not np.isfinite(prices).all() or (prices <= 0).any():
        raise SignalError("bars need two rows or more, and prices above 0 without gaps")
    if (np.diff(times) <= np.timedelta64(0, "ns")).any():
        raise SignalError("bars must be in time order")
    return np.ascontiguousarray(prices), times


def _flags(name: str, given: Any, count: int) -> np.ndarray:
    made = np.zeros(count, bool) if given is None else np.asarray(given)
    if made.shape != (count,):
        raise SignalError(f"{name} has shape {made.shape}; give one value a bar, {count:,}")
    return made.astype(bool)


def _floats(name: str, given: Any, count: int, default: float) -> np.ndarray:
    if given is None or np.ndim(given) == 0:
        return np.full(count, default if given is None else float(given))
    made = np.ascontiguousarray(given, np.float64)
    if made.shape != (count,):
        raise SignalError(f"{name} has shape {made.shape}; give one value, or one a bar, {count:,}")
    return made


def _of_signals(flags: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Directions (int8) and exits (int8: bit 1 of longs, bit 2 of shorts). Both directions at once is no entry."""
    enter, leave, short, cover = flags
    go = (enter & ~short).astype(np.int8) - (short & ~enter).astype(np.int8)
    return go, leave.astype(np.int8) + 2 * cover.astype(np.int8)


def _of_targets(wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = ~np.isnan(wanted)
    return np.where(known, np.sign(wanted), 0).astype(np.int8), np.where(known & (wanted == 0), 3, 0).astype(np.int8)


def vectorised(bars: Any, entries: Any = None, exits: Any = None, **options: Any) -> VectorResult:
    """Signals on bars in one call; options of `BarBacktest` and of its `run`.

    Example: `tb.vectorised(bars, fast > slow, fast < slow, commission=0.001).stats["Sharpe Ratio"]`
    """
    own = ("cash", "commission", "spread", "leverage", "fill", "end", "fractional")
    setting = {name: options.pop(name) for name in own if name in options}
    return BarBacktest(bars, **setting).run(entries, exits, **options)
