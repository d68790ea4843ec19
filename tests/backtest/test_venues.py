"""Fees of venues, several venues of one symbol in one run, and what holding a position costs."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

import tapebook as tb
from backtest.store import find_run
from backtest.verify import verify_run
from data.formats import reopen
from data.venues.fees import PRESETS
from data.venues.symbols import underlying_of

SECOND = 10**9
DAY = 86_400 * SECOND
BEGAN = int(datetime(2024, 5, 2, 13, 30, tzinfo=UTC).timestamp()) * SECOND  # a Thursday


def quotes(price, days=3):
    """A market that stands still: a quote each day at the open and at the close."""
    times = [BEGAN + day * DAY + hours * 3600 * SECOND for day in (0, 1, 4)[:days] for hours in (0, 6)]
    sizes = [500 + k for k in range(len(times))]
    return pl.DataFrame({"time": times, "bid": price, "bid_size": sizes, "ask": price + 0.01, "ask_size": sizes})


class Once(tb.Strategy):
    """Sells a hundred at the first venue and buys sixty at the last."""

    sells = tb.Parameter(100)

    def on_start(self):
        self.sent = False

    def on_book(self, instrument):
        if instrument == 0 and not self.sent:
            self.sell(self.sells, instrument=0)
            self.buy(60, instrument=1)
            self.sent = True


def feed(days=3):
    parts = [tb.read_table(quotes(price, days), "quotes", symbol="AAPL", tick="0.01") for price in (10.0, 10.0)]
    return tb.merge([tb.at_venue(one, venue) for one, venue in zip(parts, ("XNAS", "ARCX"))])


def test_one_symbol_of_two_venues():
    result = tb.Backtest(feed(), Once, fees={"AAPL.XNAS": tb.fees_per_share("-0.002", "0.003", "10"), "AAPL.ARCX": "binance-spot"}).run(
        out=None
    )
    assert result.fills["symbol"].to_list() == ["AAPL.XNAS", "AAPL.ARCX"]
    assert result.fills["fee"].to_list() == pytest.approx([100 * 0.003, 60 * 10.01 * 0.001])
    (row,) = result.underlyings.to_dicts()
    assert (row["underlying"], row["venue"], row["quantity"], row["fills"]) == ("AAPL", "XNAS+ARCX", -40.0, 2)
    assert row["net_pnl"] == pytest.approx(result.summary["net_pnl"])
    assert result.underlying_positions["quantity"].to_list()[-1] == -40.0
    assert result.meta["fees"]["AAPL.ARCX"].startswith("binance-spot (https://")
    assert [underlying_of(one) for one in ("AAPL.XNAS", "BRK.5", "BTCUSDT", ".X")] == [
        ("AAPL", "XNAS"), ("BRK.5", ""), ("BTCUSDT", ""), (".X", ""),
    ]  # fmt: skip


def test_the_same_symbol_twice_needs_its_venues(tmp_path):
    path = tmp_path / "q.csv"
    quotes(10.0).write_csv(path)
    one = tb.read(path, quiet=True, symbol="AAPL", kind="quotes")
    with pytest.raises(ValueError, match="AAPL is in two of the feeds"):
        tb.merge([one, one])
    both = tb.merge([tb.at_venue(one, "XNAS"), tb.at_venue(one, "ARCX")])
    assert np.array_equal(reopen(both.origin, both.fingerprint).commands(), both.commands())
    result = tb.Backtest(both, Once).run(out=tmp_path)
    assert verify_run(find_run(result.meta["run_id"], tmp_path), tmp_path / "cache").ok
    with pytest.raises(ValueError, match="is not a word of letters"):
        tb.at_venue(one, "X NAS")


def test_borrow_and_funding_by_hand():
    result = tb.Backtest(tb.in_sessions(feed(), "XNYS"), Once).run(out=None)
    mark = result.recording.marks["price"][result.recording.marks["instrument"] == 0][-1] / 100
    table = result.carry(borrow={"AAPL.XNAS": "0.0365"})
    assert table["quantity"].to_list() == [-100.0, -100.0]
    assert table["amount"].to_list() == pytest.approx([-100 * mark * 0.0365 * days / 365 for days in (1, 3)]), "a night and a weekend"
    times = {"2024-05-02T20:00": "0.0001", BEGAN + DAY: "-0.0002", BEGAN - DAY: "0.5"}
    funded = result.carry(funding={"AAPL.ARCX": times})
    bought = result.fills["price"][1]
    assert funded["amount"].to_list() == pytest.approx([-60 * bought * 0.0001, 60 * bought * 0.0002]), (
        "what lies before the run is not paid"
    )
    assert funded["amount_units"].to_list() == [round(one * result.recording.unit) for one in funded["amount"].to_list()]
    assert result.carry().is_empty()
    assert result.carry(borrow=0.05)["symbol"].unique().to_list() == ["AAPL.XNAS"], "only what is short borrows"
    with pytest.raises(ValueError, match=r"did you mean AAPL\.ARCX"):
        result.carry(funding={"AAPL.ARC": {}})


def test_presets_have_source_and_day():
    for name, preset in PRESETS.items():
        assert tb.fees(name) == preset
        assert preset.source.startswith("https://")
        assert datetime.fromisoformat(preset.checked)
        assert Decimal("-0.01") < preset.maker <= preset.taker < Decimal("0.01")
    with pytest.raises(ValueError, match="charges by the share and by tiers"):
        tb.fees("nasdaq")
    with pytest.raises(ValueError, match="did you mean binance-spot"):
        tb.fees("binance-spt")
    with pytest.raises(ValueError, match="leave maker_fee and taker_fee out, or fees"):
        tb.Backtest(feed(), Once, fees="okx-spot", maker_fee=0)
    with pytest.raises(ValueError, match="fees names 'AAPL'"):
        tb.Backtest(feed(), Once, fees={"AAPL": "okx-spot"})
    with pytest.raises(ValueError, match="price is 0"):
        tb.fees_per_share(0, "0.003", 0)
