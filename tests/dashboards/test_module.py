"""The logic of the ES module under Node, and what is vendored."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboards.vendoring import NOTICE, PACKAGES, VENDOR

HERE = Path(__file__).parent


def test_the_logic_of_the_module():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node found: install Debian's package nodejs to run the module's own tests")
    done = subprocess.run([node, "--test", str(HERE / "pages.test.mjs")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_can_be_parsed():
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node found: install Debian's package nodejs")
    for path in sorted((VENDOR.parent / "js").rglob("*.mjs")):
        done = subprocess.run([node, "--check", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_what_is_vendored_has_its_licence_and_is_what_the_build_step_made():
    for package in PACKAGES:
        assert all((VENDOR / name).stat().st_size for name in package.files.values())
        assert any(name.endswith(".LICENSE") for name in package.files.values())
    assert (VENDOR / "lightweight-charts.NOTICE").read_text() == NOTICE
    charts = (VENDOR / "lightweight-charts.mjs").read_bytes()
    assert hashlib.sha256(charts).hexdigest() == "1bb1ee79f9d4dd17261b53d930f7a8995748276f80e7ba0e24412b5068062f5f"


def test_nothing_of_ours_names_another_machine():
    for path in [*(VENDOR.parent / "js").rglob("*.mjs"), *VENDOR.parent.glob("*.css")]:
        assert "https://" not in path.read_text(), path
