"use strict";
(() => {
  const D = JSON.parse(document.getElementById("numbers").textContent);
  const WIDE = 10000, HIGH = 1000;
  const formats = new Map();
  function num(value, places = 2, sign = false) {
    if (!formats.has(places)) formats.set(places, new Intl.NumberFormat("en-US", { minimumFractionDigits: places, maximumFractionDigits: places }));
    const text = formats.get(places).format(Math.abs(value));
    if (!/[1-9]/.test(text)) return text;
    return (value < 0 ? "\u2212" : sign ? "+" : "") + text;
  }
  const pad = (n, w = 2) => String(n).padStart(w, "0");
  function clock(ms, digits = 3) {
    const d = new Date(ms), day = D.sessions.length > 1 ? d.toLocaleDateString("en-GB", { day: "2-digit", month: "short", timeZone: "UTC" }) + " " : "";
    const text = `${day}${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}`;
    return digits ? `${text}.${pad(Math.floor(((ms % 1000) + 1000) % 1000), 3)}` : text;
  }

  function local(ms) { // by the shown clock, which changes through a long run
    let ahead = D.clock[0][1];
    for (const [from, by] of D.clock) if (ms >= from) ahead = by;
    return ms + ahead;
  }
  function roundTimes(a, b, step) { // where the shown clock reads a multiple of step
    return D.clock.flatMap(([from, by], k) => {
      const low = k ? Math.max(a, from) : a, high = k + 1 < D.clock.length ? D.clock[k + 1][0] : Infinity, base = D.t0 + by, out = [];
      for (let t = Math.ceil((low + base) / step) * step - base; t <= b && t < high; t += step) out.push(t);
      return out;
    });
  }

  // The axis: milliseconds since the start to milliseconds of session time, nights left out.
  const starts = [];
  let total = 0;
  for (const [a, b] of D.sessions) { starts.push(total); total += Math.max(b - a, 1e-3); }
  function toX(ms) {
    for (let i = 0; i < D.sessions.length; i++) {
      const [a, b] = D.sessions[i];
      if (ms < a) return starts[i];
      if (ms <= b) return starts[i] + ms - a;
    }
    return total;
  }
  function fromX(x) {
    let i = starts.length - 1;
    while (i > 0 && starts[i] > x) i--;
    return D.sessions[i][0] + x - starts[i];
  }
  const unpack = (deltas, unit = 1) => { let sum = 0; return Float64Array.from(deltas, d => (sum += d) * unit); };
  const upper = (xs, x) => { let lo = 0, hi = xs.length; while (lo < hi) { const m = (lo + hi) >> 1; if (xs[m] <= x) lo = m + 1; else hi = m; } return lo; };

  const tracks = {};
  for (const [key, { t, u, ...columns }] of Object.entries(D.tracks)) {
    const x = unpack(t).map(v => toX(v)), lines = (tracks[key] = {});
    for (const [name, deltas] of Object.entries(columns)) lines[name] = { x, v: unpack(deltas, u) };
    if (lines.bid) lines.mid = { x, v: lines.bid.v.map((b, k) => (b + lines.ask.v[k]) / 2) };
  }
  const SHOWN = { equity: ["pnl"], drawdown: ["depth"], price: ["bid", "ask", "mid"], position: ["held"] };
  for (const panel of Object.values(D.panels)) {
    panel.lines = Object.fromEntries(SHOWN[panel.kind].map(name => [name, tracks[panel.track][name]]));
    if (panel.fills) {
      const f = panel.fills;
      f.ms = unpack(f.t, 1e-3); f.x = f.ms.map(v => toX(v)); f.p = unpack(f.p, f.u);
    }
  }
  const at = (line, x) => { const i = upper(line.x, x) - 1; return i < 0 ? null : line.v[i]; };

  const view = { a: 0, b: total };
  const charts = [...document.querySelectorAll("[data-plot]")].filter(e => D.panels[e.dataset.plot]).map(root => ({
    root, panel: D.panels[root.dataset.plot], field: root.querySelector(".field"), lines: root.querySelector(".lines"),
    marks: root.querySelector(".marks"), ya: root.querySelector(".ya"), xa: root.querySelector(".xa"),
  }));
  if (!charts.length) return;
  charts.forEach(c => c.root.classList.add("live"));
  const axisOn = new Set(charts.filter(c => c.xa.childElementCount).map(c => c));

  function slice(line) {
    const i = Math.max(upper(line.x, view.a) - 1, 0), j = upper(line.x, view.b);
    return [i, Math.max(j, i + 1)];
  }
  const px = x => Math.round((x - view.a) / (view.b - view.a) * WIDE);
  function nice(low, high, most) {
    const raw = (high - low) / Math.max(most, 1), size = 10 ** Math.floor(Math.log10(raw));
    const m = [1, 2, 2.5, 5, 10].find(k => size * k >= raw * (1 - 1e-9)), step = size * m, out = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(k * step);
    return [out, Math.max(0, (m === 2.5 ? 1 : 0) - Math.floor(Math.log10(step) + 1e-9))];
  }
  function steps(line, y, close) {
    const [i, j] = slice(line);
    if (!line.x.length || line.x[i] > view.b) return "";
    let d = `M${Math.max(px(line.x[i]), 0)},${y(line.v[i])}`;
    const begin = Math.max(px(line.x[i]), 0);
    for (let k = i + 1; k < j; k++) d += `H${px(line.x[k])}V${y(line.v[k])}`;
    d += `H${WIDE}`;
    return close === undefined ? d : `${d}V${close}H${begin}z`;
  }
  function between(upperLine, lowerLine, y) {
    const back = [], [i, j] = slice(lowerLine);
    for (let k = i; k < j; k++) { back.push([Math.max(px(lowerLine.x[k]), 0), y(lowerLine.v[k])]); }
    let d = steps(upperLine, y);
    if (!d || !back.length) return "";
    d += `L${WIDE},${back[back.length - 1][1]}`;
    for (let k = back.length - 1; k >= 0; k--) d += `H${back[k][0]}` + (k ? `V${back[k - 1][1]}` : "");
    return d + "z";
  }
  function range(c) {
    let low = Infinity, high = -Infinity;
    for (const line of Object.values(c.panel.lines)) {
      const [i, j] = slice(line);
      for (let k = i; k < j && k < line.v.length; k++) { const v = line.v[k]; if (v < low) low = v; if (v > high) high = v; }
    }
    for (const k of seen(c)) { const p = c.panel.fills.p[k]; if (p < low) low = p; if (p > high) high = p; }
    if (c.panel.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
    if (!isFinite(low)) return [0, 1];
    const margin = (high - low) * .08 || Math.max(Math.abs(high) * 1e-3, .5);
    return c.panel.kind === "drawdown" ? [low < 0 ? low * 1.12 : -1, 0] : [low - margin, high + margin];
  }
  function seen(c) {
    const f = c.panel.fills, out = [];
    if (!f) return out;
    for (let k = upper(f.x, view.a - 1e-9); k < f.x.length && f.x[k] <= view.b; k++) out.push(k);
    return out;
  }
  function groups(c, width) {
    const f = c.panel.fills, cells = new Map(), all = seen(c), single = all.length <= 400;
    for (const k of all) {
      const key = single ? k : Math.floor((f.x[k] - view.a) / (view.b - view.a) * width / 7) * 2 + f.s[k];
      const cell = cells.get(key) || { k, n: 0, q: 0, pq: 0, xq: 0, maker: 0, s: f.s[k] };
      cell.n += f.n ? f.n[k] : 1; cell.q += f.q[k]; cell.pq += f.p[k] * f.q[k]; cell.xq += f.x[k] * f.q[k]; cell.maker |= f.m[k];
      cells.set(key, cell);
    }
    return [...cells.values()].map(g => ({ ...g, x: g.xq / g.q, p: g.pq / g.q }));
  }

  function draw(c) {
    const { panel } = c, [low, high] = range(c), height = c.field.clientHeight, lines = panel.lines;
    const y = v => Math.round((high - v) / (high - low) * HIGH);
    c.y = v => (high - v) / (high - low) * height;
    const [ticks, places] = nice(low, high, Math.max(2, Math.round(height / 44)));
    let d = `<path class="grid" d="${ticks.map(t => `M0,${y(t)}h${WIDE}`).join("")}"/>`;
    const nights = starts.slice(1).filter(x => x > view.a && x < view.b);
    if (nights.length) d += `<path class="night" d="${nights.map(x => `M${px(x)},0v${HIGH}`).join("")}"/>`;
    if (panel.kind === "equity") d += `<path class="soft" d="${steps(lines.pnl, y, y(0))}"/><path class="zero" d="M0,${y(0)}h${WIDE}"/><path class="line" d="${steps(lines.pnl, y)}"/>`;
    if (panel.kind === "drawdown") d += `<path class="under" d="${steps(lines.depth, y, 0)}"/><path class="underline" d="${steps(lines.depth, y)}"/>`;
    if (panel.kind === "position") d += `<path class="held" d="${steps(lines.held, y, y(0))}"/><path class="line thin" d="${steps(lines.held, y)}"/>`;
    if (panel.kind === "price" && lines.ask.x.length) {
      d += `<path class="band" d="${between(lines.ask, lines.bid, y)}"/><path class="line thin" d="${steps(lines.mid, y)}"/>`;
    }
    c.lines.innerHTML = d;
    const shown = panel.kind === "price" ? Math.max(places, panel.places) : places, sign = panel.kind !== "price";
    const tagged = tag(c, low, high), near = tagged ? (high - tagged.value) / (high - low) * height : -99;
    c.ya.innerHTML = ticks.filter(t => Math.abs(c.y(t) - near) > 14).map(t => `<span style="top:${(high - t) / (high - low) * 100}%">${num(t, shown, sign)}</span>`).join("") + (tagged ? tagged.html : "");
    if (panel.fills) {
      c.groups = groups(c, c.field.clientWidth);
      c.marks.innerHTML = c.groups.map(g => `<use href="#tb-${g.s ? "s" : "b"}" class="${g.s ? "down" : "up"}${g.maker ? "" : " hollow"}" x="${((g.x - view.a) / (view.b - view.a) * 100).toFixed(2)}%" y="${((high - g.p) / (high - low) * 100).toFixed(2)}%"/>`).join("");
    }
    if (axisOn.has(c)) c.xa.innerHTML = times(c.field.clientWidth);
  }
  function tag(c, low, high) {
    const key = { equity: "pnl", price: "mid", position: "held" }[c.panel.kind];
    const value = key && at(c.panel.lines[key], view.b);
    if (value === null || value === undefined) return null;
    const kind = c.panel.kind === "equity" ? (value > 0 ? "up" : value < 0 ? "down" : "flat") : "flat";
    const places = c.panel.kind === "equity" && Math.abs(value) >= 1000 ? 0 : c.panel.places;
    return { value, html: `<b class="${kind}" style="top:${(high - value) / (high - low) * 100}%">${num(value, places, c.panel.kind !== "price")}</b>` };
  }
  const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600].map(s => s * 1000));
  function times(width) {
    const most = Math.max(2, Math.floor(width / 90)), a = fromX(view.a), b = fromX(view.b), out = [];
    const put = (x, text) => { const p = (x - view.a) / (view.b - view.a) * 100; out.push(`<span style="left:${p.toFixed(2)}%${p < 3 ? ";transform:none" : p > 97 ? ";transform:translateX(-100%)" : ""}">${text}</span>`); };
    const inside = starts.filter(x => x > view.a && x < view.b).length;
    if (inside) {
      const first = starts.map((x, i) => [x, i]).filter(([x]) => x >= view.a && x < view.b), every = Math.ceil(first.length / most);
      first.forEach(([x, i], k) => { if (k % every === 0) put(x, clock(D.t0 + local(D.sessions[i][0]), 0).slice(0, 6)); });
      return out.join("");
    }
    const step = STEPS.find(s => (b - a) / s <= most) || STEPS[STEPS.length - 1];
    for (const t of roundTimes(a, b, step)) {
      const d = new Date(D.t0 + local(t)), hm = `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
      put(toX(t), step % 60000 === 0 ? hm : step >= 1000 ? `${hm}:${pad(d.getUTCSeconds())}` : `${pad(d.getUTCMinutes())}:${pad(d.getUTCSeconds())}.${pad(d.getUTCMilliseconds(), 3)}`);
    }
    return out.join("");
  }
  let waiting = false;
  function render() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; charts.forEach(draw); document.querySelectorAll("[data-do=reset]").forEach(e => { e.disabled = view.a === 0 && view.b === total; }); });
  }
  function look(a, b) {
    const least = Math.min(total, 50), width = Math.max(Math.min(b - a, total), least);
    a = Math.max(0, Math.min(a + (b - a - width) / 2, total - width));
    view.a = a; view.b = a + width;
    hide(); render();
  }

  // The crosshair and what stands beside it.
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { className: "tip" }));
  for (const c of charts) {
    c.cross = c.field.appendChild(Object.assign(document.createElement("i"), { className: "cross" }));
    c.pick = c.field.appendChild(Object.assign(document.createElement("i"), { className: "pick" }));
  }
  const row = (name, value, kind = "") => `<dt>${name}</dt><dd class="${kind}">${value}</dd>`;
  const tone = v => v > 0 ? "up" : v < 0 ? "down" : "";
  function readout(x) {
    let out = "";
    for (const { panel } of charts) {
      const l = panel.lines, name = panel.symbol && D.symbols > 1 ? panel.symbol + " " : "";
      if (panel.kind === "equity") { const v = at(l.pnl, x) ?? 0; out += row("Net P&amp;L", num(v, panel.places, true), tone(v)); }
      if (panel.kind === "drawdown") { const v = at(l.depth, x) ?? 0; out += row("Drawdown", num(v, panel.places)); }
      if (panel.kind === "price") { const b = at(l.bid, x), k = at(l.ask, x); if (b !== null && k !== null) out += row(name + "Bid / ask", `${num(b, panel.places)} / ${num(k, panel.places)}`); }
      if (panel.kind === "position") { const v = at(l.held, x); if (v !== null) out += row(name + "Position", num(v, panel.places, true)); }
    }
    return `<b>${clock(D.t0 + local(fromX(x)))}</b><dl>${out}</dl>`;
  }
  function near(c, mx, my) {
    let best = null, least = 121;
    const w = c.field.clientWidth;
    for (const g of c.groups || []) {
      const dx = (g.x - view.a) / (view.b - view.a) * w - mx, dy = c.y(g.p) + (g.s ? -5 : 5) - my, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = g; }
    }
    return best;
  }
  function fillText(c, g) {
    const f = c.panel.fills, k = g.k, money = D.places, side = g.s ? "Sold" : "Bought";
    if (g.n > 1) return `<b class="${g.s ? "down" : "up"}">${side} ${num(g.q, f.places)} in ${g.n} fills</b><dl>${row("Average price", num(g.p, c.panel.places + 1))}</dl><hr>`;
    const markout = f.k[k];
    return `<b class="${g.s ? "down" : "up"}">${side} ${num(f.q[k], f.places)} at ${num(f.p[k], c.panel.places)}</b><dl>` +
      row("Time", clock(D.t0 + local(f.ms[k]))) + row("Order", f.id[k]) + row("Liquidity", f.m[k] ? "maker" : "taker") + row("Fee", num(f.f[k], Math.max(money, 4))) +
      (f.e[k] === null ? "" : row("Queue at entry", num(f.e[k], 0))) + (f.h[k] === null ? "" : row("Queue at fill", num(f.h[k], 0) + (f.z[k] ? ", estimated" : ""))) +
      (markout === null ? "" : row("Markout 1 s", num(markout, 1, true) + " ticks", tone(markout))) + row("Position after", num(f.o[k], f.places, true)) + "</dl><hr>";
  }
  function place(event) {
    tip.style.display = "block";
    const box = tip.getBoundingClientRect(), touch = event.pointerType === "touch";
    let x = event.clientX + 16, y = event.clientY + 14;
    if (x + box.width > innerWidth - 6) x = Math.max(6, event.clientX - box.width - 16);
    if (touch) y = event.clientY - box.height - 24;
    if (y + box.height > innerHeight - 6) y = innerHeight - box.height - 6;
    tip.style.transform = `translate(${Math.round(x)}px,${Math.round(Math.max(6, y))}px)`;
  }
  function hide() { tip.style.display = "none"; charts.forEach(c => { c.cross.style.display = c.pick.style.display = "none"; }); }
  let cursor = null;
  function show(x, event, c) {
    cursor = x;
    const part = (x - view.a) / (view.b - view.a);
    charts.forEach(o => { o.cross.style.display = "block"; o.cross.style.left = `${100 * part}%`; });
    const box = c.field.getBoundingClientRect(), g = near(c, event.clientX - box.left, event.clientY - box.top);
    tip.innerHTML = (g ? fillText(c, g) : "") + readout(x);
    place(event);
  }
  let drag = null;
  for (const c of charts) {
    const where = e => { const box = c.field.getBoundingClientRect(); return view.a + Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * (view.b - view.a); };
    c.field.tabIndex = 0;
    c.field.addEventListener("pointerdown", e => { if (e.button === 0 && e.pointerType !== "touch") { drag = { c, x: where(e), px: e.clientX }; c.field.setPointerCapture(e.pointerId); } });
    c.field.addEventListener("pointermove", e => {
      const x = where(e);
      show(x, e, c);
      if (drag) charts.forEach(o => {
        const [l, r] = [Math.min(x, drag.x), Math.max(x, drag.x)].map(v => (v - view.a) / (view.b - view.a) * 100);
        o.pick.style.cssText = `display:block;left:${l}%;width:${r - l}%`;
      });
    });
    c.field.addEventListener("pointerup", e => { if (drag) { const from = drag; drag = null; charts.forEach(o => { o.pick.style.display = "none"; }); if (Math.abs(e.clientX - from.px) > 6) look(Math.min(from.x, where(e)), Math.max(from.x, where(e))); } });
    c.field.addEventListener("pointercancel", () => { drag = null; hide(); });
    c.field.addEventListener("pointerleave", () => { if (!drag) hide(); });
    c.field.addEventListener("dblclick", () => look(0, total));
    c.field.addEventListener("keydown", e => {
      const width = view.b - view.a, middle = cursor !== null && cursor >= view.a && cursor <= view.b ? cursor : (view.a + view.b) / 2, box = c.field.getBoundingClientRect();
      const move = x => { x = Math.max(view.a, Math.min(view.b, x)); show(x, { clientX: box.left + (x - view.a) / width * box.width, clientY: box.top + 30, pointerType: "mouse" }, c); };
      const acts = { ArrowLeft: () => move(middle - width / 100), ArrowRight: () => move(middle + width / 100), "+": () => zoom(.5, middle), "=": () => zoom(.5, middle), "-": () => zoom(2, middle), Escape: () => look(0, total) };
      if (acts[e.key]) { e.preventDefault(); acts[e.key](); }
    });
  }
  function zoom(by, around = cursor) {
    const middle = around !== null && around >= view.a && around <= view.b ? around : (view.a + view.b) / 2, width = (view.b - view.a) * by;
    look(middle - (middle - view.a) * by, middle - (middle - view.a) * by + width);
  }
  const root = document.documentElement, dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme:dark)").matches ? "dark" : "light")) === "dark";
  const acts = {
    in: () => zoom(.4), out: () => zoom(2.5), reset: () => look(0, total),
    theme: () => { root.dataset.theme = dark() ? "light" : "dark"; }, pair: () => { if (root.dataset.pair) delete root.dataset.pair; else root.dataset.pair = "blue"; },
  };
  document.querySelectorAll("[data-do]").forEach(e => { e.hidden = false; e.addEventListener("click", () => acts[e.dataset.do]()); });
  addEventListener("resize", render);
  addEventListener("beforeprint", () => { document.querySelectorAll("details").forEach(e => { e.open = true; }); hide(); });
  render();

  // The book: what stands under the pointer.
  const B = D.book, map = document.querySelector("[data-plot=book] .field");
  if (B && map) {
    const cross = map.appendChild(Object.assign(document.createElement("i"), { className: "cross" })), columns = [], now = new Map();
    for (const change of B.changes) { for (let k = 0; k < change.length; k += 3) now.set(change[k], [change[k + 1], change[k + 2]]); columns.push(new Map(now)); }
    map.addEventListener("pointermove", e => {
      const box = map.getBoundingClientRect(), x = (e.clientX - box.left) / box.width, y = (e.clientY - box.top) / box.height;
      const time = x * B.t[B.t.length - 1], k = Math.max(0, Math.min(columns.length - 1, upper(B.t, time) - 1)), r = Math.max(0, Math.min(B.rows - 1, Math.floor(y * B.rows)));
      const [bid, ask] = columns[k].get(r) || [0, 0];
      cross.style.display = "block"; cross.style.left = `${100 * x}%`;
      tip.innerHTML = `<b>${clock(B.t0 + B.t[k])}</b><dl>${row("Price", num(B.top - r * B.step, B.decimals))}${bid ? row("Bids", num(bid * B.lot, 0), "up") : ""}${ask ? row("Asks", num(ask * B.lot, 0), "down") : ""}${bid || ask ? "" : row("Empty", "")}</dl>`;
      place(e);
    });
    map.addEventListener("pointerleave", () => { tip.style.display = cross.style.display = "none"; });
  }
})();
