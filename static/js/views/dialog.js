// Modal dialogs, on the native dialog element.
import { gettext } from "chat/i18n.js";
import { h, iconButton, inPlaceOf } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";

/**
 * Opens a dialog; `kind` is its CSS class, for example "sheet". Returns {dialog, heading, body,
 * foot, close}.
 */
export function openDialog(title, { kind = "", content = [], buttons = [], onClose = () => {} } = {}) {
  const opener = document.activeElement;
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
  const body = h("div", { class: "dialog-body" }, content);
  const foot = h("div", { class: "dialog-foot", hidden: !buttons.length }, buttons);
  const close = () => dialog.close();
  const head = h("header", { class: "dialog-head" }, heading, iconButton("x", gettext("Close"), close));
  const dialog = h("dialog", { class: kind, "aria-labelledby": heading.id }, head, body, foot);
  dialog.addEventListener("close", () => {
    dialog.remove();
    leaveLayer();
    // The browser restores the focus, but not to an element that was built again meanwhile.
    if (!opener.isConnected) inPlaceOf(opener)?.focus();
    onClose();
  });
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) close();
  });
  document.body.append(dialog);
  dialog.showModal();
  const leaveLayer = openLayer(close);
  return { dialog, heading, body, foot, close };
}

/** Asks before something that cannot be undone. Resolves with true or false. */
export function confirm(title, text, { action, danger = true }) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = h(
      "button",
      {
        type: "button",
        class: `button ${danger ? "danger" : "primary"}`,
        on: {
          click: () => {
            answer = true;
            close();
          },
        },
      },
      action,
    );
    const no = h("button", { type: "button", class: "button quiet", on: { click: () => close() } }, gettext("Cancel"));
    const { close } = openDialog(title, {
      content: [h("p", {}, text)],
      buttons: [no, yes],
      onClose: () => resolve(answer),
    });
    no.focus();
  });
}

/** Asks for one line. `save(value)` may reject with a Problem, which is shown beside the field. */
export function ask(title, { label, value = "", action, maxlength = 80, save }) {
  const error = h("p", { class: "error", id: "ask-error", hidden: true });
  const input = h("input", {
    class: "input",
    id: "ask",
    value,
    maxlength: String(maxlength),
    dir: "auto",
    required: true,
    autocomplete: "off",
  });
  const form = h("form", { class: "field", id: "ask-form" }, h("label", { for: "ask" }, label), input, error);
  const submit = h("button", { type: "submit", form: "ask-form", class: "button primary" }, action);
  const { close } = openDialog(title, { content: [form], buttons: [submit] });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    submit.disabled = true;
    try {
      await save(input.value.trim());
      close();
    } catch (problem) {
      error.textContent = Object.values(problem.errors ?? {})[0]?.[0] ?? problem.message;
      error.hidden = false;
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", error.id);
    } finally {
      submit.disabled = false;
    }
  });
  input.select();
}
