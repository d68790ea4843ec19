"""Notebooks as reports of a job: parameters, one page that fetches nothing, errors by cell, and done once."""

import datetime
import re

import nbformat
import pytest

from backtest.jobs.job import Job
from backtest.jobs.notebooks import NotebookError, run_notebook
from backtest.jobs.settings import read_job
from data.configuration import ConfigurationError

DATE = datetime.date(2026, 1, 5)
JOB = """
name = "reports"
retries = 0

[[notebooks]]
name = "daily"
notebook = "daily.ipynb"
set = { day = "{date}", size = 3 }
"""


def notebook(path, *sources, tags=("parameters",)):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = list(tags)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def daily(path):
    shown = "from IPython.display import HTML\nHTML(f'<b>{day} size {size + 1}</b><svg></svg>')"
    return notebook(path, 'day = "never"\nsize: int = 1', shown)


def test_a_job_makes_a_page_by_its_date(tmp_path):
    daily(tmp_path / "daily.ipynb")
    file = tmp_path / "job.toml"
    file.write_text(JOB)
    job = Job(file, DATE, echo=lambda line: None)
    assert job.run() == 0, (job.home / "job.log").read_text()
    page = job.folder / "daily" / "report.html"
    text = page.read_text()
    assert "<b>2026-01-05 size 4</b>" in text
    assert not re.search(r"<(script|link|img)[^>]*(src|href)\s*=\s*.?(https?:)?//", text), "nothing is fetched"
    assert "import HTML" not in text, "code is left out"
    assert 'href="daily/report.html"' in (job.folder / "summary.html").read_text()
    before = page.stat().st_mtime_ns
    assert Job(file, DATE, echo=lambda line: None).run() == 0
    assert page.stat().st_mtime_ns == before, "what is done is not done again"
    assert sorted(path.name for path in page.parent.iterdir()) == ["report.html", "step.json"]


def test_what_is_wrong_is_said_in_a_line(tmp_path):
    book = daily(tmp_path / "daily.ipynb")
    with pytest.raises(NotebookError, match=r"daily.ipynb: has no parameter 'dya'; it has day, size"):
        run_notebook(book, {"dya": 1}, tmp_path / "a.html")
    with pytest.raises(NotebookError, match="no such notebook"):
        run_notebook(tmp_path / "none.ipynb", {}, tmp_path / "a.html")
    untagged = notebook(tmp_path / "plain.ipynb", "x = 1", tags=())
    with pytest.raises(NotebookError, match='tag a cell "parameters" that sets their defaults'):
        run_notebook(untagged, {"x": 2}, tmp_path / "a.html")
    broken = notebook(tmp_path / "broken.ipynb", "x = 1", "raise ValueError(f'no day {x}')")
    with pytest.raises(NotebookError, match=r"broken.ipynb: cell \d raised ValueError: no day 7"):
        run_notebook(broken, {"x": 7}, tmp_path / "a.html")
    (tmp_path / "text.ipynb").write_text("no json")
    with pytest.raises(NotebookError, match="is not a notebook"):
        run_notebook(tmp_path / "text.ipynb", {}, tmp_path / "a.html")
    assert not list(tmp_path.glob("*.html"))
    assert not list(tmp_path.glob(".*")), "nothing is left behind"
    file = tmp_path / "job.toml"
    file.write_text(JOB.replace("notebook =", "notbook ="))
    with pytest.raises(ConfigurationError, match="notbook"):
        read_job(file, DATE)
