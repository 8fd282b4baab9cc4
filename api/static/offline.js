// Computers without the network: the kit for a stick, and the folders that come back.

import { Problem, postForFile, upload } from "./api.js";
import { $, complain, notice, onClick, onSubmit } from "./dom.js";
import { t } from "./words.js";

export function bind(view) {
  onClick($("collector-make"), async () => {
    const file = await postForFile(view.path("collector"));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "hezheng-collector.zip";
    link.click();
    URL.revokeObjectURL(link.href);
    notice(t("collector_made"));
  });
  onSubmit($("folder-form"), async ({ again }) => {
    const files = [...$("folder-form").elements.files.files];
    if (!files.length) throw new Problem(t("folder_pick"));
    const taken = await upload(view.path("offline-readings"), files.map((file) => ["files", file]).concat(again ? [["again", "true"]] : []));
    $("folder-form").reset();
    notice(t("folder_taken", { asset: taken.asset_no, count: taken.installations ?? 0 }));
    await view.refresh().catch(complain);
  });
}
