"""Recorded runs as tables for the terminal, within 80 columns."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from backtest.analysis.metrics import describe
from backtest.numbers import DASH, compact, count, duration, percent, significant
from backtest.store import Run

SHOWN = ("net_pnl", "total_return", "max_drawdown", "sharpe", "fills", "fill_ratio", "round_trips", "win_rate", "fees", "turnover")


def _strategy(run: Run) -> str:
    return str(run.said["meta"]["strategy"]).rpartition(":")[2]


def _figure(name: str, value: Any) -> str:
    """A figure of a summary as text, by its unit."""
    if value is None or isinstance(value, str):
        return value or DASH
    unit = next((getattr(m, "unit", "") for m in describe() if getattr(m, "name", "") == name), "")
    if name in ("total_return", "fill_ratio", "win_rate", "max_drawdown_fraction") or unit == "%":
        return percent(value)
    if isinstance(value, int):
        return count(value)
    return compact(value, sign=name.endswith("pnl")) if abs(value) >= 100 or name.endswith("pnl") else significant(value)


def _table(*columns: tuple[str, str]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, justify in columns:
        made.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    return made


def runs_table(found: Sequence[Run]) -> Table:
    """One row a run."""
    made = _table(("run", "left"), ("strategy", "left"), ("data", "left"), ("P&L", "right"), ("fills", "right"), ("Sharpe", "right"))
    for run in found:
        s, pnl = run.said["summary"], run.said["summary"]["net_pnl"]
        style = "green" if (pnl or 0) > 0 else "red" if (pnl or 0) < 0 else ""
        data = str(run.said["meta"]["data"]).rpartition("/")[2]
        made.add_row(
            run.run_id,
            _strategy(run),
            Text(data[:20]),
            Text(_figure("net_pnl", pnl), style=style),
            count(s["fills"]),
            significant(s["sharpe"]),
        )
    return made


def _said(name: str, value: Any) -> str:
    """What a run wrote down, with its unit."""
    return duration(value / 1e9) if name.endswith("_latency") and isinstance(value, int) else str(value)


def run_table(run: Run) -> Table:
    """Identity of a run, its parameters, the main figures, its cautions."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    meta = {**run.said["meta"]}
    parameters, several = meta.pop("parameters", {}), meta.pop("strategies", {})
    for name, value in meta.items():
        if value not in (None, ""):
            made.add_row(name.replace("_", " "), _said(name, value))
    for name, one in several.items():
        made.add_row(name, "  ".join(f"{key.replace('_', ' ')} {_said(key, value)}" for key, value in one.items() if key != "parameters"))
    made.add_row("parameters", "  ".join(f"{name}={value}" for name, value in parameters.items()) or DASH)
    for name in SHOWN:
        made.add_row(name.replace("_", " "), _figure(name, run.said["summary"].get(name)))
    for text in run.said["warnings"]:
        made.add_row(Text("⚠", style="yellow"), text)
    return made


def compare_table(found: Sequence[Run]) -> Table:
    """What differs between runs, then their main figures."""
    made = _table(("", "left"), *((run.run_id[-13:], "right") for run in found))
    metas = [{**run.said["meta"], **run.said["meta"].get("parameters", {})} for run in found]
    for meta in metas:
        meta.pop("strategies", None)
    for name in dict.fromkeys(name for meta in metas for name in meta):
        values = [_said(name, meta.get(name, DASH)) for meta in metas]
        if len(set(values)) > 1 and name not in ("run_id", "parameters"):
            made.add_row(name.replace("_", " "), *(value if len(value) <= 16 else "…" + value[-15:] for value in values))
    for name in SHOWN:
        made.add_row(name.replace("_", " "), *(_figure(name, run.said["summary"].get(name)) for run in found))
    return made
