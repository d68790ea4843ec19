// What settles when: each instruction, and each net of a day that is not over.

import { answer } from "../answers.mjs";
import { empty, field, flag, head, pill, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number, signOf } from "../format.mjs";
import { view } from "../view.mjs";

const TONES = { TRADED: "info", INSTRUCTED: "accent", FAILED: "down" };
const AGAIN_MS = 15_000;

/** Call `listener(name)` when the page shows a portfolio, and when it shows another. */
export function onPortfolio(listener) {
  let name = null;
  let newest = null;
  const look = () => {
    const one = newest && view.account(newest.portfolios);
    if (!one || one.name === name) return;
    name = one.name;
    listener(name);
  };
  feed.want("accounts", { topic: "accounts" }, (data) => { newest = data; look(); });
  view.addEventListener("change", look);
}

export function mount(body) {
  const top = head("Settlement");
  const key = (row) => `${row.settles}.${row.symbol}.${row.traded}.${row.instruction ?? "open"}`;
  const table = new Table([
    { name: "settles", title: "Settles", cell: (row, td) => say(td, row.settles) },
    { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
    { name: "status", title: "Status", cell: (row, td) => pill(td, row.tries ? `${row.status} ×${row.tries}` : row.status, TONES[row.status] ?? "info") },
    { name: "quantity", title: "Quantity", kind: "num", cell: (row, td) => { field(td, `settlement.${key(row)}.quantity`, row.quantity, number(row.quantity, { sign: true })); flag(td, "tb-down", signOf(row.quantity) < 0); } },
    { name: "cash", title: "Cash", kind: "num", cell: (row, td) => { field(td, `settlement.${key(row)}.cash`, row.cash, number(row.cash, { places: 2, sign: true })); flag(td, "tb-down", signOf(row.cash) < 0); } },
  ], { caption: "What settles when" });
  const nothing = empty("The log is being read …");
  table.scroll.hidden = true;
  body.append(top.element, table.scroll, nothing);
  let name = "";
  async function load(wanted) {
    name = wanted;
    const { ok, data } = await answer("settlement", { portfolio: wanted });
    if (name !== wanted) return;
    const rows = ok ? data.rows : [];
    table.show(rows, key);
    table.scroll.hidden = !rows.length;
    nothing.hidden = rows.length > 0;
    say(nothing.firstChild, ok ? data.why ?? "Everything is settled." : data.detail);
    say(top.sub, rows.length ? `${rows.length} to settle` : "");
  }
  onPortfolio(load);
  if (feed.welcome.about.live) setInterval(() => name && !document.hidden && load(name), AGAIN_MS);
}
