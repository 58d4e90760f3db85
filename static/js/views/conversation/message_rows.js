// Describes the rows of the message list: days, the divider, messages in runs, pending messages.
import { gettext } from "chat/i18n.js";
import { chatKeyOf } from "chat/ids.js";
import { tileAt, withAlbums } from "chat/views/conversation/albums.js";
import {
  albumRow,
  dayRow,
  dividerRow,
  messageRow,
  receiptRow,
  receiptText,
} from "chat/views/conversation/message_row.js";
import { withReactions } from "chat/views/conversation/reactions.js";
import { h, markOf, senderOf } from "chat/views/dom.js";
import { timeZone } from "chat/views/days.js";
import { dayLabel, dayOf } from "chat/views/format.js";
import { isFormatted } from "chat/views/preferences.js";
import { typeOf } from "chat/views/types/registry.js";

/** Messages of one sender within this time form a run. */
const RUN_MS = 5 * 60_000;

/** What is computed once per message object and time zone; a changed message is a new object. */
let factsByMessage = new WeakMap();
let factsZone = timeZone();

function factsOf(message) {
  if (factsZone !== timeZone()) {
    factsByMessage = new WeakMap();
    factsZone = timeZone();
  }
  if (!factsByMessage.has(message)) {
    const date = new Date(message.sentAt);
    const signature = JSON.stringify([
      message.id,
      // Not the version: reactions are rows of their own, and leave a picture or a recording as it is.
      message.editedAt,
      message.recalledAt,
      message.senderName,
      message.senderImg,
      message.mentions && message.content, // as people are called now
      markOf(senderOf(message)),
      factsZone,
    ]);
    factsByMessage.set(message, { at: date.getTime(), day: dayOf(date), signature });
  }
  return factsByMessage.get(message);
}

export class MessageRows {
  #store;
  /** Ids of quoted messages that are not loaded, found by `describe`. */
  missingQuotes = new Set();
  /** The ids of messages of which it has to be asked which reactions are mine. */
  unsureReactions = new Set();

  constructor(store) {
    this.#store = store;
  }

  /**
   * Rows for `reconcile`, {key, signature, build()}: the messages `from` to `to` of the chat `key`,
   * with a divider before the seq `divider`.
   */
  describe(key, { from, to, divider }) {
    const timeline = this.#store.timeline(key);
    const isAtEnd = to >= timeline.last && timeline.atEnd;
    const pending = isAtEnd || !timeline.isLoaded ? this.#store.pendingOf(key) : [];
    const shown = timeline.between(from, to).filter((message) => !message.hidden);
    const messages = [...shown, ...pending.map((entry) => this.#asMessage(entry))];
    const lastOwn = messages.findLast(
      (message) => message.senderId === this.#store.me.id && message.id && !message.recalledAt && !typeOf(message).row,
    );
    const isDivided = (message) => divider !== null && message?.seq === divider;
    const rows = [];
    this.missingQuotes.clear();
    this.unsureReactions.clear();
    if (timeline.isLoaded && from <= timeline.first && !timeline.hasOlder && messages.length) {
      const isLate = this.#store.chats.get(key)?.firstSeq > 1;
      rows.push({
        key: "beginning",
        signature: String(isLate),
        build: () =>
          h(
            "p",
            { class: "beginning" },
            isLate
              ? gettext("You joined here. What was said before is for those who were there.")
              : gettext("This is where it begins."),
          ),
      });
    }
    const startsAnew = (before, message) => isDivided(message) || factsOf(before).day !== factsOf(message).day;
    let index = 0;
    for (const album of withAlbums(messages, startsAnew)) {
      const [message] = album;
      const [previous, next] = [messages[index - 1], messages[index + album.length]];
      index += album.length;
      const { day } = factsOf(message);
      const isNewDay = !previous || factsOf(previous).day !== day;
      if (isNewDay) {
        const label = dayLabel(new Date(message.sentAt));
        rows.push({ key: `d:${day}`, signature: label, build: () => dayRow(label) });
      }
      if (isDivided(message)) rows.push({ key: "divider", signature: "", build: dividerRow });
      const isFirst = isNewDay || isDivided(message) || !isRun(previous, message);
      const isLast = !isRun(album.at(-1), next) || isDivided(next);
      if (album.length === 1) rows.push(this.#row(key, message, { isFirst, isLast }, message === lastOwn));
      else rows.push(...this.#album(key, album, { isFirst, isLast }, lastOwn));
    }
    return rows;
  }

  /**
   * The message that `message` quotes; undefined while it is not known, null if it does not exist
   * any more.
   */
  quotedBy(key, message) {
    const quoted = this.#store.timeline(key).find(message.replyTo) ?? this.#store.quoted.get(message.replyTo);
    if (quoted?.hidden) return null;
    return quoted && (chatKeyOf(quoted, this.#store.me.id) === key ? this.#store.withSender(quoted) : null);
  }

  /** The rows of several pictures that stand together: their bubble, with a row in it for each, and the receipt. */
  #album(chatKey, album, { isFirst, isLast }, lastOwn) {
    const { me, chats } = this.#store;
    const message = this.#store.withSender(album[0]);
    const tiles = album.map((one, index) => this.#row(chatKey, one, { tile: tileAt(index, album.length) }, false));
    const place = { isOwn: message.senderId === me.id, isGroup: chats.get(chatKey).type === "group", isFirst, isLast };
    const quoted = message.replyTo ? this.quotedBy(chatKey, message) : undefined;
    const author = this.#authorOf(message);
    const rows = [
      {
        key: `a:${tiles[0].key}`,
        signature: [tiles[0].signature, isFirst, isLast, album.length, author, isFormatted()].join(),
        build: () => albumRow(message, { place, album, quoted, author }, me.id),
        within: { rows: tiles, parent: (element) => element.querySelector(".tiles") },
      },
    ];
    const seen = album.includes(lastOwn) ? this.#readOf(chatKey, this.#store.withSender(lastOwn), true).receipt : "";
    if (seen) rows.push({ key: "receipt", signature: seen, build: () => receiptRow(seen) });
    return rows;
  }

  /** The name of who wrote a forwarded message, as they are called now; "" where none is told. */
  #authorOf({ forwardedFrom }) {
    if (!forwardedFrom) return "";
    const { me, people } = this.#store;
    return forwardedFrom.id === me.id ? gettext("You") : (people.get(forwardedFrom.id)?.name ?? forwardedFrom.name);
  }

  #readOf(chatKey, message, isLastOwn) {
    const chat = this.#store.chats.get(chatKey);
    if (chat.isSaved) return { isRead: false, receipt: "" };
    const isGroup = chat.type === "group";
    const isRead =
      Boolean(message.id) &&
      (isGroup ? message.readCount > 0 : message.isRead || message.seq <= (chat.peerReadSeq ?? 0));
    return { isRead, receipt: isLastOwn ? receiptText(isRead, message.readCount, isGroup) : "" };
  }

  #row(chatKey, original, { isFirst = false, isLast = false, tile = null }, isLastOwn) {
    const message = this.#store.withSender(original);
    const { me, chats, recalledTexts, localFiles, progress } = this.#store;
    const chat = chats.get(chatKey);
    const { row } = typeOf(message);
    if (row) {
      if (message.replyTo && this.quotedBy(chatKey, message) === undefined) this.missingQuotes.add(message.replyTo);
      return {
        key: `m:${message.seq}`,
        signature: `${message.version} ${timeZone()}`,
        build: () => row(message, me.id),
      };
    }
    const isOwn = message.senderId === me.id;
    const isGroup = chat.type === "group";
    const read = isOwn ? this.#readOf(chatKey, message, isLastOwn) : null;
    const quoted = message.replyTo ? this.quotedBy(chatKey, message) : undefined;
    if (message.replyTo && quoted === undefined) this.missingQuotes.add(message.replyTo);
    const mayReedit = recalledTexts.has(message.id);
    const reactions = this.#store.reactionsOn(message);
    const hasReactions = reactions.length > 0;
    if (message.id && this.#store.isUnsureOfReactions(message)) this.unsureReactions.add(message.id);
    const state = message.state ?? "sent";
    const local = message.clientId && localFiles.get(message.clientId);
    const author = this.#authorOf(message);
    const details = {
      state,
      place: { isOwn, isGroup, isFirst, isLast, tile },
      read,
      quoted,
      mayReedit,
      reason: message.reason,
      local,
      hasReactions,
      author,
    };
    const signature = [
      factsOf(message).signature,
      isFirst,
      isLast,
      tile?.span,
      tile?.isWide,
      read?.isRead,
      read?.receipt,
      quoted?.editedAt,
      quoted?.recalledAt,
      quoted?.senderName,
      quoted?.mentions && quoted.content,
      quoted && markOf(senderOf(quoted)),
      mayReedit,
      state,
      message.reason,
      local,
      isFormatted(),
      hasReactions,
      author,
    ].join();
    const key = isOwn && message.clientId ? `c:${message.clientId}` : `m:${message.seq}`;
    const described = {
      key,
      signature,
      build: () => messageRow(message, { ...details, part: progress.get(message.clientId) }, me.id),
    };
    return hasReactions ? withReactions(described, message, reactions, this.#store) : described;
  }

  /** A pending entry in the shape of a message. */
  #asMessage(entry) {
    const { me } = this.#store;
    return {
      ...entry,
      senderId: me.id,
      senderName: me.name,
      senderImg: me.img,
      senderIsGuest: me.isGuest,
      senderIsStaff: me.isStaff,
      seq: null,
      id: null,
      version: 0,
      editedAt: null,
      recalledAt: null,
    };
  }
}

function isRun(one, other) {
  if (!one || !other || typeOf(one).row || typeOf(other).row || one.senderId !== other.senderId) return false;
  if (Boolean(one.recalledAt) !== Boolean(other.recalledAt)) return false;
  const [before, after] = [factsOf(one), factsOf(other)];
  return after.at - before.at < RUN_MS && before.day === after.day;
}
