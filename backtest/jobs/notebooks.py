"""A notebook as a report: run with parameters, shown as one HTML file that fetches nothing."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import TapebookError

_FETCHED = re.compile(r"<(?:script|link|img)\b[^>]*(?:src|href)\s*=\s*[\"']?(?:https?:)?//[^>]*>(?:\s*</script>)?", re.IGNORECASE)
_MATHS = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", re.DOTALL)


class NotebookError(TapebookError, ValueError):
    """A notebook that cannot be run as asked, or that raised; the message says where, and the mend."""


def run_notebook(notebook: Path, parameters: Mapping[str, Any], html: Path) -> Path:
    """Run a notebook with `parameters` in place of those of its cell tagged "parameters", and write what it shows as HTML, whole or not at
    all. It runs in its own folder. Code is left out; nothing in the page is fetched. Raises NotebookError.

    Example: `run_notebook(Path("daily.ipynb"), {"date": "2026-01-05"}, Path("daily.html"))`
    """
    try:
        import papermill
        from papermill.exceptions import PapermillException
    except ModuleNotFoundError as error:
        raise NotebookError(f"a notebook needs {error.name}, which is not installed; install the extra lab: uv sync --extra lab") from None
    if not notebook.is_file():
        raise NotebookError(f"{notebook}: no such notebook")
    html.parent.mkdir(parents=True, exist_ok=True)
    made = html.with_name(f".{html.stem}.ipynb")
    try:
        _check(notebook, parameters)
        how: dict[str, Any] = {"kernel_name": "python3", "language": "python", "progress_bar": False, "cwd": str(notebook.parent)}
        papermill.execute_notebook(str(notebook), str(made), dict(parameters), **how)
        temporary = html.with_name(f".{html.name}")
        temporary.write_text(page_of(made), encoding="utf-8")
        temporary.replace(html)
    except PapermillException as error:
        raise NotebookError(f"{notebook}: {_said(error)}") from None
    finally:
        made.unlink(missing_ok=True)
    return html


def _check(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Raises NotebookError for a file that is none, or parameters without a cell that declares them."""
    import nbformat

    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except Exception as error:  # nbformat raises what json and jsonschema raise, and its own
        raise NotebookError(f"{notebook}: is not a notebook ({str(error).splitlines()[0]})") from None
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    declared = set(re.findall(r"^(\w+)\s*(?::[^=\n]+)?=", "\n".join(cell.source for cell in tagged), re.MULTILINE))
    for name in parameters:
        if name not in declared:
            there = f"it has {', '.join(sorted(declared))}" if declared else 'tag a cell "parameters" that sets their defaults'
            raise NotebookError(f"{notebook}: has no parameter {name!r}; {there}")


def _said(error: Any) -> str:
    """What a cell raised, in one line."""
    if hasattr(error, "ename"):
        return f"cell {error.exec_count} raised {error.ename}: {str(error.evalue).splitlines()[0] if error.evalue else ''}".rstrip()
    return str(error).strip().splitlines()[0]


def page_of(notebook: Path) -> str:
    """An executed notebook as HTML, without code, with its pictures inside and nothing that is fetched."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True, embed_images=True)
    exporter.mathjax_url = exporter.require_js_url = exporter.jquery_url = ""
    page, _ = exporter.from_filename(str(notebook))
    return str(_FETCHED.sub("", _MATHS.sub("", page)))


def content_of(notebook: Path) -> str:
    """SHA-256 of a notebook: a report whose notebook changed is made again; "" where there is none."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest() if notebook.is_file() else ""
