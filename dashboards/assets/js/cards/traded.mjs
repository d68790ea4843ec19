// What was bought and sold, for how much, and what it cost; as the log's view `positions` says, or a run's summary.

import { answer } from "../answers.mjs";
import { empty, field, h, head, say, Table } from "../dom.mjs";
import { number, percent } from "../format.mjs";
import { onPortfolio } from "./settlement.mjs";

const LABELS = { turnover: "Turnover", fees: "Fees, net", fees_paid: "Fees paid", rebates: "Rebates", fills: "Fills", maker_share: "Maker share" };

export function mount(body) {
  const top = head("Turnover and fees");
  let name = "";
  const again = h("button.tb-act.tb-wide", { type: "button", onclick: () => load(name) }, "Read again");
  top.right.append(again);
  const cell = (what, title, options = {}) => ({ name: what, title, kind: "num", cell: (row, td) => field(td, `traded.${row.symbol}.${what}`, row[what], number(row[what], options)) });
  const table = new Table([
    { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
    cell("bought", "Bought"), cell("sold", "Sold"), cell("notional", "Turnover", { places: 2 }), cell("fees", "Fees", { places: 2 }), cell("cash_flow", "Cash flow", { places: 2, sign: true }),
  ], { caption: "Turnover and fees by symbol" });
  const figures = h("dl.tb-figures", { tabindex: "0" });
  const nothing = empty("The log is being read …");
  table.scroll.hidden = figures.hidden = true;
  body.append(top.element, table.scroll, figures, nothing);
  async function load(wanted) {
    name = wanted;
    const { ok, data } = await answer("traded", { portfolio: wanted });
    if (name !== wanted) return;
    const rows = ok ? data.rows : [];
    const said = ok ? Object.entries(data.figures).filter(([, value]) => value !== null) : [];
    table.show(rows, (row) => row.symbol);
    figures.replaceChildren(...said.flatMap(([key, value]) => {
      const dd = h("dd.num");
      field(dd, `traded.${key}`, value, key === "maker_share" ? percent(value, 1) : number(value, { places: key === "fills" ? 0 : 2 }));
      return [h("dt", {}, LABELS[key] ?? key), dd];
    }));
    table.scroll.hidden = !rows.length;
    figures.hidden = !said.length;
    nothing.hidden = rows.length + said.length > 0;
    say(nothing.firstChild, ok ? "Nothing traded yet; what is bought and sold adds up here." : data.detail);
  }
  onPortfolio(load);
}
