// One run: its report as it was written, or its book at any moment, played again up to there.

import { address, answer } from "../answers.mjs";
import { onTheme } from "../colours.mjs";
import { empty, field, flag, h, head, say } from "../dom.mjs";
import { number } from "../format.mjs";
import { theme } from "../theme.mjs";

const STEPS = 1000n;
const LEVELS = 15;

function time(ns) {
  const text = ns.toString().padStart(10, "0");
  return new Date(Number(text.slice(0, -6))).toISOString().slice(0, 23).replace("T", " ");
}

function side(name) {
  const rows = Array.from({ length: LEVELS }, () => {
    const cells = [h("span"), h("span.num.tb-price"), h("span.num"), h("span.num.tb-muted")];
    return { element: h(`div.tb-level.tb-${name}`, {}, ...cells), cells };
  });
  return { rows, element: h(`div.tb-${name}s`, {}, ...(name === "ask" ? [...rows].reverse() : rows).map((one) => one.element)) };
}

function book() {
  const sides = { ask: side("ask"), bid: side("bid") };
  const middle = h("span.num.tb-last");
  const spread = h("span.num");
  const heads = h("div.tb-level.tb-level-head", {}, h("span"), h("span"), ...["Price", "Quantity", "Total"].map((text) => h("span.num", {}, text)));
  const element = h("div.tb-ladder.tb-ladder-run", { tabindex: "0", role: "group", "aria-label": "Book of the run" }, heads, sides.ask.element, h("div.tb-middle", {}, middle, h("span.tb-spread", {}, "spread ", spread)), sides.bid.element);
  function show(data) {
    const least = Math.max(0, ...[...data.asks, ...data.bids].map((level) => level[0].split(".")[1]?.length ?? 0));
    for (const [name, one] of Object.entries(sides)) {
      one.rows.forEach(({ element: row, cells }, k) => {
        const level = data[name + "s"][k];
        row.hidden = !level;
        if (!level) return;
        [0, 1, 3].forEach((at, c) => field(cells[c + 1], `runbook.${name}.${k}.${["price", "quantity", "total"][c]}`, level[at], number(level[at], at ? {} : { least })));
      });
    }
    field(middle, "runbook.last", data.quote.last, number(data.quote.last, { least }));
    field(spread, "runbook.spread", data.spread, number(data.spread));
  }
  return { element, show };
}

/** The report in the page's own look: its file follows the reader's system, and this page may have been turned. */
function themed(text) {
  const pair = document.documentElement.dataset.colours === "cvd" ? ' data-pair="blue"' : "";
  return text.replace("<html", `<html data-theme="${theme()}"${pair}`);
}

export function mount(body) {
  const top = head("Run");
  let run = address.get("run");
  const tabs = ["report", "book"].map((name) => h("button.tb-segment", { type: "button", onclick: () => address.set({ show: name === "report" ? "" : name }) }, name === "report" ? "Report" : "Book"));
  const alone = h("a.tb-act.tb-wide.tb-alone", { target: "_blank", rel: "noopener", title: "The report on a page of its own" }, "Open");
  top.right.append(alone, h("span.tb-segments", { role: "group", "aria-label": "Show" }, ...tabs));
  const frame = h("iframe.tb-report", { title: "Report of the run", sandbox: "allow-scripts allow-popups" });
  const slider = h("input.tb-slider", { id: "book-at", type: "range", min: 0, max: String(STEPS), value: String(STEPS), "aria-label": "Moment of the run" });
  const symbols = h("select.tb-picker", { "aria-label": "Instrument of the run" });
  const when = h("span.num", { "data-field": "runbook.ts" });
  const ladder = book();
  const replay = h("div.tb-replay", {}, h("div.tb-replay-head", {}, symbols, slider, when), ladder.element);
  const nothing = empty("Choose a run; its report and its book stand here.");
  body.append(top.element, frame, replay, nothing);
  let span = null;
  let reported = "";
  let told = "";
  let busy = false;
  let again = false;
  function shows() {
    return address.get("show") === "book" ? "book" : "report";
  }
  function wrong(text) {
    nothing.hidden = false;
    frame.hidden = replay.hidden = true;
    say(nothing.firstChild, text);
  }
  function moment() {
    return span && BigInt(span[0]) + ((BigInt(span[1]) - BigInt(span[0])) * BigInt(slider.value)) / STEPS;
  }
  async function report() {
    const wanted = run;
    if (reported !== wanted) {
      const { ok, data } = await answer("report", { run: wanted });
      if (wanted !== run) return;
      if (!ok) return wrong(data.detail);
      told = data;
      frame.srcdoc = themed(told);
      reported = wanted;
    }
    frame.hidden = false;
  }
  async function play() {
    if (busy) return void (again = true);
    busy = true;
    const { ok, data } = await answer("run-book", { run, at: address.get("at"), symbol: address.get("of"), depth: LEVELS });
    busy = false;
    if (again) {
      again = false;
      return play();
    }
    if (shows() !== "book") return;
    if (!ok) return wrong(data.detail);
    replay.hidden = false;
    span = [data.first, data.last];
    if (symbols.options.length !== data.symbols.length) symbols.replaceChildren(...data.symbols.map((one) => h("option", { value: one }, one)));
    symbols.value = data.symbol;
    const length = BigInt(span[1]) - BigInt(span[0]);
    if (document.activeElement !== slider && length > 0n) slider.value = String(((BigInt(data.at) - BigInt(span[0])) * STEPS) / length);
    field(when, "runbook.ts", data.ts, time(BigInt(data.at)));
    ladder.show(data);
  }
  function load() {
    const before = run;
    run = address.get("run") || address.first;
    if (before !== run) symbols.replaceChildren();
    const name = shows();
    tabs.forEach((one, k) => one.setAttribute("aria-pressed", String(["report", "book"][k] === name)));
    alone.hidden = !run;
    if (!run) return wrong("Choose a run; its report and its book stand here.");
    alone.href = `/dash/data/report?run=${encodeURIComponent(run)}`;
    say(top.sub, run);
    nothing.hidden = true;
    frame.hidden = replay.hidden = true;
    name === "report" ? report() : play();
  }
  onTheme(() => { if (told) frame.srcdoc = themed(told); });
  slider.addEventListener("input", () => { if (span) say(when, time(moment())); });
  slider.addEventListener("change", () => { if (span) address.set({ at: String(moment()) }); });
  symbols.addEventListener("change", () => address.set({ of: symbols.value }));
  address.watch(["run", "show"], () => load());
  address.watch(["at", "of"], () => shows() === "book" && play());
  load();
}
