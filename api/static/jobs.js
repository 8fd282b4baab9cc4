// What runs: the status is asked every second while something runs, gently otherwise; how a job ended is said once.

import { Problem, get, post, send } from "./api.js";
import { $, ask, complain, notice, onClick } from "./dom.js";
import * as schedule from "./schedule.js";
import { oneAtATime } from "./turns.js";
import { label, t } from "./words.js";
import * as vault from "./vault.js";

const BUSY_MS = 1000;
const IDLE_MS = 5000;
const HIDDEN_MS = 15000;
const POLL_MS = 400;
const REFRESH_TICKS = 3;

const watched = new Set();
let timer = 0;
let ticks = 0;
let lost = false;
let due = false; // something has changed that is not drawn yet
let endedBefore = null; // how many jobs had ended when the status was last asked for, ours or not
let tick = () => {};

const kindOf = (job) => job.kind.split(":")[0];

export function watch(job) {
  watched.add(job.id);
  return tick();
}

// The status as it is now, shown.
export const askStatus = () => tick();

export function follow(view, leave) {
  tick = oneAtATime(() => one(view, leave));
  return tick();
}

async function one(view, leave) {
  clearTimeout(timer);
  const known = [...watched]; // they had begun before the status was asked for: those that it does not name have ended
  try {
    view.status = await get("status");
    if (lost) $("notice").hidden = true;
    due ||= lost;
    lost = false;
    vault.show(view);
    await look(view, known);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) return leave(error.message);
    lost = error.status === 0;
    due &&= lost;
    notice(error.message, true);
  }
  const pace = view.status?.jobs.length && !lost ? BUSY_MS : IDLE_MS;
  timer = setTimeout(() => tick(), document.hidden ? Math.max(pace, HIDDEN_MS) : pace);
}

async function look(view, known) {
  const { jobs: running, jobs_ended: ended } = view.status;
  due ||= endedBefore !== null && endedBefore !== ended;
  endedBefore = ended;
  for (const job of running) if (job.inspection_id === view.id) watched.add(job.id);
  show(view);
  for (const id of known) if (!running.some((job) => job.id === id)) await end(view, id);
  const busy = running.some((job) => job.inspection_id === view.id);
  ticks = busy ? ticks + 1 : 0;
  due ||= busy ? ticks % REFRESH_TICKS === 0 : await schedule.news();
  if (!due) return;
  await view.again();
  due = false;
}

async function end(view, id) {
  due = true;
  const job = await ofOld(id);
  watched.delete(id);
  if (!job) return;
  announce(job);
  if (kindOf(job) === "end" && job.state === "done" && job.inspection_id === view.id) leaveEnded(view);
}

// Null when the appliance was started again since: it knows nothing of the jobs before.
const ofOld = (id) => get(`jobs/${id}`).catch((error) => {
  if (error.status === 404) return null;
  throw error;
});

// Its data is gone: nothing of it can be asked any more.
function leaveEnded(view) {
  view.id = null;
  location.hash = "#/";
}

function announce(job) {
  const name = label("job", kindOf(job));
  if (job.state === "failed") notice(t("job_failed", { job: name, reason: job.problem.text }), true);
  else if (job.state === "cancelled") notice(t("job_cancelled", { job: name }));
  else notice(said(job, name));
}

function said(job, name) {
  const kind = kindOf(job);
  if (kind === "scan") return t("scan_done", job.result);
  if (kind === "audit") return t("audit_done", { licensed: 0, unlicensed: 0, to_verify: 0, ...job.result.verdicts });
  return kind === "seal" ? t("seal_done") : t("job_done", { job: name });
}

export const runningHere = (view) => view.status.jobs.find((job) => job.inspection_id === view.id);

// How far a job is, in words.
function progressOf(job) {
  if (!job.stage) return t("job_starting", { job: label("job", kindOf(job)) });
  const progress = { stage: label("stage", job.stage), unit: label("unit", job.unit), done: job.done, total: job.total };
  return job.total ? t("job_progress", progress) : progress.stage;
}

// Waits for the end of a job that is not shown elsewhere, and gives its result. Throws a Problem when there is none.
export async function finished(job, tell = () => {}) {
  let now = job;
  while (now.state === "running") {
    tell(progressOf(now));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    now = await get(`jobs/${job.id}`);
  }
  if (now.state !== "done") throw new Problem(now.problem?.text ?? t("job_stopped", { job: label("job", kindOf(now)) }));
  return now.result;
}

function show(view) {
  const job = view.id ? runningHere(view) : undefined;
  $("job").hidden = !job;
  if (!job) return;
  $("job-title").textContent = t("job_running", { job: label("job", kindOf(job)) });
  const bar = $("job-bar");
  if (job.total && job.done <= job.total) {
    bar.max = job.total;
    bar.value = job.done;
  } else bar.removeAttribute("value");
  const left = job.remaining_seconds ? t("job_remaining", { minutes: Math.ceil(job.remaining_seconds / 60) }) : "";
  $("job-text").textContent = job.question?.text ?? (job.paused ? t("job_paused") : progressOf(job) + left);
  $("job-controls").hidden = kindOf(job) !== "scan";
  $("job-pause").hidden = job.paused;
  $("job-continue").hidden = !job.paused;
}

export function bind(view) {
  const control = async (verb, text) => {
    const job = runningHere(view);
    if (!job) return;
    await post(view.path(`scans/${job.kind.split(":")[1]}/${verb}`));
    notice(t(text));
    await tick();
  };
  onClick($("job-pause"), () => control("pause", "pausing"));
  onClick($("job-continue"), () => control("continue", "continuing"));
  onClick($("job-cancel"), async () => {
    if (await ask(label("job", "scan"), t("confirm_cancel"))) await control("cancel", "cancelling");
  });
  document.addEventListener("visibilitychange", () => !document.hidden && view.status && tick()?.catch?.(complain));
}

export async function change(view, phase) {
  await send("PATCH", `inspections/${view.id}`, { phase });
  await view.refresh();
}
