// The unit's segments: named parts of the authorised ranges, and when each was swept whole.

import { get, post } from "./api.js";
import { $, fill, h, notice, onSubmit, quiet, table } from "./dom.js";
import { DASH, t, when } from "./words.js";

export async function showSegments(view) {
  const segments = (await get(view.path("segments"))).items;
  const columns = [
    [t("segment_head_range"), (one) => one.range, "nowrap"],
    [t("segment_head_label"), (one) => one.label || DASH],
    [t("segment_head_visited"), (one) => (one.visited_at ? when(one.visited_at) : h("span", { class: "tag open" }, t("segment_not_visited")))],
  ];
  fill($("segments"), segments.length ? table(columns, segments) : quiet(t("segments_none")));
  offer(view, segments);
  $("segment-details").hidden = view.sealed || !view.authorisations.length;
}

function offer(view, segments) {
  const ranges = [...new Set([...segments.map((one) => one.range), ...(view.authorisation()?.ranges ?? [])])];
  const named = new Map(segments.map((one) => [one.range, one.label]));
  fill($("segment-choices"), ranges.map((range) => h("option", { value: range }, named.get(range) ?? "")));
}

// What a scan may be narrowed to.
export async function offerSegments(view) {
  offer(view, (await get(view.path("segments"))).items);
}

export function bindSegments(view) {
  onSubmit($("segment-form"), async (fields) => {
    await post(view.path("segments"), fields);
    $("segment-form").reset();
    notice(t("segment_added", fields));
    await view.refresh();
  });
}
