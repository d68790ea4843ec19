// Dead letters: what could not be taken, from where, and why; for those who oversee.

import { answer } from "../answers.mjs";
import { empty, field, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";

const AGAIN_MS = 10_000;

export function mount(body) {
  const top = head("Dead letters");
  const table = new Table([
    { name: "id", title: "From", cell: (row, td) => say(td, row.service) },
    { name: "seq", title: "Seq", kind: "num", cell: (row, td) => field(td, `letter.${row.service}.${row.seq}`, row.seq, String(row.seq)) },
    { name: "error", title: "Why", cell: (row, td) => { say(td, row.error); td.title = row.error; } },
    { name: "letter", title: "What came", cell: (row, td) => { say(td, row.value); td.title = row.value; } },
  ], { caption: "Dead letters, newest first" });
  const nothing = empty("Nothing was put aside: every message was taken.");
  body.append(top.element, table.scroll, nothing);
  table.scroll.hidden = true;
  async function load() {
    const { ok, data } = await answer("letters");
    const rows = ok ? data.letters : [];
    table.show(rows, (row) => `${row.service} ${row.seq}`);
    table.scroll.hidden = !rows.length;
    nothing.hidden = rows.length > 0;
    say(top.sub, rows.length ? "sent again by tapebook live dead-letters retry; a service’s by tapebook live rebuild" : "");
    field(top.right, "letters.count", ok ? rows.length : null, rows.length ? String(rows.length) : "");
    if (!ok) say(nothing.firstChild, data.detail);
  }
  if (!feed.welcome.oversees) return say(nothing.firstChild, "What was put aside is shown to risk, compliance and admin.");
  load();
  setInterval(() => !document.hidden && load(), AGAIN_MS);
}
