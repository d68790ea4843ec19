// What the page looks at: its symbol, interval and portfolio. They stand in the URL, so that an address reproduces a page.

import { feed } from "./feed.mjs";
import { ask, asked } from "./still.mjs";

class View extends EventTarget {
  constructor() {
    super();
    const query = asked();
    this.symbol = query.get("symbol") ?? "";
    this.interval = Number(query.get("interval")) || 5;
    this.portfolio = query.get("portfolio") ?? "";
    this.begun = false;
  }

  /** The market of the page's symbol; `symbol` is taken where the URL names none that is listed. */
  market(symbol, listener) {
    if (!this.begun) {
      this.begun = true;
      this.symbol = symbol;
    }
    return feed.want("market", this.spec(), listener);
  }

  spec() {
    return { topic: "market", symbol: this.symbol, interval: this.interval };
  }

  show(changes) {
    Object.assign(this, changes);
    const query = asked();
    for (const name of ["symbol", "portfolio"]) this[name] ? query.set(name, this[name]) : query.delete(name);
    query.set("interval", this.interval);
    ask(query);
    if ("symbol" in changes || "interval" in changes) feed.turn("market", this.spec());
    this.dispatchEvent(new CustomEvent("change", { detail: changes }));
  }

  /** The portfolio that is shown: the one asked for, the viewer's own, or the first. */
  account(portfolios) {
    const own = feed.welcome?.who.portfolios ?? [];
    const find = (name) => portfolios.find((one) => one.name === name);
    return find(this.portfolio) ?? portfolios.find((one) => own.includes(one.name)) ?? portfolios[0];
  }
}

export const view = new View();

/** The instrument of a symbol as the session lists it. */
export function instrument(symbol) {
  return feed.welcome?.about.instruments.find((one) => one.symbol === symbol);
}
