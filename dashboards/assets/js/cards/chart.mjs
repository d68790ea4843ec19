// Candles with volume and average, the viewer's fills on them and working orders as lines.

import { CandlestickSeries, ColorType, createChart, createSeriesMarkers, HistogramSeries, LineSeries, LineStyle } from "../../vendor/lightweight-charts.mjs";
import { colours, onTheme, tint } from "../colours.mjs";
import { field, flag, h, head, say } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { decimalsOf, number, short } from "../format.mjs";
import { instrument, view } from "../view.mjs";

const INTERVALS = [[1, "1s"], [5, "5s"], [15, "15s"], [60, "1m"], [300, "5m"]];
const MARKERS = 60;

function candle(bar) {
  return { time: bar[0], open: +bar[1], high: +bar[2], low: +bar[3], close: +bar[4] };
}

function chartOptions(look) {
  return {
    autoSize: true,
    layout: { background: { type: ColorType.Solid, color: look.card }, textColor: look.muted, fontFamily: "JetBrains Mono, monospace", fontSize: 11, attributionLogo: true },
    grid: { vertLines: { visible: false }, horzLines: { color: look.line } },
    rightPriceScale: { borderColor: look.line },
    timeScale: { borderColor: look.line, timeVisible: true, secondsVisible: view.interval < 60, rightOffset: 4 },
    crosshair: { vertLine: { color: look.muted, labelBackgroundColor: look.raised }, horzLine: { color: look.muted, labelBackgroundColor: look.raised } },
  };
}

export function mount(body, options) {
  const top = head("Chart");
  const buttons = INTERVALS.map(([seconds, name]) => h("button.tb-segment", { type: "button", "aria-pressed": String(seconds === view.interval), onclick: () => view.show({ interval: seconds }) }, name));
  top.right.append(h("span.tb-segments", { role: "group", "aria-label": "Interval" }, ...buttons));
  const words = ["O", "H", "L", "C", "V", "SMA"];
  const values = words.map(() => h("span.num"));
  const legend = h("div.tb-legend", {}, ...words.flatMap((word, k) => [h("span.tb-muted", {}, word), values[k]]));
  const box = h("div.tb-chart", { role: "group", "aria-label": "Candles with volume" });
  const nothing = h("p.tb-empty", { hidden: true }, "No trade yet, so no candle. The first one comes with the first trade.");
  body.append(top.element, h("div.tb-chart-box", {}, box, legend, nothing));

  let look = colours();
  const chart = createChart(box, chartOptions(look));
  const candles = chart.addSeries(CandlestickSeries, {});
  const volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
  const average = chart.addSeries(LineSeries, { lineWidth: 2, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false });
  chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.08, bottom: 0.22 } });
  const markers = createSeriesMarkers(candles, []);
  let bars = new Map();
  let shown = "";
  let pointed = null;
  let lines = new Map();
  let fills = [];
  let orders = [];

  function paint() {
    look = colours();
    chart.applyOptions(chartOptions(look));
    candles.applyOptions({ upColor: look.up, downColor: look.down, borderUpColor: look.up, borderDownColor: look.down, wickUpColor: look.up, wickDownColor: look.down });
    average.applyOptions({ color: look.warn });
    volume.setData([...bars.values()].map(volumeBar));
    for (const [, line] of lines) candles.removePriceLine(line);
    lines = new Map();
    mark();
  }

  const volumeBar = (bar) => ({ time: bar[0], value: +bar[5], color: tint(+bar[4] >= +bar[1] ? look.up : look.down, 0.45) });

  function says(bar) {
    const places = decimalsOf(instrument(view.symbol)?.tick ?? 0);
    if (!bar) return values.forEach((one) => say(one, "—"));
    bar.slice(1, 5).forEach((text, k) => field(values[k], `bar.${["open", "high", "low", "close"][k]}`, text, number(text, { least: places })));
    field(values[4], "bar.volume", bar[5], short(bar[5]));
    field(values[5], "bar.sma", bar[6], number(bar[6], { least: places }));
  }

  function at(iso) {
    const seconds = Math.floor(Date.parse(iso) / 1000);
    return seconds - (seconds % view.interval);
  }

  function mark() {
    const made = fills.filter((fill) => fill[2] === view.symbol && bars.has(at(fill[1]))).slice(0, MARKERS).map((fill) => ({
      time: at(fill[1]),
      position: fill[3] === "BUY" ? "belowBar" : "aboveBar",
      shape: fill[3] === "BUY" ? "arrowUp" : "arrowDown",
      color: fill[3] === "BUY" ? look.up : look.down,
      text: `${fill[3][0]} ${number(fill[5])}`,
    }));
    markers.setMarkers(made.sort((a, b) => a.time - b.time));
    const open = orders.filter((one) => one.symbol === view.symbol && (one.price ?? one.stop_price) !== null && one.trader === feed.welcome.who.trader && ["NEW", "PENDING", "PARTIALLY_FILLED"].includes(one.status)).slice(0, 20);
    const keys = new Map(open.map((one) => [`${one.order_id} ${one.price} ${one.stop_price} ${one.quantity} ${one.executed_quantity}`, one]));
    for (const [key, line] of lines) {
      if (!keys.has(key)) {
        candles.removePriceLine(line);
        lines.delete(key);
      }
    }
    for (const [key, one] of keys) {
      if (lines.has(key)) continue;
      lines.set(key, candles.createPriceLine({ price: +(one.price ?? one.stop_price), color: one.side === "BUY" ? look.up : look.down, lineStyle: LineStyle.Dashed, lineWidth: 1, axisLabelVisible: true, title: `${one.side[0]} ${number(one.quantity)}` }));
    }
  }

  chart.subscribeCrosshairMove((event) => {
    pointed = event.time ?? null;
    says(bars.get(pointed) ?? [...bars.values()].at(-1));
  });

  view.market(options.symbol, (data) => {
    const name = `${data.symbol} ${data.interval}`;
    if (data.whole || shown !== name) {
      const places = decimalsOf(instrument(data.symbol)?.tick ?? 0);
      candles.applyOptions({ priceFormat: { type: "price", precision: places, minMove: Number(`1e-${places}`) } });
      bars = new Map(data.bars.map((bar) => [bar[0], bar]));
      candles.setData(data.bars.map(candle));
      volume.setData(data.bars.map(volumeBar));
      average.setData(data.bars.filter((bar) => bar[6] !== null).map((bar) => ({ time: bar[0], value: +bar[6] })));
      if (shown !== name) {
        chart.timeScale().applyOptions({ secondsVisible: data.interval < 60 });
        chart.timeScale().setVisibleLogicalRange({ from: data.bars.length - 90, to: data.bars.length + 4 });
      }
      shown = name;
      mark();
    } else {
      for (const bar of data.newBars ?? []) {
        bars.set(bar[0], bar);
        candles.update(candle(bar));
        volume.update(volumeBar(bar));
        if (bar[6] !== null) average.update({ time: bar[0], value: +bar[6] });
      }
      if (bars.size > 1000) bars = new Map([...bars].slice(-500));
    }
    const last = [...bars.values()].at(-1);
    says(pointed !== null && bars.has(pointed) ? bars.get(pointed) : last);
    nothing.hidden = bars.size > 0;
    say(top.sub, `${data.symbol} · SMA 20`);
    buttons.forEach((one, k) => {
      const on = String(INTERVALS[k][0] === data.interval);
      if (one.getAttribute("aria-pressed") !== on) one.setAttribute("aria-pressed", on);
    });
    flag(body, "is-halted", data.halted);
  });

  if (feed.welcome.who.trader) {
    feed.want("orders", { topic: "orders" }, (data) => {
      fills = (data.fills ?? []).filter((fill) => fill[7] === feed.welcome.who.trader);
      orders = data.orders;
      mark();
    });
  }
  onTheme(paint);
  paint();
}
