// Copies to the clipboard. Pages opened without https have none: there the old execCopy copies, or
// the user does.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h, toast } from "chat/views/dom.js";

export async function copy(text) {
  if ((await writeClipboard(text)) || execCopy(text)) toast(gettext("Copied."));
  else showForCopying(text);
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function execCopy(text) {
  const active = document.activeElement;
  const field = h("textarea", { class: "visually-hidden", readonly: true, value: text });
  // Everything outside an open modal dialog is inert.
  (active?.closest("dialog") ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  active?.focus({ preventScroll: true });
  return isDone;
}

function showForCopying(text) {
  const field = h("textarea", {
    class: "input to-copy",
    readonly: true,
    rows: "4",
    dir: "auto",
    "aria-label": gettext("Copy this"),
    value: text,
  });
  openDialog(gettext("Copy this"), {
    content: [
      h("p", {}, gettext("The browser did not let the page copy it. It is selected: copy it as you copy anything.")),
      field,
    ],
  });
  field.select();
}
