// What happened to a group: a line without a sender.
import { h } from "chat/views/dom.js";
import { systemLine } from "chat/views/format.js";

export const system = {
  name: "system",
  preview: systemLine,
  row: (message, me) =>
    h("p", { class: "system", "data-seq": String(message.seq), dir: "auto" }, systemLine(message, me)),
};
