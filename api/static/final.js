// Once judged as final an inspection only changes after a reopening, with its reason on record.

import { post } from "./api.js";
import { $, ask, notice, onSubmit } from "./dom.js";
import { t, when } from "./words.js";

export function show(view) {
  const { finalised_at } = view.inspection;
  $("final-banner").hidden = view.sealed || !finalised_at;
  $("final-banner").textContent = finalised_at ? t("final_banner", { at: when(finalised_at) }) : "";
  $("reopen-form").hidden = view.sealed || !finalised_at;
  $("phase-form").hidden = view.sealed || Boolean(finalised_at);
}

export function bind(view) {
  onSubmit($("reopen-form"), async ({ reason }) => {
    if (!(await ask(t("reopen"), t("confirm_reopen", { unit: view.inspection.unit })))) return;
    await post(view.path("reopenings"), { reason });
    $("reopen-form").reset();
    await view.refresh();
    notice(t("reopened"));
  });
}
