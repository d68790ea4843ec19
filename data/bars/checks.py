"""What bars must be: numbers, above 0, within high and low, in time order; what is not is told by its line, or left out and counted."""

import numpy as np
import polars as pl

from data.bars.files import Bad, Table
from data.bars.times import read_times
from data.feed import DataError

PRICES = ("open", "high", "low", "close")
JUMP = 0.9
"""From one close to the next open, as a part of the close: told as mixed units or a split that is not adjusted."""


def checked(table: Table, zone: str | None, time_format: str | None) -> tuple[Table, pl.DataFrame, dict[str, int]]:
    """The bars with their times in UTC and their numbers, and what was mended. A table that repairs loses its bad bars, is sorted by time
    where it is out of order, and keeps its jumps; all of it is counted."""
    mended: dict[str, int] = {}
    while True:
        if not len(table.frame):
            told = "; ".join(f"{count} × {what.replace('_', ' ')}" for what, count in mended.items())
            raise DataError(table.name, f"has no bars{f' that are in order: {told}' if told else ''}")
        try:
            frame = pl.DataFrame([read_times(table, zone, time_format).alias("ts"), *numbers(table)])
            if table.repair and not frame["ts"].is_sorted():
                order = np.argsort(frame["ts"].to_numpy(), kind="stable")
                mended["out_of_order"] = int((frame["ts"].diff().dt.total_nanoseconds() < 0).sum())
                table, frame = table._replace(frame=table.frame[order]), frame[order]
            check(table, frame)
        except Bad as bad:
            mended[bad.what] = mended.get(bad.what, 0) + int(bad.mask.sum())
            table = table._replace(frame=table.frame.filter(~bad.mask))
            continue
        jumps = _jumps(table, frame)
        return table, frame, mended | ({"jumps_kept": jumps} if jumps else {})


def _jumps(table: Table, frame: pl.DataFrame) -> int:
    """How many bars open far from the close before. Raises DataError for the first, unless the table repairs."""
    before = frame["close"].shift(1)
    jumps = ((frame["open"] - before).abs() >= JUMP * before).fill_null(False)
    if jumps.any() and not table.repair:
        at = int(jumps.arg_max() or 0)
        step = 100 * (float(frame["open"][at]) / float(before[at]) - 1)
        mend = "if a split is not adjusted, tb.adjust does it; repair=True (--repair) keeps the bars as they are"
        table.refuse("open", jumps, f"is {step:+.0f} % from the close before; are the units mixed? {mend}")
    return int(jumps.sum())


def numbers(table: Table) -> list[pl.Series]:
    """Prices and volume as Float64."""
    made = []
    for name in (*PRICES, "volume"):
        if name not in table.frame.columns:
            made.append(pl.Series(name, np.zeros(len(table.frame))))
            continue
        written = table.frame[name]
        missing = written.is_null()
        if written.dtype == pl.String:
            written = written.str.strip_chars()
        numbers = written.cast(pl.Float64, strict=False)
        table.refuse(name, (missing | numbers.is_nan()).fill_null(False), "is missing")
        table.refuse(name, numbers.is_null(), "is not a number; write it with a decimal point and without thousands separators")
        table.refuse(name, numbers.is_infinite(), "is not finite")
        made.append(numbers)
    return made


def check(table: Table, frame: pl.DataFrame) -> None:
    opened, high, low, closed, volume = (frame[name] for name in (*PRICES, "volume"))
    for name in PRICES:
        table.refuse(name, frame[name] <= 0, "is not above 0")
    table.refuse("volume", volume < 0, "is below 0")
    table.refuse("high", high < low, "is below the low")
    for name, price in (("open", opened), ("close", closed)):
        table.refuse(name, price > high, "is above the high")
        table.refuse(name, price < low, "is below the low")
    steps = frame["ts"].diff().dt.total_nanoseconds().fill_null(1)
    field = "time" if "time" in table.frame.columns else "date"
    table.refuse(field, steps == 0, "comes twice; keep one bar of a time")
    table.refuse(field, steps < 0, "is before the one above; sort the bars by time")
