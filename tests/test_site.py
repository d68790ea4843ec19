"""The documentation site: its pages come out of the code, every code block of the how-tos runs, links lead somewhere."""

import inspect
import json
import re
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest

import dashboards.cli
from backtest.analysis import cautions
from backtest.analysis.definitions import CAUTIONS, METRICS
from data.log.event_log import EventLog
from engine.messages.vocabulary import Kind, Reason
from live.broker.topics import TABLE
from live.configuration.session import SessionSettings
from live.gateway.routes import ROUTES
from tapebook import run_command_line
from tests.tools.attacks import ATTACKS
from tests.tools.tampering import tampered

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "notebooks" / "docs"))
import build  # noqa: E402

HOWTOS = sorted((ROOT / "notebooks" / "docs").glob("howto_*.md"))


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The sources of the pages by name."""
    folder = tmp_path_factory.mktemp("pages")
    names = build.write_pages(folder)
    return {name: next(folder.glob(f"{name}.*")).read_text(encoding="utf-8") for name in names}


@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_every_code_block_of_a_howto_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [(language, text) for language in ("python", "toml", "json", "sql") for text in blocks(page, language)]
    assert found
    scope = {"__name__": "howto"}
    for language, text in found:
        if language == "python":
            exec(compile(text, page.name, "exec"), scope)
        elif language == "sql":
            with duckdb.connect(str(scope["result"].folder / "log.duckdb"), read_only=True) as log:
                assert log.execute(text).fetchall()
        elif language == "toml":
            SessionSettings(**tomllib.loads(text))
        else:
            assert json.loads(text)["kind"] == "NEW"


def test_there_are_five_queries():
    assert len(blocks(HOWTOS[4], "sql")) == 5


def test_what_a_log_holds_is_said_in_it(tmp_path):
    EventLog(tmp_path / "log.duckdb").close()
    with duckdb.connect(str(tmp_path / "log.duckdb"), read_only=True) as log:
        for kind in ("tables", "views"):
            assert log.execute(f"SELECT * FROM duckdb_{kind}() WHERE comment IS NULL AND NOT internal").fetchall() == []
        assert log.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'facts' AND comment IS NULL").fetchall() == [
            ("session",)
        ]


def test_the_reference_is_whole(pages):
    terms, metrics = pages["terms"], pages["metrics"]
    assert [
        one.name for one in (*Kind, *Reason) if f"`{one.name}`" not in terms and f"**{one.name}**" not in terms and int(one) < 100
    ] == []
    assert [one.name for one in METRICS if f"`{one.name}`" not in terms or f"| `{one.name}` | {one.label} |" not in metrics] == []
    assert [code for code, meant in CAUTIONS.items() if f"### {code}\n\n{meant.when}" not in metrics] == []
    assert [one.name for one in TABLE if f"`{one.name}`" not in pages["topics"]] == []
    assert [one.path for one in ROUTES if one.path not in pages["rest"]] == []


def test_every_caution_that_is_given_is_explained():
    given = set(re.findall(r'Caution\(\s*"(\w+)"', inspect.getsource(cautions))) | set(cautions.DISTURBED)
    assert given == set(CAUTIONS)
    names = {one.name for one in METRICS}
    assert [code for code, meant in CAUTIONS.items() if not set(meant.figures) <= names] == []


def test_the_attacks_of_the_page_are_those_of_the_tool(pages):
    rows = [line.split(" | ") for line in pages["attacks"].splitlines() if line.startswith("| ")][1:]
    assert rows
    assert {row[0][2:] for row in rows} <= {name for _, _, name in ATTACKS.values()}
    for row in rows:
        held, tried = row[1].replace(",", "").split(" of ")
        assert 0 < int(held) == int(tried)
        assert row[5].startswith("`python -m tests.tools.attacks ")


def test_tampering_is_found():
    assert [said for said, found in tampered(4, seed=5) if not found] == []


def test_docs_says_where_the_pages_are(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(dashboards.cli, "SITE", tmp_path)
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run_command_line(["docs"]) == 2
    assert "notebooks/docs/build.py" in capsys.readouterr().err
    (tmp_path / "index.html").touch()
    assert run_command_line(["docs"]) == 0
    assert capsys.readouterr().out.replace("\n", "") == (tmp_path / "index.html").as_uri()
    assert (run_command_line(["docs", "--path", "--open"]), opened) == (0, [(tmp_path / "index.html").as_uri()])
    assert capsys.readouterr().out.replace("\n", "") == str(tmp_path)


def test_links_lead_to_pages(pages):
    known = {f"{name}.md" for name in pages}
    for name, text in pages.items():
        links = {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))}
        lost = {link for link in links if link not in known and not (ROOT / "notebooks" / link).exists()}
        assert lost == set(), name
