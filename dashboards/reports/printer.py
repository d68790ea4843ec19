"""A still as a picture or a document: Chromium, driven by Playwright, opens the file and shows it. Both are optional."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from backtest.report.printing import PrintError, browser

SECONDS = 60
FILLED = (
    "() => [...document.querySelectorAll('[data-options]')].every(place => place.querySelector('.tb-body')?.childElementCount) "
    "&& document.fonts.status === 'loaded'"
)
QUIET = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SETTLED_MS = 400
"""Charts draw on a frame of their own after they have their data."""


class Window(NamedTuple):
    """How wide and high the page is shown, in CSS pixels, and how many dots there are to each."""

    width: int = 1440
    height: int = 900
    scale: float = 1.0


USUAL = Window()


def printed(page: str, kind: str, window: Window = USUAL) -> bytes:
    """The HTML text `page` as "png" or "pdf" (one long sheet as wide as the window). Raises PrintError with the mend."""
    import os

    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        raise PrintError("PNG and PDF need Playwright beside a Chromium: pip install 'tapebook[print]'; HTML needs neither") from None
    path = browser()
    words = [*QUIET, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    with TemporaryDirectory(prefix="tapebook-export-") as scratch:
        file = Path(scratch) / "page.html"
        file.write_text(page, encoding="utf-8")
        try:
            with sync_playwright() as play:
                chromium = play.chromium.launch(executable_path=path, args=words, timeout=SECONDS * 1000)
                try:
                    return _shown(chromium, file.as_uri(), kind, window)
                finally:
                    chromium.close()
        except Error as odd:
            raise PrintError(f"the browser did not show the page: {odd.message.splitlines()[0]}") from None


def _shown(chromium: object, address: str, kind: str, window: Window) -> bytes:
    view = {"width": window.width, "height": window.height}
    page = chromium.new_page(viewport=view, device_scale_factor=window.scale)  # type: ignore[attr-defined]
    page.set_default_timeout(SECONDS * 1000)
    page.goto(address, wait_until="load")
    page.wait_for_function(FILLED)
    for frame in page.frames[1:]:  # of a run's report
        frame.wait_for_load_state("load")
    full = page.evaluate("document.documentElement.scrollHeight")
    if full > window.height:  # frames below the window are not drawn
        page.set_viewport_size({"width": window.width, "height": full})
    page.wait_for_timeout(SETTLED_MS)
    if kind == "png":
        made: bytes = page.screenshot(full_page=True, animations="disabled")
        return made
    page.emulate_media(media="screen")
    height = page.evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
    document: bytes = page.pdf(
        width=f"{window.width}px", height=f"{max(height, window.height) + 1}px", print_background=True, page_ranges="1"
    )
    return document
