// Sessions, services, jobs, files and clients, as they stand now.

import { address, answer } from "../answers.mjs";
import { empty, field, h, head, pill, say, Table } from "../dom.mjs";
import { feed } from "../feed.mjs";
import { number } from "../format.mjs";

const AGAIN_MS = 5_000;
const TONES = { running: "up", starting: "accent", stopping: "accent", ended: "info", failed: "down", killed: "down", stopped: "warn" };

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = count;
  let k = 0;
  while (size >= 1000 && k < units.length - 1) [size, k] = [size / 1000, k + 1];
  return `${number(size.toFixed(k ? 1 : 0))} ${units[k]}`;
}

const TABLES = {
  Sessions: [
    { name: "symbol", title: "Session", cell: (row, td) => say(td, row.session) },
    { name: "state", title: "State", cell: (row, td) => { pill(td, row.state, TONES[row.state] ?? "info"); td.title = row.error ?? ""; } },
    { name: "time", title: "Started", cell: (row, td) => say(td, (row.started ?? "—").slice(0, 19).replace("T", " ")) },
    { name: "pid", title: "Process", kind: "num", cell: (row, td) => field(td, `session.${row.session}.pid`, row.pid, String(row.pid ?? "—")) },
    { name: "url", title: "Address", cell: (row, td) => say(td, row.url ?? "—") },
  ],
  Services: [
    { name: "symbol", title: "Service", cell: (row, td) => say(td, row.name) },
    { name: "state", title: "State", cell: (row, td) => { pill(td, row.state, TONES[row.state] ?? "info"); td.title = row.error; } },
    ...[["seq", "Seq"], ["behind", "Behind"], ["dead_letters", "Dead letters"]].map(([name, title]) => ({ name, title, kind: "num", cell: (row, td) => field(td, `service.${row.name}.${name}`, row[name], number(String(row[name]))) })),
    { name: "error", title: "Why", cell: (row, td) => say(td, row.error || "—") },
  ],
  Jobs: [
    { name: "symbol", title: "Job", cell: (row, td) => say(td, row.name) },
    { name: "date", title: "Date", cell: (row, td) => say(td, row.date) },
    { name: "state", title: "Outcome", cell: (row, td) => pill(td, row.outcome, row.outcome === "ok" ? "up" : "down") },
    { name: "steps", title: "Steps", kind: "num", cell: (row, td) => field(td, `job.${row.name}.${row.date}.steps`, row.steps, number(String(row.steps))) },
    { name: "error", title: "Why", cell: (row, td) => { say(td, row.problems[0] ?? "—"); td.title = row.problems.join("\n"); } },
  ],
  Files: [
    { name: "symbol", title: "File", cell: (row, td) => say(td, row.name) },
    { name: "files", title: "Files", kind: "num", cell: (row, td) => field(td, `file.${row.name}.files`, row.files, number(String(row.files))) },
    { name: "bytes", title: "Size", kind: "num", cell: (row, td) => field(td, `file.${row.name}.bytes`, row.bytes, bytes(row.bytes)) },
    { name: "growth", title: "Grows by", kind: "num", cell: (row, td) => field(td, `file.${row.name}.growth`, row.growth, row.growth === null ? "—" : `${bytes(row.growth)} a minute`) },
  ],
  Clients: [
    { name: "symbol", title: "What", cell: (row, td) => say(td, row.label) },
    { name: "value", title: "Now", kind: "num", cell: (row, td) => field(td, `clients.${row.name}`, row.value, row.name.endsWith("bytes") ? bytes(row.value) : number(String(row.value))) },
  ],
};
/** Bytes a minute between the first look at a file and this one; null before half a minute has gone. A file that shrank has been tidied up. */
export function growth(first, now) {
  const seconds = (now.at - first.at) / 1000;
  return seconds < 30 ? null : Math.max(0, Math.round(((now.bytes - first.bytes) * 60) / seconds));
}

const LABELS = { clients: "Clients of the gateway", dropped: "Quotes and trades that slow clients did not get", closed_slow: "Clients closed as too slow", denied: "Requests without a good token or role", limited: "Requests beyond a rate", waiting_bytes: "Waits for clients", viewers: "Pages that look on", frames: "Frames given to pages", skipped: "Frames that slow pages did not get" };
const NOTHING = {
  Sessions: "No session yet. tapebook live --demo starts one.",
  Services: "No service runs beside this session; [notifications], [settlement] or [surveillance] in its configuration starts one.",
  Jobs: "No job was run under this folder. tapebook job run FILE.toml runs one.",
  Files: "The log lies elsewhere.",
  Clients: "Only the session’s own process knows its clients.",
};

export function mount(body) {
  const top = head("Standing");
  const names = Object.keys(TABLES);
  const chosen = () => (names.includes(address.get("standing")) ? address.get("standing") : "Sessions");
  const buttons = names.map((name) => h("button.tb-segment", { type: "button", onclick: () => address.set({ standing: name === "Sessions" ? "" : name }) }, name));
  top.right.append(h("span.tb-segments", { role: "group", "aria-label": "Standing of" }, ...buttons));
  const tables = Object.fromEntries(names.map((name) => [name, new Table(TABLES[name], { caption: name })]));
  const nothing = empty("");
  body.append(top.element, ...Object.values(tables).map((one) => one.scroll), nothing);
  const rows = Object.fromEntries(names.map((name) => [name, []]));
  const why = { ...NOTHING };
  function show() {
    const name = chosen();
    buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === name)));
    for (const [each, table] of Object.entries(tables)) {
      table.show(rows[each], (row) => row.session ?? (row.date ? `${row.name} ${row.date}` : row.name));
      table.scroll.hidden = each !== name || !rows[each].length;
    }
    nothing.hidden = rows[name].length > 0;
    say(nothing.firstChild, why[name]);
  }
  const first = new Map();
  function grown(file) {
    const now = { at: Date.now(), bytes: file.bytes };
    if (!first.has(file.name)) first.set(file.name, now);
    return { ...file, growth: growth(first.get(file.name), now) };
  }
  async function load() {
    const { ok, data } = await answer("standing");
    if (!ok) return say(nothing.firstChild, data.detail);
    Object.assign(rows, { Sessions: data.sessions, Services: data.services, Jobs: data.jobs, Files: data.files.map(grown) });
    if (data.elsewhere) why.Services = why.Files = data.elsewhere;
    show();
  }
  feed.want("operations", { topic: "operations" }, (data) => {
    rows.Clients = Object.entries({ ...data.gateway, ...data.pages }).filter(([name]) => name in LABELS).map(([name, value]) => ({ name, value, label: LABELS[name] }));
    show();
  });
  address.watch(["standing"], show);
  load();
  setInterval(() => !document.hidden && load(), AGAIN_MS);
}
