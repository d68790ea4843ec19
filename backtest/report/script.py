"""What the script of a report draws from when the reader zooms and points: thinned lines and our fills, as differences of whole units."""

from html import escape
from typing import Any

import numpy as np

from backtest.analysis.analysis import Analysis
from backtest.numbers import lot_places, places
from backtest.report.charts import TimeAxis
from backtest.report.panels import SYMBOLS_MOST, account_track, differences, position_track, quote_track, traded
from engine.state.arrays import UNCOUNTED

FILLS_MOST = 4000
"""Fills that the script may show singly; more are grouped by side in stretches of time."""


def numbers(a: Analysis, axis: TimeAxis) -> dict[str, Any]:
    """What the script draws from when the reader zooms."""
    r, start = a.recording, axis.sessions[0][0]
    shown = min(places(a.money(int(np.abs(a.curve.pnl).max()))), 4)
    tracks = {"account": account_track(a).packed(axis, 10.0**-shown, ["pnl", "depth"])}
    panels: dict[str, Any] = {
        "equity": {"kind": "equity", "track": "account", "zero": True, "places": shown},
        "drawdown": {"kind": "drawdown", "track": "account", "zero": True, "places": shown},
    }
    for k in traded(a)[:SYMBOLS_MOST]:
        one, fills = r.instruments[k], a.fills["instrument"] == k
        tracks[f"quotes{k}"] = quote_track(a, a.quotes[k]).packed(axis, float(one.price_unit), ["bid", "ask"])
        tracks[f"held{k}"] = position_track(a, k).packed(axis, float(one.lot), ["held"])
        about = {"symbol": escape(one.symbol), "places": one.price_decimals}
        panels[f"price{k}"] = {"kind": "price", "track": f"quotes{k}", **about, "fills": _fills(a, axis, fills, k)}
        panels[f"position{k}"] = {"kind": "position", "track": f"held{k}", **about, "zero": True, "places": lot_places(one)}
    sessions = [[(x - start) / 1e6, (y - start) / 1e6] for x, y in axis.sessions]
    return {
        "t0": start / 1e6,
        "clock": [[(ts - start) / 1e6, by / 1e6] for ts, by in axis.clock],
        "sessions": sessions,
        "places": shown,
        "symbols": len(r.instruments),
        "tracks": tracks,
        "panels": panels,
    }


def _fills(a: Analysis, axis: TimeAxis, chosen: np.ndarray, instrument: int) -> dict[str, Any]:
    """Columns of our fills in one symbol: time (µs), price, quantity, side, maker, and what the reader sees when pointing at one."""
    rows, one = a.fills[chosen], a.recording.instruments[instrument]
    rows_entry, markout = a.orders.entry_of_fill[chosen], a.markouts.doubled[2][chosen] / (2 * one.tick_units)
    known, lot = a.markouts.known[2][chosen], float(one.lot)
    start, keep = axis.sessions[0][0], np.arange(len(rows))
    found: dict[str, Any] = {}
    if len(rows) > FILLS_MOST:
        rows, found["n"] = _grouped(axis, rows)
        keep = np.zeros(0, np.int64)
    found.update(t=differences((rows["ts"] - start) // 1000), p=differences(rows["price"]))
    found.update(u=float(one.price_unit), places=lot_places(one), s=rows["side"].tolist(), m=rows["maker"].astype(int).tolist())
    found["q"] = (rows["lots"] * lot if lot != 1 else rows["lots"]).tolist()
    rows, queued = rows[keep], rows["queued"][keep]
    found["f"] = [round(fee, 6) for fee in a.money(rows["fee"]).tolist()]
    entry_known = queued & (rows_entry[keep] != UNCOUNTED) if len(keep) else queued
    found["e"] = [value if there else None for value, there in zip(rows_entry[keep].tolist(), entry_known)]
    found["h"] = [value if there else None for value, there in zip(rows["ahead"].tolist(), queued)]
    found["z"] = rows["estimated"].astype(int).tolist()
    found["k"] = [round(value, 2) if there else None for value, there in zip(markout[keep].tolist(), known[keep])]
    found["o"] = (rows["position"] * lot if lot != 1 else rows["position"]).tolist()
    found["id"] = [str(value) for value in rows["order_id"].tolist()]
    return found


def _grouped(axis: TimeAxis, rows: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Fills of one side in one stretch of time as one, at their average price; and how many each stands for."""
    cell = (axis.x(rows["ts"]) * (FILLS_MOST // 2)).astype(np.int64) * 2 + rows["side"]
    order = np.argsort(cell, kind="stable")
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    made = rows[order[first]]
    lots = np.add.reduceat(rows["lots"][order], first)
    made["price"] = np.round(np.add.reduceat((rows["price"].astype(np.float64) * rows["lots"])[order], first) / lots)
    made["lots"], made["maker"] = lots, np.logical_or.reduceat(rows["maker"][order], first)
    counts = np.diff(np.append(first, len(rows)))
    back = np.argsort(made["ts"], kind="stable")
    return made[back], counts[back].tolist()
