"""Builds the documentation as static pages: `uv run --group docs --all-extras python notebooks/docs/build.py [OUT]`.

Without OUT they go where `tapebook docs` and the wheel look for them. A warning is an error. The same sources give the same bytes.

Reference pages come out of the code, lessons out of the notebooks, the rest is what the repository says already; the how-tos beside this
module are the only pages written for it. Search works off line, from the folder as it lies.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
COPIED = {
    "architecture": "ARCHITECTURE.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "security": "live/gateway/SECURITY.md",
    "benchmarks": "tests/benchmarks/README.md",
}
FIDELITY = ("What is exact, and what is modelled", "How far can a fill be believed?")
"""Chapters of the README that make the page on fidelity."""
_METRICS = """A run's summary, its report and `tapebook explain` have their words from the same table as this page. A run that meets the
condition of a caution shows it above its figures, in the report, in `tapebook runs show` and in `Result.cautions`; one that it does not
show says nothing against a figure. None of them says that the future will be like the recorded past."""


def write_pages(folder: Path) -> list[str]:
    """The sources of every page, into `folder`; returns their names in the order of reading."""
    for page in HERE.glob("*.md"):
        shutil.copy(page, folder / page.name)
    howtos = sorted(page.stem for page in HERE.glob("howto_*.md"))
    lessons = [_lesson(path, folder) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    for name, path in COPIED.items():
        (folder / f"{name}.md").write_text(_links((ROOT / path).read_text(encoding="utf-8")), encoding="utf-8")
    made: dict[str, Callable[[], str]] = {
        "fidelity": _fidelity,
        "metrics": _metrics,
        "terms": _terms,
        "commands": _commands,
        "topics": _topics,
        "rest": _rest,
        "views": _views,
    }
    for name, text in made.items():
        (folder / f"{name}.md").write_text(text(), encoding="utf-8")
    (folder / "api.rst").write_text(_api(), encoding="utf-8")
    groups = {
        "How to": howtos,
        "Lessons": lessons,
        "Reference": ["api", *made, "peers"],
        "The project": [*COPIED, "attacks"],
    }
    (folder / "index.md").write_text(_index(groups), encoding="utf-8")
    return ["index", *(name for names in groups.values() for name in names)]


def _links(text: str) -> str:
    """Links to files of the repository that are pages here, and pictures."""
    for name, path in COPIED.items():
        text = text.replace(f"({path})", f"({name}.md)")
    return re.sub(r"\]\((?!http|#)([\w./-]+/)([\w.-]+\.png)\)", r"](images/\2)", text)


def _index(groups: dict[str, list[str]]) -> str:
    trees = "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n"
        for caption, names in groups.items()
    )
    return _links((ROOT / "README.md").read_text(encoding="utf-8")) + trees


def _lesson(path: Path, folder: Path) -> str:
    """A notebook as a page: its text and its code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [
        "".join(cell["source"]) if cell["cell_type"] == "markdown" else "```python\n" + "".join(cell["source"]) + "\n```" for cell in cells
    ]
    name = f"lesson_{path.stem}"
    (folder / f"{name}.md").write_text(_links("\n\n".join(parts)) + "\n", encoding="utf-8")
    return name


def _fidelity() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chapters = {chapter.split("\n", 1)[0]: chapter for chapter in text.split("\n## ")}
    return "# Fidelity\n\n" + "\n\n".join(f"## {chapters[title]}" for title in FIDELITY)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(map(_cell, row)) + " |" for row in rows)]) + "\n"


def _metrics() -> str:
    """Every figure with its formula, its source and its cautions."""
    from backtest.analysis.definitions import CAUTIONS, METRICS, doubts

    figures = (
        (
            f"`{one.name}`",
            one.label,
            one.unit,
            f"{one.definition} {one.source}".strip(),
            ", ".join(f"[{code}](#{code})" for code in doubts(one.name)),
        )
        for one in METRICS
    )
    parts = ["# Metrics and cautions", _METRICS, "## When not to trust a figure"]
    for code, meant in CAUTIONS.items():
        touched = f" Touches {', '.join(f'`{name}`' for name in meant.figures)}." if meant.figures else ""
        parts.append(f"({code})=\n### {code}\n\n{meant.when} **{meant.mend}**{touched}")
    return "\n\n".join([*parts, "## Figures", _table(("name", "figure", "unit", "formula and source", "doubtful under"), figures)])


def _terms() -> str:
    """What `tapebook explain` says, of every term."""
    from backtest.cli.explain_pages import further
    from engine.messages.dictionary import entries

    groups: dict[str, list[Any]] = {}
    for entry in [*entries(), *further()]:
        groups.setdefault(entry.group, []).append(entry)
    parts = ["# Terms\n\nThe same as `tapebook explain TERM`.\n"]
    for group, found in groups.items():
        parts.append(f"## {group[:1].upper()}{group[1:]}\n")
        if any({**one.fields, **one.facts} for one in found):
            parts += [_term(one) for one in found]
        else:
            parts.append(_table(("term", "meaning"), ((f"`{one.word}`", one.says) for one in found)))
    return "\n".join(parts)


def _term(one: Any) -> str:
    """A term with what it is made of, as a list."""
    about = "".join(f"    - `{name}`: {' '.join(says.split())}\n" for name, says in {**one.fields, **one.facts}.items())
    return f"- **{one.word}**: {' '.join(one.says.split())}\n{about}".replace("<", "&lt;")


def _commands() -> str:
    """Every command with its options, as the command line knows them."""
    import typer

    from tapebook import command_line

    parts = ["# Commands\n"]
    for name, command in _leaves(typer.main.get_command(command_line())):
        says = re.sub(r"\n\s*", "\n", command.help or "").replace("\nExample:", "\n\nExample:")
        rows = ((f"`{', '.join(one.opts)}`", str(getattr(one, "help", "") or "")) for one in command.params)
        parts.append(f"## tapebook {name}\n\n{says}\n\n" + _table(("argument or option", "meaning"), rows))
    return "\n".join(parts)


def _leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name.strip(), command
    else:
        if name and command.invoke_without_command:
            yield name.strip(), command
        for word, one in inner.items():
            yield from _leaves(one, f"{name} {word}")


def _topics() -> str:
    from live.broker.topics import as_markdown

    return "# Topics\n\nValues are UTF-8; prices, quantities and money are decimal strings, times ISO 8601 UTC.\n\n" + as_markdown()


def _rest() -> str:
    """Routes with their roles; the schemas are in openapi.json beside the pages."""
    from live.gateway.documents import openapi
    from live.gateway.routes import ROUTES
    from live.gateway.security.principals import Role

    roles = [role.value for role in Role]
    rows = ((f"`{one.method} {one.path}`", one.says, ", ".join(r for r in roles if Role(r) in one.roles) or "anyone") for one in ROUTES)
    schema = json.dumps(openapi(), indent=1, default=str)
    head = "# REST\n\nA running gateway describes itself at `/docs` and `/v1/openapi.json`.\n\n"
    return head + _table(("route", "what it does", "roles"), rows) + f"\n## OpenAPI\n\n```json\n{schema}\n```\n"


def _views() -> str:
    from data.views.comments import ENDINGS, TABLES, VIEWS

    tables = ((f"`{name}`", says) for name, says in TABLES.items())
    views = ((f"`{name}`", says) for name, says in VIEWS.items())
    head = f'# Tables and views of a log\n\nAsk them with `tapebook log sql RUN "SELECT …"`. {ENDINGS}\n\n'
    return head + _table(("view", "meaning"), views) + "\n" + _table(("table", "meaning"), tables)


def _api() -> str:
    import tapebook as tb

    parts = ["Python\n======\n\nEverything below is also ``tapebook.NAME`` (``import tapebook as tb``).\n"]
    for name in tb.__all__:
        one = getattr(tb, name)
        where = f"{getattr(one, '__module__', 'tapebook')}.{name}"
        kind = "autoclass" if isinstance(one, type) else "autofunction" if callable(one) else ""
        if kind:
            parts.append(f"{name}\n{'-' * len(name)}\n\n.. {kind}:: {where}\n")
    return "\n".join(parts)


def build(out: Path) -> int:
    """The pages under `out`, in the place of those of an earlier build; returns Sphinx's exit code, 1 where it warned."""
    from sphinx.cmd.build import build_main

    if out.exists() and not (out / "objects.inv").exists():
        raise SystemExit(f"{out}: is there already, and no documentation; name another folder")
    with tempfile.TemporaryDirectory() as made:
        folder, site = Path(made) / "pages", Path(made) / "site"
        folder.mkdir()
        write_pages(folder)
        shutil.copytree(ROOT / "notebooks" / "images", folder / "images")
        code = int(build_main(["-q", "-W", "-b", "html", "-d", f"{made}/doctrees", "-c", str(HERE), str(folder), str(site)]))
        if not code:
            (site / ".buildinfo").unlink()
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(site, out)
        return code


if __name__ == "__main__":
    raise SystemExit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dashboards" / "site"))
