// Computers without the network: the kit for a stick, and the folders that come back.

import { Problem, post, postForFile, upload } from "./api.js";
import { $, complain, notice, onClick, onSubmit } from "./dom.js";
import { t } from "./words.js";

function encoded(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Problem(t("file_unreadable", { name: file.name })));
    reader.readAsDataURL(file);
  });
}

// One program a line: name, version, maker.
function programs(text) {
  const rows = text.split("\n").map((line) => line.split(/[,，\t]/).map((part) => part.trim()));
  return rows.filter(([name]) => name).map(([name, version, publisher]) => ({ name, version: version || null, publisher: publisher || null }));
}

async function enterByHand(view, { photo, signature, software, activation, hostname, serial, ...fields }) {
  const papers = [
    { kind: "photo", base64: await encoded(photo) },
    { kind: "signature", base64: await encoded(signature) },
  ];
  const blank = { activation: activation || null, hostname: hostname || null, serial: serial || null };
  return post(view.path("manual-readings"), { ...fields, ...blank, software: programs(software), papers });
}

export function bind(view) {
  onSubmit($("manual-form"), async (fields) => {
    const taken = await enterByHand(view, fields);
    $("manual-form").reset();
    notice(t("manual_taken", { asset: taken.asset_no }));
    await view.refresh().catch(complain);
  });
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
