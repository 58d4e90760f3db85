// One message as an element. Everything people wrote goes in as text.
import { clock, fullTime, isOnlyEmoji, preview, recalledLine, systemLine, tone } from "chat/format.js";
import { fill, gettext, ngettext } from "chat/i18n.js";
import { pieces } from "chat/links.js";
import { avatar, h, icon, iconButton } from "chat/views/dom.js";

export function systemRow(message, me) {
  return h("p", { class: "system", "data-seq": String(message.seq), dir: "auto" }, systemLine(message, me));
}

export function dayRow(label) {
  return h("p", { class: "day", role: "separator" }, label);
}

export function dividerRow() {
  return h("p", { class: "divider", role: "separator" }, gettext("New messages"));
}

/**
 * `state`: sent, sending or failed. `place`: {isOwn, isGroup, isFirst, isLast}. `read`: {isRead, receipt} of my own.
 * `quoted`: the message this one answers, or undefined when it is not loaded.
 */
export function messageRow(message, { state, place, read, quoted, mayReedit, reason }, me) {
  const { isOwn, isGroup, isFirst, isLast } = place;
  const isRecalled = Boolean(message.recalledAt);
  const isBig = !isRecalled && !message.replyTo && isOnlyEmoji(message.content);
  const flags = { own: isOwn, first: isFirst, last: isLast, recalled: isRecalled, big: isBig, failed: state === "failed" };
  const classes = ["message", ...Object.keys(flags).filter((flag) => flags[flag])].join(" ");
  const row = h(
    "article",
    { class: classes, tabindex: "-1", "data-seq": message.seq && String(message.seq), "data-id": message.id, "data-client": isOwn && message.clientId, "data-state": isOwn && state },
    !isOwn && isGroup && h("div", { class: "gutter" }, isLast && avatar({ id: message.senderId, name: message.senderName, img: message.senderImg }, "s")),
    h(
      "div",
      { class: "bubble" },
      !isOwn && isGroup && isFirst && h("div", { class: `sender tone-${tone(message.senderId)}` }, h("bdi", {}, message.senderName)),
      message.replyTo && !isRecalled && quote(message, quoted, me),
      body(message, { isOwn, isRecalled, isBig, state, read, me, mayReedit }),
    ),
    message.id && !isRecalled && iconButton("ellipsis", gettext("Message actions"), () => {}, { class: "message-menu", "aria-haspopup": "menu", tabindex: "-1" }),
  );
  if (!isOwn) row.setAttribute("aria-label", fill(gettext("%(name)s at %(time)s"), { name: message.senderName, time: clock(new Date(message.sentAt)) }));
  const notes = [];
  if (state === "failed") notes.push(failure(reason));
  if (read?.receipt) notes.push(h("p", { class: "receipt" }, read.receipt));
  return notes.length ? h("div", { class: "said" }, row, notes) : row;
}

function body(message, { isOwn, isRecalled, isBig, state, read, me, mayReedit }) {
  const text = isRecalled ? recalledLine(message, me) : isBig ? message.content : linked(message.content);
  return h(
    "div",
    { class: "body", dir: "auto" },
    h("span", { class: "text" }, text),
    mayReedit && [" ", h("button", { type: "button", class: "inline-action", "data-act": "reedit" }, gettext("Re-edit"))],
    meta(message, { isOwn, isRecalled, state, read }),
  );
}

function linked(text) {
  return [...pieces(text)].map((piece) => (piece.href ? h("a", { href: piece.href, target: "_blank", rel: "noopener noreferrer", dir: "ltr" }, piece.text) : piece.text));
}

function meta(message, { isOwn, isRecalled, state, read }) {
  const sentAt = new Date(message.sentAt);
  const ticks = {
    sending: ["clock", gettext("sending"), ""],
    failed: ["circle-alert", gettext("not sent"), ""],
    sent: read?.isRead ? ["check-check", gettext("read"), "read"] : ["check", gettext("sent"), ""],
  };
  const [name, label, kind] = ticks[state];
  const tick = () => h("span", { class: kind, role: "img", "aria-label": label, title: label }, icon(name));
  return h(
    "span",
    { class: "meta", dir: "ltr" },
    message.editedAt && !isRecalled && h("span", { class: "edited" }, gettext("edited")),
    h("time", { datetime: message.sentAt, title: fullTime(sentAt) }, clock(sentAt)),
    isOwn && !isRecalled && tick(),
  );
}

function quote(message, quoted, me) {
  const name = quoted?.senderName ?? "";
  return h(
    "button",
    { type: "button", class: `quote${quoted ? ` tone-${tone(quoted.senderId)}` : ""}`, "data-act": "quote", "data-quoted": message.replyTo, disabled: !quoted },
    quoted && h("bdi", { class: "quote-name" }, quoted.senderId === me ? gettext("You") : name),
    h("span", { class: "quote-text", dir: "auto" }, quoted ? preview(quoted, me) : gettext("An earlier message")),
  );
}

function failure(reason) {
  return h(
    "p",
    { class: "failure", role: "alert" },
    h("span", {}, reason || gettext("Not sent.")),
    h("button", { type: "button", class: "inline-action", "data-act": "retry" }, gettext("Try again")),
    h("button", { type: "button", class: "inline-action danger", "data-act": "discard" }, gettext("Delete")),
  );
}

export function receiptOf(isRead, count, isGroup) {
  if (!isRead) return "";
  return isGroup ? fill(ngettext("Read by %(count)s person", "Read by %(count)s people", count), { count }) : gettext("Read");
}
