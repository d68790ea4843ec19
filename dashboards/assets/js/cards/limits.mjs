// Limits with what is used of them: value, limit, share, and a tick where it becomes a warning.

import { empty, field, flag, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number, percent, short } from "../format.mjs";
import { view } from "../view.mjs";

const NAMES = {
  POSITION_LIMIT: ["max_position", "Position"],
  EXPOSURE_LIMIT: ["max_exposure", "Exposure"],
  DAILY_LOSS_LIMIT: ["max_daily_loss", "Daily loss"],
  LEVERAGE_LIMIT: ["max_leverage", "Leverage"],
  BUYING_POWER: ["buying_power", "Buying power"],
};
const WARN = 0.75;

/** The rows of one portfolio, the fullest of each limit first; that one has the limit's plain name. */
export function named(rows) {
  const fullest = [...rows].sort((a, b) => Number(b.share ?? -1) - Number(a.share ?? -1));
  const met = new Set();
  return fullest.map((row) => {
    const [name, title] = NAMES[row.limit] ?? [row.limit.toLowerCase(), row.limit];
    const first = !met.has(name);
    met.add(name);
    return { ...row, field: first ? `limit.${name}` : `limit.${name}.${row.symbol}`, title: row.symbol ? `${title} ${row.symbol}` : title };
  });
}

export function tone(share) {
  const value = Number(share ?? 0);
  return value >= 1 ? "down" : value >= WARN ? "warn" : "up";
}

function gauge() {
  const made = { title: h("span.tb-limit-title"), used: h("span.num"), maximum: h("span.num.tb-muted"), share: h("span.num.tb-limit-share"), headroom: h("span.num.tb-muted"), bar: h("span.tb-limit-fill") };
  const words = h("div.tb-limit-words", {}, made.title, h("span.tb-limit-numbers", {}, made.used, h("span.tb-muted", {}, " / "), made.maximum, " ", made.share));
  made.left = h("div.tb-limit-left", {}, h("span", {}, "left ", made.headroom));
  made.element = h("div.tb-limit", {}, words, h("div.tb-limit-bar", {}, made.bar, h("span.tb-limit-tick")), made.left);
  return made;
}

export function showGauge(made, row, prefix = row.field) {
  const text = row.limit === "LEVERAGE_LIMIT" ? (value) => (value === null ? "—" : number(value, { places: 2 }) + "×") : short;
  say(made.title, row.title);
  field(made.used, `${prefix}.used`, row.used, text(row.used));
  field(made.maximum, `${prefix}.maximum`, row.maximum, text(row.maximum));
  field(made.headroom, `${prefix}.headroom`, row.headroom, text(row.headroom));
  field(made.share, `${prefix}.share`, row.share, percent(row.share));
  const share = Math.max(0, Math.min(1, Number(row.share ?? 0)));
  made.bar.style.transform = `scaleX(${share.toFixed(4)})`;
  if (made.element.dataset.tone !== tone(row.share)) made.element.dataset.tone = tone(row.share);
}

export { gauge };

export function mount(body) {
  const top = head("Risk limits");
  const state = h("span.tb-pill");
  top.right.append(state);
  const box = h("div.tb-limits", { tabindex: "0", role: "group", "aria-label": "Risk limits" });
  const nothing = empty("No limit is set for this portfolio. Risk sets them on the page Risk.");
  body.append(top.element, box, nothing);
  let limits = [];
  let portfolio = "";
  const gauges = [];
  function show() {
    const rows = named(limits.filter((row) => row.portfolio === portfolio)).slice(0, 8);
    while (gauges.length < rows.length) {
      gauges.push(gauge());
      box.append(gauges.at(-1).element);
    }
    gauges.forEach((made, k) => {
      made.element.hidden = k >= rows.length;
      if (k < rows.length) showGauge(made, rows[k]);
    });
    const worst = rows.length ? tone(rows[0].share) : "up";
    say(state, { up: "OK", warn: "Near", down: "Over" }[worst]);
    state.dataset.tone = worst;
    state.hidden = !rows.length;
    say(top.sub, portfolio);
    nothing.hidden = rows.length > 0;
    box.hidden = !rows.length;
  }
  feed.want("limits", { topic: "limits" }, (data) => { limits = data.limits; show(); });
  feed.want("accounts", { topic: "accounts" }, (data) => { portfolio = view.account(data.portfolios)?.name ?? ""; show(); });
}
