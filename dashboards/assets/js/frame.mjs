// The frame of every page: whether the feed lives, the shortcuts, and the keys that lead from page to page.

import { h, say } from "./dom.mjs";
import { exporting } from "./export.mjs";
import { feed } from "./feed.mjs";
import { palette } from "./palette.mjs";
import { keyed, SHORTCUTS } from "./shortcuts.mjs";
import { still } from "./still.mjs";
import { clockOff, spokenOff } from "./store.mjs";

const element = document.getElementById("tb-feed");

function showFeed() {
  if (!element) return;
  const about = feed.welcome?.about;
  const state = about && !about.live && !feed.gone && !still ? "RECORDED" : feed.state;
  if (element.dataset.state !== state) element.dataset.state = state;
  say(element.querySelector("[data-field]"), state);
  element.title = feed.gone || (state === "STALE" ? "no frame for 2 s" : about ? `${about.kind} ${about.name}, seq ${feed.store.seq}${feed.store.gaps ? `; ${feed.store.gaps} gaps, each filled` : ""}` : "");
}

feed.addEventListener("state", showFeed);
feed.addEventListener("welcome", showFeed);
setInterval(showFeed, 250);

const odd = h("div.tb-banner.tb-banner-warn", { role: "status", hidden: true, "data-field": "clock.off" });
document.getElementById("main")?.before(odd);
setInterval(() => {
  const off = feed.at && !still ? clockOff(feed.at, feed.atHere) : 0;
  odd.hidden = !off;
  if (off) say(odd, spokenOff(off));
  odd.dataset.value = String(off);
}, 1000);

const banner = h("div.tb-banner", { role: "alert", hidden: true });
document.getElementById("main")?.before(banner);
feed.addEventListener("state", () => {
  banner.hidden = !feed.gone;
  say(banner, feed.gone ? (still ? `${feed.gone}.` : `Nothing new is shown: ${feed.gone}. What you see is as of the last frame.`) : "");
});

const rows = SHORTCUTS.map(([keys, says]) => h("div.tb-key", {}, h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, says)));
const sheet = h("dialog.tb-sheet", { "aria-label": "Keyboard shortcuts" }, h("h2", {}, "Keyboard"), h("dl", {}, ...rows),
  h("form", { method: "dialog" }, h("button.tb-button", {}, "Close")));
document.body.append(sheet);
document.getElementById("tb-keys")?.addEventListener("click", () => sheet.showModal());

const jump = document.getElementById("tb-jump");
if (jump) {
  jump.addEventListener("click", palette);
  keyed("/", palette);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    palette();
  });
}
document.querySelector(".tb-nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

document.getElementById("tb-export")?.addEventListener("click", exporting);

keyed("?", () => (sheet.open ? sheet.close() : sheet.showModal()));
for (const [key, path] of Object.entries({ d: "desk", r: "risk", p: "portfolio", b: "backtests", o: "operations", a: "audit" })) {
  keyed("g " + key, () => document.querySelector(`.tb-nav a[href="/${path}"]`)?.click());
}
