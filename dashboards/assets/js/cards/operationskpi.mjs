// The operations page's key figures.

import { field, flag, h } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";

const FIGURES = [["state", "Session"], ["seq", "Seq"], ["commands_per_second", "Commands/s"], ["facts_per_second", "Facts/s"], ["waiting", "Waiting"], ["lag", "Models behind"], ["active", "Open orders"], ["clients", "Clients"], ["dropped", "Dropped"]];

export function mount(body) {
  const values = FIGURES.map(([, label]) => {
    const value = h("span.tb-kpi-value.num", {}, "—");
    body.append(h("div.tb-kpi", {}, h("span.tb-label", {}, label), value));
    return value;
  });
  feed.want("operations", { topic: "operations" }, (data) => {
    FIGURES.forEach(([name], k) => {
      const raw = data[name] ?? data.gateway?.[name] ?? null;
      field(values[k], `operations.${name}`, raw, name === "state" ? String(raw ?? "—").toUpperCase() : number(raw === null ? null : String(raw)));
      if (name === "state") flag(values[k], "tb-up", raw === "running");
      if (["waiting", "lag", "dropped"].includes(name)) flag(values[k], "tb-warn", Number(raw) > 1000);
    });
  });
}
