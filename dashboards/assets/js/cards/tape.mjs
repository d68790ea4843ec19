// The trades as they come: time, side of who took, price, size with a tint of how large it is.

import { empty, field, h, head, say, Table } from "../dom.mjs";
import { clock, decimalsOf, number } from "../format.mjs";
import { instrument, view } from "../view.mjs";

const SHOWN = 40;

export function mount(body, options) {
  const top = head("Trades");
  let places = 0;
  let largest = 1;
  const table = new Table(
    [
      { name: "time", title: "Time", cell: (row, td) => say(td, clock(row[1])) },
      { name: "side", title: "Side", cell: (row, td) => { say(td, row[4]); td.className = `text col-side ${row[4] === "B" ? "tb-up" : "tb-down"}`; } },
      { name: "price", title: "Price", kind: "num", cell: (row, td) => { field(td, `trade.${row[0]}.price`, row[2], number(row[2], { least: places })); td.classList.add(row[4] === "B" ? "tb-up" : "tb-down"); } },
      { name: "size", title: "Size", kind: "num", cell: (row, td) => { field(td, `trade.${row[0]}.quantity`, row[3], number(row[3])); td.style.setProperty("--size", Math.min(1, Number(row[3]) / largest).toFixed(2)); } },
    ],
    { caption: "Last trades, newest first" },
  );
  const nothing = empty("No trade yet. The first one that prints will stand here.");
  body.append(top.element, table.scroll, nothing);
  view.market(options.symbol, (data) => {
    const rows = data.trades.slice(0, SHOWN);
    places = decimalsOf(instrument(data.symbol)?.tick ?? 0);
    largest = Math.max(1e-12, ...rows.map((row) => Number(row[3])));
    table.show(rows, (row) => String(row[0]));
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = !rows.length;
    say(top.sub, data.symbol);
  });
}
