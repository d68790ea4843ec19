// Fills the cards of a page that was taken down as one file; nothing of Panel is there.

import { mount } from "./tapebook.mjs";

for (const place of document.querySelectorAll("[data-options]")) {
  mount(place.dataset.kind, place, JSON.parse(place.dataset.options));
}
