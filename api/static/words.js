// Words and figures: every sentence comes from the document's data block, none is written here.

const WORDS = Object.fromEntries(JSON.parse(document.getElementById("words").textContent));

export const DASH = "—";

export const t = (key, params = {}) => sentence(`page.${key}`, params);

export function sentence(code, params = {}) {
  return (WORDS[code] ?? code).replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

// A value without a label is shown as itself, never lost.
export function label(group, value) {
  return value === null || value === undefined || value === "" ? DASH : WORDS[`label.${group}.${value}`] ?? String(value);
}

export const has = (code) => code in WORDS;

// [value, label] pairs of a group in the order of the message file.
export function choices(group) {
  const prefix = `label.${group}.`;
  return Object.entries(WORDS).filter(([code]) => code.startsWith(prefix)).map(([code, text]) => [code.slice(prefix.length), text]);
}

// n/d as a percentage with two decimals, half up, in integers.
export function percent(n, d) {
  if (d === 0) return t("not_applicable");
  const hundredths = Math.floor((2 * n * 10000 + d) / (2 * d));
  const value = `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
  return `${value}%`;
}

const two = (number) => String(number).padStart(2, "0");

export function day(moment) {
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

// RFC 3339 as local date and minute.
export function when(text) {
  if (!text) return DASH;
  const moment = new Date(text);
  return `${day(moment)} ${two(moment.getHours())}:${two(moment.getMinutes())}`;
}

// The value of a datetime-local field with this machine's offset.
export function withOffset(local) {
  const offset = -new Date(local).getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const size = Math.abs(offset);
  return `${local.length === 16 ? `${local}:00` : local}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

export function localField(moment) {
  return `${day(moment)}T${two(moment.getHours())}:${two(moment.getMinutes())}`;
}
