"""Recorded runs as tables for the terminal, in as many columns as it has."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from backtest.analysis.metrics import describe
from backtest.cli.columns import cell, shares
from backtest.numbers import DASH, clock, compact, count, duration, percent, significant
from backtest.store import Run
from data.times import zone_of

SHOWN = ("net_pnl", "total_return", "max_drawdown", "sharpe", "fills", "fill_ratio", "round_trips", "win_rate", "fees", "turnover")
CONDITIONS = ("start", "end", "warm-up", "cash", "feed_latency", "order_latency", "response_latency")
"""What a comparison says even where it is the same in all runs."""
HASHES = ("fingerprint", "digest")
GAP = 2
"""Spaces between two columns."""
NAMES_LEAST = 20
"""Where strategy and data have less room than this the data are left out."""
NARROWEST = 13
"""Columns of a run in a comparison: the end of its id, a time of day with its date."""


def _strategy(run: Run) -> str:
    return str(run.said["meta"].get("strategy", DASH)).rpartition(":")[2]


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
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, GAP, 0, 0))
    for name, justify in columns:
        made.add_column(name, justify=justify, no_wrap=True, overflow="fold")  # type: ignore[arg-type]
    return made


class RunsTable:
    """One row a run. Figures and ids stay whole; strategy and data share what is left."""

    def __init__(self, found: Sequence[Run]) -> None:
        self.found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [(_strategy(run), str(run.said["meta"].get("data", DASH)).rpartition("/")[2]) for run in self.found]
        figures = [self._figures(run) for run in self.found]
        heads = ("run", "strategy", "data", "P&L", "fills", "Sharpe")
        fixed = [("run", *(run.run_id for run in self.found)), *zip(heads[3:], *figures)]
        room = options.max_width - sum(max(map(len, texts)) for texts in fixed) - GAP * (len(heads) - 1)
        shown = 2 if room >= NAMES_LEAST else 1
        widths = shares(room, list(zip(heads[1:3], *names))[:shown])
        made = _table(*zip(("run", *heads[1 : 1 + shown], *heads[3:]), ("left",) * (1 + shown) + ("right",) * 3))
        for run, texts, (pnl, fills, sharpe) in zip(self.found, names, figures):
            gained = run.said["summary"].get("net_pnl") or 0
            style = "green" if gained > 0 else "red" if gained < 0 else ""
            made.add_row(run.run_id, *map(cell, texts, widths), Text(pnl, style=style), fills, sharpe)
        yield made

    @staticmethod
    def _figures(run: Run) -> tuple[str, str, str]:
        s = run.said["summary"]
        return _figure("net_pnl", s.get("net_pnl")), count(s.get("fills")), significant(s.get("sharpe"))


def _said(name: str, value: Any) -> str:
    """What a run wrote down, with its unit."""
    return duration(value / 1e9) if name.endswith("_latency") and isinstance(value, int) else str(value)


def conditions(run: Run) -> dict[str, str]:
    """Window of a run on the feed's clock, warm-up and cash, each as text; a dash where a run of an older version does not say."""
    said, zone = run.said, zone_of(str(run.said["meta"].get("time_zone") or "UTC"))
    start, end = (clock(ts, zone, "%Y-%m-%d %H:%M:%S", 0) for ts in said["span"]) if "span" in said else (DASH, DASH)
    cash = {name: f"{Decimal(amount).normalize():,f}" for name, amount in said.get("cash", {}).items()}
    each = ", ".join(f"{name} {amount}" for name, amount in cash.items()) if len(cash) > 1 else "".join(cash.values())
    return {"start": start, "end": end, "warm-up": duration(said["warm_up"] / 1e9) if "warm_up" in said else DASH, "cash": each or DASH}


def run_table(run: Run) -> Table:
    """Identity of a run, its conditions and parameters, the main figures, its cautions."""
    made = Table.grid(padding=(0, GAP))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    meta = {**run.said["meta"]}
    parameters, several = meta.pop("parameters", {}), meta.pop("strategies", {})
    for name, value in {**meta, **conditions(run)}.items():
        if value not in (None, ""):
            made.add_row(name.replace("_", " "), _said(name, value))
    for name, one in several.items():
        parts = [f"{key.replace('_', ' ')} {_said(key, value)}" for key, value in one.items() if key != "parameters"]
        made.add_row(name, "\n".join(parts))
    made.add_row("parameters", "  ".join(f"{name}={value}" for name, value in parameters.items()) or DASH)
    for name in SHOWN:
        made.add_row(name.replace("_", " "), _figure(name, run.said["summary"].get(name)))
    for text in run.said.get("warnings", []):
        made.add_row(Text("⚠", style="yellow"), text)
    return made


class CompareTable:
    """Conditions of runs and what else differs between them, then their main figures; as many side by side as there is room for."""

    def __init__(self, found: Sequence[Run]) -> None:
        self.found = found
        self.columns = [_compared(run) for run in found]
        names = list(dict.fromkeys(name for column in self.columns for name in column))
        said = [name for name in names if name in (*CONDITIONS, *SHOWN) or len({column.get(name, DASH) for column in self.columns}) > 1]
        order = ("strategy", "data", *CONDITIONS)
        self.names = sorted(said, key=lambda name: order.index(name) if name in order else len(order) + (name in SHOWN))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - max(map(len, self.names))
        beside = max(1, room // (NARROWEST + GAP))
        blocks = [self._block(first, first + beside, room) for first in range(0, len(self.found), beside)]
        yield Group(*[part for block in blocks for part in ("", block)][1:])

    def _block(self, first: int, last: int, room: int) -> Table:
        found, columns = self.found[first:last], self.columns[first:last]
        made = _table(("", "left"), *((run.run_id[-NARROWEST:], "right") for run in found))
        texts = [[run.run_id[-NARROWEST:], *(column.get(name, DASH) for name in self.names)] for run, column in zip(found, columns)]
        widths = shares(room - GAP * len(found), texts)
        for name in self.names:
            made.add_row(name.replace("_", " "), *(cell(column.get(name, DASH), width) for column, width in zip(columns, widths)))
        return made


def _compared(run: Run) -> dict[str, str]:
    """All that a comparison may say of a run, as texts."""
    meta = {**run.said["meta"], **run.said["meta"].get("parameters", {})}
    said = {name: _said(name, value) for name, value in meta.items() if name not in ("run_id", "parameters", "strategies")}
    said |= {name: str(meta[name])[:NARROWEST] for name in HASHES if name in meta}
    return {**said, **conditions(run), **{name: _figure(name, run.said["summary"].get(name)) for name in SHOWN}}
