"""The page of a portfolio's day: one HTML file without a script and without variables of style, so that mail shows it, too."""

import re
from decimal import Decimal
from html import escape
from typing import Any

import numpy as np

from backtest.report import charts
from backtest.report.cards import card, table
from backtest.report.charts import Plot, TimeAxis, area, path, plot, steps
from backtest.report.pictures import packaged
from dashboards.reports.day import REFUSALS_SHOWN, TRADES_SHOWN, Day
from live.wire.times import time_text

DASH = "—"
_VARIABLE = re.compile(r"var\(--(\w+)\)")
_OWN = (
    ".chart{grid-template-columns:minmax(0,1fr) 92px}.tiles{grid-template-columns:repeat(4,minmax(0,1fr))}.tile .v{font-size:15px}"
    ".pair{display:inline-block}td.n{text-align:right}"
    "time{white-space:nowrap}"
    "@media(max-width:620px){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.xa span:nth-child(even){display:none}"
    "td:not(.n){white-space:normal;overflow-wrap:anywhere}}"
)


def money(value: Decimal | str | float | None, signed: bool = False, places: int = 2) -> str:
    """12,345.67 with a true minus, and a plus where asked; never "-0"."""
    if value is None:
        return DASH
    shown = round(Decimal(str(value)), places)
    text = f"{abs(shown):,.{places}f}"
    return ("−" if shown < 0 else "+" if signed and shown > 0 else "") + text


def plain(value: Decimal | str | None) -> str:
    """A quantity or a price with the decimals that it has."""
    if value is None or value == "":
        return DASH
    text = f"{abs(Decimal(str(value))):,f}"
    return ("−" if Decimal(str(value)) < 0 else "") + text


def field(name: str, value: Any, text: str, tone: bool = False) -> str:
    """A figure that a script finds: its text for people, the exact value beside it."""
    kind = "" if not tone or value is None or not Decimal(str(value)) else " up" if Decimal(str(value)) > 0 else " down"
    exact = "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f'<span class="pair{kind}" data-field="{escape(name)}" data-value="{escape(exact)}">{escape(text)}</span>'


def page(day: Day) -> str:
    """The whole page."""
    body = [_head(day), _tiles(day), _curve(day), _symbols(day), _positions(day), _trades(day), _refusals(day), _settles(day), _end(day)]
    title = f"{escape(day.portfolio)} · {_date(day)} · day {day.number}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title} · Tapebook</title><style>{_style()}</style></head><body>"
        f"<main>{''.join(one for one in body if one)}</main></body></html>"
    )


def _style() -> str:
    """The report's look in its light colours, each written out: programs for mail know no variables."""
    text = packaged("report.css") + packaged("charts.css")
    light = dict(re.findall(r"--(\w+):([^;}]+)", text[: text.index("}")]))
    text = re.sub(r"@media \(prefers-color-scheme:dark\)\{(?:[^{}]|\{[^}]*\})*\}", "", text)
    return _VARIABLE.sub(lambda one: light.get(one[1], "inherit"), text) + _OWN


def _date(day: Day) -> str:
    return time_text(day.times[0])[:10] if day.times[0] else "no fact yet"


def _clock(ns: int) -> str:
    return time_text(ns)[11:19] if ns else DASH


def _head(day: Day) -> str:
    when = f"{_date(day)}, {_clock(day.times[0])} to {_clock(day.times[1])} UTC"
    going = "; the day goes on" if day.running else ""
    return (
        f"<header><h1>{escape(day.portfolio)} <span>{escape(day.session)}, day {day.number}</span></h1>"
        f'<p class="when">{when}, seq {day.seqs[0]:,} to {day.seqs[1]:,}{going}</p></header>'
    )


def _tiles(day: Day) -> str:
    closed = day.closed
    figures = [
        ("Net P&L", field("day.net_pnl", day.net, money(day.net, True), True), "after fees, without deposits"),
        ("Realised", field("day.realized_pnl", day.change("realized_pnl"), money(day.change("realized_pnl"), True), True), "of the day"),
        (
            "Unrealised",
            field("day.unrealized_pnl", day.change("unrealized_pnl"), money(day.change("unrealized_pnl"), True), True),
            "its change",
        ),
        ("Fees", field("day.fees", day.change("fees"), money(day.change("fees"))), "of the day"),
        ("Equity", field("close.equity", closed["equity"], money(closed["equity"])), f"from {money(day.opened['equity'])}"),
        ("Cash", field("close.cash", closed["cash"], money(closed["cash"])), f"deposits {money(day.deposits, True)}"),
        ("Deepest drawdown", field("day.drawdown", day.deepest, money(day.deepest)), "below the highest of the day"),
        ("Trades", field("day.trades", day.trade_count, f"{day.trade_count:,}"), _orders(day)),
    ]
    cells = "".join(
        f'<div class="tile"><span class="k">{k}</span><span class="v">{v}</span><span class="b">{escape(b)}</span></div>'
        for k, v, b in figures
    )
    return f'<div class="tiles">{cells}</div>'


def _orders(day: Day) -> str:
    count = sum(day.orders.values())
    return f"{count:,} orders" + (f", {day.orders['REJECTED']:,} refused" if day.orders.get("REJECTED") else "")


def _curve(day: Day) -> str:
    """Equity with its drawdown below."""
    if len(day.points) < 2 or day.points[0][0] == day.points[-1][0]:
        return card("Equity and drawdown", '<p class="none">Nothing moved yet: the line begins with the second fact of the day.</p>')
    ts = np.array([one[0] for one in day.points], np.int64)
    axis = TimeAxis([(int(ts[0]), int(ts[-1]))])
    equity, below = (np.array([float(one[k]) for one in day.points]) for k in (1, 2))
    x, above = axis.x(ts), plot("equity", 190, [equity], "Equity")
    above.layers.append(path("line", steps(x, above.y(equity))))
    above.tags.append((above.place(equity[-1]), money(equity[-1]), ""))
    under = plot("drawdown", 80, [below], "Drawdown", zero=True)
    under.layers += [path("under", area(x, under.y(below), under.place(0.0))), path("underline", steps(x, under.y(below)))]
    under.x_ticks = axis.ticks()
    marked = [one.grid(4 if one is above else 2, lambda value, places: money(value, places=places)) for one in (above, under)]
    return card("Equity and drawdown", _drawn(marked), "deposits of the day taken as there from its begin")


def _drawn(plots: list[Plot]) -> str:
    return '<p class="name">Drawdown</p>'.join(charts.html(one) for one in plots)


def _symbols(day: Day) -> str:
    heads = ["Symbol", "Bought", "Sold", "~Turnover", "Realised", "Unrealised", "Fees", "Net P&L"]
    rows = []
    for one in sorted(day.symbols, key=lambda each: -abs(each.net)):
        name = f"symbol.{one.symbol}"
        rows.append(
            [
                escape(one.symbol),
                *(field(f"{name}.{what}", value, plain(value)) for what, value in (("bought", one.bought), ("sold", one.sold))),
                field(f"{name}.turnover", one.turnover, money(one.turnover)),
                *(
                    field(f"{name}.{what}", value, money(value, True), True)
                    for what, value in (("realized_pnl", one.realized), ("unrealized_pnl", one.unrealized))
                ),
                field(f"{name}.fees", one.fees, money(one.fees)),
                field(f"{name}.net_pnl", one.net, money(one.net, True), True),
            ]
        )
    body = table(heads, rows) if rows else '<p class="none">Nothing was traded, and no mark moved what is held.</p>'
    return card("P&L by symbol", body, "of the day, at the last marks")


def _positions(day: Day) -> str:
    rows = []
    for symbol, of in day.closed["positions"].items():
        if not of["quantity"]:
            continue
        name = f"position.{symbol}"
        cells = [(what, of[what]) for what in ("quantity", "average_price", "mark")]
        rows.append(
            [
                escape(symbol),
                *(
                    field(f"{name}.{what}", value, plain(_shown(value, None if what == "quantity" else of["mark"])))
                    for what, value in cells
                ),
                field(f"{name}.unrealized_pnl", of["unrealized_pnl"], money(of["unrealized_pnl"], True), True),
            ]
        )
    body = table(["Symbol", "Quantity", "Average", "Mark", "Unrealised"], rows) if rows else '<p class="none">Flat at the end.</p>'
    exposure = money(day.closed.get("exposure"))
    return card("Positions", body, "at the end of the day", f"exposure {exposure}")


def _shown(value: Decimal | None, like: Decimal | None) -> Decimal | None:
    """At most 8 decimals, and with `like`, a price, at least its own and at most two more: a mean is no finer."""
    if value is None:
        return None
    short = round(value, 8 if like is None else min(8, 2 - int(like.as_tuple().exponent))).normalize()
    places = max(-int(short.as_tuple().exponent), 0 if like is None else -int(like.as_tuple().exponent), 0)
    return short.quantize(Decimal(1).scaleb(-places))


def _trades(day: Day) -> str:
    heads = ["Time", "Symbol", "Side", "Quantity", "Price", "~Fee", "~Order"]
    rows = [
        [
            f"<time>{escape(row['ts'][11:19])}</time>",
            escape(row["symbol"]),
            f'<span class="pill {"up" if row["side"] == "BUY" else "down"}">{row["side"]}</span>',
            *(field(f"trade.{row['seq']}.{row['liquidity']}.{name}", row[name], plain(row[name])) for name in ("quantity", "price")),
            field(f"trade.{row['seq']}.{row['liquidity']}.fee", row["fee"], money(row["fee"], places=4)),
            f"{escape(str(row['trader']))} #{row['order_id']}",
        ]
        for row in day.trades
    ]
    body = table(heads, rows, 3) if rows else '<p class="none">No trade on this day.</p>'
    return card("Trades", body, f"the newest {TRADES_SHOWN} of {day.trade_count:,}" if day.trade_count > len(rows) else "newest first")


def _refusals(day: Day) -> str:
    rows = [
        [
            f"<time>{escape(row['ts'][11:19])}</time>",
            escape(str(row["reason"])),
            escape(
                " ".join(
                    str(part)
                    for part in (row["event"], row["symbol"], row["trader"], f"#{row['order_id']}" if row["order_id"] else "")
                    if part
                )
            ),
            field(f"refusal.{row['seq']}.value", row["value"], plain(row["value"])),
            field(f"refusal.{row['seq']}.limit", row["limit"], plain(row["limit"])),
        ]
        for row in day.refusals
    ]
    body = (
        table(["Time", "Rule", "~What", "Value", "Limit"], rows, 3)
        if rows
        else '<p class="none">No limit was crossed, no order was refused for a rule.</p>'
    )
    more = f"the newest {REFUSALS_SHOWN} of {day.refusal_count:,}" if day.refusal_count > len(rows) else ""
    return card("Breaches and refusals", body, more)


def _settles(day: Day) -> str:
    if day.settlement is None:
        return ""
    rows = [
        [
            escape(row["settles"]),
            escape(row["symbol"]),
            escape(row["status"] + (f" ×{row['tries']}" if row["tries"] else "")),
            field(f"settlement.{row['settles']}.{row['symbol']}.quantity", row["quantity"], plain(row["quantity"])),
            field(f"settlement.{row['settles']}.{row['symbol']}.cash", row["cash"], money(row["cash"], True), True),
        ]
        for row in day.settlement
    ]
    body = table(["Settles", "Symbol", "Status", "Quantity", "Cash"], rows, 3) if rows else '<p class="none">Everything is settled.</p>'
    return card("Settlement", body, "what settles when, as of now")


def _end(day: Day) -> str:
    told = f"from the log of session {escape(day.session)} alone; its last fact of the day is of {_clock(day.times[1])} UTC"
    return f'<p class="end">Made by Tapebook {told}.</p>'
