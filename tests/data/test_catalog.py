"""The catalog: what goes in comes out, adding twice is harmless, several may add at once, nothing is half there."""

import multiprocessing
from datetime import date

import numpy as np
import pytest

from backtest import Backtest
from data import Catalog, read_itch, read_table
from data.feed import DataError
from data.formats import reopen
from engine import Strategy
from engine.messages.vocabulary import Kind
from tests.data.itch_file import ItchFile

NS = 1_714_573_800_000_000_000
DAY = 86_400 * 10**9


def day(folder, date="12302019", order=1):
    file = ItchFile(("AAPL", "XYZ"))
    file.add(10, order, "BUY", 100, 500000)
    file.add(11, order + 1, "SELL", 50, 500100, locate=2)
    file.execute(12, order, 40)
    path = folder / f"{date}.NASDAQ_ITCH50"
    path.write_bytes(file.blob())
    return path


def test_what_goes_in_comes_out(tmp_path):
    path = day(tmp_path)
    catalog = Catalog(tmp_path / "catalog")
    added = catalog.add(path)
    assert [(one.kind, one.symbol, str(one.date), one.new) for one in added] == [
        ("orders", "AAPL", "2019-12-30", True),
        ("orders", "XYZ", "2019-12-30", True),
    ]
    ours, theirs = catalog.feed("AAPL"), read_itch(path, symbol="AAPL")
    assert np.array_equal(ours.commands(), theirs.commands())
    assert ours.instruments == theirs.instruments
    assert catalog.load("AAPL", kind="trades").select("price", "quantity").rows() == [(50.0, 40.0)]
    assert catalog.sql("SELECT symbol, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1").rows() == [("AAPL", 3), ("XYZ", 1)]


def test_adding_twice_changes_nothing_and_another_source_is_refused(tmp_path):
    catalog = Catalog(tmp_path / "catalog")
    path = day(tmp_path)
    catalog.add(path)
    before = {file: file.read_bytes() for file in (tmp_path / "catalog").rglob("*.parquet")}
    assert [one.new for one in catalog.add(path)] == [False, False]
    day(tmp_path, order=7)
    with pytest.raises(DataError, match=r"is there already, from .*; give replace=True"):
        catalog.add(path)
    assert {file: file.read_bytes() for file in (tmp_path / "catalog").rglob("*.parquet")} == before
    catalog.add(path, replace=True)
    assert int(catalog.feed("AAPL").commands()["order_id"][0]) == 7


def test_days_are_one_feed_with_their_nights(tmp_path):
    catalog = Catalog(tmp_path / "catalog")
    for name in ("12302019", "12312019", "01022020"):
        catalog.add(day(tmp_path, name))
    feed = catalog.feed("AAPL", "2019-12-30", "2019-12-31")
    kinds = feed.commands()["kind"].tolist()
    assert (kinds.count(Kind.START_OF_DAY), kinds.count(Kind.END_OF_DAY), kinds.count(Kind.ADD)) == (1, 1, 2)
    with pytest.raises(DataError, match="has no data of AAPL from 2021"):
        catalog.feed("AAPL", "2021-01-01")
    with pytest.raises(DataError, match="did you mean AAPL"):
        catalog.feed("AAPLE")


class Holder(Strategy):
    """Buys once, on the first day, and holds."""

    every = "30s"

    def on_timer(self):
        if not self.position() and not self.orders:
            self.buy(5)


def test_a_month_out_of_a_catalog_is_one_run(tmp_path):
    """A position goes over every night; each day has a book of its own, and its orders are gone at night."""
    catalog, half_past_nine = Catalog(tmp_path / "catalog"), (9 * 60 + 30) * 60 * 10**9
    weekdays = [date(2024, 5, number) for number in range(1, 32) if date(2024, 5, number).weekday() < 5]
    for one in [*weekdays, date(2024, 6, 3)]:
        file = ItchFile()
        for minute in range(3):
            for k, side in enumerate(("BUY", "SELL")):
                price = 500000 + 100 * one.day + 100 * k
                file.add(half_past_nine + minute * 60 * 10**9, 1 + 2 * minute + k, side, 100, price)
        file.execute(half_past_nine + 3 * 60 * 10**9, 2, 10)  # at the ask: what a day is valued at
        path = tmp_path / f"{one:%m%d%Y}.NASDAQ_ITCH50"
        path.write_bytes(file.blob())
        catalog.add(path)
    feed = catalog.feed("AAPL", "2024-05-01", "2024-05-31")
    kinds = feed.commands()["kind"].tolist()
    nights = len(weekdays) - 1
    assert (kinds.count(Kind.START_OF_DAY), kinds.count(Kind.END_OF_DAY), kinds.count(Kind.CLEAR)) == (nights,) * 3
    result = Backtest(feed, Holder()).run(tmp_path / "runs")
    assert result.days["date"].to_list() == weekdays
    assert result.days["fills"].to_list() == [1] + [0] * nights
    assert result.days["position_value"].to_list() == pytest.approx([5 * (50.01 + one.day / 100) for one in weekdays])
    again = reopen(feed.origin, feed.fingerprint)
    assert np.array_equal(again.commands(), feed.commands())


def test_a_book_goes_over_midnight(tmp_path):
    midnight = NS - NS % DAY + DAY
    path = tmp_path / "made.csv"
    rows = [(midnight - 5, "bid", 10, 5), (midnight - 5, "ask", 11, 6), (midnight + 5, "ask", 11, 0)]
    path.write_text("time,side,price,size\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    catalog = Catalog(tmp_path / "catalog")
    assert [str(one.date) for one in catalog.add(read_table(path))] == ["2024-05-01", "2024-05-02"]
    second = catalog.feed("MADE", "2024-05-02").commands()
    assert [tuple(map(int, row)) for row in second[["side", "price", "quantity"]]] == [(0, 10, 5), (1, 11, 6), (1, 11, 0)]


def _add(folder, path):
    Catalog(folder).add(path)


def test_several_add_at_once(tmp_path):
    path, folder = day(tmp_path), tmp_path / "catalog"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add, args=(folder, path)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert sorted(file.name for file in folder.rglob("*") if file.is_file()) == ["2019-12-30.parquet"] * 2
    assert len(Catalog(folder).feed("AAPL").commands()) == 3


def test_a_damaged_file_is_told(tmp_path):
    catalog = Catalog(tmp_path / "catalog")
    (one, *_) = catalog.add(day(tmp_path))
    one.path.write_bytes(one.path.read_bytes()[:-40])
    with pytest.raises(DataError, match="remove it and add its source again"):
        catalog.feed("AAPL")
