// What happened to a group: a line without a sender.
import { gettext } from "chat/i18n.js";
import { h } from "chat/views/dom.js";
import { systemLine, unnamedPeople } from "chat/views/format.js";
import { showPeople } from "chat/views/people_list.js";

export const system = {
  name: "system",
  preview: systemLine,
  row: (message, me) =>
    h(
      "p",
      { class: "system", "data-seq": String(message.seq), dir: "auto" },
      systemLine(message, me),
      message.system?.action === "invited" &&
        unnamedPeople(message.system) > 0 && [
          " ",
          h("button", { type: "button", class: "inline-action", "data-act": "open" }, gettext("Show all")),
        ],
      message.replyTo && [
        " ",
        h("button", { type: "button", class: "inline-action show-pinned", "data-act": "quote" }, gettext("Show it")),
      ],
    ),
  open: (message, { store, actions }) =>
    showPeople(gettext("Brought in"), actions.messages.addedPeople(message), store),
};
