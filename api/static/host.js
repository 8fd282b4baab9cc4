// One computer complete: where each value came from, what was not read and why.

import { get } from "./api.js";
import { h, quiet, table } from "./dom.js";
import { DASH, label, t, when } from "./words.js";

// A raw record's head: its id, what was asked, the grade of its channel, when.
export function fromRecord(from) {
  if (!from) return h("small", {}, DASH);
  const asked = [from.op, from.target].filter(Boolean).join(" ");
  return h("small", { title: asked }, [from.record, from.channel, when(from.at)].join(" · "));
}

export async function completeOf(view, host) {
  return get(view.path(`hosts/${host.id}/complete`));
}

export function readingOf({ reading, source }) {
  if (!reading) return label("facts_source", source);
  return [label("facts_source", source), reading.asset_no, reading.department, reading.person].filter(Boolean).join(" ");
}

export function origins({ values }) {
  if (!values.length) return null;
  const columns = [
    [t("origin_head_field"), ({ group, field }) => `${label("facts_group", group)} ${field}`, "nowrap"],
    [t("origin_head_value"), ({ value }) => (Array.isArray(value) ? value.join(" ") : String(value)), "wide"],
    [t("origin_head_record"), ({ from }) => fromRecord(from)],
  ];
  return [h("h3", {}, t("origins")), table(columns, values)];
}

export function missing({ not_read }) {
  if (!not_read.length) return [h("h3", {}, t("facts_skipped")), quiet(t("nothing_missing"))];
  const columns = [
    [t("software_head_source"), ({ what, kind }) => h("small", {}, kind === "group" ? label("facts_group", what) : what)],
    [t("head_explanation"), ({ reason }) => reason?.text ?? DASH],
    [t("origin_head_record"), ({ from }) => fromRecord(from)],
  ];
  return [h("h3", {}, t("facts_skipped")), table(columns, not_read)];
}

export function attempts({ readings }) {
  if (readings.length < 2) return null;
  const columns = [
    [t("facts_time"), ({ finished_at }) => when(finished_at), "nowrap"],
    [t("host_head_outcome"), ({ outcome, reason }) => [label("outcome", outcome), reason ? h("small", {}, reason.text) : null]],
    ["", ({ counts }) => (counts ? t("attempt_counts") : "")],
  ];
  return [h("h3", {}, t("attempts")), table(columns, readings)];
}
