"""Metrics against their plain twin, and what must hold of every result."""

import dataclasses
import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from backtest.analysis.analysis import Analysis
from backtest.analysis.metrics import describe, probabilistic_sharpe, sharpe_of, sortino_of
from backtest.analysis.sums import total, totals
from backtest.recording import Recording
from backtest.result import Result
from backtest.run import Backtest
from data import synthetic_flow
from engine import Strategy
from engine.frames import orders as order_frames
from engine.messages.records import FACT
from engine.messages.vocabulary import Kind
from engine.strategy.examples import ImbalanceTaker, MarketMaker
from tests.naive.metrics import Run, naive_summary
from tests.support.recordings import fabricate

RUNS = {
    "one symbol": {"seconds": 300},
    "two symbols": {"seconds": 200, "symbols": 2},
    "three days": {"seconds": 120, "days": 3, "symbols": 2},
    "daily returns": {"seconds": 12, "days": 22, "activity": 0.3},
    "flat at the end": {"seconds": 200, "flat": True},
    "few orders": {"seconds": 120, "activity": 0.004},
    "no cash": {"seconds": 60, "cash": "0"},
    "no orders": {"seconds": 60, "activity": 0.0},
}


def without_fills(recording: Recording) -> Recording:
    return dataclasses.replace(recording, facts=recording.facts[recording.facts["kind"] != Kind.TradeExecuted])


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", RUNS)
def test_every_figure_equals_its_plain_twin(name: str, seed: int) -> None:
    recording = fabricate(seed, **RUNS[name])
    summary, naive = Result(recording).summary, naive_summary(recording)
    assert set(summary) - {"open_positions"} == set(naive)
    for figure, expected in naive.items():
        got = summary[figure]
        if expected is None or got is None:
            assert got is expected, figure
        else:
            assert got == pytest.approx(expected, rel=1e-9, abs=1e-12), figure


@pytest.mark.parametrize("name", RUNS)
def test_round_trips_add_up_to_the_change_of_equity(name: str) -> None:
    a = Analysis(fabricate(7, **RUNS[name]))
    assert int(a.trips["pnl"].sum()) == int(a.curve.equity[-1]) - a.recording.opening_cash
    assert int(a.trips["fees"].sum()) == int(a.fills["fee"].sum())
    cash = a.recording.opening_cash + int(a.fills["flow"].sum())
    assert int(a.curve.cash[-1]) == cash


@pytest.mark.parametrize("name", ["one symbol", "three days"])
def test_trips_and_their_excursions_equal_the_plain_twin(name: str) -> None:
    recording = fabricate(3, **RUNS[name])
    rows, run = Analysis(recording).trips, Run(recording)
    twin = sorted(run.trips(), key=lambda one: one["entry"])
    assert len(rows) == len(twin) > 5
    for row, expected in zip(rows, twin):
        assert (int(row["pnl"]), int(row["fees"]), bool(row["open"])) == (expected["pnl"], expected["fees"], expected["open"])
        assert (int(row["entry"]), int(row["exit"])) == (expected["entry"], expected["exit"])
        assert (int(row["best"]), int(row["worst"])) == run.excursions(expected)
        assert row["worst"] <= row["pnl"] <= row["best"]


def test_no_figure_is_ever_nan_or_infinite() -> None:
    recordings = [fabricate(seed, **run) for seed in range(3) for run in RUNS.values()]
    for recording in [*recordings, without_fills(recordings[0]), fabricate(1, seconds=60, cash="0"), empty()]:
        for name, value in Result(recording).summary.items():
            assert not isinstance(value, float) or math.isfinite(value), name


def empty() -> Recording:
    recording = fabricate(1, seconds=60)
    return dataclasses.replace(recording, samples=recording.samples[:0], facts=recording.facts[:0])


def test_every_figure_is_described_and_nothing_else() -> None:
    described = describe()
    assert list(Result(empty()).summary) == [one.name for one in described]
    assert all(one.label and one.definition and one.unit for one in described)


def test_probabilistic_sharpe_of_the_papers_example() -> None:
    """Bailey & López de Prado 2012: 24 monthly returns, Sharpe 0.458 (1.59 a year), skewness −2.448, kurtosis 10.164:
    the probability of a true Sharpe above 0 is 0.982 where returns are taken as normal, and 0.913 with their own moments."""
    returns = two_point(24, 0.458, -2.448, 10.164)
    assert sharpe_of(returns) == pytest.approx(0.458, abs=2e-3)
    assert probabilistic_sharpe(returns) == pytest.approx(0.913, abs=0.001)
    assert probabilistic_sharpe(two_point(24, 0.458, 0.0, 3.0)) == pytest.approx(0.982, abs=0.001)
    assert probabilistic_sharpe(returns, 1 / math.sqrt(12)) < probabilistic_sharpe(returns)


def two_point(n: int, sharpe: float, skew: float, kurtosis: float) -> np.ndarray:
    """A sample of size n with these moments, found by Newton's method on three free values."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=n)
    target = np.array([0.0, 1.0, skew, kurtosis])

    def moments(y: np.ndarray) -> np.ndarray:
        d = y - y.mean()
        s = math.sqrt((d**2).mean())
        return np.array([y.mean(), s, ((d / s) ** 3).mean(), ((d / s) ** 4).mean()])

    for _ in range(400):
        base = moments(x)
        jacobian = np.array([(moments(x + 1e-6 * np.eye(n)[i]) - base) / 1e-6 for i in range(n)]).T
        x = x - 0.3 * np.linalg.pinv(jacobian) @ (base - target)
    assert np.allclose(moments(x), target, atol=1e-6)
    return x + sharpe * math.sqrt(n / (n - 1))


def test_ratios_of_returns_that_do_not_vary_are_not_defined() -> None:
    same = np.full(50, 0.001)
    assert sortino_of(same) is None
    assert sharpe_of(np.zeros(50)) is None
    assert probabilistic_sharpe(np.zeros(50)) is None


@pytest.mark.parametrize("value", [0.001, 0.1, 1 / 3, 1e-9, -0.001, 1e-17])
@pytest.mark.parametrize("count", [20, 252, 1000])
def test_equal_returns_do_not_vary_by_the_last_bit_of_a_float(value: float, count: int) -> None:
    assert (sharpe_of(np.full(count, value)), probabilistic_sharpe(np.full(count, value))) == (None, None)
    worth = 100 * 1.001 ** np.arange(count)
    returns = np.diff(worth) / worth[:-1]
    assert (sharpe_of(returns), sortino_of(returns), probabilistic_sharpe(returns)) == (None, None, None)
    assert sharpe_of(np.append(returns, 0.002)) is not None


@pytest.mark.parametrize("first", ["2025-10-10", "2025-03-20"])
def test_days_are_those_of_the_calendar_through_a_clock_change(first: str) -> None:
    zone, days = ZoneInfo("Europe/Berlin"), 25
    midnights = [int(datetime.combine(date.fromisoformat(first) + timedelta(k), time(), zone).timestamp()) * 10**9 for k in range(days)]
    base = fabricate(1, seconds=10, activity=0.0)
    samples = np.repeat(base.samples[:1], 46 * days)  # every half hour of the shortest day
    samples["ts"] = np.concatenate([midnight + np.arange(46) * 1800 * 10**9 for midnight in midnights])
    end = int(samples["ts"][-1])
    found = dataclasses.replace(base, samples=samples, start=midnights[0], end=end, meta={"time_zone": "Europe/Berlin"}).sessions
    assert [a for a, _ in found] == midnights


def test_sums_beyond_64_bits_are_exact() -> None:
    random = np.random.default_rng(1)
    values = random.integers(-(2**63), 2**63 - 1, 1000)
    assert total(values) == sum(values.tolist())
    parts = [values.tolist()[first:last] for first, last in ((0, 10), (10, 990), (990, 1000))]
    assert totals(values, np.array([0, 10, 990])).tolist() == [sum(part) for part in parts]
    assert total(values[:0]) == 0


def trade(seq: int, ts: int, side: int, price: int, lots: int, fee: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "ts": ts,
        "kind": Kind.TradeExecuted,
        "side": side,
        "price": price,
        "quantity": lots,
        "fee": fee,
        "order_id": seq,
        "trader": 1,
        "portfolio": 1,
        "maker_trader": 0xFFFFFFFF,
        "flags": 32,
    }


def by_hand() -> Recording:
    """Buy 100 at 100.00, sell 150 at 101.00 (a flip), buy 50 at 100.50; fees 30 units each; one second apart."""
    base = fabricate(1, seconds=10, activity=0.0)
    start, scale = base.start, 200  # price units of 1.00
    facts = []
    for k, (side, price, lots) in enumerate([(0, 100 * scale, 100), (1, 101 * scale, 150), (0, 100 * scale + scale // 2, 50)]):
        ts = start + (k + 1) * 10**9
        facts.append(
            {
                "seq": 10 * k + 2,
                "ts": ts,
                "kind": Kind.OrderCreated,
                "side": side,
                "type": 0,
                "quantity": lots,
                "remaining": lots,
                "order_id": 10 * k + 3,
                "trader": 1,
                "portfolio": 1,
            }
        )
        facts.append(trade(10 * k + 3, ts, side, price, lots, 30))
    made = np.zeros(len(facts), FACT)
    for row, fact in zip(made, facts):
        for name, value in fact.items():
            row[name] = value
    return dataclasses.replace(base, facts=made, samples=base.samples[:0])


def test_a_flip_ends_one_trip_and_begins_the_next() -> None:
    result = Result(by_hand())
    trips = result.round_trips
    assert trips["side"].to_list() == ["BUY", "SELL"]
    assert trips["pnl"].to_list() == [pytest.approx(100 - 30e-6 - 20e-6), pytest.approx(25 - 10e-6 - 30e-6)]
    assert trips["entry_price"].to_list() == [100.0, 101.0]
    assert trips["exit_price"].to_list() == [101.0, 100.5]
    assert trips["quantity_lots"].to_list() == [100, 50]
    assert trips["status"].to_list() == ["CLOSED", "CLOSED"]
    assert result.summary["net_pnl"] == pytest.approx(125 - 90e-6)
    assert result.summary["win_rate"] == 1.0
    assert result.summary["profit_factor"] is None, "no losing trip: the division is not defined"
    assert result.summary["markout_1s"] is None, "no sample: there is no middle"
    assert result.positions["quantity"].to_list() == [100.0, -50.0, 0.0]


def test_an_open_position_is_an_open_trip_and_named() -> None:
    recording = by_hand()
    result = Result(dataclasses.replace(recording, facts=recording.facts[:-2]))
    assert result.round_trips["status"].to_list() == ["CLOSED", "OPEN"]
    assert result.round_trips["exit"].to_list()[1] is None
    assert result.summary["open_positions"] == "AMZN \u221250"
    assert "open_position" in [caution.code for caution in result.warnings]
    assert result.summary["round_trips"] == 1


def test_a_later_deposit_is_capital_and_no_profit() -> None:
    recording = by_hand()
    deposit = np.zeros(1, FACT)
    deposit[0]["seq"], deposit[0]["ts"], deposit[0]["kind"] = 15, recording.start + 15 * 10**8, Kind.CashDeposited
    deposit[0]["portfolio"], deposit[0]["value"] = 1, 10**6 * 500
    facts = np.concatenate([recording.facts, deposit])
    result = Result(dataclasses.replace(recording, facts=facts[np.argsort(facts["seq"])]))
    unit = recording.unit
    assert result.summary["net_pnl"] == pytest.approx(125 - 90e-6)
    assert result.equity["equity"][-1] == pytest.approx(1_000_000 + 125 + 10**6 * 500 / unit)


def test_cautions_name_their_numbers() -> None:
    recording = fabricate(1, seconds=300)
    found = {caution.code: caution.text for caution in Result(recording).warnings}
    assert "1 trading day" in found["few_days"]
    assert "10.3" in found["displaced"], "of what others traded, our own fills left out"
    assert "POST_ONLY" in found["rejected"]
    assert Result(without_fills(recording)).warnings[0].code == "no_fills"
    assert "no_capital" in [caution.code for caution in Result(fabricate(1, seconds=60, cash="0")).warnings]


def test_an_order_whose_entry_is_not_recorded_has_no_row() -> None:
    recording = fabricate(1, seconds=300)
    later = recording.facts[len(recording.facts) // 2 :]
    entered = later["order_id"][np.isin(later["kind"], [Kind.OrderCreated, Kind.OrderRejected])]
    named = later["order_id"][later["kind"] == Kind.OrderCancelled]
    assert not np.isin(named, entered).all(), "one entered before"
    assert Result(dataclasses.replace(recording, facts=later)).orders["order_id"].to_list() == entered.tolist()


@pytest.mark.parametrize("strategy", [MarketMaker, ImbalanceTaker])
def test_a_real_run_has_the_account_and_the_orders_of_its_exchange(strategy: type[Strategy]) -> None:
    fees = {"maker_fee": "-0.0000020", "taker_fee": "0.0000030"}
    recording, driver = Backtest(synthetic_flow(7, messages=40_000), strategy, **fees).record()
    result, account = Result(recording), driver.exchange.portfolio("strategy")
    assert result.summary["fills"] > 20
    for name, figure in (("equity", "end_equity"), ("fees", "fees"), ("cash", None)):
        assert (result.summary[figure] if figure else result.equity["cash"][-1]) == account[name]
    assert result.positions["quantity"][-1] == account["positions"]["TAPE"]["quantity"]
    theirs = order_frames.orders(order_frames.of_the_day(order_frames.lives(recording.facts), recording.facts), driver.exchange.names)
    shared = [name for name in theirs.columns if name in result.orders.columns]
    assert {"order_id", "status", "executed_quantity", "average_price", "reason"} <= set(shared)
    assert result.orders.select(shared).equals(theirs.select(shared))
    for figure, expected in naive_summary(recording).items():
        assert result.summary[figure] == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-12)), figure


def test_a_crossed_book_is_told() -> None:
    recording = fabricate(1, seconds=60)
    samples = recording.samples.copy()
    samples["bid"][::4] = samples["ask"][::4] + 2
    found = {caution.code: caution.text for caution in Result(dataclasses.replace(recording, samples=samples)).warnings}
    assert re.search(r"2\d\.\d\u202f% of the samples", found["crossed"])
    assert "crossed" not in [caution.code for caution in Result(recording).warnings]


def test_frames_have_the_columns_and_types_that_are_promised() -> None:
    result = Result(fabricate(4, seconds=200, symbols=2))
    assert result.fills.columns[:9] == ["seq", "ts", "symbol", "order_id", "portfolio", "side", "price", "price_ticks", "quantity"]
    assert str(result.fills.schema["ts"]) == "Datetime(time_unit='ns', time_zone='UTC')"
    takers = result.fills.filter(result.fills["liquidity"] == "TAKER")
    assert takers["queue_ahead"].null_count() == takers.height > 0
    assert set(result.orders["status"]) <= {"NEW", "FILLED", "PARTIALLY_FILLED", "CANCELLED", "REJECTED"}
    filled = result.orders.filter(result.orders["status"] == "FILLED")
    assert (filled["executed_quantity"] == filled["quantity"]).all()
    assert result.orders["executed_quantity"].sum() == result.fills["quantity"].sum()
    assert (result.equity["drawdown"] <= 0).all()
    assert result.equity["equity"][0] == float(Decimal("1000000"))


def test_frames_of_a_run_without_orders_are_empty_but_whole() -> None:
    result = Result(fabricate(4, seconds=30, activity=0.0))
    assert (result.fills.height, result.orders.height, result.round_trips.height, result.positions.height) == (0, 0, 0, 0)
    assert result.equity.height > 1
    assert result.summary["sharpe"] is None
