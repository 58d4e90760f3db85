// Asking to join a group that decides whom it takes, and taking that back.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, h, toast } from "chat/views/dom.js";
import { memberCount } from "chat/views/format.js";
import { richText } from "chat/views/rich_text.js";

const NOTE_MAX = 300;

/** `group` as it is listed for a stranger; `onChange()` is called when it was asked, or taken back. */
export function openAskDialog({ actions, group, onChange }) {
  const isAsked = group.request?.state === "asked";
  const note = h("textarea", {
    class: "input",
    id: "ask-note",
    maxlength: String(NOTE_MAX),
    rows: "3",
    dir: "auto",
    value: isAsked ? group.request.note : "",
  });
  const run = (work, done) => async () => {
    try {
      await work();
      close();
      toast(done);
      onChange();
    } catch (problem) {
      toast(problem.message);
    }
  };
  const ask = run(() => actions.groups.ask(group.id, note.value.trim()), gettext("You asked to join."));
  const withdraw = run(() => actions.groups.withdraw(group.id), gettext("You took your request back."));
  const about = h(
    "div",
    { class: "ask-about" },
    avatar({ ...group, img: group.avatar, type: "group" }, "m"),
    h("div", {}, h("strong", {}, h("bdi", {}, group.name)), h("small", {}, memberCount(group.memberCount))),
  );
  const { close } = openDialog(gettext("Ask to join"), {
    kind: "ask-dialog",
    content: [
      about,
      group.description && h("div", { class: "panel-text", dir: "auto" }, richText(group.description)),
      group.request?.state === "refused" &&
        h("p", { class: "hint" }, gettext("You were declined. You can ask again a day later.")),
      isAsked && h("p", { class: "hint" }, gettext("You asked to join. The owner and administrators decide.")),
      h("div", { class: "field" }, h("label", { for: note.id }, gettext("To the owner and administrators")), note),
    ].filter(Boolean),
    buttons: [
      isAsked &&
        h("button", { type: "button", class: "button quiet danger", on: { click: withdraw } }, gettext("Take it back")),
      h(
        "button",
        { type: "button", class: "button primary", on: { click: ask } },
        isAsked ? gettext("Save") : gettext("Ask"),
      ),
    ].filter(Boolean),
  });
  note.focus();
}
