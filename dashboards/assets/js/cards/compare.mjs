// Runs side by side: what they are, every figure, and their equity on one chart.

import { address, answer } from "../answers.mjs";
import { empty, field, flag, h, head, say, Table } from "../dom.mjs";
import { number, percent, signOf } from "../format.mjs";
import { LineChart, series } from "../line_chart.mjs";
import { compared } from "./runs.mjs";
import { duration } from "./stages.mjs";

const TONES = ["accent", "warn", "up", "down", "muted"];
const SAID = ["strategy", "data", "start", "end", "engine", "seed", "digest", "fingerprint", "feed_latency", "order_latency", "response_latency"];
const UNITS = { start: "moment", end: "moment", feed_latency: "nanoseconds", order_latency: "nanoseconds", response_latency: "nanoseconds" };
const SHOWN = {
  moment: (text) => (text ? String(text).slice(0, 19).replace("T", " ") : "—"),
  nanoseconds: (text) => (text === null || text === "" ? "—" : duration(Number(text) / 1e9)),
  money: (text) => number(text, { places: 2 }),
  fraction: (text) => percent(text, 2),
  count: (text) => number(text),
  seconds: (text) => number(text, { places: 3 }),
  text: (text) => (text === null || text === "" ? "—" : String(text)),
};
const shown = (unit, text) => (SHOWN[unit] ?? ((one) => number(one, { places: 4 })))(text);

function facts(runs) {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.parameters)))];
  const rows = SAID.map((name) => ({ key: name, label: name.replaceAll("_", " "), values: runs.map((run) => run.said[name] ?? null), unit: UNITS[name] ?? "text" }));
  const cash = { key: "cash", label: "cash", values: runs.map((run) => Object.entries(run.cash).map(([name, amount]) => `${name} ${number(amount)}`).join(", ")), unit: "text" };
  return [...rows, cash, ...names.map((name) => ({ key: "parameters." + name, label: name, values: runs.map((run) => run.parameters[name] ?? null), unit: "text" }))];
}

export function mount(body) {
  const top = head("Compare");
  const chart = new LineChart("Equity of the chosen runs");
  chart.element.classList.add("tb-chart-low");
  const legend = h("div.tb-lines");
  const place = h("div.tb-compare", { tabindex: "0", role: "group", "aria-label": "The runs side by side" });
  const nothing = empty("Choose a run above; tick two to five to see them side by side.");
  body.append(top.element, legend, chart.element, place, nothing);
  let lines = [];
  let asked = 0;
  async function load() {
    const wanted = compared().length ? compared() : [address.get("run") || address.first].filter(Boolean);
    const number_ = ++asked;
    const found = wanted.length ? await answer("compare", { runs: wanted.join(",") }) : null;
    if (number_ !== asked) return;
    nothing.hidden = Boolean(found?.ok);
    chart.element.hidden = place.hidden = legend.hidden = !found?.ok;
    if (!found) return;
    if (!found.ok) return say(nothing.firstChild, found.data.detail);
    say(top.sub, wanted.length > 1 ? `${wanted.length} runs` : wanted[0]);
    show(found.data);
    const curves = await Promise.all(found.data.runs.map((run) => answer("curve", { run: run.run })));
    if (number_ === asked) draw(found.data.runs, curves);
  }
  function show({ runs, figures }) {
    const differs = (row) => row.values.some((value) => value !== row.values[0]);
    const rows = [...facts(runs).filter((row) => row.values.some((value) => value !== null && value !== "")), ...figures.map((one) => ({ key: one.name, label: one.label, title: one.definition, unit: one.unit, values: runs.map((run) => run.figures[one.name] ?? null) }))];
    const table = new Table([
      { name: "figure", title: "", cell: (row, td) => { say(td, row.label); td.title = row.title ?? ""; } },
      ...runs.map((run, k) => ({ name: "value", title: run.run, kind: "num", cell: (row, td) => {
        field(td, `compare.${run.run}.${row.key}`, row.values[k], shown(row.unit, row.values[k]));
        td.title = row.unit === "text" ? row.values[k] ?? "" : "";
        if (row.key === "net_pnl") { flag(td, "tb-up", signOf(row.values[k]) > 0); flag(td, "tb-down", signOf(row.values[k]) < 0); }
      } })),
    ], { caption: "Runs side by side", rowclass: (tr, row) => flag(tr, "is-different", runs.length > 1 && differs(row)) });
    table.show(rows, (row) => row.key);
    const warnings = runs.flatMap((run) => run.warnings.map((text) => h("p.tb-caution", {}, runs.length > 1 ? `${run.run}: ${text}` : text)));
    place.replaceChildren(...warnings, table.element);
  }
  function draw(runs, curves) {
    for (const line of lines) chart.remove(line);
    lines = [];
    legend.replaceChildren(...runs.map((run, k) => h("span.tb-line-name", { "data-tone": TONES[k] }, run.run, " ", h("span.num", {}))));
    curves.forEach(({ ok, data }, k) => {
      if (!ok || !data.points.length) return;
      const line = chart.line(TONES[k]);
      line.setData(series(data.points, 1));
      lines.push(line);
      const last = data.points.at(-1)[1];
      field(legend.children[k].lastChild, `curve.${data.run}.equity`, last, number(last, { places: 2 }));
    });
    chart.fit();
  }
  address.watch(["run", "compare"], () => load());
  if (address.get("run") || address.first || compared().length) load();
  else chart.element.hidden = place.hidden = legend.hidden = true;
}
