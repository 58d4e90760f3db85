// Fields of a form: a label, what helps, and what is wrong, all of it read out with the field.
import { h } from "chat/views/dom.js";

let fields = 0;

/** Answers {element, input, refuse(text), accept()}; `attributes` are the input's. */
export function field(label, { hint = "", ...attributes } = {}) {
  const id = `field-${++fields}`;
  const input = h("input", { class: "input", id, ...attributes, on: { input: () => accept() } });
  const help = h("p", { class: "hint", id: `${id}-hint`, hidden: !hint }, hint);
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, help, error);

  function describe() {
    const by = [!error.hidden && error.id, hint && help.id].filter(Boolean).join(" ");
    if (by) input.setAttribute("aria-describedby", by);
    else input.removeAttribute("aria-describedby");
  }
  function refuse(text) {
    error.textContent = text;
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    describe();
  }
  function accept() {
    error.hidden = true;
    input.removeAttribute("aria-invalid");
    describe();
  }
  describe();
  return { element, input, refuse, accept };
}

/** Says what is wrong beside the fields it is about, by the server's names for them; anything else beside the first. */
export function refuseFields(problem, named) {
  const wrong = Object.entries(named).filter(([name]) => problem.errors?.[name]);
  for (const [name, one] of wrong) one.refuse(problem.errors[name].join(" "));
  const [first] = wrong.length ? wrong.map(([, one]) => one) : Object.values(named);
  if (!wrong.length) first.refuse(problem.message);
  first.input.focus();
}

/** A line that says how something ended: `say(text)`, or `say(text, {isWrong: true})`. */
export function outcome() {
  const element = h("p", { class: "outcome", role: "status" });
  const say = (text, { isWrong = false } = {}) => {
    element.textContent = text;
    element.classList.toggle("wrong", isWrong);
  };
  return { element, say };
}
