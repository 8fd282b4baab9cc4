// What waits for a person over all inspections: notices that are due, and scans that the schedule asks about.

import { get } from "./api.js";
import { $, fill, h, table } from "./dom.js";
import { daysOf } from "./notices.js";
import { look, reasonsOf } from "./schedule.js";
import { label, t, when } from "./words.js";

export async function show(inspections) {
  const [due, { asks }] = await Promise.all([get("rectification/due"), look()]);
  const units = new Map(inspections.map(({ id, unit }) => [id, unit]));
  const rows = [...due.items.map(noticeRow), ...asks.map((run) => askRow(run, units.get(run.inspection_id)))];
  const columns = [
    [t("rectify_head_unit"), (row) => row.unit],
    [t("todo_head_what"), (row) => row.what],
    [t("notice_head_due"), (row) => row.due, "nowrap"],
    [t("head_explanation"), (row) => row.why, "wide"],
    ["", (row) => h("a", { class: "button", href: row.href }, t("open")), "end"],
  ];
  $("todo-card").hidden = !rows.length;
  fill($("todo"), rows.length ? table(columns, rows) : null);
}

function noticeRow({ unit, kind, number, due, days_left, state, findings, closed }) {
  return {
    unit,
    what: [label("notice_kind", kind), number].filter(Boolean).join(" "),
    due: [due, days_left === null ? null : h("small", {}, daysOf(days_left))],
    why: `${label("notice_state", state)}，${t("notice_counts", { findings, closed })}`,
    href: "#/rectification",
  };
}

function askRow(run, unit) {
  return { unit, what: label("schedule_kind", run.kind), due: when(run.due_at), why: reasonsOf(run), href: `#/${run.inspection_id}/scan` };
}
