"""A sweep as a notebook shows it: what was run, whether the best is luck, the best runs, a picture."""

from html import escape
from typing import TYPE_CHECKING

from backtest.numbers import counted, significant
from backtest.sweep.space import SweepError

if TYPE_CHECKING:
    from backtest.sweep.result import SweepResult

FIGURES = ("net_pnl", "sharpe", "max_drawdown", "fills", "round_trips", "win_rate")
BEST_SHOWN = 5


def card(result: "SweepResult") -> str:
    """Static HTML that follows the page's light or dark."""
    failed = result.failed.height
    done = (
        counted(len(result), "run")
        if result.complete
        else f"{len(result):,} of {result.total:,} runs, stopped: run it again and it goes on"
    )
    done += f", {failed:,} failed" if failed else ""
    head = f"<b>Sweep of {escape(', '.join(result.names))}</b> <span style='opacity:.65'>{escape(done)}</span>"
    colour = "#0a9678" if result.luck.verdict == "holds" else "#e09600"
    told = f'<div style="border-left:3px solid {colour};padding:2px 10px;margin:8px 0">{escape(result.luck.text)}</div>'
    return f'<div style="max-width:900px">{head}{told}{_best(result)}{_picture(result)}{_errors(result)}</div>'


def _best(result: "SweepResult") -> str:
    try:
        best = result.best(count=BEST_SHOWN)
    except SweepError:
        return ""
    from backtest.sweep.row import shown

    names = list(dict.fromkeys([*result.names, result.target, *FIGURES]))
    names = [name for name in names if name in best.columns]
    heads = "".join(f'<th style="text-align:right;padding:2px 10px">{escape(name.replace("_", " "))}</th>' for name in names)
    rows = ""
    for row in best.iter_rows(named=True):
        texts = [shown(row[name]) if name in result.names else significant(row[name]) for name in names]
        rows += "<tr>" + "".join(f'<td style="text-align:right;padding:2px 10px">{escape(text)}</td>' for text in texts) + "</tr>"
    return f'<table style="font-variant-numeric:tabular-nums"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _picture(result: "SweepResult") -> str:
    varied = [name for name in result.names if result.frame[name].n_unique() > 1]
    try:
        if len(varied) == 2 and len(result) == result.frame[varied[0]].n_unique() * result.frame[varied[1]].n_unique():
            return result.heat_map()._repr_svg_()
        return result.parallel()._repr_svg_() if varied else ""
    except SweepError:
        return ""


def _errors(result: "SweepResult") -> str:
    if not result.failed.height:
        return ""
    texts = result.failed["error"].value_counts(sort=True).head(3).iter_rows()
    return "".join(f'<div style="font-size:12px;opacity:.85">⚠︎ {count:,} × {escape(text)}</div>' for text, count in texts)
