"""Several days in one run: what is kept from day to day and what is not, figures by day, the command line, and playing it again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from backtest import Backtest, Result
from backtest.analysis.curves import DAYS_DAILY
from backtest.store import find_run
from backtest.verify import verify_run
from data import Feed, days, merge, read_lobster, synthetic_flow
from data.several_days import CLOSING
from engine import Instrument, Kind, Side, Strategy, TimeInForce
from engine.messages.records import COMMAND
from tapebook import run_command_line
from tests.data.test_days import DATES, lobster
from tests.engine.test_loop import Rows, add, printed, rows

NIGHT = 86_400 * 10**9
NOON = 1_767_700_800 * 10**9  # 2026-01-06, 12:00 UTC
ONE = [Instrument("ONE", tick="1", maker_fee="0.001", taker_fee="0.002")]
NOW: dict[str, Any] = {"feed_latency": 0, "order_latency": 0, "response_latency": 0, "cache": None}


def noon(day: int, ns: int = 0) -> int:
    return NOON + day * NIGHT + ns


def market(day: int, *more: dict[str, int]) -> Feed:
    """A day whose book is 99, 101 from noon on, and whatever more; ids begin anew."""
    opening = (add(noon(day), 1, Side.BUY, 99, 10), add(noon(day), 2, Side.SELL, 101, 10))
    return Rows(rows(*opening, *({**row, "ts": noon(day, row["ts"])} for row in more)), ONE)


def sells(ts: int, order_id: int, lots: int, price: int) -> tuple[dict[str, int], dict[str, int]]:
    """An aggressor that takes from a bid of history, with its FLOW."""
    terms = {"ts": ts, "quantity": lots, "price": price}
    return {**terms, "kind": Kind.FLOW, "side": Side.SELL}, {
        **terms,
        "kind": Kind.EXECUTE,
        "order_id": order_id,
        "side": Side.BUY,
        "row": 1,
    }


def given(*orders: tuple[Any, ...]) -> pl.DataFrame:
    names = ("order_id", "ts", "side", "quantity", "price", "time_in_force")
    return pl.DataFrame([dict(zip(names, order)) for order in orders]).with_columns(symbol=pl.lit("ONE"))


# ------------------------------------------------------------------ from day to day


def test_three_days_by_hand() -> None:
    """Position and cash stay, a DAY order ends with its day, a GTC order stands first at its price the next day."""
    close = printed(5_000_000, 100, 1)
    feed = days([market(0, close), market(1, *sells(3_000_000, 1, 12, 99), close), market(2, *sells(1_000_000, 1, 10, 99), close)])
    run = Backtest(
        feed,
        orders=given(
            (1, noon(0, 1_000_000), "BUY", 4, 101, "DAY"),  # takes 4 at 101
            (2, noon(0, 2_000_000), "BUY", 5, 99, "DAY"),  # behind 10; ends with the day
            (3, noon(0, 3_000_000), "BUY", 6, 99, "GTC"),  # behind 10 and 5; on day 1 the first
            (4, noon(1, 1_000_000), "BUY", 7, 99, "GTC"),  # on day 1 behind 6 and 10, on day 2 the first
            (5, noon(1, 5_000_001), "BUY", 8, 99, "DAY"),  # after the last row: on its way when the day closed
        ),
        cash=10_000,
        **NOW,
    ).run(out=None)
    assert run.fills.select("ts", "side", "price", "quantity_lots", "liquidity", "queue_ahead").rows() == [
        (run.fills["ts"][0], "BUY", 101.0, 4, "TAKER", None),
        (run.fills["ts"][1], "BUY", 99.0, 6, "MAKER", 0.0),
        (run.fills["ts"][2], "BUY", 99.0, 7, "MAKER", 0.0),
    ]
    assert run.fills["ts"].cast(pl.Int64).to_list() == [noon(0, 1_000_000), noon(1, 3_000_000), noon(2, 1_000_000)]
    assert run.orders.select("order_id", "status", "reason").rows() == [
        (1, "FILLED", None),
        (2, "EXPIRED", "END_OF_DAY"),
        (3, "FILLED", None),
        (4, "FILLED", None),
        (5, "EXPIRED", "END_OF_DAY"),
    ]
    ended = run.orders.filter(pl.col("status") == "EXPIRED")["updated"].cast(pl.Int64).to_list()
    assert ended == [noon(day, 5_000_000 + CLOSING) for day in (0, 1)]
    spent = 4 * 101 * 1.002 + 13 * 99 * 1.001
    assert run.equity["cash"][-1] == pytest.approx(10_000 - spent)
    assert run.positions["quantity"][-1] == 17.0
    assert run.summary["net_pnl"] == pytest.approx(17 * 100 - spent)


def test_what_a_gtc_order_meets_the_next_morning() -> None:
    """History that opens through its price trades with it, at its price; so it never stands in a crossed book."""
    low = Rows(rows(add(noon(1), 1, Side.BUY, 90, 10), add(noon(1), 2, Side.SELL, 92, 4), add(noon(1), 3, Side.SELL, 93, 9)), ONE)
    orders = given((1, noon(0, 1), "BUY", 6, 98, "GTC"))
    run = Backtest(days([market(0, printed(9, 100, 1)), low]), orders=orders, **NOW).run(out=None)
    assert run.fills.select("price", "quantity_lots", "liquidity").rows() == [(98.0, 4, "MAKER"), (98.0, 2, "MAKER")]
    assert run.recording.counters == dict.fromkeys(run.recording.counters, 0)


@pytest.mark.parametrize("seed", range(3))
def test_days_together_are_the_days_alone(seed: int, tmp_path: Path) -> None:
    """Orders for the day, whatever they are: each day run alone with the cash of the one before gives the same fills and the same sums."""
    paths = [lobster(tmp_path, number, events=400) for number in range(3)]
    chance = np.random.default_rng(seed)
    feeds, made = [read_lobster(path) for path in paths], []
    for number, feed in enumerate(feeds):
        ts = np.sort(chance.choice(feed.commands()["ts"], 60))
        sides, lots = chance.integers(0, 2, 60), chance.integers(1, 300, 60)
        prices = 100 + (chance.integers(-6, 7, 60)) / 100
        rest = np.where(chance.random(60) < 0.8, TimeInForce.DAY, TimeInForce.IOC)
        columns = {"order_id": 1000 * number + np.arange(1, 61), "ts": ts, "side": sides, "quantity": lots, "price": prices}
        made.append(pl.DataFrame({**columns, "time_in_force": rest}).with_columns(symbol=pl.lit("X")))
    how: dict[str, Any] = {"order_latency": "1ms", "maker_fee": "0.0001", "taker_fee": "0.0003", "cache": tmp_path / "cache"}
    whole = Backtest(days(feeds), orders=pl.concat(made), cash=1_000_000, **how).run(out=None)
    cash, position, fills = 1_000_000.0, 0.0, []
    for feed, orders in zip(feeds, made):
        alone = Backtest(feed, orders=orders, cash=f"{cash:.6f}", **how).run(out=None)
        cash = alone.equity["cash"][-1]
        fills.append(alone.fills.drop("seq", "position", "market_mid"))
        position += float((alone.fills["quantity"] * (alone.fills["side"] == "BUY").cast(pl.Int8).replace({0: -1})).sum())
    assert whole.fills.height > 40
    assert whole.fills.drop("seq", "position", "market_mid").equals(pl.concat(fills))
    assert whole.equity["cash"][-1] == pytest.approx(cash, abs=1e-6)
    assert whole.positions["quantity"][-1] == position
    assert (
        whole.orders["status"].is_in(["NEW", "PARTIALLY_FILLED"]).sum() == alone.orders["status"].is_in(["NEW", "PARTIALLY_FILLED"]).sum()
    )


# ------------------------------------------------------------------ figures by day


class Nightly(Strategy):
    """Bids and offers in the night, too."""

    every = "1h"

    def on_timer(self) -> None:
        self.cancel_all()
        self.buy(1, 100)
        self.sell(1, 100 + self.now // (3600 * 10**9) % 3, time_in_force=TimeInForce.GTC)


def test_figures_by_day() -> None:
    """A day is what its rows say, whatever ours do to the book at night; all days together are the run."""
    close = printed(5_000_000, 100, 1)
    feed = days([market(day, add(1_000_000, 7, Side.SELL, 100, 5), {**close, "price": 100 + day}) for day in range(3)])
    run = Backtest(feed, Nightly, cash=10_000, taker_fee="0.01", **NOW).run(out=None)
    assert run.recording.sessions == [(noon(day), noon(day, 5_000_000)) for day in range(3)]
    assert run.days["date"].cast(pl.String).to_list() == ["2026-01-06", "2026-01-07", "2026-01-08"]
    for name, summed in (("net_pnl", run.summary["net_pnl"]), ("fees", run.summary["fees"]), ("turnover", run.summary["turnover"])):
        assert run.days[name].sum() == pytest.approx(summed)
    assert run.days["fills"].sum() == run.summary["fills"] > 2
    assert run.days["orders"].sum() == run.summary["orders"] - run.summary["rejected_orders"] > 48
    assert run.days["equity"][-1] == pytest.approx(run.summary["end_equity"])
    until = run.recording.sessions[0][1]
    assert run.days["net_pnl"][0] == pytest.approx(
        10_000 * 0 + run.equity.filter(pl.col("ts").cast(pl.Int64) <= until)["equity"][-1] - 10_000
    )


def test_many_days_have_daily_returns() -> None:
    """From 20 days on a return is a day's, as many as there are days, and a year has 252 of them."""
    count = DAYS_DAILY + 2
    feed = days([market(day, printed(5_000_000, 100 + day % 3, 1)) for day in range(count)])
    run = Backtest(feed, orders=given((1, noon(0, 1_000_000), "BUY", 10, 101, "DAY")), cash=10_000, **NOW).run(out=None)
    equity = np.concatenate([[10_000.0], run.days["equity"].to_numpy()])
    returns = np.diff(equity) / equity[:-1]
    assert (run.summary["return_count"], run.summary["return_interval"]) == (count, 86_400.0)
    assert run.summary["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(252))
    assert run.summary["volatility"] == pytest.approx(returns.std(ddof=1) * np.sqrt(252))
    assert "annualised" not in " ".join(caution.text for caution in run.warnings)


def test_a_time_of_day_is_of_the_first_day_and_of_the_last() -> None:
    feed = days([market(day, printed(3_600 * 10**9, 100, 1), printed(7_200 * 10**9, 100, 1)) for day in range(2)])
    run = Backtest(feed, orders=given((1, noon(0), "BUY", 1, 101, "DAY")), **NOW, start="12:30", end="13:00").run(None)
    assert (run.recording.start, run.recording.end) == (noon(0, 1_800 * 10**9), noon(1, 3_600 * 10**9))
    assert run.recording.sessions == [(noon(0, 1_800 * 10**9), noon(0, 7_200 * 10**9)), (noon(1), noon(1, 3_600 * 10**9))]


def test_many_symbols_and_days() -> None:
    """Every symbol's days begin and end; the accounts are those of the exchange."""
    symbols = {symbol: [synthetic_flow(day, symbol, 3_000, f"2026-01-0{5 + day}") for day in range(3)] for symbol in ("A", "B")}
    test = Backtest(merge([days(feeds) for feeds in symbols.values()]), TwoSided, cash=100_000, cache=None)
    result, driver = test.run(None), test.record()[1]
    facts = driver.facts.all()
    assert [int((facts["kind"] == kind).sum()) for kind in (Kind.DayStarted, Kind.DayEnded)] == [2, 4]
    assert result.days.height == 3
    assert result.equity["cash"][-1] == pytest.approx(driver.exchange.portfolio("strategy")["cash"], abs=1e-6)
    assert set(result.fills["symbol"]) == {"A", "B"}
    assert np.all(np.diff(driver.history["ts"]) >= 0)
    assert driver.history.dtype == COMMAND


class TwoSided(Strategy):
    """Takes a lot of each symbol now and then."""

    every = "30min"

    def on_timer(self) -> None:
        for k in self.symbols:
            (self.buy if self.position(k) <= 0 else self.sell)(1, instrument=k)


# ------------------------------------------------------------------ on disk, on the command line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        lobster(tmp_path / "market", number, events=600)
    return tmp_path / "market"


def ran(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert run_command_line(["backtest", *map(str, words), "--set", "size=20", "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_a_folder_on_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = sorted(folder.glob("*message*"))
    whole = ran(capsys, "--data", folder)
    assert whole["meta"]["data"] == "X 2012-06-21 to X 2012-06-25, 3 days"
    assert [day["date"] for day in whole["days"]] == list(DATES)
    assert ran(capsys, *(word for path in paths for word in ("--data", path)))["meta"]["digest"] == whole["meta"]["digest"]
    Path("job.toml").write_text(f"data = {json.dumps([str(path) for path in paths])}\n")
    assert ran(capsys, "job.toml")["meta"]["digest"] == whole["meta"]["digest"]
    assert ran(capsys, "--data", paths[0])["days"] == []
    assert run_command_line(["backtest", "--data", str(paths[1]), "--data", str(paths[0])]) == 2
    said = capsys.readouterr().err
    assert f"{paths[0].name}: is of 2012-06-21, and " in said
    assert said.count("\n") == 1


def test_days_on_disk_are_what_they_were(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Played again without the decoded feed, loaded anew, and with its table and its card of days."""
    assert run_command_line(["backtest", "--data", str(folder), "--set", "size=20"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if line.startswith("2012")] == list(DATES)
    run = find_run(None)
    shutil.rmtree(Path(".tapebook/cache"))
    assert verify_run(run, Path("elsewhere")).ok
    loaded = Result.load(run.folder)
    assert loaded.recording.days is not None
    assert loaded.days.height == 3
    assert json.loads((run.folder / "run.json").read_text())["summary"] == json.loads(json.dumps(loaded.summary))
    page = run.report.read_text()
    assert all(f"{day} Jun 2012" in page for day in (21, 22, 25))
    path = sorted(folder.glob("*message*"))[2]
    path.write_text(path.read_text().replace(",1\n", ",-1\n", 1))
    with pytest.raises(ValueError, match="the data changed since the run; put the original files back"):
        verify_run(run, Path("somewhere else"))
