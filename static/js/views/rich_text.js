// The text of a message as elements.
import { gettext } from "chat/i18n.js";
import { copy } from "chat/views/clipboard.js";
import { h, iconButton } from "chat/views/dom.js";
import { parse, parseLinks, plain } from "chat/views/markdown.js";
import { isFormatted } from "chat/views/preferences.js";

const DRAWN = {
  strong: (children) => h("strong", {}, children),
  em: (children) => h("em", {}, children),
  del: (children) => h("del", {}, children),
  code: (children) => h("code", {}, children),
  quote: (children) => h("blockquote", {}, children),
  list: (children, { isOrdered }) =>
    h(isOrdered ? "ol" : "ul", { class: children.some((item) => item.value > 99) && "wide" }, children),
  item: (children, { marker }) => h("li", { value: /\d/.test(marker) && String(parseInt(marker)) }, children),
  link: (children, { href, isNamed }) =>
    h(
      "a",
      {
        href,
        target: "_blank",
        rel: "noopener noreferrer",
        dir: isNamed ? "auto" : "ltr",
        // Where it leads is said in the page: its name may say anything.
        "data-leads-to": isNamed && leadsTo(href),
      },
      children,
    ),
  fence: (children, { language }) => {
    const pre = h("pre", { dir: "ltr", tabindex: "0" }, h("code", { "data-language": language || false }, children));
    const copyButton = iconButton("copy", gettext("Copy the code"), () => copy(pre.textContent));
    return h("div", { class: "fence" }, h("div", { class: "fence-head" }, h("span", {}, language), copyButton), pre);
  },
};

const leadsTo = (href) => new URL(href).host || href.slice("mailto:".length);

/** A text as it is shown, without its marks. */
export const plainText = (text, mentions) => (isFormatted() ? plain(text, mentions ?? []) : text);

/**
 * A text as nodes, with its marks drawn unless the user wants to see it as it was typed. `leaf(text, start)` draws
 * a part without marks, which begins at `start` in the whole text; `mentions`: {start, length} in order, in which
 * nothing is a mark or an address.
 */
export function richText(text, { mentions = [], leaf = (part) => part } = {}) {
  const draw = ({ kind, children, ...node }) =>
    kind === "text" ? leaf(node.text, node.start) : DRAWN[kind](children.map(draw), node);
  return (isFormatted() ? parse : parseLinks)(text, mentions).map(draw);
}
