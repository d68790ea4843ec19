"""One page of a job: how it ended, and each step's figures beside those of the date before."""

from html import escape
from typing import Any

from backtest.analysis.definitions import BY_NAME
from backtest.jobs.gates import Day
from backtest.jobs.settings import JobSettings
from backtest.jobs.steps import MAIN
from backtest.numbers import DASH, shown
from backtest.report.cards import card, table, tone
from backtest.report.pictures import packaged


def summary_page(settings: JobSettings, said: dict[str, Any], steps: dict[str, Any], previous: Day | None) -> str:
    """HTML that needs nothing but the reports beside it."""
    ok = said["outcome"] == "ok"
    before = f" · beside {previous.date}" if previous else ""
    ended = tone(1, "All steps succeeded, all gates hold") if ok else tone(-1, "Failed")
    head = (
        f'<header><div class="top"><div><h1>{escape(settings.name)} <span>{escape(said["date"])}</span></h1>'
        f'<p class="when">{ended}{escape(before)}</p></div></div>'
        "</header>"
    )
    problems = "".join(f"<li>{escape(text)}</li>" for text in said["problems"])
    body = [head, f'<ul class="warnings">{problems}</ul>' if problems else ""]
    for step in settings.steps:
        found = steps.get(step.name)
        body.append(_failed(step.name) if found is None else _step(found, previous))
    body.append(_gates(said["gates"]))
    body.append('<p class="end">Made by Tapebook.</p>')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(settings.name)} {escape(said['date'])} · Tapebook</title>"
        f"<style>{packaged('report.css')}{packaged('charts.css')}</style></head><body><main>{''.join(body)}</main></body></html>"
    )


def _failed(name: str) -> str:
    return card(name, "<p>No result: it failed. The job's log says why; the same command tries it again.</p>")


def _step(step: dict[str, Any], previous: Day | None) -> str:
    """A step's main figures: this date, the date before, the change."""
    name = step["name"]
    before = previous.steps.get(name, {}).get("figures", {}) if previous else {}
    rows = []
    for figure in MAIN:
        metric, mine, other = BY_NAME[figure], step["figures"].get(figure), before.get(figure)
        change = mine - other if mine is not None and other is not None else None
        signed = DASH if change is None else shown(change, metric.unit)
        rows.append([escape(metric.label), shown(mine, metric.unit), shown(other, metric.unit), tone(change, signed)])
    heads = ["Figure", "This date", previous.date if previous else "Before", "Change"]
    told = "".join(f"<li>{escape(text)}</li>" for text in step.get("warnings", []))
    best = step.get("best")
    subtitle = ", ".join(f"{key}={value}" for key, value in best["parameters"].items()) + f", best of {best['runs']:,} runs" if best else ""
    rows = rows if step["figures"] else []
    link = f'<a href="{escape(name)}/{escape(step["page"])}">report</a>'
    return card(name, (f'<ul class="warnings">{told}</ul>' if told else "") + (table(heads, rows) if rows else ""), subtitle, link)


def _gates(gates: list[dict[str, Any]]) -> str:
    if not gates:
        return ""
    rows = [
        [escape(one["step"]), escape(one["text"]), tone(1 if one["holds"] else -1, "holds" if one["holds"] else "fails")] for one in gates
    ]
    return card("Gates", table(["Step", "What", ""], rows, words=2))
