// Whether others see that I am here.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { outcome } from "chat/views/form_field.js";

export const presence = {
  name: "presence",
  label: gettext("Presence"),
  icon: "eye",
  build({ store, actions }) {
    const end = outcome();
    const hidden = h("input", { type: "checkbox", checked: store.me.isInvisible === true, on: { change: save } });
    async function save() {
      end.say("");
      try {
        await actions.changeMe({ online: !hidden.checked });
        end.say(hidden.checked ? gettext("You appear offline.") : gettext("Others see when you are online."));
      } catch (problem) {
        hidden.checked = !hidden.checked;
        end.say(problem.message, { isWrong: true });
      }
    }
    return h(
      "div",
      { class: "settings-form" },
      h("label", { class: "switch" }, hidden, h("span", {}, gettext("Appear offline"), h("small", {}, gettext("Nobody sees that you are here, on any of your devices. You receive everything as always, and what you write and read is seen as always.")))),
      end.element,
    );
  },
};
