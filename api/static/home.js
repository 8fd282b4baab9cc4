// The list of inspections, newest first, and a new one.

import { all, get, post } from "./api.js";
import { $, fill, h, onSubmit } from "./dom.js";
import * as merge from "./merge.js";
import * as others from "./others.js";
import * as todo from "./todo.js";
import { label, t, when } from "./words.js";

const NEW = "new";

export async function show() {
  const [inspections, units, imports, policies] = await Promise.all([all("inspections"), get("units"), others.imports(), get("policies")]);
  fill($("inspections"), inspections.length ? inspections.reverse().map((one) => row(one, imports.get(one.id))) : h("tr", {}, h("td", { colspan: 5 }, t("home_empty"))));
  const choice = $("unit-choice");
  const pick = units.items.length ? h("option", { value: "", disabled: true, selected: true }, t("pick_unit")) : null;
  fill(choice, pick, h("option", { value: NEW }, t("new_unit")), units.items.map(({ id, name }) => h("option", { value: id }, name)));
  showNewUnit();
  showPolicies(policies.items);
  merge.show(inspections, imports);
  await todo.show(inspections);
}

function row({ id, unit, kind, created_at, sealed_at, ended }, origin) {
  const came = origin && !ended ? h("small", {}, t("imported_row", { at: when(origin.imported_at), signer: others.short(origin.fingerprint) })) : null;
  return h("tr", {},
    h("th", { scope: "row" }, ended ? unit : h("a", { href: `#/${id}` }, unit)),
    h("td", {}, label("inspection_kind", kind)),
    h("td", {}, when(created_at)),
    h("td", {}, ended ? t("ended") : sealed_at ? t("sealed") : t("unsealed"), came),
    h("td", { class: "end" }, ended ? null : h("a", { class: "button", href: `#/${id}` }, t("open"))),
  );
}

// A campaign may bring a profile of its own while the page is open; what is chosen stays chosen.
function showPolicies(items) {
  const choice = $("policy-choice");
  const known = new Set([...choice.options].map(({ value }) => value));
  choice.append(...items.filter(({ id }) => !known.has(id)).map(({ id, title }) => new Option(title, id)));
}

function showNewUnit() {
  const fresh = $("unit-choice").value === NEW;
  for (const field of document.querySelectorAll(".new-unit")) field.hidden = !fresh;
  document.querySelector("[name=unit_name]").required = fresh;
}

export function bind(view) {
  others.bind(view.again);
  merge.bind((id) => (location.hash = `#/${id}/result`));
  $("unit-choice").addEventListener("change", showNewUnit);
  onSubmit($("new-inspection"), async ({ unit, unit_name, system, region, kind, policy, as_of }) => {
    const chosen = unit === NEW ? { name: unit_name, system, region } : unit;
    const made = await post("inspections", { unit: chosen, kind, policy: policy || null, as_of: as_of || null });
    $("new-inspection").reset();
    location.hash = `#/${made.id}/prepare`;
  });
}
