// Long tables: a page of rows at a time, found by text or by a value. What was typed survives a refresh.

import { fill, h, quiet, table } from "./dom.js";
import { t } from "./words.js";

const PAGE = 50;
const states = new WeakMap();
let printing = false;

// ``text``: row => what is searched; ``value``: row => the text of the filter, headed ``valueName``; ``empty``: a sentence.
export function longTable(target, columns, rows, { text, value, valueName, empty, page = PAGE, attributes } = {}) {
  const state = states.get(target) ?? begin(target);
  Object.assign(state, { columns, rows, text, value, empty, page, attributes });
  state.shown = Math.max(state.shown, page);
  state.filters.hidden = rows.length <= page;
  state.choice.parentElement.hidden = !value;
  if (value) showValues(state, valueName);
  show(state);
}

function begin(target) {
  const search = h("input", { type: "search", autocomplete: "off", oninput: () => again(state) });
  const choice = h("select", { onchange: () => again(state) });
  const valueText = h("span");
  const filters = h("div", { class: "filters" },
    h("label", {}, t("long_search"), " ", search),
    h("label", {}, valueText, " ", choice),
  );
  const body = h("div");
  const count = h("p", { class: "quiet", "aria-live": "polite" });
  const more = h("button", { type: "button", onclick: () => grow(state, state.page * 2) }, t("long_more"));
  const whole = h("button", { type: "button", onclick: () => grow(state, Infinity) }, t("long_all"));
  const rest = h("div", { class: "rest" }, count, more, whole);
  const state = { search, choice, valueText, filters, body, count, more, whole, rest, shown: 0, rows: [] };
  states.set(target, state);
  longs.add(new WeakRef(target));
  fill(target, filters, body, rest);
  return state;
}

function again(state) {
  state.shown = state.page;
  show(state);
}

function grow(state, by) {
  state.shown += by;
  show(state);
}

function showValues(state, name) {
  const counts = new Map();
  for (const row of state.rows) counts.set(state.value(row), (counts.get(state.value(row)) ?? 0) + 1);
  const chosen = state.choice.value;
  state.valueText.textContent = name;
  const options = [...counts].map(([text, count]) => new Option(`${text} ${count}`, text));
  fill(state.choice, new Option(t("long_any"), ""), options);
  state.choice.value = counts.has(chosen) ? chosen : "";
}

function show(state) {
  const { columns, rows, text, value, empty, attributes } = state;
  const words = state.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) =>
    (!value || !state.choice.value || value(row) === state.choice.value) &&
    words.every((word) => text(row).toLowerCase().includes(word));
  const found = state.filters.hidden ? rows : rows.filter(fits);
  const shown = printing ? found : found.slice(0, state.shown);
  fill(state.body, shown.length ? table(columns, shown, attributes) : quiet(rows.length ? t("long_nothing") : empty));
  state.rest.hidden = rows.length <= state.page;
  state.count.textContent = t("long_count", { shown: shown.length, found: found.length, all: rows.length });
  state.more.hidden = state.whole.hidden = shown.length === found.length;
}

const longs = new Set();

// Paper has no button for the rest.
function printAll(on) {
  printing = on;
  for (const reference of longs) {
    const state = states.get(reference.deref());
    if (state) show(state);
    else longs.delete(reference);
  }
}

window.addEventListener("beforeprint", () => printAll(true));
window.addEventListener("afterprint", () => printAll(false));
