"""The window of a run: from when to when of its feed."""

from data.times import TimeOfDay, local_time, moment, zone_of

Window = tuple[TimeOfDay | None, TimeOfDay | None]


def window(given: Window, span: tuple[int, int], warm_up: int, time_zone: str) -> tuple[int, int]:
    """First and last exchange time (ns UTC) of a run on a feed that goes from span[0] to span[1]; a time of day is one of the feed's first
    day where it starts, of its last where it ends. Raises ValueError, with the feed's own span, where there is none."""
    start, end = (one if one is None else moment(one, ts, time_zone) for one, ts in zip(given, span))
    first, last = span[0] if start is None else max(start, span[0]), span[1] if end is None else end
    if first > span[1] or last < span[0]:
        shown = " to ".join(f"{local_time(ts, zone_of(time_zone)):%Y-%m-%d %H:%M:%S}" for ts in span)
        which = f"start {given[0]}" if first > span[1] else f"end {given[1]}"
        raise ValueError(f"{which} lies outside the feed, which goes from {shown} ({time_zone})")
    if first + warm_up >= last:
        after = f" and a warm-up of {warm_up / 1e9:g} s" if warm_up else ""
        raise ValueError(f"start {given[0] or 'of the feed'}{after} is not before end {given[1] or 'of the feed'}")
    return first, last
