// Settings: whether others see that the user is online.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { statusLine } from "chat/views/form_field.js";

export const presence = {
  name: "presence",
  label: gettext("Presence"),
  icon: "eye",
  build({ store, actions }) {
    const status = statusLine();
    const hidden = h("input", { type: "checkbox", checked: store.me.isInvisible === true, on: { change: save } });
    async function save() {
      status.show("");
      try {
        await actions.account.update({ online: !hidden.checked });
        status.show(hidden.checked ? gettext("You appear offline.") : gettext("Others see when you are online."));
      } catch (problem) {
        hidden.checked = !hidden.checked;
        status.show(problem.message, { isError: true });
      }
    }
    return h(
      "div",
      { class: "settings-form" },
      h(
        "label",
        { class: "switch" },
        hidden,
        h(
          "span",
          {},
          gettext("Appear offline"),
          h(
            "small",
            {},
            gettext(
              "Nobody sees that you are here, on any of your devices. You receive everything as always, and what you write and read is seen as always.",
            ),
          ),
        ),
      ),
      status.element,
    );
  },
};
