// P&L by symbol: realised and unrealised, with bars on one scale.

import { empty, field, flag, h, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number, signOf } from "../format.mjs";
import { view } from "../view.mjs";

function bar(td, name, text, most) {
  if (!td.firstChild) td.append(h("span.num"), h("span.tb-pnl-bar", {}, h("span")));
  field(td.firstChild, name, text, number(text, { places: 2, sign: true }));
  const inner = td.lastChild.firstChild;
  inner.style.transform = `scaleX(${most ? (Math.abs(Number(text ?? 0)) / most).toFixed(3) : 0})`;
  for (const one of [td.firstChild, inner]) {
    flag(one, "tb-up", signOf(text) > 0);
    flag(one, "tb-down", signOf(text) < 0);
  }
}

export function mount(body) {
  const top = head("P&L by symbol");
  let most = 0;
  const table = new Table([
    { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
    ...["realized", "unrealized"].map((name) => ({ name: "pnl", title: name === "realized" ? "Realised" : "Unrealised", kind: "num", cell: (row, td) => bar(td, `pnl.${row.symbol}.${name}`, row[name + "_pnl"], most) })),
  ], { caption: "P&L by symbol" });
  const nothing = empty("No P&L yet: it begins with the first fill.");
  body.append(top.element, table.scroll, nothing);
  let newest = null;
  function show() {
    const one = newest && view.account(newest.portfolios);
    const rows = one ? Object.entries(one.positions).map(([symbol, of]) => ({ symbol, ...of })).filter((row) => row.realized_pnl !== null || row.unrealized_pnl !== null) : [];
    most = Math.max(0, ...rows.flatMap((row) => [row.realized_pnl, row.unrealized_pnl].map((text) => Math.abs(Number(text ?? 0)))));
    table.show(rows, (row) => row.symbol);
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = !rows.length;
    if (one && Object.keys(one.positions).length && !rows.length) say(nothing.firstChild, "A recorded run has its P&L by symbol in its report: see Backtests.");
  }
  feed.want("accounts", { topic: "accounts" }, (data) => { newest = data; show(); });
  view.addEventListener("change", show);
}
