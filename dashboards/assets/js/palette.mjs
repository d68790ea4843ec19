// The palette: a few letters lead to a symbol, an order, a run or a page. Arrows choose, Enter goes, Escape leaves.

import { answer } from "./answers.mjs";
import { h, say } from "./dom.mjs";
import { feed } from "./feed.mjs";
import { view } from "./view.mjs";

const SHOWN = 12;

/** The entries {kind, name, more, …} that hold every word of `text`, names that begin with it first; a bare number may be any order's. */
export function found(entries, text) {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (one) => (one.name.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  const fits = entries.filter((one) => words.every((word) => `${one.kind} ${one.name} ${one.more ?? ""}`.toLowerCase().includes(word)));
  return fits.map((one, at) => [rank(one), at, one]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , one]) => one).slice(0, SHOWN);
}

function pages() {
  return [...document.querySelectorAll(".tb-nav a")].map((link) => ({ kind: "Page", name: link.textContent.trim(), go: () => link.click() }));
}

function symbols() {
  const onDesk = location.pathname === "/desk";
  return (feed.welcome?.about.instruments ?? []).map((one) => ({
    kind: "Symbol", name: one.symbol, more: `tick ${one.tick}`, go: () => (onDesk ? view.show({ symbol: one.symbol }) : location.assign(`/desk?symbol=${encodeURIComponent(one.symbol)}`)),
  }));
}

/** Where an order is told of: its life for who may audit, else its symbol's desk. */
function orders(data) {
  const audits = document.querySelector('.tb-nav a[href="/audit"]');
  return (data?.orders ?? []).map((row) => ({
    kind: "Order", name: `#${row.order_id}`, more: `${row.trader} ${row.side} ${row.quantity} ${row.symbol} ${row.status.toLowerCase().replaceAll("_", " ")}`,
    go: () => location.assign(audits ? `/audit?order=${row.order_id}&trader=${encodeURIComponent(row.trader)}` : `/desk?symbol=${encodeURIComponent(row.symbol)}`),
  }));
}

function runs(data) {
  return (data?.rows ?? []).map((row) => ({ kind: "Run", name: row.run, more: `${row.strategy ?? ""} ${row.data ?? ""}`, go: () => location.assign(`/backtests?run=${encodeURIComponent(row.run)}`) }));
}

/** Open it. */
export function palette() {
  if (document.querySelector("dialog[open]")) return;
  const parts = { runs: [], orders: [] };
  const input = h("input.tb-jump-input", { type: "text", role: "combobox", placeholder: "Symbol, order, run or page", "aria-label": "Jump to a symbol, an order, a run or a page", "aria-expanded": "true", "aria-controls": "tb-jump-list", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" });
  const list = h("ul.tb-jump-list", { id: "tb-jump-list", role: "listbox", "aria-label": "Where to" });
  const nothing = h("p.tb-empty", { hidden: true }, "");
  const box = h("dialog.tb-sheet.tb-jump", { "aria-label": "Jump to" }, input, list, nothing);
  let shown = [];
  let at = 0;
  function mark(k) {
    at = Math.max(0, Math.min(k, shown.length - 1));
    [...list.children].forEach((one, n) => one.setAttribute("aria-selected", String(n === at)));
    const chosen = list.children[at];
    chosen ? input.setAttribute("aria-activedescendant", chosen.id) : input.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  }
  function go(one) {
    box.close();
    one?.go();
  }
  function show() {
    shown = found([...symbols(), ...pages(), ...parts.orders, ...parts.runs], input.value);
    list.replaceChildren(...shown.map((one, k) => h("li", { role: "option", id: `tb-jump-${k}`, onclick: () => go(one), onmousemove: () => at !== k && mark(k) }, h("span.tb-jump-kind", {}, one.kind), h("span.tb-jump-name", {}, one.name), h("span.tb-jump-more", {}, one.more ?? ""))));
    nothing.hidden = shown.length > 0;
    say(nothing, `Nothing is called “${input.value.trim()}”: the newest orders and runs, all symbols and pages are known here.`);
    mark(0);
  }
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) mark(at + by);
    else if (event.key === "Enter") go(shown[at]);
    else return;
    event.preventDefault();
  });
  const given = feed.want("palette", { topic: "orders" }, (data) => { parts.orders = orders(data); if (!parts.told) { parts.told = true; show(); } });
  answer("runs", { size: "50" }).then(({ ok, data }) => { parts.runs = runs(ok ? data : null); show(); });
  box.addEventListener("close", () => { given(); box.remove(); });
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  show();
  box.showModal();
  input.focus();
}
