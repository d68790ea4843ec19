"""Pictures of arrays, and of signals on bars."""

import re
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

import tapebook as tb
from tests.support.html_read import read

SVG = "{http://www.w3.org/2000/svg}"
TIMES = np.datetime64("2026-01-05T09:00", "ns") + np.arange(5) * np.timedelta64(1, "h")


def drawn(picture):
    root = ElementTree.fromstring(picture._repr_svg_())
    lines = [line.get("d") for line in root.iter(f"{SVG}path") if line.get("class") == "line"]
    return lines, [text.text for text in root.iter(f"{SVG}text")]


def test_times_are_steps_and_several_arrays_have_names():
    lines, texts = drawn(
        tb.plot_lines("A <day>", TIMES, {"Lots": {"bid": [1, 2, 3, 2, 1], "ask": [3, 2, 1, 2, 3]}, "Spread": [1, 1, 2, 1, 1]})
    )
    assert len(lines) == 3
    assert lines[0].startswith("M0,")
    assert set(re.sub(r"[^a-zA-Z]", "", lines[0])) == {"M", "h", "v"}
    assert {"A <day>", "Lots", "bid", "ask", "Spread", "10:00", "12:00"} <= set(texts)


def test_numbers_and_words_are_joined_by_straight_lines():
    for x in ([0, 5, 10], ["slow", "fast", "now"]):
        lines, texts = drawn(tb.plot_lines("y", x, {"y": [2.0, 1.0, 3.0]}))
        heights = [int(point.split(",")[1]) for point in lines[0][1:].split("L")]
        assert heights[2] < heights[0] < heights[1]
        assert {"4", x[1]} & set(texts)


def test_a_series_is_shown_by_its_own_clock():
    series = pl.Series(TIMES).dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    assert "06:00" in drawn(tb.plot_lines("y", series, {"y": range(5)}))[1]


def test_what_is_not_finite_is_left_out():
    (line,), _ = drawn(tb.plot_lines("y", [1, 2, 3, 4], {"y": [1.0, np.nan, np.inf, 2.0]}))
    assert line.count("L") == 1
    assert drawn(tb.plot_lines("y", [1, 2], {"y": [np.nan, np.nan]}))[0] == []


@pytest.mark.parametrize(
    ("x", "panels", "said"),
    [
        ([1, 2, 3], {"Lots": {"bid": [1, 2]}}, r"Lots bid has shape \(2,\); x has 3 points"),
        ([], {"y": []}, "x has no points"),
        ([1], {}, "panels is empty"),
        (TIMES[::-1], {"y": range(5)}, "x must be in time order"),
    ],
)
def test_what_does_not_fit_is_named(x, panels, said):
    with pytest.raises(ValueError, match=said):
        tb.plot_lines("y", x, panels)


def test_signals_show_their_equity_and_what_they_held():
    close = np.array([10.0, 11, 12, 13, 12, 11, 12])
    bars = {"ts": np.datetime64("2026-01-05", "ns") + np.arange(7) * np.timedelta64(1, "D")} | dict.fromkeys(
        ("open", "high", "low", "close"), close
    )
    go, leave = np.zeros(7, bool), np.zeros(7, bool)
    go[0], leave[3], go[5] = True, True, True
    made = tb.vectorised(bars, go, leave, size=5, sizing="units", end=None)
    assert made._held().tolist() == [0, 5, 5, 5, 0, 0, 5]
    told = read(made)
    assert {"Signals on bars", "7 bars", "Equity", "Held, units", "holding the instrument"} <= set(told)
    assert told[told.index("# Trades") + 1] in ("1", "1.00")
