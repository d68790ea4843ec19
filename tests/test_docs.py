"""What the documents say holds: examples run, commands and their options exist, links and names lead somewhere."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import typer

import tapebook as tb
from backtest.cli.settings import settings
from engine.state.arrays import COUNTERS
from engine.strategy.strategy import Strategy
from tapebook import command_line, run_command_line
from tests.backtest.test_cli import leaves

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"]
AMAZON = ROOT.parent / "shared" / "data" / "lobster" / "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
TYPED = ("pip install uv && uv run tapebook backtest", "pip install uv && uv run --group test --all-extras pytest")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.M | re.S)


def said_to_quants():
    """Texts of the notebooks."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        yield "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "markdown")


def everything():
    return "\n".join([*map(text, DOCUMENTS), *said_to_quants()])


# ------------------------------------------------------------------ examples


@pytest.fixture
def readme(tmp_path, monkeypatch):
    """The names that README's Python blocks make, run in order in an empty folder."""
    monkeypatch.chdir(tmp_path)
    scope = {}
    for block in blocks("README.md", "python"):
        exec(compile(block, "README.md", "exec"), scope)
    return scope


def test_the_examples_of_the_readme_run(readme, tmp_path, capsys):
    result = readme["result"]
    assert result.summary["fills"] > 0
    assert (tmp_path / result.folder / "report.html").exists()


def test_the_strategy_of_the_readme_is_ten_lines():
    (strategy,) = re.findall(r"^class Maker.*?(?=\n\n\n)", blocks("README.md", "python")[0], re.M | re.S)
    assert len([line for line in strategy.splitlines() if line.strip()]) <= 10


def test_the_real_day_of_the_readme(readme, tmp_path):
    if not AMAZON.exists():
        pytest.skip(f"{AMAZON.name} not present")
    (tmp_path / AMAZON.name).symlink_to(AMAZON)
    result = readme["amazon"]()
    assert result.summary["fills"] > 0
    assert result.summary["fees"] < 0, "a rebate"


def test_the_job_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (strategy,) = re.findall(r"^import tapebook.*?(?=\n\n\nresult)", blocks("README.md", "python")[0], re.M | re.S)
    job, _ = blocks("README.md", "toml")
    (tmp_path / "mine.py").write_text(strategy)
    (tmp_path / "nightly.toml").write_text(job)
    said = settings(tmp_path / "nightly.toml", {})
    sys.modules.pop("mine")
    assert set(tomllib.loads(job)) <= said.model_fields_set
    assert said.set == {"edge": 3}


def test_the_session_of_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (strategy,) = re.findall(r"^import tapebook.*?(?=\n\n\nresult)", blocks("README.md", "python")[0], re.M | re.S)
    _, session = blocks("README.md", "toml")
    Path("mine.py").write_text(strategy)
    Path("desk.toml").write_text(session)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert run_command_line(["live", "check", "desk.toml"]) == 0


# ------------------------------------------------------------------ commands


COMMANDS = dict(leaves(typer.main.get_command(command_line())))


def commands_said():
    """(line, words after `tapebook`) of every command line in code, in a block or within a sentence."""
    for line in re.findall(r"^ {4}(?!\s)(.*)$|`([^`\n]+)`", everything(), re.M):
        found = re.search(r"(?:^|uv run (?:--\S+ \S+ )*|&& )tapebook ([a-z].*)", line[0] or line[1])
        if found and not found[1].startswith("as "):
            yield line[0] or line[1], found[1].split("#")[0].split()


def test_every_command_that_is_named_exists():
    said = list(commands_said())
    assert len(said) > 10
    for line, words in said:
        name = next((" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in COMMANDS), None)
        name = name or ("live run" if words[0] == "live" else None)
        groups = {known.split()[0] for known in COMMANDS}
        assert name or words[0] in groups, line
        known = {option for p in COMMANDS[name].params for option in p.opts} | {"--help"} if name else {"--help"}
        assert {word for word in words if word.startswith("--")} - known <= ({"--no-browser"} if name == "lab" else set()), line


def test_the_table_of_commands_is_whole():
    assert sorted(re.findall(r"^\| `tapebook ([a-z -]+)` \|", text("README.md"), re.M)) == sorted(COMMANDS)


def test_the_first_two_commands_stand_as_they_are_typed():
    lines = [line.strip() for line in text("README.md").splitlines()]
    assert [line for line in lines if line.startswith("pip install uv")] == list(TYPED)


def test_groups_and_extras_that_are_named_exist():
    assert set(re.findall(r"--group (\S+)", everything())) <= set(PROJECT["dependency-groups"])
    assert set(re.findall(r"--extra (\S+)", everything())) <= set(PROJECT["project"]["optional-dependencies"])


# ------------------------------------------------------------------ names


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text(name)) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_and_names_in_code_exist(name):
    packages = ("engine", "data", "backtest", "live", "dashboards")
    files = [path for package in packages for path in (ROOT / package).rglob("*") if path.suffix in ("", ".py", ".toml", ".md", ".mjs")]
    sources = "\n".join(path.name if path.is_dir() else path.read_text(encoding="utf-8") for path in files)
    words = set(re.findall(r"`([\w./*]+)`", text(name)))
    places = {word for word in words if "/" in word and word.split("/")[0] in {"engine", "data", "backtest", "live", "tests", "notebooks"}}
    assert [place for place in places if not (ROOT / place).exists() and not list(ROOT.glob(f"{place}*"))] == []
    names = {word for word in words if re.fullmatch(r"[a-z_]+", word)}
    assert [word for word in names if not re.search(rf"\b{word}\b", sources) and not (ROOT / word).exists()] == []
    assert [word for word in words if word.startswith("tb.") and not hasattr(tb, word[3:])] == []


def test_what_the_readme_lists_is_whole():
    counted = re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| (`[a-z`, ]+`) \| [a-z]", text("README.md"), re.M)))
    assert sorted(counted) == sorted(COUNTERS)
    methods = {name for name in vars(Strategy) if name.startswith("on_") or name in ("start", "stop")}
    assert methods <= set(re.findall(r"`(\w+)`", text("README.md")))


def test_the_version_is_the_newest_of_the_changelog():
    assert re.findall(r"^## (\S+)", text("CHANGELOG.md"), re.M)[0] == PROJECT["project"]["version"]


def test_the_architecture_is_short_and_names_every_room():
    assert len(text("ARCHITECTURE.md").splitlines()) < 250
    for room in ("engine", "data", "backtest", "live", "dashboards", "notebooks", "tests"):
        assert room in text("ARCHITECTURE.md")
