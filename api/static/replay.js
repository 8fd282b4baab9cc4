// A bundle judged again from its raw answers, and what came out otherwise.

import { post } from "./api.js";
import { button, complain, fill, h, quiet, table } from "./dom.js";
import { finished } from "./jobs.js";
import { DASH, label, sentence, t } from "./words.js";

const outcomes = new Map(); // bundle id => what a replay gave, as long as the page is open
const running = new Set();

// The button and the outcome of one bundle.
export function replayOf(view, { id }) {
  const place = h("div", { "aria-live": "polite" });
  if (running.has(id)) fill(place, quiet(t("replay_runs")));
  else show(place, outcomes.get(id));
  const run = button(t("replay_start"), () => replay(view, id).catch(complain), { title: t("replay_what"), disabled: running.has(id) });
  return { run, place };
}

async function replay(view, id) {
  const job = await post(view.path(`bundles/${id}/replays`));
  running.add(id);
  try {
    await view.refresh();
    outcomes.set(id, await finished(job));
  } finally {
    running.delete(id);
  }
  await view.refresh();
}

function show(place, found) {
  if (!found) return fill(place);
  const { outcome, differences, first, facts, verdicts, same_program } = found;
  const same = outcome === "identical";
  return fill(place,
    h("p", { class: same ? "banner" : "banner bad", role: same ? null : "alert" }, sentence(`replay.${outcome}`, { count: differences, shown: first.length })),
    h("p", { class: "quiet" }, t("replay_counts", { ...facts, verdicts }), same_program ? "" : ` ${same ? t("replay_other_program") : sentence("replay.other_program")}`),
    same ? null : differencesOf(first),
  );
}

function differencesOf(first) {
  const columns = [
    [t("verdict_head_host"), ({ address, host_id, what }) => address || host_id || (what === "verdict" ? t("unit_level") : DASH)],
    [t("replay_head_what"), ({ what }) => label("replay_what", what)],
    [t("verdict_head_product"), ({ product }) => product || DASH],
    [t("replay_head_fields"), ({ fields, missing }) => (missing ? t(`replay_missing_${missing}`) : fields.map((name) => label("replay_field", name)).join("、") || DASH), "wide"],
  ];
  return table(columns, first);
}
