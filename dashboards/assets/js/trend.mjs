// How a limit's use went since the page was opened: a small line, and by how much it grew or shrank in the last minute.

import { h, say } from "./dom.mjs";

const POINTS = 90;
const LEAST = 8;
const APART_MS = 2_000;
const WIDTH = 72;
const HIGH = 14;
const SVG = "http://www.w3.org/2000/svg";

/** The path of shares (0 to 1 and above) in a box, oldest first; "" for less than two. */
export function line(shares, width = WIDTH, high = HIGH) {
  if (shares.length < 2) return "";
  const least = Math.min(...shares);
  const span = Math.max(Math.max(...shares) - least, 0.02); // two percent of a limit fill the box at most: noise is no trend
  const step = width / (POINTS - 1);
  const from = width - step * (shares.length - 1);
  return shares.map((share, k) => `${k ? "L" : "M"}${(from + k * step).toFixed(1)} ${(high - 1 - ((share - least) / span) * (high - 2)).toFixed(1)}`).join("");
}

/** What changed within a minute, in points of the limit: "▲ 3 pts", "▼ 2 pts", "steady". */
export function spokenTrend(points, now) {
  const before = points.find(([at]) => now - at <= 60_000);
  const change = before ? Math.round((points.at(-1)[1] - before[1]) * 100) : 0;
  return change ? `${change > 0 ? "▲" : "▼"} ${Math.abs(change)} ${Math.abs(change) === 1 ? "pt" : "pts"}` : "steady";
}

/** {element, add(share)} of one limit. */
export function trend() {
  const path = document.createElementNS(SVG, "path");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HIGH}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  const says = h("span.tb-trend-says", { title: "in the last minute" });
  let points = [];
  let shownAs = "";
  const add = (share, key) => {
    if (key !== shownAs) [points, shownAs] = [[], key];
    const now = Date.now();
    const next = Math.max(0, Number(share ?? 0));
    if (points.length && now - points.at(-1)[0] < APART_MS) return;
    points = [...points, [now, next]].slice(-POINTS);
    if (points.length >= LEAST) path.setAttribute("d", line(points.map(([, value]) => value)));
    say(says, points.length > 1 ? spokenTrend(points, now) : "");
  };
  return { element: h("span.tb-trend", {}, svg, says), add };
}
