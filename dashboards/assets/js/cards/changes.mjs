// Who changed what, when, and why: the privileged actions as they were written down before they were carried out.

import { empty, h, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";

const HOW = { KILL: "down", HALT: "warn", REVIVE: "up", RESUME: "up", SET_LIMITS: "accent" };

export function described(one) {
  if (one.action === "SET_LIMITS") {
    const limits = Object.entries(one.limits ?? {}).map(([name, value]) => `${name.replace("max_", "").replaceAll("_", " ")} ${/^-?\d/.test(value) ? number(value) : value}`);
    return `${one.portfolio}: ${limits.join(", ") || "no limits"}`;
  }
  return one.symbol ?? [one.portfolio && `portfolio ${one.portfolio}`, one.trader && `trader ${one.trader}`].filter(Boolean).join(", ") ?? "";
}

export function mount(body) {
  const top = head("Who changed what");
  const table = new Table([
    { name: "time", title: "Time", cell: (row, td) => say(td, row.ts.slice(0, 19).replace("T", " ")) },
    { name: "who", title: "Who", cell: (row, td) => say(td, row.who) },
    { name: "action", title: "Action", cell: (row, td) => { if (!td.firstChild) td.append(h("span.tb-pill")); say(td.firstChild, row.action); td.firstChild.dataset.tone = HOW[row.action] ?? "info"; } },
    { name: "what", title: "What", cell: (row, td) => say(td, described(row) || "the session") },
    { name: "reason", title: "Reason", cell: (row, td) => say(td, row.reason) },
  ], { caption: "Privileged actions, newest first" });
  const nothing = empty("Nobody has used a switch or changed a limit in this session.");
  body.append(top.element, table.scroll, nothing);
  feed.want("controls", { topic: "controls" }, (data) => {
    const rows = data.actions ?? [];
    table.show(rows, (row) => `${row.seq} ${row.ts}`);
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = !rows.length;
    if (!data.actions) say(nothing.firstChild, "Who used a switch, and why, is shown to risk, compliance and admin.");
  });
}
