// An order's life: every fact about it, oldest first, on a line through time.

import { address, answer, csv, save } from "../answers.mjs";
import { empty, field, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { clock, number } from "../format.mjs";

const TONES = { OrderCreated: "accent", TradeExecuted: "up", OrderTriggered: "accent", OrderReplaced: "warn", OrderCancelled: "warn", OrderExpired: "warn", OrderRejected: "down", ReplaceRejected: "down", CancelRejected: "down" };
const SHOWN = [["side", "side"], ["type", "type"], ["quantity", "quantity"], ["price", "price"], ["stop_price", "stop"], ["remaining", "remaining"], ["fee", "fee"], ["liquidity", "liquidity"], ["reason", "reason"], ["portfolio", "portfolio"]];

function fact(one, k) {
  const parts = SHOWN.filter(([name]) => one[name] !== null && one[name] !== undefined && one[name] !== "").map(([name, label]) => {
    const value = h("span.num");
    field(value, `life.${k}.${name}`, one[name], number(one[name]));
    return h("span.tb-life-part", {}, h("span.tb-label", {}, label), value);
  });
  const seq = h("span.num");
  field(seq, `life.${k}.seq`, one.seq, String(one.seq));
  const pill = h("span.tb-pill", { "data-tone": TONES[one.event] ?? "info" }, one.event);
  const status = h("span.tb-life-status", {}, one.status ?? "");
  field(status, `life.${k}.status`, one.status, one.status ?? "");
  return h("li", { "data-tone": TONES[one.event] ?? "info" }, h("div.tb-life-head", {}, h("time.num", { title: one.ts }, `${one.ts.slice(0, 10)} ${clock(one.ts)}${one.ts.slice(19, 26)}`), pill, status, h("span.tb-label", {}, "seq"), seq), h("div.tb-life-parts", {}, ...parts));
}

export function mount(body) {
  const top = head("An order’s life");
  const id = h("input.tb-filter", { id: "life-order", inputmode: "numeric", placeholder: "order id", "aria-label": "Order id", value: address.get("order") });
  const trader = h("select.tb-picker", { id: "life-trader", "aria-label": "Whose order", hidden: true });
  const form = h("form.tb-inline", { onsubmit: (event) => { event.preventDefault(); address.set({ order: id.value.trim(), trader: "" }); } }, id, trader, h("button.tb-act.tb-wide", {}, "Show"));
  const out = h("button.tb-act.tb-wide", { type: "button", hidden: true, onclick: () => facts.length && save(`order-${address.get("order")}.csv`, csv(Object.keys(facts[0]), facts.map(Object.values))) }, "CSV");
  top.right.append(form, out);
  const list = h("ol.tb-life", { tabindex: "0", "aria-label": "What happened to the order" });
  const nothing = empty("");
  const newest = h("p.tb-newest");
  nothing.append(newest);
  body.append(top.element, list, nothing);
  let facts = [];
  async function load() {
    const order = address.get("order");
    if (order && !facts.length) {
      list.hidden = true;
      say(nothing.firstChild, "The log is being read …");
    }
    const found = order ? await answer("order", { order_id: order, trader: address.get("trader") }) : null;
    facts = found?.ok ? found.data.facts : [];
    list.hidden = out.hidden = !facts.length;
    nothing.hidden = facts.length > 0;
    say(nothing.firstChild, found && !found.ok ? found.data.detail : "Write an order’s id: everything that happened to it stands here, from its entry to its end.");
    if (!found?.ok) return void (trader.hidden = true);
    list.replaceChildren(...facts.map(fact));
    trader.hidden = found.data.traders.length < 2;
    trader.replaceChildren(...found.data.traders.map((one) => h("option", { value: one }, one || "—")));
    trader.value = found.data.trader;
    say(top.sub, `${facts[0].symbol ?? ""} · ${found.data.trader} · ${facts.length} facts`);
  }
  trader.addEventListener("change", () => address.set({ trader: trader.value }));
  address.watch(["order", "trader"], load);
  const end = feed.want("orders", { topic: "orders" }, (data) => {
    if (!data.orders.length) return;
    end();
    newest.replaceChildren("Newest: ", ...data.orders.slice(0, 6).map((one) => h("button.tb-link", { type: "button", onclick: () => { id.value = one.order_id; address.set({ order: String(one.order_id), trader: one.trader ?? "" }); } }, `${one.trader} ${one.order_id}`)));
  });
  load();
}
