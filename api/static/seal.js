// Sealing, and the sealed bundles with what is to be copied to paper.

import { get, post } from "./api.js";
import { $, ask, fill, h, onClick, onSubmit, quiet } from "./dom.js";
import { runningHere } from "./jobs.js";
import { label, t, when } from "./words.js";

export async function show(view) {
  const bundles = (await get(view.path("bundles"))).items;
  $("end-card").hidden = !view.sealed;
  $("seal-start").disabled = !view.summary.audit || Boolean(runningHere(view));
  fill($("bundles"), bundles.length ? [...bundles].reverse().map((bundle) => card(view, bundle)) : quiet(t("bundles_none")));
}

function card(view, { id, file, digest, fingerprint, sealed_at, path }) {
  const pair = (name, value) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));
  return h("div", { class: "bundle" },
    h("dl", {},
      pair("bundle_sealed_at", when(sealed_at)),
      pair("bundle_digest", grouped(digest)),
      pair("bundle_fingerprint", grouped(fingerprint)),
      pair("bundle_path", h("small", {}, path)),
    ),
    h("p", { class: "actions" }, h("a", { class: "button", href: `/api/v1/${view.path(`bundles/${id}/file`)}`, download: file }, t("download"))),
  );
}

// Eight characters a group: read aloud and copied by hand, without spaces when copied by machine.
function grouped(text) {
  return h("code", { class: "groups" }, text.match(/.{1,8}/g).map((part) => h("span", {}, part)));
}

export function bind(view) {
  onClick($("seal-start"), async () => {
    const count = view.summary.verdicts.to_verify ?? 0;
    const missing = view.summary.not_collected.length;
    const open = count || missing ? t("confirm_seal_open", { count, missing }) : "";
    if (!(await ask(label("job", "seal"), open + t("confirm_seal")))) return;
    await view.watch(await post(view.path("bundles")));
    await view.refresh();
  });
  onSubmit($("end-form"), async ({ copy_path, same_medium_reason }) => {
    if (!(await ask(label("job", "end"), t("confirm_end", { unit: view.inspection.unit })))) return;
    await view.watch(await post(view.path("ending"), { copy_path, same_medium_reason }));
  });
}
