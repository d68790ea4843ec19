"""The report: one self-contained page that says what the frames say, in every size, also when there is little to say."""

import base64
import dataclasses
import json
import re
import shutil
import struct
import time
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from backtest import numbers
from backtest.analysis.metrics import describe
from backtest.cli.summary_table import summary_table
from backtest.recording import DepthWindow, Recording
from backtest.report.book_picture import heat
from backtest.report.charts import TimeAxis, nice_ticks, round_times
from backtest.report.report import page
from backtest.result import Result
from data.times import utc_offsets
from tests.support.recordings import OPEN, fabricate

VOID = {"meta", "br", "hr", "img", "input", "link"}


@pytest.fixture(scope="module")
def result() -> Result:
    return Result(fabricate(1, seconds=1200))


def cases() -> dict[str, Recording]:
    plain = fabricate(2, seconds=60)
    hostile = {
        **plain.meta,
        "strategy": "<script>alert(1)</script>",
        "parameters": {"</script>": "<img src=x onerror=alert(1)>"},
        "note": "a & b",
    }
    return {
        "no orders": fabricate(1, seconds=60, activity=0.0),
        "nothing at all": dataclasses.replace(plain, facts=plain.facts[:0], samples=plain.samples[:0], depth_window=None),
        "no cash": fabricate(1, seconds=60, cash="0"),
        "two symbols, three days": fabricate(3, seconds=120, symbols=2, days=3),
        "hostile names": dataclasses.replace(plain, meta=hostile),
        "nobody said who": dataclasses.replace(plain, meta={}, counters={}),
        "one sample": dataclasses.replace(plain, samples=plain.samples[:1]),
        "no picture of the book": dataclasses.replace(plain, depth_window=no_window),
        "warm-up": dataclasses.replace(plain, warm_up_end=plain.start + 2 * 10**9),
    }


def no_window(*_: int) -> DepthWindow:
    none = np.zeros((0, 2, 10), np.int64)
    return DepthWindow(np.zeros(0, np.int64), none, none)


class Balanced(HTMLParser):
    """Every tag that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack
        assert self.stack.pop() == tag


def page_of(result: Result) -> str:
    return page(result.analysis, result.summary, result.warnings)


def check(html: str) -> dict[str, Any]:
    """What must hold of every page; returns the script's numbers."""
    parser = Balanced()
    parser.feed(html)
    assert parser.stack == []
    assert not re.search(r"\b(?:src|href)\s*=\s*[\"'](?!data:|#)", html), "something is loaded from elsewhere"
    assert not re.search(r"url\(|@import|<link|https?://(?!www\.w3\.org)", html)
    body = html[html.index("<main>") : html.index("</main>")]
    assert not re.search(r"\b(?:nan|inf|None|NaN|undefined)\b", re.sub(r"<[^>]*>", " ", body))
    assert not re.search(r"=\"[^\"]*\bnan\b", body)
    assert not re.search(r"\u22120(?:\.0*)?(?![\d.])", re.sub(r"<[^>]*>", " ", body)), "a minus before a zero"
    text = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', html, re.S)
    assert text
    found: dict[str, Any] = json.loads(text[1])
    return found


@pytest.mark.parametrize("name", cases())
def test_a_report_is_whole_whatever_happened(name: str) -> None:
    html = page_of(Result(cases()[name]))
    check(html)
    assert "<script>alert" not in html
    assert "<img src" not in html


def test_the_report_says_what_the_summary_says(result: Result, tmp_path: Path) -> None:
    path = result.report(tmp_path / "new" / "report.html")
    assert [one.name for one in path.parent.iterdir()] == ["report.html"], "nothing temporary is left"
    html = path.read_text(encoding="utf-8")
    found = check(html)
    summary = result.summary
    assert numbers.number(summary["net_pnl"], 2, sign=True) in html
    assert (
        f"<b>{numbers.number(summary['net_pnl'], 2, sign=True)}" in html
        or ">" + numbers.number(summary["net_pnl"], 2, sign=True) + "<" in html
    )
    account = found["tracks"]["account"]
    assert sum(account["pnl"]) * account["u"] == pytest.approx(summary["net_pnl"], abs=0.01)
    assert sum(found["tracks"]["held0"]["held"]) == result.positions["quantity"][-1]
    assert len(found["panels"]["price0"]["fills"]["t"]) == summary["fills"]
    for one in describe():
        assert one.label in html or one.label.replace("&", "&amp;") in html
    for caution in result.warnings:
        assert caution.text[:40].replace("&", "&amp;") in html


def test_a_days_report_is_small_and_quick() -> None:
    recording = fabricate(5, seconds=6 * 3600, activity=0.03)
    page_of(Result(recording))
    started = time.process_time()
    html = page_of(Result(recording))
    assert len(html.encode()) < 600_000
    assert time.process_time() - started < 2.0  # about 0.3 on an idle core


def test_many_fills_are_grouped_and_none_is_lost() -> None:
    recording = fabricate(6, seconds=3600, activity=0.6)
    result = Result(recording)
    assert result.summary["fills"] > 4000
    fills = check(page_of(result))["panels"]["price0"]["fills"]
    assert len(fills["t"]) <= 4000
    assert sum(fills["n"]) == result.summary["fills"]
    assert sum(fills["q"]) == result.fills["quantity"].sum()


def test_thinning_keeps_both_ends_and_the_extremes() -> None:
    random = np.random.default_rng(1)
    ts = np.sort(random.integers(0, 10**12, 50_000))
    values = random.normal(size=50_000).cumsum()
    keep = TimeAxis([(0, 10**12)]).thin(ts, values, 100)
    assert len(keep) <= 202
    assert {0, 49_999, int(values.argmin()), int(values.argmax())} <= set(keep.tolist())
    assert (np.diff(keep) > 0).all()


def test_nights_take_no_room() -> None:
    hour = 3600 * 10**9
    axis = TimeAxis([(0, hour), (24 * hour, 25 * hour)])
    assert axis.x(np.array([0, hour, 12 * hour, 24 * hour, 25 * hour])).tolist() == [0.0, 0.5, 0.5, 0.5, 1.0]
    assert [round(place, 6) for place, _ in axis.ticks()] == [0.0, 0.5]


def test_labels_follow_the_clock_where_it_changes() -> None:
    hour = 3600 * 10**9
    midnight = 1_352_001_600 * 10**9  # Sunday 4 November 2012 in New York, where 2 o'clock becomes 1 o'clock
    clock = utc_offsets("America/New_York", midnight, midnight + 25 * hour).tolist()
    times = round_times(midnight, midnight + 25 * hour, 6 * hour, clock)
    assert [(ts - midnight) // hour for ts in times] == [0, 7, 13, 19, 25]
    ticks = TimeAxis([(midnight, midnight + 25 * hour)], clock).ticks(4)
    assert [text for _, text in ticks] == ["00:00", "06:00", "12:00", "18:00", "00:00"]
    assert [round(25 * place) for place, _ in ticks] == [0, 7, 13, 19, 25]


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2e-4, 1e-4), (119.98, 120.02), (-1e9, 2.5e9), (5.0, 5.0)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    values, places = nice_ticks(low, high, 5)
    assert 1 <= len(values) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)
    assert all(round(value, places) == pytest.approx(value, abs=1e-12) for value in values)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234.50"), (-1234.5, "\u22121,234.50"), (-0.001, "0.00"), (0.0, "0.00"), (None, "\u2014")],
)
def test_figures_are_written_the_same_way_everywhere(value: float | None, text: str) -> None:
    assert numbers.number(value) == text


def test_signs_durations_and_amounts() -> None:
    assert numbers.number(2.0, sign=True) == "+2.00"
    assert numbers.number(-0.001, sign=True) == "0.00"
    assert numbers.percent(0.12345, 1) == "12.3\u202f%"
    assert [numbers.duration(s) for s in (0, 2e-4, 0.25, 5, 125, 7260, 90_000)] == [
        "0\u202fs", "200\u202fµs", "250\u202fms", "5\u202fs", "2\u202fm 05\u202fs", "2\u202fh 01\u202fm", "1\u202fd 01\u202fh",
    ]  # fmt: skip
    assert [numbers.compact(v) for v in (99_999.0, 123_456.0, -12_345_678.0)] == ["99,999.00", "123.5\u202fk", "\u221212.3\u202fM"]
    assert [numbers.significant(v) for v in (0.01234, 1.234, 123.4, 12_345.0)] == ["0.0123", "1.23", "123", "12,345"]


def test_the_heat_map_holds_the_lots_of_the_book() -> None:
    recording = fabricate(1, seconds=60)
    price = np.array([[[1000, 998], [1002, 1004]], [[1000, 0], [1004, 1006]]])
    lots = np.array([[[5, 7], [3, 2]], [[6, 0], [4, 1]]])
    window = DepthWindow(np.array([recording.start, recording.end]), price, lots)
    made = heat(Result(dataclasses.replace(recording, depth_window=lambda *_: window)).analysis, recording.start, 60.0)
    assert made.step == 2
    assert made.cells.sum() == lots.sum()
    top = made.top // 2
    for column, side, level in np.argwhere(lots > 0):
        row = (top - int(price[column, side, level])) // 2
        assert made.cells[side, row, column] == lots[column, side, level]


def test_the_heat_map_is_a_picture_of_its_cells(result: Result) -> None:
    text = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", result.plot_book()._repr_svg_())
    assert text
    data = base64.b64decode(text[1])
    width, height = struct.unpack(">II", data[16:24])
    body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
    assert len(zlib.decompress(body)) == height * (width + 1)
    assert width == 240


@pytest.mark.parametrize("name", ["plot", "plot_equity", "plot_price", "plot_position", "plot_book"])
def test_pictures_are_well_formed(result: Result, name: str, tmp_path: Path) -> None:
    picture = getattr(result, name)()
    root = ElementTree.fromstring(picture._repr_svg_())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 3
    picture.save(str(tmp_path / "picture.svg"))
    assert (tmp_path / "picture.svg").read_text(encoding="utf-8") == picture._repr_svg_()


def test_the_notebook_card_is_small_and_static(result: Result) -> None:
    html = result._repr_html_()
    parser = Balanced()
    parser.feed(html)
    assert parser.stack == []
    assert "<script" not in html
    assert len(html) < 60_000
    assert numbers.number(result.summary["net_pnl"], 2, sign=True) in html


def test_bad_requests_are_told_clearly(result: Result) -> None:
    with pytest.raises(ValueError, match="unknown symbol 'XYZ': this run has AMZN"):
        result.plot_price("XYZ")
    without = Result(dataclasses.replace(result.recording, depth_window=None))
    with pytest.raises(ValueError, match="kept no depth"):
        without.plot_book()


@pytest.mark.parametrize("width", [80, 60])
def test_the_terminal_table_fits(result: Result, width: int) -> None:
    console = Console(width=width, file=StringIO(), force_terminal=False)
    console.print(summary_table(result))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    assert numbers.number(result.summary["net_pnl"], 2, sign=True) in text
    assert numbers.count(result.summary["fills"]) in text


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium found: install Debian's package chromium to run the browser tests")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        quiet = [
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        yield play.chromium.launch(executable_path=chromium, args=quiet)


class Visit:
    """A page of the report in a browser; remembers errors and what was asked for."""

    def __init__(self, browser: Any, path: Path, width: int, dark: bool = False) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light")
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.settle()

    def settle(self) -> None:
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def field(self, key: str) -> tuple[Any, dict[str, float]]:
        found = self.page.locator(f"[data-plot={key}] .field")
        found.scroll_into_view_if_needed()
        return found, found.bounding_box()

    def times(self) -> list[str]:
        texts: list[str] = self.page.locator("[data-plot=position0] .xa span").all_inner_texts()
        return texts


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True), (360, False)])
def test_a_browser_shows_it_without_errors_and_without_sideways_scroll(
    browser: Any, result: Result, tmp_path: Path, width: int, dark: bool
) -> None:
    path = result.report(tmp_path / "report.html")
    visit = Visit(browser, path, width, dark)
    assert visit.errors == []
    assert visit.asked == [path.as_uri()]
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    red = int(visit.page.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
    assert (red < 60) == dark
    overlaps = visit.page.evaluate(
        """() => [...document.querySelectorAll('.xa, .ya')].filter(axis => {
             const boxes = [...axis.children].map(e => e.getBoundingClientRect()).filter(b => b.width);
             const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
             return boxes.some((a, i) => boxes.some((b, k) => k > i && meet(a, b)));
           }).length"""
    )
    assert overlaps == 0, "labels of an axis lie over each other"


def test_paper_is_white_and_nothing_stays_folded(browser: Any, result: Result, tmp_path: Path) -> None:
    visit = Visit(browser, result.report(tmp_path / "report.html"), 1280, dark=True)
    visit.page.emulate_media(media="print", color_scheme="dark")
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert visit.page.evaluate("document.querySelector('details').open")


def test_the_reader_points_zooms_and_comes_back(browser: Any, result: Result, tmp_path: Path) -> None:
    visit = Visit(browser, result.report(tmp_path / "report.html"), 1280)
    page, before = visit.page, visit.times()
    _, box = visit.field("price0")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 3)
    tip = page.locator(".tip").inner_text()
    middle = (result.recording.opened + result.recording.end) // 2
    held = result.analysis.fills["position"][np.searchsorted(result.analysis.fills["ts"], middle, "right") - 1]
    assert numbers.number(float(held), 0, sign=True) in tip
    assert "09:40:00.000" in tip
    assert "Net P&L" in tip
    page.mouse.move(box["x"] + 300, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 420, box["y"] + 20, steps=3)
    page.mouse.up()
    visit.settle()
    assert visit.times() != before
    assert page.locator("[data-plot=price0] .marks use").count() < result.summary["fills"]
    mark = page.locator("[data-plot=price0] .marks use").first.bounding_box()
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    assert re.search(r"(Bought|Sold) [\d,]+", page.locator(".tip").inner_text())
    page.mouse.dblclick(box["x"] + 200, box["y"] + 40)
    visit.settle()
    assert visit.times() == before
    assert visit.errors == []


def after_a_clock_change() -> Result:
    """Two days at 13:30 UTC, between which New York's clock is put back: 09:30, then 08:30."""
    made = fabricate(4, seconds=1200, days=2)
    by = 1_351_949_400 * 10**9 - OPEN  # to 3 November 2012
    facts, samples = made.facts.copy(), made.samples.copy()
    facts["ts"], samples["ts"] = facts["ts"] + by, samples["ts"] + by
    return Result(dataclasses.replace(made, facts=facts, samples=samples, start=made.start + by, end=made.end + by, depth_window=None))


def test_the_days_of_a_long_run_have_their_own_clock(browser: Any, tmp_path: Path) -> None:
    visit = Visit(browser, after_a_clock_change().report(tmp_path / "report.html"), 1280)
    page, (_, box) = visit.page, visit.field("price0")
    for left, hour in ((0.05, "09"), (0.55, "08")):
        page.mouse.move(box["x"] + box["width"] * left, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * (left + 0.4), box["y"] + 20, steps=3)
        page.mouse.up()
        visit.settle()
        assert {text[:2] for text in visit.times()} == {hour}
        page.mouse.dblclick(box["x"] + 200, box["y"] + 40)
        visit.settle()
    assert visit.errors == []


def test_the_book_tells_the_cell_under_the_pointer(browser: Any, result: Result, tmp_path: Path) -> None:
    visit = Visit(browser, result.report(tmp_path / "report.html"), 1280)
    _, box = visit.field("book")
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "Price" in visit.page.locator(".tip").inner_text()
    visit.page.keyboard.press("Tab")
    assert visit.errors == []
