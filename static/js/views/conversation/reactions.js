// The reactions under a message, and who put them there.
import { gettext, interpolate } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, h, icon, markedName, toast } from "chat/views/dom.js";
import { names } from "chat/views/format.js";

/** What is offered first; a double tap gives the first of them. */
export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];
/** People whom a chip names. */
const NAMED_MAX = 20;

/** The row of a message for `reconcile`, with its reactions as rows in it. */
export function withReactions(row, message, reactions, store) {
  const chips = reactions.map((one) => chip(message, one, store));
  const add = {
    key: `r:${message.id}:`,
    signature: "",
    build: () =>
      h(
        "button",
        {
          type: "button",
          class: "reaction add",
          "data-act": "pick",
          "aria-label": gettext("Add a reaction"),
          title: gettext("Add a reaction"),
          "aria-haspopup": "dialog",
        },
        icon("smile"),
      ),
  };
  return { ...row, within: { rows: [...chips, add], parent: (element) => element.querySelector(".reactions") } };
}

export function reactionsRow() {
  return h("div", { class: "reactions", role: "group", "aria-label": gettext("Reactions") });
}

function chip(message, { emoji, count, userIds, isMine }, store) {
  const others = userIds.filter((id) => id !== store.me.id).map((id) => store.people.get(id)?.name);
  const known = others.filter(Boolean).slice(0, NAMED_MAX - 1);
  const shown = [...(isMine ? [gettext("You")] : []), ...known];
  const rest = count - shown.length;
  if (rest > 0) shown.push(interpolate(gettext("%(count)s more"), { count: rest }));
  const title = names(shown);
  const isUnnamed = others.includes(undefined) || others.length + isMine < Math.min(count, NAMED_MAX);
  const label = isMine ? interpolate(gettext("%(emoji)s %(count)s, you too"), { emoji, count }) : `${emoji} ${count}`;
  return {
    key: `r:${message.id}:${emoji}`,
    signature: [count, isMine, title].join(),
    build: () =>
      h(
        "button",
        {
          type: "button",
          class: "reaction",
          "data-act": "react",
          "data-emoji": emoji,
          "data-unnamed": isUnnamed,
          "aria-pressed": String(isMine),
          "aria-label": label,
          title,
        },
        h("span", { class: "reaction-emoji", "aria-hidden": "true" }, emoji),
        String(count),
      ),
  };
}

/** A dialog with everybody who reacted to a message; `loading` is the request for {items, next}. */
export async function showReacted(loading, store) {
  const reacted = await loading.catch((problem) => toast(problem.message));
  if (!reacted) return;
  const lines = reacted.items.map(({ emoji, user }) =>
    h(
      "div",
      { class: "person" },
      avatar({ ...user, online: store.isOnline(user.id) }, "m"),
      h("span", { class: "person-text" }, markedName(user)),
      h("span", { class: "reacted-with" }, emoji),
    ),
  );
  if (reacted.next) lines.push(h("p", { class: "no-result" }, gettext("And others.")));
  if (!lines.length) lines.push(h("p", { class: "no-result" }, gettext("Nobody yet.")));
  // Who has no mouse scrolls a long list by its focus.
  const list = h("div", { tabindex: "0", role: "group", "aria-label": gettext("Who reacted") }, lines);
  openDialog(gettext("Who reacted"), { content: [list] });
}
