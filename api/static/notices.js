// Notices of rectification: where they stand, what happened to them, their papers, and what is entered next.

import { get, post, upload } from "./api.js";
import { $, fill, h, lazyDetails, notice as say, onSubmit, options, quiet, table } from "./dom.js";
import { longTable } from "./long.js";
import { DASH, label, percent, t } from "./words.js";

const SOON_DAYS = 7;
const picked = new Set(); // keys of the findings that the next notice names; none: all
let pickedOf = null; // the inspection they are of
let pickFrom = null; // their table: what was searched in it stays

export async function showNotices(view) {
  const [{ items }, { rate }] = await Promise.all([get(view.path("notices")), get(view.path("rectification"))]);
  fill($("notices"), items.length ? noticeTable(items, view.refresh) : quiet(t("notices_none")));
  $("notices-rate").textContent = rate.d ? t("notices_rate", { rate: percent(rate.n, rate.d), n: rate.n, d: rate.d }) : "";
  $("notice-form").closest("details").hidden = !view.summary.audit;
  if (view.summary.audit) offerFindings(view);
  showReminder(items);
}

// ``more``: columns before the others. ``refresh`` is called after something was entered.
export function noticeTable(items, refresh, more = []) {
  const columns = [
    ...more,
    [t("notice_head_number"), ({ number, kind }) => [number || DASH, h("small", {}, label("notice_kind", kind))]],
    [t("notice_head_issued"), ({ issued_on }) => issued_on, "nowrap"],
    [t("notice_head_due"), ({ due, days_left }) => [due ?? DASH, days_left === null ? null : h("small", {}, daysOf(days_left))], "nowrap"],
    [t("notice_head_findings"), ({ findings, closed }) => t("notice_counts", { findings, closed }), "number"],
    [t("head_state"), ({ state }) => h("span", { class: `tag ${{ closed: "good", overdue: "bad" }[state] ?? "open"}` }, label("notice_state", state))],
    ["", (one) => actionsOf(one, refresh), "wide"],
  ];
  return table(columns, items);
}

export const daysOf = (days) => (days < 0 ? t("days_over", { days: -days }) : t("days_left", { days }));

function showReminder(items) {
  const open = items.filter((one) => one.open);
  const count = (fits) => open.filter(fits).length;
  const counts = {
    reminder_overdue: count(({ state }) => state === "overdue"),
    reminder_soon: count(({ state, days_left }) => state === "open" && days_left !== null && days_left <= SOON_DAYS),
    reminder_replied: count(({ state }) => state === "replied"),
  };
  const told = Object.entries(counts).filter(([, n]) => n).map(([name, n]) => t(name, { count: n }));
  $("notices-reminder").hidden = !told.length;
  $("notices-reminder").textContent = told.join("");
}

function actionsOf({ id, state }, refresh) {
  const details = lazyDetails(id, t("notice_open"), () => contentOf(id));
  return [details, state === "closed" ? null : eventForm(id, refresh), paperForm(id, refresh)];
}

async function contentOf(id) {
  const { items, events, papers } = await get(`notices/${id}`);
  const event = ({ kind, on, text, person, until, accepted }) => [on, kind === "outcome" ? t(accepted ? "event_accepted" : "event_returned") : label("notice_event", kind), until, person, text].filter(Boolean).join(" ");
  const list = (rows) => h("ul", { class: "plain" }, rows.map((row) => h("li", {}, row)));
  return [
    findingsOf(id, items),
    events.length ? [h("h4", {}, t("notice_events")), list(events.map(event))] : null,
    papers.length ? [h("h4", {}, t("notice_papers")), list(papers.map((one) => paper(id, one)))] : null,
  ].flat();
}

// What is ticked is what the next entry is about.
function findingsOf(id, items) {
  const name = (one) => [label("finding", one.kind), one.product_name, one.address, one.hostname].filter(Boolean).join(" · ");
  const line = (one) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "key", value: one.key }), h("span", {}, `${label("item_state", one.state)}：${name(one)}`));
  return h("form", { "data-key": `${id}-items` }, quiet(t("notice_pick")), items.map(line));
}

const paper = (id, { id: paper_id, name, entered_at, entered_by }) => [
  h("a", { href: `/api/v1/notices/${id}/papers/${paper_id}/file`, download: name }, name),
  ` ${entered_at.slice(0, 10)} ${entered_by}`,
];

function eventForm(id, refresh) {
  const kind = h("select", { name: "kind", "aria-label": t("notice_event") });
  options(kind, [["reply", label("notice_event", "reply")], ["accept", t("event_accepted")], ["return", t("event_returned")], ["extension", label("notice_event", "extension")], ["talk", label("notice_event", "talk")], ["reminder", label("notice_event", "reminder")]]);
  const text = h("input", { name: "text", maxlength: 500, autocomplete: "off", "aria-label": t("event_text"), placeholder: t("event_text") });
  const until = h("input", { type: "date", name: "until", "aria-label": t("event_until"), title: t("event_until"), hidden: true });
  const extends_ = () => (until.hidden = kind.value !== "extension");
  kind.addEventListener("change", extends_);
  const form = h("form", { class: "inline", "data-key": id }, kind, text, until, h("button", {}, t("event_add")), h("output", { class: "message", role: "alert" }));
  onSubmit(form, async (fields) => {
    const outcome = { accept: true, return: false }[fields.kind];
    const body = outcome === undefined ? { kind: fields.kind, until: fields.until || null } : { kind: "outcome", accepted: outcome };
    const ticked = [...form.parentElement.querySelectorAll("[name=key]:checked")];
    await post(`notices/${id}/events`, { ...body, text: fields.text, keys: ticked.map((box) => box.value) });
    form.reset();
    ticked[0]?.form.reset();
    extends_();
    await refresh();
  });
  return form;
}

function paperForm(id, refresh) {
  const file = h("input", { type: "file", name: "file", required: true, "aria-label": t("notice_paper") });
  const form = h("form", { class: "inline", "data-key": `${id}-paper` }, h("label", {}, t("notice_paper"), " ", file), h("button", {}, t("notice_paper_add")), h("output", { class: "message", role: "alert" }));
  onSubmit(form, async (fields) => {
    const { name } = await upload(`notices/${id}/papers`, fields);
    form.reset();
    say(t("notice_paper_added", { name }));
    await refresh();
  });
  return form;
}

// The findings of the newest audit, fetched when somebody wants only some of them in the notice.
function offerFindings(view) {
  if (pickedOf !== view.id) {
    picked.clear();
    pickFrom = h("div", {});
    pickedOf = view.id;
  }
  const details = lazyDetails(`notice-findings-${view.id}`, t("notice_some"), () => findingsToPick(view, pickFrom));
  fill($("notice-findings"), details, h("p", { id: "notice-picked", class: "quiet", "aria-live": "polite" }));
  tellPicked();
}

const tellPicked = () => ($("notice-picked").textContent = picked.size ? t("notice_picked", { count: picked.size }) : "");

async function findingsToPick(view, place) {
  const { items } = await get(view.path("notices/findings"));
  const keys = new Set(items.map(({ key }) => key));
  for (const key of picked) if (!keys.has(key)) picked.delete(key);
  tellPicked();
  const what = ({ kind, product_name }) => [label("finding", kind), product_name].filter(Boolean).join(" · ");
  const where = ({ address, hostname, asset_no, subject, product_id }) => [hostname, address, asset_no].filter(Boolean).join(" · ") || (subject === product_id ? t("unit_level") : subject);
  const columns = [
    [t("notice_head_pick"), (one) => tick(one.key, what(one))],
    [t("notice_head_finding"), what, "wide"],
    [t("verdict_head_host"), where],
    [t("notice_head_in"), inNotices],
  ];
  const rows = items.filter(({ for_unit }) => for_unit);
  longTable(place, columns, rows, { page: 20, empty: t("findings_none"), text: (one) => `${what(one)} ${where(one)}`, value: ({ kind }) => label("finding", kind), valueName: t("notice_head_finding") });
  return place;
}

function tick(key, name) {
  const box = h("input", { type: "checkbox", value: key, "aria-label": name, checked: picked.has(key) });
  box.addEventListener("change", () => {
    picked[box.checked ? "add" : "delete"](key);
    tellPicked();
  });
  return box;
}

const inNotices = ({ notices }) => notices.map(({ number, state }) => h("div", {}, `${number || DASH} ${label("item_state", state)}`));

export function bindNotices(view) {
  onSubmit($("notice-form"), async ({ number, deadline, kind, note }) => {
    await post(view.path("notices"), { number, kind, note, deadline: deadline || null, keys: [...picked] });
    picked.clear();
    $("notice-form").reset();
    await view.refresh();
    say(t("notice_issued"));
  });
}
