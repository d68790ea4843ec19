// The order book: asks above, bids below, depth behind the totals, the viewer's own orders marked.

import { field, flag, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, keyOf, number, percent } from "../format.mjs";
import { instrument, view } from "../view.mjs";

const ROW = 17;
const LEVELS = 20;

function line(side) {
  const made = {
    bar: h("span.tb-depth"),
    own: h("span.tb-own"),
    price: h("button.tb-price", { type: "button", tabindex: "-1" }),
    quantity: h("span.num"),
    total: h("span.num.tb-muted"),
  };
  made.element = h(`div.tb-level.tb-${side}`, {}, made.bar, made.own, made.price, made.quantity, made.total);
  made.price.addEventListener("click", () => {
    const price = made.price.dataset.value;
    if (price) document.dispatchEvent(new CustomEvent("tb-price", { detail: { price, side } }));
  });
  return made;
}

export function mount(body, options) {
  const top = head("Order book");
  const asks = Array.from({ length: LEVELS }, () => line("ask"));
  const bids = Array.from({ length: LEVELS }, () => line("bid"));
  const last = h("span.tb-last.num");
  const spread = h("span.num");
  const basis = h("span.num");
  const middle = h("div.tb-middle", {}, last, h("span.tb-spread", {}, "spread ", spread, " · ", basis, " bp"));
  const bidPart = h("span.tb-up.num");
  const askPart = h("span.tb-down.num");
  const bar = h("span.tb-imbalance-bid");
  const imbalance = h("div.tb-imbalance", {}, h("div.tb-imbalance-words", {}, bidPart, askPart), h("div.tb-imbalance-bar", {}, bar));
  const heads = h("div.tb-level.tb-level-head", {}, h("span"), h("span"), h("span.num", {}, "Price"), h("span.num", {}, "Size"),
    h("span.num", {}, "Total"));
  const askBox = h("div.tb-asks", {}, ...asks.map((one) => one.element).reverse());
  const bidBox = h("div.tb-bids", {}, ...bids.map((one) => one.element));
  const nothing = h("p.tb-empty", { hidden: true });
  body.append(top.element, heads, h("div.tb-ladder", {}, askBox, middle, bidBox, nothing), imbalance);
  let shown = 10;
  let own = { bid: new Map(), ask: new Map() };
  let before = "";

  function fit() {
    const room = body.querySelector(".tb-ladder").clientHeight - 26;
    shown = Math.max(3, Math.min(LEVELS, Math.floor(room / 2 / ROW)));
  }
  new ResizeObserver(fit).observe(body.querySelector(".tb-ladder"));
  fit();

  function side(name, lines, levels, places, most) {
    lines.forEach((one, k) => {
      const level = k < shown ? levels[k] : undefined;
      if (one.element.hidden !== (k >= shown)) one.element.hidden = k >= shown;
      field(one.price, `${name}.${k}.price`, level?.[0], level ? number(level[0], { least: places.price }) : "");
      field(one.quantity, `${name}.${k}.quantity`, level?.[1], level ? number(level[1], { least: places.quantity }) : "");
      field(one.total, `${name}.${k}.total`, level?.[3], level ? number(level[3], { least: places.quantity }) : "");
      if (one.price.disabled !== !level) one.price.disabled = !level;
      one.bar.style.transform = `scaleX(${level && most ? (Number(level[3]) / most).toFixed(4) : 0})`;
      const mine = level ? own[name].get(keyOf(level[0])) : undefined;
      flag(one.element, "is-own", mine);
      if (mine) one.element.title = `your order${mine.length > 1 ? "s" : ""}: ${mine.join(", ")}`;
      else if (one.element.title) one.element.removeAttribute("title");
      say(one.own, mine ? "▸" : "");
    });
  }

  view.market(options.symbol, (data) => {
    const listed = instrument(data.symbol);
    const places = { price: decimalsOf(listed?.tick ?? 0), quantity: 0 };
    const deepest = Math.max(0, ...[data.bids, data.asks].map((levels) => Number(levels[Math.min(shown, levels.length) - 1]?.[3] ?? 0)));
    side("ask", asks, data.asks, places, deepest);
    side("bid", bids, data.bids, places, deepest);
    const direction = data.trades.length > 1 ? Math.sign(Number(data.trades[0][2]) - Number(data.trades.find((one) => one[2] !== data.trades[0][2])?.[2] ?? data.trades[0][2])) : 0;
    field(last, "last.price", data.last, data.last === null ? "—" : number(data.last, { least: places.price }) + (direction > 0 ? " ▲" : direction < 0 ? " ▼" : ""));
    flag(last, "tb-up", direction > 0);
    flag(last, "tb-down", direction < 0);
    field(spread, "spread", data.spread, number(data.spread));
    field(basis, "spread_bp", data.spread_bp, number(data.spread_bp));
    field(bidPart, "imbalance", data.imbalance, "Bid " + percent(data.imbalance));
    say(askPart, data.imbalance === null ? "Ask —" : `${100 - Number(percent(data.imbalance).replace("%", ""))}% Ask`);
    bar.style.transform = `scaleX(${data.imbalance ?? 0.5})`;
    say(top.sub, data.symbol);
    say(top.right, data.halted ? "HALTED" : listed ? `tick ${number(String(listed.tick))}` : "");
    flag(top.right, "tb-warn", data.halted);
    const bare = !data.bids.length && !data.asks.length;
    nothing.hidden = !bare;
    if (bare) say(nothing, data.halted ? "Halted. Orders may be cancelled; nothing matches until it is resumed." : data.bookless || "The book is empty: the first order that rests will stand here.");
    if (before !== data.symbol) before = data.symbol;
  });

  if (feed.welcome?.who.trader) {
    feed.want("orders", { topic: "orders" }, (data) => {
      own = { bid: new Map(), ask: new Map() };
      for (const order of data.orders) {
        if (order.symbol !== view.symbol || order.price === null || !["NEW", "PARTIALLY_FILLED"].includes(order.status)) continue;
        if (order.trader !== feed.welcome.who.trader) continue;
        const map = own[order.side === "BUY" ? "bid" : "ask"];
        map.set(keyOf(order.price), [...(map.get(keyOf(order.price)) ?? []), `#${order.order_id} ${number(order.quantity)}`]);
      }
    });
  }
}
