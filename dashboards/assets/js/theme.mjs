// Dark, light, and colours that all eyes tell apart: kept in this browser, set before anything is drawn.

const root = document.documentElement;

function kept(name) {
  try {
    return localStorage.getItem("tapebook." + name);
  } catch {
    return null;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem("tapebook." + name, value);
  } catch {
    return;
  }
}

export function theme() {
  return root.dataset.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
}

function told() {
  document.dispatchEvent(new Event("tb-theme"));
}

export function setTheme(name) {
  root.dataset.theme = name;
  keep("theme", name);
  told();
}

export function setColours(name) {
  root.dataset.colours = name;
  keep("colours", name);
  document.getElementById("tb-cvd")?.setAttribute("aria-pressed", String(name === "cvd"));
  told();
}

root.dataset.theme ??= kept("theme") ?? theme();
root.dataset.colours ??= kept("colours") ?? "usual";

document.getElementById("tb-theme")?.addEventListener("click", () => setTheme(theme() === "dark" ? "light" : "dark"));
document.getElementById("tb-cvd")?.addEventListener("click", () => setColours(root.dataset.colours === "cvd" ? "usual" : "cvd"));
document.getElementById("tb-cvd")?.setAttribute("aria-pressed", String(root.dataset.colours === "cvd"));
