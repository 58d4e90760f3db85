// Builds the page from elements and text nodes, never from markup in a string.
import { gettext } from "chat/i18n.js";
import { livingStatus } from "chat/statuses.js";
import { initial, tone } from "chat/views/format.js";

/**
 * h("button", {class: "icon-button", "aria-label": …, on: {click}}, …children). A false or null
 * attribute or child is left out; strings become text nodes.
 */
export function h(tag, { on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name in element && typeof value === "boolean") element[name] = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/** Like `h`, for SVG elements; attributes and children are taken as they are. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function icon(name) {
  return document.getElementById("icons").content.querySelector(`[data-icon="${name}"]`).cloneNode(true);
}

export function iconButton(name, label, click, attributes = {}) {
  const { class: more = "", ...rest } = attributes;
  return h(
    "button",
    { type: "button", class: `icon-button ${more}`.trim(), "aria-label": label, title: label, on: { click }, ...rest },
    icon(name),
  );
}

const MARKS = { gone: gettext("gone"), staff: gettext("staff"), guest: gettext("guest") };

/** What a name is marked with: gone, staff, guest or nothing. */
export const markOf = ({ isGone, isStaff, isGuest }) => (isGone ? "gone" : isStaff ? "staff" : isGuest ? "guest" : "");

/** What stands beside a name, for signatures: its mark, and the person's status at the moment. */
export const besideName = (one) => JSON.stringify([markOf(one), livingStatus(one.status)]);

/** What a status says, in one line. */
export const statusWords = ({ emoji, text }) => [emoji, text].filter(Boolean).join(" ");

/** Of a status that is a text alone. */
const SAYS = "💬";

/**
 * A name as it stands wherever a person or group is shown: with its mark and the emoji of the person's status, which a
 * long name does not push out of sight. `shown`: the text, if it is not the name alone.
 */
export function markedName(one, shown = one.name, attributes = {}) {
  const mark = markOf(one);
  const status = livingStatus(one.status);
  const text = h("bdi", attributes, shown);
  if (!mark && !status) return text;
  const words = status && statusWords(status);
  return h(
    "span",
    { class: "marked-name" },
    text,
    status &&
      h("span", { class: "status-emoji", role: "img", "aria-label": words, title: words }, status.emoji || SAYS),
    mark && h("span", { class: `mark ${mark}` }, MARKS[mark]),
  );
}

/** The sender of a message, for `markedName` and `avatar`. */
export const senderOf = (message) => ({
  id: message.senderId,
  name: message.senderName,
  img: message.senderImg,
  isGuest: message.senderIsGuest,
  isStaff: message.senderIsStaff,
});

/** The picture of a person or group, or a letter on one of ten colors. */
export function avatar(
  { id, name, img, isSaved, online = false, type = "private", tone: color = tone(id) },
  size = "l",
) {
  if (isSaved) return h("span", { class: `avatar ${size} saved`, "aria-hidden": "true" }, icon("bookmark"));
  const letter = initial(name || "?");
  // A picture that cannot be loaded is replaced by the letter.
  const face = img
    ? h("img", {
        src: img,
        alt: "",
        loading: "lazy",
        decoding: "async",
        on: { error: (event) => event.currentTarget.replaceWith(letter) },
      })
    : letter;
  const isLong = !img && [...letter].length > 1 ? " two-letters" : "";
  const kind = `${isLong}${type === "group" ? " group" : ""}${online ? " online" : ""}`;
  return h("span", { class: `avatar ${size} tone-${color}${kind}`, "aria-hidden": "true" }, face);
}

/**
 * Replaces an element's children only if `signature` changed, so that focus and selection survive; after the release,
 * where somebody presses there (see `afterPress`).
 */
export function replaceIfChanged(element, signature, build) {
  afterPress(element, () => {
    if (element.dataset.signature === signature) return;
    element.dataset.signature = signature;
    keepFocus(element, () => element.replaceChildren(...[build()].flat(Infinity).filter(Boolean)));
  });
}

const focusable = (root) =>
  [root, ...root.querySelectorAll("*")].filter((one) => one.tabIndex >= 0 || one.hasAttribute("tabindex"));

/**
 * Runs `work`, which builds or moves children of `parent`, and restores the focus: in the child
 * with the same key, or where that is gone in what was around it; without keys in the child at the same position.
 */
export function keepFocus(parent, work) {
  const active = document.activeElement;
  if (!parent.contains(active)) {
    work();
    return;
  }
  const position = [...parent.children].findIndex((child) => child.contains(active));
  // A row with a key may stand within another one, and does not always stay there.
  const keyed = active.closest("[data-key]");
  const child = keyed !== parent && parent.contains(keyed) ? keyed : parent.children[position];
  const key = child?.dataset.key;
  const index = child ? focusable(child).indexOf(active) : -1;
  const around = child?.parentElement.closest("[data-key]")?.dataset.key;
  work();
  if (!child || document.activeElement === active) return;
  const withKey = (one) => parent.querySelector(`[data-key="${CSS.escape(one)}"]`);
  const now = key === undefined ? parent.children[position] : withKey(key);
  if (now) focusable(now)[index]?.focus({ preventScroll: true });
  else if (around !== undefined && withKey(around)) focusable(withKey(around))[0]?.focus({ preventScroll: true });
}

/** An element, or the one that was built in its place since: with its id, or as a row with its key. */
export function inPlaceOf(element) {
  if (element.isConnected) return element;
  const { id, dataset } = element;
  const key = dataset.key && `[data-key="${CSS.escape(dataset.key)}"]`;
  return (id && document.getElementById(id)) || (key && document.querySelector(key)) || null;
}

/** The longest that a change waits for a finger or a button of the mouse. */
const PRESS_MAX_MS = 1000;
/** What is being pressed. */
let pressed = null;
/** What waits for the release, by the element that it changes. */
const waiting = new Map();
let pressTimer = 0;

function runWaiting() {
  clearTimeout(pressTimer);
  pressed = null;
  const works = [...waiting.values()];
  waiting.clear();
  for (const work of works) work();
}

addEventListener(
  "pointerdown",
  ({ target }) => {
    pressed = target;
    clearTimeout(pressTimer);
    pressTimer = setTimeout(runWaiting, PRESS_MAX_MS);
  },
  true,
);
for (const release of ["pointerup", "pointercancel"])
  addEventListener(
    release,
    () => {
      // What the click itself changes is drawn at once; what waited comes after the click.
      pressed = null;
      setTimeout(runWaiting);
    },
    true,
  );

/**
 * Runs `work`, which builds or moves elements in `element`: at once, or after the release where somebody presses there.
 * An element that is replaced between press and release is never clicked. Of several that wait for the release the last
 * is run, and none if another was run before.
 */
export function afterPress(element, work) {
  if (pressed && element.contains(pressed)) {
    waiting.set(element, work);
    return;
  }
  waiting.delete(element);
  work();
}

/** What was found, in place of what `parent` has, after the release where somebody presses there. */
export function replaceAfterPress(parent, children) {
  afterPress(parent, () => parent.replaceChildren(...children));
}

/**
 * Makes the children of `parent` match `rows`, {key, signature, build(), within?}, in order. Elements
 * with the same key and signature stay in the page; the others are built. `within`, {rows, parent(element)}:
 * rows inside the row, which match in the same way. What measures the result asks `afterPress` itself, before.
 */
export function reconcile(parent, rows) {
  afterPress(parent, () => keepFocus(parent, () => arrange(parent, rows)));
}

function arrange(parent, rows) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let cursor = parent.firstElementChild;
  for (const { key, signature, build, within } of rows) {
    let element = old.get(key);
    old.delete(key);
    if (element?.dataset.signature !== signature) {
      const fresh = build();
      fresh.dataset.key = key;
      fresh.dataset.signature = signature;
      if (element) {
        if (cursor === element) cursor = fresh;
        element.replaceWith(fresh);
      }
      element = fresh;
    }
    if (element === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(element, cursor);
    if (within) arrange(within.parent(element), within.rows);
  }
  for (const unused of old.values()) unused.remove();
}

export function toast(text) {
  const box = h("p", { class: "toast" }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 4000);
}

/** Announces a text to screen readers without showing it. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
