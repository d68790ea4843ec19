// The positions of one portfolio, and which portfolio.

import { empty, field, flag, h, head, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, number, signOf } from "../format.mjs";
import { instrument, view } from "../view.mjs";

function money(td, name, text) {
  field(td, name, text, number(text, { places: 2, sign: true }));
  flag(td, "tb-up", signOf(text) > 0);
  flag(td, "tb-down", signOf(text) < 0);
}

const PAGE = 50;

/** The largest first; `page` counts from 0, and what is behind the last page is the last page. */
export function paged(rows, page, size = PAGE) {
  const worth = (row) => Math.abs(Number(row.quantity ?? 0) * Number(row.mark ?? row.average_price ?? 0));
  const sorted = rows.length > size ? [...rows].sort((a, b) => worth(b) - worth(a) || (a.symbol < b.symbol ? -1 : 1)) : rows;
  const last = Math.max(0, Math.ceil(rows.length / size) - 1);
  const at = Math.min(page, last);
  return { at, last, rows: sorted.slice(at * size, (at + 1) * size) };
}

export function mount(body) {
  const top = head("Positions");
  const picker = h("select.tb-picker.tb-small", { "aria-label": "Portfolio" });
  top.sub.append(picker);
  const total = h("span.num");
  top.right.append("Unrealised ", total);
  const name = (row, what) => `position.${row.symbol}.${what}`;
  const price = (row) => ({ least: decimalsOf(instrument(row.symbol)?.tick ?? 0), places: null });
  const table = new Table(
    [
      { name: "symbol", title: "Symbol", cell: (row, td) => say(td, row.symbol) },
      { name: "quantity", title: "Qty", kind: "num", cell: (row, td) => { field(td, name(row, "quantity"), row.quantity, number(row.quantity, { sign: true })); flag(td, "tb-up", signOf(row.quantity) > 0); flag(td, "tb-down", signOf(row.quantity) < 0); } },
      { name: "average", title: "Avg", kind: "num", cell: (row, td) => field(td, name(row, "average_price"), row.average_price, number(row.average_price, { places: price(row).least + 2 })) },
      { name: "mark", title: "Mark", kind: "num", cell: (row, td) => field(td, name(row, "mark"), row.mark, number(row.mark, price(row))) },
      { name: "unrealized", title: "Unreal.", kind: "num", cell: (row, td) => money(td, name(row, "unrealized_pnl"), row.unrealized_pnl) },
      { name: "realized", title: "Realised", kind: "num", cell: (row, td) => money(td, name(row, "realized_pnl"), row.realized_pnl) },
    ],
    { caption: "Positions", onrow: (tr, key) => tr.addEventListener("click", () => instrument(key) && view.show({ symbol: key })) },
  );
  const nothing = empty("Flat. A position opens with the first fill.");
  let page = 0;
  const says = h("span.tb-muted", { "data-field": "positions.count" });
  const find = h("input.tb-filter", { type: "search", placeholder: "symbol", "aria-label": "Part of a position's symbol", oninput: () => { page = 0; show(); } });
  const turn = (text, by, label) => h("button.tb-act.tb-wide", { type: "button", "aria-label": label, onclick: () => { page = Math.max(0, page + by); show(); } }, text);
  const pager = h("div.tb-pager", { hidden: true }, says, h("span.tb-row", {}, find, turn("‹", -1, "Larger positions"), turn("›", 1, "Smaller positions")));
  body.append(top.element, table.scroll, nothing, pager);
  picker.addEventListener("change", () => view.show({ portfolio: picker.value }));
  let names = "";
  let newest = null;
  function show() {
    if (!newest) return;
    const one = view.account(newest.portfolios);
    const listed = newest.portfolios.map((each) => each.name);
    if (names !== listed.join("\n")) {
      names = listed.join("\n");
      picker.replaceChildren(...listed.map((each) => h("option", { value: each }, each)));
    }
    picker.hidden = listed.length < 2;
    if (!one) {
      say(nothing.firstChild, feed.welcome.who.roles.length === 1 && feed.welcome.who.roles[0] === "viewer" ? "Viewers see the market alone; a trader’s token shows positions." : "No portfolio is yours to see.");
      nothing.hidden = false;
      table.scroll.hidden = true;
      pager.hidden = true;
      return;
    }
    if (document.activeElement !== picker) picker.value = one.name;
    const rows = Object.entries(one.positions).map(([symbol, of]) => ({ symbol, ...of }));
    const wanted = find.value.trim().toLowerCase();
    const fits = wanted ? rows.filter((row) => row.symbol.toLowerCase().includes(wanted)) : rows;
    const shown = paged(fits, page);
    page = shown.at;
    table.show(shown.rows, (row) => row.symbol);
    pager.hidden = rows.length <= PAGE;
    if (!pager.hidden) field(says, "positions.count", fits.length, fits.length ? `${page * PAGE + 1}–${page * PAGE + shown.rows.length} of ${number(String(fits.length))}, the largest first` : `none of ${number(String(rows.length))} fits`);
    nothing.hidden = rows.length > 0;
    table.scroll.hidden = !rows.length;
    money(total, "account.unrealized_pnl", one.unrealized_pnl);
  }
  feed.want("accounts", { topic: "accounts" }, (data) => { newest = data; show(); });
  view.addEventListener("change", show);
}
