// One socket for all cards of a page. It comes back by itself; what it asks for is said again then, and starts whole.

import { still, topicKey } from "./still.mjs";
import { Store, feedState } from "./store.mjs";

const HERE_MS = 3000; // between two signs of life to a kernel
const RETRY_MS = [250, 500, 1000, 2000, 5000];

class Feed extends EventTarget {
  constructor() {
    super();
    this.store = new Store();
    this.wanted = new Map();
    this.listeners = new Map();
    this.welcome = null;
    this.heard = 0;
    this.gone = "";
    this.tries = 0;
    this.frames = 0;
    this.at = this.atHere = 0; // s of the session's clock in the newest frame, ms of ours when it came
    this.pending = new Set();
    this.scheduled = false;
    this.asking = this.linked = false;
    this.ready = new Promise((resolve) => (this.resolve = resolve));
    if (still) this.hold();
    else if (typeof WebSocket !== "undefined" && typeof location !== "undefined") this.connect();
  }

  /** A still: everything is there already. */
  hold() {
    this.welcome = still.welcome;
    this.store.seq = still.seq;
    this.resolve(still.welcome);
    if (still.link && parent !== window) this.link();
  }

  /** A still in a notebook's cell whose kernel lives: what the socket carries comes and goes through the frame's parent. */
  link() {
    const send = (text) => parent.postMessage({ tapebook: still.link, text }, "*");
    this.socket = { readyState: 1, send };
    addEventListener("message", ({ source, data }) => {
      if (source !== parent || data?.tapebook !== still.link) return;
      this.welcome.about.live = this.linked = true;
      const asOf = document.querySelector(".tb-as-of");
      if (asOf) asOf.hidden = true;
      this.take(JSON.parse(data.text));
    });
    setInterval(() => document.hidden || send(this.linked ? "" : JSON.stringify({ topics: Object.fromEntries(this.wanted) })), HERE_MS);
  }

  connect() {
    const url = new URL("/dash/ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => this.ask();
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = (event) => this.closed(event);
  }

  closed(event) {
    this.store.topics.clear();
    if (event.code === 4401) {
      this.say("the sign-in has expired");
      location.assign("/signin?next=" + encodeURIComponent(location.pathname + location.search));
      return;
    }
    if (event.code === 1008) {
      this.say(event.reason || "the page asked for what is not there");
      return;
    }
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)];
    this.tries += 1;
    if (this.tries > 2) this.say("the session does not answer; trying again");
    setTimeout(() => this.connect(), wait);
  }

  say(gone) {
    this.gone = gone;
    this.dispatchEvent(new Event("state"));
  }

  take(message) {
    this.heard = performance.now();
    this.tries = 0;
    if (message.type === "welcome") {
      this.welcome = message;
      this.gone = "";
      this.resolve(message);
      this.dispatchEvent(new Event("welcome"));
      return;
    }
    if (message.type === "gone") {
      this.say(message.reason);
      return;
    }
    this.frames += 1;
    if (message.at) [this.at, this.atHere] = [message.at, Date.now()];
    if (this.gone !== (message.gone ?? "")) this.say(message.gone ?? "");
    const { changed, lost } = this.store.apply(message);
    if (lost.length) this.send({ whole: lost });
    for (const name of changed) this.pending.add(name);
    this.schedule();
  }

  schedule() {
    if (this.scheduled || !this.pending.size) return;
    this.scheduled = true;
    const run = () => {
      this.scheduled = false;
      const names = [...this.pending];
      this.pending.clear();
      for (const name of names) this.tell(name);
    };
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
  }

  tell(name) {
    const data = this.store.data(name);
    if (!data) return;
    for (const listener of this.listeners.get(name) ?? []) listener(data);
  }

  /** Be told of a topic: `spec` is {topic, symbol, interval}; the newest listener's counts. Returns what ends it. */
  want(name, spec, listener) {
    this.wanted.set(name, spec);
    if (still) this.show(name, spec);
    if (!this.listeners.has(name)) this.listeners.set(name, new Set());
    this.listeners.get(name).add(listener);
    this.askSoon();
    const known = this.store.data(name);
    if (known) queueMicrotask(() => listener(known));
    return () => {
      this.listeners.get(name).delete(listener);
      if (!this.listeners.get(name).size) {
        this.wanted.delete(name);
        this.store.forget(name);
        this.askSoon();
      }
    };
  }

  /** The same topic about something else: another symbol, another interval. */
  turn(name, spec) {
    if (!this.wanted.has(name)) return;
    this.wanted.set(name, spec);
    this.store.forget(name);
    if (still && this.show(name, spec)) this.tell(name);
    this.askSoon();
  }

  /** What a still holds of a topic. */
  show(name, spec) {
    const data = still.topics[topicKey(spec)];
    if (data) this.store.topics.set(name, { n: 0, data: { ...data, whole: true } });
    else if (!this.linked) this.say(`this file holds the market of ${Object.keys(still.topics).filter((key) => key.startsWith("market ")).map((key) => key.split(" ").slice(1).join(", ") + " s").join("; ") || "no symbol"}`);
    return Boolean(data);
  }

  askSoon() {
    if (this.asking) return;
    this.asking = true;
    queueMicrotask(() => {
      this.asking = false;
      this.ask();
    });
  }

  ask() {
    this.send({ topics: Object.fromEntries(this.wanted) });
  }

  send(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  get state() {
    if (still && !this.linked) return "STILL";
    return feedState(performance.now(), this.heard, this.gone);
  }
}

export const feed = new Feed();
