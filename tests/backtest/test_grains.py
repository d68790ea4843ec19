"""Backtests on bars and on trades and levels: where orders fill, what a result says of it, and that a run plays again."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import tapebook as tb
from backtest.store import find_run
from backtest.verify import verify_run
from data.formats import open_feed
from data.levels.queues import queue_model
from engine.messages.vocabulary import QueueModel

ROWS = [  # open, high, low, close, volume
    (100.0, 102.0, 99.0, 101.0, 1000),
    (101.5, 103.0, 101.0, 102.0, 1000),
    (98.0, 99.0, 96.0, 97.0, 1000),  # opens far below
    (97.5, 104.0, 97.0, 103.0, 1000),
    (103.0, 103.5, 102.5, 103.0, 1000),
]


def frame() -> pl.DataFrame:
    days = [date(2024, 1, 1) + timedelta(days=k) for k in (0, 1, 2, 5, 6)]  # a weekend between
    return pl.DataFrame(
        [(day, *row) for day, row in zip(days, ROWS)], schema=["Date", "Open", "High", "Low", "Close", "Volume"], orient="row"
    )


class Scripted(tb.Strategy):
    """Calls what stands in `script` for a bar, by its number, and notes the bars."""

    script: ClassVar[dict[int, Callable[[Any], Any]]] = {}

    def on_start(self):
        self.bars = []

    def on_bar(self, instrument, bar):
        self.bars.append((bar.open / 100, bar.high / 100, bar.low / 100, bar.close / 100, bar.volume))
        if (send := self.script.get(len(self.bars) - 1)) is not None:
            send(self)


def run(script, **options):
    strategy = Scripted()
    strategy.script = script
    result = tb.Backtest(tb.read_bars(frame(), "X", tick="0.01"), strategy, **options).run(None)
    return strategy, result


def fills(result):
    return result.fills.select("side", "price", "quantity", "liquidity").rows()


def test_a_strategy_is_called_with_the_bars_of_the_feed():
    strategy, _ = run({})
    assert strategy.bars == [tuple(row) for row in ROWS]


@pytest.mark.parametrize(("fill", "price"), [("next_open", 101.5), ("close", 101.0), ("path", 101.5)])
def test_a_market_order_meets_the_next_open_or_the_close(fill, price):
    _, result = run({0: lambda s: s.buy(10)}, fill=fill)
    assert fills(result) == [("BUY", price, 10.0, "TAKER")]
    assert result.fills["queue"].to_list() == ["BAR"]


def test_no_look_ahead_over_a_weekend():
    _, result = run({2: lambda s: s.sell(10)})
    assert fills(result) == [("SELL", 97.5, 10.0, "TAKER")]
    assert result.fills["ts"][0].date() == date(2024, 1, 6)


@pytest.mark.parametrize(
    ("send", "filled"),
    [
        (lambda s: s.buy(10, 10050), ("BUY", 98.0)),  # bar 1 stays above it, bar 2 opens below: at its open
        (lambda s: s.buy(10, 10120), ("BUY", 101.2)),  # within bar 1, at its own price
        (lambda s: s.sell(10, 10250), ("SELL", 102.5)),
        (lambda s: s.stop(tb.Side.BUY, 10, 10260), ("BUY", 102.6)),  # on the way, at its stop price
        (lambda s: s.stop(tb.Side.SELL, 10, 10000), ("SELL", 98.0)),  # bar 2 opens beyond it
        (lambda s: s.stop_limit(tb.Side.BUY, 10, 10255, 10260), ("BUY", 102.55)),  # triggers, then waits for its price
    ],
)
def test_limits_and_stops_along_the_path(send, filled):
    _, result = run({0: send})
    assert [(row[0], row[1]) for row in fills(result)] == [filled]


def test_a_share_of_the_volume_is_all_there_is():
    _, result = run({0: lambda s: s.buy(150)})
    assert fills(result) == [("BUY", 101.5, 100.0, "TAKER")]
    assert result.orders["status"].to_list() == ["CANCELLED"]
    assert fills(run({0: lambda s: s.buy(150)}, volume_share="0.2")[1]) == [("BUY", 101.5, 150.0, "TAKER")]
    without = tb.read_bars(frame().drop("Volume"), "X", tick="0.01")
    strategy = Scripted()
    strategy.script = {0: lambda s: s.buy(10**6)}
    assert tb.Backtest(without, strategy).run(None).fills["quantity"].to_list() == [10**6]


def test_what_follows_a_fill_within_a_bar_goes_out_at_once():
    class Bracket(Scripted):
        def on_fill(self, fill):
            if fill.side == tb.Side.BUY:
                self.sell(fill.quantity, int(fill.price) + 100)

    strategy = Bracket()
    strategy.script = {0: lambda s: s.buy(10)}
    result = tb.Backtest(tb.read_bars(frame(), "X", tick="0.01"), strategy).run(None)
    assert fills(result) == [("BUY", 101.5, 10.0, "TAKER"), ("SELL", 102.5, 10.0, "MAKER")]
    assert set(result.fills["ts"].dt.date().to_list()) == {date(2024, 1, 2)}


def test_a_run_on_bars_plays_again_and_says_what_filled_it(tmp_path: Path):
    path = tmp_path / "x.csv"
    frame().write_csv(path)
    strategy = Scripted()
    strategy.script = {0: lambda s: s.buy(10), 1: lambda s: s.stop(tb.Side.SELL, 10, 10000)}
    result = tb.Backtest(open_feed("bars", path, tick="0.01"), strategy).run(tmp_path)
    assert result.recording.meta["grains"] == {"X": "bars"}
    assert [one.code for one in result.warnings if one.code in ("bar_path", "crossed")] == ["bar_path"]
    found = find_run(None, tmp_path)
    for kept in (tmp_path / "cache").glob("*.npy"):
        kept.unlink()
    assert verify_run(found, tmp_path / "cache").ok
    assert tb.Result.load(found.folder).fills["queue"].to_list() == ["BAR", "BAR"]


@pytest.mark.parametrize("queue", ["risk-averse", "proportional", ("power", 2.5)])
def test_a_run_on_levels_plays_again_and_says_its_queue_model(tmp_path: Path, queue):
    feed = tb.levels_of(open_feed("synthetic", messages=3000, seed=4), 5)
    result = tb.Backtest(feed, tb.MarketMaker, queue=queue).run(tmp_path)
    makers = result.fills.filter(pl.col("liquidity") == "MAKER")
    assert makers.height > 0
    assert set(makers["queue"].to_list()) == {"ESTIMATED"}
    assert "queue_model" in [one.code for one in result.warnings]
    found = find_run(None, tmp_path)
    for kept in (tmp_path / "cache").glob("*.npy"):
        kept.unlink()
    assert verify_run(found, tmp_path / "cache").ok


def test_queue_models_by_name():
    assert (
        queue_model("power:2") == queue_model(("power", 2.0)) == tb.Queue(model=QueueModel.POWER, exponent=queue_model("power:2").exponent)
    )
    for wrong, said in (
        ("pwer", "did you mean power"),
        ("power", "needs its exponent"),
        ("power:2.03", r"nearest is 2\b"),
        ("proportional:2", "only power"),
    ):
        with pytest.raises(ValueError, match=said):
            queue_model(wrong)


def test_options_that_do_not_fit_the_feed():
    orders, bars = tb.synthetic_flow(messages=100), tb.read_bars(frame(), "X")
    for feed, options, said in (
        (orders, {"queue": "proportional"}, "queue model"),
        (orders, {"fill": "close"}, "fill is for feeds of bars"),
        (bars, {"fill": "clse"}, "did you mean close"),
        (bars, {"volume_share": 2}, "volume_share is 2"),
        (bars, {"order_latency": "1ms"}, "leave order_latency out"),
    ):
        with pytest.raises(ValueError, match=said):
            tb.Backtest(feed, tb.MarketMaker, **options)


def test_the_path_of_orders_that_wait_for_the_open():
    from backtest.grain import bar_ends, waits_for_open

    history = tb.read_bars(frame(), "X").commands()
    ends, steps = bar_ends(history), waits_for_open(history)
    opens = history["ts"][::4]
    assert np.array_equal(ends, history["ts"][3::4])
    assert steps["ts"].tolist() == sorted([int(opens[0]) - 1, *opens.tolist(), *ends.tolist()])
    assert (steps["ts"] + steps["value"])[:-1:2].tolist() == opens.tolist()
    assert not steps["value"][1::2].any()
