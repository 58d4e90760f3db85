// Text.
import { mentionsWithin, splitMentions } from "chat/mentions.js";
import { cut } from "chat/text.js";
import { h } from "chat/views/dom.js";
import { isOnlyEmoji, PREVIEW_MAX } from "chat/views/format.js";
import { plainText, richText } from "chat/views/rich_text.js";

const isBig = (message) => !message.replyTo && isOnlyEmoji(message.content);

function mentionOf({ userId }, said, me) {
  if (userId === null || userId === me) return h("bdi", { class: "mention of-me" }, said);
  const attributes = { role: "button", tabindex: "0", "data-act": "mention", "data-person": userId };
  return h("bdi", { class: "mention", ...attributes }, said);
}

/** The text of a message, whose mentions of others lead to their cards. */
function contentOf(message, me) {
  const mentions = message.mentions ?? [];
  const leaf = (part, start) =>
    [...splitMentions(part, mentionsWithin(mentions, start, start + part.length))].map(({ text: said, mention }) =>
      mention ? mentionOf(mention, said, me) : said,
    );
  return richText(message.content, { mentions, leaf });
}

export const text = {
  name: "text",
  isEditable: true,
  needsWords: true,
  preview: ({ content, mentions }) => cut(plainText(content, mentions).replace(/\s+/g, " "), PREVIEW_MAX),
  plainText: (message) => message.content,
  className: (message) => (isBig(message) ? "big" : ""),
  body: (message, { meta, me }) =>
    h(
      "div",
      { class: "body", dir: "auto" },
      h("span", { class: "text" }, isBig(message) ? message.content : contentOf(message, me)),
      meta,
    ),
};
