"""A report as PDF: Chromium prints the page as its print style says, the same pixels as on the screen."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine.errors import TapebookError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 120


class PrintError(TapebookError, ValueError):
    """A page that cannot be printed, with the mend."""


def browser() -> str:
    """The Chromium of this machine: that of the variable TAPEBOOK_CHROMIUM, else the first that is found. Raises PrintError."""
    named = os.environ.get("TAPEBOOK_CHROMIUM")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None or not shutil.which(found):
        raise PrintError(
            "no Chromium to print with: install it (Debian: chromium), or name one in TAPEBOOK_CHROMIUM; "
            "any browser prints report.html as well"
        )
    return found


def print_page(page: Path, pdf: Path) -> Path:
    """Print an HTML file. The PDF is whole or not there. Raises PrintError with what the browser said."""
    pdf.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tapebook-print-") as scratch:
        made = Path(scratch) / "page.pdf"
        words = [browser(), "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={scratch}/profile"]
        words += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        words += [f"--print-to-pdf={made}", page.resolve().as_uri()]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise PrintError(f"{page}: the browser did not print it within {SECONDS} s") from None
        if not made.exists() or not made.read_bytes().startswith(b"%PDF"):
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise PrintError(f"{page}: the browser printed nothing ({last})")
        temporary = pdf.with_name(f".{pdf.name}.{os.getpid()}")
        shutil.copyfile(made, temporary)
        temporary.replace(pdf)
    return pdf
