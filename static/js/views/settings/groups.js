// Settings: who may put the user into groups.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { statusLine } from "chat/views/form_field.js";
import { choice } from "chat/views/settings/appearance.js";

const LABELS = {
  everyone: gettext("Everyone"),
  known: gettext("People I have written to"),
  nobody: gettext("Nobody"),
};

export const groups = {
  name: "groups",
  label: gettext("Groups"),
  icon: "users",
  build({ store, actions }) {
    const status = statusLine();
    const options = Object.entries(LABELS).map(([value, label]) => ({
      value,
      label,
      isChosen: value === (store.me.addableBy ?? "everyone"),
    }));
    const fields = choice(gettext("Who may add you to groups"), "addable-by", options, save);

    async function save(value) {
      status.show("");
      try {
        await actions.account.update({ addableBy: value });
        status.show(gettext("Saved."));
      } catch (problem) {
        for (const one of fields.querySelectorAll("input")) one.checked = one.value === store.me.addableBy;
        status.show(problem.message, { isError: true });
      }
    }
    return h(
      "div",
      { class: "settings-form" },
      fields,
      h("p", {}, gettext("The others can still send you an invitation, and you decide whether to follow it.")),
      status.element,
    );
  },
};
