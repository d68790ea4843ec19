"""SQL on a log: what it answers, what it refuses, and that it sees nothing but the log; in the terminal, too."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from data.log.event_log import EventLog, LogError
from data.log.sql import plain_rows, select
from engine import Exchange, Instrument, Side
from tapebook import run_command_line
from tests.data.segments.sealed import NOON, Sealed

Say = Callable[..., tuple[int, str, str]]


def trade(folder: Path) -> Sealed:
    """A running session with two trades of 5 AAPL at 10.25, p buys from q."""
    exchange = Exchange([Instrument("AAPL", "0.01")], cash={"p": 1_000, "q": 0})
    sealed = Sealed(folder, folder.name, exchange.instruments, few=0)
    sealed.commit(exchange.opening, exchange.facts)
    for order in (1, 3):
        asked = exchange.commands(
            {
                "order_id": [order, order + 1],
                "symbol": ["AAPL"] * 2,
                "side": [Side.BUY, Side.SELL],
                "quantity": [5] * 2,
                "price": ["10.25"] * 2,
                "portfolio": ["p", "q"],
                "ts": [NOON + order] * 2,
            }
        )
        sealed.commit(asked, exchange.run(asked))
    sealed.writer.seal()
    return sealed


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with two live sessions: one ended, the other runs."""
    out = tmp_path_factory.mktemp("out")
    trade(out / "live" / "ended").close()
    with trade(out / "live" / "running"):
        yield out


@pytest.fixture
def say(out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs `tapebook log …` within this process; what it said: code, stdout, stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> tuple[int, str, str]:
        code = run_command_line(["log", *words, "--out", str(out)])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["ended", "running"])
class TestCommands:
    def test_verify(self, say: Say, name: str) -> None:
        code, said, error = say("verify", "--session", name)
        assert (code, error) == (0, "")
        assert said.startswith(f"verified  {name}: the log is what was written, and replay gives the same facts\n")
        told = json.loads(say("verify", "--session", name, "--json")[1])
        assert told.pop("text")
        assert told == {"session": name, "ok": True, "commands": 10, "facts": 12, "seq": None}

    def test_a_table(self, say: Say, name: str) -> None:
        code, said, error = say("sql", name, "SELECT symbol, price, quantity_lots AS lots FROM trades")
        assert (code, error) == (0, "")
        assert [line.split() for line in said.splitlines()] == [
            ["symbol", "price", "lots"],
            ["AAPL", "10.25", "5"],
            ["AAPL", "10.25", "5"],
            ["2", "rows"],
        ]

    def test_json(self, say: Say, name: str) -> None:
        columns = "ts, sum(quantity_lots) AS lots, 1.50::DECIMAL(9, 2) AS d, NULL AS n, 'inf'::DOUBLE AS i"
        query = f"SELECT {columns} FROM trades GROUP BY ts ORDER BY ts"
        row = {"lots": 5, "d": "1.50", "n": None, "i": None}
        assert json.loads(say("sql", name, query, "--json")[1]) == [
            {"ts": "2026-01-05T12:00:00.000000001Z", **row},
            {"ts": "2026-01-05T12:00:00.000000003Z", **row},
        ]
        assert json.loads(say("sql", name, "SELECT * FROM breaches", "--json")[1]) == []

    @pytest.mark.parametrize("query", ["SELECT * FROM orders", "SELECT * FROM facts", "SELECT repeat('wide ', 100) AS one", "SHOW TABLES"])
    def test_eighty_columns_hold_it(self, say: Say, name: str, query: str) -> None:
        code, said, error = say("sql", name, query)
        assert (code, error) == (0, "")
        assert max(map(len, said.splitlines())) <= 80

    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ("DELETE FROM facts", "DELETE is refused"),
            ("UPDATE names SET name = 'x'", "UPDATE is refused"),
            ("DROP VIEW orders", "DROP is refused"),
            ("CREATE TABLE t (a INTEGER)", "CREATE is refused"),
            ("COPY facts TO 'stolen.parquet'", "COPY is refused"),
            ("ATTACH 'other.duckdb'", "ATTACH is refused"),
            ("SET threads = 1", "SET is refused"),
            ("WITH x AS (INSERT INTO names VALUES (1, 'a', 1, 'b') RETURNING *) FROM x", "read-only"),
            ("SELECT * FROM read_csv('/etc/passwd')", "file system operations are disabled"),
            ("SELECT * FROM '/etc/passwd'", "does not exist"),
            ("SELECT * FROM glob('/*')", "file system operations are disabled"),
            ("SELECT * FROM frame", "Table with name frame does not exist"),
            ("SELECT 1; SELECT 2", "2 statements; give one SELECT"),
            ("", "0 statements; give one SELECT"),
            ("SELEC 1", 'syntax error at or near "SELEC"'),
            ("SELECT nope FROM trades", 'column "nope" not found'),
            ("SELECT 'x'::INTEGER", "Could not convert"),
        ],
    )
    def test_what_is_refused_is_one_line(self, say: Say, name: str, query: str, why: str) -> None:
        code, said, error = say("sql", name, query)
        assert (code, said) == (2, "")
        assert why in error
        assert error.startswith("tapebook: SQL: ")
        assert error.count("\n") == 1


def test_a_long_answer_shows_its_beginning(say: Say) -> None:
    said = say("sql", "ended", "SELECT range AS n FROM range(1000)")[1].splitlines()
    assert len(said) == 52
    assert said[-1].rstrip() == "the first 50 rows; --json prints them all"
    assert len(json.loads(say("sql", "ended", "SELECT range AS n FROM range(1000)", "--json")[1])) == 1000


@pytest.mark.parametrize("words", [("sql", "nobody", "SELECT 1"), ("verify", "--session", "nobody"), ("verify", "--session", "..")])
def test_a_name_that_is_nobodys(say: Say, words: tuple[str, ...]) -> None:
    code, said, error = say(*words)
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert "there are: ended, running" in error


def test_a_run_or_a_session(say: Say) -> None:
    code, _, error = say("verify", "20260105", "--session", "ended")
    assert code == 2
    assert "a run or a --session, one at a time" in error


def test_a_changed_session_differs(out: Path, say: Say) -> None:
    with trade(out / "live" / "changed") as sealed:
        path = next(sealed.segments.rglob("facts-*.parquet"))
        rows = pl.read_parquet(path, hive_partitioning=False)
        rows.with_columns(price=pl.col("price") + 1).write_parquet(path)
        code, said, _ = say("verify", "--session", "changed")
        assert (code, said.split()[0]) == (1, "differs")
        assert json.loads(say("verify", "--session", "changed", "--json")[1])["ok"] is False
    for left in sorted((out / "live" / "changed").rglob("*"), reverse=True):
        left.unlink() if left.is_file() else left.rmdir()
    (out / "live" / "changed").rmdir()


def test_a_log_that_is_written_is_not_for_sql(tmp_path: Path) -> None:
    with EventLog(tmp_path / "log.duckdb") as log, pytest.raises(LogError, match="is open for writing"):
        select(log, "SELECT 1")


def test_rows_as_json_says_them() -> None:
    frame = pl.DataFrame({"l": [[1.0, float("nan")]], "s": [{"a": b"\x01"}], "b": [True], "z": [None]})
    assert plain_rows(frame) == [{"l": [1.0, None], "s": {"a": "01"}, "b": True, "z": None}]
