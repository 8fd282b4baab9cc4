// At the keyboard: what the inspector decides about a verdict, what the unit objects to, and what is answered.

import { get, post, upload } from "./api.js";
import { $, fill, h, lazyDetails, lines, notice, onSubmit, options } from "./dom.js";
import { longTable } from "./long.js";
import { choices, label, t, when } from "./words.js";

let entered = []; // decisions, objections and answers in order of entry
let names = new Map(); // product id => name

const placeOf = ({ host_id, product_id }) => `${host_id}|${product_id}`;
const about = (verdict) => entered.filter((one) => placeOf(one) === placeOf(verdict));
const mayChange = (view) => !view.sealed && !view.inspection.finalised_at;

// When the newest of them was entered; an audit before that does not know it.
export const newest = () => entered.at(-1)?.entered_at;

export async function load(view) {
  const [decisions, objections] = await Promise.all([get(view.path("decisions")), get(view.path("objections"))]);
  const all = [...decisions.items.map((one) => ({ ...one, what: "decision" })), ...objections.items.map((one) => ({ ...one, what: "objection" }))];
  entered = all.sort((one, other) => (one.entered_at < other.entered_at ? -1 : 1));
}

// All that was entered, newest first; an answered objection stands once, with its answer.
export function show(view, products) {
  names = products;
  const columns = [
    [t("verdict_head_host"), ({ host_id }) => (host_id ? view.hostName(host_id) : t("unit_level"))],
    [t("verdict_head_product"), ({ product_id }) => nameOf(product_id)],
    [t("desk_head_what"), (one) => [label("desk", one.what), h("small", {}, stateOf(one))]],
    [t("desk_head_reason"), (one) => whyOf(view, one), "wide"],
    [t("same_head_by"), ({ entered_by, entered_at }) => [entered_by, h("small", {}, when(entered_at))]],
  ];
  const rows = [...entered].reverse().filter((one, n, list) => one.what === "decision" || !list.slice(0, n).some((later) => answers(later, one)));
  longTable($("desk"), columns, rows, { empty: t("desk_none"), text: (one) => [view.hostName(one.host_id), nameOf(one.product_id), one.reason].join(" ") });
}

const ATTACHED = /^([0-9A-Z]{26}-(.+)) sha256:[0-9a-f]{64}$/;

// A number as it was typed, or the way to a file that was attached.
function paperOf(view, paper) {
  const [, file, name] = paper.match(ATTACHED) ?? [];
  return file ? h("a", { href: `/api/v1/${view.path(`attachments/${encodeURIComponent(file)}/file`)}`, download: name, title: paper }, name) : paper;
}

function whyOf(view, { reason, papers, answer_text, reviewer }) {
  return [
    reason,
    papers.length ? h("small", {}, papers.flatMap((paper, n) => [n ? "、" : null, paperOf(view, paper)])) : null,
    answer_text ? h("p", { class: "quiet" }, t("desk_answered", { reviewer, answer_text })) : null,
  ];
}

const nameOf = (id) => names.get(id) ?? id;
const answers = (later, one) => later.what === "objection" && later.answer !== "pending" && placeOf(later) === placeOf(one) && later.reason === one.reason;

function stateOf(one) {
  if (one.what === "decision") return label("decision", one.decision);
  return [label("answer", one.answer), one.decision ? label("decision", one.decision) : null].filter(Boolean).join("：");
}

// What was entered about a verdict that was judged at ``judgedAt`` and is not in its reasons yet, and the forms for more.
export function deskOf(view, verdict, judgedAt) {
  const told = about(verdict).filter((one) => Date.parse(one.entered_at) > Date.parse(judgedAt));
  const said = told.slice(-1).map((one) => h("p", { class: "settles" }, t("desk_said", { what: label("desk", one.what), state: stateOf(one), reason: one.reason })));
  return mayChange(view) ? [...said, lazyDetails(`desk-${verdict.id}`, t("desk_open"), async () => formsOf(view, verdict))] : said;
}

function formsOf(view, verdict) {
  const pending = about(verdict).filter((one) => one.what === "objection").at(-1);
  const open = pending?.answer === "pending" ? pending : null;
  return [decisionForm(view, verdict), open ? answerForm(view, open) : objectionForm(view, verdict)];
}

function form(key, title, fields, send, refresh) {
  const made = h("form", { class: "form desk", "data-key": key }, h("h4", {}, title), fields, h("p", { class: "actions" }, h("button", {}, t("event_add"))), h("output", { class: "message", role: "alert" }));
  onSubmit(made, async (values) => {
    await send(values, made);
    made.reset();
    notice(t("desk_entered"));
    await refresh();
  });
  return made;
}

const kept = new WeakMap(); // file => how papers name it: what failed after it was sent does not send it again

async function attached(view, form) {
  const papers = [];
  for (const file of form.querySelector("[type=file]").files) {
    if (!kept.has(file)) kept.set(file, (await upload(view.path("attachments"), { file })).paper);
    papers.push(kept.get(file));
  }
  return papers;
}

const files = () => h("label", {}, t("desk_files"), h("input", { type: "file", name: "files", multiple: true, accept: ".jpg,.jpeg,.png,.tif,.tiff,.pdf,.ofd" }));
const text = (name, shown, more = {}) => h("label", {}, shown, h("input", { name, maxlength: 200, autocomplete: "off", ...more }));

function select(name, shown, pairs) {
  const made = h("select", { name, required: true });
  options(made, [["", t("desk_pick")], ...pairs]);
  return h("label", {}, shown, made);
}

function decisionForm(view, { id }) {
  const fields = [select("decision", t("desk_decision"), choices("decision")), text("reason", t("desk_reason"), { required: true }), text("papers", t("desk_papers")), files()];
  const send = async ({ decision, reason, papers }, made) => post(view.path(`verdicts/${id}/decision`), { decision, reason, papers: [...lines(papers), ...(await attached(view, made))] });
  return form(`decide-${id}`, label("desk", "decision"), fields, send, view.refresh);
}

function objectionForm(view, { id }) {
  const fields = [text("reason", t("desk_objection_reason"), { required: true }), text("papers", t("desk_papers")), files()];
  const send = async ({ reason, papers }, made) => post(view.path(`verdicts/${id}/objections`), { reason, papers: [...lines(papers), ...(await attached(view, made))] });
  return form(`object-${id}`, label("desk", "objection"), fields, send, view.refresh);
}

function answerForm(view, objection) {
  const follows = select("decision", t("desk_follows"), choices("decision"));
  const answer = select("answer", t("desk_answer"), choices("answer").filter(([value]) => value !== "pending"));
  const upheld = () => {
    follows.hidden = answer.querySelector("select").value !== "upheld";
    follows.querySelector("select").required = !follows.hidden;
  };
  answer.addEventListener("change", upheld);
  upheld();
  const asked = h("p", { class: "quiet" }, [objection.reason, ...objection.papers].join("，"));
  const send = (values) => post(view.path(`objections/${objection.id}/answer`), { answer: values.answer, text: values.text, decision: values.answer === "upheld" ? values.decision : null });
  return form(`answer-${objection.id}`, t("desk_answer_title"), [asked, answer, follows, text("text", t("desk_answer_text"), { required: true })], send, view.refresh);
}
