// Order entry, for the keyboard first: what the exchange would say is shown before anything is sent, and sending takes two steps.

import { field, flag, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, moved, number } from "../format.mjs";
import { ask, problem } from "../gateway.mjs";
import { body as bodyOf, missing, needsPrice, needsStop, spoken, step, TIMES, typed, TYPES, verdict } from "../order.mjs";
import { keyed } from "../shortcuts.mjs";
import { instrument, view } from "../view.mjs";

const PREVIEW_MS = 250;

function input(name, label) {
  const made = h("input.num", { name, id: "entry-" + name, inputmode: "decimal", autocomplete: "off", spellcheck: "false", placeholder: "—" });
  return { made, row: h("div.tb-field", {}, h("label", { for: "entry-" + name }, label), made) };
}

function choice(name, label, values) {
  const made = h("select", { name, id: "entry-" + name }, ...values.map((one) => h("option", { value: one }, one.replace("_", " "))));
  return { made, row: h("div.tb-field", {}, h("label", { for: "entry-" + name }, label), made) };
}

/** What is missing, as the button says it. */
function asking([name, what]) {
  const text = what.startsWith("must") ? `${name.replace("_", " ")} ${what}` : what;
  return text[0].toUpperCase() + text.slice(1);
}

export function mount(body, options) {
  const top = head("Order entry");
  const sides = ["BUY", "SELL"].map((side) => h(`button.tb-side.tb-side-${side.toLowerCase()}`, { type: "button", "aria-pressed": String(side === "BUY"), "data-side": side }, side));
  const type = choice("type", "Type", TYPES);
  const time = choice("time_in_force", "Time in force", TIMES);
  const quantity = input("quantity", "Quantity");
  const price = input("price", "Limit");
  const stop = input("stop_price", "Stop");
  const post = h("input", { type: "checkbox", id: "entry-post" });
  const reduce = h("input", { type: "checkbox", id: "entry-reduce" });
  const flags = h("div.tb-flags", {}, post, h("label", { for: "entry-post" }, "Post only"), reduce, h("label", { for: "entry-reduce" }, "Reduce only"));
  const own = feed.welcome.who.portfolios;
  const portfolio = choice("portfolio", "Portfolio", own);
  portfolio.row.hidden = own.length < 2;
  const judged = h("p.tb-verdict", { "aria-live": "polite", "data-field": "entry.verdict" });
  const effect = h("dl.tb-effect");
  const send = h("button.tb-send", { type: "submit" }, "Check order");
  const said = h("p.tb-said", { role: "status", "data-field": "entry.answer" });
  const form = h("form.tb-entry", { novalidate: true, "aria-label": "Order entry" },
    h("div.tb-sides", { role: "group", "aria-label": "Side" }, ...sides),
    h("div.tb-fields", {}, type.row, time.row, quantity.row, price.row, stop.row, portfolio.row), flags, judged, effect, send, said);
  body.append(top.element, form);
  let side = "BUY";
  let state = "idle";
  let timer = 0;
  let asked = 0;

  const order = () => ({ symbol: view.symbol, side, type: type.made.value, time_in_force: time.made.value, quantity: quantity.made.value,
    price: price.made.value, stop_price: stop.made.value, portfolio: portfolio.made.value || own[0], post_only: post.checked, reduce_only: reduce.checked });

  function draw() {
    const made = order();
    sides.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.side === side)));
    price.row.hidden = !needsPrice(made.type);
    stop.row.hidden = !needsStop(made.type);
    form.dataset.side = side;
    form.dataset.state = state;
    const wrong = missing(made);
    say(send, state === "sending" ? "Sending…" : state === "armed" ? `Confirm: ${spoken(made)}` : wrong ? asking(wrong) : `Check ${spoken(made)}`);
    send.disabled = state === "sending";
    say(top.sub, view.symbol);
  }

  function turn(event) {
    state = step(state, event);
    draw();
  }

  function changed() {
    turn("change");
    clearTimeout(timer);
    asked += 1;
    judge("", "");
    effect.replaceChildren();
    if (!missing(order())) timer = setTimeout(check, PREVIEW_MS);
  }

  function judge(text, tone) {
    say(judged, text);
    judged.dataset.tone = tone;
  }

  async function check() {
    const mine = (asked += 1);
    const answer = await ask("POST", "/v1/orders/preview", bodyOf(order()));
    if (mine !== asked) return;
    if (!answer.ok) return judge(problem(answer.data), "down");
    const seen = answer.data;
    judge(verdict(seen), seen.verdict === "ACCEPTED" ? "up" : "down");
    const rows = [["Position", "position", {}], ["Exposure", "exposure", { places: 0 }], ["Cash", "cash", { places: 0 }]];
    effect.replaceChildren(...rows.flatMap(([label, name, how]) => {
      const before = h("span.num");
      const after = h("span.num");
      field(before, `preview.before.${name}`, seen.before[name], number(seen.before[name], how));
      field(after, `preview.after.${name}`, seen.after[name], number(seen.after[name], how));
      return [h("dt", {}, label), h("dd", {}, before, h("span.tb-muted", {}, " → "), after)];
    }));
  }

  async function submit() {
    const made = order();
    const wrong = missing(made);
    if (wrong) {
      form.elements[wrong[0]]?.focus();
      return judge(`${wrong[0].replace("_", " ")}: ${wrong[1]}`, "down");
    }
    turn("enter");
    if (state !== "sending") return;
    const answer = await ask("POST", "/v1/orders", bodyOf(made));
    turn("answered");
    flag(said, "tb-down", !answer.ok);
    said.dataset.tone = answer.ok ? "up" : "down";
    if (!answer.ok) {
      const { value, limit } = answer.data ?? {};
      const bound = value && limit && !String(answer.data.detail).includes(limit) ? ` (${number(value)}, and ${number(limit)} is allowed)` : "";
      return say(said, `Refused. ${problem(answer.data)}${bound}`);
    }
    const { order_id, status, executed_quantity } = answer.data.order;
    say(said, `#${order_id} ${status}${executed_quantity && executed_quantity !== "0" ? `, ${number(executed_quantity)} executed` : ""}`);
    check();
  }

  function nudge(event, what, stepOf) {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const listed = instrument(view.symbol);
    const base = typed(what.value) ?? (what === quantity.made ? "0" : lastPrice ?? "0");
    what.value = moved(base, String(listed[stepOf]), by * (event.shiftKey ? 10 : 1));
    changed();
  }

  function choose(which) {
    side = which;
    changed();
    (quantity.made.value ? price.row.hidden ? quantity.made : price.made : quantity.made).focus();
    document.activeElement.select?.();
  }

  let lastPrice = null;
  let touch = { BUY: null, SELL: null };
  view.market(options.symbol, (data) => {
    lastPrice = data.last;
    touch = { BUY: data.ask, SELL: data.bid };
    if (price.made.value === "" && document.activeElement !== price.made && data.last !== null) {
      price.made.placeholder = number(touch[side] ?? data.last, { least: decimalsOf(instrument(data.symbol)?.tick ?? 0) });
    }
  });
  view.addEventListener("change", (event) => {
    if ("symbol" in event.detail) {
      price.made.value = stop.made.value = "";
      changed();
    }
  });
  document.addEventListener("tb-price", (event) => {
    (needsPrice(type.made.value) ? price : stop).made.value = event.detail.price;
    changed();
    (quantity.made.value ? price.made : quantity.made).focus();
  });
  sides.forEach((one) => one.addEventListener("click", () => choose(one.dataset.side)));
  quantity.made.addEventListener("keydown", (event) => nudge(event, quantity.made, "lot"));
  price.made.addEventListener("keydown", (event) => nudge(event, price.made, "tick"));
  stop.made.addEventListener("keydown", (event) => nudge(event, stop.made, "tick"));
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (state === "armed") turn("escape");
    else document.activeElement?.blur();
  });
  keyed("b", () => choose("BUY"));
  keyed("s", () => choose("SELL"));
  draw();
}
