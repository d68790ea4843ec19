// The logic of the pages' module, without a browser: `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, keyOf, moved, number, percent, rounded, short, signOf } from "../../dashboards/assets/js/format.mjs";
import { body, missing, spoken, step, typed, verdict } from "../../dashboards/assets/js/order.mjs";
import { growth } from "../../dashboards/assets/js/cards/standing.mjs";
import { paged } from "../../dashboards/assets/js/cards/positions.mjs";
import { share, shown } from "../../dashboards/assets/js/cards/sweep.mjs";
import { answerKey, topicKey } from "../../dashboards/assets/js/still.mjs";
import { found } from "../../dashboards/assets/js/palette.mjs";
import { line, spokenTrend } from "../../dashboards/assets/js/trend.mjs";
import { clockOff, feedState, spokenOff, Store } from "../../dashboards/assets/js/store.mjs";

test("numbers keep every decimal, and get separators, a true minus and no minus zero", () => {
  assert.equal(number("1234567.00000001"), "1,234,567.00000001");
  assert.equal(number("190.10", { least: 2 }), "190.10");
  assert.equal(number("190", { least: 2 }), "190.00");
  assert.equal(number("-1234.5", { places: 0 }), "\u22121,235");
  assert.equal(number("-0.004", { places: 2, sign: true }), "0.00");
  assert.equal(number("12", { sign: true }), "+12");
  assert.equal(number(null), "\u2014");
  assert.equal(number("90071992547409931234.5"), "90,071,992,547,409,931,234.5");
});

test("rounding is exact, half away from zero", () => {
  assert.equal(rounded("2.675", 2), "2.68");
  assert.equal(rounded("-2.675", 2), "-2.68");
  assert.equal(rounded("0.99999999", 4), "1.0000");
  assert.equal(rounded("7", 2), "7.00");
});

test("short figures, shares, signs, clocks", () => {
  assert.equal(short("1234"), "1.2k");
  assert.equal(short("-578000"), "\u2212578k");
  assert.equal(percent("0.7134"), "71%");
  assert.equal(percent("1.25"), "125%");
  assert.equal(percent("0.005"), "1%");
  assert.equal(signOf("-0.00"), 0);
  assert.equal(clock("2026-01-05T14:30:07.123456789Z"), "14:30:07");
  assert.equal(keyOf("190.10"), keyOf("190.1"));
});

test("a step up or down is exact and never below nothing", () => {
  assert.equal(moved("0.00000001", "0.00000001", 1), "0.00000002");
  assert.equal(moved("190.1", "0.01", -10), "190.00");
  assert.equal(moved("0.01", "0.01", -5), "0.00");
});

const market = (trades, bars = []) => ({ trades, bars, depth: [], symbol: "AAPL" });
const frame = (n, after, data, seq = n) => ({ seq, topics: { market: { n, after, data } } });

test("increments are put together, and a gap is seen and asked for", () => {
  const store = new Store();
  assert.deepEqual(store.apply(frame(1, null, market([[1]], [[0, "1"]]))).changed, ["market"]);
  store.apply(frame(2, 1, market([[2]], [[0, "2"], [5, "3"]])));
  assert.deepEqual(store.data("market").trades, [[2], [1]]);
  assert.deepEqual(store.data("market").bars, [[0, "2"], [5, "3"]]);
  const { changed, lost } = store.apply(frame(4, 3, market([[4]])));
  assert.deepEqual([changed, lost, store.gaps], [[], ["market"], 1]);
  assert.deepEqual(store.data("market").trades, [[2], [1]]);
  store.apply(frame(5, null, market([[5], [4], [3], [2], [1]])));
  assert.equal(store.data("market").trades.length, 5);
  assert.deepEqual(store.apply(frame(5, 4, market([[5]]))), { changed: [], lost: [] });
  assert.equal(store.data("market").trades.length, 5);
});

test("seq never goes back", () => {
  const store = new Store();
  store.apply({ seq: 9, topics: {} });
  store.apply({ seq: 7, topics: {} });
  assert.equal(store.seq, 9);
});

test("the feed is live, stale after two seconds by the reader's clock, or gone", () => {
  assert.equal(feedState(10_000, 8_500, ""), "LIVE");
  assert.equal(feedState(10_000, 7_900, ""), "STALE");
  assert.equal(feedState(10_000, 9_999, "the session ended"), "GONE");
});

const order = { symbol: "AAPL", side: "BUY", type: "LIMIT", quantity: "1,000", price: "190.12", stop_price: "", time_in_force: "DAY", portfolio: "fund" };

test("an order as it is typed", () => {
  assert.equal(typed(" 1,000.50 "), "1000.50");
  assert.equal(typed(".5"), "0.5");
  assert.equal(typed("1e3"), null);
  assert.equal(missing(order), null);
  assert.equal(missing({ ...order, quantity: "0.00" })[0], "quantity");
  assert.equal(missing({ ...order, price: "" })[0], "price");
  assert.equal(missing({ ...order, type: "STOP", price: "" })[0], "stop_price");
  assert.deepEqual(body({ ...order, type: "MARKET" }), { symbol: "AAPL", side: "BUY", type: "MARKET", quantity: "1000", time_in_force: "DAY", portfolio: "fund" });
  assert.equal(spoken(order), "BUY 1,000 AAPL LIMIT @ 190.12 DAY");
});

test("nothing is sent in one step, and a change disarms", () => {
  assert.equal(step("idle", "enter"), "armed");
  assert.equal(step("armed", "enter"), "sending");
  assert.equal(step("sending", "enter"), "sending");
  assert.equal(step("armed", "change"), "idle");
  assert.equal(step("armed", "escape"), "idle");
  assert.equal(step("sending", "answered"), "idle");
});

test("the exchange's verdict in a sentence", () => {
  const accepted = { verdict: "ACCEPTED", executed_quantity: "60", average_price: "150.004", open_quantity: "40", cancelled: null, fills: [["150.00", "60"]] };
  assert.equal(verdict(accepted), "fills 60 at 150.00, 40 rest");
  const refused = { verdict: "REJECTED", reason: "POSITION_LIMIT", detail: "the position could pass its maximum", value: "600", limit: "500" };
  assert.equal(verdict(refused), "POSITION_LIMIT: the position could pass its maximum (600, and 500 is allowed)");
});

test("positions a page at a time, the largest first", () => {
  const rows = Array.from({ length: 120 }, (_, k) => ({ symbol: `S${k}`, quantity: String(k % 2 ? k : -k), mark: "1", average_price: null }));
  const first = paged(rows, 0);
  assert.deepEqual([first.rows.length, first.rows[0].symbol, first.last], [50, "S119", 2]);
  assert.deepEqual(paged(rows, 9).at, 2);
  assert.equal(paged(rows, 9).rows.length, 20);
  assert.deepEqual(paged(rows.slice(0, 3), 0).rows.map((row) => row.symbol), ["S0", "S1", "S2"]);
});

test("a clock that is off is told, a small difference is not", () => {
  assert.equal(clockOff(1000, 1_030_000), 0);
  assert.equal(clockOff(1000, 4_600_000), 3600);
  assert.match(spokenOff(3600), /60 min ahead of/);
  assert.match(spokenOff(-7200), /2 h behind/);
});

test("a still's topics and answers are found by what is asked for", () => {
  assert.equal(topicKey({ topic: "market", symbol: "AAPL", interval: 60 }), "market AAPL 60");
  assert.equal(topicKey({ topic: "orders" }), "orders");
  assert.equal(answerKey("runs", { size: 20, data: "", page: null }), 'runs[["size","20"]]');
  assert.equal(answerKey("order", { trader: "ann", order_id: "7" }), 'order[["order_id","7"],["trader","ann"]]');
});

test("a surface's colours: none at 0 where figures lie on both sides of it", () => {
  assert.deepEqual([share(0, -2, 4), share(4, -2, 4), share(-2, -2, 4)], [0, 1, -0.5]);
  assert.deepEqual([share(2, 2, 4), share(3, 2, 4), share(4, 2, 4), share(5, 5, 5)], [-1, 0, 1, 0]);
  assert.deepEqual([shown("sharpe", "1.236"), shown("total_return", "0.0123"), shown("turnover", "15752154.8"), shown("fills", null)], ["1.24", "1.23%", "15.8M", "—"]);
});

test("the palette finds by any word, names that begin with it first", () => {
  const entries = [
    { kind: "Symbol", name: "MSFT", more: "tick 0.01" }, { kind: "Page", name: "Portfolio" }, { kind: "Order", name: "#12", more: "ann BUY 5 MSFT new" },
  ];
  assert.deepEqual(found(entries, "ms").map((one) => one.name), ["MSFT", "#12"]);
  assert.deepEqual(found(entries, "ann msft").map((one) => one.name), ["#12"]);
  assert.deepEqual(found(entries, "#12 order").map((one) => one.kind), ["Order"]);
  assert.equal(found(entries, "nothing").length, 0);
  assert.equal(found(entries, " ").length, 3);
});

test("a limit's trend is what changed within a minute", () => {
  assert.equal(line([0.5]), "");
  assert.equal(line([0, 1], 89, 14), "M88.0 13.0L89.0 1.0");
  assert.equal(spokenTrend([[0, 0.1], [50_000, 0.4], [100_000, 0.46]], 100_000), "▲ 6 pts");
  assert.equal(spokenTrend([[90_000, 0.47], [100_000, 0.46]], 100_000), "▼ 1 pt");
  assert.equal(spokenTrend([[0, 0.1]], 0), "steady");
});

test("a file's growth is told a minute, once half of one has gone, and never below nothing", () => {
  assert.equal(growth({ at: 0, bytes: 100 }, { at: 20_000, bytes: 900 }), null);
  assert.equal(growth({ at: 0, bytes: 100 }, { at: 120_000, bytes: 900 }), 400);
  assert.equal(growth({ at: 0, bytes: 900 }, { at: 60_000, bytes: 100 }), 0);
});
