"""Tables of recorded runs on terminals of any width: nothing is cut, and a comparison says under which conditions each was made."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from backtest.cli.columns import lines, shares, words
from backtest.cli.run_tables import CompareTable, RunsTable, run_table
from backtest.store import Run

NIGHT = 1_340_238_600 * 10**9  # 2012-06-20 20:30 in New York
LATENCIES = {"feed_latency": 100_000, "order_latency": 5_000_000, "response_latency": 0}


def run(second: int, strategy: str, data: str, pnl: float | None, **more: Any) -> Run:
    """A run as `run.json` tells it."""
    meta = {"run_id": "", "strategy": strategy, "parameters": {"edge": second}, "data": data, "time_zone": "America/New_York", **LATENCIES}
    said = {"meta": meta, "summary": {"net_pnl": pnl, "fills": 12_345, "sharpe": -15.43}, "warnings": [], **more}
    return Run(Path(f"20261129-0204{second:02d}-259063"), said)


SPAN = {"span": [NIGHT, NIGHT + 3600 * 10**9], "warm_up": 300 * 10**9, "cash": {"Maker": "1000000", "Taker": "2500.50"}}
RUNS = [
    run(1, "engine.strategy.examples:ImbalanceTaker", "AMZN 2012-06-21", -1_052.4, **SPAN),
    run(2, "mine:MarketMakerWithAVeryLongName", "LOBSTER_SampleFile_AMZN_2012-06-21_5.zip", 123_456_789.0, **SPAN),
    run(3, "Maker + ImbalanceTaker + MarketMaker", "synthetic TAPE", None, **SPAN, note="x"),
    run(4, "mine:Maker", "AAPL 2012-06-21", 0.0, cash={"strategy": "1000000"}),
    run(5, "mine:Maker", "AAPL 2012-06-21", 3.5),
]


def printed(table: Any, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def joined(rows: list[str], first: int, last: int) -> str:
    """What stands in these columns, without its spaces."""
    return "".join("".join(row[first:last].split()) for row in rows)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_list_cuts_no_word(width: int) -> None:
    rows = printed(RunsTable(RUNS), width)
    assert max(map(len, rows)) <= width
    assert "…" not in "".join(rows)
    head, body = rows[0], rows[1:]
    strategy, data = head.index("strategy"), head.index("data")
    begins = [k for k, row in enumerate(body) if row.startswith("2026")] + [len(body)]
    assert len(begins) == len(RUNS) + 1
    for one, first, last in zip(RUNS, begins, begins[1:]):
        mine, meta = body[first:last], one.said["meta"]
        assert (mine[0].split()[0], "12,345" in mine[0]) == (one.run_id, True)
        assert joined(mine, strategy, data) == meta["strategy"].rpartition(":")[2].replace(" ", "")
        for word in words(meta["data"]):
            assert any(word.strip() in row[data:] for row in mine), f"{word} does not stand on one line"


def test_a_wide_list_has_a_line_for_each_run() -> None:
    assert len(printed(RunsTable(RUNS), 200)) == len(RUNS) + 1


def test_a_very_narrow_list_keeps_ids_and_figures() -> None:
    rows = printed(RunsTable(RUNS[:2]), 60)
    assert max(map(len, rows)) <= 60
    assert rows[0].split() == ["run", "strategy", "P&L", "fills", "Sharpe"]
    assert "−1,052.40" in rows[1]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_comparison_says_the_conditions_of_each(width: int) -> None:
    rows = printed(CompareTable(RUNS), width)
    assert max(map(len, rows)) <= width
    assert "…" not in "".join(rows)
    said = " ".join(" ".join(rows).split())
    for one in RUNS:
        assert one.run_id[-13:] in said
    for name in ("start", "end", "warm-up", "cash", "order latency"):
        assert any(row.startswith(name) for row in rows), name
    for text in ("2012-06-20", "20:30:00", "21:30:00", "5 m", "1,000,000", "2,500.5", "5 ms", "100 µs", "0 s"):
        assert text in said.replace("\u202f", " "), text


def test_runs_that_are_alike_still_say_their_conditions() -> None:
    rows = {row.split("  ")[0]: row.split()[-1] for row in printed(CompareTable([RUNS[4], RUNS[4]]), 80) if row}
    assert (rows["order latency"], rows["cash"], rows["warm-up"]) == ("ms", "—", "—")
    assert "data" not in rows, "what is the same, and no condition, is left out"


def test_a_run_shows_its_window_warm_up_and_cash() -> None:
    said = "\n".join(" ".join(row.split()) for row in printed(run_table(RUNS[0]), 80))
    for line in (
        "start 2012-06-20 20:30:00",
        "end 2012-06-20 21:30:00",
        "warm-up 5 m",
        "cash Maker 1,000,000, Taker 2,500.5",
        "order latency 5 ms",
    ):
        assert line in said, line
    assert "warm-up —" in "\n".join(" ".join(row.split()) for row in printed(run_table(RUNS[4]), 80)), "a run of an older version"


@pytest.mark.parametrize(
    ("text", "width", "broken"),
    [
        ("ImbalanceTaker", 20, ["ImbalanceTaker"]),
        ("ImbalanceTaker", 10, ["Imbalance", "Taker"]),
        ("Maker 3,000, MarketMaker 3,000", 20, ["Maker 3,000,", "MarketMaker 3,000"]),
        ("AMZN_2012-06-21_34200000.csv", 16, ["AMZN_2012-06-21_", "34200000.csv"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("", 5, [""]),
    ],
)
def test_names_are_broken_where_words_end(text: str, width: int, broken: list[str]) -> None:
    assert lines(text, width) == broken


def test_columns_share_what_is_left() -> None:
    assert shares(30, [["a" * 10], ["b" * 20]]) == [10, 20]
    assert sum(shares(30, [["aa " * 10], ["bb " * 20]])) == 30
    assert shares(24, [["short"], ["x y " * 20]]) == [5, 19]
