// What is told about a chat: beside it where there is room for both, as a sheet above it elsewhere.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, iconButton, inPlaceOf } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";

/** Panel, chat and list stand beside each other from here on; `panel.css` has the same width. */
const BESIDE = matchMedia("(width >= 75rem)");

/** The panel that is open, {key, close}. */
let shown = null;

/** Whether what is opened stands beside the chat, and not above it. */
export const isBesideChat = () => BESIDE.matches;

/** Closes what is open; returns whether there was anything. */
export function closeSidePanel() {
  const was = shown;
  was?.close();
  return Boolean(was);
}

/**
 * Shows `body`, which scrolls, under a title. `key` says what it is about: asked for again, a panel
 * that stands beside the chat closes. Returns `close`.
 *
 * Beside the chat it takes no focus away from the page: Tab leaves it, Escape within it and Back close it.
 */
export function openSidePanel(title, { key, body, onClose = () => {} }) {
  const isAgain = shown?.key === key && BESIDE.matches;
  closeSidePanel();
  if (isAgain) {
    onClose();
    return () => {};
  }
  const opener = document.activeElement;
  let leave = () => {};
  const panel = { key, close };
  shown = panel;
  body.classList.add("dialog-body", "panel-body");
  show();
  BESIDE.addEventListener("change", move);
  return close;

  function show() {
    leave = BESIDE.matches ? showBeside() : showAbove();
  }

  function showAbove() {
    let isLeft = false;
    const sheet = openDialog(title, { kind: "sheet", onClose: () => isLeft || close() });
    sheet.body.replaceWith(body);
    return () => {
      isLeft = true;
      sheet.close();
    };
  }

  function showBeside() {
    const heading = h("h2", { id: "side-panel-title" }, title);
    const head = h("header", { class: "dialog-head" }, heading, iconButton("x", gettext("Close"), close));
    const aside = h(
      "aside",
      { class: "side-panel", id: "side-panel", tabindex: "-1", "aria-labelledby": heading.id },
      head,
      body,
    );
    aside.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      close();
    });
    document.getElementById("shell").append(aside);
    aside.focus({ preventScroll: true });
    // Back closes it, as it closes a sheet.
    const leaveLayer = openLayer(close);
    return () => {
      leaveLayer();
      const hadFocus = aside.contains(document.activeElement);
      aside.remove();
      if (hadFocus) inPlaceOf(opener)?.focus();
    };
  }

  /** The window became wider or narrower. */
  function move() {
    const { scrollTop } = body;
    const leaveBefore = leave;
    show();
    body.scrollTop = scrollTop;
    leaveBefore();
  }

  function close() {
    if (shown !== panel) return;
    shown = null;
    BESIDE.removeEventListener("change", move);
    leave();
    onClose();
  }
}
