// One computer at two addresses, or two computers that look alike: a person's word, after a look at the machines.

import { Problem, get, post } from "./api.js";
import { $, fill, h, notice, onSubmit, quiet, table } from "./dom.js";
import { DASH, t, when } from "./words.js";

export async function show(view) {
  const said = (await get(view.path("records"), { kind: "same_computers" })).items;
  const columns = [
    [t("same_head_hosts"), ({ host_id, other_id }) => [view.hostName(host_id), h("br"), view.hostName(other_id)], "wide"],
    [t("same_head_said"), ({ same }) => t(same ? "same_one" : "same_two")],
    [t("same_head_reason"), ({ reason }) => reason || DASH],
    [t("same_head_by"), ({ entered_by, entered_at }) => [entered_by, h("small", {}, when(entered_at))]],
  ];
  fill($("same-said"), said.length ? table(columns, said) : quiet(t("same_none")));
}

function hostNamed(view, text) {
  const wanted = text.toLowerCase();
  const found = view.hosts.filter(({ address, hostname }) => address === text || hostname?.toLowerCase() === wanted);
  if (found.length === 1) return found[0].id;
  throw new Problem(t(found.length ? "same_ambiguous" : "same_unknown", { name: text }));
}

export function bind(view) {
  onSubmit($("same-form"), async ({ one, other, same, reason }) => {
    const fields = { host_id: hostNamed(view, one), other_id: hostNamed(view, other), same: same === "yes", reason };
    if (fields.host_id === fields.other_id) throw new Problem(t("same_itself"));
    await post(view.path("records"), { kind: "same_computers", fields });
    $("same-form").reset();
    await view.refresh();
    notice(t("same_entered"));
  });
}
