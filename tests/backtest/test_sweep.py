"""Sweeps: the same rows wherever they are run, kept and taken up again, with what failed beside what did not."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import tapebook as tb
from backtest.sweep.identity import code_key, run_key, sweep_key
from backtest.sweep.space import SweepError, grid_points, parsed, random_points
from backtest.workers.pool import Pool
from engine.strategy.parameters import Parameter

ROOT = Path(__file__).parents[2]


class Quoter(tb.Strategy):
    """Quotes both sides; breaks where it is told to."""

    every = "60s"
    edge = Parameter(0, low=0)
    size = Parameter(10, low=1)
    breaks = Parameter(0)

    def on_timer(self):
        if self.breaks == self.edge + 1:
            raise RuntimeError("the strategy broke")
        book = self.book()
        self.cancel_all()
        self.buy(self.size, book.bid - self.edge, post_only=True)
        self.sell(self.size, book.ask + self.edge, post_only=True)


def dying(once):
    """A strategy that takes its process with it, once."""

    class Dying(Quoter):
        dies = Parameter(0)

        def on_start(self):
            if self.dies and not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    return Dying


@pytest.fixture(scope="module")
def day():
    return tb.synthetic_flow(seed=3, messages=4000)


@pytest.fixture(scope="module")
def alone(day):
    """A grid in this process, kept nowhere."""
    sweep = tb.Sweep(tb.Backtest(day, Quoter, parameters={"breaks": 3}), grid={"edge": [0, 1, 2], "size": [5, 20]})
    return sweep.run(out=None)


def figures(result):
    return result.frame.drop("seconds", "error")


def test_a_row_a_run_in_order(alone, day):
    frame = alone.frame
    assert frame.select("run", "edge", "size").rows() == [(0, 0, 5), (1, 0, 20), (2, 1, 5), (3, 1, 20), (4, 2, 5), (5, 2, 20)]
    own = tb.Backtest(day, Quoter(edge=1, size=20)).run(out=None)
    row = frame.row(3, named=True)
    assert {name: row[name] for name in own.summary} == own.summary
    assert row["digest"] == own.meta["digest"]


def test_a_strategy_that_raises_is_a_row(alone):
    assert alone.failed.select("edge", "size").rows() == [(2, 5), (2, 20)]
    assert set(alone.failed["error"]) == {f"RuntimeError: the strategy broke (test_sweep.py line {_line('the strategy broke')})"}
    assert alone.frame["net_pnl"].null_count() == 2


def _line(text):
    return next(k for k, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


def test_processes_give_the_same(alone, day, tmp_path):
    sweep = tb.Sweep(tb.Backtest(day, Quoter, parameters={"breaks": 3}), grid={"edge": [0, 1, 2], "size": [5, 20]})
    many = sweep.run(processes=2, out=tmp_path)
    assert figures(many).equals(figures(alone))
    assert many.failed["error"].to_list()[0].startswith("RuntimeError: the strategy broke")
    assert np.array_equal(many.returns, alone.returns)
    files = list((tmp_path / "cache").glob("*.npy"))
    assert len(files) == 1  # decoded once, for both


def test_the_best_and_what_is_unknown(alone):
    best = alone.best("net_pnl")
    assert best["net_pnl"][0] == alone.frame["net_pnl"].max()
    assert alone.best("fills", count=3)["fills"].is_sorted(descending=True)
    with pytest.raises(SweepError, match="did you mean net_pnl"):
        alone.best("net_pln")


def test_what_a_notebook_shows(alone):
    page = alone._repr_html_()
    assert "2 failed" in page
    assert "luck" in page.lower()
    assert alone.luck.text in page.replace("&#x27;", "'")
    for picture in (alone.heat_map(by="net_pnl"), alone.parallel("fills")):
        svg = picture._repr_svg_()
        assert svg.startswith("<svg")
        assert svg.count("<rect") + svg.count("<path d=") >= 4
    with pytest.raises(SweepError, match="two parameters"):
        alone.heat_map(x="edge", y="edge")


def test_a_worker_that_dies_is_replaced_and_its_run_tried_again(day, tmp_path):
    once = tmp_path / "died"
    sweep = tb.Sweep(tb.Backtest(day, dying(once)), grid={"dies": [0, 1]})
    made = sweep.run(processes=1, seconds=300, out=None)
    assert once.exists()
    assert made.frame["error"].null_count() == 2
    assert made.frame["digest"].n_unique() == 1


def test_a_run_that_takes_too_long_is_a_row():
    outcomes = dict(Pool(time.sleep, 1, seconds=1.0, attempts=1).run([0, 30]))
    assert outcomes[0].error is None
    assert outcomes[1].error == "took longer than 1 s and was stopped"
    assert outcomes[1].lost


def test_what_is_done_is_not_done_again(day, tmp_path, monkeypatch):
    backtest = tb.Backtest(day, Quoter, parameters={"breaks": 2})
    first = tb.Sweep(backtest, grid={"edge": [0, 1]}).run(out=tmp_path)
    kept = {path.name: path.read_bytes() for path in first.folder.glob("*.json")}
    assert len(kept) == 3  # two runs, the failed one too, and what they are of
    monkeypatch.setattr("backtest.sweep.runner.Runner.__call__", lambda self, point: pytest.fail("run again"))
    second = tb.Sweep(backtest, grid={"edge": [0, 1]}).run(out=tmp_path)
    assert second.frame.equals(first.frame)
    monkeypatch.undo()
    wider = tb.Sweep(backtest, grid={"edge": [0, 1, 2]}).run(out=tmp_path)
    assert {path.name: path.read_bytes() for path in first.folder.glob("*.json") if path.name in kept} == kept
    assert len(wider) == 3
    damaged = sorted(set(kept) - {"sweep.json"})[0]
    (first.folder / damaged).write_text("{")
    assert figures(tb.Sweep(backtest, grid={"edge": [0, 1]}).run(out=tmp_path)).equals(figures(first))


def test_an_interrupt_keeps_what_is_done(day, tmp_path, monkeypatch):
    from backtest.sweep import runner

    call, done = runner.Runner.__call__, []

    def interrupted(self, point):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(point)
        return call(self, point)

    monkeypatch.setattr(runner.Runner, "__call__", interrupted)
    sweep = tb.Sweep(tb.Backtest(day, Quoter), grid={"edge": [0, 1, 2, 3]})
    part = sweep.run(out=tmp_path)
    assert (part.complete, len(part), part.total) == (False, 2, 4)
    assert "2 of 4 runs" in repr(part)
    monkeypatch.undo()
    whole = sweep.run(out=tmp_path)
    assert whole.complete
    assert whole.frame.head(2).equals(part.frame)


def test_the_key_follows_code_data_and_settings(day):
    class Other(Quoter):
        def on_timer(self):
            self.buy(self.size)

    keys = [sweep_key(tb.Backtest(day, Quoter)), sweep_key(tb.Backtest(day, Other)), sweep_key(tb.Backtest(day, Quoter, cash=5))]
    keys += [sweep_key(tb.Backtest(tb.synthetic_flow(seed=4, messages=4000), Quoter)), sweep_key(tb.Backtest(day, Quoter(edge=1)))]
    keys += [sweep_key(tb.Backtest(day, Quoter, order_latency="1ms"))]
    assert len(set(keys)) == len(keys)
    assert sweep_key(tb.Backtest(day, Quoter)) == keys[0]
    assert run_key("a", {"x": 1, "y": 2}) == run_key("a", {"y": 2, "x": 1}) != run_key("a", {"x": 1, "y": 3})


def test_the_code_key_sees_what_a_strategy_calls_and_no_comment():
    text = """
    FACTOR = {factor}
    def helper(x):
        # {comment}
        return x * FACTOR
    class One:
        def on_timer(self):
            return helper(1)
    """

    def key(factor, comment):
        space = {"__name__": "written"}
        exec(textwrap.dedent(text.format(factor=factor, comment=comment)), space)
        return code_key(space["One"])

    assert key(2, "a") == key(2, "another") != key(3, "a")


def test_settings_of_the_backtest_are_swept_too(day):
    made = tb.Sweep(tb.Backtest(day, Quoter), grid={"maker_fee": ["0", "0.001"], "order_latency": ["100us", "5ms"]}).run(out=None)
    assert made.frame["fees"].to_list()[0] == 0
    assert made.frame["fees"].to_list()[2] > 0
    assert made.frame["digest"].n_unique() > 1


def test_a_search_gives_the_same_runs_each_time(day):
    pytest.importorskip("optuna")
    made = [
        tb.Sweep(tb.Backtest(day, Quoter), optuna={"edge": (0, 5), "size": [5, 20]}, runs=9, target="net_pnl").run(out=None) for _ in "ab"
    ]
    assert figures(made[0]).equals(figures(made[1]))
    assert len(made[0]) == 9


def test_dask_gives_the_same_and_survives_a_killed_worker(alone, day, tmp_path):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        sweep = tb.Sweep(tb.Backtest(day, Quoter, parameters={"breaks": 3}), grid={"edge": [0, 1, 2], "size": [5, 20]})
        assert figures(sweep.run(dask=client, out=None)).equals(figures(alone))
        once = tmp_path / "died"
        made = tb.Sweep(tb.Backtest(day, dying(once)), grid={"dies": [0, 1]}).run(dask=cluster.scheduler_address, out=None)
    assert once.exists()
    assert made.frame["error"].null_count() == 2
    with pytest.raises(SweepError, match="no scheduler answers"):
        sweep.run(dask="tcp://127.0.0.1:9", out=None)


# ------------------------------------------------------------------ what is asked for


def test_values_of_a_command_line():
    assert parsed("1..4") == [1, 2, 3, 4]
    assert parsed("0.1..0.5..0.2") == [0.1, 0.3, 0.5]
    assert parsed("10,20,true,word") == [10, 20, True, "word"]
    assert parsed("2..6..2,9") == [2, 4, 6, 9]


@pytest.mark.parametrize(
    ("text", "words"), [("1,,2", "empty value"), ("5..1", "goes nowhere"), ("0.1..0.5", "needs a step"), ("1..9999999", "more than 10,000")]
)
def test_bad_values(text, words):
    with pytest.raises(SweepError, match=words):
        parsed(text)


def test_a_grid_too_large_is_refused_without_building_it():
    with pytest.raises(SweepError, match="1,000,000,000 runs, more than 100,000"):
        grid_points({name: range(1000) for name in "abc"})


def test_random_points_follow_the_seed():
    space = {"a": (0.0, 1.0), "b": (1, 3), "c": ["x", "y"]}
    points = random_points(space, 50, 1)
    assert points == random_points(space, 50, 1) != random_points(space, 50, 2)
    assert {point["b"] for point in points} == {1, 2, 3}
    assert all(0 <= point["a"] < 1 and point["c"] in "xy" for point in points)


@pytest.mark.parametrize(("options", "words"), [
    ({"grid": {"edje": [1]}}, "no parameter 'edje'; did you mean edge"), ({"grid": {"edge": 1}}, r"write edge=\[1\]"), ({}, "one of grid"),
    ({"grid": {"edge": [-1]}}, "edge: -1 is out of range"), ({"grid": {"edge": []}}, "the list is empty"),
    ({"grid": {"edge": [1, 1]}}, "twice"),
    ({"grid": {"edge": [1]}, "target": "sharp"}, "did you mean sharpe"), ({"random": {"edge": (3, 1)}}, "is not a range"),
    ({"random": {"edge": (0, 1)}, "runs": 10**9}, "give 1 to 100,000"), ({"random": {"edge": (0, 1)}, "runs": 0}, "give 1 to 100,000"),
    ({"grid": {"order_latency": ["1 lightyear"]}}, "lightyear"), ({"grid": {"cash": ["a lot"]}}, "a lot"),
])  # fmt: skip
def test_a_sweep_that_makes_no_sense_is_refused_before_it_runs(day, options, words):
    with pytest.raises(ValueError, match=words) as told:
        tb.Sweep(tb.Backtest(day, Quoter), **options)
    assert "\n" not in str(told.value)


def test_a_script_without_a_guard_and_a_class_of_its_own(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        import tapebook as tb

        class Mine(tb.Strategy):
            every = "60s"
            size = tb.Parameter(1)
            def on_timer(self):
                print("not to be read as an answer")
                self.buy(self.size)

        made = tb.Sweep(tb.Backtest(tb.synthetic_flow(seed=1, messages=1000), Mine), grid={{"size": [1, 2]}}).run(processes=2, out=None)
        print(made.frame["error"].null_count())
    """)
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert done.stdout == "2\n", done.stderr


def test_the_command(tmp_path, monkeypatch, capsys):
    from tapebook import run_command_line

    monkeypatch.chdir(tmp_path)
    words = ["sweep", "MarketMaker", "--messages", "3000", "--grid", "spread=2,4", "size=10", "--target", "net_pnl", "--json"]
    assert run_command_line(words) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["runs"], said["complete"], said["failed"]) == (2, True, [])
    assert {Path(said["sweep"], name).exists() for name in ("sweep.html", "runs.csv")} == {True}
    assert run_command_line(["sweep", "MarketMaker", "--grid", "spred=1..5"]) == 2
    assert capsys.readouterr().err == "tapebook: the strategy has no parameter 'spred'; did you mean spread?\n"
    assert run_command_line(["sweep", "MarketMaker"]) == 2
    assert "no grid" in capsys.readouterr().err


def test_workers_leave_with_their_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        import tapebook
        from backtest.workers.pool import Pool

        def work(path):
            import os, pathlib, time
            pathlib.Path(path).write_text(str(os.getpid()))
            time.sleep(600)

        list(Pool(work, 1).run([{str(tmp_path / "pid")!r}]))
    """)
    )
    running = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        assert running.poll() is None
        time.sleep(0.05)
    running.kill()
    running.wait()
    worker = Path("/proc", (tmp_path / "pid").read_text())
    if not worker.parent.is_dir():
        pytest.skip("needs /proc")
    while worker.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
