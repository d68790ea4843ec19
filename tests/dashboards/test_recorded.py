"""Pages over what has ended, served by `tapebook dash`: each page of a recorded session and of a backtest lives, for everybody, at both
widths; and a log that this version cannot read is one clear line."""

import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("panel")

import tapebook as tb
from dashboards.pages.place import present
from tests.support.axe import axe_script, serious
from tests.support.pages import Visit

PATHS = [place.path for place in present()]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A backtest, and a session that traded and ended; both under one folder."""
    from tests.dashboards.conftest import CHANGES, RunningPages

    out = tmp_path_factory.mktemp("recorded")
    run = tb.Backtest(tb.synthetic_flow(seed=3, messages=20_000), tb.MarketMaker(spread=2)).run(out).meta["run_id"]
    made = RunningPages(out, CHANGES).start()
    for k in range(3):
        made.trade(f"15{k}.00", 2 + k)
    made.stop()
    return out, run, made.session.folder.path


def dash(out, *words):
    """`tapebook dash` in a process of its own: it, and the address that signs in."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tapebook", "dash", *words, "--out", str(out), "--for", "300"], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        found = re.search(r"(http://\S+)(/enter\?key=\S+)", line)
        if found:
            return process, found[1], found[2]
    raise AssertionError(f"it ended with {process.wait()}")


@pytest.mark.parametrize("kind", ["run", "log"])
def test_each_page_of_what_has_ended(browser, recorded, request, kind):
    out, run, folder = recorded
    process, url, enter = dash(out, "--run", run) if kind == "run" else dash(out, "--log", str(folder))
    try:
        page = Visit(browser, url)
        page.go(enter, ready="RECORDED")
        for path in PATHS:
            page.go(path, ready="RECORDED")
            page.page.wait_for_timeout(500)
            assert serious(page.page, axe_script(request.config.cache)) == [], path
            page.page.set_viewport_size({"width": 390, "height": 844})
            wide = page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1], path
            page.page.set_viewport_size({"width": 1440, "height": 900})
            page.clean()
        page.close()
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_a_log_of_another_layout_is_one_clear_line(recorded, tmp_path):
    import duckdb

    copied = tmp_path / "desk"
    shutil.copytree(recorded[2], copied)
    with duckdb.connect(copied / "log.duckdb") as log:
        log.execute("UPDATE meta SET value = '99' WHERE key = 'layout'")
    words = ["dash", "--log", str(copied), "--for", "1", "--out", str(tmp_path)]  # a process: Playwright's loop runs in this thread
    done = subprocess.run([sys.executable, "-m", "tapebook", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if "leaked" not in line and "nanobind" not in line]
    assert len(told) == 1
    assert "has layout 99" in told[0]
    assert "run the session again" in told[0]
