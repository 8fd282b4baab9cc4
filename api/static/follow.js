// Follow-up and rectification: what became of each finding, with the evidence of both visits; what is due.

import { all, get, post } from "./api.js";
import { $, complain, enable, fill, h, lazyDetails, onClick, onSubmit, options, quiet, table } from "./dom.js";
import { bindNotices, showNotices } from "./notices.js";
import * as schedule from "./schedule.js";
import { inLine } from "./turns.js";
import { DASH, choices, label, percent, t, when } from "./words.js";

const PAGE = 100;
const chosen = { outcome: "" };
const found = { items: [], next: null };
const inTurn = inLine();

const isFollowUp = (view) => view.inspection.kind === "follow_up";

// Null while there is none yet: no baseline, no comparison.
const maybe = (path) => get(path).catch((error) => {
  if (error.status === 404) return null;
  throw error;
});

export async function show(view) {
  for (const card of document.querySelectorAll("#tab-follow .of-follow-up")) card.hidden = !isFollowUp(view);
  await Promise.all([showNotices(view), schedule.showDue(view, $("follow-asks"))]);
  if (!isFollowUp(view)) return;
  const [baseline, head, inspections] = await Promise.all([maybe(view.path("baseline")), maybe(view.path("comparison")), all("inspections")]);
  showBaseline(view, baseline, inspections);
  await showDoubts(view, baseline);
  enable($("compare-start"), baseline && view.summary.audit);
  for (const card of document.querySelectorAll("#tab-follow .compared")) card.hidden = !head;
  if (!head) return;
  showHead(view, head);
  await loadLines(view);
  await showChanges(view);
}

function showBaseline(view, baseline, inspections) {
  const earlier = inspections.filter(({ id, unit_id }) => unit_id === view.inspection.unit_id && id !== view.id);
  fill($("baseline-source"), earlier.reverse().map(({ id, kind, created_at }) => h("option", { value: id }, `${label("inspection_kind", kind)} ${when(created_at)}`)));
  const text = baseline ? t(`baseline_${baseline.kind}`, { as_of: baseline.as_of || DASH, source: baseline.source, rows: baseline.rows }) : t("baseline_none");
  fill($("baseline-now"), quiet(text));
}

async function showDoubts(view, baseline) {
  const rows = baseline?.kind === "list" && view.summary.audit ? (await get(view.path("baseline/doubts"))).items : [];
  $("doubts-card").hidden = !rows.length;
  const columns = [
    [t("follow_head_listed"), listedAs, "wide"],
    [t("follow_head_why"), ({ doubt }) => doubt.text, "wide"],
    ["", (row) => decide(view, row)],
  ];
  fill($("doubts"), rows.length ? table(columns, rows) : "");
}

const listedAs = ({ department, user, computer, software, kind }) => [[department, user, computer].filter(Boolean).join(" · "), h("small", {}, [kind, software].filter(Boolean).join(" · "))];

function decide(view, row) {
  const select = h("select", { name: "host_id", "aria-label": t("follow_which") }, h("option", { value: "" }, t("follow_none_of_them")));
  options(select, view.hosts.map(({ id }) => [id, view.hostName(id)]), row.host_id);
  const form = h("form", { class: "inline", "data-key": row.row }, select, view.sealed ? null : h("button", {}, t("follow_say")), h("output", { class: "message", role: "alert" }));
  onSubmit(form, async ({ host_id }) => {
    await post(view.path("baseline/rows"), { row: row.row, host_id });
    form.reset();
    await view.refresh();
  });
  return form;
}

function showHead(view, { outcomes, rate, created_at, computers }) {
  const entries = [["", t("all")], ...choices("followed")];
  const size = (name) => (name ? outcomes[name] : Object.values(outcomes).reduce((sum, n) => sum + n, 0));
  fill($("followed"), entries.map(([name, text]) => h("button", { type: "button", value: name, "aria-pressed": String(name === chosen.outcome) }, `${text} ${size(name)}`)));
  const shown = rate.d ? `${percent(rate.n, rate.d)}（${rate.n}/${rate.d}）` : t("not_applicable");
  $("followed-state").textContent = t("followed_state", { at: when(created_at), rate: shown, same: computers.same, before: computers.before });
}

const loadLines = (view, more = false) => inTurn(() => showLines(view, more));

async function showLines(view, more) {
  const page = await get(view.path("comparison/lines"), { outcome: chosen.outcome, limit: PAGE, after: more ? found.next : undefined });
  found.items = more ? [...found.items, ...page.items] : page.items;
  found.next = page.next;
  const columns = [
    [t("head_outcome"), ({ outcome }) => h("b", {}, label("followed", outcome))],
    [t("follow_head_finding"), ({ kind, product_name, product_id }) => [label("finding", kind), product_id ? h("small", {}, product_name) : null]],
    [t("follow_head_before"), ({ before }) => sideOf(before)],
    [t("follow_head_after"), ({ after }) => sideOf(after)],
    [t("head_explanation"), ({ reasons, signs }) => [...reasons.map(({ text }) => h("p", {}, text)), ...signs.map(({ text }) => h("p", { class: "settles" }, text))], "wide"],
    ["", (line) => evidence(view, line)],
  ];
  fill($("followed-lines"), found.items.length ? table(columns, found.items) : quiet(t("none")));
  $("followed-more").hidden = found.next === null;
}

function sideOf(side) {
  if (!side) return DASH;
  if (side.row) return listedAs(side);
  const place = [side.address, side.hostname].filter(Boolean).join(" ");
  return [place || side.details?.[0]?.text || side.subject, side.asset_no ? h("small", {}, t("asset_no", side)) : null];
}

// The verdicts of both visits.
const evidence = (view, line) => lazyDetails(line.sequence, t("follow_evidence"), () => fetchEvidence(view, line));

async function fetchEvidence(view, { sequence, joined_by }) {
  const line = await get(view.path(`comparison/lines/${sequence}`));
  const side = (name, finding, verdicts) => {
    const told = [...(finding?.details ?? []), ...verdicts.flatMap(({ reasons }) => reasons)].map(({ text }) => text);
    const said = verdicts.map(({ rule, decision, version }) => [rule, label("decision", decision), version].filter(Boolean).join(" · "));
    return [h("h4", {}, t(name)), h("ul", { class: "plain" }, [...said, ...new Set(told)].map((text) => h("li", {}, text)))];
  };
  return [
    joined_by ? quiet(t("follow_joined", { by: label("joined_by", joined_by) })) : null,
    ...side("follow_head_before", line.before, line.verdicts_before),
    ...side("follow_head_after", line.after, line.verdicts_after),
  ];
}

async function showChanges(view) {
  const { items, next } = await get(view.path("comparison/changes"), { limit: PAGE });
  const text = (value) => (Array.isArray(value) ? value.join("、") : value === null || value === "" ? DASH : String(value));
  const columns = [
    [t("change_head_area"), ({ area }) => label("change_area", area)],
    [t("change_head_change"), ({ change }) => label("change", change)],
    [t("finding_head_subject"), ({ subject }) => view.hostName(subject)],
    [t("change_head_fields"), ({ fields }) => Object.entries(fields).filter(([name]) => name !== "product").map(([name, [was, now]]) => h("p", {}, t("change_field", { name: label("change_field", name), was: text(was), now: text(now) }))), "wide"],
  ];
  fill($("changes"), items.length ? table(columns, items) : quiet(t("changes_none")), next === null ? null : quiet(t("changes_more", { count: items.length })));
}

function showSource() {
  const { value } = $("baseline-kind");
  $("baseline-source-field").hidden = value !== "inspection";
  for (const field of document.querySelectorAll(".of-bundle")) field.hidden = value !== "bundle";
}

export function reset() {
  showSource();
  chosen.outcome = "";
  Object.assign(found, { items: [], next: null });
}

export function bind(view) {
  options($("baseline-kind"), choices("baseline_kind"));
  $("baseline-kind").addEventListener("change", showSource);
  showSource();
  onSubmit($("baseline-form"), async ({ kind, inspection, path, signer }) => {
    const source = { inspection, bundle: path, list: "" }[kind];
    await post(view.path("baseline"), { kind, source: source ?? "", signer: signer || null });
    await view.refresh();
  });
  onClick($("compare-start"), async () => {
    await view.watch(await post(view.path("comparisons")));
    await view.refresh();
  });
  $("followed").addEventListener("click", ({ target }) => {
    const name = target.closest("button")?.value;
    if (name === undefined) return;
    chosen.outcome = name;
    for (const one of $("followed").children) one.setAttribute("aria-pressed", String(one.value === name));
    loadLines(view).catch(complain);
  });
  onClick($("followed-more"), () => loadLines(view, true));
  bindNotices(view);
}
