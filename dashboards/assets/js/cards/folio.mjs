// The portfolio page's key figures, and which portfolio it shows.

import { field, flag, h } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number, signOf } from "../format.mjs";
import { view } from "../view.mjs";

const FIGURES = [
  ["equity", "Equity", false], ["cash", "Cash", false], ["net_pnl", "Net P&L", true], ["realized_pnl", "Realised", true],
  ["unrealized_pnl", "Unrealised", true], ["fees", "Fees", false], ["exposure", "Exposure", false], ["leverage", "Leverage", false],
];

export function mount(body) {
  const picker = h("select.tb-picker", { "aria-label": "Portfolio" });
  body.append(h("div.tb-kpi", {}, h("span.tb-label", {}, "Portfolio"), picker));
  const values = Object.fromEntries(FIGURES.map(([name, label]) => {
    const value = h("span.tb-kpi-value.num", {}, "—");
    body.append(h("div.tb-kpi", {}, h("span.tb-label", {}, label), value));
    return [name, value];
  }));
  let names = "";
  let newest = null;
  picker.addEventListener("change", () => view.show({ portfolio: picker.value }));
  function show() {
    if (!newest) return;
    const listed = newest.portfolios.map((one) => one.name);
    if (names !== listed.join("\n")) {
      names = listed.join("\n");
      picker.replaceChildren(...listed.map((one) => h("option", { value: one }, one)));
    }
    const one = view.account(newest.portfolios);
    if (!one) return;
    if (document.activeElement !== picker) picker.value = one.name;
    for (const [name, , signed] of FIGURES) {
      const text = one[name] ?? null;
      field(values[name], `account.${name}`, text, name === "leverage" && text !== null ? number(text, { places: 2 }) + "×" : number(text, { places: 2, sign: signed }));
      flag(values[name], "tb-up", signed && signOf(text) > 0);
      flag(values[name], "tb-down", signed && signOf(text) < 0);
    }
  }
  feed.want("accounts", { topic: "accounts" }, (data) => { newest = data; show(); });
  view.addEventListener("change", show);
}
