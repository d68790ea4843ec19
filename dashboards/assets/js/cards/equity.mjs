// Equity of a portfolio, and below it how far it was under its highest; what comes is added to what the log says.

import { answer } from "../answers.mjs";
import { empty, field, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";
import { LineChart, series } from "../line_chart.mjs";
import { view } from "../view.mjs";

const SINCE = { run: "of the whole run", session: "of the whole session, by its log", page: "since this page was opened" };

const READING = "The log is being read …";
const NOTHING = "Nothing to draw yet: the line begins with the portfolio’s first change of worth.";

export function mount(body) {
  const top = head("Equity and drawdown");
  const chart = new LineChart("Equity, and drawdown below it");
  const equity = chart.line("accent");
  const drawdown = chart.line("down", { pane: 1, area: true });
  chart.split(3, 1);
  const nothing = empty(READING);
  chart.element.hidden = true;
  body.append(top.element, chart.element, nothing);
  let name = null;
  let last = 0;
  let newest = null;
  async function load(wanted) {
    name = wanted;
    last = Infinity;
    const { ok, data } = await answer("equity", { portfolio: wanted });
    if (name !== wanted) return;
    const points = ok ? data.points : [];
    const line = series(points, 1);
    equity.setData(line);
    drawdown.setData(series(points, 2));
    last = line.at(-1)?.time ?? 0;
    chart.fit();
    say(top.sub, ok ? SINCE[data.since] ?? "" : "");
    nothing.hidden = line.length > 0;
    chart.element.hidden = !line.length;
    say(nothing.firstChild, ok ? NOTHING : data.detail);
    const lowest = points.reduce((least, point) => (least === null || Number(point[2]) < Number(least) ? point[2] : least), null);
    top.right.replaceChildren("Deepest ", Object.assign(document.createElement("span"), { className: "num" }));
    field(top.right.lastChild, "equity.max_drawdown", lowest, number(lowest, { places: 2 }));
    more();
  }
  function more() {
    const one = newest && view.account(newest.portfolios);
    if (!one || one.name !== name || one.equity === null || !feed.welcome.about.live) return;
    const time = Math.floor(feed.at); // of the session's machine: this one's clock may be off
    if (time <= last || !time) return;
    last = time;
    equity.update({ time, value: Number(one.equity) });
    nothing.hidden = true;
    chart.element.hidden = false;
  }
  function show() {
    const one = newest && view.account(newest.portfolios);
    if (!one) {
      chart.element.hidden = true;
      return say(nothing.firstChild, "No portfolio is yours to see; a token with its name shows one.");
    }
    one.name !== name ? load(one.name) : more();
  }
  feed.want("accounts", { topic: "accounts" }, (data) => { newest = data; show(); });
  view.addEventListener("change", show);
}
