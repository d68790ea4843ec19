// A page that was taken down as one file: it holds what it shows, and asks nobody.

const element = typeof document === "undefined" ? null : document.getElementById("tb-still");

/** {welcome, at, seq, query, topics, answers}; null on a page that is served. */
export const still = element ? JSON.parse(element.textContent) : null;

/** The name under which a still keeps a topic. */
export function topicKey({ topic, symbol = "", interval = 0 }) {
  return topic === "market" ? `${topic} ${symbol} ${interval}` : topic;
}

/** The name under which a still keeps an answer: parameters in the order of their names, those that say nothing left out. */
export function answerKey(name, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return name + JSON.stringify(given.map(([key, value]) => [key, String(value)]).sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

export const AWAY = "This is the page as it stood; open the page itself to ask for more.";

/** What stands behind the question mark of the page's address; a still has none of its own, and keeps it here. */
let query = still?.query ?? "";

export function asked() {
  return new URLSearchParams(still || typeof location === "undefined" ? query : location.search);
}

export function ask(wanted) {
  query = wanted.toString();
  if (!still) history.replaceState(null, "", location.pathname + (query ? "?" + query : ""));
}

/** What a tab remembers; nothing where it may not. */
export function remembered(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name, text) {
  try {
    sessionStorage.setItem(name, text);
  } catch {
    return;
  }
}
