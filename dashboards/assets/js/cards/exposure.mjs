// Exposure by portfolio, by symbol, by trader.

import { empty, field, flag, h, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, number, signOf } from "../format.mjs";
import { instrument } from "../view.mjs";

function signed(td, name, text, places = 2) {
  field(td, name, text, number(text, { places, sign: true }));
  flag(td, "tb-up", signOf(text) > 0);
  flag(td, "tb-down", signOf(text) < 0);
}

const money = (name, title, key) => ({ name, title, kind: "num", cell: (row, td) => field(td, `${key(row)}.${name}`, row[name], number(row[name], { places: 0 })) });

export function mount(body) {
  const top = head("Exposure");
  const account = (row) => `portfolio.${row.name}`;
  const symbol = (row) => `exposure.${row.symbol}`;
  const trader = (row) => `trader.${row.trader}`;
  const views = {
    Portfolio: new Table([
      { name: "symbol", title: "Portfolio", cell: (row, td) => say(td, row.name) },
      money("cash", "Cash", account), money("equity", "Equity", account), money("exposure", "Exposure", account),
      { name: "leverage", title: "Leverage", kind: "num", cell: (row, td) => field(td, `portfolio.${row.name}.leverage`, row.leverage, row.leverage === null ? "—" : number(row.leverage, { places: 2 }) + "×") },
      { name: "net_pnl", title: "Net P&L", kind: "num", cell: (row, td) => signed(td, `portfolio.${row.name}.net_pnl`, row.net_pnl, 0) },
    ], { caption: "Exposure by portfolio" }),
    Symbol: new Table([
      { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
      ...["long", "short"].map((name) => ({ name, title: name === "long" ? "Long" : "Short", kind: "num", cell: (row, td) => field(td, `exposure.${row.symbol}.${name}`, row[name], number(row[name])) })),
      { name: "net", title: "Net", kind: "num", cell: (row, td) => { field(td, `exposure.${row.symbol}.net`, row.net, number(row.net, { sign: true })); flag(td, "tb-up", signOf(row.net) > 0); flag(td, "tb-down", signOf(row.net) < 0); } },
      { name: "mark", title: "Mark", kind: "num", cell: (row, td) => field(td, `exposure.${row.symbol}.mark`, row.mark, number(row.mark, { least: decimalsOf(instrument(row.symbol)?.tick ?? 0) })) },
      { name: "unrealized", title: "Unreal.", kind: "num", cell: (row, td) => signed(td, `exposure.${row.symbol}.unrealized_pnl`, row.unrealized_pnl) },
    ], { caption: "Exposure by symbol" }),
    Trader: new Table([
      { name: "symbol", title: "Trader", cell: (row, td) => say(td, row.trader) },
      { name: "orders", title: "Open orders", kind: "num", cell: (row, td) => field(td, `trader.${row.trader}.orders`, row.orders, number(String(row.orders))) },
      money("buys", "Working buys", trader), money("sells", "Working sells", trader),
    ], { caption: "Working orders by trader" }),
  };
  const nothings = { Portfolio: "No portfolio is yours to see.", Symbol: "Nobody holds a position.", Trader: "No order is open." };
  let chosen = "Portfolio";
  const buttons = Object.keys(views).map((name) => h("button.tb-segment", { type: "button", "aria-pressed": String(name === chosen), onclick: () => { chosen = name; show(); } }, name));
  top.right.append(h("span.tb-segments", { role: "group", "aria-label": "Exposure by" }, ...buttons));
  const nothing = empty("");
  body.append(top.element, ...Object.values(views).map((one) => one.scroll), nothing);
  const rows = { Portfolio: [], Symbol: [], Trader: [] };
  function show() {
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === chosen)));
    for (const [name, table] of Object.entries(views)) table.scroll.hidden = name !== chosen || !rows[name].length;
    views[chosen].show(rows[chosen], { Portfolio: (row) => row.name, Symbol: (row) => row.symbol, Trader: (row) => row.trader }[chosen]);
    nothing.hidden = rows[chosen].length > 0;
    say(nothing.firstChild, nothings[chosen]);
  }
  feed.want("accounts", { topic: "accounts" }, (data) => { rows.Portfolio = data.portfolios; show(); });
  feed.want("exposure", { topic: "exposure" }, (data) => { rows.Symbol = data.symbols; rows.Trader = data.traders; show(); });
}
