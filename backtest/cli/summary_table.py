"""The summary of a result as a table for the terminal: 80 columns, and readable in 60."""

from rich.table import Table
from rich.text import Text

from backtest.numbers import DASH, clock, compact, count, duration, number, percent, significant
from backtest.recording import strategy_name
from backtest.result import Result

Cell = tuple[str, str, float | None]
DAYS_MOST = 10


def summary_table(result: Result) -> Table:
    """Figures in two pairs of columns, the cautions below them; printed by a rich Console."""
    figures = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    for ratio, justify in ((None, "left"), (1, "right"), (None, "left"), (None, "left"), (1, "right")):
        figures.add_column(ratio=ratio, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for one, other in zip(_outcome(result), _trading(result), strict=True):
        figures.add_row(*_pair(*one), "", *_pair(*other))
    cautions = Table.grid(padding=(0, 1))
    for caution in result.warnings:
        cautions.add_row(Text("⚠", style="yellow"), Text(caution.text))
    table = Table.grid(expand=True)
    table.add_row(Text(_title(result), style="bold", overflow="ellipsis"))
    table.add_row(Text("─" * 400, style="dim", overflow="crop", no_wrap=True))
    table.add_row(figures)
    if result.days.height > 1:
        table.add_row("")
        table.add_row(_days(result))
    if result.warnings:
        table.add_row("")
        table.add_row(cautions)
    return table


def _title(result: Result) -> str:
    recording = result.recording
    symbols = ", ".join(one.symbol for one in recording.instruments[:4])
    start = clock(recording.opened, recording.zone, "%Y-%m-%d %H:%M", 0)
    form = "%H:%M" if result.days.height == 1 else "%Y-%m-%d %H:%M"
    return f"{strategy_name(recording)}  {symbols}  {start} → {clock(recording.end, recording.zone, form, 0)}"


def _days(result: Result) -> Table:
    """A line a day, of many days the last."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=True, header_style="dim")
    table.add_column("Day", no_wrap=True)
    for head in ("Net P&L", "Fees, net", "Fills", "Orders", "Equity"):
        table.add_column(head, justify="right", no_wrap=True)
    left = result.days.height - DAYS_MOST
    if left > 0:
        table.add_row(Text(f"{left} earlier", style="dim"))
    for day in result.days.tail(DAYS_MOST).iter_rows(named=True):
        pnl = Text(compact(day["net_pnl"], sign=True), style="" if not day["net_pnl"] else "green" if day["net_pnl"] > 0 else "red")
        figures = [compact(day["fees"]), count(day["fills"]), count(day["orders"]), number(day["equity"], 2)]
        table.add_row(f"{day['date']:%Y-%m-%d}", pnl, *figures)
    return table


def _pair(label: str, text: str, sign: float | None) -> tuple[Text, Text]:
    style = "" if not sign else "green" if sign > 0 else "red"
    return Text(label, style="dim"), Text(text, style=style)


def _outcome(result: Result) -> list[Cell]:
    s = result.summary
    return [
        (f"Net P&L, {result.recording.currency}", compact(s["net_pnl"], sign=True), s["net_pnl"]),
        ("Total return", percent(s["total_return"], 3, sign=True), s["total_return"]),
        ("Max drawdown", compact(s["max_drawdown"]), s["max_drawdown"]),
        ("Sharpe a year", significant(s["sharpe"]), None),
        (f"Sharpe per {_step(result)}", significant(s["sharpe_interval"]), None),
        ("Prob. Sharpe", percent(s["probabilistic_sharpe"], 1), None),
        ("Spread captured", compact(s["spread_captured"], sign=True), s["spread_captured"]),
        ("Markout 1 s", _ticks(s["markout_1s_ticks"]), s["markout_1s_ticks"]),
        ("Fees, net", compact(s["fees"]), None),
        ("Time in market", percent(s["time_in_market"], 1), None),
    ]


def _ticks(value: float | None) -> str:
    return DASH if value is None else f"{significant(value, 2, sign=True)} ticks"


def _step(result: Result) -> str:
    return "day" if result.analysis.returns.daily else duration(result.summary["return_interval"])


def _trading(result: Result) -> list[Cell]:
    s = result.summary
    entry, fill = count(s["queue_ahead_entry"]), count(s["queue_ahead_fill"])
    queue = entry if entry == fill == DASH else f"{entry} → {fill}"
    return [
        ("Fills", count(s["fills"]), None),
        ("Maker share", percent(s["maker_share"], 1), None),
        ("Orders", count(s["orders"]), None),
        ("Fill ratio", percent(s["fill_ratio"], 1), None),
        ("Messages a fill", significant(s["order_to_trade"]), None),
        ("Queue ahead", queue, None),
        ("Round trips", count(s["round_trips"]), None),
        ("Win rate", percent(s["win_rate"], 1), None),
        ("Profit factor", significant(s["profit_factor"]), None),
        ("Average trip", number(s["average_trip"], 2, sign=True), s["average_trip"]),
    ]
