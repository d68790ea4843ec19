// Small pieces of the page: elements, numbers in their fields, and tables that touch only what has changed.

/** An element: h("td.num", {title: "…"}, child, "text"). */
export function h(spec, attributes = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Set an element's text, only if it is another one. */
export function say(element, text) {
  if (element.firstChild?.nodeType === 3 && element.childNodes.length === 1) {
    if (element.firstChild.data !== text) element.firstChild.data = text;
  } else if (element.textContent !== text || element.childNodes.length > 1) {
    element.textContent = text;
  }
}

/** A number in its field: the text for people, `data-value` as the session said it. */
export function field(element, name, raw, text) {
  if (element.dataset.field !== name) element.dataset.field = name;
  const value = raw === null || raw === undefined ? "" : String(raw);
  if (element.dataset.value !== value) element.dataset.value = value;
  say(element, text);
}

export function flag(element, name, on) {
  element.classList.toggle(name, Boolean(on));
}

/** A card's head: title, subtitle, and the number that matters at the right. */
export function head(title, subtitle = "") {
  const sub = h("span.tb-card-sub", {}, subtitle);
  const right = h("span.tb-card-right");
  return { element: h("header.tb-card-head", {}, h("h2.tb-card-title", {}, title), sub, right), sub, right };
}

/** What stands where there is nothing yet: what to do next. */
export function empty(text, more = null) {
  return h("div.tb-empty", {}, h("p", {}, text), more);
}

const narrow = typeof matchMedia === "undefined" ? null : matchMedia("(max-width: 1180px)");
const whole = typeof ResizeObserver === "undefined" ? null : new ResizeObserver((seen) => seen.forEach((one) => trimmed(one.target)));

/** Let go of the part of a row at a table's lower edge: half a line of figures invites to be misread. */
function trimmed(scroll) {
  const row = scroll.querySelector("tbody tr");
  const own = Number.parseFloat(scroll.style.marginBottom) || 0;
  const space = scroll.offsetHeight + own - (scroll.querySelector("thead")?.offsetHeight ?? 0);
  const high = row?.getBoundingClientRect().height ?? 0;
  const cut = high && !narrow.matches && space > 2 * high ? Math.floor(space % high) : 0;
  if (cut !== own) scroll.style.marginBottom = cut ? `${cut}px` : "";
}

/**
 * A table whose rows are kept by key. `columns`: {title, name, kind: num | text, cell(row, td)}; `key(row)` names a row.
 * Only the rows that are in sight have cells to fill.
 */
export class Table {
  constructor(columns, { caption, onrow = null, rowclass = null } = {}) {
    this.columns = columns;
    this.onrow = onrow;
    this.rowclass = rowclass;
    this.body = h("tbody");
    this.rows = new Map();
    const heads = columns.map((one) => h(`th.${one.kind ?? "text"}.col-${one.name}`, { scope: "col" }, one.title));
    this.element = h("table.tb-table", {}, h("caption.tb-hidden", {}, caption), h("thead", {}, h("tr", {}, ...heads)), this.body);
    this.scroll = h("div.tb-scroll", { tabindex: "0", role: "group", "aria-label": caption }, this.element);
    whole?.observe(this.scroll);
  }

  show(rows, key) {
    const kept = new Set();
    let at = this.body.firstChild;
    for (const row of rows) {
      const name = key(row);
      kept.add(name);
      let made = this.rows.get(name);
      if (!made) {
        made = h("tr", { "data-key": name }, ...this.columns.map((one) => h(`td.${one.kind ?? "text"}.col-${one.name}`)));
        if (this.onrow) this.onrow(made, name);
        this.rows.set(name, made);
      }
      made.row = row;
      if (made !== at) this.body.insertBefore(made, at);
      else at = at.nextSibling;
      this.columns.forEach((one, k) => one.cell(row, made.children[k]));
      if (this.rowclass) this.rowclass(made, row);
    }
    for (const [name, element] of this.rows) {
      if (!kept.has(name)) {
        element.remove();
        this.rows.delete(name);
      }
    }
  }
}

/** A pill: its text says it, its colour repeats it. */
export function pill(element, text, tone) {
  let inner = element.firstElementChild;
  if (!inner) element.append((inner = h("span.tb-pill")));
  say(inner, text);
  if (inner.dataset.tone !== tone) inner.dataset.tone = tone;
}
