// Where a merged inspection comes from: each part with its signer and its custody log, and how conflicts were decided.

import { get } from "./api.js";
import { $, fill, grouped, h, table } from "./dom.js";
import { short } from "./others.js";
import { DASH, has, label, t, when } from "./words.js";

export async function show(view) {
  const { parts, conflicts, merged_at, merged_by } = await get(view.path("parts"));
  $("parts-card").hidden = !parts.length;
  if (!parts.length) return;
  const names = new Map(parts.map((one, n) => [one.inspection, t("part_numbered", { n: n + 1, signer: short(one.fingerprint) })]));
  const columns = [
    [t("part_head_part"), (one) => [names.get(one.inspection), h("small", {}, one.inspection)]],
    [t("part_head_hosts"), (one) => [String(one.hosts), one.left_out.length ? h("small", {}, t("part_left_out", { count: one.left_out.length })) : null], "number"],
    [t("part_head_proof"), (one) => [h("p", {}, t("bundle_digest"), " ", grouped(one.digest)), h("p", {}, t("bundle_fingerprint"), " ", grouped(one.fingerprint))], "wide"],
    [t("part_head_custody"), ({ custody }) => custodyOf(custody), "wide"],
  ];
  const decided = [
    [t("conflict_head_what"), ({ reason }) => reason.text, "wide"],
    [t("conflict_head_choice"), ({ key, choice }) => names.get(choice) ?? (has(`label.merge_choice.${choice}`) ? label("merge_choice", choice) : label(key, choice))],
  ];
  fill($("parts"),
    h("p", {}, t("parts_merged", { count: parts.length, at: when(merged_at), by: merged_by })),
    table(columns, parts),
    conflicts.length ? [h("h3", {}, t("parts_conflicts")), table(decided, conflicts)] : h("p", { class: "quiet" }, t("conflicts_none_then")),
  );
}

// Merged by an earlier version: the log is in the bundle, its head was not noted.
function custodyOf(custody) {
  if (!custody) return DASH;
  const { seq, sha256, operators } = custody;
  return [h("p", {}, t("part_custody", { seq, operators: operators.join("、") })), grouped(sha256)];
}
