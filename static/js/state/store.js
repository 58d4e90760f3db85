// The page's only state. Views read it and subscribe to topics; it changes through `apply(event)`
// and the methods below. Outside state/, ESLint refuses assignments to it.
//
// `apply` is idempotent: receiving an event twice or late leaves the same state as receiving it once.
//
// Topics: chats, people, connection, open, progress, behind (a sync is due), stale (some chats' entries
// must be fetched again), notifying (what notifies me), epoch (the server has another one), afresh (all numbers are new), and with a chat's key after the colon: timeline:, typing:, group:, members: (the
// membership has changed), requests: (of people to join), draft: (another tab has changed it).
import { emptied } from "chat/hidden.js";
import { gettext } from "chat/i18n.js";
import { chatKey, keysOf } from "chat/ids.js";
import { isMentioned, renamed } from "chat/mentions.js";
import { isAdmin } from "chat/roles.js";
import { Reactions } from "chat/state/reactions.js";
import { REDUCERS } from "chat/state/reducers.js";
import { Timeline } from "chat/state/timeline.js";
import { Typing } from "chat/state/typing.js";
import { Versions } from "chat/state/versions.js";
import { livingStatus, StatusEnds } from "chat/statuses.js";
import { serverNow } from "chat/timing.js";

const LOCAL_FILES_MAX = 60;
/** How the chat with myself is shown: as a place, not as a person. */
const SAVED = { isSaved: true, img: "", online: false, lastActive: null, isGuest: false, isStaff: false };
const TIMELINES_MAX = 20;
const rulesOf = ({ announcement, postPolicy, slowMode }) => ({ announcement, postPolicy, slowMode });
/** The later one of two times in ISO 8601, of which either may be missing. */
const later = (one, other) => ((one ?? "") > (other ?? "") ? one : (other ?? null));
const isLater = (one, other) => Boolean(one && other) && (one.seq - other.seq || one.version - other.version) > 0;
/** Pinned chats first, then the most recent. */
const byRecency = (one, other) =>
  Boolean(other.pinned) - Boolean(one.pinned) || (lastActivity(one) < lastActivity(other) ? 1 : -1);
const lastActivity = (chat) => chat.lastMessage?.sentAt ?? chat.createdAt ?? "";

export class Store {
  chats = new Map();
  timelines = new Map();
  people = new Map();
  /** Full group objects with their members, by group id. */
  groups = new Map();
  /**
   * Messages not yet acknowledged, oldest first: {clientId, key, type, content, mentions, replyTo, sentAt,
   * state, reason, …media}.
   */
  pending = [];
  /** Object URLs of files that this page sent, by clientId: they need not be downloaded. */
  localFiles = new Map();
  /** How much of an upload is done, from 0 to 1, by clientId. */
  progress = new Map();
  /** What is being written, by chat; as `draftOf` returns it. */
  drafts = new Map();
  /**
   * Texts of my messages recalled since the page was opened, by message id, for writing them again.
   */
  recalledTexts = new Map();
  openKey = null;
  /**
   * Messages that replies quote and that are not in a timeline, by id; null for those that do not
   * exist.
   */
  quoted = new Map();
  connection = "connecting";
  hasChatList = false;
  /** Of the installation's data, and the one that the server has now: numbers of another mean nothing. */
  epoch;
  nextEpoch = null;
  /** Whether the whole state is the offline archive's copy. */
  isArchived = false;

  /** What notifies me, beside the levels of chats: {privateLevel, groupLevel, quietHours, silentUntil, quiet}. */
  notifying = { privateLevel: "all", groupLevel: "all", quietHours: null, silentUntil: null, quiet: [] };

  #targetSeq = null;
  #reactions = new Reactions();
  #versions = new Versions();
  #statusEnds = new StatusEnds(() => this.#endStatuses());
  #typing = new Typing((key) => this.notify(`typing:${key}`, "chats"));
  /** By chat: when its settings were last received, by performance.now(). */
  #settingsAt = new Map();
  /** The same of what holds in a group: its announcement, who writes in it and how often. */
  #rulesAt = new Map();
  /** When this page heard of a chat that was not in its list, or that one is gone, by chat key. */
  #addedAt = new Map();
  #removedAt = new Map();
  #stale = new Set();
  #listeners = new Map();
  #eventListeners = [];
  #changed = new Set();

  constructor(me, { epoch = null, notifying } = {}) {
    this.me = me;
    this.epoch = epoch;
    if (notifying) this.notifying = notifying;
    this.#statusEnds.watch(me.status);
  }

  // ── Subscribing ─────────────────────────────────────────────────────────
  /**
   * Calls `listener` once for all changes of one turn of the event loop. Returns a function that
   * unsubscribes.
   */
  on(topics, listener) {
    for (const topic of [topics].flat()) {
      if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
      this.#listeners.get(topic).add(listener);
    }
    return () => {
      for (const topic of [topics].flat()) this.#listeners.get(topic).delete(listener);
    };
  }

  /** Calls `listener(event, data)` after each event that was applied. */
  onEvent(listener) {
    this.#eventListeners.push(listener);
  }

  /** Only state/ calls this: the methods below notify by themselves. */
  notify(...topics) {
    if (!this.#changed.size) queueMicrotask(() => this.#callListeners());
    for (const topic of topics) this.#changed.add(topic);
  }

  #callListeners() {
    const topics = [...this.#changed];
    this.#changed.clear();
    for (const listener of new Set(topics.flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]))) listener();
  }

  // ── Reading ─────────────────────────────────────────────────────────────
  /** Chats that have a message or a draft, pinned ones first, then the most recent. */
  get chatList() {
    return [...this.chats.values()]
      .filter((chat) => !chat.isBlank || this.drafts.has(chat.key) || this.pendingOf(chat.key).length > 0)
      .sort(byRecency);
  }

  get unreadTotal() {
    return [...this.chats.values()].reduce((total, chat) => total + (chat.muted ? 0 : chat.unreadCount), 0);
  }

  /** The version of each chat that this page has: what a sync sends. */
  get cursors() {
    return Object.fromEntries(
      [...this.chats.values()].filter((chat) => !chat.isBlank).map((chat) => [chat.id, chat.version]),
    );
  }

  /** How many messages of each chat this page knows to be deleted for me, where there are any. */
  get hiddenCounts() {
    const hiding = [...this.chats.values()].filter((chat) => chat.hiddenCount);
    return Object.fromEntries(hiding.map((chat) => [chat.id, chat.hiddenCount]));
  }

  /** Whether a change arrived whose predecessor did not. */
  get isBehind() {
    return this.#versions.hasGaps;
  }

  timeline(key) {
    if (!this.timelines.has(key)) this.timelines.set(key, new Timeline());
    return this.timelines.get(key);
  }

  pendingOf(key) {
    return this.pending.filter((entry) => entry.key === key);
  }

  pendingByClientId(clientId) {
    return this.pending.find((entry) => entry.clientId === clientId);
  }

  typingNames(key) {
    return this.#typing.names(key);
  }

  isOnline(userId) {
    return this.people.get(userId)?.online ?? false;
  }

  /**
   * The message with its sender's current name and picture, and with the current names of those it mentions; the ones
   * it came with may be old.
   */
  withSender(written) {
    const message = renamed(written, (id) => (id === this.me.id ? this.me : this.people.get(id))?.name);
    const {
      name = message.senderName,
      img = message.senderImg,
      isGuest = message.senderIsGuest,
      isStaff = message.senderIsStaff,
    } = this.people.get(message.senderId) ?? {};
    return name === message.senderName &&
      img === message.senderImg &&
      isGuest === message.senderIsGuest &&
      isStaff === message.senderIsStaff
      ? message
      : { ...message, senderName: name, senderImg: img, senderIsGuest: isGuest, senderIsStaff: isStaff };
  }

  /** Whether it is the chat with myself, where I keep what I save. */
  isSaved(type, id) {
    return type === "private" && id === this.me.id;
  }

  /** An entry of the chat list as this page calls it. */
  #named(entry) {
    if (!this.isSaved(entry.type, entry.id)) return entry;
    return { ...entry, ...SAVED, name: gettext("Saved messages") };
  }

  chatById(id) {
    return this.chats.get(chatKey("private", id)) ?? this.chats.get(chatKey("group", id));
  }

  // ── Events of the server ────────────────────────────────────────────────
  apply({ event, data }) {
    REDUCERS[event]?.(this, data);
    for (const listener of this.#eventListeners) listener(event, data);
  }

  // ── Chats ───────────────────────────────────────────────────────────────
  /**
   * Merges the chat list, or a part of it. A chat whose messages are loaded keeps its
   * version, which only a sync may raise. A chat whose settings were received after `askedAt`, when
   * the list was requested, keeps those; nor does the list know what came or went since.
   */
  mergeChatList(entries, { isWhole = true, askedAt = Infinity } = {}) {
    if (isWhole) for (const key of this.unlisted(keysOf(entries), { askedAt })) this.removeChat(key);
    for (const entry of entries) {
      const key = chatKey(entry.type, entry.id);
      const known = this.chats.get(key);
      if (!known && this.#removedAt.get(key) > askedAt) continue;
      const isLoaded = this.timelines.get(key)?.isLoaded;
      const cursor = newerCursor(entry, known);
      // The list may have been read before a message that this page has received since.
      const keepsPins = known?.pinsVersion > entry.version;
      // Or before one was deleted for me here. Where one was deleted elsewhere, the last one may be an earlier one now.
      const newlyHidden = entry.hiddenCount - (known?.hiddenCount ?? 0);
      const isOutdated =
        known &&
        (entry.seq < known.seq || newlyHidden < 0 || (!newlyHidden && isLater(known.lastMessage, entry.lastMessage)));
      this.chats.set(key, {
        ...known,
        ...this.#named(entry),
        key,
        isBlank: false,
        seq: Math.max(entry.seq, known?.seq ?? 0),
        // What was said since the list was read has brought it back.
        archived: entry.archived && (entry.muted || !(known?.saidSeq > entry.seq)),
        version: isLoaded ? known.version : entry.version,
        hiddenCount: isLoaded ? (known.hiddenCount ?? 0) : entry.hiddenCount,
        pins: (keepsPins ? known : entry).pins ?? [],
        pinsVersion: keepsPins ? known.pinsVersion : entry.version,
        ...cursor,
        ...(isOutdated && {
          lastMessage: known.lastMessage,
          ...(cursor.timesBack === (known.timesBack ?? 0) && {
            unreadCount: known.unreadCount,
            mentionSeq: known.mentionSeq,
          }),
        }),
        ...(known &&
          this.#settingsAt.get(key) > askedAt && {
            pinned: known.pinned,
            archived: known.archived,
            muted: known.muted,
            mutedUntil: known.mutedUntil,
            closedAnnouncement: known.closedAnnouncement,
            level: known.level,
            hears: known.hears,
          }),
        ...(known && this.#rulesAt.get(key) > askedAt && rulesOf(known)),
        lastSaidAt: later(entry.lastSaidAt, known?.lastSaidAt),
      });
      if (entry.type === "private" && !this.isSaved(entry.type, entry.id)) this.mergePerson(entry);
    }
    // A list that was on its way, or a server's clock that is behind, does not revive a mute that
    // has ended here.
    this.endMutes();
    this.hasChatList ||= isWhole;
    this.notify("chats", "people", "open");
  }

  /**
   * The keys of those chats here, all or those `among`, that a list of `keys`, requested at `askedAt`, should have and
   * has not: they are gone.
   */
  unlisted(keys, { askedAt, among = [...this.chats.keys()] }) {
    return among.filter((key) => {
      const chat = this.chats.get(key);
      // A chat whose first message is on its way is not in the list yet.
      const isBegun = chat?.isBlank || (!chat?.seq && this.pendingOf(key).length > 0);
      return chat && !keys.has(key) && !isBegun && !(this.#addedAt.get(key) > askedAt);
    });
  }

  /** All parts of the list are merged, and what else was here is gone. */
  endChatList(gone) {
    for (const key of gone) this.removeChat(key);
    this.hasChatList = true;
    this.notify("chats", "people", "open");
  }

  /** The chat of this person or group is not what it was: its entry is fetched again. */
  markStale(id) {
    this.#stale.add(id);
    this.notify("stale");
  }

  /** The ids of those that were marked since the last call. */
  takeStale() {
    const ids = [...this.#stale];
    this.#stale.clear();
    return ids;
  }

  /** Returns the chat of a person or group, adding one without messages if there is none. */
  ensureChat(type, { id, name, img = "", ...rest }) {
    const key = chatKey(type, id);
    if (!this.chats.has(key)) {
      const blank = {
        muted: false,
        mutedUntil: null,
        level: null,
        hears: this.#defaultLevel(type),
        pinned: false,
        archived: false,
        markedUnread: false,
        timesBack: 0,
        away: false,
        memberCount: null,
        role: null,
        peerReadSeq: type === "private" ? 0 : null,
        pins: [],
        joinRequests: 0,
        firstSeq: 1,
        announcement: null,
        closedAnnouncement: 0,
        postPolicy: type === "group" ? "everyone" : null,
        slowMode: 0,
        lastSaidAt: null,
      };
      const counts = { seq: 0, version: 0, readSeq: 0, unreadCount: 0, mentionSeq: null, lastMessage: null };
      const named = this.#named({ type, id, name, img, ...rest });
      this.chats.set(key, { key, ...blank, ...counts, ...named, isBlank: true });
      this.#addedAt.set(key, performance.now());
      if (type === "private" && !this.isSaved(type, id)) this.mergePerson({ id, name, img, ...rest });
      this.notify("chats");
    }
    return this.chats.get(key);
  }

  /** A chat appears in the list from its first message on. */
  beginChat(key) {
    const chat = this.chats.get(key);
    if (!chat) return;
    chat.isBlank = false;
    chat.isHeldUnread = false;
  }

  patchChat(key, change) {
    const chat = this.chats.get(key);
    if (!chat || Object.entries(change).every(([name, value]) => chat[name] === value)) return;
    Object.assign(chat, change);
    this.notify("chats", `timeline:${key}`);
  }

  /** I deleted these messages of a chat for myself. */
  hideMessages(key, ids) {
    const timeline = this.timelines.get(key);
    for (const id of ids) {
      const message = timeline?.find(id);
      if (message) timeline.put(emptied(message));
      if (this.quoted.has(id)) this.quoted.set(id, null);
      this.recalledTexts.delete(id);
    }
    this.notify("chats", `timeline:${key}`);
  }

  /** The first unread mention was read: which one is the first now, if these messages tell, else by a new list. */
  settleMention(key) {
    const chat = this.chats.get(key);
    if (!chat?.mentionSeq || chat.mentionSeq > chat.readSeq) return;
    const timeline = this.timeline(key);
    const next = timeline.between(chat.readSeq + 1, timeline.last).find((message) => isMentioned(message, this.me.id));
    const isKnown = chat.readSeq >= chat.seq || (timeline.isLoaded && timeline.first <= chat.readSeq + 1);
    if (isKnown && (next || timeline.atEnd)) this.patchChat(key, { mentionSeq: next?.seq ?? null });
    else this.markStale(chat.id);
  }

  removeChat(key) {
    this.chats.delete(key);
    this.timelines.delete(key);
    this.#versions.remove(key);
    this.#settingsAt.delete(key);
    this.#rulesAt.delete(key);
    this.#addedAt.delete(key);
    this.#removedAt.set(key, performance.now());
    this.pending = this.pending.filter((entry) => entry.key !== key);
    this.notify("chats", "open", `timeline:${key}`);
  }

  /** My settings of a chat: pinned, muted. */
  setSettings(key, settings) {
    this.#settingsAt.set(key, performance.now());
    this.patchChat(key, settings);
  }

  /** What holds in a group: {announcement, postPolicy, slowMode}; what else is given is left out. */
  setRules(key, given) {
    this.#rulesAt.set(key, performance.now());
    this.patchChat(key, rulesOf(given));
  }

  /** I said something in a chat, here or on another device. */
  noteSaid(key, sentAt) {
    const chat = this.chats.get(key);
    if (chat) this.patchChat(key, { lastSaidAt: later(sentAt, chat.lastSaidAt) });
  }

  /** Whether I may write in a chat: in some groups only the owner and administrators do. */
  mayWrite(chat) {
    return chat.postPolicy !== "admins" || isAdmin(chat);
  }

  /** When I may write in a group with slow mode again, in milliseconds by the server's clock; 0 for now. */
  writesAgainAt({ key, slowMode, lastSaidAt, role }) {
    if (!slowMode || isAdmin({ role })) return 0;
    const said = [lastSaidAt, ...this.pendingOf(key).map(({ sentAt }) => sentAt)].filter(Boolean);
    return said.length ? Math.max(...said.map((at) => Date.parse(at))) + slowMode * 1000 : 0;
  }

  #defaultLevel(type) {
    return type === "group" ? this.notifying.groupLevel : this.notifying.privateLevel;
  }

  setNotifying(notifying) {
    this.notifying = notifying;
    for (const { key, type, level } of this.chats.values())
      if (!level) this.patchChat(key, { hears: this.#defaultLevel(type) });
    this.notify("notifying");
  }

  /** A pause of notifications ends by itself, too. */
  endPause(now = serverNow()) {
    const { silentUntil } = this.notifying;
    if (silentUntil && Date.parse(silentUntil) <= now) this.setNotifying({ ...this.notifying, silentUntil: null });
  }

  /** The pinned messages of a chat as of a version, {messageId, seq}, the last pinned first; late ones change nothing. */
  setPins({ type, id, version, pins }) {
    const key = chatKey(type, id);
    const chat = this.chats.get(key);
    if (!chat || !pins || version < (chat.pinsVersion ?? 0)) return;
    this.patchChat(key, { pinsVersion: version, pins });
  }

  /** A mute with a time limit ends by itself; no event reports it. */
  endMutes(now = serverNow()) {
    for (const { key, id, mutedUntil } of this.chats.values()) {
      if (!mutedUntil || Date.parse(mutedUntil) > now) continue;
      this.patchChat(key, { muted: false, mutedUntil: null });
      // What was said meanwhile brings it back.
      if (this.chats.get(key).archived) this.markStale(id);
    }
  }

  /**
   * What is being written in a chat, to be changed and saved: {text, mentions, replyTo, edits, isAside}.
   * `replyTo` is a message; `edits` are unfinished edits {message, text, mentions}, the one under way
   * last, unless it is put aside for a message or a reply.
   */
  draftOf(key) {
    return (
      structuredClone(this.drafts.get(key)) ?? { text: "", mentions: [], replyTo: null, edits: [], isAside: false }
    );
  }

  /** The text of a draft, in one line of the chat list. */
  draftText(key) {
    const { text, edits } = this.drafts.get(key) ?? { text: "", edits: [] };
    return text.trim() ? text : (edits.at(-1)?.text ?? "");
  }

  /** null if there is none any more. */
  setDraft(key, draft) {
    if (draft) this.drafts.set(key, structuredClone(draft));
    else this.drafts.delete(key);
    this.notify("chats");
  }

  /** Another tab has changed it. */
  receiveDraft(key, draft) {
    this.setDraft(key, draft);
    this.notify(`draft:${key}`);
  }

  // ── The open chat ───────────────────────────────────────────────────────
  /** Opens a chat, at the message `targetSeq` if given; null shows the bare list. */
  openChat(key, targetSeq = null) {
    this.openKey = key;
    // What was marked unread while it was open is read when it is opened again.
    this.patchChat(key, { isHeldUnread: false });
    this.#targetSeq = targetSeq;
    this.#markTimelineUsed(key);
    this.notify("open", "chats");
  }

  get hasTarget() {
    return this.#targetSeq !== null;
  }

  /** The message that the open chat was opened at, once. */
  takeTarget() {
    const seq = this.#targetSeq;
    this.#targetSeq = null;
    return seq;
  }

  /**
   * Renders the open chat again although nothing changed: after a reconnect its messages can be
   * marked as read.
   */
  refreshOpenChat() {
    this.notify(`timeline:${this.openKey}`);
  }

  /** Keeps the timelines of the most recently opened chats. */
  #markTimelineUsed(key) {
    const timeline = this.timelines.get(key);
    if (!timeline) return;
    this.timelines.delete(key);
    this.timelines.set(key, timeline);
    if (this.timelines.size > TIMELINES_MAX) this.timelines.delete(this.timelines.keys().next().value);
  }

  // ── Timelines ───────────────────────────────────────────────────────────
  /** Starts a chat's timeline from one page of history, oldest message first. */
  setHistory(key, page) {
    const head = Math.max(this.chats.get(key)?.seq ?? 0, page.at(-1)?.seq ?? 0);
    this.timeline(key).replace(page, { head, hasOlder: hasOlder(page) });
    this.notify(`timeline:${key}`, "chats");
  }

  prependHistory(key, page) {
    this.timeline(key).prepend(page, { hasOlder: hasOlder(page) });
    this.notify(`timeline:${key}`);
  }

  appendHistory(key, page) {
    const timeline = this.timeline(key);
    for (const message of page) timeline.put(message);
    this.notify(`timeline:${key}`);
  }

  /** Drops loaded messages far from the range that is shown. */
  trimTimeline(key, from, to) {
    this.timeline(key).trim(from, to);
  }

  /** The answer to a request for the messages with these ids. */
  setQuoted(ids, messages) {
    const found = new Map(messages.map((message) => [message.id, message]));
    for (const id of ids) this.quoted.set(id, found.get(id) ?? null);
    this.notify(`timeline:${this.openKey}`);
  }

  // ── Reactions ───────────────────────────────────────────────────────────
  /** As `Reactions.of`: also what I do and the server has not answered yet. */
  reactionsOn(message) {
    return this.#reactions.of(message, this.me.id);
  }

  /** Whether I have to ask which reactions on a message are mine. */
  isUnsureOfReactions(message) {
    return this.#reactions.isUnsure(message);
  }

  /** The answer to a request for my reactions on messages with these ids; those that I do not see are left out of it. */
  setOwnReactions(ids, answer) {
    const found = new Map(answer.map((one) => [one.messageId, one]));
    for (const messageId of ids) this.#reactions.setMine(found.get(messageId) ?? { messageId, version: 0, emoji: [] });
    this.notify(`timeline:${this.openKey}`);
  }

  /** An event changes the reactions on a message. */
  keepOwnReactions(key, { id, version }) {
    const before = this.timelines.get(key)?.find(id);
    if (before && before.version < version) this.#reactions.keep(before, this.me.id);
  }

  doubtReactions() {
    this.#reactions.doubt();
  }

  beginReaction({ id }, emoji, on) {
    this.#reactions.begin(id, emoji, on);
    this.notify(`timeline:${this.openKey}`);
  }

  endReaction({ id }, emoji, on, result) {
    this.#reactions.end(id, emoji, on, result);
    this.notify(`timeline:${this.openKey}`);
  }

  /** Who reacted to a message, mine first: {emoji, user}. */
  noteReacted(message, reacted) {
    for (const { user } of reacted) this.mergePerson(user);
    const mine = reacted.filter(({ user }) => user.id === this.me.id).map(({ emoji }) => emoji);
    this.#reactions.setMine({ messageId: message.id, version: message.version, emoji: mine });
    this.#reactions.setOthers(message, reacted);
    this.notify(`timeline:${this.openKey}`);
  }

  keepRecalledText(messageId, text) {
    this.recalledTexts.set(messageId, text);
  }

  /**
   * Fills an empty store with the offline archive: chats, and the last messages of each by chat
   * key.
   */
  showArchive(chats, endings) {
    this.isArchived = true;
    this.mergeChatList(chats.map((chat) => ({ ...chat, online: null })));
    for (const [key, messages] of endings) {
      this.timeline(key).replace(messages, { head: messages.at(-1).seq, hasOlder: hasOlder(messages) });
      this.notify(`timeline:${key}`);
    }
  }

  /** The server is back: the archive's messages are dropped and loaded again. */
  leaveArchive() {
    if (!this.isArchived) return;
    this.isArchived = false;
    this.timelines.clear();
    this.notify("open");
  }

  // ── Epochs ──────────────────────────────────────────────────────────────
  /** Returns whether what comes with this epoch can be applied. */
  acceptEpoch(epoch) {
    if (!epoch || epoch === this.epoch) return true;
    if (this.epoch === null) {
      this.epoch = epoch;
      return true;
    }
    this.nextEpoch = epoch;
    this.notify("epoch");
    return false;
  }

  /**
   * An older copy of the data was restored on the server: drops everything that has a number, and
   * begins with the chat list of the new epoch. What is not sent yet stays, and so do the chats
   * with people that it is for.
   */
  startAfresh(list) {
    const before = [...this.chats.values()];
    this.epoch = this.nextEpoch ?? this.epoch;
    this.nextEpoch = null;
    this.isArchived = false;
    const moments = [this.#settingsAt, this.#addedAt, this.#removedAt];
    for (const held of [this.chats, this.timelines, this.groups, this.quoted, this.#stale, ...moments]) held.clear();
    this.#versions = new Versions();
    this.#reactions = new Reactions();
    this.mergeChatList(list);
    for (const { type, key, id, name, img, isBlank } of before) {
      const isNeeded = isBlank || key === this.openKey || this.drafts.has(key) || this.pendingOf(key).length > 0;
      if (type === "private" && isNeeded) this.ensureChat(type, { id, name, img });
    }
    this.notify("afresh", "open", "chats", `timeline:${this.openKey}`);
  }

  // ── Versions ────────────────────────────────────────────────────────────
  /** Records that a change with this version arrived. */
  advanceVersion(key, version) {
    const chat = this.chats.get(key);
    if (version == null || version <= chat.version) return;
    if (!this.#versions.add(chat, version)) this.notify("behind");
  }

  settleVersion(key, version) {
    this.#versions.settle(this.chats.get(key), version);
  }

  // ── People and groups ───────────────────────────────────────────────────
  mergePerson({ id, name, img, online, lastActive, isGuest, isStaff, isGone, status }) {
    const known = this.people.get(id);
    const fresh = Object.entries({ id, name, img, online, lastActive, isGuest, isStaff, isGone }).filter(
      ([, value]) => value != null,
    );
    // A status may end: null is one, too.
    const said = status === undefined ? {} : { status };
    this.people.set(id, { ...known, ...Object.fromEntries(fresh), ...said });
    this.#statusEnds.watch(status);
    this.notify("people");
  }

  /** A status is over: what shows people is drawn again, and the next end is waited for. */
  #endStatuses() {
    for (const { status } of [this.me, ...this.people.values()]) this.#statusEnds.watch(status);
    this.notify(
      "people",
      "chats",
      `timeline:${this.openKey}`,
      ...[...this.groups.keys()].map((id) => `group:${chatKey("group", id)}`),
    );
  }

  /** The status of a person at the moment, or null. */
  statusOf(userId) {
    return livingStatus((userId === this.me.id ? this.me : this.people.get(userId))?.status);
  }

  /** A group as the server returned it, with or without its members. */
  mergeGroup(group) {
    for (const member of group.members ?? []) this.mergePerson(member);
    this.groups.set(group.id, { ...this.groups.get(group.id), ...group });
    this.apply({ event: "OnGroupUpdate", data: group });
  }

  /** The code that this page shows may have been replaced. */
  forgetInvitation(groupId) {
    const group = this.groups.get(groupId);
    if (!group?.inviteCode) return;
    this.groups.set(groupId, { ...group, inviteCode: null });
    this.notify(`group:${chatKey("group", groupId)}`);
  }

  startTyping(key, userId, name) {
    this.#typing.start(key, userId, name);
  }

  stopTyping(key, userId) {
    this.#typing.stop(key, userId);
  }

  setConnection(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.notify("connection");
  }

  // ── Messages on their way out ───────────────────────────────────────────
  addPending(entry) {
    this.pending = [...this.pending, entry];
    this.notify("chats", `timeline:${entry.key}`);
  }

  patchPending(clientId, change) {
    const entry = this.pendingByClientId(clientId);
    if (!entry) return;
    Object.assign(entry, change);
    this.notify(`timeline:${entry.key}`);
  }

  removePending(clientId) {
    const entry = this.pendingByClientId(clientId);
    if (!entry) return;
    this.pending = this.pending.filter((one) => one !== entry);
    this.notify("chats", `timeline:${entry.key}`);
  }

  /** Keeps a file that this page sends or has sent, to show it without a download. */
  setLocalFile(clientId, blob) {
    this.removeLocalFile(clientId);
    this.localFiles.set(clientId, URL.createObjectURL(blob));
    if (this.localFiles.size > LOCAL_FILES_MAX) this.removeLocalFile(this.localFiles.keys().next().value);
    const entry = this.pendingByClientId(clientId);
    if (entry) this.notify(`timeline:${entry.key}`);
  }

  removeLocalFile(clientId) {
    if (!this.localFiles.has(clientId)) return;
    URL.revokeObjectURL(this.localFiles.get(clientId));
    this.localFiles.delete(clientId);
  }

  setProgress(clientId, part) {
    this.progress.set(clientId, part);
    this.notify("progress");
  }

  clearProgress(clientId) {
    this.progress.delete(clientId);
  }
}

/** The cursor of an entry of the chat list, or the one that this page knows, which may have read on since. */
function newerCursor(entry, known) {
  const [back, knownBack] = [entry.timesBack ?? 0, known?.timesBack ?? 0];
  const { unreadCount, markedUnread = false, readSeq = 0 } = entry;
  if (!known || back > knownBack) return { readSeq, timesBack: back, unreadCount, markedUnread };
  if (back < knownBack)
    return {
      readSeq: known.readSeq,
      timesBack: knownBack,
      unreadCount: known.unreadCount,
      markedUnread: known.markedUnread,
    };
  return {
    readSeq: Math.max(readSeq, known.readSeq),
    timesBack: back,
    // Read on this page, though the server may not know it yet.
    unreadCount: known.readSeq >= entry.seq ? 0 : unreadCount,
    markedUnread: markedUnread && known.markedUnread !== false,
  };
}

/** Whether a page of history, oldest message first, leaves something before it. */
const hasOlder = (page) => page.length > 0 && page[0].seq > 1;
