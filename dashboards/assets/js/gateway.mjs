// Requests to the gateway: everything that trades or controls goes through its REST, with the viewer's own rights.

import { AWAY, still } from "./still.mjs";

/** {ok, status, data}; `data` is the answer's JSON, or the problem's. Never throws. */
export async function ask(method, path, body = undefined) {
  if (still) return { ok: false, status: 0, data: { code: "AWAY", detail: AWAY } };
  const headers = { "x-tapebook-page": "1" };
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
    const text = await answer.text();
    const data = text ? JSON.parse(text) : null;
    return { ok: answer.ok, status: answer.status, data };
  } catch (odd) {
    return { ok: false, status: 0, data: { code: "UNREACHABLE", detail: `the session does not answer (${odd.message})` } };
  }
}

/** A problem in one line: its code, what it says, and the field that is meant. */
export function problem(data) {
  if (!data) return "refused";
  const path = data.errors?.[0]?.path;
  const detail = String(data.detail ?? "").replace(new RegExp("^" + data.code + ": "), "");
  return `${data.code ?? "REFUSED"}: ${detail}${path && !detail.includes(path) ? ` (${path})` : ""}`;
}
