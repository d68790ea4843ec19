// A sweep: a figure over two of its parameters as a surface, its best run, and whether that is more than luck.

import { address, answer } from "../answers.mjs";
import { empty, field, flag, h, head, say } from "../dom.mjs";
import { number, percent, short } from "../format.mjs";

const TONES = { holds: "up" };
const SHARES = new Set(["total_return", "win_rate", "maker_share"]);

/** A figure in a cell. */
export function shown(by, text) {
  if (text === null || text === undefined) return "—";
  if (SHARES.has(by)) return percent(text, 2);
  return Math.abs(Number(text)) >= 10_000 ? short(text) : number(text, { places: 2 });
}

/** Where a figure stands, -1 to 1: 0 is no colour where the figures lie on both sides of it, else the middle of them. */
export function share(value, low, high) {
  if (low < 0 && high > 0) return value / Math.max(-low, high);
  return high > low ? (2 * (value - low)) / (high - low) - 1 : 0;
}

function picker(label, name) {
  const made = h("select.tb-picker", { "aria-label": label });
  made.addEventListener("change", () => address.set(name === "sweep" ? { sweep: made.value, by: "", x: "", y: "" } : { [name]: made.value }));
  return made;
}

function fill(select, values, chosen) {
  select.replaceChildren(...values.map(([value, text]) => h("option", { value }, text)));
  select.value = chosen ?? "";
  select.hidden = values.length < 2;
}

export function mount(body) {
  const top = head("Sweep");
  const pickers = { sweep: picker("Sweep", "sweep"), by: picker("Figure", "by"), x: picker("Parameter across", "x"), y: picker("Parameter down", "y") };
  top.right.append(...Object.values(pickers));
  const table = h("table.tb-surface");
  const place = h("div.tb-scroll", { tabindex: "0", role: "group", "aria-label": "The figure over two parameters" }, table);
  const luck = h("p.tb-luck", { "data-field": "sweep.luck" });
  const best = h("p.tb-best");
  const nothing = empty("");
  body.append(top.element, place, best, luck, nothing);
  function wrong(text) {
    nothing.hidden = false;
    place.hidden = luck.hidden = best.hidden = true;
    say(nothing.firstChild, text);
  }
  function cell(data, one, k, row) {
    const td = h("td.num");
    const name = `sweep.${data.xs[k]}${data.y === null ? "" : "." + data.ys[row]}`;
    field(td, name, one?.[0], shown(data.by, one?.[0]));
    if (!one) return td;
    const part = share(Number(one[0]), Number(data.low), Number(data.high));
    td.style.setProperty("--part", `${Math.round(Math.abs(part) * 46)}%`);
    td.dataset.tone = part < 0 ? "down" : "up";
    td.title = `${data.x} ${data.xs[k]}${data.y === null ? "" : `, ${data.y} ${data.ys[row]}`}${one[1] > 1 ? `: mean of ${one[1]} runs` : ""}`;
    flag(td, "is-best", data.best && data.best.parameters[data.x] === data.xs[k] && (data.y === null || data.best.parameters[data.y] === data.ys[row]));
    return td;
  }
  function show(data) {
    nothing.hidden = true;
    place.hidden = luck.hidden = best.hidden = false;
    fill(pickers.by, Object.entries(data.figures), data.by);
    fill(pickers.x, data.parameters.map((one) => [one, one + " across"]), data.x);
    fill(pickers.y, data.parameters.filter((one) => one !== data.x).map((one) => [one, one + " down"]), data.y);
    const across = h("tr", {}, h("th", { scope: "col" }, data.y === null ? data.x : `${data.y} ↓ ${data.x} →`), ...data.xs.map((x) => h("th.num", { scope: "col" }, x)));
    const rows = data.cells.map((row, r) => h("tr", {}, h("th", { scope: "row" }, data.ys[r] ?? data.figures[data.by]), ...row.map((one, k) => cell(data, one, k, r))));
    table.replaceChildren(h("caption.tb-hidden", {}, `${data.figures[data.by]} by ${data.x}${data.y === null ? "" : " and " + data.y}`), h("thead", {}, across), h("tbody", {}, ...rows));
    say(top.sub, `${number(String(data.runs))} runs${data.failed ? `, ${data.failed} failed` : ""}`);
    top.sub.title = `${data.strategies.join(", ")} on ${data.data ?? "unknown data"}`;
    say(luck, data.luck.text);
    luck.dataset.tone = TONES[data.luck.verdict] ?? "warn";
    luck.dataset.value = data.luck.verdict;
    best.replaceChildren(...(data.best ? ["Best: ", ...Object.entries(data.best.parameters).flatMap(([name, value]) => [h("span.tb-muted", {}, name + " "), h("span.num", {}, value + "  ")]), h("span.num.tb-best-figure", {})] : []));
    if (data.best) field(best.lastChild, "sweep.best", data.best.figures[data.by], shown(data.by, data.best.figures[data.by]));
  }
  let asked = 0;
  async function load() {
    const number_ = ++asked;
    const list = await answer("sweeps");
    if (number_ !== asked) return;
    if (!list.ok) return wrong(list.data.detail);
    if (!list.data.sweeps.length) return wrong("No sweep yet; tapebook sweep mine:Maker --grid edge=1..5 size=10,20 makes one.");
    const wanted = address.get("sweep") || list.data.sweeps[0].sweep;
    fill(pickers.sweep, list.data.sweeps.map((one) => [one.sweep, `${one.strategies.join(", ") || one.sweep.slice(0, 8)} · ${one.runs} runs`]), wanted);
    const { ok, data } = await answer("sweep", { sweep: wanted, by: address.get("by"), x: address.get("x"), y: address.get("y") });
    if (number_ !== asked) return;
    ok ? show(data) : wrong(data.detail);
  }
  address.watch(["sweep", "by", "x", "y"], load);
  load();
}
