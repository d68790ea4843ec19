// Decimals as texts, for people: nothing goes through a float, so eight decimals stay eight decimals.

const MINUS = "\u2212";
const NONE = "\u2014";
const PARTS = /^(-?)(\d+)(?:\.(\d+))?$/;

/** [sign, whole, part] of a plain decimal text; null for anything else. */
export function parts(text) {
  const found = PARTS.exec(String(text));
  return found ? [found[1], found[2], found[3] ?? ""] : null;
}

/** A decimal text rounded half away from zero to `places` decimals, exactly. */
export function rounded(text, places) {
  const found = parts(text);
  if (!found) return String(text);
  const [sign, whole, part] = found;
  if (part.length <= places) return sign + whole + (places ? "." + part.padEnd(places, "0") : "");
  let digits = BigInt(whole + part.slice(0, places));
  if (part[places] >= "5") digits += 1n;
  const made = digits.toString().padStart(places + 1, "0");
  return sign + made.slice(0, made.length - places) + (places ? "." + made.slice(made.length - places) : "");
}

/** Without zeros at the end of the decimals. */
export function trimmed(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/**
 * A decimal text as it is shown: thousands separated, a true minus, never "-0", an em dash for nothing.
 * `places`: that many decimals; `least`: at least so many, and all that there are; `sign`: a plus where it is above 0.
 */
export function number(text, { places = null, least = 0, sign = false } = {}) {
  if (text === null || text === undefined || text === "") return NONE;
  const given = places === null ? String(text) : rounded(text, places);
  const found = parts(given);
  if (!found) return String(text);
  const [minus, whole, part] = found;
  const decimals = places === null ? trimmedPart(part).padEnd(least, "0") : part;
  const zero = /^0*$/.test(whole + decimals);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const head = zero ? "" : minus ? MINUS : sign ? "+" : "";
  return head + grouped + (decimals ? "." + decimals : "");
}

function trimmedPart(part) {
  return part.replace(/0+$/, "");
}

/** 1.2k, 3.4M: for key figures and limits alone. */
export function short(text, { sign = false } = {}) {
  const value = Number(text);
  if (text === null || text === undefined || text === "" || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  for (const [unit, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return number((value / unit).toFixed(size >= 100 * unit ? 0 : 1), { sign }) + letter;
  }
  return number(String(text), { places: size < 10 && !Number.isInteger(value) ? 2 : 0, sign });
}

/** A share such as "0.7134" as 71 %. */
export function percent(text, places = 0) {
  if (text === null || text === undefined || text === "") return NONE;
  const found = parts(text);
  if (!found) return NONE;
  const [sign, whole, part] = found;
  const moved = (whole + part.padEnd(2, "0").slice(0, 2)).replace(/^0+(?=\d)/, "");
  const rest = part.slice(2);
  return number(sign + moved + (rest ? "." + rest : ""), { places }) + "%";
}

/** -1, 0 or 1. */
export function signOf(text) {
  const found = parts(text);
  if (!found || /^0*$/.test(found[1] + found[2])) return 0;
  return found[0] ? -1 : 1;
}

/** The clock of an ISO time, 09:31:07. */
export function clock(iso) {
  const found = /T(\d\d:\d\d:\d\d)/.exec(iso ?? "");
  return found ? found[1] : NONE;
}

/** How many decimals a tick or lot has. */
export function decimalsOf(step) {
  return trimmed(String(step)).split(".")[1]?.length ?? 0;
}

/** The same number has the same key, whatever zeros stand at its end. */
export function keyOf(text) {
  return text === null || text === undefined ? "" : trimmed(String(text));
}

/** `text` moved by `steps` times `step`, exactly, never below 0. */
export function moved(text, step, steps) {
  const places = Math.max(decimalsOf(step), decimalsOf(text || "0"));
  const scale = (one) => BigInt(rounded(one, places).replace(".", ""));
  const made = scale(text || "0") + scale(String(step)) * BigInt(steps);
  const digits = (made < 0n ? 0n : made).toString().padStart(places + 1, "0");
  return digits.slice(0, digits.length - places) + (places ? "." + digits.slice(digits.length - places) : "");
}
