"""Scheduled jobs: what is done once, what is tried again, what a kill leaves, what a gate says, whom it tells."""

import datetime
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock
from standardwebhooks import Webhook

from backtest.jobs.gates import Day, judge
from backtest.jobs.job import Job, JobRunning
from backtest.jobs.notify import tell
from backtest.jobs.settings import Gate, JobError, Notify, read_job
from data.configuration import ConfigurationError
from tapebook import run_command_line

ROOT = Path(__file__).parents[2]
DATE = datetime.date(2026, 1, 5)
KILLS = int(os.environ.get("TAPEBOOK_KILLS", "3"))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MINE = """
from engine import Parameter, Strategy

class Buyer(Strategy):
    every = "60s"
    size = Parameter(1, low=1)

    def on_timer(self):
        (self.buy if self.position() <= 0 else self.sell)(self.size)

class Breaker(Strategy):
    every = "60s"

    def on_timer(self):
        raise RuntimeError("the strategy broke")
"""
FILE = """
name = "nightly"
out = "results"
retries = 0

[[backtests]]
name = "buyer"
strategy = "mine:Buyer"
messages = 3000
seed = 5

[[sweeps]]
name = "sizes"
strategy = "mine:Buyer"
messages = 2000
target = "net_pnl"
grid = { size = "1..2" }
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a job's file and the strategies beside it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "mine.py").write_text(MINE)

    def wrote(text=FILE):
        path = tmp_path / "nightly.toml"
        path.write_text(text)
        return path

    yield wrote
    sys.modules.pop("mine", None)


def artifacts(folder):
    """Every byte of a date but the lock and the log."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(job):
    return [json.loads(line) for line in (job.home / "job.log").read_text().splitlines()]


def test_a_job_is_done_once(write):
    job = Job(write(), DATE, echo=lambda line: None)
    assert job.run() == 0
    made = artifacts(job.folder)
    assert {"job.json", "summary.html", "buyer/report.html", "buyer/fills.csv", "sizes/runs.csv", "sizes/sweep.html"} <= set(made)
    assert Job(job.file, DATE, echo=lambda line: None).run() == 0
    assert artifacts(job.folder) == made
    events = [line["event"] for line in lines(job)]
    assert events.count("step done") == 2
    assert events.count("step done already") == 2
    assert all(line["job"] == "nightly" and line["date"] == "2026-01-05" for line in lines(job))
    assert Job(job.file, DATE, echo=lambda line: None).run(again=True) == 0
    assert artifacts(job.folder) == made


def test_a_step_whose_settings_changed_is_done_again(write):
    job = Job(write(), DATE, echo=lambda line: None)
    job.run()
    changed = Job(write(FILE.replace("seed = 5", "seed = 6")), DATE, echo=lambda line: None)
    changed.run()
    assert [line["step"] for line in lines(job) if line["event"] == "step done"] == ["buyer", "sizes", "buyer"]


def test_a_failed_step_says_why_and_is_tried_again(write):
    bad = FILE.replace("mine:Buyer", "mine:Breaker", 1).replace("retries = 0", "retries = 1")
    job = Job(write(bad), DATE, echo=lambda line: None)
    assert job.run() == 1
    said = json.loads((job.folder / "job.json").read_text())
    assert said["problems"] == ["buyer: RuntimeError: the strategy broke (mine.py line 15)"]
    assert said["steps"] == {"buyer": "failed", "sizes": "ok"}
    assert [line["attempt"] for line in lines(job) if line["event"] == "step failed"] == [1, 2]
    assert "No result: it failed" in (job.folder / "summary.html").read_text()
    assert Job(write(), DATE, echo=lambda line: None).run() == 0


def test_a_timeout_ends_a_step(write):
    slow = FILE.replace('out = "results"', 'out = "results"\ntimeout = "1ms"')
    job = Job(write(slow), DATE, echo=lambda line: None)
    assert job.run() == 1
    assert "took longer than 0.001 s and was stopped" in json.loads((job.folder / "job.json").read_text())["problems"][0]


def test_the_same_job_does_not_run_twice(write, capsys):
    job = Job(write(), DATE, echo=lambda line: None)
    job.home.mkdir(parents=True)
    with FileLock(job.home / ".lock"):
        with pytest.raises(JobRunning, match="is running already"):
            job.run()
        assert run_command_line(["job", "run", str(job.file), "--date", "2026-01-05"]) == 1
    assert "is running already" in capsys.readouterr().err


def cleared(folder):
    """Remove what a job left, but for its cache."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if "cache" not in path.parts:
            path.unlink() if path.is_file() else path.rmdir() if not any(path.iterdir()) else None


def test_killed_at_random_moments_it_ends_with_the_same_bytes(write, tmp_path):
    job = Job(write(), DATE, echo=lambda line: None)
    assert job.run() == 0
    whole = artifacts(job.folder)
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import tapebook; tapebook.main()"]
    words += ["job", "run", str(job.file), "--date", "2026-01-05"]
    cleared(job.out)
    began = time.monotonic()
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=600, check=False).returncode == 0
    lasted, chance, kills = time.monotonic() - began, random.Random(1), 0
    cleared(job.out)
    while kills < KILLS:
        running = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            assert running.wait(timeout=chance.uniform(0.1, 0.9) * lasted) == 0
            assert artifacts(job.folder) == whole  # what was done before the kills is kept, so some end before theirs
            cleared(job.out)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            kills += 1
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=600, check=False).returncode == 0
    assert artifacts(job.folder) == whole


def test_yesterday_stands_beside_today(write):
    Job(write(), DATE, echo=lambda line: None).run()
    job = Job(write(FILE.replace("seed = 5", "seed = 8")), DATE + datetime.timedelta(days=1), echo=lambda line: None)
    assert job.run() == 0
    page = (job.folder / "summary.html").read_text()
    assert "beside 2026-01-05" in page
    assert "Change" in page
    assert 'href="buyer/report.html"' in page


# ------------------------------------------------------------------ gates


def step(**figures):
    return {"figures": figures, "fills": "x"}


def day(folder, date, **steps):
    return Day(date, folder / date, steps)


@pytest.mark.parametrize(("gate", "now", "before", "holds"), [
    ({"figure": "sharpe", "fall": 0.5}, 1.0, 1.4, True), ({"figure": "sharpe", "fall": 0.5}, 1.0, 1.6, False),
    ({"figure": "sharpe", "fall": 0.5}, None, 1.6, False), ({"figure": "sharpe", "fall": 0.5}, 1.0, None, True),
    ({"figure": "sharpe", "least": 1}, 1.0, None, True), ({"figure": "sharpe", "least": 1}, 0.9, None, False),
    ({"figure": "sharpe", "most": 3}, 3.1, None, False), ({"figure": "sharpe", "most": 3}, 2.0, None, True),
])  # fmt: skip
def test_gates_on_figures(tmp_path, gate, now, before, holds):
    found = judge([Gate(**gate)], day(tmp_path, "b", one=step(sharpe=now)), day(tmp_path, "a", one=step(sharpe=before)), None)
    assert [one.holds for one in found] == [holds]


def test_fills_are_held_against_the_pinned_date(write):
    gated = FILE + '\n[[gates]]\nstep = "buyer"\nfills = "pinned"\n'
    first = Job(write(gated), DATE, echo=lambda line: None)
    first.run()
    first.pin()
    same = Job(write(gated), DATE + datetime.timedelta(days=1), echo=lambda line: None)
    assert same.run() == 0
    other = Job(write(gated.replace("seed = 5", "seed = 6")), DATE + datetime.timedelta(days=2), echo=lambda line: None)
    assert other.run() == 1
    problem = json.loads((other.folder / "job.json").read_text())["problems"][0]
    assert problem.startswith("buyer: the fills differ from those of 2026-01-05: fill 1, ")


# ------------------------------------------------------------------ whom it tells


@pytest.fixture
def hook():
    """A server that keeps what is posted to it; `refuse` is how often it says no first."""
    kept = []

    class Handler(http.server.BaseHTTPRequestHandler):
        refuse = 0

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.append((dict(self.headers), body))
            self.send_response(503 if len(kept) <= Handler.refuse else 204)
            self.end_headers()

        def log_message(self, *words):
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", kept, Handler
    server.shutdown()
    server.server_close()


FAILED = {"job": "nightly", "date": "2026-01-05", "outcome": "failed", "problems": ["buyer: broke"], "summary": "summary.html"}


def test_a_webhook_is_signed_and_sent_again(hook, monkeypatch):
    address, kept, handler = hook
    handler.refuse = 1
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    assert tell(Notify(webhook=address, secret_env="HOOK_SECRET"), FAILED, pause=0) == []
    assert len(kept) == 2
    headers, body = kept[-1]
    assert Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()}) == FAILED
    assert kept[0][0]["Webhook-Id"] == headers["Webhook-Id"]


def test_success_is_not_told_unless_asked(hook):
    address, kept, _ = hook
    assert tell(Notify(webhook=address), {**FAILED, "outcome": "ok"}) == []
    assert kept == []
    assert tell(Notify(webhook=address, when="always"), {**FAILED, "outcome": "ok"}) == []
    assert len(kept) == 1


def test_what_cannot_be_told_is_said(monkeypatch):
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    assert "HOOK_SECRET is not set" in tell(Notify(webhook="http://127.0.0.1:9/", secret_env="HOOK_SECRET"), FAILED)[0]
    assert tell(Notify(webhook="http://127.0.0.1:9/"), FAILED, pause=0)[0].startswith("webhook: ")
    assert tell(Notify(email=["a@example.com"], smtp="127.0.0.1:9"), FAILED, pause=0)[0].startswith("e-mail: ")


# ------------------------------------------------------------------ the file


@pytest.mark.parametrize(("old", "new", "words"), [
    ("retries = 0", "retries = 0\ntimeouts = 3", "line 5: unknown key 'timeouts'; did you mean timeout"),
    ("seed = 5", "seeds = 5", "line 10, key backtests.0.seeds: unknown key 'seeds'; did you mean seed"),
    ("mine:Buyer", "mine:Byer", "line 8, key backtests.0.strategy: strategy mine:Byer: mine has no strategy 'Byer'; did you mean Buyer"),
    ('name = "sizes"', 'name = "buyer"', "two steps are called 'buyer'"), ('name = "nightly"', 'name = "a/b"', "cannot name a folder"),
    ("seed = 5", 'seed = 5\n[[gates]]\nfigure = "sharp"', "did you mean sharpe"),
    ("seed = 5", 'seed = 5\n[[gates]]\nfigure = "sharpe"', "a figure goes with"),
    ("seed = 5", 'seed = 5\n[[gates]]\nstep = "byer"\nfills = "pinned"', "no step 'byer'; did you mean buyer"),
    ('grid = { size = "1..2" }', 'grid = { size = "1,,2" }', "has an empty value"),
])  # fmt: skip
def test_what_is_wrong_has_its_line(write, monkeypatch, tmp_path, old, new, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigurationError, JobError)) as told:
        read_job(write(FILE.replace(old, new, 1)), DATE)
    assert words in str(told.value)


def test_dates_in_texts():
    from backtest.jobs.settings import _dated

    assert _dated({"data": ["a_{date}.csv", "{date:%Y%m%d}"]}, DATE) == {"data": ["a_2026-01-05.csv", "20260105"]}


def test_the_commands(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write()
    assert run_command_line(["job", "check", str(path)]) == 0
    assert "2 steps (buyer, sizes), 0 gates" in " ".join(capsys.readouterr().out.split())
    assert run_command_line(["job", "run", str(path), "--date", "2026-01-05"]) == 0
    out, err = capsys.readouterr()
    assert out.strip().endswith("2026-01-05/summary.html")
    assert {json.loads(line)["level"] for line in err.splitlines()} == {"info"}
    assert run_command_line(["job", "pin", str(path), "--date", "2026-01-05"]) == 0
    assert run_command_line(["job", "pin", str(path), "--date", "2026-02-05"]) == 2
    assert run_command_line(["job", "run", str(path), "--date", "5 May"]) == 2
    assert run_command_line(["job", "run", "nothing.toml"]) == 2
    capsys.readouterr()
    assert run_command_line(["job", "list", "--out", "results", "--json"]) == 0
    assert [one["outcome"] for one in json.loads(capsys.readouterr().out)] == ["ok"]


# ------------------------------------------------------------------ schedulers

EXAMPLES = ROOT / "backtest" / "jobs" / "examples"


def test_the_example_job_is_right():
    assert [step.name for step in read_job(EXAMPLES / "nightly.toml", DATE).steps] == ["maker", "spreads"]


@pytest.mark.parametrize("words", [
    ["kubernetes-validate", "--strict", "kubernetes-cronjob.yaml"],
    ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", "github-workflow.yml"],
])  # fmt: skip
def test_schedulers_accept_the_examples(words):
    tool = Path(sys.executable).with_name(words[0])
    if not tool.exists():
        pytest.skip(f"needs {words[0]}, of the group test")
    done = subprocess.run([tool, *words[1:]], cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_systemd_accepts_the_examples(tmp_path):
    tool = "/usr/bin/systemd-analyze"
    if not Path(tool).exists():
        pytest.skip("needs systemd-analyze")
    for name in ("tapebook-nightly.service", "tapebook-nightly.timer"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text().replace("/srv/tapebook/.venv/bin/tapebook", "/bin/true"))
    done = subprocess.run([tool, "verify", "--man=no", tmp_path / "tapebook-nightly.timer"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_cron_lines_have_five_fields_and_a_command():
    found = [line for line in (EXAMPLES / "crontab").read_text().splitlines() if line and line[0] not in "#" and "=" not in line.split()[0]]
    assert len(found) == 2
    for line in found:
        assert len(line.split(None, 5)[:5]) == 5
        assert "tapebook job run nightly.toml" in line
        assert "%" not in line  # which cron takes for the end of the line
