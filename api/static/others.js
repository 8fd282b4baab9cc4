// Bundles of other laptops: looked at first, taken over once a person has vouched for the signer.

import { Problem, get, handIn, post } from "./api.js";
import { $, fill, grouped, h, notice, onSubmit } from "./dom.js";
import { finished } from "./jobs.js";
import { latest } from "./turns.js";
import { label, t, when } from "./words.js";

const HAND_IN_BYTES = 2 ** 30; // what the server takes in one request
const tooLarge = ({ name, size }) => t("look_large", { name, size: (size / HAND_IN_BYTES).toFixed(2) });

const asked = latest();
let looked = null; // what was found in the file whose path was given
let origins = new Map(); // inspection id => its row in the list of imports

// Where inspections came from that were not made here, by id.
export async function imports() {
  origins = new Map((await get("imports")).items.map((row) => [row.inspection_id, row]));
  return origins;
}

// The banner of an inspection that came in a bundle; such an inspection can only be looked at.
export async function origin(id) {
  const row = origins.get(id) ?? (await imports()).get(id);
  return row ? t("imported_banner", { file: row.file, at: when(row.imported_at), by: row.imported_by, signer: short(row.fingerprint) }) : "";
}

export const short = (fingerprint) => `${fingerprint.slice(0, 8)}…`;

function showLooked() {
  $("looked").hidden = !looked;
  if (!looked) return;
  const { unit, kind, phase, as_of, sealed_at, digest, second_digest, fingerprint, known, here } = looked;
  const pair = (name, value) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value));
  fill($("looked-facts"),
    pair("looked_unit", [unit, label("inspection_kind", kind), label("phase", phase), as_of].filter(Boolean).join(" · ")),
    pair("bundle_sealed_at", when(sealed_at)),
    pair("bundle_digest", grouped(digest)),
    second_digest ? pair("bundle_second_digest", grouped(second_digest)) : null,
    pair("bundle_fingerprint", [grouped(fingerprint), h("span", { class: known ? "tag good" : "tag bad" }, t(known ? "signer_known" : "signer_unknown"))]),
  );
  $("looked-warning").hidden = known || here;
  $("looked-here").hidden = !here;
  $("take-form").hidden = here;
  $("vouch").hidden = known;
  $("take-form").elements.vouched.required = !known;
  $("take-form").elements.vouched.checked = false;
}

// Where the bundle lies on this laptop; one that was chosen in the browser is handed in first.
async function placeOf({ file, path }, progress) {
  if (path) return path;
  if (!file.size) throw new Problem(t("look_pick"));
  if (file.size > HAND_IN_BYTES) throw new Problem(tooLarge(file));
  progress(t("look_reads", { name: file.name }));
  return (await handIn("imports/files", file)).path;
}

async function lookAt(fields, progress) {
  const path = await placeOf(fields, progress);
  return { ...(await finished(await post("imports/looks", { path }), progress)), path };
}

function forget() {
  asked.forget();
  looked = null;
  $("look-form").reset();
  $("look-state").textContent = "";
  showLooked();
}

// ``done()`` is called once there is one more.
export function bind(done) {
  const progress = (text) => ($("look-state").textContent = text);
  $("look-form").addEventListener("input", () => {
    asked.forget();
    looked = null;
    showLooked();
  });
  $("look-form").elements.file.addEventListener("change", ({ target: { files } }) => {
    const [file] = files;
    $("look-form").querySelector(".message").textContent = file?.size > HAND_IN_BYTES ? tooLarge(file) : "";
  });
  onSubmit($("look-form"), async (fields) => {
    looked = null;
    showLooked();
    try {
      await asked(lookAt(fields, progress), (found) => {
        looked = found;
        showLooked();
      });
    } finally {
      progress("");
    }
  });
  onSubmit($("take-form"), async () => {
    const { path, fingerprint, unit } = looked;
    try {
      // The fingerprint that was shown is the one that must be there, whatever lies at the path by now.
      await finished(await post("imports", { path, signer: fingerprint }), progress);
      forget();
      await done();
      notice(t("bundle_imported", { unit }));
    } finally {
      progress("");
    }
  });
}
