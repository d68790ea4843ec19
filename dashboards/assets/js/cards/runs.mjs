// The recorded runs: filtered, sorted, a page at a time; one is looked at, two to five are compared.

import { address, answer } from "../answers.mjs";
import { empty, field, flag, h, head, say, Table } from "../dom.mjs";
import { number, percent, signOf } from "../format.mjs";

const COMPARED_MOST = 5;
const SIZE = 20;

export function compared() {
  return address.get("compare").split(",").filter(Boolean);
}

function toned(td, text) {
  flag(td, "tb-up", signOf(text) > 0);
  flag(td, "tb-down", signOf(text) < 0);
}

const FIGURES = [
  ["net_pnl", "P&L", (text) => number(text, { places: 2, sign: true }), true],
  ["total_return", "Return", (text) => percent(text, 2), true],
  ["sharpe", "Sharpe", (text) => number(text, { places: 2 }), false],
  ["max_drawdown", "Drawdown", (text) => number(text, { places: 2 }), false],
  ["fills", "Fills", (text) => number(text), false],
  ["win_rate", "Won", (text) => percent(text, 1), false],
  ["fees", "Fees", (text) => number(text, { places: 2 }), false],
  ["turnover", "Turnover", (text) => number(text, { places: 0 }), false],
];

export function mount(body) {
  const top = head("Runs");
  const filters = Object.fromEntries(["strategy", "data"].map((name) => {
    const known = h("datalist", { id: `runs-${name}-known` });
    const input = h("input.tb-filter", { id: `runs-${name}`, type: "search", placeholder: name, "aria-label": `Part of the ${name}'s name`, list: known.id, value: address.get(name) });
    let timer = 0;
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => address.set({ [name]: input.value.trim(), page: "" }), 250); });
    return [name, { input, known }];
  }));
  top.right.append(...Object.values(filters).flatMap((one) => [one.input, one.known]));
  const choose = (id) => address.set({ run: id, at: "" });
  const tick = (id) => {
    const chosen = compared();
    address.set({ compare: (chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id].slice(-COMPARED_MOST)).join(",") });
  };
  const box = (row, td) => {
    const on = compared().includes(row.run);
    if (!td.firstChild) td.append(h("input", { type: "checkbox", "aria-label": `Compare ${row.run}`, onchange: () => tick(td.parentElement.row.run) }));
    td.firstChild.checked = on;
  };
  const link = (row, td) => {
    if (!td.firstChild) td.append(h("button.tb-link", { type: "button", onclick: () => choose(td.parentElement.row.run) }));
    say(td.firstChild, row.run);
  };
  const table = new Table([
    { name: "compare", title: "", cell: box },
    { name: "id", title: "Run", cell: link },
    { name: "strategy", title: "Strategy", cell: (row, td) => { say(td, row.strategy?.split(":").at(-1) ?? "—"); td.title = row.strategy ?? ""; } },
    { name: "data", title: "Data", cell: (row, td) => { say(td, row.data ?? "—"); td.title = row.data ?? ""; } },
    ...FIGURES.map(([name, title, shown, tinted]) => ({ name, title, kind: "num", cell: (row, td) => { field(td, `run.${row.run}.${name}`, row[name], shown(row[name])); if (tinted) toned(td, row[name]); } })),
  ], { caption: "Recorded runs", rowclass: (tr, row) => { flag(tr, "is-own", row.run === shownRun()); } });
  const sorts = ["", "run", "strategy", "data", ...FIGURES.map(([name]) => name)];
  table.element.querySelectorAll("th").forEach((th, k) => {
    if (!sorts[k]) return;
    const title = th.textContent;
    th.replaceChildren(h("button.tb-sort", { type: "button", onclick: () => address.set({ sort: address.get("sort") === "-" + sorts[k] ? sorts[k] : "-" + sorts[k], page: "" }) }, title));
  });
  const says = h("span.tb-muted", { "data-field": "runs.count" });
  const turn = (by) => address.set({ page: Math.max(0, Number(address.get("page") || 0) + by) || "" });
  const [back, on] = [["‹", -1, "Newer runs"], ["›", 1, "Older runs"]].map(([text, by, label]) => h("button.tb-act.tb-wide", { type: "button", "aria-label": label, onclick: () => turn(by) }, text));
  const pager = h("div.tb-pager", {}, says, h("span.tb-row", {}, back, on));
  const nothing = empty("");
  nothing.hidden = true;
  body.append(top.element, table.scroll, nothing, pager);
  let rows = [];
  function shownRun() {
    return address.get("run") || rows[0]?.run || "";
  }
  function paint() {
    table.show(rows, (row) => row.run);
  }
  async function load() {
    const { ok, data } = await answer("runs", { size: SIZE, ...Object.fromEntries(["strategy", "data", "sort", "page"].map((name) => [name, address.get(name)])) });
    rows = ok ? data.rows : [];
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = pager.hidden = !rows.length;
    if (!ok) return say(nothing.firstChild, data.detail);
    say(nothing.firstChild, data.all ? "No run fits; take a letter away from the filters." : `No run under ${data.folder} yet. tapebook backtest makes one from synthetic data in seconds; it shows here after a reload.`);
    field(says, "runs.count", data.count, `${number(String(data.page * data.size + 1))}–${number(String(data.page * data.size + rows.length))} of ${number(String(data.count))} runs`);
    back.disabled = data.page === 0;
    on.disabled = (data.page + 1) * data.size >= data.count;
    for (const [name, one] of Object.entries(filters)) one.known.replaceChildren(...data.known[name].map((value) => h("option", { value })));
    paint();
    if (!address.get("run") && rows.length) address.offer(rows[0].run);
  }
  address.watch(["strategy", "data", "sort", "page"], load);
  address.watch(["run", "compare"], paint);
  load();
}
