// The list of inspections, newest first, and a new one.

import { all, get, post } from "./api.js";
import { $, fill, h, onSubmit } from "./dom.js";
import { label, t, when } from "./words.js";

export async function show() {
  const [inspections, units] = await Promise.all([all("inspections"), get("units")]);
  fill($("inspections"), inspections.length ? inspections.reverse().map(row) : h("tr", {}, h("td", { colspan: 5 }, t("home_empty"))));
  const choice = $("unit-choice");
  fill(choice, units.items.map(({ id, name }) => h("option", { value: id }, name)), h("option", { value: "" }, t("new_unit")));
  showNewUnit();
}

function row({ id, unit, kind, created_at, sealed_at, ended }) {
  return h("tr", {},
    h("th", { scope: "row" }, ended ? unit : h("a", { href: `#/${id}` }, unit)),
    h("td", {}, label("inspection_kind", kind)),
    h("td", {}, when(created_at)),
    h("td", {}, ended ? t("ended") : sealed_at ? t("sealed") : t("unsealed")),
    h("td", { class: "end" }, ended ? null : h("a", { class: "button", href: `#/${id}` }, t("open"))),
  );
}

function showNewUnit() {
  const fresh = $("unit-choice").value === "";
  for (const field of document.querySelectorAll(".new-unit")) field.hidden = !fresh;
  document.querySelector("[name=unit_name]").required = fresh;
}

export function bind() {
  $("unit-choice").addEventListener("change", showNewUnit);
  onSubmit($("new-inspection"), async ({ unit, unit_name, system, region, kind, as_of }) => {
    const chosen = unit || (await post("units", { name: unit_name, system, region })).id;
    const made = await post("inspections", { unit: chosen, kind, as_of: as_of || null });
    $("new-inspection").reset();
    location.hash = `#/${made.id}/prepare`;
  });
}
