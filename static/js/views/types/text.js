// Text.
import { cut } from "chat/text.js";
import { h } from "chat/views/dom.js";
import { isOnlyEmoji, PREVIEW_MAX } from "chat/views/format.js";
import { plainText, richText } from "chat/views/rich_text.js";

const isBig = (message) => !message.replyTo && isOnlyEmoji(message.content);

export const text = {
  name: "text",
  isEditable: true,
  preview: (message) => cut(plainText(message.content).replace(/\s+/g, " "), PREVIEW_MAX),
  plainText: (message) => message.content,
  className: (message) => (isBig(message) ? "big" : ""),
  body: (message, { meta }) =>
    h(
      "div",
      { class: "body", dir: "auto" },
      h("span", { class: "text" }, isBig(message) ? message.content : richText(message.content)),
      meta,
    ),
};
