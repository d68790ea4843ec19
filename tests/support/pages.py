"""A browser before the pages of a session: what it showed, what it complained of, and what it asked others for."""

import shutil
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
SLOW = 30_000
"""ms that a page may take on a busy machine."""
FILLED = "() => [...document.querySelectorAll('[data-fast]')].every(card => card.querySelector('.tb-body')?.childElementCount)"
"""Every card has been filled."""
LOOKED_OVER = ("setting log level", "Websocket connection", "document idle", "rendered successfully")


@contextmanager
def chromium():
    """Debian's Chromium; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium found: install Debian's package chromium to run the browser tests")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


class Visit:
    """One person at a browser, signed in with a token. `errors` and `outside` must stay empty."""

    def __init__(self, browser, url, token=None, size=(1440, 900), theme="dark", colours="usual"):
        self.url, self.errors, self.outside = url, [], []
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="dark", service_workers="block")
        self.context.add_init_script(
            "if (window === top) {"  # the report's frame may keep nothing
            f"localStorage.setItem('tapebook.theme','{theme}');localStorage.setItem('tapebook.colours','{colours}')" + "}"
        )
        if token is not None:
            name = f"tapebook_{urlsplit(url).port}"
            self.context.add_cookies([{"name": name, "value": token, "url": url, "httpOnly": True, "sameSite": "Lax"}])
        self.page = self.context.new_page()
        self.page.set_default_timeout(SLOW)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)

    def _said(self, message):
        if message.type in ("error", "warning") and not any(one in message.text for one in LOOKED_OVER):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _asked(self, request):
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.outside.append(request.url)

    def go(self, path, ready="LIVE|RECORDED"):
        """Load a page and wait until it lives."""
        self.page.goto(self.url + path, wait_until="domcontentloaded", timeout=SLOW)
        if ready:
            self.says("feed.state", ready)
            self.wait_for(
                "() => [...document.querySelectorAll('[data-fast]')].every(card => card.querySelector('.tb-body')?.childElementCount)"
            )
        return self

    def value(self, field):
        """The number in a field, as the session said it, found as anybody's script would find it."""
        return self.page.evaluate("name => document.querySelector(`[data-field='${name}']`)?.dataset.value ?? null", field)

    def wait(self, field, value):
        """Wait until a field has a value."""
        self.page.wait_for_function(
            "([name, value]) => document.querySelector(`[data-field='${name}']`)?.dataset.value === value", arg=[field, value]
        )

    def wait_for(self, script, arg=None):
        """Wait until a script is true."""
        self.page.wait_for_function(script, arg=arg)

    def says(self, field, pattern):
        """Wait until the text in a field matches."""
        script = "([name, pattern]) => new RegExp(pattern).test(document.querySelector(`[data-field='${name}']`)?.textContent ?? '')"
        self.page.wait_for_function(script, arg=[field, pattern])

    def text(self, field):
        """The text in a field."""
        return self.page.locator(f"[data-field='{field}']").first.inner_text()

    def clean(self):
        """Nobody complained, and nobody else was asked."""
        assert not self.errors, self.errors
        assert self.outside == []

    def close(self):
        self.context.close()
