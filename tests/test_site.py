"""The documentation site: its pages come out of the code, every code block of the how-tos runs, links lead somewhere."""

import json
import re
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest

from backtest.analysis.definitions import METRICS
from data.log.event_log import EventLog
from engine.messages.vocabulary import Kind, Reason
from live.broker.topics import TABLE
from live.configuration.session import SessionSettings
from live.gateway.routes import ROUTES

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
    terms = pages["terms"]
    assert [one.name for one in (*Kind, *Reason) if f"`{one.name}`" not in terms and int(one) < 100] == []
    assert [one.name for one in METRICS if f"`{one.name}`" not in terms] == []
    assert [one.name for one in TABLE if f"`{one.name}`" not in pages["topics"]] == []
    assert [one.path for one in ROUTES if one.path not in pages["rest"]] == []


def test_links_lead_to_pages(pages):
    known = {f"{name}.md" for name in pages}
    for name, text in pages.items():
        links = {link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))}
        lost = {link for link in links if link not in known and not (ROOT / "notebooks" / link).exists()}
        assert lost == set(), name
