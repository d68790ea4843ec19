"""Runs on disk: whole or not there, listed, found, and played again to the same bytes; what was tampered with is found and named."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from backtest import Backtest, FastMarketMaker, MarketMaker, Result, runs
from backtest.recording import DepthWindow
from backtest.store import Run, RunError, find_run, save, write_log
from backtest.timing import latency
from backtest.verify import verify_run
from data.feed import DataError, store_commands
from data.formats import open_feed
from data.log.event_log import EventLog
from engine import Exchange, Kind, Side, Strategy, TapebookError
from engine.loop.loop_state import new_strategy_state
from engine.strategy.driver import Driver
from tapebook import run_command_line
from tests.engine.test_loop import ALL_CALLS as CALLS
from tests.engine.test_loop import ONE, Rows, add, busy_market, robot, rows

ROOT = Path(__file__).parents[2]
MESSAGES = 150_000


def made(out: Path, strategy: Any = FastMarketMaker, messages: int = 6_000, **how: Any) -> Result:
    """Half an hour of a synthetic day, if `how` says nothing else."""
    return Backtest(open_feed("synthetic", messages=messages), strategy, cache=out / "cache", **{"end": "10:00", **how}).run(out)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run of several blocks."""
    out = tmp_path_factory.mktemp("recorded")
    made(out, messages=MESSAGES, end=None)
    return out


@pytest.fixture
def copied(recorded: Path, tmp_path: Path) -> Run:
    """A copy of that run which a test may spoil."""
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    return find_run(None, tmp_path)


def cached(run: Run) -> Path:
    """The file of the run's decoded feed."""
    return run.folder.parents[1] / "cache" / f"{run.said['meta']['fingerprint']}.npy"


# ------------------------------------------------------------------ whole or not there


def test_a_run_is_a_folder_of_its_files(tmp_path: Path) -> None:
    result = made(tmp_path)
    assert result.folder == tmp_path / "runs" / result.meta["run_id"]
    assert names(result.folder) == ["log.duckdb", "recording.json", "recording.npz", "report.html", "run.json"]
    assert names(tmp_path / "runs") == [result.meta["run_id"]]
    said = json.loads((result.folder / "run.json").read_text())
    assert said["meta"] == json.loads(json.dumps(result.meta))
    assert said["summary"]["fills"] == len(result.fills)
    assert said["market_commands"] == result.recording.market_commands


def test_a_run_of_the_past_is_a_result(tmp_path: Path) -> None:
    result = made(tmp_path)
    for past in (
        Result.load(out=tmp_path),
        Result.load(result.meta["run_id"], tmp_path),
        Result.load(result.folder),
        next(runs(tmp_path)).result,
    ):
        assert past.folder == result.folder
        assert json.loads(json.dumps(past.summary)) == json.loads((past.folder / "run.json").read_text())["summary"]
        assert past.summary == result.summary
        assert [caution.text for caution in past.warnings] == [caution.text for caution in result.warnings]
        assert past.recording.facts.tobytes() == result.recording.facts.astype(past.recording.facts.dtype).tobytes()
        assert past.fills.equals(result.fills)
        assert past.orders.equals(result.orders)
        assert past.log.equals(result.log)


@pytest.mark.parametrize(
    ("harm", "cut", "gone"),
    [
        ("recording.npz", "is damaged", "has no recording.npz.*run it again"),
        ("recording.json", "is damaged", "has no recording.json.*run it again"),
        ("log.duckdb", "log.duckdb: cannot be opened", "log.duckdb"),
    ],
)
def test_a_past_run_that_is_damaged_is_named(tmp_path: Path, harm: str, cut: str, gone: str) -> None:
    folder = made(tmp_path).folder
    assert folder is not None
    spoilt = folder / harm
    spoilt.write_bytes(spoilt.read_bytes()[: spoilt.stat().st_size // 2])
    with pytest.raises(TapebookError, match=cut):
        Result.load(folder)
    spoilt.unlink()
    with pytest.raises(TapebookError, match=gone):
        Result.load(folder)


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = Backtest(open_feed("synthetic", messages=3_000), FastMarketMaker, cache=None).run(None)
    assert result.folder is None
    assert names(tmp_path) == []


def test_a_report_that_fails_leaves_nothing(tmp_path: Path) -> None:
    recording, driver = Backtest(open_feed("synthetic", messages=3_000), FastMarketMaker, cache=None, end="10:00").record()

    def no_depth(*_: Any) -> DepthWindow:
        raise OSError("the feed is gone")

    with pytest.raises(OSError, match=r"the feed is gone"):
        save(Result(dataclasses.replace(recording, depth_window=no_depth)), driver, None, tmp_path)
    assert names(tmp_path / "runs") == []
    save(Result(recording), driver, None, tmp_path)
    assert names(tmp_path / "runs") == [recording.meta["run_id"]]


def test_a_run_is_never_written_over(tmp_path: Path) -> None:
    recording, driver = Backtest(open_feed("synthetic", messages=3_000), FastMarketMaker, cache=None, end="10:00").record()
    first = save(Result(recording), driver, None, tmp_path)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with pytest.raises(OSError, match=r"not empty|exists"):
        save(Result(recording), driver, None, tmp_path)
    assert names(tmp_path / "runs") == [first.run_id]
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


FULL = """
import resource, signal, sys
from pathlib import Path
from backtest import Backtest, FastMarketMaker
from data.formats import open_feed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
made = Backtest(open_feed("synthetic", messages=3_000), FastMarketMaker, cache=None, end="10:00")
made.record()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
made.run(Path(sys.argv[1]))
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "LogError" in done.stderr or "OSError" in done.stderr or "IOException" in done.stderr or "IO Error" in done.stderr
    assert names(tmp_path / "runs") == []


def test_a_strategy_that_raises_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Strategy):
        every = "1min"

        def on_timer(self) -> None:
            raise KeyError("mine")

    with pytest.raises(KeyError, match=r"mine"):
        made(tmp_path, Broken)
    assert names(tmp_path / "runs") == []


SLOW = """
import sys
from pathlib import Path
from backtest import Backtest, MarketMaker
from data.formats import open_feed
out = Path(sys.argv[1])
print("begins", flush=True)
while True:
    Backtest(open_feed("synthetic", messages=6_000), MarketMaker, cache=out / "cache", end="10:00").run(out)
    print("done", flush=True)
"""


@pytest.mark.parametrize("moment", [0.05, 0.5])
def test_a_killed_run_is_no_run_and_disturbs_nobody(moment: float, tmp_path: Path) -> None:
    """kill -9 while runs are made one after the other: every listed run is whole, and the next one is made."""
    child = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "begins\n"
    assert child.stdout.readline() == "done\n"
    time.sleep(moment)
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    whole = list(runs(tmp_path))
    assert len(whole) in (1 + rest.count("done\n"), 2 + rest.count("done\n"))  # the kill may fall between rename and print
    made(tmp_path)
    assert len(list(runs(tmp_path))) == len(whole) + 1
    for run in runs(tmp_path):
        assert verify_run(run, tmp_path / "cache").ok
    assert [name for name in names(tmp_path / "runs") if not name.startswith(".")] == sorted(run.run_id for run in runs(tmp_path))


# ------------------------------------------------------------------ listed and found


def test_runs_are_listed_newest_first_and_found_by_their_beginning(tmp_path: Path) -> None:
    ids = [made(tmp_path, messages=2_000).meta["run_id"] for _ in range(3)]
    assert [run.run_id for run in runs(tmp_path)] == ids[::-1]
    assert find_run(None, tmp_path).run_id == ids[-1]
    assert find_run(ids[0], tmp_path).run_id == ids[0]
    assert find_run(str(tmp_path / "runs" / ids[1]), tmp_path).run_id == ids[1]
    shared = ids[0][:4]
    with pytest.raises(RunError, match=rf"3 runs begin with '{shared}'"):
        find_run(shared, tmp_path)
    with pytest.raises(RunError, match=r"no runs begin with 'never'"):
        find_run("never", tmp_path)


def test_no_runs_is_said_with_the_mend(tmp_path: Path) -> None:
    assert list(runs(tmp_path)) == []
    with pytest.raises(RunError, match=r"no run under .*runs; make one with `tapebook backtest`"):
        find_run(None, tmp_path)


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    run_id = made(tmp_path, messages=2_000).meta["run_id"]
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    (tmp_path / "runs" / "readme.txt").write_text("mine")
    assert [run.run_id for run in runs(tmp_path)] == [run_id]


# ------------------------------------------------------------------ played again


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"start": "11:00", "end": "12:30", "warm_up": "10min"},
        {"feed_latency": "30ms", "order_latency": "70ms", "response_latency": "500ms", "maker_fee": "-0.0001"},
        {
            "strategy": MarketMaker,
            "parameters": {"spread": 1, "size": 7},
            "order_latency": np.array([[0, 10**6], [1_767_630_000 * 10**9, 5]]),
        },
    ],
)
def test_a_run_is_played_again_to_the_same_bytes(how: dict[str, Any], tmp_path: Path) -> None:
    result = made(tmp_path, **how)
    verdict = verify_run(find_run(None, tmp_path), tmp_path / "cache")
    assert verdict.ok, verdict.text
    assert verdict.text == "played again to identical bytes"
    assert verdict.commands > 1000
    assert verdict.facts == len(result.recording.facts) + 6  # what opened the session


def test_a_run_of_several_blocks_is_played_again(recorded: Path) -> None:
    verdict = verify_run(find_run(None, recorded), recorded / "cache")
    assert verdict.ok
    assert verdict.blocks == 2


@pytest.mark.parametrize("seed", range(2))
def test_a_run_with_everything_at_one_time_is_played_again(seed: int, tmp_path: Path) -> None:
    feed = busy_market(seed, ["AAA", "BBB"], 2_000)
    strategy = robot(Strategy, CALLS, seed, 2, every=70, bar=250)
    Backtest(feed, strategy, cache=tmp_path / "cache", feed_latency=0, order_latency=0, response_latency=0).run(tmp_path)
    verdict = verify_run(find_run(None, tmp_path), tmp_path / "cache")
    assert verdict.ok, verdict.text
    assert verdict.commands > 100


@pytest.mark.parametrize("start", [None, 3500])
def test_ready_orders_are_played_again(start: int | None, tmp_path: Path) -> None:
    history = rows(*(add(1000 * k, k, k % 2, 4990 + 20 * (k % 2), 10) for k in range(1, 9)))  # type: ignore[arg-type]
    orders = {"order_id": [1, 2, 1], "side": ["BUY"] * 3, "price": [5010] * 3, "quantity": [3] * 3, "ts": [2500, 4000, 6000]}
    orders |= {"trader": ["ann", "ann", "bob"], "portfolio": ["a", "b", "a"]}
    Backtest(Rows(history, ONE), orders=orders, order_latency=10, start=start, cache=tmp_path / "cache").run(tmp_path)
    verdict = verify_run(find_run(None, tmp_path), tmp_path / "cache")
    assert verdict.ok, verdict.text
    assert verdict.commands == 7  # three orders, two portfolios and two traders


def test_a_feed_that_is_not_kept_is_read_again(copied: Run) -> None:
    cached(copied).unlink()
    assert verify_run(copied, cached(copied).parent).ok
    assert cached(copied).exists()


def test_a_kept_feed_that_was_cut_off_is_read_again(copied: Run) -> None:
    raw = cached(copied).read_bytes()
    cached(copied).write_bytes(raw[: len(raw) // 2])
    assert verify_run(copied, cached(copied).parent).ok


def test_a_feed_that_is_gone_is_said_with_the_mend(tmp_path: Path) -> None:
    Backtest(busy_market(1, ["AAA"], 1_000), robot(Strategy, CALLS, 1, 1, every=70, bar=250)).run(tmp_path)
    run = find_run(None, tmp_path)
    assert verify_run(run, tmp_path / "cache").ok  # kept beside the runs, where verifying looks
    cached(run).unlink()
    with pytest.raises(RunError, match=r"its feed is neither in .*cache nor was it opened from a file; run it again"):
        verify_run(run, tmp_path / "cache")


def test_a_feed_that_is_another_one_now_is_named(copied: Run) -> None:
    cached(copied).unlink()
    copied.said["origin"]["options"]["messages"] += 1
    with pytest.raises(DataError, match=r"the data changed since the run; put the original file back"):
        verify_run(copied, cached(copied).parent)


FORKED = """
import os, sys
from backtest import Backtest, MarketMaker
from data import synthetic_flow
from engine import TapebookError

feed = synthetic_flow(seed=1, messages=500)
Backtest(feed, MarketMaker).run(None)
child = os.fork()
if not child:
    for would_hang in (lambda: synthetic_flow(seed=2, messages=500), Backtest(feed, MarketMaker).run):
        try:
            would_hang()
        except TapebookError as refused:
            print(type(refused).__name__, refused, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("the parent goes on", len(synthetic_flow(seed=2, messages=500).commands()) > 500)
"""


def test_a_fork_after_a_run_is_told_with_the_mend(tmp_path: Path) -> None:
    """polars' threads are not copied by a fork: what waits for them in the child waits for ever."""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", FORKED], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0
    assert "get_context('spawn')" in done.stderr
    first, second, parent = done.stdout.splitlines()
    assert first == second
    assert first.startswith("RunError this process was forked")
    assert parent == "the parent goes on True"


# ------------------------------------------------------------------ tampering


@pytest.mark.parametrize("column", ["price", "quantity", "ts", "order_id"])
def test_a_changed_fact_is_found(column: str, copied: Run) -> None:
    with duckdb.connect(copied.log) as log:
        seq = log.execute("SELECT seq FROM facts ORDER BY seq LIMIT 1 OFFSET 5000").fetchone()
        assert seq is not None
        log.execute(f"UPDATE facts SET {column} = {column} + 1 WHERE seq = ?", seq)
    with pytest.raises(RunError, match=rf"{copied.run_id}: the log was changed"):
        verify_run(copied, cached(copied).parent)


@pytest.mark.parametrize("name", ["run.json", "report.html", "recording.json", "recording.npz"])
def test_a_changed_file_is_found(name: str, copied: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Its figures, parameters, fees and warnings stand in run.json; one digit is enough, and so is a file that is gone."""
    assert copied.changed == []
    path = copied.folder / name
    raw = bytearray(path.read_bytes())
    place = max(raw.rfind(b"1"), 0)
    raw[place] = ord("2")
    path.write_bytes(raw)
    verdict = verify_run(copied, cached(copied).parent)
    assert not verdict.ok
    assert verdict.text.startswith(f"{name} is not what the run wrote; take its folder from a backup")
    assert run_command_line(["runs", "show", str(copied.folder)]) == 0
    shown = "".join(capsys.readouterr().out.split())
    assert f"changed{copied.run_id}:{name}notastherunwroteit" in shown  # wrapped anywhere
    path.unlink()
    assert copied.changed == [name]


@pytest.mark.parametrize("table", ["facts", "commands"])
def test_a_missing_row_is_found(table: str, copied: Run) -> None:
    with duckdb.connect(copied.log) as log:
        log.execute(f"DELETE FROM {table} WHERE seq = (SELECT seq FROM {table} ORDER BY seq LIMIT 1 OFFSET 5000)")
    with pytest.raises(RunError, match=rf"{copied.run_id}: the log was changed"):
        verify_run(copied, cached(copied).parent)


def forged(run: Run, change: Any = lambda *_: None, forget: str = "") -> Run:
    """The run with another log, whose chain is whole: someone wrote all of it anew after `change(commands, facts)`, without the part
    `forget` of its meta."""
    with EventLog(run.log, read_only=True) as log:
        session = log.session(run.run_id)
        (seqs, commands, positions), facts = log.read(session)
        meta, instruments, blocks = log.meta(session), log.instruments(session), log.blocks(session)
    commands, facts = commands.copy(), facts.copy()
    change(commands, facts)
    meta.pop(forget, None)
    run.log.unlink()
    with EventLog(run.log) as log:
        session = log.begin(run.run_id, meta, instruments)
        log.append(session, commands, facts, seqs=seqs, positions=positions, blocks=blocks)
    return run


def test_a_log_that_does_not_count_its_opening_commands_is_played_again(copied: Run) -> None:
    """As an older version wrote it."""
    verdict = verify_run(forged(copied, forget="opening_commands"), cached(copied).parent)
    assert verdict.ok, verdict.text


def test_opening_commands_of_several_facts_keep_their_seqs(tmp_path: Path) -> None:
    """Two orders that meet before any history: the second has two facts."""
    exchange = Exchange(ONE, cash={"main": 1_000_000}, open_now=False)
    crossing = {"order_id": [1, 2], "side": ["SELL", "BUY"], "price": [5000] * 2, "quantity": [10] * 2}
    orders = exchange.commands(crossing | {"portfolio": ["main", "other"], "trader": ["ann", "bob"]})
    exchange.opening = np.concatenate([exchange.opening, orders])
    state = new_strategy_state(1, 1, 0, (latency(0), latency(0), latency(0)), np.zeros(1))
    driver = Driver(exchange, [state], rows(add(1000, 7, Side.BUY, 4990, 10)))
    driver.open(exchange.opening)
    driver.play(1000)
    write_log(tmp_path / "log.duckdb", "run", {"meta": {"fingerprint": ""}, "origin": None}, driver, ONE)
    with EventLog(tmp_path / "log.duckdb", read_only=True) as log:
        commands, facts = log.read(1)
        assert log.meta(1)["opening_commands"] == len(exchange.opening) == len(commands.seqs)
    again = Exchange(ONE, cash={"main": 1_000_000}, open_now=False)
    for seq, command in zip(commands.seqs.tolist(), commands.records):
        made = again.run(command.reshape(1))["seq"].tolist()
        assert made == list(range(seq + 1, seq + 1 + len(made)))
        assert set(made) <= set(facts["seq"].tolist())
    assert len(facts) == len(commands.seqs) + 1


def test_a_forged_fact_is_named_by_its_seq(copied: Run) -> None:
    told: list[int] = []

    def change(_: np.ndarray, facts: np.ndarray) -> None:
        at = int(np.flatnonzero(facts["kind"] == Kind.TradeExecuted)[20])
        facts["price"][at] += 1
        told.append(int(facts["seq"][at]))

    verdict = verify_run(forged(copied, change), cached(copied).parent)
    assert (verdict.ok, verdict.seq) == (False, told[0])
    assert f"(seq {told[0]:,}) differs when it is played again" in verdict.text


def test_a_forged_command_is_found_where_its_facts_differ(copied: Run) -> None:
    told: list[int] = []

    def change(commands: np.ndarray, facts: np.ndarray) -> None:
        at = int(np.flatnonzero(commands["kind"] == Kind.NEW)[100])
        commands["quantity"][at] += 1
        made = (facts["kind"] == Kind.OrderCreated) & (facts["order_id"] == commands["order_id"][at])
        told.append(int(facts["seq"][made][0]))

    verdict = verify_run(forged(copied, change), cached(copied).parent)
    assert (verdict.ok, verdict.seq) == (False, told[0])


def test_a_changed_feed_is_found_and_named(copied: Run) -> None:
    """One lot more in one order of the kept feed: where our facts or the block's digest first differ."""
    history = np.load(cached(copied))
    at = int(np.flatnonzero(history["kind"] == Kind.ADD)[30_000])
    history["quantity"][at] += 1
    np.save(cached(copied), history)
    assert verify_run(copied, cached(copied).parent).ok, "rows without their checksum are decoded again"
    store_commands(cached(copied), iter([history]))
    verdict = verify_run(copied, cached(copied).parent)
    assert not verdict.ok
    assert verdict.seq is not None
    assert f"{verdict.seq:,}" in verdict.text
    assert verdict.seq > at


def test_a_changed_digest_is_found(copied: Run) -> None:
    copied.said["meta"]["digest"] = "0" * 32
    verdict = verify_run(copied, cached(copied).parent)
    assert (verdict.ok, verdict.text) == (False, "the exchange differs at the end of the run")
