// What limits and rules refused, and alarms: with the rule that fired, what was found and what is allowed.

import { empty, field, h, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { clock, number, trimmed } from "../format.mjs";

export function mount(body) {
  const top = head("Breaches and failures");
  const name = (row, what) => `refusal.${row.seq}.${what}`;
  const table = new Table([
    { name: "time", title: "Time", cell: (row, td) => say(td, clock(row.ts)) },
    { name: "kind", title: "By", cell: (row, td) => { if (!td.firstChild) td.append(h("span.tb-pill")); say(td.firstChild, row.word); td.firstChild.dataset.tone = row.word === "Risk" ? "down" : "warn"; } },
    { name: "portfolio", title: "Portfolio", cell: (row, td) => say(td, row.portfolio ?? "—") },
    { name: "trader", title: "Trader", cell: (row, td) => say(td, row.trader || "—") },
    { name: "id", title: "Order", kind: "num", cell: (row, td) => say(td, row.order_id ? String(row.order_id) : "—") },
    { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol ?? "—") },
    { name: "reason", title: "Rule", cell: (row, td) => field(td, name(row, "reason"), row.reason, row.reason) },
    { name: "value", title: "Found", kind: "num", cell: (row, td) => field(td, name(row, "value"), row.value, number(row.value === null ? null : trimmed(row.value))) },
    { name: "limit", title: "Allowed", kind: "num", cell: (row, td) => field(td, name(row, "limit"), row.limit, number(row.limit === null ? null : trimmed(row.limit))) },
  ], { caption: "Breaches of limits and failed checks, newest first" });
  const nothing = empty("Nothing was refused, and no alarm was raised.");
  body.append(top.element, table.scroll, nothing);
  feed.want("refusals", { topic: "refusals" }, (data) => {
    const rows = [...data.breaches.map((row) => ({ ...row, word: "Risk" })), ...data.failures.map((row) => ({ ...row, word: "Rule" }))].sort((a, b) => b.seq - a.seq);
    table.show(rows, (row) => `${row.word} ${row.seq}`);
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = !rows.length;
    field(top.right, "refusals.count", rows.length, rows.length ? `newest ${rows.length}` : "");
  });
}
