// What a person opened, typed, chose or points at survives a redraw, which comes every few seconds while a job runs.

const FOCUSABLE = "a[href], button, input, select, summary, textarea";

const waiting = new Map(); // target => how to draw it, put off while a person has something of it in hand
let composing = false; // an input method is putting a character together
let pressed = null; // what the pointer went down on: a click needs it to be there when the pointer comes up

export function redraw(target, draw) {
  waiting.delete(target);
  if (inHand(target)) {
    waiting.set(target, draw);
    return;
  }
  const putBack = whatAPersonDid(target);
  draw();
  putBack();
}

function inHand(target) {
  if (pressed && target.contains(pressed)) return true;
  const focused = document.activeElement;
  if (!focused || !target.contains(focused)) return false;
  return composing || focused === target || Boolean(focused.closest("form[data-key][data-touched]"));
}

function flush() {
  for (const [target, draw] of [...waiting]) redraw(target, draw);
}

// Another inspection is shown: nothing of the one before may wait.
export function letGo() {
  waiting.clear();
  composing = false;
  pressed = null;
  document.activeElement?.blur();
}

// The details and forms with a ``data-key`` are the same before and after.
function whatAPersonDid(target) {
  if (target.matches("select")) return chosen(target);
  const keyed = (selector) => new Map([...target.querySelectorAll(selector)].map((one) => [one.dataset.key, one]));
  const opened = keyed("details[data-key][open]");
  const touched = keyed("form[data-key][data-touched]");
  const refocus = focusIn(target);
  const tickAgain = ticked(target);
  return () => {
    tickAgain();
    for (const fresh of target.querySelectorAll("details[data-key]")) reopen(fresh, opened.get(fresh.dataset.key));
    for (const fresh of target.querySelectorAll("form[data-key]")) putBack(fresh, touched.get(fresh.dataset.key));
    refocus();
  };
}

// Boxes of a list that stands in no form of its own, known by name and value (one without a name is kept elsewhere): a
// click may have come while its drawing waited.
function ticked(target) {
  const boxes = () => [...target.querySelectorAll("[type=checkbox][name]")].filter((box) => !box.closest("form[data-key]"));
  const nameOf = ({ name, value }) => `${name} ${value}`;
  const on = new Set(boxes().filter(({ checked }) => checked).map(nameOf));
  return () => {
    for (const box of boxes()) box.checked ||= on.has(nameOf(box));
  };
}

// Details that fetch what they hold stay as they are and fetch it again.
function reopen(fresh, old) {
  if (!old || old === fresh) return;
  if (fresh.dataset.loads === undefined) {
    fresh.open = true;
    return;
  }
  fresh.replaceWith(old);
  old.dispatchEvent(new Event("again"));
}

function putBack(fresh, old) {
  if (old && old !== fresh) fresh.replaceWith(old);
}

function chosen(select) {
  const { value } = select;
  const byDefault = [...select.options].find((one) => one.defaultSelected) ?? select.options[0];
  return () => {
    if (value !== byDefault?.value && [...select.options].some((one) => one.value === value)) select.value = value;
  };
}

function focusIn(target) {
  const was = document.activeElement;
  if (!was || was === target || !target.contains(was)) return () => {};
  const place = [...target.querySelectorAll(FOCUSABLE)].indexOf(was);
  return () => {
    if (document.activeElement === was) return;
    const now = was.isConnected ? was : target.querySelectorAll(FOCUSABLE)[place];
    if (now && alike(now, was)) now.focus({ preventScroll: true });
  };
}

const alike = (one, other) => one.tagName === other.tagName && one.name === other.name && one.textContent === other.textContent;

function touch({ target }) {
  target.closest?.("form[data-key]")?.setAttribute("data-touched", "");
}

// Only after the click, or the focus, has arrived.
const soon = () => setTimeout(flush);

function compose(on) {
  composing = on;
  soon();
}

function press(target) {
  pressed = target;
  soon();
}

document.addEventListener("input", touch);
document.addEventListener("change", touch);
document.addEventListener("reset", ({ target }) => {
  target.removeAttribute("data-touched");
  const message = target.querySelector(".message");
  if (message) message.textContent = "";
});
document.addEventListener("compositionstart", () => compose(true));
document.addEventListener("compositionend", () => compose(false));
document.addEventListener("pointerdown", ({ target }) => press(target));
for (const ended of ["pointerup", "pointercancel"]) document.addEventListener(ended, () => press(null));
document.addEventListener("focusout", soon);
