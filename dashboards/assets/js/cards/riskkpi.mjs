// The risk page's key figures: what is stopped, how near the nearest limit is, how much was refused.

import { field, flag, h } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { percent } from "../format.mjs";
import { tone } from "./limits.mjs";

export function mount(body) {
  const figure = (label) => {
    const value = h("span.tb-kpi-value.num", {}, "—");
    body.append(h("div.tb-kpi", {}, h("span.tb-label", {}, label), value));
    return value;
  };
  const [stopped, nearest, where, refused, orders] = ["Trading", "Nearest limit", "Where", "Refusals", "Open orders"].map(figure);
  feed.want("controls", { topic: "controls" }, (data) => {
    const count = data.portfolios.length + data.traders.length + data.halted.length;
    const text = data.killed ? "KILLED" : count ? `${count} stopped` : "OPEN";
    field(stopped, "risk.trading", data.killed ? "killed" : count, text);
    flag(stopped, "tb-down", data.killed);
    flag(stopped, "tb-warn", !data.killed && count);
  });
  feed.want("limits", { topic: "limits" }, (data) => {
    const worst = [...data.limits].sort((a, b) => Number(b.share ?? -1) - Number(a.share ?? -1))[0];
    field(nearest, "risk.nearest", worst?.share, percent(worst?.share));
    field(where, "risk.nearest.where", worst?.limit, worst ? `${worst.portfolio} ${worst.limit.replace("_LIMIT", "").replace("_", " ").toLowerCase()}${worst.symbol ? " " + worst.symbol : ""}` : "—");
    for (const name of ["up", "warn", "down"]) flag(nearest, "tb-" + name, worst && tone(worst.share) === name);
  });
  feed.want("refusals", { topic: "refusals" }, (data) => field(refused, "risk.refusals", data.breaches.length + data.failures.length, String(data.breaches.length + data.failures.length)));
  feed.want("exposure", { topic: "exposure" }, (data) => {
    const open = data.traders.reduce((sum, one) => sum + one.orders, 0);
    field(orders, "risk.orders", open, String(open));
  });
}
