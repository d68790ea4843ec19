// What was noticed: alarms and refusals first of all; one that was seen can be put away.

import { empty, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { clock, number } from "../format.mjs";
import { remember, remembered } from "../still.mjs";

const SHOWN = 60;
const seen = new Set(JSON.parse(remembered("tapebook.seen") ?? "[]"));

function texts(alerts, refusals) {
  const rows = [];
  for (const one of alerts) {
    if (one.kind === "RiskLimitBreached") continue;
    const more = Object.entries(one).filter(([name]) => !["seq", "ts", "kind", "who", "action", "reason", "limits"].includes(name)).map(([name, value]) => (value === null ? "" : `${name} ${value}`)).join(" ");
    const text = one.kind === "PrivilegedAction" ? `${one.who}: ${one.action} ${more}, “${one.reason}”` : one.text ?? `${one.kind} ${more}`;
    rows.push({ key: `a${one.seq}${one.ts}${one.kind}`, ts: one.ts, tone: one.kind === "PrivilegedAction" ? "info" : "warn", word: one.kind === "PrivilegedAction" ? "Control" : "Notice", text });
  }
  for (const [word, list] of [["Risk", refusals?.breaches ?? []], ["Rule", refusals?.failures ?? []]]) {
    for (const one of list) {
      const bound = one.value === null || one.limit === null ? "" : ` (${number(one.value)} > ${number(one.limit)})`;
      const order = one.order_id ? ` #${one.order_id}` : "";
      rows.push({ key: `${word}${one.seq}`, ts: one.ts, tone: "down", word, text: `${one.trader || one.portfolio}${order} ${one.symbol ?? ""} ${one.reason}${bound}` });
    }
  }
  return rows.sort((a, b) => (a.ts < b.ts ? 1 : -1)).slice(0, SHOWN);
}

export function mount(body) {
  const top = head("Alerts");
  const list = h("ul.tb-alerts", { tabindex: "0", "aria-label": "Alerts, newest first" });
  const nothing = empty("Nothing to report. Refused orders, alarms and halts will stand here.");
  body.append(top.element, list, nothing);
  let alerts = [];
  let refusals = null;
  const rows = new Map();
  function show() {
    const wanted = texts(alerts, refusals);
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, element] of rows) {
      if (!keys.has(key)) {
        element.remove();
        rows.delete(key);
      }
    }
    let at = list.firstChild;
    for (const one of wanted) {
      let element = rows.get(one.key);
      if (!element) {
        const done = h("button.tb-ack", { type: "button", title: "Seen", "aria-label": `Seen: ${one.text}` }, "✓");
        element = h("li", {}, h("time.num", {}, clock(one.ts)), h("span.tb-pill", { "data-tone": one.tone }, one.word), h("span.tb-alert-text", {}, one.text), done);
        element.classList.toggle("is-seen", seen.has(one.key));
        done.addEventListener("click", () => {
          seen.add(one.key);
          remember("tapebook.seen", JSON.stringify([...seen].slice(-500)));
          element.classList.add("is-seen");
          count();
        });
        rows.set(one.key, element);
      }
      if (element !== at) list.insertBefore(element, at);
      else at = at.nextSibling;
    }
    nothing.hidden = wanted.length > 0;
    list.hidden = !wanted.length;
    count();
  }
  const count = () => {
    const open = [...rows.keys()].filter((key) => !seen.has(key)).length;
    say(top.right, open ? `${open} open` : "");
  };
  feed.want("alerts", { topic: "alerts" }, (data) => { alerts = data.alerts; show(); });
  feed.want("refusals", { topic: "refusals" }, (data) => { refusals = data; show(); });
}
