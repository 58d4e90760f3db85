// Words. Everything people wrote goes in as text.
import { isOnlyEmoji } from "chat/views/format.js";
import { h, linked } from "chat/views/dom.js";

const isBig = (message) => !message.replyTo && isOnlyEmoji(message.content);

export const text = {
  name: "text",
  isEditable: true,
  preview: (message) => message.content.replace(/\s+/g, " ").slice(0, 200),
  text: (message) => message.content,
  look: (message) => (isBig(message) ? "big" : ""),
  body: (message, { meta }) => h("div", { class: "body", dir: "auto" }, h("span", { class: "text" }, isBig(message) ? message.content : linked(message.content)), meta),
};
