// What happened to a group, said by nobody.
import { systemLine } from "chat/views/format.js";
import { h } from "chat/views/dom.js";

export const system = {
  name: "system",
  preview: systemLine,
  row: (message, me) => h("p", { class: "system", "data-seq": String(message.seq), dir: "auto" }, systemLine(message, me)),
};
