// Partial captures of one inspection by several laptops: chosen, their conflicts decided one by one, joined.

import { Problem, post } from "./api.js";
import { $, fill, h, notice, onSubmit, quiet, table } from "./dom.js";
import { finished } from "./jobs.js";
import { short } from "./others.js";
import { latest } from "./turns.js";
import { has, label, t, when } from "./words.js";

let parts = new Map(); // inspection id => its row, with the signer where it came in a bundle
const ofConflicts = latest();
let asked = null; // { ids, conflicts } that wait for decisions

export function show(inspections, imports) {
  const sealed = inspections.filter((one) => one.sealed_at && !one.ended);
  const ofUnit = (unit) => sealed.filter((one) => one.unit_id === unit);
  const fit = sealed.filter(({ unit_id }) => ofUnit(unit_id).length > 1).sort((a, b) => a.unit.localeCompare(b.unit, "zh"));
  parts = new Map(fit.map((one) => [one.id, { ...one, signer: imports.get(one.id)?.fingerprint, file: imports.get(one.id)?.file }]));
  if (asked && !asked.ids.every((id) => parts.has(id))) restart();
  $("merge-card").hidden = !fit.length;
  fill($("merge-parts"), [...parts.values()].map(part));
}

function part({ id, unit, kind }) {
  const box = h("input", { type: "checkbox", name: "part", value: id });
  return h("label", { class: "check" }, box, h("span", {}, `${unit} · ${label("inspection_kind", kind)} · ${nameOf(id)}`));
}

// As people know a part: the file it came in and who signed it, or that it was made here.
function nameOf(id) {
  const one = parts.get(id);
  if (!one) return id;
  const at = when(one.created_at);
  return one.signer ? t("part_imported", { file: one.file, signer: short(one.signer), at }) : t("part_own", { at });
}

function showConflicts() {
  $("conflicts-form").hidden = !asked;
  if (!asked) return;
  const columns = [
    [t("conflict_head_what"), ({ reason }) => reason.text, "wide"],
    [t("conflict_head_choice"), choiceOf, "wide"],
  ];
  fill($("conflicts"), asked.conflicts.length ? table(columns, asked.conflicts) : quiet(t("conflicts_none")));
}

// Nothing is preselected: each conflict is decided by a person.
function choiceOf({ key, choices }) {
  const radio = (choice) => h("label", { class: "check" }, h("input", { type: "radio", name: key, value: choice, required: true }), h("span", {}, choiceName(key, choice)));
  return h("div", { role: "radiogroup" }, choices.map(radio));
}

function choiceName(key, choice) {
  if (parts.has(choice)) return nameOf(choice);
  if (has(`label.merge_choice.${choice}`)) return label("merge_choice", choice);
  return label(key, choice);
}

const chosenParts = () => [...document.querySelectorAll("#merge-parts :checked")].map((box) => box.value);

function restart() {
  ofConflicts.forget();
  asked = null;
  showConflicts();
}

// ``done(id)`` is called with the merged inspection.
export function bind(done) {
  $("merge-parts").addEventListener("change", restart);
  onSubmit($("merge-form"), async () => {
    const ids = chosenParts();
    if (ids.length < 2) throw new Problem(t("merge_pick"));
    await ofConflicts(post("merges/conflicts", { inspections: ids }), ({ items }) => {
      asked = { ids, conflicts: items };
      $("conflicts-form").reset();
      showConflicts();
    });
  });
  onSubmit($("conflicts-form"), async (choices) => {
    try {
      const job = await post("merges", { inspections: asked.ids, choices });
      const { inspection } = await finished(job, (text) => ($("merge-state").textContent = text));
      $("merge-form").reset();
      restart();
      done(inspection);
      notice(t("merged"));
    } finally {
      $("merge-state").textContent = "";
    }
  });
}
