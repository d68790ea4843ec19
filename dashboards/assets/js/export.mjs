// The page as a file: a picture, a document, or HTML that shows itself anywhere. The server makes it, of what this viewer may see.

import { save } from "./answers.mjs";
import { h, say } from "./dom.mjs";
import { theme } from "./theme.mjs";

const KINDS = { html: ["HTML", "One file that works without a server; its tables and charts can still be looked through."], png: ["PNG", "A picture of the whole page."], pdf: ["PDF", "A document, as wide as this window."] };

/** The dialog behind the page's button. */
export function exporting() {
  const name = location.pathname.slice(1);
  const says = h("p.tb-said", { role: "status", "data-field": "export.answer" });
  const print = h("button.tb-button", { type: "button", hidden: true, onclick: () => { box.close(); window.print(); } }, "Print from this browser");
  async function give(kind, button) {
    button.disabled = true;
    say(says, "…");
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries({ format: kind, theme: theme(), colours: document.documentElement.dataset.colours, width: innerWidth, height: innerHeight })) query.set("export-" + key, value);
    const answer = await fetch(`/dash/export/${name}?${query}`, { headers: { "x-tapebook-page": "1" }, cache: "no-store" }).catch((odd) => ({ ok: false, json: () => ({ detail: `the pages' server does not answer (${odd.message})` }) }));
    button.disabled = false;
    if (!answer.ok) {
      print.hidden = kind !== "pdf";
      return say(says, (await answer.json()).detail);
    }
    const file = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? `${name}.${kind}`;
    save(file, await answer.blob(), answer.headers.get("content-type"));
    say(says, `${file} is saved`);
  }
  const rows = Object.entries(KINDS).map(([kind, [word, what]]) => h("div.tb-export-row", {}, h("button.tb-button", { type: "button", onclick: (event) => give(kind, event.target) }, word), h("span", {}, what)));
  const box = h("dialog.tb-sheet", { "aria-label": "Export this page" }, h("h2", {}, "Export this page"), ...rows, says, h("div.tb-row", {}, print, h("button.tb-button", { type: "button", onclick: () => box.close() }, "Close")));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}
