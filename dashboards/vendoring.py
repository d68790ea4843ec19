"""The build step of the pages' libraries: `python -m dashboards.vendoring` fetches them with npm, pinned, and puts what is served under
`assets/vendor` beside their licences. Pages ask nobody but us; nothing is fetched while they run.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).parent / "assets" / "vendor"
NOTICE = """TradingView Lightweight Charts™
Copyright (с) 2025 TradingView, Inc. https://www.tradingview.com/
"""
"""The attribution notice that the library's licence asks for; the pages show it, and the charts its logo."""


class Package(NamedTuple):
    """One package of npm: its version, the digest of its archive, and what we serve of it (path within it -> our name)."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]


def _weights(family: str, ours: str) -> dict[str, str]:
    named = {f"files/{family}-latin-{weight}-normal.woff2": f"{ours}-{weight}.woff2" for weight in (400, 500, 600)}
    return {**named, "LICENSE": f"{ours}.LICENSE"}


PACKAGES = (
    Package(
        "lightweight-charts",
        "5.2.1",
        "sha512-IVwoK1RLFiLPubaKIjNbtjWLnpPMqiABSrTay6whmNa8L1+19292VtHJ+BWyPUuLCwF0tcQlhEWd1CLB2a1nsQ==",
        {"dist/lightweight-charts.standalone.production.mjs": "lightweight-charts.mjs", "LICENSE": "lightweight-charts.LICENSE"},
    ),
    Package(
        "@fontsource/inter",
        "5.3.0",
        "sha512-RofMylZmjlJEfELXeNHFWBRcSs75rGU/6bV2S2jfnvv/3rPXPGe0LgUJTklcHZ9lM4OZmAVFhcJPnACfb91A3g==",
        _weights("inter", "inter"),
    ),
    Package(
        "@fontsource/jetbrains-mono",
        "5.3.0",
        "sha512-fqDfB5I9f1p1TV486aUgB9t8zP84P0O1FtQR5Ol9vjwPy+S+EIGlVYm1cvj2W5shcZMTg2nZFdVMoH5wFu8a1A==",
        _weights("jetbrains-mono", "jetbrains-mono"),
    ),
)


def vendor(into: Path = VENDOR) -> list[Path]:
    """Fetch, check and lay down every package; returns the files. Raises SystemExit where an archive is not the pinned one."""
    into.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            made += _unpacked(package, _fetched(package, Path(scratch)), into)
    notice = into / "lightweight-charts.NOTICE"
    notice.write_text(NOTICE, encoding="utf-8")
    return [*made, notice]


def _fetched(package: Package, scratch: Path) -> Path:
    done = subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"], cwd=scratch, check=True, capture_output=True, text=True
    )
    archive = scratch / done.stdout.strip().splitlines()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{package.name}@{package.version}: the archive is {found}, not {package.integrity}; nothing was replaced")
    return archive


def _unpacked(package: Package, archive: Path, into: Path) -> list[Path]:
    made = []
    with tarfile.open(archive) as packed:
        for inside, ours in package.files.items():
            member = packed.extractfile(f"package/{inside}")
            if member is None:
                raise SystemExit(f"{package.name}@{package.version}: there is no {inside}")
            (into / ours).write_bytes(member.read())
            made.append(into / ours)
    return made


if __name__ == "__main__":
    for path in vendor():
        sys.stdout.write(f"{path.relative_to(VENDOR.parent)}  {path.stat().st_size:,} bytes\n")
