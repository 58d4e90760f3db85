// Leads to a day in a conversation.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h } from "chat/views/dom.js";

/** 2026-05-01, as a date field has it. */
const isoDay = (date) =>
  [String(date.getFullYear()).padStart(4, "0"), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");

/** `find(day)` resolves with the seq of the first message since then, or null; `show(seq)` leads there. */
export function openDayDialog({ find, show }) {
  const error = h("p", { class: "error", id: "day-error", role: "alert", hidden: true });
  const input = h("input", {
    class: "input",
    id: "day",
    type: "date",
    required: true,
    max: isoDay(new Date()),
    value: isoDay(new Date()),
  });
  const form = h("form", { class: "field", id: "day-form" }, h("label", { for: "day" }, gettext("Day")), input, error);
  const submit = h("button", { type: "submit", form: "day-form", class: "button primary" }, gettext("Go there"));
  const { close } = openDialog(gettext("Go to a day"), { kind: "day-dialog", content: [form], buttons: [submit] });
  const refuse = (text) => {
    error.textContent = text;
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", error.id);
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const seq = await find(input.value);
      if (seq === null) {
        refuse(gettext("Nothing was said since then."));
        return;
      }
      close();
      show(seq);
    } catch (problem) {
      refuse(Object.values(problem.errors ?? {})[0]?.[0] ?? problem.message);
    } finally {
      submit.disabled = false;
    }
  });
  input.focus();
}
