// The settings of a group, for its owner and administrators: what it is about, its announcement, who writes and how often.
import { gettext } from "chat/i18n.js";
import { confirm, openDialog } from "chat/views/dialog.js";
import { h } from "chat/views/dom.js";
import { duration } from "chat/views/format.js";

const DESCRIPTION_MAX = 1000;
const ANNOUNCEMENT_MAX = 500;
const SLOW_CHOICES = [0, 10, 30, 60, 5 * 60, 15 * 60, 3600];

/** Before a group is opened to everyone. */
export const isSureToOpen = () =>
  confirm(
    gettext("Open the group to everyone?"),
    gettext("Everybody here, guests too, can find it, join it and read all of it."),
    { action: gettext("Open it") },
  );

export function openGroupSettings({ actions, group }) {
  const fields = [
    textField("description", gettext("What the group is about"), group.description, {
      maxlength: DESCRIPTION_MAX,
    }),
    textField("announcement", gettext("Announcement"), group.announcement?.text ?? "", {
      maxlength: ANNOUNCEMENT_MAX,
      hint: gettext("All members see it above the messages until they close it."),
    }),
    selectField("joinPolicy", gettext("Who may join"), group.joinPolicy, [
      ["open", gettext("Everybody: they find it and read all of it")],
      ["approval", gettext("Who asks and is let in: everybody can find it")],
      ["closed", gettext("Only those who are invited")],
    ]),
    selectField("historyPolicy", gettext("New members see"), group.historyPolicy, [
      ["whole", gettext("All messages")],
      ["joined", gettext("What is said after they joined")],
    ]),
    selectField("postPolicy", gettext("Who may write"), group.postPolicy, [
      ["everyone", gettext("Everybody in the group")],
      ["admins", gettext("Only the owner and administrators")],
    ]),
    selectField(
      "slowMode",
      gettext("Slow mode"),
      group.slowMode,
      [...new Set([...SLOW_CHOICES, group.slowMode])].map((seconds) => [
        seconds,
        seconds ? duration(seconds) : gettext("Off"),
      ]),
      { hint: gettext("So long each member waits between two messages; owner and administrators do not.") },
    ),
  ];
  const problemLine = h("p", { class: "error", role: "alert", hidden: true });
  const form = h(
    "form",
    { id: "group-settings-form", class: "dialog-fields" },
    fields.map(({ element }) => element),
    problemLine,
  );
  const submit = h("button", { type: "submit", form: form.id, class: "button primary" }, gettext("Save"));
  const { close } = openDialog(gettext("Settings of the group"), {
    kind: "group-settings",
    content: [form],
    buttons: [submit],
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problemLine.hidden = true;
    const changed = fields.filter(({ isChanged }) => isChanged());
    try {
      const change = Object.fromEntries(changed.map(({ name, value }) => [name, value()]));
      if (change.joinPolicy === "open" && !(await isSureToOpen())) return;
      if (changed.length) await actions.groups.change("update", group.id, change);
      close();
    } catch (problem) {
      const wrong = fields.find(({ name }) => problem.errors?.[name]);
      if (wrong) wrong.showError(problem.errors[wrong.name].join(" "));
      else {
        problemLine.textContent = problem.message;
        problemLine.hidden = false;
      }
    } finally {
      submit.disabled = false;
    }
  });
}

/** A label, what it labels, a hint and an error, all of them announced with it. */
function labelled(name, label, input, { hint = "" } = {}) {
  const help = h("p", { class: "hint", id: `${input.id}-hint`, hidden: !hint }, hint);
  const error = h("p", { class: "error", id: `${input.id}-error`, hidden: true });
  if (hint) input.setAttribute("aria-describedby", help.id);
  const showError = (text) => {
    error.textContent = text;
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", error.id);
    input.focus();
  };
  const element = h("div", { class: "field" }, h("label", { for: input.id }, label), input, help, error);
  return { name, element, showError };
}

function textField(name, label, before, { maxlength, hint }) {
  const input = h("textarea", {
    class: "input",
    id: `group-${name}`,
    maxlength: String(maxlength),
    rows: "3",
    dir: "auto",
    value: before,
  });
  const value = () => input.value.trim();
  return { ...labelled(name, label, input, { hint }), value, isChanged: () => value() !== before };
}

/** `pairs`: [value, label]; a value is a text or a number. */
function selectField(name, label, before, pairs, { hint } = {}) {
  const input = h(
    "select",
    { class: "input", id: `group-${name}` },
    pairs.map(([value, text]) => h("option", { value: String(value), selected: value === before }, text)),
  );
  const value = () => pairs.find(([one]) => String(one) === input.value)[0];
  return { ...labelled(name, label, input, { hint }), value, isChanged: () => value() !== before };
}
