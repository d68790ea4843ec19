"""axe-core, for pages: fetched once with npm, pinned; the test is skipped where it cannot be had."""

import base64
import hashlib
import shutil
import subprocess
import tarfile

import pytest

VERSION = "4.14.1"
INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
RUN = "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'best-practice']})"


def axe_script(cache):
    """The text of axe; `cache`: pytest's."""
    folder = cache.mkdir("axe")
    archive = folder / f"axe-core-{VERSION}.tgz"
    if not archive.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm found: install Debian's package npm to check accessibility")
        done = subprocess.run(["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip("axe-core cannot be fetched: " + done.stderr.strip()[-200:])
    assert base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() == INTEGRITY
    with tarfile.open(archive) as packed:
        return packed.extractfile("package/axe.min.js").read().decode()


def serious(page, script):
    """What axe finds serious or critical: rule, and where."""
    page.evaluate(script)
    found = page.evaluate(RUN)["violations"]
    return [
        (one["id"], one["nodes"][0]["target"], one["nodes"][0]["html"][:160]) for one in found if one["impact"] in ("serious", "critical")
    ]
