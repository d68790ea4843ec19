// What a page knows: each topic's newest state, made of a whole one and of increments that follow each other without a gap.

const TRADES_KEPT = 200;
const BARS_KEPT = 500;
const COLUMNS_KEPT = 240;

/** Increments of a market topic: the rest is replaced by every frame. */
export function mergedMarket(before, next) {
  const trades = [...next.trades, ...before.trades].slice(0, TRADES_KEPT);
  const first = next.bars.length ? next.bars[0][0] : Infinity;
  const bars = [...before.bars.filter((bar) => bar[0] < first), ...next.bars].slice(-BARS_KEPT);
  const depth = [...before.depth, ...next.depth].slice(-COLUMNS_KEPT);
  return { ...next, trades, bars, depth, newBars: next.bars, newTrades: next.trades.length };
}

export class Store {
  constructor() {
    this.topics = new Map();
    this.seq = 0;
    this.gaps = 0;
  }

  /** Take a frame in. Returns the names of topics that changed, and of those that lost a version between: they must be asked for whole. */
  apply(frame) {
    const changed = [];
    const lost = [];
    if (frame.seq >= this.seq) this.seq = frame.seq;
    for (const [name, { n, after, data }] of Object.entries(frame.topics)) {
      const known = this.topics.get(name);
      if (after === null) {
        this.topics.set(name, { n, data: { ...data, whole: true } });
      } else if (known && known.n === after) {
        this.topics.set(name, { n, data: mergedMarket(known.data, data) });
      } else if (known && known.n >= n) {
        continue;
      } else {
        this.gaps += 1;
        lost.push(name);
        continue;
      }
      changed.push(name);
    }
    return { changed, lost };
  }

  data(name) {
    return this.topics.get(name)?.data;
  }

  forget(name) {
    this.topics.delete(name);
  }
}

/** LIVE, STALE or GONE by the reader's own clock (ms): a frame comes at least once a second. */
export function feedState(now, heard, gone, staleAfter = 2000) {
  if (gone) return "GONE";
  return now - heard > staleAfter ? "STALE" : "LIVE";
}

/** Seconds by which this machine's clock is away from the server's, as frames say it; none while that is less than a minute. */
export function clockOff(at, now) {
  const off = Math.round(now / 1000 - at);
  return Math.abs(off) >= 60 ? off : 0;
}

export function spokenOff(seconds) {
  const size = Math.abs(seconds);
  const words = size >= 5400 ? `${Math.round(size / 3600)} h` : `${Math.round(size / 60)} min`;
  return `This machine’s clock is ${words} ${seconds > 0 ? "ahead of" : "behind"} the session’s. Times here are the session’s.`;
}
