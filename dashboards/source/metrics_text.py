"""What a gateway's /metrics say of its session, as the pages of operation show it."""

import re
from itertools import pairwise
from typing import Any

from live.writer.meters import BOUNDS

_LINE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.ASCII)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def told(text: str) -> dict[str, Any]:
    """Counts, what waits, lag, clients, and stages with their buckets; percentiles are upper bounds of their bucket."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in text.splitlines():
        one = _LINE.match(line)
        if one is not None:
            found.setdefault(one[1], []).append((dict(_LABEL.findall(one[2] or "")), float(one[3])))

    def value(name: str) -> int | None:
        return int(found[name][0][1]) if name in found else None

    counts = {labels["what"]: int(number) for labels, number in found.get("tapebook_session_total", ()) if "what" in labels}
    gateway = {
        "clients": value("trading_market_connections"),
        "dropped": value("tapebook_gateway_dropped_total"),
        "closed_slow": value("tapebook_gateway_closed_slow_total"),
        "waiting_bytes": value("tapebook_gateway_waiting_bytes"),
        "denied": value("tapebook_gateway_denied_total"),
        "limited": value("tapebook_gateway_limited_total"),
    }
    return {
        "state": "running",
        **{name: counts.get(name) for name in ("commands", "facts", "batches")},
        "waiting": value("tapebook_commands_waiting"),
        "lag": value("tapebook_models_lag"),
        "active": value("trading_active_orders"),
        "gateway": {name: one for name, one in gateway.items() if one is not None},
        "stages": _stages(found.get("tapebook_stage_seconds_bucket", [])),
    }


def _stages(rows: list[tuple[dict[str, str], float]]) -> dict[str, Any]:
    totals: dict[str, list[int]] = {}
    for labels, count in rows:
        totals.setdefault(labels["stage"], []).append(int(count))
    made = {}
    for name, running in totals.items():
        count = running[-1]
        buckets = [after - before for before, after in pairwise([0, *running])]
        made[name] = {"count": count, "p50": _within(running, 0.5), "p99": _within(running, 0.99), "max": None, "buckets": buckets}
    return made


def _within(running: list[int], part: float) -> float | None:
    """The bound (s) that `part` of them stayed within; None where there are none, or where it is the last bucket."""
    return next((bound for bound, total in zip(BOUNDS, running) if running[-1] and total >= part * running[-1]), None)
