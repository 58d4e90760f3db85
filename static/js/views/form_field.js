// Form fields: label, hint and error, all of them announced with the field.
import { h } from "chat/views/dom.js";

let fields = 0;

/** Returns {element, input, showError(text), clearError()}; `attributes` are the input's. */
export function field(label, { hint = "", ...attributes } = {}) {
  const id = `field-${++fields}`;
  const input = h("input", { class: "input", id, ...attributes, on: { input: () => clearError() } });
  const help = h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint);
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, help, error);

  function describe() {
    const by = [!error.hidden && error.id, hint && help.id].filter(Boolean).join(" ");
    if (by) input.setAttribute("aria-describedby", by);
    else input.removeAttribute("aria-describedby");
  }
  function showError(text) {
    error.textContent = text;
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    describe();
  }
  function clearError() {
    error.hidden = true;
    input.removeAttribute("aria-invalid");
    describe();
  }
  describe();
  return { element, input, showError, clearError };
}

/**
 * Shows a Problem's errors beside their fields, by the server's names; any other error beside the
 * first field.
 */
export function showFieldErrors(problem, named) {
  const invalid = Object.entries(named).filter(([name]) => problem.errors?.[name]);
  for (const [name, one] of invalid) one.showError(problem.errors[name].join(" "));
  const [first] = invalid.length ? invalid.map(([, one]) => one) : Object.values(named);
  if (!invalid.length) first.showError(problem.message);
  first.input.focus();
}

/** A line for the result of an action: `show(text)`, or `show(text, {isError: true})`. */
export function statusLine() {
  const element = h("p", { class: "outcome", role: "status" });
  const show = (text, { isError = false } = {}) => {
    element.textContent = text;
    element.classList.toggle("wrong", isError);
  };
  return { element, show };
}
