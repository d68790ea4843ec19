// A question in SQL to the log: it can read the log and nothing else, and change nothing.

import { address, answer, csv, save } from "../answers.mjs";
import { empty, field, h, head, say } from "../dom.mjs";
import { number } from "../format.mjs";

const SHOWN = 200;
const MOST = 5000;
const EXAMPLES = {
  "Orders": "SELECT order_id, trader, symbol, side, quantity, price, status, created\nFROM orders ORDER BY created DESC",
  "Refusals": "SELECT * FROM breaches ORDER BY seq DESC",
  "Volume": "SELECT symbol, count(*) AS trades, sum(quantity) AS volume, min(price) AS low, max(price) AS high\nFROM trades GROUP BY symbol ORDER BY symbol",
  "Positions": "SELECT portfolio, symbol, quantity, notional, fees FROM positions WHERE portfolio <> ''",
};

function shown(value, kind) {
  if (value === null || value === undefined) return "—";
  if (typeof value === "object") return JSON.stringify(value);
  return kind === "num" ? number(String(value)) : String(value);
}

export function mount(body, options) {
  const top = head("SQL over the log");
  if (!options.may) {
    body.append(top.element, empty("Questions in SQL see everybody’s orders; they are for the roles compliance and admin."));
    return;
  }
  const text = h("textarea.tb-sql", { id: "sql", spellcheck: "false", "aria-label": "One SELECT", rows: "4" });
  text.value = address.get("sql") || EXAMPLES.Orders;
  const run = h("button.tb-button.tb-primary", { type: "button", title: "Ctrl+Enter" }, "Run");
  const out = h("button.tb-button", { type: "button", disabled: true, title: `At most ${number(String(MOST))} rows` }, "CSV");
  const examples = Object.entries(EXAMPLES).map(([name, statement]) => h("button.tb-act.tb-wide", { type: "button", onclick: () => { text.value = statement; ask(); } }, name));
  top.right.append(...examples);
  const says = h("span.tb-said", { role: "status" });
  const place = h("div.tb-scroll", { tabindex: "0", role: "group", "aria-label": "Answer" });
  body.append(top.element, h("div.tb-sql-box", {}, text, h("div.tb-sql-row", {}, run, out, says)), place);
  const tell = (said, tone = "") => { say(says, said); says.dataset.tone = tone; };
  async function ask() {
    const statement = text.value.trim();
    if (!statement) return tell("Write one SELECT; the log’s views are orders, executions, trades, positions, limits, breaches …");
    address.set({ sql: statement });
    tell("The log is being read …");
    run.disabled = true;
    const { ok, data } = await answer("sql", { statement, limit: SHOWN });
    run.disabled = false;
    out.disabled = !ok;
    if (!ok) {
      place.replaceChildren();
      return tell(data.detail, "down");
    }
    tell(`${data.more ? "the first " : ""}${number(String(data.rows.length))} rows`);
    const kind = (name) => data.kinds[name];
    const rows = data.rows.map((row, r) => h("tr", {}, ...row.map((value, c) => {
      const td = h(`td.${kind(data.columns[c])}`, { "data-label": data.columns[c] });
      field(td, `sql.${r}.${data.columns[c]}`, typeof value === "object" && value !== null ? JSON.stringify(value) : value, shown(value, kind(data.columns[c])));
      return td;
    })));
    place.replaceChildren(h("table.tb-table", {}, h("thead", {}, h("tr", {}, ...data.columns.map((name) => h(`th.${kind(name)}`, { scope: "col" }, name)))), h("tbody", {}, ...rows)));
    if (!rows.length) place.append(empty("No row answers this; ask for more, or look at a view without WHERE."));
  }
  async function give() {
    const { ok, data } = await answer("sql", { statement: text.value.trim(), limit: MOST });
    if (!ok) return tell(data.detail, "down");
    save("answer.csv", csv(data.columns, data.rows));
    tell(data.more ? `the first ${number(String(MOST))} rows are in the file; ask for fewer with WHERE` : `${number(String(data.rows.length))} rows are in the file`);
  }
  run.addEventListener("click", ask);
  out.addEventListener("click", give);
  text.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && ask());
  if (address.get("sql")) ask();
  else place.append(empty("Run the question, or one of the examples: up to 200 rows stand here, and CSV gives up to 5,000."));
}
