// What an order would do, asked of the exchange on a copy of itself: the verdict, the fills, the portfolio before and after.

import { empty, field, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";
import { ask, problem } from "../gateway.mjs";
import { body as bodyOf, missing, needsPrice, needsStop, TIMES, TYPES, verdict } from "../order.mjs";

export function mount(body, options) {
  const top = head("What if");
  body.append(top.element);
  if (!options.asks) {
    body.append(empty(feed.welcome.about.trades ? "Ask with a token of a trader, or of risk." : "A recording takes no questions; open a session that runs."));
    return;
  }
  const who = feed.welcome.who;
  const select = (name, label, values) => {
    const made = h("select", { id: "whatif-" + name, name }, ...values.map((one) => h("option", { value: one }, one.replace("_", " "))));
    return { made, row: h("div.tb-field", {}, h("label", { for: "whatif-" + name }, label), made) };
  };
  const input = (name, label) => {
    const made = h("input.num", { id: "whatif-" + name, name, inputmode: "decimal", autocomplete: "off" });
    return { made, row: h("div.tb-field", {}, h("label", { for: "whatif-" + name }, label), made) };
  };
  const parts = {
    symbol: select("symbol", "Symbol", feed.welcome.about.instruments.map((one) => one.symbol)),
    side: select("side", "Side", ["BUY", "SELL"]),
    portfolio: select("portfolio", "Portfolio", who.portfolios),
    trader: select("trader", "Trader", who.trader ? [who.trader] : []),
    type: select("type", "Type", TYPES),
    time_in_force: select("time_in_force", "Time in force", TIMES),
    quantity: input("quantity", "Quantity"),
    price: input("price", "Limit"),
    stop_price: input("stop_price", "Stop"),
  };
  parts.symbol.made.value = options.symbol;
  const said = h("p.tb-verdict", { "aria-live": "polite", "data-field": "whatif.verdict" });
  const effect = h("dl.tb-effect");
  const form = h("form.tb-entry", { novalidate: true, "aria-label": "What if" }, h("div.tb-fields", {}, ...Object.values(parts).map((one) => one.row)), said, effect, h("button.tb-button", { type: "submit" }, "Ask the exchange"));
  body.append(form);
  const fit = () => {
    parts.price.row.hidden = !needsPrice(parts.type.made.value);
    parts.stop_price.row.hidden = !needsStop(parts.type.made.value);
    parts.trader.row.hidden = !feed.welcome.oversees;
  };
  form.addEventListener("input", () => { fit(); say(said, ""); said.dataset.tone = ""; effect.replaceChildren(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const order = Object.fromEntries(Object.entries(parts).map(([name, one]) => [name, one.made.value]));
    const wrong = missing(order);
    if (wrong) {
      said.dataset.tone = "down";
      return say(said, `${wrong[0].replace("_", " ")}: ${wrong[1]}`);
    }
    const wanted = bodyOf(order);
    if (feed.welcome.oversees) wanted.trader = order.trader;
    const answer = await ask("POST", "/v1/orders/preview", wanted);
    if (!answer.ok) {
      said.dataset.tone = "down";
      return say(said, problem(answer.data));
    }
    const seen = answer.data;
    said.dataset.tone = seen.verdict === "ACCEPTED" ? "up" : "down";
    say(said, verdict(seen));
    const rows = [["Position", "position", {}], ["Exposure", "exposure", { places: 0 }], ["Equity", "equity", { places: 0 }], ["Cash", "cash", { places: 0 }], ["Leverage", "leverage", { places: 3 }]];
    return effect.replaceChildren(...rows.flatMap(([label, name, how]) => {
      const before = h("span.num");
      const after = h("span.num");
      field(before, `whatif.before.${name}`, seen.before[name], number(seen.before[name], how));
      field(after, `whatif.after.${name}`, seen.after[name], number(seen.after[name], how));
      return [h("dt", {}, label), h("dd", {}, before, h("span.tb-muted", {}, " → "), after)];
    }));
  });
  fit();
  const fill = (one, names) => {
    const have = [...one.made.options].map((each) => each.value);
    if (names.join("\n") === have.join("\n")) return;
    const kept = one.made.value;
    one.made.replaceChildren(...names.map((each) => h("option", { value: each }, each)));
    if (names.includes(kept)) one.made.value = kept;
  };
  if (feed.welcome.oversees) {
    feed.want("accounts", { topic: "accounts" }, (data) => fill(parts.portfolio, data.portfolios.map((one) => one.name)));
    feed.want("exposure", { topic: "exposure" }, (data) => fill(parts.trader, data.known_traders));
  }
}
