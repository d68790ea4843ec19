// Cases of surveillance: those that the session's service keeps, or those that the rules find in the log when asked.

import { answer, csv, save } from "../answers.mjs";
import { empty, field, h, head, say, Table } from "../dom.mjs";
import { number } from "../format.mjs";

const COLUMNS = ["rule", "trader", "symbol", "first_seq", "last_seq", "started", "ended", "value", "threshold", "facts", "text"];

export function mount(body) {
  const top = head("Surveillance");
  const look = h("button.tb-act.tb-wide", { type: "button", onclick: () => load(true) }, "Look through the log now");
  const out = h("button.tb-act.tb-wide", { type: "button", hidden: true, onclick: () => save("cases.csv", csv(COLUMNS, rows.map((row) => COLUMNS.map((name) => row[name])))) }, "CSV");
  top.right.append(look, out);
  const name = (row, what) => `case.${row.rule}.${row.trader}.${row.last_seq}.${what}`;
  let rules = {};
  const table = new Table([
    { name: "time", title: "Ended", cell: (row, td) => say(td, row.ended.slice(0, 19).replace("T", " ")) },
    { name: "rule", title: "Rule", cell: (row, td) => { say(td, row.rule); td.title = rules[row.rule] ?? ""; } },
    { name: "trader", title: "Trader", cell: (row, td) => say(td, row.trader ?? "—") },
    { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol ?? "—") },
    { name: "value", title: "Found", kind: "num", cell: (row, td) => field(td, name(row, "value"), row.value, number(row.value, { places: 2 })) },
    { name: "threshold", title: "Threshold", kind: "num", cell: (row, td) => field(td, name(row, "threshold"), row.threshold, number(row.threshold, { places: 2 })) },
    { name: "facts", title: "Facts", kind: "num", cell: (row, td) => field(td, name(row, "facts"), row.facts, number(String(row.facts))) },
    { name: "text", title: "What", cell: (row, td) => { say(td, row.text); td.title = `seqs ${row.first_seq} to ${row.last_seq}: ${row.text}`; } },
  ], { caption: "Cases of surveillance, newest first" });
  const nothing = empty("");
  body.append(top.element, table.scroll, nothing);
  let rows = [];
  async function load(now) {
    look.disabled = true;
    if (now) say(look, "Looking …");
    const { ok, data } = await answer("cases", { look: now ? 1 : "" });
    look.disabled = false;
    say(look, "Look through the log now");
    rows = ok ? data.cases ?? [] : [];
    rules = ok ? Object.fromEntries(data.rules.map((one) => [one.name, `${one.says}; ${one.source}`])) : {};
    table.show(rows, (row) => `${row.rule} ${row.trader} ${row.symbol} ${row.first_seq} ${row.last_seq}`);
    table.scroll.hidden = out.hidden = !rows.length;
    nothing.hidden = rows.length > 0;
    const none = data.cases === null ? "No surveillance service keeps cases here ([surveillance] in the session’s configuration starts one); the button above looks through the log once." : "No rule has found a case.";
    say(nothing.firstChild, ok ? none : data.detail);
    field(top.sub, "cases.count", ok && data.cases !== null ? rows.length : null, rows.length ? `${rows.length} cases, ${now ? "as the rules find them in the log now" : "kept by the service"}` : "");
  }
  load(false);
}
