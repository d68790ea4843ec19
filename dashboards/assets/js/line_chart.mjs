// Lines through time, with a legend that follows the crosshair.

import { AreaSeries, ColorType, createChart, LineSeries } from "../vendor/lightweight-charts.mjs";
import { colours, onTheme, tint } from "./colours.mjs";
import { h } from "./dom.mjs";
import { number } from "./format.mjs";

function options(look, seconds) {
  return {
    autoSize: true,
    layout: { background: { type: ColorType.Solid, color: look.card }, textColor: look.muted, fontFamily: "JetBrains Mono, monospace", fontSize: 11, attributionLogo: true, panes: { separatorColor: look.line, enableResize: false } },
    grid: { vertLines: { visible: false }, horzLines: { color: look.line } },
    rightPriceScale: { borderColor: look.line },
    timeScale: { borderColor: look.line, timeVisible: true, secondsVisible: seconds, rightOffset: 1 },
    crosshair: { vertLine: { color: look.muted, labelBackgroundColor: look.raised }, horzLine: { color: look.muted, labelBackgroundColor: look.raised } },
  };
}

/** Points [ISO time, text, …] as the chart takes them: one a second, the last of it. */
export function series(points, column) {
  const made = new Map();
  for (const point of points) if (point[column] !== null) made.set(Math.floor(Date.parse(point[0]) / 1000), Number(point[column]));
  return [...made].sort((a, b) => a[0] - b[0]).map(([time, value]) => ({ time, value }));
}

/** A chart of lines; `line(name, colour, {pane, area})` adds one, whose `setData` takes what `series` makes. */
export class LineChart {
  constructor(label) {
    this.box = h("div.tb-chart", { role: "group", "aria-label": label });
    this.element = h("div.tb-chart-box", {}, this.box);
    this.look = colours();
    this.chart = createChart(this.box, options(this.look, true));
    this.lines = [];
    onTheme(() => this.paint());
  }

  line(tone, { pane = 0, area = false, title = "", places = 2 } = {}) {
    const made = this.chart.addSeries(area ? AreaSeries : LineSeries, { lineWidth: 2, priceLineVisible: false, title, priceFormat: { type: "custom", formatter: (value) => number(value.toFixed(places)), minMove: 10 ** -places } }, pane);
    this.lines.push([made, tone, area]);
    this.paint();
    return made;
  }

  remove(series) {
    this.chart.removeSeries(series);
    this.lines = this.lines.filter(([one]) => one !== series);
  }

  split(above, below) {
    const panes = this.chart.panes();
    if (panes.length > 1) [above, below].forEach((part, k) => panes[k].setStretchFactor(part));
  }

  paint() {
    this.look = colours();
    this.chart.applyOptions(options(this.look, true));
    for (const [series, tone, area] of this.lines) {
      const colour = this.look[tone] ?? tone;
      series.applyOptions(area ? { lineColor: colour, topColor: tint(colour, 0.05), bottomColor: tint(colour, 0.3), invertFilledArea: true } : { color: colour });
    }
  }

  fit() {
    const fitted = () => this.chart.timeScale().fitContent();
    fitted();
    requestAnimationFrame(() => requestAnimationFrame(fitted)); // the box has its width only then
  }
}
