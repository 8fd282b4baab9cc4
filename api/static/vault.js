// The vault: its state in the bar, made, unlocked and locked from there. Also the dialog that asks for a secret.

import { post } from "./api.js";
import { $, complain, notice, onClick, onSubmit } from "./dom.js";
import { Problem } from "./api.js";
import { t } from "./words.js";

let entered = null;

export function show({ status: { vault } }) {
  const [state, action] = !vault.exists
    ? ["vault_missing", "vault_create"]
    : vault.locked ? ["vault_locked", "vault_unlock"] : ["vault_open", "vault_lock"];
  $("vault-state").textContent = t(state);
  $("vault-button").textContent = t(action);
}

// ``use(secret)`` may raise a Problem, which is shown in the dialog.
export function askSecret(title, twice, use) {
  entered = use;
  $("secret-form").reset();
  $("secret-form").querySelector(".message").textContent = "";
  $("secret-title").textContent = title;
  $("secret-again").hidden = !twice;
  $("secret-again").querySelector("input").required = twice;
  $("secret-dialog").showModal();
}

export function bind(view) {
  onSubmit($("secret-form"), async ({ secret, again }) => {
    if (!$("secret-again").hidden && secret !== again) throw new Problem(t("vault_mismatch"));
    await entered(secret);
    $("secret-form").reset();
    $("secret-dialog").close();
    await view.refresh().catch(complain);
  });
  const update = async (path, said, body) => {
    await post(path, body);
    await view.askStatus();
    notice(t(said));
  };
  onClick($("vault-button"), async () => {
    const { exists, locked } = view.status.vault;
    if (!exists) {
      askSecret(t("vault_create"), true, (passphrase) => update("vault", "vault_created", { passphrase }));
    } else if (locked) {
      askSecret(t("vault_unlock"), false, (passphrase) => update("vault/unlock", "vault_unlocked", { passphrase }));
    } else {
      await update("vault/lock", "vault_locked_now");
      await view.refresh();
    }
  });
}
