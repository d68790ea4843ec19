// How long each stage takes: count, p50, p99, longest, and its histogram on a logarithmic axis from 1 µs to 100 s.

import { empty, field, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";

const SAYS = { match: "matching a batch", commit: "writing it to the log", publish: "telling others", answer: "from a command’s arrival to its commit" };

export function duration(text) {
  if (text === null || text === undefined) return "—";
  const seconds = Number(text);
  if (seconds === 0) return "0 s";
  for (const [unit, name] of [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]]) if (seconds >= unit || unit === 1e-6) return number(String(+(seconds / unit).toPrecision(3))) + " " + name;
}

function stage(name) {
  const values = Object.fromEntries(["count", "p50", "p99", "max"].map((what) => [what, h("span.num")]));
  const words = Object.entries(values).map(([what, value]) => h("span.tb-stage-figure", {}, h("span.tb-label", {}, what), value));
  const bars = h("div.tb-histogram", { role: "img", "aria-label": `Histogram of ${name}, 1 µs to 100 s` });
  const element = h("section.tb-stage", { "aria-label": name }, h("div.tb-stage-head", {}, h("h3", {}, name), h("span.tb-muted", {}, SAYS[name] ?? ""), ...words), bars);
  return { element, values, bars };
}

export function mount(body) {
  const top = head("Stages");
  say(top.sub, "since the session began; percentiles are upper bounds of their bucket");
  const place = h("div.tb-stages", { tabindex: "0", role: "group", "aria-label": "Stages" });
  const axis = h("div.tb-histogram-axis.num", {}, ...["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"].map((text) => h("span", {}, text)));
  const nothing = empty("No stage has been timed: a recording has none, and a session elsewhere tells them on its /metrics.");
  body.append(top.element, place, nothing);
  const known = new Map();
  feed.want("operations", { topic: "operations" }, (data) => {
    const stages = Object.entries(data.stages ?? {});
    nothing.hidden = stages.length > 0;
    place.hidden = !stages.length;
    for (const [name, said] of stages) {
      if (!known.has(name)) {
        known.set(name, stage(name));
        place.append(known.get(name).element, axis);
      }
      const { values, bars } = known.get(name);
      for (const what of ["count", "p50", "p99", "max"]) field(values[what], `stage.${name}.${what}`, said[what], what === "count" ? number(String(said[what])) : duration(said[what]));
      while (bars.childElementCount < said.buckets.length) bars.append(h("span"));
      const most = Math.max(1, ...said.buckets);
      said.buckets.forEach((count, k) => {
        const bar = bars.children[k];
        const high = `scaleY(${(Math.sqrt(count / most)).toFixed(3)})`;
        if (bar.style.transform !== high) bar.style.transform = high;
        if (bar.title !== String(count)) bar.title = count;
      });
    }
  });
}
