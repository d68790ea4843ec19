// An order as it is being written: what of it is still missing, its body for the gateway, and how it reads aloud.

import { keyOf, number, parts } from "./format.mjs";

export const TYPES = ["LIMIT", "MARKET", "STOP", "STOP_LIMIT"];
export const TIMES = ["DAY", "GTC", "IOC", "FOK"];

export function needsPrice(type) {
  return type === "LIMIT" || type === "STOP_LIMIT";
}

export function needsStop(type) {
  return type === "STOP" || type === "STOP_LIMIT";
}

/** A number as somebody types it: thousands may be separated, a comma is not a decimal point. Null for what is none. */
export function typed(text) {
  const bare = String(text ?? "").trim().replaceAll(",", "").replaceAll("\u2212", "-").replace(/^\+/, "").replace(/^(-?)\./, "$10.");
  return parts(bare) ? bare : null;
}

/** [field, what is wrong] of the first field that is not fit to be sent; null where all are. The exchange decides everything else. */
export function missing(order) {
  const quantity = typed(order.quantity);
  if (quantity === null) return ["quantity", "enter a quantity"];
  if (/^-|^0*\.?0*$/.test(quantity)) return ["quantity", "must be above 0"];
  if (needsPrice(order.type) && typed(order.price) === null) return ["price", "enter the limit price"];
  if (needsStop(order.type) && typed(order.stop_price) === null) return ["stop_price", "enter the stop price"];
  if (!order.portfolio) return ["portfolio", "choose one"];
  return null;
}

/** The body of POST /v1/orders. */
export function body(order) {
  const made = {
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    quantity: typed(order.quantity),
    time_in_force: order.time_in_force,
    portfolio: order.portfolio,
  };
  if (needsPrice(order.type)) made.price = typed(order.price);
  if (needsStop(order.type)) made.stop_price = typed(order.stop_price);
  if (order.post_only) made.post_only = true;
  if (order.reduce_only) made.reduce_only = true;
  return made;
}

/** BUY 100 AAPL LIMIT 190.12 DAY */
export function spoken(order) {
  const price = needsPrice(order.type) ? " @ " + number(typed(order.price)) : "";
  const stop = needsStop(order.type) ? " stop " + number(typed(order.stop_price)) : "";
  return `${order.side} ${number(typed(order.quantity))} ${order.symbol} ${order.type.replace("_", " ")}${stop}${price} ${order.time_in_force}`;
}

/** What the exchange would do with it, in one sentence, from the gateway's preview. */
export function verdict(preview) {
  if (preview.verdict !== "ACCEPTED") {
    const bound = preview.value !== null && preview.limit !== null ? ` (${number(preview.value)}, and ${number(preview.limit)} is allowed)` : "";
    return `${preview.reason}: ${preview.detail}${bound}`;
  }
  const said = [];
  if (keyOf(preview.executed_quantity) !== "0") {
    said.push(`fills ${number(preview.executed_quantity)} at ${number(preview.average_price, { places: placesOf(preview) })}`);
  }
  if (keyOf(preview.open_quantity) !== "0") said.push(`${number(preview.open_quantity)} rest`);
  if (preview.cancelled) said.push(`the remainder is cancelled, ${preview.cancelled}`);
  return said.join(", ") || "accepted";
}

function placesOf(preview) {
  const price = preview.fills?.[0]?.[0] ?? "";
  return Math.max(2, price.split(".")[1]?.length ?? 0);
}

/** Between a finished form and a sent order stand a check and a confirmation: idle, armed, sending. */
export function step(state, event) {
  if (event === "change" || event === "escape") return state === "sending" ? "sending" : "idle";
  if (event === "enter") return state === "idle" ? "armed" : state === "armed" ? "sending" : state;
  if (event === "answered") return "idle";
  return state;
}
