// Building blocks. Text reaches the document only as text nodes: names from hosts and ledgers are hostile input.

import { Problem } from "./api.js";
import { redraw } from "./keep.js";
import { latest } from "./turns.js";
import { t } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function fill(target, ...children) {
  const shown = children.flat().filter((child) => child !== null && child !== undefined && child !== "");
  redraw(target, () => target.replaceChildren(...shown));
}

// Details whose content is fetched when somebody opens them, and again when they are redrawn open. ``load`` gives it.
export function lazyDetails(key, title, load) {
  const place = h("div", {});
  const details = h("details", { "data-key": key, "data-loads": true }, h("summary", {}, title), place);
  const asked = latest();
  const again = () => asked(load(), (content) => fill(place, content)).catch(complain);
  details.addEventListener("toggle", () => details.open && !place.childElementCount && again());
  details.addEventListener("again", again);
  return details;
}

// Eight characters a group: read aloud and copied by hand, without spaces when copied by machine.
export const grouped = (text) => h("code", { class: "groups" }, (text.match(/.{1,8}/g) ?? []).map((part) => h("span", {}, part)));

export const quiet = (text) => h("p", { class: "quiet" }, text);

export function button(text, action, attributes = {}) {
  return h("button", { type: "button", onclick: action, ...attributes }, text);
}

// columns: [heading, row => cell, class?]; a cell is text, an element, or a list of them.
export function table(columns, rows, rowAttributes = () => ({})) {
  const head = h("tr", {}, columns.map(([heading, , name]) => h("th", { scope: "col", class: name }, heading || h("span", { class: "unseen" }, t("head_actions")))));
  const body = rows.map((row) =>
    h("tr", rowAttributes(row), columns.map(([, cell, name]) => h("td", { class: name }, cell(row)))),
  );
  return h("div", { class: "sheet" }, h("table", {}, h("thead", {}, head), h("tbody", {}, body)));
}

export function options(select, pairs, chosen) {
  select.append(...pairs.map(([value, text]) => new Option(text, value, value === chosen, value === chosen)));
}

export function lines(text) {
  return text.split(/[\n,，;；]+/).map((line) => line.trim()).filter(Boolean);
}

let noticeTimer = 0;

export function notice(text, bad = false) {
  const box = $("notice");
  clearTimeout(noticeTimer);
  $("notice-text").textContent = text;
  box.classList.toggle("bad", bad);
  box.setAttribute("role", bad ? "alert" : "status");
  box.hidden = false;
  if (!bad) noticeTimer = setTimeout(() => (box.hidden = true), 8000);
}

export const complain = (error) => {
  if (!(error instanceof Problem)) throw error;
  notice(error.message, true);
};

const resting = new WeakSet(); // buttons whose click is still at work
const unfit = new WeakSet(); // buttons that what is shown gives no use

// Whether what is shown gives a button a use; a click that is still at work is not offered again.
export function enable(element, use) {
  if (use) unfit.delete(element);
  else unfit.add(element);
  element.disabled = !use || resting.has(element);
}

// A click that may fail: the button rests meanwhile, a problem is shown by its title.
export function onClick(element, action) {
  element.addEventListener("click", async () => {
    resting.add(element);
    element.disabled = true;
    await action().catch(complain);
    resting.delete(element);
    element.disabled = unfit.has(element);
  });
}

// A form whose problem is shown beside it; ``action`` gets the fields as an object of trimmed texts and files.
export function onSubmit(form, action) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const message = form.querySelector(".message");
    const send = form.querySelector("button:not([type=button])");
    message.textContent = "";
    send.disabled = true;
    try {
      await action(fieldsOf(form));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      message.textContent = error.message;
    } finally {
      send.disabled = false;
    }
  });
}

function fieldsOf(form) {
  const secrets = new Set([...form.querySelectorAll("[type=password]")].map((field) => field.name));
  return Object.fromEntries(
    [...new FormData(form)].map(([name, value]) => [
      name,
      typeof value === "string" && !secrets.has(name) ? value.trim() : value,
    ]),
  );
}

export function ask(title, text) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

// What a dialog is opened with: of two clicks the later, and nothing once its page was left.
export const forDialog = latest();

export function closable(dialog) {
  for (const close of dialog.querySelectorAll("[data-close]")) close.addEventListener("click", () => dialog.close());
}

export const loading = () => quiet(t("loading"));
