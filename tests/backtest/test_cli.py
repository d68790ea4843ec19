"""The command line: what it prints, what it leaves, and one clear line for everything that is wrong."""

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from tapebook import command_line, run_command_line
from tests.naive.lobster import Market

ROOT = Path(__file__).parents[2]
NAME = "AMZN_2012-06-21_34200000_57600000_message_3.csv"
LIVE_WORDS = ["run", "check", "list", "status", "stop", "read", "attach", "streams", "rebuild", "services"]
LIVE = [f"live {word}" for word in (*LIVE_WORDS, "dead-letters list", "dead-letters retry")]
KAFKA = [f"kafka {word}" for word in ("start", "stop", "status", "topics")]
RUNS = [f"runs {word}" for word in ("list", "show", "compare", "export", "report")]
LOG = [f"log {word}" for word in ("verify", "sql", "head", "surveil", "extract")]
LEAVES = ["backtest", *RUNS, *LOG, "data add", "data list", "data show", "data check", "explain", "lab"]
LEAVES += ["sweep", "job run", "job check", "job list", "job pin"]
LEAVES += [*LIVE, *KAFKA, "token", "dash", "dash export", "report daily", "docs"]
MINE = """
from engine import Strategy, Parameter

class Buyer(Strategy):
    every = "5s"
    size = Parameter(1, low=1)

    def on_timer(self):
        self.buy(self.size)

class Breaker(Strategy):
    every = "5s"

    def on_timer(self):
        raise RuntimeError("the strategy broke")

class Refused(Strategy):
    every = "5s"

    def on_timer(self):
        print("[bold]about to[/bold]")
        self.buy(1.5, 3)

class Teller(Strategy):
    every = "5s"

    def on_timer(self):
        print("hello")
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """LOBSTER's message and order book files of a made market, and both in one zip."""
    folder = tmp_path_factory.mktemp("published")
    messages, book = Market(4, 3).run(3000)
    (folder / NAME).write_text("".join(f"{line}\n" for line in messages))
    (folder / NAME.replace("message", "orderbook")).write_text("".join(f"{line}\n" for line in book))
    with zipfile.ZipFile(folder / "AMZN.zip", "w") as zipped:
        for path in sorted(folder.glob("*.csv")):
            zipped.write(path, path.name)
    return folder


@pytest.fixture
def tapebook(tmp_path, monkeypatch, capsys):
    """Runs a command line within this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words):
        code = run_command_line([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    yield run
    sys.modules.pop("mine", None)


@pytest.fixture
def backtest(tapebook, published):
    """Runs a backtest on the zip; returns what --json says."""

    def run(*words):
        said = tapebook("backtest", "--data", published / "AMZN.zip", "--json", *words)
        assert said.code == 0, said.err
        return json.loads(said.out)

    return run


def complains(said, *parts):
    """Exit 2, nothing on stdout, and one line on stderr that has all the parts."""
    assert (said.code, said.out) == (2, ""), said
    assert said.err.startswith("tapebook: ")
    assert said.err.count("\n") == 1
    for part in parts:
        assert str(part) in said.err
    return True


def narrow(text):
    return max(map(len, text.splitlines())) <= 80


# ------------------------------------------------------------------ help


@pytest.mark.parametrize("words", ["", "runs", "log", "data", "job", "report", *LEAVES])
def test_help(tapebook, words):
    said = tapebook(*words.split(), "--help")
    assert (said.code, said.err) == (0, "")
    assert "Usage: tapebook" in said.out
    assert narrow(said.out)
    if words in LEAVES:
        assert f"Example: tapebook {words}" in " ".join(said.out.split())


def leaves(command, name=""):
    """Every command that does something, by its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name.strip(), command
    else:
        if name and command.invoke_without_command:
            yield name.strip(), command
        for word, one in inner.items():
            yield from leaves(one, f"{name} {word}")


def test_every_command_and_option_is_explained():
    found = dict(leaves(typer.main.get_command(command_line())))
    assert sorted(found) == sorted(LEAVES)
    assert [f"{name} {p.name}" for name, command in found.items() for p in command.params if not getattr(p, "help", None)] == []


@pytest.mark.parametrize("words", ["", "runs", "log", "data"])
def test_alone_it_shows_the_help(tapebook, words):
    said = tapebook(*words.split())
    assert said.code == 2
    assert "Usage: tapebook" in said.out + said.err
    assert "Traceback" not in said.err


# ------------------------------------------------------------------ a backtest and what it leaves


def test_backtest_on_a_published_day(tapebook, published, tmp_path):
    said = tapebook("backtest", "--data", published / "AMZN.zip")
    assert (said.code, said.err) == (0, "")
    assert narrow(said.out)
    (run,) = (tmp_path / ".tapebook" / "runs").iterdir()
    assert {path.name for path in run.iterdir()} == {"run.json", "log.duckdb", "report.html", "recording.json", "recording.npz"}
    assert str(run.relative_to(tmp_path)) in said.out
    assert "MarketMaker" in said.out
    assert (run / "report.html").read_text().rstrip().endswith("</html>")


def test_two_runs_give_one_digest(backtest):
    taker = ("--strategy", "ImbalanceTaker", "--set", "threshold=0.2")
    one, other = backtest(*taker), backtest(*taker)
    assert one["run"] != other["run"]
    assert one["summary"]["fills"] > 0
    assert one["meta"]["digest"] == other["meta"]["digest"]
    assert one["summary"] == other["summary"]
    assert backtest(*taker, "--set", "size=7")["meta"]["digest"] != one["meta"]["digest"]


def test_zip_and_files_are_one_market(backtest, tapebook, published):
    files = tapebook(
        *("backtest", "--data", published / NAME, "--orderbook", published / NAME.replace("message", "orderbook"), "--json", "--out", "x")
    )
    assert files.code == 0, files.err
    assert json.loads(files.out)["meta"]["digest"] == backtest()["meta"]["digest"]


def test_a_strategy_of_the_current_folder(backtest, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    made = backtest("--strategy", "mine:Buyer", "--set", "size=3")
    assert made["meta"]["strategy"] == "mine:Buyer"
    assert made["meta"]["parameters"] == {"size": 3}
    assert made["summary"]["orders"] > 0


def test_a_strategy_that_breaks_leaves_nothing(tapebook, published, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    said = tapebook("backtest", "--data", published / "AMZN.zip", "--strategy", "mine:Breaker")
    assert said.code == 1
    assert said.err.rstrip().endswith("RuntimeError: the strategy broke")
    assert "mine.py" in said.err
    assert not (tmp_path / ".tapebook" / "runs").exists()


def test_a_job_of_a_file(tapebook, published, tmp_path):
    job = tmp_path / "job.toml"
    job.write_text(
        f'data = "{published / "AMZN.zip"}"\nstrategy = "ImbalanceTaker"\ncash = 5000\nfeed_latency = "2ms"\n'
        'start = 09:30:00\nout = "nightly"\n[set]\nthreshold = 0.2\nsize = 5\n'
    )
    said = tapebook("backtest", job, "--set", "size=6", "--order-latency", "3ms", "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert made["run"].startswith("nightly/runs/")
    assert made["meta"]["parameters"] == {"threshold": 0.2, "size": 6, "limit": 100}
    assert (made["meta"]["feed_latency"], made["meta"]["order_latency"]) == (2_000_000, 3_000_000)
    assert made["cash"] == {"strategy": "5000"}


def test_a_strategy_that_breaks_shows_its_own_frames(tapebook, published, tmp_path):
    """A ValueError within it, too: the user's file, line and method, none of the library's."""
    (tmp_path / "mine.py").write_text(MINE)
    said = tapebook("backtest", "--data", published / "AMZN.zip", "--strategy", "mine:Refused")
    line = MINE.splitlines().index("        self.buy(1.5, 3)") + 1
    assert said.code == 1
    assert said.err.splitlines()[:3] == [
        "tapebook: your code failed, most recent call last:",
        f'  File "{tmp_path / "mine.py"}", line {line}, in Refused.on_timer',
        "    self.buy(1.5, 3)",
    ]
    assert said.err.count("File ") == 1
    assert "ValueError: " in said.err.splitlines()[-1]
    (tmp_path / "bad.py").write_text("raise ValueError('while imported')")
    said = tapebook("backtest", "--strategy", "bad:Maker")
    assert (said.code, said.err.splitlines()[-1]) == (1, "ValueError: while imported")


def test_what_a_strategy_prints_is_not_json(tapebook, published, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    said = tapebook("backtest", "--data", published / "AMZN.zip", "--strategy", "mine:Teller", "--json")
    assert said.code == 0
    assert json.loads(said.out)["meta"]["strategy"] == "mine:Teller"
    assert set(said.err.split()) == {"hello"}


# ------------------------------------------------------------------ runs, log, data


def test_runs_and_their_log(tapebook, backtest):
    runs = [Path(backtest("--set", f"size={size}")["run"]).name for size in (5, 50)]
    listed = tapebook("runs", "list")
    assert listed.out.index(runs[1]) < listed.out.index(runs[0])
    shown, compared = tapebook("runs", "show", runs[0]), tapebook("runs", "compare", *runs)
    assert "size=5 " in shown.out
    assert [line.split() for line in compared.out.splitlines() if line.startswith("size")] == [["size", "5", "50"]]
    verified = tapebook("log", "verify", runs[0])
    assert "verified" in verified.out
    for said in (listed, shown, compared, verified):
        assert (said.code, said.err) == (0, "")
        assert narrow(said.out)
    assert runs[1] in tapebook("runs", "show").out, "the newest where none is named"


def test_a_run_that_was_changed_does_not_verify(tapebook, backtest):
    run = Path(backtest()["run"])
    path = run / "run.json"
    said = json.loads(path.read_text())
    said["meta"]["digest"] = "0" * 32
    path.write_text(json.dumps(said))
    verdict = tapebook("log", "verify", run)
    assert verdict.code == 1
    assert "run.json is not what the run wrote" in verdict.out
    assert json.loads(tapebook("log", "verify", run, "--json").out)["ok"] is False


@pytest.fixture
def recorded(backtest):
    """A recorded run's folder."""
    return Path(backtest()["run"]).resolve()


@pytest.mark.parametrize(
    ("size", "why"),
    [
        (None, "no such event log"),
        (0, "is not an event log"),
        (5000, "cannot be opened"),
        (100_000, "cannot be opened"),
        (0.9, "log.duckdb"),
    ],
)
def test_a_log_that_was_cut_is_one_line(tapebook, recorded, size, why):
    log = recorded / "log.duckdb"
    whole = log.read_bytes()
    log.unlink()
    if size is not None:
        log.write_bytes(whole[: int(size * len(whole)) if isinstance(size, float) else size])
    assert complains(tapebook("log", "verify", recorded), log, why)


def test_a_log_that_is_damaged_within_is_one_line(tapebook, recorded):
    log = recorded / "log.duckdb"
    whole = bytearray(log.read_bytes())
    for at in range(len(whole) // 2, len(whole), 4096):
        whole[at : at + 64] = bytes(64)
    log.write_bytes(whole)
    said = tapebook("log", "verify", recorded)
    assert said.code in (1, 2)
    assert "Traceback" not in said.err
    assert said.err.count("\n") <= 1


def test_a_log_in_use_is_one_line(tapebook, recorded):
    code = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", code, str(recorded / "log.duckdb")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline()
        said = tapebook("log", "verify", recorded)
        holder.stdin.close()
    assert complains(said, f"is open in another process (PID {holder.pid})")


@pytest.mark.parametrize("text", ["[]", "{", "3", '{"meta": 1}', '{"meta": {}}', "\0"])
def test_one_bad_run_leaves_the_others(tapebook, recorded, text):
    bad = recorded.parent / "20200101-000000-000000"
    bad.mkdir()
    (bad / "run.json").write_text(text)
    listed = tapebook("runs", "list")
    assert (listed.code, listed.err) == (0, "")
    assert recorded.name in listed.out
    assert bad.name not in listed.out
    assert complains(tapebook("runs", "show", bad), bad / "run.json")


@pytest.mark.parametrize("words", ["runs list", "runs show", "log verify", "backtest"])
def test_out_is_a_folder(tapebook, tmp_path, words):
    (tmp_path / "file").write_text("")
    assert complains(tapebook(*words.split(), "--out", "file"), "--out", "file")


def test_brackets_are_text(tapebook, published, tmp_path):
    out = "runs [bold] of [/red] :smile:"
    (tmp_path / "[x].zip").write_bytes((published / "AMZN.zip").read_bytes())
    made = tapebook("backtest", "--data", "[x].zip", "--out", out)
    assert (made.code, made.err) == (0, "")
    assert out in made.out
    for words in ("runs list", "runs show", "log verify"):
        said = tapebook(*words.split(), "--out", out)
        assert (said.code, said.err) == (0, "")
    assert "no runs under [red]/runs" in tapebook("runs", "list", "--out", "[red]").out


@pytest.mark.parametrize(
    "words", ["runs list", "runs show", "runs compare {run} {run}", "log verify", "data show {zip}", "data check {zip}"]
)
def test_json_is_for_scripts(tapebook, backtest, published, words):
    run = Path(backtest()["run"]).name
    said = tapebook(*words.format(run=run, zip=published / "AMZN.zip").split(), "--json")
    assert (said.code, said.err) == (0, "")
    made = json.loads(said.out)
    assert made["symbol"] if words == "data check {zip}" else made["name"] if "data" in words else json.dumps(made)


def test_what_is_in_a_file(tapebook, published):
    messages = len((published / NAME).read_text().splitlines())
    for words in ("data show", "data check"):
        said = tapebook(*words.split(), published / "AMZN.zip")
        assert (said.code, said.err) == (0, "")
        assert narrow(said.out)
        rows = {name: value for name, _, value in (line.partition(" ") for line in said.out.splitlines())}
        assert rows["messages"].strip() == f"{messages:,}"
        assert rows["first"].strip().startswith("2012-06-21 09:30:")


# ------------------------------------------------------------------ what is wrong, in one line


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("backtset", ["backtset"]),
        ("backtest --spread 3", ["--spread", "backtest --help"]),
        ("backtest --messages many", ["--messages", "integer"]),
        ("runs compare", ["runs"]),
        ("data show", ["file"]),
        ("backtest --data nothing.csv --symbol X --date 2020-01-01", ["nothing.csv: no such file"]),
        ("data show nothing.csv", ["nothing.csv: no such file"]),
        ("data check nothing.csv", ["nothing.csv: no such file"]),
        ("backtest nothing.toml", ["nothing.toml", "TOML"]),
        ("backtest --format lobstr --data x", ["lobstr", "did you mean lobster?"]),
        ("backtest --format csv --data x", ["csv", "bars, binance, catalog, dbn, hftbacktest, itch, lobster, log, synthetic, table"]),
        ("backtest --format lobster", ["lobster needs --data"]),
        ("backtest --format synthetic --data x", ["--data", "leave --data out"]),
        ("backtest --symbol X", ["symbol", "leave it out"]),
        ("backtest --strategy MarketMakr", ["MarketMakr", "did you mean MarketMaker?"]),
        ("backtest --strategy Zzz", ["Zzz", "module:Class"]),
        ("backtest --strategy nowhere:Maker", ["nowhere"]),
        ("backtest --strategy :Maker", [":Maker", "module:Class"]),
        ("backtest --strategy engine.strategy.examples:MarketTaker", ["MarketTaker", "did you mean MarketMaker?"]),
        ("backtest --set spred=3", ["MarketMaker", "spred", "did you mean spread?"]),
        ("backtest --set spread=wide", ["spread", "wide", "is not a whole number"]),
        ("backtest --set spread=1001", ["spread", "1001", "0 <= spread <= 1000"]),
        ("backtest --set spread", ["spread", "name=value"]),
        ("backtest --cash much", ["cash", "much"]),
        ("backtest --maker-fee x", ["--maker-fee", "'x'"]),
        ("backtest --feed-latency 3parsec", ["3parsec", "100ms"]),
        ("backtest --tick 0", ["tick", "above 0"]),
        ("backtest --messages 0", ["messages is 0"]),
        ("backtest --date tomorrow", ["tomorrow", "YYYY-MM-DD"]),
        ("backtest --messages 2000 --start 25:00", ["25:00", "HH:MM"]),
        ("backtest --messages 2000 --start 12:00 --end 11:00", ["12:00", "11:00"]),
        ("backtest --messages 2000 --warm-up 10h", ["warm-up"]),
        ("runs show 2026", ["tapebook backtest"]),
        ("log verify", ["tapebook backtest"]),
        ("explain POST_ONY", ["POST_ONY", "did you mean POST_ONLY?"]),
        ("explain zorble", ["zorble", "tapebook explain"]),
        ("explain NEW CANCEL", ["CANCEL", "explain --help"]),
    ],
)
def test_bad_input(tapebook, words, parts):
    assert complains(tapebook(*words.split()), *parts)


@pytest.mark.parametrize("command", ["backtest --data", "data show", "data check"])
@pytest.mark.parametrize(
    ("line", "old", "new", "parts"),
    [
        (3, ",1\n", ",up\n", ["direction"]),
        (3, ",", ";", []),
        (90, "3", "x", ["time"]),
        (200, "34", "33", ["time", "is before the line above"]),
    ],
)
def test_a_broken_file(tapebook, published, tmp_path, command, line, old, new, parts):
    lines = (published / NAME).read_text().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace("-1\n", "1\n").replace(old, new, 1)
    (tmp_path / NAME).write_text("".join(lines))
    assert complains(tapebook(*command.split(), NAME), f"{NAME} line {line}", *parts)


@pytest.mark.parametrize("command", ["backtest --data", "data show", "data check"])
def test_a_cut_zip(tapebook, published, tmp_path, command):
    whole = (published / "AMZN.zip").read_bytes()
    for share in (0.5, 0.99):
        (tmp_path / "cut.zip").write_bytes(whole[: int(share * len(whole))])
        assert complains(tapebook(*command.split(), "cut.zip"), "cut.zip", "fetch it again")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("stratgy = 'MarketMaker'", ["stratgy", "did you mean strategy?"]),
        ("wqxz = 'red'", ["wqxz", "known are"]),
        ("strategy = 'MarketMaker'\ndata = \n", ["line 2"]),
        ("messages = 'many'", ["messages", "whole number"]),
        ("strategy = ['A', 'B']", ["strategy", "text"]),
        ("set = 3", ["set", "table"]),
        ("data = []", ["line 1, key data", "empty list"]),
        ("[set]\nspred = 3", ["spred", "did you mean spread?"]),
        ("format = 'lobster'\ndata = 'nothing.csv'", ["nothing.csv: no such file"]),
    ],
)
def test_a_broken_job(tapebook, tmp_path, text, parts):
    (tmp_path / "job.toml").write_text(text)
    assert complains(tapebook("backtest", "job.toml"), *parts)


def test_every_problem_of_a_job_is_told_with_its_line(tapebook, tmp_path):
    (tmp_path / "job.toml").write_text(
        "\ufeffmessages = 2000\nfeed_latency = 250\nstratgy = 'x'\nstart = '9'\nsymbol = 'X'\ncash = nan\n"
        "\n[set]\nspred = 3\nspread = 4\nsize = 'x'\n"
    )
    said = tapebook("backtest", "job.toml", "--set", "limit=many", "--warm-up", "soon")
    assert (said.code, said.out) == (2, "")
    told = said.err.splitlines()
    assert all(line.startswith("tapebook: ") for line in told)
    for start, *parts in (
        ("job.toml line 2, key feed_latency: '250' is not a duration; write a number and a unit, like 250us, 100ms, 5min",),
        ("job.toml line 3: unknown key 'stratgy'; did you mean strategy?",),
        ("job.toml line 4, key start: '9'", "HH:MM"),
        ("job.toml line 5, key symbol: applies only to bars or ", "lobster", "leave it out"),
        ("job.toml line 6, key cash: 'nan' is not a finite number",),
        ("job.toml line 9, key set.spred: ", "did you mean spread?"),
        ("job.toml line 11, key set.size: ", "'x'"),
        ("--set limit: ", "'many'"),
        ("--warm-up: 'soon' is not a duration",),
    ):
        (line,) = [line for line in told if line.startswith(f"tapebook: {start}")]
        assert all(part in line for part in parts)
    assert len(told) == 9


def test_options_and_settings_are_the_same():
    from backtest.cli.settings import Settings

    options = {p.name for p in dict(leaves(typer.main.get_command(command_line())))["backtest"].params}
    assert options - {"help", "job", "as_json"} == set(Settings.model_fields)


# ------------------------------------------------------------------ as a process


def imports(path):
    """Packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        yield from (name.partition(".")[0] for name in names)


def test_what_is_imported_is_declared():
    """A package that only the tools for tests bring in would be missing where nobody tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    known = {re.split(r"[<>=~!; ]", one)[0].lower().replace("-", "_") for one in declared}
    known |= {"llvmlite", "opentelemetry"}  # parts of numba and of opentelemetry_sdk
    rooms = {"engine", "data", "backtest", "live", "dashboards"}
    modules = [ROOT / "tapebook.py", *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
    strange = {
        f"{path.relative_to(ROOT)} imports {name}" for path in modules for name in imports(path) if name.lower() not in known | rooms
    }
    assert {one for one in strange if one.split()[-1] not in sys.stdlib_module_names} == set()


def python(*words, cwd=None):
    return subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_importing_costs_nothing():
    heavy = {"numpy", "numba", "polars", "duckdb", "typer", "rich", "engine", "data", "backtest"}
    done = python("-c", "import sys, tapebook as tb; assert 'Backtest' in dir(tb); print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert heavy.isdisjoint(done.stdout.split())


def test_help_and_version_cost_little():
    heavy = {"numpy", "numba", "polars", "duckdb", "pydantic_settings", "engine"}
    for words in (["--help"], ["--version"], ["data"], ["runs", "list", "--help"]):
        done = python("-c", f"import sys, tapebook; tapebook.run_command_line({words}); print(*sys.modules)")
        assert done.returncode == 0, done.stderr
        assert heavy.isdisjoint(done.stdout.splitlines()[-1].split()), words
    assert done.stderr == ""


def test_version(tapebook):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert tapebook("--version") == (0, f"tapebook {version}\n", "")


def test_stopped_is_one_line(tapebook, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("backtest.store.runs", stop)
    assert tapebook("runs", "list") == (1, "", "tapebook: stopped\n")


def test_a_mistake_of_ours_is_told_whole(tapebook, monkeypatch):
    def fail(*_):
        return {}["ours"]

    fail.__code__ = fail.__code__.replace(co_filename=str(ROOT / "backtest" / "store.py"))
    monkeypatch.setattr("backtest.store.runs", fail)
    said = tapebook("runs", "list")
    assert said.code == 1
    assert "Traceback" in said.err
    assert said.err.endswith("KeyError: 'ours'\n")


@pytest.mark.parametrize("name", ["data.py", "backtest.py", "engine.py", "live/__init__.py"])
def test_our_packages_are_found_whatever_lies_beside_a_script(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('not this one')")
    script = tmp_path / "script.py"
    script.write_text("import tapebook as tb; print(tb.Exchange([tb.Instrument('A', tick='1')]).book('A').levels())")
    done = python(str(script), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "([], [])\n"), done.stderr
    assert python("-m", "tapebook", "runs", "list", cwd=tmp_path).returncode == 0


def test_a_script_may_have_the_name_of_a_package(tmp_path):
    script = tmp_path / "backtest.py"
    script.write_text("import tapebook as tb; print(tb.Backtest.__name__)")
    assert python(str(script), cwd=tmp_path).stdout == "Backtest\n"


def test_a_module_that_took_a_name_of_ours_is_named(tmp_path):
    (tmp_path / "data.py").write_text("")
    done = python("-c", "import data, tapebook", cwd=tmp_path)
    assert f"ImportError: {tmp_path / 'data.py'} was imported under the name of one of Tapebook's packages" in done.stderr
