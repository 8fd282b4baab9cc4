// Schedules of rescans and presence sweeps: what waits for a person and why, what is planned, a new one.

import { get, post } from "./api.js";
import { $, button, complain, fill, h, notice, onClick, onSubmit, options, quiet, table } from "./dom.js";
import { latest } from "./turns.js";
import { DASH, choices, label, t, when } from "./words.js";

const ofHistory = latest();
let shown = null; // what waited for a person when it was last asked

// Records what has become due, and lists it.
export async function look() {
  const found = await post("schedules/look");
  shown = markOf(found);
  return found;
}

// Whether something has come to wait since: schedules go on by themselves while the page is open.
export async function news() {
  const before = shown;
  shown = markOf(await get("schedules"));
  return before !== null && before !== shown;
}

const markOf = ({ asks, clock }) => JSON.stringify([clock?.text, asks.map(({ id, reasons }) => [id, reasons.map(({ text }) => text)])]);

export async function show(view) {
  const { items, asks, clock } = await look();
  const own = items.filter((one) => one.inspection_id === view.id && !one.cancelled_at);
  showClock(clock);
  showAsks(view, $("schedule-asks"), asks.filter((run) => run.inspection_id === view.id));
  showSchedules(view, own);
}

function showClock(clock) {
  $("schedule-clock").hidden = !clock;
  $("schedule-clock-text").textContent = clock?.text ?? "";
}

// What is due in this inspection, and why it waits; also shown where its rectification is.
export async function showDue(view, target) {
  const { asks } = await look();
  showAsks(view, target, asks.filter((run) => run.inspection_id === view.id));
}

function showAsks(view, target, asks) {
  const columns = [
    [t("schedule_head_kind"), (run) => label("schedule_kind", run.kind)],
    [t("schedule_head_due"), (run) => when(run.due_at), "nowrap"],
    [t("schedule_head_reason"), reasonsOf, "wide"],
    ["", (run) => [
      button(t("schedule_start"), () => start(view, run).catch(complain)),
      button(t("schedule_skip"), () => skip(view, run).catch(complain)),
    ], "end"],
  ];
  fill(target, asks.length ? [h("h3", {}, t("schedule_asks")), table(columns, asks)] : null);
}

export const reasonsOf = (run) => (run.reasons.length ? run.reasons.map((one) => h("p", {}, one.text)) : t("schedule_waits"));

function showSchedules(view, schedules) {
  const columns = [
    [t("schedule_head_kind"), (one) => label("schedule_kind", one.kind)],
    [t("schedule_head_rule"), (one) => [ruleOf(one.rule), one.options?.canary ? h("small", {}, t("option_canary", one.options)) : null]],
    [t("schedule_head_next"), (one) => (one.next_due_at ? when(one.next_due_at) : DASH), "nowrap"],
    ["", (one) => [
      button(t("schedule_history"), () => history(one).catch(complain)),
      view.sealed ? null : button(t("schedule_cancel"), () => cancel(view, one).catch(complain)),
    ], "end"],
  ];
  fill($("schedules"), schedules.length ? table(columns, schedules) : quiet(t("schedule_none")));
}

function ruleOf(rule) {
  if (rule.type === "once") return t("schedule_once", { at: when(rule.at) });
  if (rule.type === "after_notice") return t("schedule_after_notice", rule);
  return t("schedule_weekly", { days: rule.days.map((day) => label("weekday", day)).join("、"), times: rule.times.join("、") });
}

async function start(view, run) {
  await post(`schedule-runs/${run.id}/start`);
  notice(t("schedule_started"));
  await view.refresh();
}

async function skip(view, run) {
  const reason = window.prompt(t("schedule_skip_reason"));
  if (!reason) return;
  await post(`schedule-runs/${run.id}/skip`, { reason });
  await view.refresh();
}

async function cancel(view, one) {
  await post(`schedules/${one.id}/cancel`);
  await view.refresh();
}

const history = (one) => ofHistory(get(`schedules/${one.id}`), showHistory);

function showHistory({ runs }) {
  const columns = [
    [t("schedule_head_due"), (run) => when(run.due_at), "nowrap"],
    [t("head_state"), (run) => label("run_state", run.state)],
    [t("schedule_head_started"), (run) => [when(run.started_at), run.started_by === "schedule" ? h("small", {}, t("schedule_by_itself")) : null]],
    [t("schedule_head_reason"), (run) => run.note || run.reasons.map((reason) => h("p", {}, reason.text)), "wide"],
  ];
  fill($("schedule-history"), runs.length ? table(columns, runs) : quiet(t("schedule_no_runs")));
}

function bodyOf({ kind, when: rule, once_at, days, time, noticed_on, days_after, canary }) {
  const body = { kind, options: { canary: kind === "rescan" && canary ? canary : null } };
  if (rule === "once") body.once_at = new Date(once_at).toISOString();
  if (rule === "weekly") body.weekly = { days: days.split(/[,，、\s]+/).filter(Boolean).map(Number), times: [time] };
  if (rule === "after_notice") body.after_notice = { noticed_on, days: Number(days_after), time };
  return body;
}

function showFields() {
  const chosen = $("schedule-form").elements.when.value;
  for (const field of document.querySelectorAll("#schedule-form [data-when]")) {
    field.hidden = !field.dataset.when.split(" ").includes(chosen);
    field.querySelector("input").required = !field.hidden;
  }
  $("schedule-canary").hidden = $("schedule-kind-choice").value !== "rescan";
}

export function reset() {
  ofHistory.forget();
  fill($("schedule-history"));
  showFields();
}

export function bind(view) {
  options($("schedule-kind-choice"), choices("schedule_kind"));
  options($("schedule-when-choice"), choices("schedule_when"));
  for (const choice of ["schedule-kind-choice", "schedule-when-choice"]) $(choice).addEventListener("change", showFields);
  showFields();
  onClick($("schedule-clock-right"), async () => {
    await post("schedules/clock-confirmation");
    await view.refresh();
  });
  onSubmit($("schedule-form"), async (fields) => {
    const added = await post(view.path("schedules"), bodyOf(fields));
    $("schedule-form").reset();
    showFields();
    notice(t("schedule_added", { next: when(added.next_due_at) }));
    await view.refresh();
  });
}
