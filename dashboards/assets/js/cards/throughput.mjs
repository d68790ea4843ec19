// Commands and facts a second, since this page was opened.

import { field, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";
import { LineChart } from "../line_chart.mjs";

export function mount(body) {
  const top = head("Throughput");
  say(top.sub, "a second, since this page was opened");
  const chart = new LineChart("Commands and facts a second");
  const lines = { facts_per_second: chart.line("accent", { places: 0 }), commands_per_second: chart.line("up", { places: 0 }) };
  const values = { facts_per_second: h("span.num"), commands_per_second: h("span.num") };
  const totals = ["commands", "facts", "batches"].map((name) => [name, h("span.num")]);
  const legend = h("div.tb-lines", {}, h("span.tb-line-name", { "data-tone": "accent" }, "facts ", values.facts_per_second), h("span.tb-line-name", { "data-tone": "up" }, "commands ", values.commands_per_second), ...totals.map(([name, value]) => h("span.tb-muted", {}, `${name} in all `, value)));
  body.append(top.element, legend, chart.element);
  let last = 0;
  feed.want("operations", { topic: "operations" }, (data) => {
    for (const [name, value] of totals) field(value, `operations.${name}`, data[name], number(data[name] === undefined ? null : String(data[name])));
    const time = Math.floor(Date.now() / 1000);
    for (const name of Object.keys(lines)) {
      const raw = data[name];
      field(values[name], `throughput.${name}`, raw, number(raw === undefined || raw === null ? null : String(raw)));
      if (raw !== null && raw !== undefined && time > last) lines[name].update({ time, value: Number(raw) });
    }
    last = Math.max(last, time);
  });
}
