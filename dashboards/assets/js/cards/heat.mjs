// The depth of the book through time: each column a moment, the brighter the more rests at a price; the line is the middle.

import { colours, onTheme } from "../colours.mjs";
import { empty, h, head, say } from "../dom.mjs";
import { decimalsOf, number } from "../format.mjs";
import { instrument, view } from "../view.mjs";

const EVERY_MS = 450;

/** Lowest and highest price of the columns, and a quantity that few pass; null where nothing rests. */
export function bounds(columns) {
  let low = Infinity;
  let high = -Infinity;
  const quantities = [];
  for (const [, bids, asks] of columns) {
    for (const side of [bids, asks]) {
      for (const [price, quantity] of side) {
        if (price < low) low = price;
        if (price > high) high = price;
        quantities.push(quantity);
      }
    }
  }
  if (!quantities.length) return null;
  quantities.sort((a, b) => a - b);
  return { low, high, most: quantities[Math.floor(quantities.length * 0.98)] };
}

/** Brightness of a quantity, 0 to 1. */
export function heat(quantity, most) {
  return Math.min(1, quantity / most) ** 0.9;
}

export function mount(body, options) {
  const top = head("Depth through time");
  const canvas = h("canvas", { role: "img", "aria-label": "Depth of the book through time" });
  const box = h("div.tb-heat", {}, canvas);
  const high = h("span.tb-heat-high.num");
  const low = h("span.tb-heat-low.num");
  const scale = h("span.tb-heat-scale", { "aria-hidden": "true" });
  box.append(high, low);
  top.right.append(h("span.tb-muted", {}, "thin "), scale, h("span.tb-muted", {}, " thick"));
  const nothing = empty("");
  nothing.hidden = true;
  body.append(top.element, box, nothing);
  let look = colours();
  let drawn = 0;
  onTheme(() => { look = colours(); drawn = 0; });

  function draw(columns, tick) {
    const width = box.clientWidth;
    const height = box.clientHeight;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const paper = canvas.getContext("2d", { alpha: false });
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.fillStyle = look.page;
    paper.fillRect(0, 0, width, height);
    const found = bounds(columns);
    const places = decimalsOf(instrument(view.symbol)?.tick ?? "0");
    say(high, found ? number(found.high.toFixed(places)) : "");
    say(low, found ? number(found.low.toFixed(places)) : "");
    if (!found) return;
    const span = Math.max(tick, found.high - found.low) + tick;
    const y = (price) => height - ((price - found.low + tick) / span) * height;
    const wide = width / Math.max(columns.length, 60);
    const tall = Math.max(1, (tick / span) * height);
    const left = width - columns.length * wide;
    columns.forEach(([, bids, asks], k) => {
      const x = left + k * wide;
      for (const [side, colour] of [[bids, look.up], [asks, look.down]]) {
        paper.fillStyle = colour;
        for (const [price, quantity] of side) {
          paper.globalAlpha = 0.05 + 0.95 * heat(quantity, found.most);
          paper.fillRect(x, y(price), wide + 0.5, tall);
        }
      }
    });
    paper.globalAlpha = 1;
    paper.strokeStyle = look.warn;
    paper.lineWidth = 1.5;
    paper.beginPath();
    let open = false;
    columns.forEach(([, bids, asks], k) => {
      if (!bids.length || !asks.length) { open = false; return; }
      const at = y((bids[0][0] + asks[0][0]) / 2) + tall / 2;
      if (open) paper.lineTo(left + (k + 0.5) * wide, at);
      else paper.moveTo(left + (k + 0.5) * wide, at);
      open = true;
    });
    paper.stroke();
  }

  let symbol = "";
  view.market(options.symbol, (data) => {
    const now = performance.now();
    if (now - drawn < EVERY_MS && symbol === data.symbol && !box.hidden) return;
    drawn = now;
    symbol = data.symbol;
    const rows = data.bids.length > 1 ? Math.abs(Number(data.bids[0][0]) - Number(data.bids[1][0])) : 0;
    say(top.sub, data.symbol);
    const bare = Boolean(data.bookless) || !bounds(data.depth);
    box.hidden = bare;
    nothing.hidden = !bare;
    draw(bare ? [] : data.depth, rows || Number(data.spread ?? 0) || 1e-9);
    if (bare) say(nothing.firstChild, data.bookless || "No depth yet: each column is a moment at which something rests.");
  });
}
