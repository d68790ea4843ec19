"""Sphinx's settings; `build.py` calls it on the pages that it wrote."""

import re
from typing import Any

project = "Tapebook"
author = "The Tapebook developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Tapebook"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = True
suppress_warnings = ["myst.header", "myst.xref_missing"]
default_role = "code"


def end_sections(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What our docstrings say behind their parameters is text, which napoleon would take for more parameters."""
    last = max((number for number, line in enumerate(lines) if line and not line.strip("-")), default=len(lines))
    for number in range(last + 2, len(lines)):
        if not lines[number - 1] and re.match(r"\S", lines[number]) and not re.match(r"[\w*, ]+ : ", lines[number]):
            lines[number:number] = ["Notes", "-----"]
            return


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", end_sections, priority=100)
