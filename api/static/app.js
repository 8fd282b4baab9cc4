// The page: session, which inspection and step is shown, what runs. All data comes from the API.

import { Problem, all, get, post } from "./api.js";
import { $, ask, closable, complain, fill, forDialog, h, notice, onClick, onSubmit, options } from "./dom.js";
import * as final from "./final.js";
import * as follow from "./follow.js";
import * as home from "./home.js";
import * as jobs from "./jobs.js";
import { letGo } from "./keep.js";
import * as others from "./others.js";
import * as prepare from "./prepare.js";
import * as rectify from "./rectify.js";
import * as result from "./result.js";
import * as same from "./same.js";
import * as scan from "./scan.js";
import * as schedule from "./schedule.js";
import * as seal from "./seal.js";
import { oneAtATime } from "./turns.js";
import * as vault from "./vault.js";
import { choices, label, t, when } from "./words.js";

const TABS = { prepare, scan, result, follow, seal };
const RECTIFICATION = "#/rectification";
const ROUTE = /^#\/([0-9A-Z]{26})(?:\/(\w+))?$/;

// What the address names, drawn anew; meanwhile the document says that it is busy.
const show = oneAtATime(async () => {
  $("main").setAttribute("aria-busy", "true");
  try {
    if (view.id) await showInspection(view.id);
    else await showAll(location.hash === RECTIFICATION);
  } finally {
    $("main").setAttribute("aria-busy", "false");
  }
});

// What is shown. The lists are those of the chosen inspection.
const view = {
  id: null,
  tab: null,
  status: null,
  summary: null,
  authorisations: [],
  ledgers: [],
  credentials: [],
  scans: [],
  hosts: [],
  path: (rest) => `inspections/${view.id}/${rest}`,
  get inspection() {
    return view.summary.inspection;
  },
  get sealed() {
    return Boolean(view.inspection.sealed_at);
  },
  authorisation: () => view.authorisations.at(-1),
  hostName(id) {
    const host = view.hosts.find((one) => one.id === id);
    return host ? [host.address, host.hostname].filter(Boolean).join(" ") : id;
  },
  rowText(ref) {
    const [file, ...rest] = ref.split("!");
    const row = rest.pop();
    const sheet = rest.join("!");
    const name = view.ledgers.find((one) => one.id === file)?.name;
    const bare = !sheet || name?.startsWith(`${sheet}.`);
    const place = bare ? t("row_place_bare", { row }) : t("row_place", { sheet, row });
    return name ? t("row_of_file", { file: name, place }) : place;
  },
  refresh: show,
  again: show,
  watch: jobs.watch,
  askStatus: jobs.askStatus,
};

// The launch token leaves the address bar before anything else happens.
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

async function login() {
  const token = takeToken();
  let refusal = "";
  if (token) await post("session", { token }).catch((error) => (refusal = error.message));
  try {
    view.status = await get("status");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showLogin(refusal || error.message);
    return false;
  }
  return true;
}

function showLogin(reason) {
  $("login-reason").textContent = reason;
  $("login").hidden = false;
  for (const id of ["home", "rectification", "inspection", "vault", "to-list"]) $(id).hidden = true;
}

async function enter() {
  if (!(await login())) return;
  $("login").hidden = true;
  $("vault").hidden = false;
  const { version, catalogue } = view.status;
  $("version").textContent = t("version", { version, catalogue: catalogue.version });
  vault.show(view);
  await route();
  jobs.follow(view, showLogin);
}

async function route() {
  const [, id, tab] = ROUTE.exec(location.hash) ?? [];
  const changed = id !== view.id;
  const stays = Boolean(id) && !changed && tab === view.tab;
  view.id = id ?? null;
  view.tab = tab in TABS ? tab : null;
  $("to-list").hidden = false;
  if (!stays) for (const place of ["home", "rectification", "inspection"]) $(place).hidden = true;
  if (changed) leave();
  await show().catch((error) => (error.status === 401 ? showLogin(error.message) : complain(error)));
}

// What was half typed belonged to the inspection that was shown.
function leave() {
  $("job").hidden = true;
  letGo();
  for (const form of document.querySelectorAll("#inspection form")) form.reset();
  for (const one of [schedule, ...Object.values(TABS)]) one.reset?.();
}

async function showAll(ofAll) {
  document.title = t(ofAll ? "title_rectification" : "title_home");
  try {
    await (ofAll ? rectify : home).show(view);
  } finally {
    const left = Boolean(view.id) || ofAll !== (location.hash === RECTIFICATION);
    $(ofAll ? "rectification" : "home").hidden = left;
  }
}

// What cannot be had of an inspection that was left meanwhile is nobody's problem.
async function showInspection(id) {
  try {
    if (await fetchInspection(id)) await showStep(id);
  } catch (error) {
    if (id === view.id) throw error;
  }
}

// Whether it is still the one to be shown.
async function fetchInspection(id) {
  const lists = ["authorisations", "ledgers", "credentials", "scans"];
  const [summary, hosts, ...found] = await Promise.all([
    get(view.path("summary")),
    all(view.path("hosts")),
    ...lists.map((name) => get(view.path(name))),
  ]);
  const origin = summary.inspection.sealed_at ? await others.origin(id) : "";
  if (id !== view.id) return false;
  Object.assign(view, { summary, hosts, origin });
  lists.forEach((name, n) => (view[name] = found[n].items));
  return true;
}

async function showStep(id) {
  showHead();
  view.tab ??= nextStep();
  showTabs();
  try {
    await TABS[view.tab].show(view);
    if (view.tab === "scan") await schedule.show(view);
    if (view.tab === "result") await same.show(view);
  } finally {
    // Not before: the lists still hold what was shown of another inspection.
    if (id === view.id) $("inspection").hidden = false;
  }
}

function nextStep() {
  if (view.summary.audit) return "result";
  return view.hosts.length ? "scan" : "prepare";
}

function showHead() {
  const { unit, kind, phase, as_of, policy, sealed_at } = view.inspection;
  document.title = t("title", { unit });
  $("unit").textContent = unit;
  $("kind").textContent = label("inspection_kind", kind);
  $("phase").textContent = label("phase", phase);
  $("as-of").textContent = as_of;
  $("policy").textContent = label("policy", policy);
  $("sealed-banner").hidden = !view.sealed;
  $("sealed-banner").textContent = view.sealed ? view.origin || t("sealed_banner", { at: when(sealed_at) }) : "";
  const others = choices("phase").filter(([value]) => value !== phase);
  fill($("phase-choice"), others.map(([value, text]) => h("option", { value }, text)));
  for (const element of document.querySelectorAll("#inspection .writes")) element.hidden = view.sealed;
  final.show(view);
}

function showTabs() {
  const done = {
    prepare: view.authorisations.length > 0 && view.ledgers.some((file) => file.state === "accepted"),
    scan: view.scans.some((one) => one.state === "done"),
    result: Boolean(view.summary.audit),
    follow: false,
    seal: view.sealed,
  };
  for (const link of document.querySelectorAll(".tabs a")) {
    const name = link.dataset.tab;
    link.href = `#/${view.id}/${name}`;
    link.classList.toggle("done", done[name]);
    link.querySelector(".tick").hidden = !done[name];
    if (name === view.tab) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    $(`tab-${name}`).hidden = name !== view.tab;
  }
}

function bindPhase() {
  onSubmit($("phase-form"), async ({ phase }) => {
    const name = label("phase", phase);
    if (!(await ask(name, t("confirm_phase", { phase: name })))) return;
    await jobs.change(view, phase).then(() => notice(t("phase_changed", { phase: name })), complain);
  });
}

function bind() {
  for (const group of [final, same, home, jobs, rectify, vault, schedule, ...Object.values(TABS)]) group.bind?.(view);
  for (const dialog of document.querySelectorAll("dialog")) closable(dialog);
  bindPhase();
  $("notice-close").addEventListener("click", () => ($("notice").hidden = true));
  onClick($("print"), async () => window.print());
  // A new launch address pasted into an open tab changes only the fragment.
  window.addEventListener("hashchange", () => {
    forDialog.forget();
    document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()); // it belongs to the page that was left
    return location.hash.includes("token=") ? enter() : route();
  });
}

options($("kind-choice"), choices("inspection_kind"));
options($("ledger-choice"), choices("ledger"));
options($("proof-choice"), choices("proof"), "P1");
options($("protocol-choice"), choices("protocol"));
options($("credential-kind-choice"), choices("credential_kind"));
bind();
await enter();
