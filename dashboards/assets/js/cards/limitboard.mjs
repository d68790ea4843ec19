// Every limit of every portfolio that the viewer sees, with use, headroom and a tick at 75 %; risk changes them here.

import { confirmed } from "../dialog.mjs";
import { empty, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { trimmed } from "../format.mjs";
import { ask } from "../gateway.mjs";
import { trend } from "../trend.mjs";
import { gauge, named, showGauge, tone } from "./limits.mjs";

const FIELDS = [
  ["max_position", "Position, units of each symbol", "POSITION_LIMIT"],
  ["max_exposure", "Exposure, money", "EXPOSURE_LIMIT"],
  ["max_daily_loss", "Loss of the day, money", "DAILY_LOSS_LIMIT"],
  ["max_leverage", "Leverage, ratio", "LEVERAGE_LIMIT"],
];

function change(portfolio, rows) {
  const inputs = FIELDS.map(([name, label, limit]) => {
    const now = rows.find((row) => row.limit === limit)?.maximum ?? null;
    const input = h("input.num", { id: "limit-" + name, name, inputmode: "decimal", value: now === null ? "" : trimmed(now), placeholder: "no limit" });
    return h("div.tb-field", {}, h("label", { for: "limit-" + name }, label), input);
  });
  const cash = rows.some((row) => row.limit === "BUYING_POWER");
  confirmed({ title: `Limits of ${portfolio}`, says: "All of them are set anew; what is left empty is no limit any more.", button: "Set limits", tone: "primary", fields: inputs }, (reason, form) => {
    const wanted = { reason };
    for (const [name] of FIELDS) if (form.elements[name].value.trim()) wanted[name] = form.elements[name].value.trim().replaceAll(",", "");
    if (cash) wanted.cash_account = true;
    return ask("PUT", `/v1/portfolios/${encodeURIComponent(portfolio)}/limits`, wanted);
  });
}

export function mount(body, options) {
  const top = head("Limits");
  const box = h("div.tb-board", { tabindex: "0", role: "group", "aria-label": "Limits by portfolio" });
  const nothing = empty("No portfolio of yours has a limit. Risk sets them with PUT /v1/portfolios/NAME/limits, or in the session’s file.");
  body.append(top.element, box, nothing);
  const groups = new Map();
  let portfolios = [];
  let limits = [];

  function group(name) {
    if (!groups.has(name)) {
      const button = options.controls ? h("button.tb-act.tb-wide", { type: "button", onclick: () => change(name, limits.filter((row) => row.portfolio === name)) }, "Change") : null;
      const made = { title: h("h3", {}, name), gauges: [], rows: h("div.tb-board-rows"), none: h("p.tb-muted", {}, "no limits") };
      made.element = h("section.tb-board-group", { "aria-label": `Limits of ${name}` }, h("div.tb-board-head", {}, made.title, button), made.rows, made.none);
      groups.set(name, made);
    }
    return groups.get(name);
  }

  function show() {
    const own = feed.welcome.who.portfolios[0];
    const names = [...new Set([...portfolios, ...limits.map((row) => row.portfolio)])];
    const order = names.map((name) => ({ name, rows: named(limits.filter((row) => row.portfolio === name)) }));
    order.sort((a, b) => Number(b.rows[0]?.share ?? -1) - Number(a.rows[0]?.share ?? -1) || a.name.localeCompare(b.name));
    let near = 0;
    let at = box.firstChild;
    for (const { name, rows } of order) {
      const made = group(name);
      while (made.gauges.length < rows.length) {
        const one = { ...gauge(), trend: trend() };
        one.left.append(one.trend.element);
        made.gauges.push(one);
        made.rows.append(one.element);
      }
      made.gauges.forEach((one, k) => {
        one.element.hidden = k >= rows.length;
        if (k < rows.length) {
          const plain = name === own || names.length === 1;
          showGauge(one, rows[k], plain ? rows[k].field : rows[k].field.replace("limit.", `limit.${name}.`));
          one.trend.add(rows[k].share, rows[k].title);
          near += tone(rows[k].share) !== "up";
        }
      });
      made.none.hidden = rows.length > 0;
      if (made.element !== at) {
        if (!made.element.isConnected || !box.matches(":focus-within")) box.insertBefore(made.element, at);
      } else at = at.nextSibling;
    }
    say(top.right, near ? `${near} at 75 % or above` : names.length ? "all below 75 %" : "");
    nothing.hidden = names.length > 0;
    box.hidden = !names.length;
  }
  feed.want("limits", { topic: "limits" }, (data) => { limits = data.limits; show(); });
  feed.want("accounts", { topic: "accounts" }, (data) => { portfolios = data.portfolios.map((one) => one.name); show(); });
}
