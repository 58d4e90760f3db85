// The only state of the page. Views read it and subscribe to topics; it changes through `apply(event)` and the verbs below.
// `apply` is idempotent: hearing an event twice, or late, leaves the state as hearing it once.
// Topics: chats, people, connection, open, behind (a sync is due), stale (the list must be fetched), and with a chat's
// key behind the colon: timeline:, typing:, group:, members: (who is in it has changed). progress: an upload moved on.
import { chatKey } from "chat/ids.js";
import { REDUCERS } from "chat/state/reducers.js";
import { Timeline } from "chat/state/timeline.js";

const TYPING_LASTS = 6000;
const LOCAL_AT_MOST = 60;
const TIMELINES_AT_MOST = 20;
const isAfter = (one, other) => Boolean(one && other) && (one.seq - other.seq || one.version - other.version) > 0;
/** Pinned ones first, then the newest. */
const inOrder = (one, other) => Boolean(other.pinned) - Boolean(one.pinned) || (lastMoved(one) < lastMoved(other) ? 1 : -1);
const lastMoved = (chat) => chat.lastMessage?.sentAt ?? chat.createdAt ?? "";

export class Store {
  chats = new Map();
  timelines = new Map();
  people = new Map();
  /** Full group objects, for the panel; by group id. */
  groups = new Map();
  /** Messages on their way out, oldest first: {clientId, key, type, content, replyTo, sentAt, state, reason, …media}. */
  pending = [];
  /** Addresses, within this page, of files it sent itself, by clientId: what one chose need not be fetched. */
  local = new Map();
  /** How much of an upload has left, from 0 to 1, by clientId. */
  progress = new Map();
  drafts = new Map();
  /** What I recalled since the page was opened, by message id, to be written anew. */
  recalled = new Map();
  typing = new Map();
  openKey = null;
  /** The message the open chat is to show, by its number, until it does. */
  openAt = null;
  /** What replies answer and is not loaded, by id; null for what is not there. */
  quoted = new Map();
  connection = "connecting";
  isListed = false;
  /** Whether all of it is what was kept for when the server is away. */
  isCopy = false;

  #versionsAhead = new Map();
  /** Of each chat, when we were last told how it is set. */
  #setAt = new Map();
  #listeners = new Map();
  #hearers = [];
  #touched = new Set();

  constructor(me) {
    this.me = me;
  }

  // ── Listening ──────────────────────────────────────────────────────────
  /** Calls `listener` once for any number of changes of one turn. */
  on(topics, listener) {
    for (const topic of [topics].flat()) {
      if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
      this.#listeners.get(topic).add(listener);
    }
    return () => {
      for (const topic of [topics].flat()) this.#listeners.get(topic).delete(listener);
    };
  }

  touch(...topics) {
    if (!this.#touched.size) queueMicrotask(() => this.#tell());
    for (const topic of topics) this.#touched.add(topic);
  }

  #tell() {
    const topics = [...this.#touched];
    this.#touched.clear();
    for (const listener of new Set(topics.flatMap((topic) => [...(this.#listeners.get(topic) ?? [])]))) listener();
  }

  // ── Reading ────────────────────────────────────────────────────────────
  /** Chats with something in them, pinned ones first, then newest first. */
  get list() {
    return [...this.chats.values()]
      .filter((chat) => !chat.isBlank || this.drafts.has(chat.key))
      .sort(inOrder);
  }

  get unread() {
    return [...this.chats.values()].reduce((total, chat) => total + (chat.muted ? 0 : chat.unreadCount), 0);
  }

  /** How far each chat is known here: what a sync is asked with. */
  get cursors() {
    return Object.fromEntries([...this.chats.values()].filter((chat) => !chat.isBlank).map((chat) => [chat.id, chat.version]));
  }

  timeline(key) {
    if (!this.timelines.has(key)) this.timelines.set(key, new Timeline());
    return this.timelines.get(key);
  }

  pendingOf(key) {
    return this.pending.filter((entry) => entry.key === key);
  }

  typists(key) {
    return [...(this.typing.get(key)?.values() ?? [])].map(({ name }) => name);
  }

  isOnline(userId) {
    return this.people.get(userId)?.online ?? false;
  }

  /** A message under its sender's name and picture as they are now; those it came with may be old. */
  signed(message) {
    const { name = message.senderName, img = message.senderImg } = this.people.get(message.senderId) ?? {};
    return name === message.senderName && img === message.senderImg ? message : { ...message, senderName: name, senderImg: img };
  }

  chatById(id) {
    return this.chats.get(chatKey("private", id)) ?? this.chats.get(chatKey("group", id));
  }

  // ── The server's word ──────────────────────────────────────────────────
  apply({ event, data }) {
    REDUCERS[event]?.(this, data);
    for (const listener of this.#hearers) listener(event, data);
  }

  /** Calls `listener(event, data)` with whatever was applied. */
  hear(listener) {
    this.#hearers.push(listener);
  }

  /**
   * The chat list, or its head. A chat whose messages are loaded keeps its version: only a sync may raise that. And one
   * whose settings we were told of after the list was asked for keeps those.
   */
  takeList(entries, { isWhole = true, askedAt = Infinity } = {}) {
    const present = new Set(entries.map((entry) => chatKey(entry.type, entry.id)));
    if (isWhole) for (const [key, chat] of this.chats) if (!present.has(key) && !chat.isBlank) this.forget(key);
    for (const entry of entries) {
      const key = chatKey(entry.type, entry.id);
      const known = this.chats.get(key);
      const isLoaded = this.timelines.get(key)?.isLoaded;
      const readHere = known?.readSeq ?? 0;
      // The list may have been read before something that was heard of here since.
      const isBehind = known && (entry.seq < known.seq || isAfter(known.lastMessage, entry.lastMessage));
      this.chats.set(key, {
        ...known,
        ...entry,
        key,
        isBlank: false,
        seq: Math.max(entry.seq, known?.seq ?? 0),
        version: isLoaded ? known.version : entry.version,
        readSeq: Math.max(entry.readSeq ?? 0, readHere),
        // What was read here and not yet heard of there is read.
        unreadCount: readHere >= entry.seq ? 0 : entry.unreadCount,
        ...(isBehind && { lastMessage: known.lastMessage, unreadCount: known.unreadCount }),
        ...(known && this.#setAt.get(key) > askedAt && { pinned: known.pinned, muted: known.muted, mutedUntil: known.mutedUntil }),
      });
      if (entry.type === "private") this.takePerson(entry);
    }
    this.endMutes(); // what ended here is not taken up again from a list that was on its way, or by a clock that is behind
    this.isListed ||= isWhole;
    this.touch("chats", "people", "open");
  }

  takePerson({ id, name, img, online, lastActive }) {
    const known = this.people.get(id);
    const fresh = Object.entries({ id, name, img, online, lastActive }).filter(([, value]) => value != null);
    this.people.set(id, { ...known, ...Object.fromEntries(fresh) });
    this.touch("people");
  }

  /** A chat that may have no message yet: a person or a group that was just picked. */
  introduce(type, { id, name, img = "", ...rest }) {
    const key = chatKey(type, id);
    if (!this.chats.has(key)) {
      const blank = { muted: false, mutedUntil: null, pinned: false, away: false, memberCount: null, role: null, peerReadSeq: type === "private" ? 0 : null };
      const counts = { seq: 0, version: 0, readSeq: 0, unreadCount: 0, lastMessage: null };
      this.chats.set(key, { key, type, id, name, img, ...blank, ...counts, ...rest, isBlank: true });
      if (type === "private") this.takePerson({ id, name, img, ...rest });
      this.touch("chats");
    }
    return this.chats.get(key);
  }

  forget(key) {
    this.chats.delete(key);
    this.timelines.delete(key);
    this.#versionsAhead.delete(key);
    this.#setAt.delete(key);
    this.pending = this.pending.filter((entry) => entry.key !== key);
    this.touch("chats", "open", `timeline:${key}`);
  }

  patchChat(key, change) {
    const chat = this.chats.get(key);
    if (!chat || Object.entries(change).every(([name, value]) => chat[name] === value)) return;
    Object.assign(chat, change);
    this.touch("chats", `timeline:${key}`);
  }

  /** How its owner has set a chat: pinned, muted. */
  takeSettings(key, settings) {
    this.#setAt.set(key, performance.now());
    this.patchChat(key, settings);
  }

  /** A mute for a time ends by itself, and nobody tells. */
  endMutes(now = Date.now()) {
    for (const { key, mutedUntil } of this.chats.values()) if (mutedUntil && Date.parse(mutedUntil) <= now) this.patchChat(key, { muted: false, mutedUntil: null });
  }

  /** What came of asking for the messages with these ids. */
  takeQuoted(ids, messages) {
    const found = new Map(messages.map((message) => [message.id, message]));
    for (const id of ids) this.quoted.set(id, found.get(id) ?? null);
    this.touch(`timeline:${this.openKey}`);
  }

  /** Moves a chat's version on, or remembers that something before this one is missing. */
  advance(key, version) {
    const chat = this.chats.get(key);
    if (version == null || version <= chat.version) return;
    const ahead = this.#versionsAhead.get(key) ?? new Set();
    ahead.add(version);
    while (ahead.delete(chat.version + 1)) chat.version += 1;
    this.#versionsAhead.set(key, ahead);
    if (ahead.size) this.touch("behind");
  }

  settleVersion(key, version) {
    const chat = this.chats.get(key);
    chat.version = Math.max(chat.version, version);
    const ahead = this.#versionsAhead.get(key);
    for (const one of ahead ?? []) if (one <= chat.version) ahead.delete(one);
    while (ahead?.delete(chat.version + 1)) chat.version += 1;
  }

  /** Whether an event arrived whose predecessor did not. */
  get isBehind() {
    return [...this.#versionsAhead.values()].some((ahead) => ahead.size > 0);
  }

  hearTyping(key, userId, name) {
    const typists = this.typing.get(key) ?? new Map();
    this.typing.set(key, typists);
    clearTimeout(typists.get(userId)?.timer);
    typists.set(userId, { name, timer: setTimeout(() => this.stopTyping(key, userId), TYPING_LASTS) });
    this.touch(`typing:${key}`, "chats");
  }

  stopTyping(key, userId) {
    const typists = this.typing.get(key);
    if (!typists?.has(userId)) return;
    clearTimeout(typists.get(userId).timer);
    typists.delete(userId);
    this.touch(`typing:${key}`, "chats");
  }

  // ── The person's own doing ─────────────────────────────────────────────
  open(key, at = null) {
    this.openKey = key;
    this.openAt = at;
    this.#keepTimeline(key);
    this.touch("open", "chats");
  }

  /** The messages of the chats opened last stay loaded. */
  #keepTimeline(key) {
    const timeline = this.timelines.get(key);
    if (!timeline) return;
    this.timelines.delete(key);
    this.timelines.set(key, timeline);
    if (this.timelines.size > TIMELINES_AT_MOST) this.timelines.delete(this.timelines.keys().next().value);
  }

  setConnection(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.touch("connection");
  }

  setDraft(key, text) {
    if (text.trim()) this.drafts.set(key, text);
    else this.drafts.delete(key);
    this.touch("chats");
  }

  queue(entry) {
    this.pending = [...this.pending, entry];
    this.touch("chats", `timeline:${entry.key}`);
  }

  patchPending(clientId, change) {
    const entry = this.pending.find((one) => one.clientId === clientId);
    if (!entry) return;
    Object.assign(entry, change);
    this.touch(`timeline:${entry.key}`);
  }

  keepLocal(clientId, blob) {
    this.dropLocal(clientId);
    this.local.set(clientId, URL.createObjectURL(blob));
    if (this.local.size > LOCAL_AT_MOST) this.dropLocal(this.local.keys().next().value);
  }

  dropLocal(clientId) {
    if (!this.local.has(clientId)) return;
    URL.revokeObjectURL(this.local.get(clientId));
    this.local.delete(clientId);
  }

  setProgress(clientId, part) {
    this.progress.set(clientId, part);
    this.touch("progress");
  }

  unqueue(clientId) {
    const entry = this.pending.find((one) => one.clientId === clientId);
    if (!entry) return;
    this.pending = this.pending.filter((one) => one !== entry);
    this.touch("chats", `timeline:${entry.key}`);
  }
}

