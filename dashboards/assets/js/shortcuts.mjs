// Keys: one table for the sheet, one listener for the page. A key does nothing while something is being typed, but Escape.

export const SHORTCUTS = [
  [["b"], "Buy: order entry, side buy"],
  [["s"], "Sell: order entry, side sell"],
  [["Enter"], "In order entry: check, then once more to send"],
  [["↑", "↓"], "In price and quantity: a tick, a lot; with Shift ten"],
  [["Esc"], "Take back, leave the field"],
  [["[", "]"], "The symbol before, the next"],
  [["x"], "Cancel the newest open order"],
  [["Shift X"], "Cancel all open orders"],
  [["/"], "Jump to a symbol, an order, a run or a page; Ctrl K does the same"],
  [["g", "d"], "Desk; g r Risk, g p Portfolio, g b Backtests, g o Operations, g a Audit"],
  [["?"], "This sheet"],
];

const handlers = new Map();

/** Call `handler` for a key such as "b", "X", "?" or two in a row such as "g d". */
export function keyed(key, handler) {
  handlers.set(key, handler);
}

/** What was pressed, in the words of the table; with the key before it where both belong together. */
export function pressed(event, before) {
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  return before === "g" && event.key !== "g" ? "g " + event.key : event.key;
}

export function typing(target) {
  return Boolean(target?.closest?.("input, textarea, select, [contenteditable]"));
}

let last = "";
let lastAt = 0;

function heard(event) {
  const name = pressed(event, event.timeStamp - lastAt < 1200 ? last : "");
  if (typing(event.target) && name !== "Escape") return;
  if (document.querySelector("dialog[open]") && name !== "?") return;
  last = event.key;
  lastAt = event.timeStamp;
  const handler = handlers.get(name);
  if (!handler) return;
  event.preventDefault();
  handler(event);
}

if (typeof document !== "undefined") document.addEventListener("keydown", heard);
