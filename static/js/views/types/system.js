// What happened to a group: a line without a sender.
import { systemLine } from "chat/views/format.js";
import { h } from "chat/views/dom.js";

export const system = {
  name: "system",
  preview: systemLine,
  row: (message, me) =>
    h("p", { class: "system", "data-seq": String(message.seq), dir: "auto" }, systemLine(message, me)),
};
