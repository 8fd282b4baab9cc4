// The result: figures, rates, what was not collected, findings, verdicts, licence positions.

import { all, get, post } from "./api.js";
import * as breakdown from "./breakdown.js";
import { $, ask, complain, enable, fill, h, onClick, options, quiet, table } from "./dom.js";
import * as desk from "./desk.js";
import { runningHere } from "./jobs.js";
import { longTable } from "./long.js";
import { inLine } from "./turns.js";
import { DASH, choices, has, label, percent, sentence, t, when } from "./words.js";

const PAGE = 100;
const FIGURES = ["discovered", "computers", "collected", "installations", "products"];
const OF_COPIES = ["legal_rate", "domestic_rate", "computer_legal_rate", "computer_domestic_rate"];

const filter = { decision: "", rule: "" };
const found = { items: [], next: null };
const products = new Map();
const findingPlaces = new Map();
const inTurn = inLine();

export async function show(view) {
  const { summary } = view;
  const judged = Boolean(summary.audit);
  for (const section of document.querySelectorAll("#tab-result .judged")) section.hidden = !judged;
  enable($("audit-start"), !runningHere(view));
  fill($("figures"), FIGURES.map((name) => h("li", {}, h("b", {}, String(summary[name])), h("span", {}, t(`figure_${name}`)))));
  showMissing(summary.not_collected);
  if (!judged) {
    $("result-state").textContent = t("result_none");
    return;
  }
  const [head, findings] = await Promise.all([get(view.path("rates")), all(view.path("findings")), loadVerdicts(view), desk.load(view)]);
  found.judgedAt = head.created_at;
  showState(view, head);
  showRates(summary.rates, head.head.phase, head.head.policy.rate_definitions ?? {});
  breakdown.show(head.head.breakdowns);
  showFilters(summary.verdicts);
  showVerdicts(view);
  await showFindings(view, findings);
  desk.show(view, products);
  showPositions(view, summary.positions);
}

function showState(view, { created_at, rates, head }) {
  const preliminary = head.phase !== "final" || Object.values(rates).some((rate) => !rate.final);
  const changes = [desk.newest(), ...view.scans.map((scan) => scan.finished_at), ...accepted(view).map((file) => file.received_at)];
  const later = changes.some((at) => at && Date.parse(at) > Date.parse(created_at));
  const moved = head.phase !== view.inspection.phase || head.as_of !== view.inspection.as_of;
  $("result-stale").hidden = view.sealed || !(later || moved);
  $("result-stale").textContent = t("result_outdated");
  fill($("result-state"), h("strong", { class: preliminary ? "stamp" : "stamp final" }, t(preliminary ? "preliminary_whole" : "final")), ` ${t("result_stale", { at: when(created_at) })}`);
}

const accepted = (view) => view.ledgers.filter((file) => file.state === "accepted");

function showMissing(rows) {
  const columns = [
    [t("head_address"), (row) => [row.address, row.asset_no ? h("small", {}, t("asset_no", row)) : null]],
    [t("host_head_outcome"), (row) => (row.outcome ? label("outcome", row.outcome) : t("not_attempted"))],
    [t("missing_head_reason"), (row) => row.reason?.text ?? DASH, "wide"],
  ];
  longTable($("missing"), columns, rows, {
    empty: t("missing_none"),
    text: ({ address, asset_no, reason }) => [address, asset_no, reason?.text].join(" "),
    value: ({ outcome }) => (outcome ? label("outcome", outcome) : t("not_attempted")),
    valueName: t("host_head_outcome"),
  });
}

// In the order of the message file; what it does not name comes last.
const byOrder = (order, of = (value) => value) => (a, b) => place(order, of(a)) - place(order, of(b));
const place = (order, value) => (order.includes(value) ? order.indexOf(value) : order.length);
const valuesOf = (group) => choices(group).map(([value]) => value);

// Each main rate, then its parts.
function showRates(rates, phase, own) {
  const names = Object.keys(rates);
  const mains = names.filter((name) => !name.includes(".")).sort(byOrder(valuesOf("rate")));
  const partsOf = (main) =>
    names.filter((name) => name.startsWith(`${main}.`)).sort(byOrder(valuesOf("category"), (name) => name.split(".")[1]));
  const rows = mains.flatMap((main) => [main, ...partsOf(main)]).map((name) => ({ name, said: own[name] ?? sentence(rates[name].definition), ...rates[name] }));
  const columns = [
    [t("rate_head_name"), nameOf, "wide"],
    [t("rate_head_value"), (rate) => h("b", {}, percent(rate.n, rate.d)), "number"],
    [t("rate_head_fraction"), (rate) => `${rate.n} / ${rate.d}`, "number"],
    [t("rate_head_bounds"), boundsOf, "number"],
    [t("rate_head_excluded"), (rate) => String(rate.excluded), "number"],
    [t("head_state"), (rate) => finalOf(rate, phase), "nowrap"],
  ];
  fill($("rates"), table(columns, rows, ({ name }) => ({ class: name.includes(".") ? "part" : "main" })));
}

function nameOf({ name, said, breakdown, d }) {
  const [rate, category] = name.split(".");
  if (has(`label.rate_part.${name}`)) return [label("rate_part", name), h("p", { class: "quiet" }, said)];
  if (category) return label("category", category);
  const parts = rate === "legal_rate" && d ? composition(breakdown) : null;
  return [h("b", {}, label("rate", rate)), parts, h("p", { class: "quiet" }, said)];
}

// How the copies divide: a bar, and the same in words.
function composition(breakdown) {
  const parts = ["licensed", "to_verify", "unlicensed"].filter((decision) => breakdown[decision]);
  const bar = h("div", { class: "bar-of", "aria-hidden": true }, parts.map((decision) => {
    const part = h("span", { class: decision });
    part.style.flexGrow = breakdown[decision];
    return part;
  }));
  const words = parts.map((decision) => h("span", { class: `key ${decision}` }, `${label("decision", decision)} ${t("quantity", { count: breakdown[decision] })}`));
  return h("div", { class: "composition" }, bar, words);
}

const boundsOf = ({ lower, upper, d, final }) =>
  d === 0 || (final && lower === upper) ? DASH : t("bounds", { lower: percent(lower, d), upper: percent(upper, d) });

function finalOf({ name, d, final }, phase) {
  if (d === 0) return t("not_applicable");
  if (!final) return h("span", { class: "tag open" }, t("preliminary"));
  if (phase === "final") return h("span", { class: "tag good" }, t("final"));
  return OF_COPIES.includes(name.split(".")[0]) ? t("none_open") : DASH;
}

function showFilters(counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const chip = (value, text, count) =>
    h("button", { type: "button", "aria-pressed": String(filter.decision === value), class: value, value, "data-decision-filter": value }, `${text} ${count}`);
  const shown = choices("decision").filter(([value]) => value !== "excluded" || counts[value]);
  const chips = [chip("", t("verdicts_all"), total), ...shown.map(([value, text]) => chip(value, text, counts[value] ?? 0))];
  const focused = document.activeElement?.dataset?.decisionFilter;
  fill($("decisions"), chips);
  if (focused !== undefined) chips.find((one) => one.value === focused)?.focus();
}

const loadVerdicts = (view, more = false) => inTurn(() => fetchVerdicts(view, more));

async function fetchVerdicts(view, more) {
  const wanted = more ? PAGE : Math.max(PAGE, found.items.length);
  const page = await get(view.path("verdicts"), { ...filter, limit: Math.min(wanted, 1000), after: more ? found.next : undefined });
  found.items = more ? [...found.items, ...page.items] : page.items;
  found.next = page.next;
  for (const verdict of page.items) products.set(verdict.product_id, verdict.product_name);
}

function showVerdicts(view) {
  const columns = [
    [t("verdict_head_host"), ({ host_id }) => (host_id ? hostOf(view, host_id) : t("unit_level"))],
    [t("verdict_head_product"), productOf],
    [t("verdict_head_decision"), ({ decision, rule }) => [h("span", { class: `tag ${decision}` }, label("decision", decision)), h("small", {}, `${rule} ${label("rule", rule)}`)]],
    [t("verdict_head_reasons"), (verdict) => [...reasonsOf(verdict), desk.deskOf(view, verdict, found.judgedAt)].flat(), "wide"],
    [t("verdict_head_basis"), (verdict) => basisOf(view, verdict), "basis"],
  ];
  fill($("verdicts"), found.items.length ? table(columns, found.items) : quiet(t("verdicts_none")));
  $("verdicts-more").hidden = found.next === null;
  $("verdicts-shown").textContent = found.next === null ? "" : t("verdicts_shown", { shown: found.items.length });
}

function hostOf(view, id) {
  const host = view.hosts.find((one) => one.id === id);
  return host ? [host.address, h("small", {}, host.hostname)] : id;
}

function productOf({ product_name, version, edition, category, origin, quantity }) {
  const kind = [label("category", category), origin ? label("origin", origin) : ""].filter(Boolean).join("，");
  const copy = [version, edition, quantity > 1 ? t("quantity", { count: quantity }) : ""].filter(Boolean).join(" ");
  return [product_name, h("small", {}, copy), h("small", {}, kind)];
}

function reasonsOf({ reasons, remarks, settles }) {
  return [
    reasons.map((reason) => h("p", {}, reason.text)),
    remarks.map((remark) => h("p", { class: "quiet" }, remark.text)),
    settles ? h("p", { class: "settles" }, h("b", {}, t("settles")), settles.text) : null,
  ].flat();
}

function basisOf(view, { id, software_no, ledger_rows, observations, policy }) {
  const rows = [
    software_no ? t("software_no", { software_no }) : null,
    ...ledger_rows.map((ref) => view.rowText(ref)),
    observations.length ? t("observations", { count: observations.length }) : null,
  ].filter(Boolean);
  const source = policy ? h("details", { "data-key": id }, h("summary", {}, t("policy_source")), h("p", { class: "quiet" }, sentence(policy))) : null;
  return [h("ul", { class: "plain" }, rows.map((text) => h("li", {}, text))), source];
}

async function showFindings(view, findings) {
  await nameProducts(view, findings);
  const groups = grouped(findings);
  const kinds = [...groups.keys()].sort(byOrder(valuesOf("finding")));
  const section = (kind) => {
    const rows = groups.get(kind);
    const columns = [
      [t("finding_head_subject"), (finding) => subjectOf(view, finding)],
      [t("head_explanation"), ({ details }) => details.map((detail) => h("p", {}, detail.text)), "wide"],
    ];
    const place = findingPlaces.get(kind) ?? h("div", { class: "findings" });
    findingPlaces.set(kind, place);
    longTable(place, columns, rows, { page: 20, text: (finding) => [view.hostName(finding.subject), ...finding.details.map((detail) => detail.text)].join(" ") });
    return [h("h3", {}, label("finding", kind), h("small", {}, t("findings_count", { count: rows.length }))), place];
  };
  fill($("findings"), kinds.length ? kinds.flatMap(section) : quiet(t("findings_none")));
}

function grouped(findings) {
  const groups = new Map();
  for (const finding of findings) groups.set(finding.kind, [...(groups.get(finding.kind) ?? []), finding]);
  return groups;
}

// A finding names its product by id; one verdict a product gives the name.
async function nameProducts(view, findings) {
  const missing = new Map(findings.filter(({ product_id, verdicts }) => product_id && verdicts.length && !products.has(product_id)).map((one) => [one.product_id, one.verdicts[0]]));
  const verdicts = await Promise.all([...missing.values()].map((id) => get(view.path(`verdicts/${id}`))));
  for (const verdict of verdicts) products.set(verdict.product_id, verdict.product_name);
}

function subjectOf(view, { subject, product_id, details }) {
  const product = product_id ? products.get(product_id) ?? details[0]?.params.product ?? product_id : null;
  if (subject === product_id) return product;
  return [view.hostName(subject), product ? h("small", {}, product) : null];
}

function showPositions(view, positions) {
  const bounded = (key, value, open) => (value === null ? DASH : open && value !== 0 ? t(key, { count: value }) : String(value));
  const columns = [
    [t("proof_head_no"), (one) => one.software_no],
    [t("position_head_name"), (one) => one.name, "wide"],
    [t("position_head_installs"), (one) => String(one.installs), "number"],
    [t("position_head_quantity"), (one) => (one.quantity === null ? t("no_quantity") : String(one.quantity)), "number"],
    [t("position_head_gap"), (one) => h("span", { class: one.gap ? "short" : "" }, bounded("at_least", one.gap, one.at_least)), "number"],
    [t("position_head_idle"), (one) => bounded("at_most", one.idle, one.at_least), "number"],
    [t("proof_head_note"), (one) => (one.ended ? t("term_ended") : "")],
    [t("position_head_row"), (one) => h("small", {}, view.rowText(one.row))],
  ];
  const sum = (name) => positions.reduce((total, one) => total + (one[name] ?? 0), 0);
  longTable($("positions"), columns, positions, { empty: t("positions_none"), text: ({ software_no, name }) => `${software_no} ${name}` });
  $("positions-total").textContent = positions.length ? t("gap_total", { gap: sum("gap"), idle: sum("idle") }) : "";
}

export function reset() {
  Object.assign(filter, { decision: "", rule: "" });
  Object.assign(found, { items: [], next: null });
  products.clear();
  findingPlaces.clear();
  $("rule-filter").value = "";
}

export function bind(view) {
  breakdown.bind();
  for (const jump of document.querySelectorAll("[data-jump]")) {
    jump.addEventListener("click", () => $(jump.dataset.jump).closest(".card").scrollIntoView({ block: "start" }));
  }
  options($("rule-filter"), [["", t("all_rules")], ...choices("rule").map(([rule, name]) => [rule, `${rule} ${name}`])]);
  const refilter = async (change) => {
    Object.assign(filter, change);
    found.items = [];
    await loadVerdicts(view);
    showFilters(view.summary.verdicts);
    showVerdicts(view);
  };
  $("decisions").addEventListener("click", ({ target }) => {
    const decision = target.closest("button")?.value;
    if (decision !== undefined) refilter({ decision }).catch(complain);
  });
  $("rule-filter").addEventListener("change", ({ target }) => refilter({ rule: target.value }).catch(complain));
  onClick($("verdicts-more"), async () => {
    await loadVerdicts(view, true);
    showVerdicts(view);
  });
  onClick($("audit-start"), async () => {
    if (view.summary.audit && !(await ask(label("job", "audit"), t("confirm_audit")))) return;
    await view.watch(await post(view.path("audits")));
    await view.refresh();
  });
}
