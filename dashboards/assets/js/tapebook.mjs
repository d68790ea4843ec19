// The one module behind all cards: each of Panel's components hands its element over, and the card of that name fills it.

import { feed } from "./feed.mjs";

const CARDS = {
  kpi: () => import("./cards/kpi.mjs"),
  ladder: () => import("./cards/ladder.mjs"),
  chart: () => import("./cards/chart.mjs"),
  tape: () => import("./cards/tape.mjs"),
  heat: () => import("./cards/heat.mjs"),
  entry: () => import("./cards/entry.mjs"),
  blotter: () => import("./cards/blotter.mjs"),
  positions: () => import("./cards/positions.mjs"),
  alerts: () => import("./cards/alerts.mjs"),
  limits: () => import("./cards/limits.mjs"),
  limitboard: () => import("./cards/limitboard.mjs"),
  riskkpi: () => import("./cards/riskkpi.mjs"),
  exposure: () => import("./cards/exposure.mjs"),
  refusals: () => import("./cards/refusals.mjs"),
  controls: () => import("./cards/controls.mjs"),
  changes: () => import("./cards/changes.mjs"),
  whatif: () => import("./cards/whatif.mjs"),
  runs: () => import("./cards/runs.mjs"),
  compare: () => import("./cards/compare.mjs"),
  rundetail: () => import("./cards/rundetail.mjs"),
  sweep: () => import("./cards/sweep.mjs"),
  folio: () => import("./cards/folio.mjs"),
  equity: () => import("./cards/equity.mjs"),
  pnl: () => import("./cards/pnl.mjs"),
  traded: () => import("./cards/traded.mjs"),
  settlement: () => import("./cards/settlement.mjs"),
  operationskpi: () => import("./cards/operationskpi.mjs"),
  throughput: () => import("./cards/throughput.mjs"),
  stages: () => import("./cards/stages.mjs"),
  standing: () => import("./cards/standing.mjs"),
  letters: () => import("./cards/letters.mjs"),
  orderlife: () => import("./cards/orderlife.mjs"),
  sql: () => import("./cards/sql.mjs"),
  cases: () => import("./cards/cases.mjs"),
};

/** Another card, of a page of its own: `load` gives a module with `mount(body, options)`. */
export function register(kind, load) {
  CARDS[kind] = load;
}

/**
 * Fill an element of Panel's with a card. The content is put beside Panel's shadow tree and shown through a slot, so it stands in the
 * page like any other element: one style sheet, and every `data-field` within reach.
 */
export async function mount(kind, el, options) {
  const host = el.getRootNode().host ?? el;
  const body = document.createElement("div");
  body.className = "tb-body tb-body-" + kind;
  for (let box = el; box && host !== el; box = box.parentElement) box.style.setProperty("display", "contents", "important");
  if (host !== el) el.append(document.createElement("slot"));
  host.append(body);
  const { mount: fill } = await (CARDS[kind] ?? missing(kind))();
  await feed.ready;
  fill(body, options ?? {});
}

function missing(kind) {
  throw new Error(`there is no card ${kind}`);
}
