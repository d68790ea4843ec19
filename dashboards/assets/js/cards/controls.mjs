// Kill switches and halts: what is stopped now, and for those who may, the buttons; each asks twice, and for a reason.

import { confirmed } from "../dialog.mjs";
import { h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { ask } from "../gateway.mjs";

export function mount(body, options) {
  const top = head("Switches");
  const state = h("span.tb-pill", { "data-field": "controls.state" });
  top.right.append(state);
  const session = h("div.tb-switch-main");
  const lists = h("div.tb-switches", { tabindex: "0", role: "group", "aria-label": "Halts and kill switches" });
  body.append(top.element, session, lists);
  let known = "";

  function kill(target, name) {
    const whom = target ? `${target} ${name}` : "the whole session";
    confirmed({ title: `Stop ${whom}`, says: `All open orders of ${whom} are cancelled, new ones are refused until it is let trade again.`, button: `Kill ${whom}` },
      (reason) => ask("POST", "/v1/kill", { reason, ...(target ? { [target]: name } : {}) }));
  }
  function revive(target, name) {
    const whom = target ? `${target} ${name}` : "the whole session";
    confirmed({ title: `Let ${whom} trade again`, says: "New orders are taken again; what was cancelled stays cancelled.", button: "Revive", tone: "primary" },
      (reason) => ask("DELETE", "/v1/kill", { reason, ...(target ? { [target]: name } : {}) }));
  }
  function halt(symbol, on) {
    confirmed(on ? { title: `Halt ${symbol}`, says: "Orders rest and may be cancelled; nothing matches, new orders are refused.", button: `Halt ${symbol}` }
      : { title: `Resume ${symbol}`, says: "Matching goes on; stops are looked at again.", button: `Resume ${symbol}`, tone: "primary" },
      (reason) => ask(on ? "POST" : "DELETE", `/v1/halts/${encodeURIComponent(symbol)}`, { reason }));
  }

  function row(label, stopped, words, act) {
    const pill = h("span.tb-pill", { "data-tone": stopped ? "down" : "up", "data-field": `switch.${label}`, "data-value": stopped ? "stopped" : "open" }, stopped ? words[0] : words[1]);
    const button = options.controls ? h("button.tb-act.tb-wide", { type: "button", "aria-label": `${stopped ? words[3] : words[2]} ${label}`, onclick: act }, stopped ? words[3] : words[2]) : null;
    return h("div.tb-switch", {}, h("span", {}, label), pill, button);
  }

  feed.want("controls", { topic: "controls" }, async (data) => {
    const portfolios = (feed.store.data("accounts")?.portfolios ?? []).map((one) => one.name);
    const traders = feed.store.data("exposure")?.known_traders ?? [];
    const key = JSON.stringify([data.killed, data.portfolios, data.traders, data.halted, portfolios, traders]);
    if (key === known) return;
    known = key;
    const stopped = data.killed || data.portfolios.length || data.traders.length || data.halted.length;
    say(state, data.killed ? "KILLED" : stopped ? "PARTLY STOPPED" : "OPEN");
    state.dataset.tone = data.killed ? "down" : stopped ? "warn" : "up";
    session.replaceChildren();
    if (options.controls) {
      session.append(data.killed
        ? h("button.tb-button.tb-primary", { type: "button", onclick: () => revive() }, "Let the session trade again")
        : h("button.tb-button.tb-danger", { type: "button", onclick: () => kill() }, "Kill switch: stop everything"));
    } else {
      session.append(h("p.tb-muted", {}, data.killed ? "The session is stopped." : "Switches are for risk and admin."));
    }
    const symbols = feed.welcome.about.instruments.map((one) => one.symbol);
    const stop = ["Killed", "Trades", "Kill", "Revive"];
    const part = (title, rows) => (rows.length ? [h("h3", {}, title), ...rows] : []);
    lists.replaceChildren(
      ...part("Instruments", symbols.slice(0, 100).map((one) => row(one, data.halted.includes(one), ["Halted", "Open", "Halt", "Resume"], () => halt(one, !data.halted.includes(one))))),
      ...part("Portfolios", portfolios.map((one) => row(one, data.portfolios.includes(one), stop, () => (data.portfolios.includes(one) ? revive : kill)("portfolio", one)))),
      ...part("Traders", traders.map((one) => row(one, data.traders.includes(one), stop, () => (data.traders.includes(one) ? revive : kill)("trader", one)))));
  });
  feed.want("accounts", { topic: "accounts" }, () => feed.tell("controls"));
  feed.want("exposure", { topic: "exposure" }, () => feed.tell("controls"));
}
