// The orders: open ones first, each with its state and what of it is done; the viewer's own can be changed and cancelled.

import { empty, field, flag, h, head, pill, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { clock, decimalsOf, number } from "../format.mjs";
import { ask, problem } from "../gateway.mjs";
import { keyed } from "../shortcuts.mjs";
import { instrument, view } from "../view.mjs";

const OPEN = ["NEW", "PENDING", "PARTIALLY_FILLED"];
const TONES = { NEW: "accent", PENDING: "info", PARTIALLY_FILLED: "warn", FILLED: "up", CANCELLED: "info", REJECTED: "down", EXPIRED: "info" };
const WORDS = { NEW: "Working", PENDING: "Waiting", PARTIALLY_FILLED: "Partial", FILLED: "Filled", CANCELLED: "Cancelled", REJECTED: "Rejected", EXPIRED: "Expired" };

export function mount(body, options) {
  const top = head("Orders");
  const note = h("p.tb-said", { role: "status", "data-field": "orders.answer" });
  const who = feed.welcome.who;
  const mine = (row) => options.trades && row.trader === who.trader && OPEN.includes(row.status);
  const name = (row, what) => (row.trader === who.trader || !who.trader && !feed.welcome.oversees ? `order.${row.order_id}.${what}` : `order.${row.trader}.${row.order_id}.${what}`);
  const places = (row) => ({ least: decimalsOf(instrument(row.symbol)?.tick ?? 0) });

  async function cancel(row) {
    const answer = await ask("DELETE", `/v1/orders/${row.order_id}`);
    tell(answer.ok ? `#${row.order_id} is cancelled` : problem(answer.data), answer.ok);
  }

  function tell(text, good) {
    say(note, text);
    note.dataset.tone = good ? "up" : "down";
    flag(note, "tb-down", !good);
  }

  const dialog = h("dialog.tb-sheet", { "aria-label": "Change the order" });
  function change(row) {
    const quantity = h("input.num", { name: "quantity", value: row.quantity, id: "change-quantity", inputmode: "decimal" });
    const price = h("input.num", { name: "price", value: row.price ?? "", id: "change-price", inputmode: "decimal", disabled: row.price === null });
    const wrong = h("p.tb-said.tb-down", { role: "status" });
    const form = h("form", {},
      h("h2", {}, `Change #${row.order_id}: ${row.side} ${row.symbol}`),
      h("div.tb-field", {}, h("label", { for: "change-quantity" }, "Quantity, in all"), quantity),
      h("div.tb-field", {}, h("label", { for: "change-price" }, "Limit"), price), wrong,
      h("div.tb-row", {}, h("button.tb-button", { type: "button", onclick: () => dialog.close() }, "Leave it"), h("button.tb-button.tb-primary", {}, "Change")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const wanted = {};
      if (quantity.value !== row.quantity) wanted.quantity = quantity.value;
      if (row.price !== null && price.value !== row.price) wanted.price = price.value;
      const answer = await ask("PUT", `/v1/orders/${row.order_id}`, wanted);
      if (!answer.ok) return say(wrong, problem(answer.data));
      dialog.close();
      return tell(`#${row.order_id} is changed`, true);
    });
    dialog.replaceChildren(form);
    dialog.showModal();
    quantity.select();
  }
  document.body.append(dialog);

  function actions(row, td) {
    const wanted = mine(row);
    if (td.childElementCount === (wanted ? 2 : 0)) return;
    td.replaceChildren();
    if (!wanted) return;
    td.append(
      h("button.tb-act", { type: "button", title: "Change", "aria-label": `Change order ${row.order_id}`, onclick: () => change(td.parentElement.row) }, "✎"),
      h("button.tb-act", { type: "button", title: "Cancel", "aria-label": `Cancel order ${row.order_id}`, onclick: () => cancel(td.parentElement.row) }, "✕"));
  }

  function done(row, td) {
    if (!td.firstChild) td.append(h("span.num"), h("span.tb-done", {}, h("span")));
    field(td.firstChild, name(row, "executed_quantity"), row.executed_quantity, `${number(row.executed_quantity)} / ${number(row.quantity)}`);
    td.lastChild.firstChild.style.transform = `scaleX(${(Number(row.executed_quantity) / Number(row.quantity)).toFixed(3)})`;
  }

  const several = feed.welcome.oversees;
  const table = new Table(
    [
      { name: "time", title: "Time", cell: (row, td) => say(td, clock(row.updated)) },
      { name: "id", title: "ID", cell: (row, td) => say(td, String(row.order_id)) },
      ...(several ? [{ name: "trader", title: "Trader", cell: (row, td) => say(td, row.trader) }] : []),
      { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
      { name: "side", title: "Side", cell: (row, td) => { say(td, row.side); flag(td, "tb-up", row.side === "BUY"); flag(td, "tb-down", row.side === "SELL"); } },
      { name: "type", title: "Type", cell: (row, td) => say(td, `${row.type.replace("_", " ")} ${row.time_in_force}`) },
      { name: "quantity", title: "Qty", kind: "num", cell: (row, td) => field(td, name(row, "quantity"), row.quantity, number(row.quantity)) },
      { name: "price", title: "Price", kind: "num", cell: (row, td) => field(td, name(row, "price"), row.price ?? row.stop_price, number(row.price ?? row.stop_price, places(row))) },
      { name: "done", title: "Done", kind: "num", cell: done },
      { name: "status", title: "Status", kind: "num", cell: (row, td) => { td.dataset.field = name(row, "status"); td.dataset.value = row.status; td.title = row.reason ?? ""; pill(td, WORDS[row.status], TONES[row.status]); } },
      ...(options.trades ? [{ name: "act", title: "", kind: "num", cell: actions }] : []),
    ],
    { caption: "Orders", rowclass: (tr, row) => flag(tr, "is-own", row.trader === who.trader) },
  );
  const nothing = empty(feed.welcome.about.kind === "run" ? "This run sent no order." : options.trades ? "No order today. Press b to buy or s to sell." : who.trader ? "No order today." : "Nobody has sent an order today.");
  const hint = feed.welcome.about.kind === "session" && who.roles.length === 1 && who.roles[0] === "viewer" ? "Viewers see the market alone; orders are shown to traders and to risk." : "";
  body.append(top.element, note, table.scroll, nothing);
  if (hint) say(nothing.firstChild, hint);

  let open = [];
  feed.want("orders", { topic: "orders" }, (data) => {
    const working = data.orders.filter((row) => OPEN.includes(row.status));
    open = working.filter(mine);
    table.show([...open, ...working.filter((row) => !mine(row)), ...data.orders.filter((row) => !OPEN.includes(row.status))].slice(0, 150), (row) => `${row.trader} ${row.order_id} ${row.seq}`);
    nothing.hidden = data.orders.length > 0;
    table.scroll.hidden = !data.orders.length;
    field(top.right, "orders.open", working.length, `${working.length} open`);
  });
  if (!options.trades) return;
  keyed("x", () => open.length && cancel(open[0]));
  keyed("X", async () => {
    if (!open.length || !confirm(`Cancel all ${open.length} open orders of ${who.trader}?`)) return;
    const answer = await ask("DELETE", "/v1/orders");
    tell(answer.ok ? `${answer.data.cancelled} orders are cancelled` : problem(answer.data), answer.ok);
  });
}
