// What a page asks once: answers of its server, and the part of its address that it keeps; tables go out as CSV.

import { answerKey, ask, asked, AWAY, still } from "./still.mjs";

const HEADERS = { "x-tapebook-page": "1" };

/** {ok, data}; `data` is the answer, or the problem with its `detail`. Never throws. */
export async function answer(name, query = {}) {
  if (still) return still.answers[answerKey(name, query)] ?? { ok: false, data: { code: "AWAY", detail: AWAY } };
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  try {
    const said = await fetch(`/dash/data/${name}?${new URLSearchParams(given)}`, { headers: HEADERS, cache: "no-store" });
    const data = said.headers.get("content-type")?.includes("json") ? await said.json() : await said.text();
    return { ok: said.ok, data };
  } catch (odd) {
    return { ok: false, data: { code: "UNREACHABLE", detail: `the pages' server does not answer (${odd.message})` } };
  }
}

/** What the address says behind its question mark, and who must know when it changes. */
class Address extends EventTarget {
  first = "";

  /** The run that is shown while the address names none. */
  offer(run) {
    if (this.first === run) return;
    this.first = run;
    this.dispatchEvent(new CustomEvent("change", { detail: { run } }));
  }

  get(name) {
    return asked().get(name) ?? "";
  }

  /** Change parameters; "" takes one away. */
  set(changes) {
    const query = asked();
    const before = query.toString();
    for (const [name, value] of Object.entries(changes)) value === "" || value === null ? query.delete(name) : query.set(name, value);
    if (query.toString() === before) return;
    ask(query);
    this.dispatchEvent(new CustomEvent("change", { detail: changes }));
  }

  /** Be told when one of these parameters changes. */
  watch(names, listener) {
    this.addEventListener("change", (event) => names.some((name) => name in event.detail) && listener());
  }
}

export const address = new Address();

/** Rows as CSV; a text that a spreadsheet would carry out as a formula is marked as a text. */
export function csv(columns, rows) {
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = /^[=+@\t\r]/.test(text) || (/^-/.test(text) && !/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) ? "'" + text : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Give a file to the viewer. */
export function save(name, text, kind = "text/csv") {
  const place = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = Object.assign(document.createElement("a"), { href: place, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(place), 10_000);
}
