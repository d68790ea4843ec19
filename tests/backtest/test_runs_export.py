"""Runs as a table: filtered, written out, printed."""

import json
import shutil

import polars as pl
import pytest

import tapebook as tb
from backtest.past import RunError
from backtest.report.printing import PrintError, print_page
from backtest.runs_table import runs_frame
from tapebook import run_command_line


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Three recorded runs: two market makers, one taker."""
    folder = tmp_path_factory.mktemp("runs")
    feed = tb.synthetic_flow(seed=2, messages=2000)
    for strategy in (tb.MarketMaker(spread=2), tb.MarketMaker(spread=6), tb.ImbalanceTaker()):
        tb.Backtest(feed, strategy, warm_up="1min").run(folder)
    return folder


def test_a_row_a_run_with_parameters_and_figures(out):
    frame = runs_frame(out)
    assert frame.height == 3
    assert frame["run"].to_list() == sorted(frame["run"].to_list(), reverse=True)
    assert sorted(frame["parameters.spread"].drop_nulls().to_list()) == [2, 6]
    one = json.loads((out / "runs" / frame["run"][0] / "run.json").read_text())
    assert {name: frame[name][0] for name in ("net_pnl", "fills")} == {name: one["summary"][name] for name in ("net_pnl", "fills")}


def test_filters(out):
    assert runs_frame(out, strategy="maker").height == 2
    assert runs_frame(out, where='"parameters.spread" > 3')["parameters.spread"].to_list() == [6]
    assert runs_frame(out, data="nothing").height == 0
    with pytest.raises(RunError, match="--where 'sharp > 1'"):
        runs_frame(out, where="sharp > 1")


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_export(out, tmp_path, ending, capsys):
    path = tmp_path / f"runs.{ending}"
    assert run_command_line(["runs", "export", str(path), "--out", str(out), "--strategy", "Maker"]) == 0
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "json": pl.read_json}[ending](path)
    assert read.height == 2
    assert read["net_pnl"].to_list() == pytest.approx(runs_frame(out, strategy="Maker")["net_pnl"].to_list())
    assert "2 runs" in capsys.readouterr().out


def test_what_cannot_be_exported(out, tmp_path, capsys):
    assert run_command_line(["runs", "export", str(tmp_path / "runs.xlsx"), "--out", str(out)]) == 2
    assert "end it with .parquet, .csv, .json" in capsys.readouterr().err
    assert run_command_line(["runs", "export", str(tmp_path / "runs.csv"), "--out", str(tmp_path)]) == 2


def test_the_list_is_filtered(out, capsys):
    assert run_command_line(["runs", "list", "--out", str(out), "--where", '"parameters.spread" = 6', "--json"]) == 0
    assert [run["parameters"]["spread"] for run in json.loads(capsys.readouterr().out)] == [6]
    assert run_command_line(["runs", "list", "--out", str(out), "--strategy", "nobody"]) == 0
    assert capsys.readouterr().out == "no run fits\n"


def test_print(out, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TAPEBOOK_CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(PrintError, match="no Chromium to print with"):
        print_page(out / "report.html", tmp_path / "a.pdf")
    monkeypatch.delenv("TAPEBOOK_CHROMIUM")
    if not (shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")):
        pytest.skip("no Chromium found: install Debian's package chromium to print")
    assert run_command_line(["runs", "report", "--out", str(out), "--pdf", str(tmp_path / "a.pdf")]) == 0
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
