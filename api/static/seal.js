// Sealing in two steps, the sealed bundles with what is to be copied to paper, and the custody log they rest on.

import { get, post, send, upload } from "./api.js";
import { $, ask, button, complain, enable, fill, grouped, h, notice, onClick, onSubmit, quiet, table } from "./dom.js";
import { runningHere } from "./jobs.js";
import * as parts from "./parts.js";
import { replayOf } from "./replay.js";
import { label, t, when } from "./words.js";

export async function show(view) {
  const [{ items: bundles }, custody] = await Promise.all([get(view.path("bundles")), get(view.path("custody"))]);
  $("end-card").hidden = !view.sealed;
  enable($("seal-start"), view.summary.audit && !runningHere(view));
  fill($("bundles"), bundles.length ? [...bundles].reverse().map((bundle) => card(view, bundle)) : quiet(t("bundles_none")));
  fill($("custody"), log(custody));
  await Promise.all([showPapers(view, bundles), parts.show(view)]);
}

function card(view, { id, file, seal, digest, second_digest, fingerprint, sealed_at, path, encrypted }) {
  const { run, place } = replayOf(view, { id });
  const pair = (name, value) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));
  return h("div", { class: "bundle" },
    h("dl", {},
      pair("bundle_seal", t(seal === 2 ? "bundle_seal_second" : "bundle_seal_first")),
      pair("bundle_sealed_at", when(sealed_at)),
      pair("bundle_digest", grouped(digest)),
      second_digest ? pair("bundle_second_digest", grouped(second_digest)) : null,
      pair("bundle_fingerprint", grouped(fingerprint)),
      pair("bundle_encrypted", t(encrypted ? "bundle_encrypted_yes" : "bundle_encrypted_no")),
      pair("bundle_path", h("small", {}, path)),
    ),
    h("p", { class: "actions" },
      h("a", { class: "button", href: `/api/v1/${view.path(`bundles/${id}/file`)}`, download: encrypted ?? file }, t("download")),
      run),
    place,
  );
}

function log({ seq, sha256, intact, problems }) {
  const found = problems.map((problem) => h("p", { class: "banner open", role: "alert" }, problem.text));
  return intact ? [h("p", {}, t("custody_head", { seq })), grouped(sha256)] : found;
}

async function showPapers(view, bundles) {
  const sealedOnce = bundles.some((bundle) => bundle.seal === 1);
  const open = sealedOnce && !view.origin && !bundles.some((bundle) => bundle.seal === 2);
  $("papers-card").hidden = !sealedOnce;
  $("paper-form").hidden = !open;
  if (!sealedOnce) return;
  $("sheet-link").href = `/api/v1/${view.path("signing-sheet")}`;
  const papers = (await get(view.path("papers"))).items;
  enable($("second-seal"), papers.length && !runningHere(view));
  const columns = [
    [t("paper_name"), (paper) => paper.name],
    [t("paper_digest"), (paper) => grouped(paper.sha256)],
    ["", (paper) => (open ? button(t("remove"), () => remove(view, paper).catch(complain)) : null), "end"],
  ];
  fill($("papers"), papers.length ? table(columns, papers) : quiet(t("papers_none")));
}

async function remove(view, { name }) {
  await send("DELETE", view.path(`papers/${encodeURIComponent(name)}`));
  await view.refresh();
}

// Without the office's certificate nothing is encrypted: that stands in the question, and the answer confirms it.
async function warning() {
  const { encrypts } = await get("status");
  return encrypts ? "" : t("confirm_unencrypted");
}

async function seal(view, path, text) {
  const unencrypted = await warning();
  if (!(await ask(label("job", "seal"), text + unencrypted))) return;
  await view.watch(await post(view.path(path), { unencrypted: Boolean(unencrypted) }));
  await view.refresh();
}

export function bind(view) {
  onClick($("seal-start"), async () => {
    const count = view.summary.verdicts.to_verify ?? 0;
    const missing = view.summary.not_collected.length;
    const open = count || missing ? t("confirm_seal_open", { count, missing }) : "";
    await seal(view, "bundles", open + t("confirm_seal"));
  });
  onClick($("second-seal"), () => seal(view, "second-seal", t("confirm_second_seal")));
  onSubmit($("paper-form"), async ({ file }) => {
    await upload(view.path("papers"), { file });
    $("paper-form").reset();
    notice(t("paper_added"));
    await view.refresh();
  });
  onSubmit($("end-form"), async ({ copy_path, same_medium_reason }) => {
    if (!(await ask(label("job", "end"), t("confirm_end", { unit: view.inspection.unit })))) return;
    await view.watch(await post(view.path("ending"), { copy_path, same_medium_reason }));
  });
}
