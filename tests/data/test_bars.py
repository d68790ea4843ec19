"""Bars from files and frames: exact prices, times in UTC, errors that name the place, and prints on the stated path."""

import gzip
import zipfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from data.bars.reader import Bars, bars_to_commands, read_bars
from data.feed import DataError, DataWarning
from engine import Exchange, Kind, Side, limit, market

SHARED = Path(__file__).parents[3] / "shared" / "data"
HEADER = "Date,Open,High,Low,Close,Volume\n"
ROWS = ("2024-05-30,10.5,11,10,10.25,1000\n", "2024-05-31,10.3,10.8,10.1,10.7,2001\n")
DAY = timedelta(days=1) // timedelta(microseconds=1) * 1000
MAY_30 = int(datetime(2024, 5, 30, tzinfo=UTC).timestamp()) * 10**9


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} not present")
    return path


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="acme.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return to_file


@pytest.fixture
def bars(write):
    return read_bars(write(HEADER + "".join(ROWS)))


def test_a_csv(bars):
    assert bars.instrument.symbol == "ACME"
    assert bars.instrument.tick == Decimal("0.01")
    assert bars.units.tolist() == [[1050, 1100, 1000, 1025], [1030, 1080, 1010, 1070]]
    assert bars.frame.columns == ["ts", "open", "high", "low", "close", "volume"]
    assert bars.frame.schema["ts"] == pl.Datetime("ns", "UTC")
    assert bars.frame["close"].to_list() == [10.25, 10.7]
    assert bars.times.tolist() == [MAY_30, MAY_30 + DAY]
    assert bars.period == DAY
    assert len(bars) == 2
    assert repr(bars) == "2 bars of ACME, 2024-05-30 00:00 to 2024-05-31 00:00 UTC"


@pytest.mark.parametrize(
    "text",
    [
        "date;OPEN;HIGH;LOW;CLOSE;VOL\n2024-05-30;10.5;11;10;10.25;1000\n2024-05-31;10.3;10.8;10.1;10.7;2001\n",
        "timestamp\to\th\tl\tc\tv\n20240530\t10.50\t11\t10\t10.25\t1000\n20240531\t10.3\t10.8\t10.1\t10.7\t2001\n",
        ",Open,High,Low,Close,Volume,Adj Close\n2024/05/30,10.5,11,10,10.25,1000,1\n2024/05/31,10.3,10.8,10.1,10.7,2001,1\n",
        "<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<TICKVOL>\n2024.05.30,00:00,10.5,11,10,10.25,1000\n2024.05.31,00:00,10.3,10.8,10.1,10.7,2001\n",
        "Datetime,Open,High,Low,Close,Volume\n2024-05-30T00:00:00Z,10.5,11,10,10.25,1000\n2024-05-31T02:00:00+02:00,10.3,10.8,10.1,10.7,2001\n",
        "time,open,high,low,close,volume\n1717027200,10.5,11,10,10.25,1000\n1717113600,10.3,10.8,10.1,10.7,2001\n",
        "open_time,open,high,low,close,volume\n1717027200000,10.5,11,10,10.25,1000\n1717113600000,10.3,10.8,10.1,10.7,2001\n",
        '\ufeffDate,Open,High,Low,Close,Volume\r\n"2024-05-30","10.5",11,10,10.25,1000\r\n\r\n2024-05-31, 10.3 ,10.8,10.1,10.7,2001\r\n',
    ],
)
def test_the_same_bars_however_they_are_written(bars, write, text):
    assert read_bars(write(text)).fingerprint == bars.fingerprint


def test_the_same_bars_from_other_files_and_frames(bars, write, tmp_path):
    path = write(HEADER + "".join(ROWS))
    (tmp_path / "zipped").mkdir()
    with zipfile.ZipFile(tmp_path / "zipped" / "acme.zip", "w") as archive:
        archive.write(path, "acme.csv")
    (tmp_path / "acme.csv.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    frame = pl.read_csv(path, try_parse_dates=True)
    frame.write_parquet(tmp_path / "acme.parquet")
    indexed = pd.read_csv(path, index_col=0, parse_dates=True)
    sources = {
        "zip": tmp_path / "zipped" / "acme.zip",
        "gzip": tmp_path / "acme.csv.gz",
        "parquet": tmp_path / "acme.parquet",
        "polars": frame,
        "polars lazy": frame.lazy(),
        "polars text": pl.read_csv(path, infer_schema=False),
        "pandas column": pd.read_csv(path),
        "pandas index": indexed,
        "pandas index with a zone": indexed.tz_localize("UTC").tz_convert("America/New_York"),
        "pandas nullable": indexed.convert_dtypes(),
        "pandas dates": pd.read_csv(path).assign(Date=[date(2024, 5, 30), date(2024, 5, 31)]),
        "pandas with a ticker": pd.concat({"ACME": indexed}, axis=1).swaplevel(axis=1),
    }
    for name, source in sources.items():
        assert read_bars(source, "ACME").fingerprint == bars.fingerprint, name


def test_local_times(write):
    path = write(HEADER + "2024-05-31 09:30,1,1,1,1,0\n2024-05-31 09:31,1,1,1,1,0\n")
    local = read_bars(path, time_zone="America/New_York")
    assert local.frame["ts"][0] == datetime(2024, 5, 31, 13, 30, tzinfo=UTC)
    assert local.period == 60 * 10**9
    assert read_bars(path).frame["ts"][0] == datetime(2024, 5, 31, 9, 30, tzinfo=UTC)
    assert read_bars(write(HEADER + "31.05.24,1,1,1,1,0\n"), time_format="%d.%m.%y").times.tolist() == [MAY_30 + DAY]


def test_tick_price_unit_and_rounding(write):
    path = write(HEADER + "2024-05-31,10.125,11,10,10.5,1\n")
    assert read_bars(path).instrument.tick == Decimal("0.001")
    named = read_bars(path, "X", tick="0.25", lot="0.1", taker_fee="0.001")
    assert (named.instrument.tick, named.instrument.price_unit) == (Decimal("0.25"), Decimal("0.001"))
    assert (named.instrument.lot, named.instrument.taker_fee) == (Decimal("0.1"), Decimal("0.001"))
    assert named.units.tolist() == [[10125, 11000, 10000, 10500]]
    coarse = read_bars(path, tick="0.25", decimals=2)
    assert (coarse.instrument.price_unit, coarse.rounded) == (Decimal("0.01"), 1)
    assert coarse.units[0, 0] == 1012  # half to even
    assert read_bars(path).rounded == 0
    noise = [float(np.float32(3.85))]
    noisy = pl.DataFrame({"date": [date(2024, 5, 31)], "open": noise, "high": noise, "low": noise, "close": noise})
    with pytest.raises(DataError, match=r"DataFrame line 1, field open: 3\.8499\d* has more than 9 decimals; decimals=2"):
        read_bars(noisy)
    assert read_bars(noisy, decimals=2).units.tolist() == [[385] * 4]


def test_prices_are_exact_whatever_they_are(write):
    cents = np.random.default_rng(5).integers(1, 2**31 - 1, 2_000)
    start = date(1990, 1, 1)
    rows = [
        f"{start + timedelta(days=k)},{(text := f'{c // 10**5}.{c % 10**5:05}')},{text},{text},{text},1\n"
        for k, c in enumerate(cents.tolist())
    ]
    path = write(HEADER + "".join(rows))
    with pytest.raises(DataError, match=r"field open: .* % from the close before"):
        read_bars(path, tick="0.00001")
    with pytest.warns(DataWarning, match="jumps kept"):
        bars = read_bars(path, tick="0.00001", repair=True)
    assert (bars.units == cents[:, None]).all()


GOOD = {"Date": "2024-05-31", "Open": "10", "High": "11", "Low": "9", "Close": "10", "Volume": "5"}


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"Open": ""}, "open", "is missing"),
        ({"Close": "NaN"}, "close", "is missing"),
        ({"Date": ""}, "date", "is missing"),
        ({"Low": "nine"}, "low", "nine is not a number"),
        ({"High": "1,100"}, "", "7 fields where the first line has 6"),
        ({"High": "inf"}, "high", "inf is not finite"),
        ({"Low": "0"}, "low", "0 is not above 0"),
        ({"Open": "-1"}, "open", "-1 is not above 0"),
        ({"High": "8"}, "high", "8 is below the low"),
        ({"Open": "12"}, "open", "12 is above the high"),
        ({"Close": "8.5"}, "close", "8.5 is below the low"),
        ({"Volume": "-5"}, "volume", "-5 is below 0"),
        ({"Volume": "1e13"}, "volume", "is too large (2^32 lots of 1)"),
        ({"Date": "31 May"}, "date", "31 May is not a time; write it like the first one"),
        ({"Date": "2024-02-30"}, "date", "2024-02-30 is not a time"),
        ({"Date": "2024-05-30"}, "date", "2024-05-30 comes twice"),
        ({"Date": "2024-05-29"}, "date", "2024-05-29 is before the one above"),
        ({"High": "99999999"}, "high", "is too large (2^31)"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_field(write, changed, field, said):
    path = write(HEADER + ROWS[0] + ",".join((GOOD | changed).values()) + "\n")
    with pytest.raises(DataError) as error:
        read_bars(path)
    assert (error.value.file, error.value.line, error.value.field) == (str(path), 3, field)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no first line"),
        (HEADER, "has no bars"),
        ("Date,Open,High,Low,Volume\n2024-05-30,10.5,11,10,1000\n", "no column named close among 'Date', 'Open', 'High', 'Low', 'Volume'"),
        ("When,Open,High,Low,Close\n2024-05-31,1,1,1,1\n", "no column named date, time, datetime or timestamp"),
        ("Date,Open,High,Low,Close,close\n2024-05-31,1,1,1,1,1\n", "field close: a second column is the close"),
        ("2024-05-31,1,1,1,1,1\n", "line 1, field time: has no header line"),
        ("2024-05-31,1,1,1,1\n", "line 1: has no header line; name its 5 columns"),
        (
            HEADER + "05/31/2024,1,1,1,1,1\n",
            'line 2, field date: 05/31/2024 is not a time; write it as 2024-05-31 or 2024-05-31 09:30, or give time_format="',
        ),
        (HEADER + "2024-11-03 01:30,1,1,1,1,1\n", "2024-11-03 01:30:00 comes twice or never in America/New_York"),
    ],
)
def test_what_is_no_table_of_bars_is_named(write, text, said):
    path = write(text)
    with pytest.raises(DataError) as error:
        read_bars(path, time_zone="America/New_York")
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_other_bad_sources(write, tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: cannot be read: No such file"):
        read_bars(tmp_path / "none.csv")
    with pytest.raises(DataError, match="list: bars come from"):
        read_bars([1, 2])
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match=r"cut\.zip: is damaged"):
        read_bars(tmp_path / "cut.zip")
    (tmp_path / "latin.csv").write_bytes((HEADER + "2024-05-30,\xe4").encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.csv line 2: is not UTF-8 text"):
        read_bars(tmp_path / "latin.csv")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)
    with pytest.raises(DataError, match="holds 2 files"):
        read_bars(tmp_path / "two.zip")
    path = write(HEADER + "".join(ROWS))
    with pytest.raises(DataError, match="period is 2 days"):
        read_bars(path, period=timedelta(days=2))
    with pytest.raises(DataError, match="time_zone 'Mars' is unknown"):
        read_bars(path, time_zone="Mars")
    with pytest.raises(ValueError, match="decimals is 12"):
        read_bars(path, decimals=12)


def test_prints_go_to_the_nearer_extreme_first(bars):
    commands = bars_to_commands(bars)
    assert set(commands["kind"].tolist()) == {Kind.PRINT}
    # 10.50 is as near to 11 as to 10: the low first; 10.30 is nearer to 10.10
    assert commands["price"].tolist() == [1050, 1000, 1100, 1025, 1030, 1010, 1080, 1070]
    assert commands["side"].tolist() == [Side(s) for s in (0, 1, 0, 1, 0, 1, 0, 1)]
    assert commands["quantity"].tolist() == [250, 250, 250, 250, 500, 500, 500, 501]
    assert commands["row"].tolist() == list(range(1, 9))
    assert (np.diff(commands["ts"]) > 0).all()
    assert commands["ts"][[0, 3, 4]].tolist() == [MAY_30, MAY_30 + DAY - 1, MAY_30 + DAY]


def test_the_high_first_where_it_is_nearer(write):
    bars = read_bars(write(HEADER + "2024-05-31,10.6,11,10,10.2,0\n"), period=timedelta(hours=1))
    commands = bars_to_commands(bars)
    assert commands["price"].tolist() == [106, 110, 100, 102]
    assert commands["quantity"].tolist() == [1, 1, 1, 1]  # a print needs a lot
    assert commands["ts"][-1] - commands["ts"][0] == 3600 * 10**9 - 1


def test_a_feed_in_batches_and_until(bars):
    whole = bars.commands()
    assert whole.tobytes() == bars_to_commands(bars).tobytes() == np.concatenate(list(bars.batches(4))).tobytes()
    assert bars.counts["prints"] == 8
    assert len(bars.until(MAY_30 + DAY).commands()) == 4


def test_the_exchange_replays_bars(bars):
    exchange = Exchange([bars.instrument])
    exchange.send(limit(1, "ACME", Side.BUY, quantity=1, price="10.30", portfolio="p", ts=MAY_30 - 1))
    exchange.send(market(2, "ACME", Side.SELL, quantity=1, ts=MAY_30 - 1))
    marks = []
    for print_ in bars.commands():
        facts = exchange.run(np.array([print_]))
        assert Kind.CommandRejected not in facts["kind"]
        marks.append(float(exchange.portfolio("p")["positions"]["ACME"]["mark"]))
    assert marks == [10.5, 10.0, 11.0, 10.25, 10.3, 10.1, 10.8, 10.7]


@pytest.mark.parametrize(
    ("name", "symbol", "count", "first", "tick"),
    [
        ("bars/GOOG.csv", "GOOG", 2148, (100, 104.06, 95.96, 100.34, 22351900), "0.01"),
        ("bars/EURUSD.csv", "EURUSD", 5000, (1.0716, 1.0722, 1.07083, 1.07219, 1413), "0.00001"),
        ("bars/2006-day-001.txt", "2006-DAY-001", 255, (3578.73, 3605.95, 3578.73, 3604.33, 0), "0.01"),
        ("bars/nvda-1999-2014.txt", "NVDA-1999-2014", 4012, (1.75, 1.953125, 1.552083, 1.640625, 67867200), "0.000001"),
        ("lean/daily_spy.zip", "SPY", 5849, (97.31, 97.53, 96.53, 97.36, 2150000), "0.0001"),
        ("lean/minute_spy_20131007_trade.zip", "SPY", 828, (167.41, 167.41, 167.25, 167.27, 3197), "0.01"),
    ],
)
def test_real_files(name, symbol, count, first, tick):
    bars = read_bars(shared(name))
    assert isinstance(bars, Bars)
    assert (bars.instrument.symbol, bars.instrument.tick, len(bars)) == (symbol, Decimal(tick), count)
    assert bars.frame.drop("ts").row(0) == first
    assert bars.units * float(bars.instrument.tick) == pytest.approx(
        bars.frame.select("open", "high", "low", "close").to_numpy(), abs=1e-12
    )
    assert len(bars.commands()) == 4 * count


def test_lean_times_are_new_york():
    minute = read_bars(shared("lean/minute_spy_20131007_trade.zip"))
    assert minute.frame["ts"][0] == datetime(2013, 10, 7, 8, 0, tzinfo=UTC)
    assert minute.period == 60 * 10**9
    daily = read_bars(shared("lean/daily_spy.zip"))
    assert daily.frame["ts"][0] == datetime(1998, 1, 2, 5, 0, tzinfo=UTC)


def test_pandas_and_file_agree_on_a_real_file():
    path = shared("bars/GOOG.csv")
    assert read_bars(pd.read_csv(path, index_col=0, parse_dates=True), "GOOG").fingerprint == read_bars(path).fingerprint


MS = [1735689480000, 1735689540000]  # 2024-12-31 23:58 and 23:59, as a market writes them until then
US = [1735689600000000, 1735689660000000]  # and from 2025 on


@pytest.mark.parametrize("times", [MS + US, US + MS, [MS[0], US[0], *MS], [MS[0] // 1000, *MS], [US[0] * 1000, *US], ["0", *MS]])
def test_a_unit_of_time_that_changes_in_the_file_is_named(write, times):
    odd = next(k for k in range(1, len(times)) if len(str(times[k])) != len(str(times[0])))
    path = write("open_time,open,high,low,close,volume\n" + "".join(f"{t},100,101,99,100,5\n" for t in times))
    with pytest.raises(
        DataError, match=f"line {odd + 2}, field time: {times[odd]} is a time in another unit than the first one, {times[0]}"
    ):
        read_bars(path)
    frame = pl.DataFrame({"ts": [int(t) for t in times], **dict.fromkeys(("open", "high", "low", "close"), 100.0)})
    with pytest.raises(DataError, match=f"line {odd + 1}, field time"):
        read_bars(frame)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize("where", ["index", "column"])
def test_times_of_pandas_in_every_unit(unit, zone, where):
    index = pd.date_range("2024-03-08 09:30", periods=2, freq="min", unit=unit, tz=zone)
    prices = pd.DataFrame({name: [10.0, 10.0] for name in ("open", "high", "low", "close")})
    frame = prices.set_index(index) if where == "index" else prices.assign(time=index)
    first = datetime(2024, 3, 8, 9 if zone is None else 14, 30, tzinfo=UTC)
    assert read_bars(frame).times.tolist() == [int(first.timestamp()) * 10**9, int(first.timestamp()) * 10**9 + 60 * 10**9]


def test_times_that_nanoseconds_cannot_hold_are_refused():
    index = pd.DatetimeIndex(np.array(["2024-03-08", "2400-01-01"], "M8[s]"))
    with pytest.raises(DataError, match=r"line 2, field time: .* lies outside the years 1678 to 2261"):
        read_bars(pd.DataFrame({name: [10.0, 10.0] for name in ("open", "high", "low", "close")}, index=index))


def test_the_clock_of_bars_is_the_one_that_was_named(write):
    path = write(HEADER + "".join(ROWS))
    assert (read_bars(path).time_zone, read_bars(path, time_zone="Europe/Berlin").time_zone) == ("UTC", "Europe/Berlin")
