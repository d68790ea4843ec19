"""Bars and the sessions of an exchange: none spans a close, a day is a session; wider bars out of narrow ones."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from data.calendars.schedule import DAY, Schedule, schedule_of
from data.feed import DataError
from data.times import local_time, zone_of
from engine.messages.durations import duration_ns

if TYPE_CHECKING:
    from data.bars.reader import Bars

SESSION = "session"
"""As long as a session is."""
_LONG = 2**62
_DAILY = 20 * 3600 * 10**9
"""From here on a bar is of a day, not of a time of day."""
Ints = np.ndarray[Any, np.dtype[np.int64]]


class Inside(NamedTuple):
    """What of a series lies within sessions: `rows` (bool), `ts` of these (at the close a ns before it), `anchors` and `ends`: begin and
    end of the part that each is in. Without a calendar all of it, counted from 1970."""

    rows: np.ndarray
    ts: Ints
    anchors: Ints
    ends: Ints

    @property
    def outside(self) -> int:
        """How many are in no session."""
        return int(len(self.rows) - len(self.ts))

    def lengths(self, begins: Ints, size: int) -> Ints:
        """How long the bars that begin then are (ns): `size`, or up to the end of their part."""
        at = np.searchsorted(self.ts, begins)
        return np.minimum(size, self.ends[at] - begins)


def span_of(every: Any, calendar: str | None) -> int:
    """ns of a length of time, "session" without an end of its own. Raises ValueError for that without a calendar."""
    if every == SESSION:
        if calendar is None:
            raise ValueError('bars of a session need its exchange: calendar="XNYS"')
        return _LONG
    return every // timedelta(microseconds=1) * 1000 if isinstance(every, timedelta) else duration_ns(every)


def inside_sessions(source: str, ts: Ints, calendar: str | None, whole: bool = False) -> Inside:
    """What of ascending times (ns UTC) lies within sessions; `whole`: breaks are part of them. Raises DataError where nothing does."""
    if calendar is None:
        return Inside(np.ones(len(ts), bool), ts, np.zeros(len(ts), np.int64), np.full(len(ts), _LONG))
    schedule = schedule_of(calendar, int(ts[0]), int(ts[-1]))
    part = schedule.part_at(ts)
    rows = part >= 0
    if not rows.any():
        said = f"has nothing within a session of {calendar}: the first is at {_told(int(ts[0]), schedule)}"
        raise DataError(source, f"{said} there; name the exchange's own calendar, or check the time zone", 0, "time")
    part = part[rows]
    one = schedule.part_of[part]
    anchors = schedule.opens[one] if whole else schedule.part_opens[part]
    ends = schedule.closes[one] if whole else schedule.part_closes[part]
    return Inside(rows, np.minimum(ts[rows], ends - 1), anchors, ends)


def wider(bars: "Bars", every: Any, calendar: str | None, others: dict[str, Any]) -> "Bars":
    """Bars of `every` out of narrower ones. Raises ValueError for another rule, DataError where they do not fit into one another."""
    named = [name for name, value in others.items() if value is not None]
    if every is None or named:
        raise ValueError(
            f"out of bars come bars in time alone: every=…, not {' and '.join(named) or 'nothing'}; take the trades for others"
        )
    span, lengths = span_of(every, calendar), np.full(len(bars), bars.period) if bars.lengths is None else bars.lengths
    inside = inside_sessions(bars.source, bars.times, calendar, whole=every == SESSION)
    lengths, ts = lengths[inside.rows], inside.ts
    begins = ts - (ts - inside.anchors) % span
    odd = ts + lengths > np.minimum(begins + span, inside.ends)
    if odd.any():
        at = int(odd.argmax())
        what = f"its bar of {timedelta(microseconds=int(lengths[at]) // 1000)} at {local_time(int(ts[at]), zone_of(bars.time_zone))}"
        raise DataError(bars.source, f"{what} does not fit into one of {every}{f' within a session of {calendar}' if calendar else ''}")
    first = np.flatnonzero(np.diff(begins, prepend=begins[0] - 1))
    made = _with(bars, _merged(bars.frame.filter(pl.Series(inside.rows)), first, begins), _units(bars.units[inside.rows], first))
    made.repairs = {"outside_sessions": inside.outside} if inside.outside else {}
    made.period = span
    if calendar is not None:
        made.calendar = calendar
        made.set_lengths(inside.lengths(begins[first], span))
    return made


def _units(units: Ints, first: Ints) -> Ints:
    last = np.append(first[1:], len(units)) - 1
    columns = [units[first, 0], np.maximum.reduceat(units[:, 1], first), np.minimum.reduceat(units[:, 2], first), units[last, 3]]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _merged(frame: pl.DataFrame, first: Ints, begins: Ints) -> pl.DataFrame:
    last = np.append(first[1:], len(frame)) - 1
    high, low, volume = (frame[name].to_numpy() for name in ("high", "low", "volume"))
    return pl.DataFrame(
        {
            "ts": pl.Series(begins[first]).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"),
            "open": frame["open"].gather(first),
            "high": np.maximum.reduceat(high, first),
            "low": np.minimum.reduceat(low, first),
            "close": frame["close"].gather(last),
            "volume": np.add.reduceat(volume, first),
        }
    )


def bars_in_sessions(bars: "Bars", calendar: str, repair: bool = False) -> "Bars":
    """The bars by the sessions of an exchange: one of a day goes from the open to the close of its date, a shorter one lies in a session
    and ends at its close at the latest.

    `repairs` counts the sessions between the first bar and the last that have none. Raises DataError for a bar outside of all sessions;
    with `repair` it is left out and counted.
    """
    if bars.calendar == calendar:
        return bars
    ts = bars.times
    schedule = schedule_of(calendar, int(ts[0]) - DAY, int(ts[-1]) + 2 * DAY)
    if bars.period >= 2 * DAY:
        raise DataError(bars.source, f"its bars are {bars.period / DAY:g} days long; a calendar is for bars of a day or shorter")
    begins, ends, session = (_daily if bars.period >= _DAILY and bars.lengths is None else _intraday)(bars, schedule)
    good = session >= 0
    if not good.all() and not repair:
        odd = ts[~good]
        what = f"{len(odd)} of its bars lie in no session of {calendar}, the first at {local_time(int(odd[0]), zone_of(bars.time_zone))}"
        raise DataError(
            bars.source, f"{what}; is it another exchange's, or the time zone? repair=True (--repair) leaves them out", 0, "time"
        )
    if not good.any():
        raise DataError(bars.source, f"none of its bars lies in a session of {calendar}", 0, "time")
    stamps = pl.Series(begins[good]).cast(pl.Datetime("ns")).dt.replace_time_zone("UTC")
    made = _with(bars, bars.frame.filter(pl.Series(good)).with_columns(stamps.alias("ts")), bars.units[good])
    if made.time_zone == "UTC":
        made.time_zone = schedule.time_zone
    made.calendar = calendar
    made.set_lengths((ends - begins)[good])
    seen = np.unique(session[good])
    counted = {"outside_sessions": int((~good).sum()), "sessions_without_a_bar": int(seen[-1] - seen[0] + 1 - len(seen))}
    made.repairs = {**bars.repairs, **{name: count for name, count in counted.items() if count}}
    return made


def _daily(bars: "Bars", schedule: Schedule) -> tuple[Ints, Ints, Ints]:
    """Begin, end and session of each bar, by its date on the bars' own clock; session -1 where that date has none."""
    local = bars.frame["ts"].dt.convert_time_zone(bars.time_zone).dt.date().cast(pl.Int32).cast(pl.Int64).to_numpy()
    at = np.minimum(np.searchsorted(schedule.days, local), len(schedule.days) - 1)
    return schedule.opens[at], schedule.closes[at], np.where(schedule.days[at] == local, at, -1)


def _intraday(bars: "Bars", schedule: Schedule) -> tuple[Ints, Ints, Ints]:
    ts, lengths = bars.times, bars.period if bars.lengths is None else bars.lengths
    part = schedule.part_at(ts)
    at = np.maximum(part, 0)
    inside = (part >= 0) & (ts < schedule.part_closes[at])
    return ts, np.minimum(ts + lengths, schedule.part_closes[at]), np.where(inside, schedule.part_of[at], -1)


def _with(bars: "Bars", frame: pl.DataFrame, units: Ints) -> "Bars":
    made = type(bars)(bars.instrument, frame, units, bars.period, bars.rounded)
    made.time_zone, made.name = bars.time_zone, bars.name
    return made


def _told(ts: int, schedule: Schedule) -> str:
    return f"{local_time(ts, zone_of(schedule.time_zone)):%Y-%m-%d %H:%M:%S}"
