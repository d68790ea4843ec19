"""The sessions of an exchange: no bar spans a close, a day is a session, days end and begin with the exchange."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import tapebook as tb
from data.calendars.feed import in_sessions
from data.calendars.schedule import CalendarError, schedule_of
from data.feed import DataError, DataWarning
from data.formats import reopen
from engine.messages.vocabulary import Kind

SECOND = 10**9


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def trades(*rows):
    return pl.DataFrame({"time": [at(time) for time, _ in rows], "price": [price for _, price in rows], "size": [5] * len(rows)})


HALF_DAY = trades(  # 2024-07-03 closes at 13:00 in New York, the 4th is a holiday
    ("2024-07-03T13:29:59", 9.0), ("2024-07-03T13:30:00", 10.0), ("2024-07-03T14:31:00", 12.0), ("2024-07-03T16:45:00", 8.0),
    ("2024-07-03T17:00:00", 11.0), ("2024-07-03T17:00:01", 13.0), ("2024-07-05T13:30:00", 20.0), ("2024-07-05T20:00:00", 21.0),
)  # fmt: skip


def bars_by_hand(bars):
    return [(str(ts)[:16], *prices, length // 60 // SECOND) for ts, *prices, length in zip(bars.frame["ts"], *bars.units.T, bars.lengths)]


def test_bars_of_trades_end_at_the_close():
    bars = tb.bars_of(HALF_DAY, "2h", symbol="A", tick="1", calendar="XNYS")
    assert bars_by_hand(bars) == [
        ("2024-07-03 13:30", 10, 12, 10, 12, 120),
        ("2024-07-03 15:30", 8, 11, 8, 11, 90),  # up to the close, with what trades at it
        ("2024-07-05 13:30", 20, 20, 20, 20, 120),
        ("2024-07-05 19:30", 21, 21, 21, 21, 30),
    ]
    assert bars.repairs == {"outside_sessions": 2}
    whole = tb.bars_of(HALF_DAY, "session", symbol="A", tick="1", calendar="XNYS")
    assert bars_by_hand(whole) == [("2024-07-03 13:30", 10, 12, 8, 11, 210), ("2024-07-05 13:30", 20, 21, 20, 21, 390)]
    ticks = tb.bars_of(HALF_DAY, ticks=3, symbol="A", tick="1", calendar="XNYS")
    assert ticks.units.tolist() == [[10, 12, 8, 8], [11, 11, 11, 11]], "the close ends a bar that is not full; the end of the data does not"
    commands = bars.commands()
    assert commands["ts"][7] == at("2024-07-03T17:00:00") - 1, "a short bar's last print is in its session"


def test_a_break_ends_a_bar_too():
    lunch = trades(("2024-01-02T03:59:00", 10.0), ("2024-01-02T04:00:00", 11.0), ("2024-01-02T05:00:00", 12.0))  # Hong Kong, 12:00 to 13:00
    bars = tb.bars_of(lunch, "3h", symbol="A", tick="1", calendar="XHKG")
    assert bars_by_hand(bars) == [("2024-01-02 01:30", 10, 11, 10, 11, 150), ("2024-01-02 05:00", 12, 12, 12, 12, 180)]
    assert len(tb.bars_of(lunch, "session", symbol="A", tick="1", calendar="XHKG")) == 1


def test_wider_bars_are_those_of_the_trades():
    draw = np.random.default_rng(3)
    ts = np.sort(draw.integers(at("2024-07-03T13:30:00"), at("2024-07-05T20:00:00"), 3000))
    many = pl.DataFrame({"time": ts, "price": 10 + np.cumsum(draw.integers(-1, 2, 3000)) / 100 + 5, "size": draw.integers(1, 9, 3000)})
    for calendar in ("XNYS", None):
        narrow = tb.bars_of(many, "5min", symbol="A", calendar=calendar)
        for every in ("1h", *(["session"] if calendar else [])):
            wide, direct = (tb.bars_of(one, every, symbol="A", calendar=calendar) for one in (narrow, many))
            assert wide.frame.equals(direct.frame.drop("trades"))
            assert wide.units.tolist() == direct.units.tolist()
            assert np.array_equal(wide.commands(), direct.commands())
    with pytest.raises(DataError, match=r"bar of 0:05:00 at .* does not fit into one of 7min"):
        tb.bars_of(narrow, "7min")
    with pytest.raises(ValueError, match="out of bars come bars in time alone"):
        tb.bars_of(narrow, volume=5)
    with pytest.raises(ValueError, match="need its exchange"):
        tb.bars_of(narrow, "session")


DAYS = ("2024-07-02", "2024-07-03", "2024-07-05", "2024-07-09")
DAILY = "date,open,high,low,close,volume\n" + "".join(f"{day},10,11,9,10,50\n" for day in DAYS)


def test_daily_bars_are_sessions(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(DAILY)
    with pytest.warns(DataWarning, match="1 × sessions without a bar"):
        bars = tb.read_bars(path, calendar="XNYS")
    assert (bars.lengths // 60 // SECOND).tolist() == [390, 210, 390, 390]
    assert bars.time_zone == "America/New_York"
    with pytest.raises(DataError, match=r"2 of its bars lie in no session of XLON|1 of its bars lie in no session"):
        tb.read_bars(pl.read_csv(path.read_bytes().replace(b"07-09", b"07-07")), calendar="XLON")
    feed = in_sessions(tb.read_bars(path), "XNYS")
    turns = [
        (Kind(row["kind"]).name, str(row["ts"].astype("datetime64[ns]"))[5:16]) for row in feed.commands() if row["kind"] != Kind.PRINT
    ]
    assert turns == [
        ("END_OF_DAY", "07-02T20:00"), ("START_OF_DAY", "07-03T13:30"), ("END_OF_DAY", "07-03T17:00"), ("START_OF_DAY", "07-05T13:30"),
        ("END_OF_DAY", "07-05T20:00"), ("START_OF_DAY", "07-08T13:30"), ("END_OF_DAY", "07-08T20:00"), ("START_OF_DAY", "07-09T13:30"),
    ]  # fmt: skip


class Daily(tb.Strategy):
    """Buys one a bar for the day."""

    def on_bar(self, instrument, bar):
        self.buy(1, self.ticks("8.00"))


def test_a_run_has_the_exchanges_days(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(DAILY)
    feed = in_sessions(tb.read_bars(path, symbol="A"), "XNYS")
    result = tb.Backtest(feed, Daily).run(out=None)
    assert [str(day) for day in result.days["date"]] == ["2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08", "2024-07-09"]
    assert result.orders["status"].to_list() == ["EXPIRED", "EXPIRED", "NEW", "NOT_ARRIVED"]
    opened = tb.read(path, "bars", quiet=True, symbol="A")
    again = in_sessions(opened, "XNYS")
    assert reopen(again.origin, again.fingerprint).commands().tobytes() == again.commands().tobytes()


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_turns_do_not_hang_on_batches(rows):
    times = [
        "2024-07-03T12:00:00",
        "2024-07-03T16:59:59",
        "2024-07-03T17:00:00",
        "2024-07-03T17:00:00",
        "2024-07-03T19:00:00",
        "2024-07-08T13:30:00",
    ]
    feed = in_sessions(tb.read_table(trades(*((time, 10.0) for time in times)), "trades", symbol="A"), "XNYS")
    commands = np.concatenate([*feed.batches(rows)])
    assert [Kind(kind).name for kind in commands["kind"]] == [
        *["TRADE"] * 4, "END_OF_DAY", "TRADE", "START_OF_DAY", "END_OF_DAY", "START_OF_DAY", "TRADE",
    ]  # fmt: skip
    assert (np.diff(commands["ts"]) >= 0).all()
    midnight = [at("2024-07-03T23:59:59"), at("2024-07-04T00:00:00"), at("2024-07-04T00:00:00"), at("2024-07-05T01:00:00")]
    frame = pl.DataFrame({"time": midnight, "price": [10.0] * 4, "size": [1] * 4})
    kinds = np.concatenate([*in_sessions(tb.read_table(frame, "trades", symbol="A"), "24/7").batches(rows)])["kind"]
    turn = [Kind.END_OF_DAY, Kind.START_OF_DAY]
    assert kinds.tolist() == [Kind.TRADE, *turn, Kind.TRADE, Kind.TRADE, *turn, Kind.TRADE]


def test_what_does_not_fit_is_told(tmp_path):
    feed = tb.read_table(HALF_DAY, "trades", symbol="A")
    with pytest.raises(CalendarError, match="did you mean XNYS"):
        in_sessions(feed, "XNY")
    with pytest.raises(DataError, match="has nothing within a session of XTKS"):
        tb.bars_of(HALF_DAY, "1h", symbol="A", calendar="XTKS")
    with pytest.raises(DataError, match="has days of its own"):
        in_sessions(in_sessions(feed, "XNYS"), "XNYS").commands()
    weekly = {"date": ["2024-07-01", "2024-07-08"], **{name: [10.0, 10.0] for name in ("open", "high", "low", "close")}}
    with pytest.raises(DataError, match="bars are 7 days long"):
        tb.read_bars(pl.DataFrame(weekly), calendar="XNYS")
    ago = schedule_of("XNYS", at("1990-03-01T00:00:00"), at("1990-03-02T00:00:00"))
    assert at("1990-03-01T14:30:00") in ago.opens, "also before the years that the calendar has by itself"
    assert timedelta(microseconds=int((ago.closes - ago.opens).max() // 1000)) == timedelta(hours=6.5)
