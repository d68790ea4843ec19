// The theme's colours for what is drawn and not styled: read when the theme changes, never in a tick.

const NAMES = ["page", "card", "raised", "line", "text", "muted", "up", "down", "warn", "accent"];

export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue("--tb-" + name).trim()]));
}

/** #rrggbb with an opacity. */
export function tint(colour, part) {
  const found = /^#(..)(..)(..)$/.exec(colour);
  if (!found) return colour;
  return `rgba(${found.slice(1).map((each) => parseInt(each, 16)).join(",")},${part})`;
}

export function onTheme(listener) {
  document.addEventListener("tb-theme", listener);
}
