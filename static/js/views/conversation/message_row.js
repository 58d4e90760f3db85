// One message as an element: sender, time, quote, state. The content is built by its type.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { albumLabel } from "chat/views/conversation/albums.js";
import { reactionsRow } from "chat/views/conversation/reactions.js";
import { avatar, h, icon, markedName, senderOf } from "chat/views/dom.js";
import { clock, fullTime, recalledLine, toneIn } from "chat/views/format.js";
import { captionOf } from "chat/views/types/image.js";
import { preview, typeOf } from "chat/views/types/registry.js";

export function dayRow(label) {
  return h("p", { class: "day", role: "separator" }, label);
}

export function dividerRow() {
  return h("p", { class: "divider", role: "separator" }, gettext("New messages"));
}

/**
 * `state`: sent, sending, held or failed. `place`: {isOwn, isGroup, isFirst, isLast} in its run. `read`:
 * {isRead, receipt} of an own message. `place.tile`: {span, isWide} in an album. `quoted`: the message
 * it quotes, undefined while not loaded. `local`: object URL of its file. `part`: upload, 0 to 1. `hasReactions`: there
 * is a place for them. `author`: who wrote what was forwarded, or "".
 */
export function messageRow(
  message,
  { state, place, read, quoted, mayReedit, reason, local, part, hasReactions, author },
  me,
) {
  const { isOwn, isFirst, isLast, tile } = place;
  const isRecalled = Boolean(message.recalledAt);
  const type = typeOf(message);
  const flags = {
    own: isOwn,
    first: isFirst,
    last: isLast,
    recalled: isRecalled,
    failed: state === "failed",
    "album-tile": tile,
  };
  const classes = [
    "message",
    ...Object.keys(flags).filter((flag) => flags[flag]),
    !isRecalled && type.className?.(message),
  ]
    .filter(Boolean)
    .join(" ");
  const view = {
    me,
    isOwn,
    isSending: state === "sending",
    isInAlbum: Boolean(tile),
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
    gutter(message, place),
    h(
      "div",
      { class: "bubble" },
      sender(message, place),
      author && !isRecalled && !tile && forwarded(author),
      message.replyTo && !isRecalled && !tile && quote(message, quoted, me),
      isRecalled ? recalled(message, { me, mayReedit, meta: view.meta }) : type.body(message, view),
    ),
    tile && hasReactions && reactionsRow(),
  );
  row.setAttribute(
    "aria-label",
    interpolate(gettext("%(name)s at %(time)s"), {
      name: isOwn ? gettext("You") : message.senderName,
      time: clock(new Date(message.sentAt)),
    }),
  );
  if (tile) row.style.gridColumn = `span ${tile.span}`;
  if (tile?.isWide) row.style.aspectRatio = "2";
  const notes = [];
  if (hasReactions && !tile) notes.push(reactionsRow());
  if (state === "failed") notes.push(failure(reason, message));
  if (state === "held") notes.push(receiptRow(reason));
  if (read?.receipt) notes.push(receiptRow(read.receipt));
  return notes.length ? h("div", { class: isOwn ? "said own" : "said" }, row, notes) : row;
}

/** The sender's picture beside the last of their messages in a group. */
function gutter(message, { isOwn, isGroup, isLast, tile }) {
  if (isOwn || !isGroup || tile) return null;
  return h(
    "div",
    { class: "gutter" },
    isLast &&
      !message.recalledAt &&
      h(
        "button",
        { type: "button", class: "who-said", "data-act": "person", tabindex: "-1", "aria-hidden": "true" },
        avatar({ ...senderOf(message), tone: toneIn(message.groupId, message.senderId) }, "s"),
      ),
  );
}

/** The sender's name above the first of their messages in a group. */
function sender(message, { isOwn, isGroup, isFirst, tile }) {
  if (isOwn || !isGroup || !isFirst || tile || message.recalledAt) return null;
  return h(
    "div",
    { class: `sender tone-${toneIn(message.groupId, message.senderId)}` },
    h(
      "button",
      { type: "button", class: "who-said", "data-act": "person", tabindex: "-1" },
      markedName(senderOf(message)),
    ),
  );
}

/** The bubble of an album, whose tiles are rows of their own. `message` is the first of it. */
export function albumRow(message, { place, album, quoted, author }, me) {
  const { isOwn, isFirst, isLast } = place;
  const flags = { own: isOwn, first: isFirst, last: isLast };
  return h(
    "section",
    {
      class: ["album", ...Object.keys(flags).filter((flag) => flags[flag])].join(" "),
      role: "group",
      "aria-label": albumLabel(isOwn ? gettext("You") : message.senderName, album),
    },
    gutter(message, place),
    h(
      "div",
      { class: "bubble" },
      sender(message, place),
      author && forwarded(author),
      message.replyTo && quote(message, quoted, me),
      h("div", { class: "tiles" }),
      message.content && captionOf(message),
    ),
  );
}

/** Above what was forwarded: who wrote it. */
function forwarded(author) {
  return h(
    "div",
    { class: "forwarded" },
    icon("forward"),
    h("span", {}, interpolate(gettext("Forwarded from %(name)s"), { name: author })),
  );
}

export function receiptRow(text) {
  return h("p", { class: "receipt" }, text);
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
    held: ["clock", gettext("waits for review"), ""],
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
    ["images", "video", "audio"].includes(mediaType) &&
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
