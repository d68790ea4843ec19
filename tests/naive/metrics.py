"""Every figure of a summary again, slowly: plain Python over the facts and samples of a recording, one at a time."""

import math
import statistics
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

from backtest.recording import Recording
from engine.messages.vocabulary import HISTORY, Flag, Kind, Reason

UNCOUNTED = 0xFFFFFFFF
SECOND = 10**9
HORIZONS = {
    "spread_captured": 0,
    "markout_100ms": SECOND // 10,
    "markout_1s": SECOND,
    "markout_10s": 10 * SECOND,
    "markout_60s": 60 * SECOND,
}


class Run:
    """A recording as lists of dictionaries."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.facts = [dict(zip(recording.facts.dtype.names, row)) for row in recording.facts.tolist()]
        self.samples = [dict(zip(recording.samples.dtype.names, row)) for row in recording.samples.tolist()]
        self.values = [int(i.value(recording.decimals)) for i in recording.instruments]
        self.by_symbol = [[s for s in self.samples if s["instrument"] == n] for n in range(len(recording.instruments))]
        self.times = [[s["ts"] for s in rows] for rows in self.by_symbol]
        self.start = max(recording.start, min(recording.warm_up_end, recording.end))
        self.end = recording.end
        self.sessions = self.days()
        self.orders: dict[tuple[int, int], dict[str, Any]] = {}
        self.entry: dict[tuple[int, int], int] = {}
        self.fills = self.own_fills()
        self.points = self.equity()

    def days(self) -> list[tuple[int, int]]:
        zone = self.recording.zone

        def day(ts: int) -> Any:
            return datetime.fromtimestamp(ts // SECOND, UTC).astimezone(zone).date()

        days: dict[Any, list[int]] = {}
        for s in self.samples:
            if self.start <= s["ts"] <= self.end:
                days.setdefault(day(s["ts"]), []).append(s["ts"])
        if not days:
            return [(self.start, self.end)]
        spans = [[min(v), max(v)] for v in days.values()]
        if day(self.start) == next(iter(days)):
            spans[0][0] = self.start
        if day(self.end) == list(days)[-1]:
            spans[-1][1] = self.end
        return [(a, b) for a, b in spans]

    def middle(self, number: int, ts: int, before: bool = False) -> int | None:
        """bid + ask as of `ts`."""
        index = (bisect_left if before else bisect_right)(self.times[number], ts) - 1
        if index < 0:
            return None
        s = self.by_symbol[number][index]
        return s["bid"] + s["ask"] if s["has"] & 3 == 3 else None

    def own_fills(self) -> list[dict[str, Any]]:
        fills, held = [], {}
        for fact in self.facts:
            self.follow(fact)
            if fact["kind"] != Kind.TradeExecuted:
                continue
            for maker in (True, False):
                side = fact["side"] if not maker else 1 - fact["side"]
                p = "maker_" if maker else ""
                if fact[p + "trader"] == HISTORY:
                    continue
                n, sign = fact["instrument"], 1 if side == 0 else -1
                notional = fact["price"] * fact["quantity"] * self.values[n]
                account = (fact[p + "portfolio"], n)
                held[account] = held.get(account, 0) + sign * fact["quantity"]
                key = (fact[p + "trader"], fact[p + "order_id"])
                fills.append(
                    {
                        "ts": fact["ts"],
                        "n": n,
                        "account": account,
                        "sign": sign,
                        "price": fact["price"],
                        "lots": fact["quantity"],
                        "fee": fact[p + "fee"],
                        "flow": -sign * notional - fact[p + "fee"],
                        "notional": abs(notional),
                        "maker": maker,
                        "position": held[account],
                        "middle": self.middle(n, fact["ts"], before=True),
                        "seq": fact["seq"],
                        "queued": maker and bool(fact["flags"] & Flag.TAKER_HISTORY) and fact["ahead"] != UNCOUNTED,
                        "ahead": fact["ahead"],
                        "entry": self.entry.get(key, 0),
                        "estimated": maker and bool(fact["flags"] & Flag.ESTIMATED),
                    }
                )
                order = self.orders[key]
                order["executed"] += fact["quantity"]
                order["open"] = fact[p + "remaining"]
                order["status"] = "FILLED" if order["open"] == 0 else "PARTIALLY_FILLED"
                if order["first_fill"] is None:
                    order["first_fill"] = fact["ts"]
                    order["rested"] = maker
        return fills

    def follow(self, fact: dict[str, Any]) -> None:
        """Keep the orders' state, without their fills."""
        key, kind = (fact["trader"], fact["order_id"]), fact["kind"]
        if kind == Kind.OrderCreated or (kind == Kind.OrderRejected and fact["reason"] > Reason.DUPLICATE_ORDER):
            self.orders[key] = {
                "created": fact["ts"],
                "quantity": fact["quantity"],
                "price": fact["price"],
                "executed": 0,
                "first_fill": None,
                "rested": False,
                "status": "NEW" if kind == Kind.OrderCreated else "REJECTED",
                "open": fact["remaining"],
            }
            self.entry[key] = fact["ahead"]
        elif kind == Kind.OrderReplaced:
            order = self.orders[key]
            if fact["price"] != order["price"] or fact["quantity"] > order["quantity"]:
                self.entry[key] = fact["ahead"]
            order.update(quantity=fact["quantity"], price=fact["price"], open=fact["remaining"])
        elif kind in (Kind.OrderCancelled, Kind.OrderExpired):
            self.orders[key]["status"] = "CANCELLED" if kind == Kind.OrderCancelled else "EXPIRED"

    def equity(self) -> list[dict[str, Any]]:
        """State of the account at every time when something changed: own fill first, then deposit, then the sample of that time."""
        events = [(f["ts"], 0, f["seq"], "fill", f) for f in self.fills]
        events += [(f["ts"], 0, f["seq"], "mark", f) for f in self.facts if f["kind"] == Kind.PriceMarked]
        events += [
            (f["ts"], 0, f["seq"], "deposit", f) for f in self.facts if f["kind"] == Kind.CashDeposited and f["ts"] > self.recording.start
        ]
        events += [(s["ts"], 1, i, "sample", s) for i, s in enumerate(self.samples)]
        events += [(t, 2, 0, "end", {}) for t in (self.start, self.end)]
        recorded = self.recorded_marks()
        events += [(row["ts"], 1, i, "recorded", row) for i, row in enumerate(recorded or [])]
        count = len(self.values)
        cash = capital = self.recording.opening_cash
        held, mark, seen, middle = [0] * count, [0] * count, [None] * count, [None] * count
        points: list[dict[str, Any]] = []
        for ts, _, _, what, e in sorted(events, key=lambda one: one[:3]):
            if what == "fill":
                cash += e["flow"]
                held[e["n"]] += e["sign"] * e["lots"]
                if recorded is None:
                    mark[e["n"]] = e["price"]
            elif what == "mark":
                if recorded is not None:
                    continue
                mark[e["instrument"]] = e["price"]
            elif what == "recorded":
                mark[e["instrument"]] = e["price"]
                if not held[e["instrument"]]:
                    continue
            elif what == "deposit":
                cash += e["value"]
                capital += e["value"]
            elif what == "sample":
                n = e["instrument"]
                if recorded is None and e["has"] & 4 and seen[n] != (e["last"], e["volume"]):
                    seen[n] = (e["last"], e["volume"])
                    mark[n] = e["last"]
                middle[n] = e["bid"] + e["ask"] if e["has"] & 3 == 3 else None
            value = [h * m * v for h, m, v in zip(held, mark, self.values)]
            point = {
                "ts": ts,
                "equity": cash + sum(value),
                "capital": capital,
                "held": list(held),
                "mark": list(mark),
                "notional": sum(map(abs, value)),
                "middle": list(middle),
            }
            if points and points[-1]["ts"] == ts:
                points[-1] = point
            elif self.start <= ts <= self.end:
                points.append(point)
        return points

    def recorded_marks(self) -> list[dict[str, Any]] | None:
        """Every change of a mark; None where the recording has only samples, fills and MARKs."""
        marks = self.recording.marks
        return None if marks is None else [dict(zip(marks.dtype.names, row)) for row in marks.tolist()]

    def at(self, ts: int) -> dict[str, Any]:
        return self.points[bisect_right([p["ts"] for p in self.points], ts) - 1]

    def trips(self) -> list[dict[str, Any]]:
        """Round trips, by walking through the fills of each account."""
        trips: list[dict[str, Any]] = []
        current: dict[Any, dict[str, Any]] = {}
        for f in self.fills:
            left, fee_left = f["lots"], f["fee"]
            while left:
                trip = current.get(f["account"])
                if trip is None:
                    trip = current[f["account"]] = {
                        "n": f["n"],
                        "entry": f["ts"],
                        "sign": f["sign"],
                        "held": 0,
                        "cash": 0,
                        "entered": 0,
                        "fees": 0,
                        "steps": [],
                    }
                    trips.append(trip)
                closes = trip["sign"] != f["sign"]
                lots = min(left, abs(trip["held"])) if closes else left
                fee = fee_left if lots == left else int(math.copysign(abs(f["fee"]) * lots // f["lots"], f["fee"]))
                notional = f["price"] * lots * self.values[f["n"]]
                trip["cash"] += -f["sign"] * notional - fee
                trip["fees"] += fee
                trip["held"] += f["sign"] * lots
                trip["entered"] += 0 if closes else notional
                trip["steps"].append((f["ts"], trip["cash"], trip["held"]))
                left -= lots
                fee_left -= fee
                if trip["held"] == 0:
                    trip["exit"] = f["ts"]
                    del current[f["account"]]
        last = self.points[-1]
        for trip in trips:
            trip["open"] = trip["held"] != 0
            trip["pnl"] = trip["cash"]
            if trip["open"]:
                trip["pnl"] += trip["held"] * self.final_mark(trip["n"]) * self.values[trip["n"]]
                trip["exit"] = last["ts"]
        return trips

    def final_mark(self, n: int) -> int:
        mark, seen = 0, None
        recorded = self.recorded_marks()
        if recorded is not None:
            return [0, *(row["price"] for row in recorded if row["instrument"] == n and row["ts"] <= self.end)][-1]
        events = [(f["ts"], 0, f["seq"], f["price"], None) for f in self.fills if f["n"] == n]
        events += [(s["ts"], 1, i, s["last"], (s["last"], s["volume"])) for i, s in enumerate(self.by_symbol[n]) if s["has"] & 4]
        for _, _, _, price, key in sorted(events, key=lambda one: one[:3]):
            if key is None or key != seen:
                mark = price
            seen = key or seen
        return mark

    def excursions(self, trip: dict[str, Any]) -> tuple[int, int]:
        """Highest and lowest P&L at the mark, in money units, at every change while it was held."""
        course = [trip["pnl"]]
        for point in self.points:
            steps = [step for step in trip["steps"] if step[0] <= point["ts"]]
            if steps and steps[-1][2]:
                course.append(steps[-1][1] + steps[-1][2] * point["mark"][trip["n"]] * self.values[trip["n"]])
        return max(course), min(course)


def divide(a: float, b: float) -> float | None:
    return a / b if b else None


def middle_of(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def naive_summary(recording: Recording) -> dict[str, Any]:
    """All figures of `metrics.summarise`, but for the text of open positions."""
    run = Run(recording)
    return {**result(run), **ratios(run), **trading(run), **execution(run), **exposure(run), **trip_figures(run)}


def result(run: Run) -> dict[str, Any]:
    unit, last = run.recording.unit, run.points[-1]
    net, fees = last["equity"] - last["capital"], sum(f["fee"] for f in run.fills)
    trips = run.trips()
    peak, under = 0, False
    depth, part, length, open_since = 0, 0.0, 0, None
    previous = run.points[0]["ts"]
    deepest_start = None
    for p in run.points:
        pnl = p["equity"] - p["capital"]
        if pnl >= peak:
            if under and deepest_start == open_since:
                length = p["ts"] - deepest_start
            peak, under = pnl, False
        else:
            if not under:
                under, open_since = True, previous
            if pnl - peak < depth:
                depth, deepest_start = pnl - peak, open_since
            part = min(part, (pnl - peak) / (p["equity"] - (pnl - peak)))
        previous = p["ts"]
    if under and deepest_start == open_since:
        length = run.points[-1]["ts"] - deepest_start
    return {
        "net_pnl": net / unit,
        "gross_pnl": (net + fees) / unit,
        "start_equity": run.recording.opening_cash / unit,
        "end_equity": last["equity"] / unit,
        "closed_pnl": sum(t["pnl"] for t in trips if not t["open"]) / unit,
        "open_pnl": sum(t["pnl"] for t in trips if t["open"]) / unit,
        "total_return": net / last["capital"] if last["capital"] > 0 else None,
        "max_drawdown": depth / unit,
        "max_drawdown_fraction": part if all(p["capital"] > 0 for p in run.points) else None,
        "max_drawdown_duration": length / 1e9,
        "fees": fees / unit,
        "fees_paid": sum(f["fee"] for f in run.fills if f["fee"] > 0) / unit,
        "rebates": -sum(f["fee"] for f in run.fills if f["fee"] < 0) / unit,
    }


def interval_returns(run: Run) -> tuple[list[float], int, float]:
    if len(run.sessions) >= 20:
        points, step, per = [run.sessions[0][0]] + [b for _, b in run.sessions], 86_400 * SECOND, 1.0
    else:
        length = sum(b - a for a, b in run.sessions) // len(run.sessions)
        steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]
        step = max([s for s in steps if length // (s * SECOND) >= 100], default=1) * SECOND
        points = [run.sessions[0][0]]
        for a, b in run.sessions:
            t = a + step
            while t <= b:
                points.append(t)
                t += step
        per = (len(points) - 1) / len(run.sessions)
    if any(p["equity"] <= 0 for p in run.points):
        return [], step, per
    states = [run.at(t) for t in points]
    changes = []
    for a, b in pairwise(states):
        paid_in = b["capital"] - a["capital"]
        changes.append((b["equity"] - a["equity"] - paid_in) / (a["equity"] + paid_in))
    return changes, step, per


def ratios(run: Run) -> dict[str, Any]:
    r, step, per = interval_returns(run)
    n, yearly = len(r), math.sqrt(252 * per)
    figures: dict[str, Any] = dict.fromkeys(("sharpe", "sharpe_interval", "probabilistic_sharpe", "sortino", "volatility"))
    figures.update(return_interval=step / 1e9, return_count=n)
    if n < 20:
        return figures
    mean = math.fsum(r) / n
    square = math.fsum((x - mean) ** 2 for x in r)
    deviation = math.sqrt(square / (n - 1))
    figures["volatility"] = deviation * yearly
    down = math.sqrt(math.fsum(min(x, 0) ** 2 for x in r) / n)
    figures["sortino"] = mean / down * yearly if down else None
    if deviation:
        sharpe, population = mean / deviation, math.sqrt(square / n)
        skew = math.fsum(((x - mean) / population) ** 3 for x in r) / n
        kurtosis = math.fsum(((x - mean) / population) ** 4 for x in r) / n
        z = sharpe * math.sqrt(n - 1) / math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
        figures.update(sharpe=sharpe * yearly, sharpe_interval=sharpe, probabilistic_sharpe=statistics.NormalDist().cdf(z))
    return figures


def trading(run: Run) -> dict[str, Any]:
    fills, facts = run.fills, run.facts
    accepted = [o for o in run.orders.values() if o["status"] != "REJECTED"]
    turnover = sum(f["notional"] for f in fills)
    answers = (Kind.OrderCreated, Kind.OrderRejected, Kind.OrderReplaced, Kind.ReplaceRejected, Kind.CancelRejected)
    messages = sum(f["kind"] in answers for f in facts)
    messages += sum(f["kind"] == Kind.OrderCancelled and f["reason"] in (Reason.REQUESTED, Reason.QUANTITY_EXECUTED) for f in facts)
    printed = run.recording.printed
    others = sum(rows[-1]["volume"] for rows in run.by_symbol if rows) if printed is None else sum(printed)
    others -= sum({f["seq"]: f["lots"] for f in fills}.values())
    queued = [f for f in fills if f["queued"]]
    waited = [o["first_fill"] - o["created"] for o in accepted if o["first_fill"] is not None and o["rested"]]
    return {
        "orders": len(run.orders),
        "rejected_orders": sum(f["kind"] == Kind.OrderRejected for f in facts),
        "fills": len(fills),
        "maker_share": divide(sum(f["notional"] for f in fills if f["maker"]), turnover),
        "fill_ratio": divide(sum(o["executed"] for o in accepted), sum(o["quantity"] for o in accepted)),
        "filled_orders": divide(sum(o["status"] == "FILLED" for o in accepted), len(accepted)),
        "order_to_trade": divide(messages, len(fills)),
        "turnover": turnover / run.recording.unit,
        "turnover_cash": turnover / run.recording.opening_cash if run.recording.opening_cash > 0 else None,
        "market_share": divide(sum(f["lots"] for f in fills), max(0, others)),
        "queue_ahead_entry": middle_of([f["entry"] for f in queued if f["entry"] != UNCOUNTED]),
        "queue_ahead_fill": middle_of([f["ahead"] for f in queued]),
        "estimated_share": divide(sum(f["estimated"] for f in fills), sum(f["maker"] for f in fills)),
        "time_to_fill": middle_of([w / 1e9 for w in waited]),
    }


def execution(run: Run) -> dict[str, Any]:
    figures = middles_of(run, run.middle, "")
    samples = [] if run.recording.market is None else run.recording.market().tolist()
    rows = [dict(zip(run.recording.samples.dtype.names, row)) for row in samples]
    alone = [[s for s in rows if s["instrument"] == n] for n in range(len(run.values))]
    return figures | middles_of(run, partial(middle_of_samples, alone), "market_")


def middle_of_samples(by_symbol: list[list[dict[str, Any]]], number: int, ts: int, before: bool = False) -> int | None:
    """bid + ask of the last sample as of `ts`."""
    earlier = [s for s in by_symbol[number] if s["ts"] < ts or (s["ts"] == ts and not before)]
    return earlier[-1]["bid"] + earlier[-1]["ask"] if earlier and earlier[-1]["has"] & 3 == 3 else None


def middles_of(run: Run, middle_at: Any, prefix: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, horizon in HORIZONS.items():
        name = prefix + name
        ticks = money = notional = lots = 0.0
        known = 0
        for f in run.fills:
            closing = next((b for _, b in run.sessions if f["ts"] <= b), run.sessions[-1][1])
            middle = middle_at(f["n"], f["ts"] + horizon, before=not horizon)
            if middle is None or f["ts"] + horizon > closing:
                continue
            edge = f["sign"] * (middle / 2 - f["price"])
            known += 1
            lots += f["lots"]
            ticks += edge / run.recording.instruments[f["n"]].tick_units * f["lots"]
            money += edge * f["lots"] * run.values[f["n"]]
            notional += f["notional"]
        figures[name] = money / run.recording.unit if known else None
        figures[f"{name}_ticks"] = divide(ticks, lots)
        figures[f"{name}_bps"] = divide(1e4 * money, notional)
    return figures


def exposure(run: Run) -> dict[str, Any]:
    total = held = weighted = exposed = 0.0
    for p, q in pairwise(run.points):
        gap = any(p["ts"] >= b and p["ts"] < c for (_, b), (c, _) in pairwise(run.sessions))
        last = 0 if gap else q["ts"] - p["ts"]
        total += last
        held += last * any(p["held"])
        weighted += last * abs(p["held"][0])
        exposed += last * p["notional"]
    one = len(run.values) == 1
    return {
        "time_in_market": divide(held, total),
        "position_average": divide(weighted, total) if one else None,
        "position_max": max(abs(p["held"][0]) for p in run.points) if one else None,
        "notional_average": exposed / total / run.recording.unit if total else None,
        "notional_max": max(p["notional"] for p in run.points) / run.recording.unit,
    }


def trip_figures(run: Run) -> dict[str, Any]:
    trips = run.trips()
    closed, unit = [t for t in trips if not t["open"]], run.recording.unit
    pnl = [t["pnl"] for t in closed]
    parts = [1e4 * t["pnl"] / abs(t["entered"]) for t in closed if t["entered"]]
    return {
        "round_trips": len(closed),
        "open_trips": len(trips) - len(closed),
        "win_rate": divide(sum(x > 0 for x in pnl), len(pnl)),
        "profit_factor": divide(sum(x for x in pnl if x > 0), -sum(x for x in pnl if x < 0)),
        "average_trip": sum(pnl) / len(pnl) / unit if pnl else None,
        "expectancy": divide(sum(parts), len(parts)),
        "best_trip": max(pnl) / unit if pnl else None,
        "worst_trip": min(pnl) / unit if pnl else None,
        "trip_duration": middle_of([(t["exit"] - t["entry"]) / 1e9 for t in closed]),
    }
