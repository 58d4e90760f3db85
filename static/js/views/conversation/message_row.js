// One message as an element: sender, time, quote, state. The content is built by its type.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { avatar, h, icon, iconButton, markedName, senderOf } from "chat/views/dom.js";
import { clock, fullTime, recalledLine, toneIn } from "chat/views/format.js";
import { preview, typeOf } from "chat/views/types/registry.js";

export function dayRow(label) {
  return h("p", { class: "day", role: "separator" }, label);
}

export function dividerRow() {
  return h("p", { class: "divider", role: "separator" }, gettext("New messages"));
}

/**
 * `state`: sent, sending or failed. `place`: {isOwn, isGroup, isFirst, isLast} in its run. `read`:
 * {isRead, receipt} of an own message. `quoted`: the message it quotes, undefined while not loaded.
 * `local`: object URL of its file. `part`: upload, 0 to 1.
 */
export function messageRow(message, { state, place, read, quoted, mayReedit, reason, local, part }, me) {
  const { isOwn, isGroup, isFirst, isLast } = place;
  const isRecalled = Boolean(message.recalledAt);
  const type = typeOf(message);
  const flags = { own: isOwn, first: isFirst, last: isLast, recalled: isRecalled, failed: state === "failed" };
  const classes = [
    "message",
    ...Object.keys(flags).filter((flag) => flags[flag]),
    !isRecalled && type.className?.(message),
  ]
    .filter(Boolean)
    .join(" ");
  const view = {
    isOwn,
    isSending: state === "sending",
    local,
    part,
    meta: meta(message, { isOwn, isRecalled, state, read }),
  };
  const row = h(
    "article",
    {
      class: classes,
      tabindex: "-1",
      "data-seq": message.seq && String(message.seq),
      "data-id": message.id,
      "data-type": message.type,
      "data-client": isOwn && message.clientId,
      "data-state": isOwn && state,
    },
    !isOwn &&
      isGroup &&
      h(
        "div",
        { class: "gutter" },
        isLast &&
          !isRecalled &&
          h(
            "button",
            { type: "button", class: "who-said", "data-act": "person", tabindex: "-1", "aria-hidden": "true" },
            avatar({ ...senderOf(message), tone: toneIn(message.groupId, message.senderId) }, "s"),
          ),
      ),
    h(
      "div",
      { class: "bubble" },
      !isOwn &&
        isGroup &&
        isFirst &&
        !isRecalled &&
        h(
          "div",
          { class: `sender tone-${toneIn(message.groupId, message.senderId)}` },
          h(
            "button",
            { type: "button", class: "who-said", "data-act": "person", tabindex: "-1" },
            markedName(senderOf(message)),
          ),
        ),
      message.replyTo && !isRecalled && quote(message, quoted, me),
      isRecalled ? recalled(message, { me, mayReedit, meta: view.meta }) : type.body(message, view),
    ),
    (message.id || state === "sending") &&
      !isRecalled &&
      iconButton("ellipsis", gettext("Message actions"), () => {}, {
        class: "message-menu",
        "aria-haspopup": "menu",
        tabindex: "-1",
      }),
  );
  row.setAttribute(
    "aria-label",
    interpolate(gettext("%(name)s at %(time)s"), {
      name: isOwn ? gettext("You") : message.senderName,
      time: clock(new Date(message.sentAt)),
    }),
  );
  const notes = [];
  if (state === "failed") notes.push(failure(reason, message));
  if (read?.receipt) notes.push(h("p", { class: "receipt" }, read.receipt));
  return notes.length ? h("div", { class: "said" }, row, notes) : row;
}

function recalled(message, { me, mayReedit, meta: when }) {
  return h(
    "div",
    { class: "body", dir: "auto" },
    h("span", { class: "text" }, recalledLine(message, me)),
    mayReedit && [
      " ",
      h("button", { type: "button", class: "inline-action", "data-act": "reedit" }, gettext("Re-edit")),
    ],
    when,
  );
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
  return h(
    "button",
    {
      type: "button",
      class: `quote${quoted && quoted.senderId !== me ? ` tone-${toneIn(quoted.groupId, quoted.senderId)}` : ""}`,
      "data-act": "quote",
      "data-quoted": message.replyTo,
      disabled: !quoted,
    },
    quoted?.thumbnailUrl &&
      h("img", { class: "quote-picture", src: quoted.thumbnailUrl, alt: "", loading: "lazy", decoding: "async" }),
    quoted &&
      markedName(quoted.senderId === me ? { name: gettext("You") } : senderOf(quoted), undefined, {
        class: "quote-name",
      }),
    h("span", { class: "quote-text", dir: "auto" }, quoted ? preview(quoted, me) : gettext("An earlier message")),
  );
}

function failure(reason, { mediaType }) {
  return h(
    "p",
    { class: "failure", role: "alert" },
    h("span", {}, reason || gettext("Not sent.")),
    h("button", { type: "button", class: "inline-action", "data-act": "retry" }, gettext("Try again")),
    ["images", "audio"].includes(mediaType) &&
      h("button", { type: "button", class: "inline-action", "data-act": "as-file" }, gettext("Send as a file")),
    h("button", { type: "button", class: "inline-action danger", "data-act": "discard" }, gettext("Delete")),
  );
}

export function receiptText(isRead, count, isGroup) {
  if (!isRead) return "";
  return isGroup
    ? interpolate(ngettext("Read by %(count)s person", "Read by %(count)s people", count), { count })
    : gettext("Read");
}
