"""What a notebook shows of a feed, a catalog and a log."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tapebook as tb
from engine.messages.records import COMMAND
from tests.support.html_read import read


def test_a_feed_tells_what_is_known_without_reading_it() -> None:
    feed = tb.synthetic_flow(symbols=("A<b>", "B"), messages=2_000, maker_fee="-0.0002")
    told = read(feed)
    assert told[0] == "synthetic A<b> B"
    assert told[told.index("A<b>") :][:6] == ["A<b>", "orders", "0.01", "1", "-0.0002", "0"]
    assert "adds" not in told
    assert "_rows" not in vars(feed)  # the day was not made for it
    feed.commands()
    told = read(feed)
    assert told[told.index("messages") + 1] == "2,000"


def test_of_many_instruments_a_feed_shows_some() -> None:
    feed = tb.synthetic_flow(symbols=[f"S{k:02}" for k in range(30)], messages=3_000)
    assert "and 18 more" in read(feed)


def test_a_feed_tells_what_was_mended() -> None:
    class Mended(tb.Feed):
        name, instruments, counts = "a file", [tb.Instrument("X", tick="0.01")], {}
        repairs, taken_for = {"rows_left_out": 3, "nothing": 0}, "CSV of trades"
        fingerprint = ""

        def batches(self, rows: int = 1) -> Iterator[np.ndarray]:
            yield np.zeros(0, COMMAND)

    told = read(Mended())
    assert "CSV of trades" in told
    assert "mended or left out: rows left out: 3" in told


def test_a_catalog_shows_its_symbols(tmp_path: Path) -> None:
    catalog = tb.Catalog(tmp_path / "market")
    assert "Nothing is in it yet; add() puts a file or a feed in." in read(catalog)
    for date in ("2026-01-05", "2026-01-07"):
        catalog.add(tb.synthetic_flow(symbols=("A&B",), messages=500, date=date))
    told = read(catalog)
    assert told[told.index("A&B") :][:5] == ["A&B", "orders", "2026-01-05", "2026-01-07", "2"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tb.EventLog]:
    with tb.EventLog(tmp_path / "log.duckdb") as made:
        yield made


def test_a_log_shows_its_sessions(log: tb.EventLog) -> None:
    assert "It has no session yet." in read(log)
    exchange = tb.Exchange([tb.Instrument("X", tick="0.01")])
    ts = int(np.datetime64("2026-01-05T15:00", "ns").astype(np.int64))
    sent = exchange.encode(tb.limit(1, "X", tb.Side.BUY, 1, "1.00", ts=ts))
    facts = exchange.run(sent)
    number = log.begin("desk<1>", {}, exchange.instruments)
    opening = exchange.facts[: len(exchange.facts) - len(facts)]
    log.append(number, np.concatenate([exchange.opening, sent]), np.concatenate([opening, facts]))
    told = read(log)
    row = told[told.index("desk<1>") :][:7]
    assert row[:5] == ["desk<1>", "1", f"{len(exchange.opening) + 1}", f"{len(exchange.facts)}", f"{facts['seq'][-1]}"]
    assert row[6] == "2026-01-05 15:00:00"
    assert any(text.endswith("log.duckdb, open for writing") for text in told)
    assert repr(log) == f"<EventLog {log.path}>"


def test_a_log_that_is_only_read_says_so(log: tb.EventLog) -> None:
    log.begin("empty")
    log.close()
    with tb.EventLog.open(log.path) as shown:
        told = read(shown)
    assert any(text.endswith("log.duckdb, read only") for text in told)
    assert told[told.index("empty") :][:4] == ["empty", "1", "0", "0"]
