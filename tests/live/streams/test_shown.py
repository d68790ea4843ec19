"""What a session shows of its streams: kept with their state, never twice, and bounded."""

from pathlib import Path

import pytest

from live.streams.folding import Known
from live.streams.kept import KeptError
from live.streams.shown import ALERTS_KEPT, BARS_KEPT, Shown
from tests.live.streams.ticks import LISTED

KNOWN = Known(LISTED, ["SMA5", "BOLLINGER20"])


def bar(minute: int, close: str = "1.00", revision: int = 0, symbol: str = "AAPL") -> str:
    start = f"2026-01-{5 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}"
    return f'{{"symbol":"{symbol}","start":"{start}","close":"{close}","revision":{revision}}}'


def opened(folder: Path, lineage: str = "a", known: Known = KNOWN) -> Shown:
    return Shown(folder, 0, lineage, known)


def test_what_is_told_again_after_a_crash(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.add_bar(bar(0))
    first.add_value('{"symbol":"AAPL","name":"SMA5","value":"1"}')
    first.add_alert(1, '{"type":"ANOMALY_DETECTED","n":1}')
    kept = first.keep()
    first.add_bar(bar(1))  # behind what is kept: it is not in the file
    kept()
    first.close()
    again = opened(tmp_path)
    assert [one["start"][-5:] for one in again.bars("AAPL")] == ["00:00"]
    assert again.add_alert(1, '{"type":"ANOMALY_DETECTED","n":1}') is None  # of before the state
    assert again.add_alert(2, '{"type":"ANOMALY_DETECTED","n":2}') == {"type": "ANOMALY_DETECTED", "n": 2}
    for text in (bar(0), bar(1), bar(0, "2.00", 1)):
        again.add_bar(text)
    again.add_value('{"symbol":"AAPL","name":"BOLLINGER20_UPPER","value":"3"}')
    again.keep()()
    again.close()
    last = opened(tmp_path)
    assert [(one["close"], one["revision"]) for one in last.bars("AAPL")] == [("2.00", 1), ("1.00", 0)]
    assert [one["n"] for one in last.alerts] == [1, 2]
    assert set(last.values) == {("AAPL", "SMA5"), ("AAPL", "BOLLINGER20_UPPER")}
    last.close()
    fewer = opened(tmp_path, known=Known(LISTED[1:], ["SMA5"]))  # nothing of what is listed no more
    assert not fewer.values
    fewer.close()
    other = opened(tmp_path, "b")  # the streams began anew
    assert [other.bars("AAPL"), other.values, list(other.alerts)] == [[], {}, []]
    other.close()


def test_it_is_bounded(tmp_path: Path) -> None:
    shown = opened(tmp_path)
    for minute in range(BARS_KEPT + 10):
        shown.add_bar(bar(minute))
        shown.add_bar(bar(minute, symbol="OIL"))
        shown.add_alert(minute + 1, f'{{"n":{minute + 1}}}')
    shown.keep()()
    shown.close()
    again = opened(tmp_path)
    for symbol in ("AAPL", "OIL"):
        starts = [one["start"] for one in again.bars(symbol)]
        assert len(starts) == BARS_KEPT
        assert starts[0] == "2026-01-05T00:10"
    assert [one["n"] for one in again.alerts] == list(range(BARS_KEPT + 11 - ALERTS_KEPT, BARS_KEPT + 11))
    assert again._con.execute("SELECT (SELECT count(*) FROM bars), (SELECT count(*) FROM alerts)").fetchone() == (
        2 * BARS_KEPT,
        ALERTS_KEPT,
    )
    again.close()


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "streams-0.sqlite").write_bytes(b"nonsense " * 100)
    with pytest.raises(KeptError, match=r"streams-0.sqlite: the bars that were told cannot be read \(.*\); remove it"):
        opened(tmp_path)
