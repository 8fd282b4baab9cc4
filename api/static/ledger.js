// Ledgers: files with their states, the preview of one, what its columns were taken for, and its acceptance.

import { Problem, get, post, upload } from "./api.js";
import { $, button, complain, enable, fill, forDialog, h, notice, onClick, onSubmit, quiet, table } from "./dom.js";
import { DASH, label, t, when } from "./words.js";

const UNREAD = new Set(["ledger.missing_column", "ledger.no_header"]);
const LABELLED = { software_type: "software_type", licence_type: "licence_type", state: "asset_state", category: "asset_category" };

let previewed = null; // the file in the dialog
let unread = null; // the fields of an upload that was refused because its columns are not known

export function showLedgers(view) {
  const columns = [
    [t("ledger_head_kind"), (file) => label("ledger", file.kind)],
    [t("ledger_head_file"), (file) => file.name],
    [t("ledger_head_received"), (file) => when(file.received_at)],
    [t("ledger_head_rows"), (file) => t("ledger_counts", file.counts)],
    [t("head_state"), (file) => h("span", { class: `tag ${file.state}` }, label("ledger_state", file.state))],
    ["", (file) => button(t("ledger_review"), () => review(view, file.id).catch(complain)), "end"],
  ];
  fill($("ledgers"), view.ledgers.length ? table(columns, [...view.ledgers].reverse()) : quiet(t("ledgers_none")));
}

const review = (view, id) => forDialog(get(view.path(`ledgers/${id}`)), (file) => openPreview(view, file));

function openPreview(view, file) {
  const open = !view.sealed && file.state === "previewed";
  previewed = file;
  unread = null;
  title(file.kind, file.name);
  $("ledger-counts").textContent = t("ledger_counts", file.counts);
  $("ledger-read").hidden = false;
  showProblems(file);
  $("ledger-shown").textContent = t("ledger_shown", { shown: file.rows.length });
  fill($("ledger-rows"), file.rows.length ? table(columnsOf(file), file.rows) : quiet(t("none")));
  showColumns(file.headers, file.fields, open);
  showPlace(file, open);
  $("ledger-decisions").hidden = !open;
  enable($("ledger-decisions").querySelector("[data-decision=accept_all]"), file.counts.rejected === 0);
  if (!$("ledger-dialog").open) $("ledger-dialog").showModal();
}

// A file whose header is not understood: nothing was read yet, and the columns are named here.
async function openUnread(fields, { params, message }) {
  const forms = (await get("ledger-forms")).items;
  const form = forms.find(({ kind }) => kind === params.kind);
  previewed = null;
  unread = { ...fields, kind: params.kind };
  title(params.kind, fields.file.name);
  $("ledger-counts").textContent = message;
  $("ledger-read").hidden = true;
  $("ledger-place").hidden = true;
  $("ledger-decisions").hidden = true;
  const known = Object.entries(form.fields);
  const headers = params.seen.split("、").filter(Boolean).map((header) => ({
    header,
    field: known.find(([, text]) => text === header)?.[0] ?? "",
    samples: [],
  }));
  showColumns(headers, form.fields, true);
  $("ledger-columns-details").open = true;
  $("ledger-dialog").showModal();
}

function title(kind, name) {
  $("ledger-title").textContent = `${label("ledger", kind)}：${name}`;
  $("ledger-message").textContent = "";
  $("ledger-columns-details").open = false;
  $("ledger-password").hidden = true;
  $("ledger-password").querySelector("input").value = "";
}

function showProblems(file) {
  const problems = [
    [t("head_place"), ({ sheet, row }) => (sheet ? t("row_place", { sheet, row }) : t("row_place_bare", { row }))],
    [t("head_column"), (problem) => problem.column || DASH],
    [t("head_handling"), ({ rejected }) => h("span", { class: rejected ? "tag rejected" : "tag" }, t(rejected ? "problem_rejected" : "problem_remark"))],
    [t("head_explanation"), ({ reason }) => reason.text],
  ];
  fill($("ledger-problems"), file.problems.length ? table(problems, file.problems) : quiet(t("ledger_fine")));
}

function showColumns(headers, fields, open) {
  const choice = ({ header, field }) => {
    const select = h("select", { "data-header": header, "data-was": field, "aria-label": header, disabled: !open }, new Option(t("column_unused"), ""));
    select.append(...Object.entries(fields).map(([name, text]) => new Option(text, name)));
    select.value = field;
    return select;
  };
  const columns = [
    [t("column_head_header"), ({ header }) => header],
    [t("column_head_samples"), ({ samples }) => h("span", { class: "quiet" }, samples.join("；") || DASH)],
    [t("column_head_field"), choice],
  ];
  const unknown = headers.filter(({ field }) => !field).length;
  $("ledger-columns-summary").textContent = t(unknown ? "columns_some_unused" : "columns_all_used", { count: headers.length, unknown });
  $("ledger-columns-details").hidden = !headers.length;
  fill($("ledger-columns"), headers.length ? table(columns, headers) : quiet(t("none")));
  $("ledger-reread").hidden = !open;
}

// What is in force of the same kind, and which rows stand there already: one has to choose, nothing is preselected.
function showPlace(file, open) {
  $("ledger-place").hidden = !open || !file.in_force.length;
  if ($("ledger-place").hidden) return;
  const radio = (value, text) => h("label", { class: "check" }, h("input", { type: "radio", name: "place", value }), h("span", {}, text));
  const replace = file.in_force.map((other) => radio(other.id, t("place_replace", { name: other.name, at: when(other.received_at) })));
  fill($("ledger-place-choices"), replace, radio("add", t("place_add")));
  const columns = [
    [t("duplicate_head_value"), ({ value }) => value],
    [t("duplicate_head_here"), ({ counted }) => t("row_place_bare", counted)],
    [t("duplicate_head_there"), ({ file: name, left_out }) => `${name} ${t("row_place_bare", left_out)}`],
    [t("duplicate_head_same"), ({ same }) => t(same ? "duplicate_same" : "duplicate_differs")],
  ];
  const { duplicate_count: count, duplicates } = file;
  const table_ = count ? [h("p", { class: "banner open" }, t("duplicates_found", { count, shown: duplicates.length })), h("div", { class: "scroll" }, table(columns, duplicates))] : quiet(t("duplicates_none"));
  fill($("ledger-duplicates"), table_);
}

function chosenPlace() {
  const chosen = $("ledger-place-choices").querySelector(":checked")?.value;
  if ($("ledger-place").hidden || !chosen) return {};
  if (chosen === "add") return { adds: true };
  return { replaces: [chosen], adds: previewed.in_force.length > 1 };
}

// The headings as they stand in the unit's own file.
function columnsOf(file) {
  const order = file.headers.map(({ header }) => header);
  const fields = Object.entries(file.mapping)
    .filter(([field]) => field in file.rows[0])
    .sort(([, a], [, b]) => order.indexOf(a[0]) - order.indexOf(b[0]));
  const kind = file.kind === "assets" ? [[t("head_asset_category"), (row) => label("asset_category", row.category)]] : [];
  return [[t("head_row"), (row) => row.ref?.row ?? DASH], ...fields.map(([field, headings]) => [headings.join("、"), (row) => shown(field, row[field])]), ...kind];
}

function shown(field, value) {
  if (field in LABELLED) return label(LABELLED[field], value);
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.map((one) => shown("", one)).join("、");
  return value && typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
}

function corrected() {
  const selects = [...$("ledger-columns").querySelectorAll("select")];
  const changed = selects.filter((select) => select.value !== select.dataset.was || (unread && select.value));
  return Object.fromEntries(changed.map((select) => [select.dataset.header, select.value]));
}

// A problem is shown inside the dialog: what lies behind it cannot be seen.
async function inDialog(action) {
  $("ledger-message").textContent = "";
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    $("ledger-message").textContent = error.message;
    if (["ledger.encrypted", "ledger.wrong_password"].includes(error.code)) $("ledger-password").hidden = false;
  }
}

async function readAgain(view) {
  const mapping = corrected();
  if (!Object.keys(mapping).length) throw new Problem(t("columns_unchanged"));
  const password = $("ledger-password").querySelector("input").value;
  const secret = password ? { password } : {};
  const file = unread
    ? await upload(view.path("ledgers"), { ...unread, ...secret, mapping: JSON.stringify(mapping) })
    : await post(view.path(`ledgers/${previewed.id}/mapping`), { mapping, ...secret });
  openPreview(view, file);
  $("ledger-columns-details").open = true;
  $("ledger-message").textContent = t("columns_remembered");
  await view.refresh();
}

async function decide(view, decision) {
  await post(view.path(`ledgers/${previewed.id}/decision`), { decision, ...(decision === "reject" ? {} : chosenPlace()) });
  $("ledger-dialog").close();
  notice(t(decision === "reject" ? "ledger_rejected" : "ledger_accepted", previewed));
  await view.refresh();
}

export function bindLedgers(view) {
  onSubmit($("ledger-form"), async (fields) => {
    try {
      const file = await upload(view.path("ledgers"), fields);
      $("ledger-form").reset();
      openPreview(view, file);
    } catch (error) {
      if (!(error instanceof Problem) || !UNREAD.has(error.code)) throw error;
      await openUnread(fields, error);
    }
    await view.refresh();
  });
  onClick($("ledger-reread"), () => inDialog(() => readAgain(view)));
  for (const choice of document.querySelectorAll("[data-decision]")) {
    onClick(choice, () => inDialog(() => decide(view, choice.dataset.decision)));
  }
}
