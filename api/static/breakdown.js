// The rates by department, kind of computer and xinchuang: one row a group.

import { $, h } from "./dom.js";
import { longTable } from "./long.js";
import { DASH, has, label, percent, t } from "./words.js";

const NAMES = ["legal_rate", "copy_legal_rate", "domestic_rate", "coverage_rate", "asset_match_rate", "client_rate", "power_on_rate"];
const GROUPS = { kind: "asset_category", xinchuang: "xinchuang" };

let shown = {};

export function show(breakdowns) {
  shown = breakdowns ?? {};
  draw();
}

function draw() {
  const dimension = $("breakdown-by").value;
  const groups = Object.entries(shown[dimension] ?? {}).map(([group, rates]) => ({ name: nameOf(dimension, group), rates }));
  const names = NAMES.filter((name) => groups.some(({ rates }) => rates[name]));
  const columns = [[t(`breakdown_head_${dimension}`), ({ name }) => name], ...names.map((name) => [label("rate", name), ({ rates }) => valueOf(rates[name]), "number"])];
  longTable($("breakdown"), columns, groups, { empty: t("breakdown_none"), text: ({ name }) => name });
}

function nameOf(dimension, group) {
  if (!group) return t("breakdown_unstated");
  return has(`label.${GROUPS[dimension]}.${group}`) ? label(GROUPS[dimension], group) : group;
}

function valueOf(rate) {
  if (!rate) return DASH;
  const open = rate.final ? null : h("small", {}, t("preliminary"));
  return [h("b", {}, percent(rate.n, rate.d)), h("small", {}, `${rate.n} / ${rate.d}`), open];
}

export function bind() {
  $("breakdown-by").addEventListener("change", draw);
}
