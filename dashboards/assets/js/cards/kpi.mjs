// The strip of key figures in the header: symbol and last price first, the account behind.

import { field, flag, h, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, number, short, signOf } from "../format.mjs";
import { keyed } from "../shortcuts.mjs";
import { instrument, view } from "../view.mjs";

function figure(label, name) {
  const value = h("span.tb-kpi-value.num", {}, "—");
  const words = h("span.tb-label", {}, label);
  return { element: h(`div.tb-kpi.kpi-${name}`, {}, words, value), value, words };
}

export function mount(body, options) {
  const listed = feed.welcome.about.instruments.map((one) => one.symbol);
  const picker = h("select.tb-picker", { "aria-label": "Symbol" }, ...listed.map((name) => h("option", { value: name, selected: name === options.symbol }, name)));
  const price = h("span.tb-kpi-price.num", { "data-field": "quote.last" }, "—");
  const tag = h("span.tb-tag");
  const market = h("div.tb-kpi.kpi-market", {}, h("span.tb-kpi-pick", {}, picker, tag), price);
  const made = ["Bid", "Ask", "Spread", "Volume"].map((label) => figure(label, label.toLowerCase()));
  const account = { equity: figure("Equity", "equity"), net: figure("Net P&L", "net"), exposure: figure("Exposure", "exposure"), leverage: figure("Leverage", "leverage") };
  body.append(market, ...made.map((one) => one.element), ...Object.values(account).map((one) => one.element));
  if (options.unknown) body.append(h("p.tb-wrong", { role: "alert" }, `There is no instrument ${options.unknown} here; this is ${options.symbol}.`));

  picker.addEventListener("change", () => view.show({ symbol: picker.value }));
  view.addEventListener("change", () => (picker.value = view.symbol));
  const turn = (by) => view.show({ symbol: listed[(listed.indexOf(view.symbol) + by + listed.length) % listed.length] });
  keyed("[", () => turn(-1));
  keyed("]", () => turn(1));

  view.market(options.symbol, (data) => {
    const places = decimalsOf(instrument(data.symbol)?.tick ?? 0);
    field(price, "quote.last", data.last, number(data.last, { least: places }));
    const texts = [number(data.bid, { least: places }), number(data.ask, { least: places }), number(data.spread), short(data.volume)];
    ["bid", "ask", "spread", "volume"].forEach((name, k) => field(made[k].value, "quote." + name, data[name], texts[k]));
    say(tag, data.halted ? "HALTED" : feed.welcome.about.live || feed.welcome.about.still ? "" : feed.welcome.about.kind);
    flag(tag, "tb-warn", data.halted);
    document.title = `${data.symbol} ${number(data.last, { least: places })} · Tapebook`;
  });

  feed.want("accounts", { topic: "accounts" }, (data) => {
    const one = view.account(data.portfolios);
    for (const part of Object.values(account)) part.element.hidden = !one;
    if (!one) return;
    account.equity.element.title = `portfolio ${one.name}`;
    field(account.equity.value, "account.equity", one.equity, number(one.equity, { places: 0 }));
    field(account.net.value, "account.net_pnl", one.net_pnl, number(one.net_pnl, { places: 0, sign: true }));
    field(account.exposure.value, "account.exposure", one.exposure, short(one.exposure));
    field(account.leverage.value, "account.leverage", one.leverage, one.leverage === null ? "—" : number(one.leverage, { places: 2 }) + "×");
    flag(account.net.value, "tb-up", signOf(one.net_pnl) > 0);
    flag(account.net.value, "tb-down", signOf(one.net_pnl) < 0);
  });
}
