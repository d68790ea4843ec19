"""Sphinx's settings; `build.py` calls it on the pages that it wrote."""

project = "Tapebook"
author = "The Tapebook developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Tapebook"
html_show_sourcelink = False
html_copy_source = False
html_static_path: list[str] = []
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = True
suppress_warnings = ["myst.header", "myst.xref_missing"]
