"""Moments, times of day and time zones, as people write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from data.times import local_time, midnight_of, moment, utc_nanoseconds, utc_offset, zone_of

SECOND = 10**9
HOUR = 3600 * SECOND
NOON = int(datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()) * SECOND
NEW_YORK = "America/New_York"


def test_a_time_of_day_is_one_on_the_clock_of_its_zone() -> None:
    assert moment("12:00", NOON, "UTC") == NOON
    assert moment("09:30:05", NOON, NEW_YORK) == NOON + 2 * HOUR + 1805 * SECOND
    assert moment(NOON + 7, NOON, NEW_YORK) == NOON + 7, "ns UTC are taken as they are"
    july = int(datetime(2026, 7, 6, 12, tzinfo=UTC).timestamp()) * SECOND
    assert moment("09:30", july, NEW_YORK) == july + HOUR + 1800 * SECOND, "summer time"
    for text in ("10", "25:00", "noon"):
        with pytest.raises(ValueError, match="is not a time of day; write HH:MM or HH:MM:SS"):
            moment(text, NOON, "UTC")


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-05T12:00:00",
        "2026-01-05T12:00:00Z",
        "2026-01-05T13:00:00+01:00",
        "2026-01-05T07:00:00-05:00",
        datetime(2026, 1, 5, 12),
        datetime(2026, 1, 5, 12, tzinfo=UTC),
        datetime(2026, 1, 5, 14, tzinfo=timezone(timedelta(hours=2))),
        np.datetime64("2026-01-05T12:00:00"),
    ],
    ids=str,
)
def test_a_moment_without_a_zone_is_utc(given: str | datetime | np.datetime64) -> None:
    assert utc_nanoseconds(given) == NOON


@pytest.mark.parametrize("given", ["noon", "2026-13-05", object()], ids=["word", "month", "object"])
def test_what_is_not_a_time_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="is not a time; write a datetime, or text like"):
        utc_nanoseconds(given)


def test_zones_by_name() -> None:
    assert zone_of("UTC") is UTC
    assert utc_offset(NOON, zone_of("UTC")) == 0
    assert utc_offset(NOON, zone_of(NEW_YORK)) == -5 * HOUR
    assert local_time(NOON + 1, zone_of(NEW_YORK)).hour == 7
    assert midnight_of(date(2026, 1, 5), NEW_YORK) == NOON - 7 * HOUR
    for name in ("Mars/Olympus", "", "../etc"):
        with pytest.raises(ValueError, match="is not known; name one such as America/New_York"):
            zone_of(name)
