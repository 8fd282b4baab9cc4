// Rectification of all units: what is due, and the figures of a month to be reported and printed.

import { get } from "./api.js";
import { $, complain, fill, h, onClick, quiet, table } from "./dom.js";
import { noticeTable } from "./notices.js";
import { day, percent, t } from "./words.js";

const FIGURES = ["notices", "findings", "replies", "closed", "extensions", "talks", "overdue", "reappeared", "moved", "not_rechecked"];

export async function show(view) {
  await Promise.all([showDue(view), showMonth()]);
}

async function showDue(view) {
  const { items } = await get("rectification/due", { within: $("due-within").value });
  const unit = [[t("rectify_head_unit"), (one) => one.unit]];
  fill($("due"), items.length ? noticeTable(items, view.again, unit) : quiet(t("due_none")));
}

async function showMonth() {
  const [year, month] = $("month-choice").value.split("-").map(Number);
  if (!year || !month) return;
  const { units, total, report_by } = await get(`rectification/months/${year}/${month}`);
  const columns = [
    [t("rectify_head_unit"), ({ unit }) => unit],
    ...FIGURES.map((name) => [t(`month_head_${name}`), (row) => String(row[name]), "number"]),
    [t("month_head_rate"), ({ rate: { n, d } }) => [percent(n, d), d ? h("small", {}, `${n}/${d}`) : null], "number"],
  ];
  const rows = [...units, { unit: t("month_total"), ...total }];
  const attributes = (row) => ({ class: row.unit === t("month_total") ? "total" : null });
  $("month-title").textContent = t("month_title", { year, month });
  $("month-note").textContent = t("month_note", { report_by });
  fill($("month"), units.length ? table(columns, rows, attributes) : quiet(t("month_none")));
}

export function bind(view) {
  $("month-choice").value = day(new Date()).slice(0, 7);
  for (const choice of ["due-within", "month-choice"]) $(choice).addEventListener("change", () => view.again().catch(complain));
  onClick($("month-print"), async () => window.print());
}
