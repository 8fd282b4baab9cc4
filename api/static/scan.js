// The scan: start, resume, hosts with what was read from them, SSH host keys, facts that came on USB.

import { Problem, get, post } from "./api.js";
import { $, button, complain, enable, fill, forDialog, h, notice, onClick, onSubmit, quiet, table } from "./dom.js";
import { attempts, completeOf, fromRecord, missing, origins, readingOf } from "./host.js";
import { runningHere } from "./jobs.js";
import { longTable } from "./long.js";
import * as offline from "./offline.js";
import { warningOf } from "./prepare.js";
import { offerSegments } from "./segments.js";
import { DASH, label, t, when } from "./words.js";

export async function show(view) {
  const keys = (await get(view.path("host-keys"))).items;
  showHint(view);
  showScans(view);
  showKeys(view, keys);
  showHosts(view);
}

function showHint(view) {
  const { credentials, status } = view;
  const warning = warningOf(view);
  const texts = [];
  if (!credentials.length) texts.push(t("scan_hint_credentials"));
  else if (status.vault.locked) texts.push(t("scan_hint_vault"));
  if (status.discovery_mode === "connect") texts.push(t("connect_mode"));
  const quietly = view.sealed || runningHere(view);
  $("scan-hint").className = quietly ? "" : warning ? "banner bad" : texts.length ? "banner open" : "";
  $("scan-hint").textContent = quietly ? "" : [warning, ...texts].filter(Boolean).join(" ") || t("scan_ready");
  enable($("scan-start"), view.authorisation() && !runningHere(view));
}

function showScans(view) {
  const columns = [
    [t("scan_head_started"), (scan) => when(scan.started_at)],
    [t("scan_head_ended"), (scan) => when(scan.finished_at)],
    [t("scan_head_options"), ({ options }) => optionsOf(options)],
    [t("scan_head_mode"), (scan) => label("mode", scan.mode)],
    [t("head_state"), (scan) => [label("scan_state", scan.state), scan.problem ? h("p", { class: "settles" }, scan.problem.text) : null]],
    ["", (scan) => (resumable(view, scan) ? button(t("resume"), () => resume(view, scan).catch(complain)) : null), "end"],
  ];
  fill($("scans"), view.scans.length ? table(columns, [...view.scans].reverse()) : quiet(t("scan_none")));
}

const resumable = (view, scan) =>
  !view.sealed && !runningHere(view) && !["done", "running"].includes(scan.state);

function optionsOf(options) {
  const named = ["discover_only", "accept_first_contact", "only_missing"]
    .filter((name) => options[name])
    .map((name) => t(`option_${name}`));
  if (options.canary) named.push(t("option_canary", options));
  if (options.rounds > 1) named.push(t("option_rounds", options));
  return [options.segment, ...named].filter(Boolean).join("，") || t("all_ranges");
}

async function resume(view, scan) {
  await view.watch(await post(view.path(`scans/${scan.id}/resume`)));
  await view.refresh();
}

function showKeys(view, keys) {
  const waiting = keys.filter((key) => key.state === "first_contact");
  const box = (key) =>
    key.state === "first_contact" && !view.sealed
      ? h("input", { type: "checkbox", name: "fingerprint", value: key.fingerprint, "aria-label": key.address })
      : null;
  const columns = [
    ...(waiting.length ? [[t("key_head_pick"), box]] : []),
    [t("head_address"), (key) => key.address],
    [t("key_head_type"), (key) => key.type],
    [t("key_head_fingerprint"), (key) => h("code", {}, key.fingerprint)],
    [t("key_head_seen"), (key) => when(key.seen_at)],
    [t("head_state"), (key) => h("span", { class: `tag ${key.state}` }, label("key_state", key.state))],
  ];
  const hint = waiting.length ? h("p", {}, t("keys_waiting", { count: waiting.length })) : null;
  fill($("keys"), keys.length ? [hint, table(columns, [...waiting, ...keys.filter((key) => key.state !== "first_contact")])] : quiet(t("keys_none")));
  $("keys-confirm").hidden = !waiting.length;
}

function showHosts(view) {
  const columns = [
    [t("head_address"), (host) => host.address, "nowrap"],
    [t("host_head_name"), (host) => [host.hostname || DASH, host.source === "network" ? null : h("span", { class: "tag" }, label("facts_source", host.source)), host.os ? h("small", {}, host.os) : null]],
    [t("host_head_kind"), (host) => h("span", { title: host.kind_evidence.map((one) => one.text).join("；") }, label("device", host.kind)), "nowrap"],
    [t("host_head_mac"), (host) => [host.mac ?? DASH, h("small", {}, host.mac_random ? t("random_mac") : host.mac_vendor ?? "")]],
    [t("host_head_ports"), (host) => host.services.map((service) => service.port).join(" ") || DASH],
    [t("host_head_outcome"), (host) => outcomeOf(host), "wide"],
    ["", (host) => (host.facts_id ? button(t("view_facts"), () => openFacts(view, host).catch(complain)) : null), "end"],
  ];
  $("hosts-count").textContent = view.hosts.length ? t("hosts_count", { count: view.hosts.length }) : "";
  longTable($("hosts"), columns, view.hosts, {
    empty: t("hosts_none"),
    text: ({ address, hostname, os, mac, mac_vendor, reason }) => [address, hostname, os, mac, mac_vendor, reason?.text].join(" "),
    value: ({ kind, outcome }) => (outcome ? label("outcome", outcome) : t(NEVER.includes(kind) ? "not_a_computer" : "not_attempted")),
    valueName: t("host_head_outcome"),
  });
}

const NEVER = ["printer", "network", "camera", "other"];

function outcomeOf({ kind, outcome, reason }) {
  if (!outcome) return t(NEVER.includes(kind) ? "not_a_computer" : "not_attempted");
  const tag = h("span", { class: `tag ${outcome === "READ" ? "good" : "bad"}` }, label("outcome", outcome));
  return [tag, reason ? h("p", { class: "quiet" }, reason.text) : null];
}

const tag = (group, value) => h("span", { class: "tag bad" }, label(group, value));

function marks(one) {
  return [
    one.files_present === false ? tag("found_as", "gone") : null,
    one.catalogue_id ? tag("found_as", "portable") : null,
  ];
}

const openFacts = (view, host) =>
  forDialog(Promise.all([get(view.path(`hosts/${host.id}/facts`)), completeOf(view, host)]), (found) => showFacts(host, ...found));

function showFacts(host, facts, whole) {
  const records = whole.groups.installations ?? [];
  const { identity = {}, os = {} } = facts;
  $("facts-title").textContent = [host.address, identity.hostname].filter(Boolean).join(" ");
  const pairs = [
    ["facts_os", [os.name, os.version, os.edition].filter(Boolean).join(" ")],
    ["facts_machine", [identity.maker, identity.model].filter(Boolean).join(" ")],
    ["facts_serial", identity.serial],
    ["facts_channel", facts.channel],
    ["facts_account", facts.account],
    ["facts_reading", readingOf(whole.host)],
    ["facts_time", when(facts.finished_at)],
  ];
  fill($("facts-head"), pairs.map(([name, value]) => h("div", {}, h("dt", {}, t(name)), h("dd", {}, value || DASH))));
  const columns = [
    [t("software_head_name"), (one) => [one.name, ...marks(one)]],
    [t("software_head_version"), (one) => one.version ?? DASH],
    [t("software_head_publisher"), (one) => one.publisher ?? DASH],
    [t("software_head_date"), (one) => [one.installed_on ?? DASH, one.date_conflict ? tag("date_conflict", one.date_conflict) : null], "nowrap"],
    [t("software_head_source"), (one) => h("small", {}, one.source)],
    [t("origin_head_record"), (one) => fromRecord(records[facts.installations.indexOf(one)]?.from)],
  ];
  const installed = facts.installations?.length ? table(columns, facts.installations) : quiet(facts.reason?.text ?? t("facts_none"));
  fill($("facts-body"), installed, missing(whole), origins(whole), attempts(whole));
  $("facts-dialog").showModal();
}

export function reset() {
  fill($("keys"));
}

// Computers that were seen, for the one where accounts are tried first; what is off may be named by hand.
function offerCanaries(view) {
  const computers = view.hosts.filter(({ kind }) => !NEVER.includes(kind));
  fill($("canary-choices"), computers.map(({ address, hostname, os }) => h("option", { value: address }, [hostname, os].filter(Boolean).join(" "))));
  $("canary-field").hidden = !view.credentials.length;
}

async function openScan(view) {
  const { ranges, exclusions, not_before, not_after, document_no, signer } = view.authorisation();
  $("scan-form").reset();
  $("scan-form").querySelector(".message").textContent = "";
  $("scan-scope").textContent = t("scan_scope", {
    ranges: ranges.join("、"),
    exclusions: exclusions.join("、") || t("none"),
    from: when(not_before),
    until: when(not_after),
    document_no,
    signer,
  });
  $("scan-form").elements.discover_only.checked = !view.credentials.length;
  offerCanaries(view);
  await forDialog(offerSegments(view), () => $("scan-dialog").showModal());
}

export function bind(view) {
  offline.bind(view);
  onClick($("scan-start"), () => openScan(view));
  onSubmit($("scan-form"), async ({ segment, canary, discover_only, accept_first_contact, only_missing, rounds, round_minutes }) => {
    const job = await post(view.path("scans"), {
      segment: segment || null,
      canary: canary || null,
      discover_only: discover_only === "on",
      accept_first_contact: accept_first_contact === "on",
      only_missing: only_missing === "on",
      rounds: Number(rounds),
      round_minutes: Number(round_minutes),
    });
    $("scan-dialog").close();
    await view.watch(job);
    await view.refresh();
  });
  onSubmit($("keys-form"), async () => {
    const fingerprints = [...document.querySelectorAll("#keys input:checked")].map((box) => box.value);
    if (!fingerprints.length) throw new Problem(t("keys_pick"));
    const { confirmed } = await post(view.path("host-keys/confirmation"), { fingerprints });
    notice(t("keys_confirmed", { count: confirmed }));
    await view.refresh();
  });
  onSubmit($("facts-form"), async ({ file }) => {
    let document_;
    try {
      document_ = JSON.parse((await file.text()).replace(/^\ufeff/, ""));
    } catch {
      throw new Problem(t("not_json", { name: file.name }));
    }
    await post(view.path("facts"), document_);
    $("facts-form").reset();
    notice(t("facts_imported", { address: document_.address }));
    await view.refresh();
  });
}
