"""The regulatory extract: every fact about an order of ours, executed quantities that add up, and exit 1 where they do not."""

import json
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from data.log.event_log import EventLog
from data.log.schema import LogError
from data.regulatory.events import FORMATS, OF_ORDERS
from data.regulatory.extract import extract
from engine.messages.vocabulary import HISTORY, Kind
from tapebook import run_command_line
from tests.support import live_batches
from tests.support.streams import SETTINGS

OURS = [int(kind) for kind in OF_ORDERS]


@pytest.fixture(scope="module")
def random_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random session with every kind of order, history's too."""
    folder = tmp_path_factory.mktemp("extract")
    setting = SETTINGS["all"]
    exchange, committed = live_batches.session(setting, 5, 6_000)
    with EventLog(folder / "log.duckdb") as log:
        live_batches.logged(log, exchange, committed)
    return folder / "log.duckdb"


def facts_of(path: Path) -> np.ndarray:
    with EventLog(path, read_only=True) as log:
        return log.read(1)[1]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_each_fact_about_an_order_of_ours_is_there_once(random_log: Path, tmp_path: Path, form: str, suffix: str) -> None:
    file = tmp_path / f"orders.{suffix}"
    with EventLog(random_log, read_only=True) as log:
        said = extract(log, 1, file, form)
    assert said.problems == []
    facts = facts_of(random_log)
    told = pl.read_csv(file, infer_schema_length=None) if suffix == "csv" else pl.read_parquet(file)
    assert len(told) == said.rows > 3_000
    trades = facts[facts["kind"] == Kind.TradeExecuted]
    sides = sorted([*trades["seq"][trades["trader"] != HISTORY].tolist(), *trades["seq"][trades["maker_trader"] != HISTORY].tolist()])
    others = facts["seq"][np.isin(facts["kind"], OURS) & (facts["trader"] != HISTORY)].tolist()
    assert told.filter(pl.col("event") == "TradeExecuted")["seq"].to_list() == sides
    assert told.filter(pl.col("event") != "TradeExecuted")["seq"].to_list() == others
    own = int(trades["quantity"][trades["trader"] != HISTORY].sum()) + int(trades["quantity"][trades["maker_trader"] != HISTORY].sum())
    assert told["trade_lots"].sum() == own == said.executed_lots > 0
    assert not list(tmp_path.glob("*.part.*"))


def test_what_left_an_order_is_what_was_executed(random_log: Path, tmp_path: Path) -> None:
    with EventLog(random_log, read_only=True) as log:
        extract(log, 1, tmp_path / "orders.parquet")
        orders = log.frame("orders", 1)
    told = pl.read_parquet(tmp_path / "orders.parquet")
    lives = told.filter(pl.col("trade_lots").is_not_null()).group_by("firm_designated_id", "order_id").agg(pl.col("trade_lots").sum())
    wanted = orders.filter(pl.col("executed_lots") > 0).group_by("trader", "order_id").agg(pl.col("executed_lots").sum())
    both = lives.join(wanted, left_on=["firm_designated_id", "order_id"], right_on=["trader", "order_id"], how="full")
    assert both.height > 100
    assert both.filter(pl.col("trade_lots").ne_missing(pl.col("executed_lots"))).height == 0


def test_codes_are_those_of_the_regulation(random_log: Path, tmp_path: Path) -> None:
    with EventLog(random_log, read_only=True) as log:
        extract(log, 1, tmp_path / "rts.parquet", "rts24")
        extract(log, 1, tmp_path / "cat.parquet", "cat")
    rts, cat = pl.read_parquet(tmp_path / "rts.parquet"), pl.read_parquet(tmp_path / "cat.parquet")
    left = rts.filter(pl.col("event") == "TradeExecuted").select("order_event", done=pl.col("leaves_lots") == 0).unique().sort("done")
    assert left.rows() == [("PARF", False), ("FILL", True)]
    assert set(rts["order_event"].drop_nulls()) >= {"NEWO", "REME", "CAME", "CAMO", "REMO", "PARF", "FILL", "TRIG"}
    assert set(cat["type"].drop_nulls()) >= {"MENO", "MEOM", "MEOC", "MEOT"}
    assert cat["event_id"].n_unique() == len(cat)


def test_a_file_that_lacks_a_row_is_told_and_exits_with_1(
    random_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from data.regulatory import extract as module

    whole = module.query
    monkeypatch.setattr(
        module, "query", lambda form, session: f"SELECT * FROM ({whole(form, session)}) WHERE trade_lots IS NULL OR seq % 50 > 0"
    )
    code = run_command_line(["log", "extract", str(random_log), "--out", str(tmp_path / "orders.csv"), "--json"])
    said = json.loads(capsys.readouterr().out)
    assert code == 1
    assert said["problems"][0].startswith("TradeExecuted: ")
    assert any("lots executed in the file" in problem for problem in said["problems"])


def test_the_command_writes_and_says_so(random_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "orders.parquet"
    assert run_command_line(["log", "extract", str(random_log), "--out", str(file), "--format", "rts24"]) == 0
    assert "as in the log" in " ".join(capsys.readouterr().out.split())
    with duckdb.connect() as con:
        assert con.execute(f"SELECT count(*) > 0 FROM '{file}'").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("name", "form", "says"),
    [
        ("orders.txt", "cat", "name it .csv or .parquet"),
        ("orders.csv", "mifid", "no format 'mifid'"),
        ("no/orders.csv", "cat", "cannot be written"),
    ],
)
def test_bad_input_is_one_line(random_log: Path, tmp_path: Path, name: str, form: str, says: str) -> None:
    with EventLog(random_log, read_only=True) as log, pytest.raises(LogError, match=says):
        extract(log, 1, tmp_path / name, form)
