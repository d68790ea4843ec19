"""The house: its folders, short modules and functions, and nothing left for later in the text."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "data", "backtest", "live", "dashboards")
FOLDERS = {*PACKAGES, "notebooks", "tests"}
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 300, 70
LEFT_FOR_LATER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
TEXTS = {".py", ".md", ".toml", ".ipynb", ".css", ".js", ".html", ".yml", ".yaml", ""}


def modules():
    return [ROOT / "tapebook.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git repository here: " + done.stderr.strip())
    return [Path(name) for name in done.stdout.split("\0") if name]


def test_no_folder_beside_the_rooms():
    assert {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")} <= FOLDERS


def test_every_package_is_typed():
    for package in PACKAGES:
        assert (ROOT / package / "__init__.py").exists()
        assert (ROOT / package / "py.typed").exists()


def test_modules_are_short():
    assert {str(p.relative_to(ROOT)): n for p in modules() if (n := p.read_text().count("\n")) > MODULE_LINES_MAX} == {}


def test_functions_are_short():
    long = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno:
                lines = node.end_lineno - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_nothing_is_left_for_later():
    found = []
    for path in tracked():
        if path.suffix in TEXTS and (ROOT / path).is_file():
            for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1):
                found += [f"{path}:{number}: {line.strip()}"] if LEFT_FOR_LATER.search(line) else []
    assert found == []
