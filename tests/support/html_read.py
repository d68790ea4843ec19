"""The text of a piece of HTML that a notebook shows, once it is well formed, static and small."""

from html.parser import HTMLParser
from typing import Any

SIZE_MOST = 60_000


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.told: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def read(thing: Any) -> list[str]:
    """The texts of what `thing` shows in a notebook, in their order."""
    html = thing._repr_html_()
    reader = _Reader()
    reader.feed(html)
    assert reader.open == []
    assert "<script" not in html
    assert len(html) < SIZE_MOST
    return reader.told
