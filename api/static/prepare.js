// Before anything is sent: authorisation, ledgers with their preview, proofs, accounts.

import { get, post, send } from "./api.js";
import { $, ask, button, complain, fill, h, lines, notice, onSubmit, quiet, table } from "./dom.js";
import { bindLedgers, showLedgers } from "./ledger.js";
import { bindSegments, showSegments } from "./segments.js";
import { askSecret } from "./vault.js";
import { DASH, label, localField, t, when, withOffset } from "./words.js";

let fresh = true;

export async function show(view) {
  const proofs = (await get(view.path("proofs"))).items;
  if (fresh) $("authorisation-details").open = !view.authorisations.length;
  fresh = false;
  showAuthorisations(view);
  await showSegments(view);
  showLedgers(view);
  showProofs(proofs);
  showCredentials(view);
}

function showAuthorisations({ authorisations, sealed }) {
  const columns = [
    [t("authorisation_head_no"), (row) => row.document_no],
    [t("authorisation_head_ranges"), (row) => h("ul", { class: "plain" }, row.ranges.map((range) => h("li", {}, range)))],
    [t("authorisation_head_exclusions"), (row) => row.exclusions.join("、") || t("none")],
    [t("authorisation_head_window"), (row) => t("authorisation_window", { from: when(row.not_before), until: when(row.not_after) })],
    [t("authorisation_head_signer"), (row) => (row.signed_on ? t("signed", { signer: row.signer, on: row.signed_on }) : t("unsigned", row))],
    [t("authorisation_head_service"), (row) => t(row.permits_service_start ? "service_start_permitted" : "service_start_not_permitted")],
    [t("head_state"), (row) => stateOf(row, authorisations.at(-1))],
  ];
  const window_ = authorisations.length ? windowOf(authorisations.at(-1)) : "in_window";
  $("authorisation-warning").hidden = sealed || window_ === "in_window";
  $("authorisation-warning").textContent = warningOf({ authorisation: () => authorisations.at(-1) });
  fill($("authorisations"), authorisations.length ? table(columns, [...authorisations].reverse()) : quiet(t("authorisation_none")));
}

export function windowOf({ not_before, not_after }) {
  const now = Date.now();
  if (now < Date.parse(not_before)) return "before_window";
  return now > Date.parse(not_after) ? "after_window" : "in_window";
}

function stateOf(row, last) {
  if (row.id !== last.id) return t("replaced");
  const place = windowOf(row);
  return h("span", { class: place === "in_window" ? "tag good" : "tag bad" }, t(`state_${place}`));
}

// Why nothing may be sent now, or "".
export function warningOf(view) {
  const authorisation = view.authorisation();
  if (!authorisation) return t("scan_hint_authorisation");
  const place = windowOf(authorisation);
  const { not_before, not_after } = authorisation;
  return place === "in_window" ? "" : t(`warn_${place}`, { from: when(not_before), until: when(not_after) });
}

function showProofs(proofs) {
  const columns = [
    [t("proof_head_no"), (proof) => proof.software_no],
    [t("proof_head_level"), (proof) => label("proof", proof.level)],
    [t("proof_head_paper"), (proof) => [proof.kind, proof.number].filter(Boolean).join(" ") || DASH],
    [t("proof_head_note"), (proof) => proof.note || DASH],
    [t("proof_head_entered"), (proof) => when(proof.entered_at)],
  ];
  fill($("proofs"), proofs.length ? table(columns, proofs) : quiet(t("proofs_none")));
}

function showCredentials(view) {
  const columns = [
    [t("credential_head_user"), ({ domain, username }) => (domain ? `${domain}\\${username}` : username)],
    [t("credential_head_protocol"), (one) => label("protocol", one.protocol)],
    [t("credential_head_kind"), (one) => label("credential_kind", one.kind)],
    [t("credential_head_ranges"), (one) => one.ranges.join("、") || t("all_ranges")],
    [t("head_state"), (one) => [h("span", { class: `tag ${one.state}` }, label("credential_state", one.state)), one.frozen_reason ? h("p", { class: "quiet" }, one.frozen_reason.text) : null]],
    ["", (one) => [view.sealed ? null : button(t("reenter"), () => reenter(view, one)), button(t("remove"), () => remove(view, one).catch(complain))], "end"],
  ];
  const { exists, locked } = view.status.vault;
  const hint = view.sealed || (exists && !locked) ? null : h("p", { class: "banner open" }, t(exists ? "credentials_locked" : "credentials_no_vault"));
  fill($("credentials"), view.credentials.length ? table(columns, view.credentials) : quiet(t("credentials_none")), hint);
}

function reenter(view, { id, username }) {
  askSecret(t("reenter"), false, async (secret) => {
    await send("PUT", view.path(`credentials/${id}/secret`), { secret });
    notice(t("credential_reentered", { username }));
  });
}

async function remove(view, { id, username }) {
  if (!(await ask(t("remove"), t("confirm_remove", { username })))) return;
  await send("DELETE", view.path(`credentials/${id}`));
  notice(t("credential_removed", { username }));
  await view.refresh();
}

async function numbers(view) {
  const accepted = view.ledgers.filter((file) => file.kind === "licences" && file.state === "accepted");
  const files = await Promise.all(accepted.map((file) => get(view.path(`ledgers/${file.id}`))));
  const rows = files.flatMap((file) => file.rows);
  fill($("software-numbers"), rows.map((row) => h("option", { value: row.software_no }, row.name)));
}

export function reset() {
  fresh = true;
  for (const form of document.querySelectorAll("#tab-prepare form")) form.reset();
  const now = new Date();
  const field = (name) => $("authorisation-form").elements[name];
  // As defaults, so that a form that is reset has them again.
  field("not_before").defaultValue = localField(now);
  field("not_after").defaultValue = localField(new Date(now.getTime() + 8 * 3600 * 1000));
  field("signed_on").defaultValue = localField(now).slice(0, 10);
}

export function bind(view) {
  const done = async (form, text, params) => {
    form.reset();
    notice(t(text, params));
    await view.refresh();
  };
  onSubmit($("authorisation-form"), async (fields) => {
    await post(view.path("authorisations"), {
      ranges: lines(fields.ranges),
      exclusions: lines(fields.exclusions),
      not_before: withOffset(fields.not_before),
      not_after: withOffset(fields.not_after),
      document_no: fields.document_no,
      signer: fields.signer,
      signed_on: fields.signed_on,
      no_classified: fields.no_classified === "on",
      public_confirmed: fields.public_confirmed === "on",
      permits_service_start: fields.permits_service_start === "on",
    });
    $("authorisation-details").open = false;
    await done($("authorisation-form"), "authorisation_recorded");
  });
  bindLedgers(view);
  bindSegments(view);
  $("proof-form").elements.software_no.addEventListener("focus", () => numbers(view).catch(complain));
  onSubmit($("proof-form"), async (fields) => {
    await post(view.path("proofs"), fields);
    await done($("proof-form"), "proof_recorded", fields);
  });
  onSubmit($("credential-form"), async (fields) => {
    await post(view.path("credentials"), { ...fields, ranges: lines(fields.ranges), sudo: Boolean(fields.sudo) });
    await done($("credential-form"), "credential_added", fields);
  });
}
