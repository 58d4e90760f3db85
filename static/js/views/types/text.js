// Text. It enters the page as text nodes, never as markup.
import { cut } from "chat/text.js";
import { h, linkify } from "chat/views/dom.js";
import { isOnlyEmoji, PREVIEW_MAX } from "chat/views/format.js";

const isBig = (message) => !message.replyTo && isOnlyEmoji(message.content);

export const text = {
  name: "text",
  isEditable: true,
  preview: (message) => cut(message.content.replace(/\s+/g, " "), PREVIEW_MAX),
  plainText: (message) => message.content,
  className: (message) => (isBig(message) ? "big" : ""),
  body: (message, { meta }) =>
    h(
      "div",
      { class: "body", dir: "auto" },
      h("span", { class: "text" }, isBig(message) ? message.content : linkify(message.content)),
      meta,
    ),
};
