// The second confirmation of what cannot be taken back: what will happen, a reason, and one more button.

import { flag, h, say } from "./dom.mjs";
import { problem } from "./gateway.mjs";

/**
 * Ask for a reason, then carry out `work(reason, form)`, which answers like `ask`. `fields`: more rows of the form.
 * The button stays off until the reason is written, and while the answer is awaited.
 */
export function confirmed({ title, says, button, tone = "danger", fields = [] }, work) {
  const reason = h("textarea", { id: "why", name: "reason", required: true, maxlength: "500", placeholder: "It is written down with your name before anything happens" });
  const wrong = h("p.tb-said.tb-down", { role: "alert", "data-field": "dialog.answer" });
  const go = h(`button.tb-button.tb-${tone}`, { type: "submit", disabled: true }, button);
  const form = h("form", {}, h("h2", {}, title), h("p", {}, says), ...fields, h("div.tb-field", {}, h("label", { for: "why" }, "Reason"), reason), wrong,
    h("div.tb-row", {}, h("button.tb-button", { type: "button", onclick: () => box.close() }, "Leave it"), go));
  const box = h("dialog.tb-sheet", { "aria-label": title }, form);
  form.addEventListener("input", () => (go.disabled = !reason.value.trim()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    const answer = await work(reason.value.trim(), form);
    go.disabled = false;
    if (answer.ok) return box.close();
    flag(wrong, "tb-down", true);
    return say(wrong, problem(answer.data));
  });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  reason.focus();
  return box;
}
