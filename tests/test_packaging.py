"""The wheel: what is in it, and that it is ours that is imported beside a folder `data/` and a file `backtest.py`."""

import os
import re
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path
from shutil import which

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "data", "backtest", "live", "dashboards")
OFFLINE = re.compile(
    r"(?i)error sending request|failed to fetch|dns error|could not connect|network (?:is )?(?:connectivity|unreachable|disabled)"
)


def run(*words, cwd=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built as for a release."""
    if which("uv") is None:
        pytest.skip("uv is not installed")
    out = tmp_path_factory.mktemp("wheel")
    done = run("uv", "build", "--wheel", "--out-dir", str(out), str(ROOT))
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip("offline: the build backend cannot be fetched")
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of a fresh environment with the wheel in it; what the wheel depends on is lent by the environment of the tests."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    executable = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = run("uv", "pip", "install", "--no-deps", "--offline", "--python", str(executable), str(wheel))
    assert done.returncode == 0, done.stderr
    paths = {key: str(home) for key in ("base", "platbase")}
    lent = Path(sysconfig.get_path("purelib", vars=paths)) / "lent.pth"
    lent.write_text(sysconfig.get_path("purelib") + "\n")  # .pth files there do not count: the editable install stays out
    return executable


@pytest.fixture
def desk(tmp_path):
    """A quant's folder, with names of ours."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.csv").write_text("Date,Open,High,Low,Close\n2024-05-31,1,1,1,1\n")
    (tmp_path / "backtest.py").write_text("raise RuntimeError('the quant is in the way')\n")
    return tmp_path


def test_what_is_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*PACKAGES, "tapebook.py"}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    for package in PACKAGES:
        inside = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert inside == {name for name in names if name.startswith(f"{package}/")}


def test_a_folder_named_data_is_not_in_the_way(python, desk):
    code = "import data, engine, live, dashboards, tapebook as t; print(*(m.__file__ for m in (data, engine, live, dashboards, t)))"
    done = run(str(python), "-c", code, cwd=desk)
    assert done.returncode == 0, done.stderr
    assert all(Path(name).is_relative_to(python.parents[1]) for name in done.stdout.split())


def test_what_the_wheel_gives_works_there(python, desk):
    code = (
        "from data import read_bars, synthetic_flow; from engine import Exchange; feed = synthetic_flow(messages=300); "
        "Exchange(feed.instruments).run(feed.commands()); print(len(read_bars('data/prices.csv')))"
    )
    done = run(str(python), "-c", code, cwd=desk)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"]


def test_our_backtest_is_imported_where_the_folder_does_not_come_first(python, desk):
    """As the console script does, whose own folder comes first."""
    done = run(str(python), "-P", "-c", "import backtest; print(backtest.__file__)", cwd=desk)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(python.parents[1])
