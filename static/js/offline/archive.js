// What can be read while the server is away: the most recent chats and the last messages of each,
// one database per user. A bounded copy: the page drops it when the server answers again, a
// sign-out deletes it.
import { asKnown, emptied } from "chat/hidden.js";
import { chatKey, chatKeyOf } from "chat/ids.js";
import { openDatabase, resultOf } from "chat/offline/database.js";
import { storage } from "chat/storage.js";

const CHATS_MAX = 30;
const MESSAGES_MAX = 50;
const STATE = "state";
const ENDINGS = "ends";
const SAVE_DELAY_MS = 1500;
const FILL_DELAY_MS = 3000;
const FILL_PAUSE_MS = 150;
const LAST_USER = "chat.archive";
const databaseName = (userId) => `chat.archive.${userId}`;

/** The messages in the events that carry some. */
const MESSAGES_OF = {
  OnPrivate: (message) => [message],
  OnGroupMsg: (message) => [message],
  OnRecall: (message) => [message],
  OnEdit: (message) => [message],
  OnReaction: (message) => [message],
  OnSync: ({ chats }) => chats.flatMap(({ messages }) => messages),
};

/**
 * A stored ending, {messages, version}, with the messages received since: the last MESSAGES_MAX of
 * an unbroken run. `version` is the chat's version up to which nothing is missing, `hidden` are the ids of messages that
 * I deleted for myself.
 */
function extended({ messages, version } = { messages: [], version: 0 }, received, hidden = new Set()) {
  const run = new Map(messages.map((message) => [message.seq, message]));
  let last = messages.at(-1)?.seq ?? 0;
  let known = version;
  for (const message of received.toSorted((one, other) => one.version - other.version)) {
    if (message.version === known + 1) known += 1;
    if (message.seq > last + 1) run.clear();
    if (message.seq > last || run.has(message.seq)) run.set(message.seq, asKnown(message, run.get(message.seq)));
    last = Math.max(last, message.seq);
  }
  const shown = [...run.values()].map((message) => (hidden.has(message.id) ? emptied(message) : message));
  return { messages: shown.slice(-MESSAGES_MAX), version: known };
}

export class Archive {
  #userId;
  #opening = null;
  #isClosed = false;
  #received = new Map();
  /** The ids of what was deleted for me since this page is open, by chat key. */
  #hidden = new Map();
  #saveTimer = 0;
  #hasChanged = false;
  #store = null;

  constructor(userId) {
    this.#userId = userId;
  }

  /** The last user's archive and boot data, {archive, boot}; null if this browser knows no user. */
  static async last() {
    const userId = storage.get(LAST_USER);
    const archive = userId && new Archive(userId);
    const boot = archive && (await archive.#get(STATE, "boot"));
    return boot ? { archive, boot } : null;
  }

  /** Makes this the archive of this browser; another user's is deleted. */
  async begin(boot) {
    const before = storage.get(LAST_USER);
    if (before && before !== this.#userId) globalThis.indexedDB?.deleteDatabase(databaseName(before));
    storage.set(LAST_USER, this.#userId);
    const known = await this.#get(STATE, "boot");
    if (known && known.epoch !== boot.epoch) await this.#clearEndings();
    await this.#put(STATE, "boot", boot);
  }

  /**
   * Keeps the archive up to date with the store; `history(key)` fetches the last page of a chat.
   */
  follow(store, history) {
    this.#store = store;
    store.on("chats", () => this.#scheduleSave());
    store.on("afresh", () => this.#startAfresh(store.epoch));
    store.onEvent((event, data) => {
      for (const message of MESSAGES_OF[event]?.(data) ?? []) this.#receive(chatKeyOf(message, store.me.id), message);
      if (event === "OnSync")
        for (const { type, id, limited, hiddenIds } of data.chats) {
          this.#hide(chatKey(type, id), hiddenIds);
          if (limited) this.#delete(chatKey(type, id));
        }
      if (event === "OnHide") this.#hide(chatKey(data.type, data.id), data.messageIds);
      this.#scheduleSave();
    });
    addEventListener("pagehide", () => this.#save());
    const stop = store.on("connection", () => {
      if (store.connection !== "online") return;
      stop();
      setTimeout(() => this.#fillInOneTab(history), FILL_DELAY_MS);
    });
  }

  /** The numbers of the stored messages mean nothing any more. */
  async #startAfresh(epoch) {
    this.#received.clear();
    await this.#clearEndings();
    const boot = await this.#get(STATE, "boot");
    if (boot) await this.#put(STATE, "boot", { ...boot, epoch });
  }

  #clearEndings() {
    return this.#run(ENDINGS, "readwrite", (entries) => entries.clear());
  }

  /**
   * Collects messages until the next save. Of many at once the last are enough: `#fill` fetches
   * what a gap leaves out.
   */
  #receive(key, message) {
    const received = this.#received.get(key) ?? [];
    received.push(message);
    if (received.length > MESSAGES_MAX) received.shift();
    this.#received.set(key, received);
  }

  #hide(key, ids) {
    if (!ids.length) return;
    this.#hidden.set(key, new Set([...(this.#hidden.get(key) ?? []), ...ids]));
    if (!this.#received.has(key)) this.#received.set(key, []);
  }

  /** Fetches what is missing, in one of several open tabs. */
  #fillInOneTab(history) {
    if (!navigator.locks) return this.#fill(history);
    return navigator.locks.request(
      databaseName(this.#userId),
      { ifAvailable: true },
      (lock) => lock && this.#fill(history),
    );
  }

  /** Fills an empty store with the archive. */
  async restore(store) {
    const chats = (await this.#get(STATE, "chats")) ?? [];
    const keys = chats.map(({ type, id }) => chatKey(type, id));
    const endings = await Promise.all(keys.map(async (key) => [key, (await this.#get(ENDINGS, key))?.messages ?? []]));
    store.showArchive(
      chats,
      endings.filter(([, messages]) => messages.length),
    );
  }

  async clear() {
    this.#isClosed = true;
    clearTimeout(this.#saveTimer);
    storage.remove(LAST_USER);
    (await this.#opening?.catch(() => null))?.close();
    globalThis.indexedDB?.deleteDatabase(databaseName(this.#userId));
  }

  get #recent() {
    return this.#store.chatList.filter((chat) => !chat.isBlank).slice(0, CHATS_MAX);
  }

  /** Saves run one at a time, however slow the database is; what changes during one is saved by the next. */
  #scheduleSave() {
    this.#hasChanged = true;
    this.#saveTimer ||= setTimeout(async () => {
      this.#hasChanged = false;
      await this.#save();
      this.#saveTimer = 0;
      if (this.#hasChanged) this.#scheduleSave();
    }, SAVE_DELAY_MS);
  }

  async #save() {
    if (!this.#store.hasChatList) return;
    const received = [...this.#received];
    this.#received.clear();
    // eslint-disable-next-line no-unused-vars -- they belong to this page only
    const chats = this.#recent.map(({ readCursors, isBlank, key, ...chat }) => chat);
    await this.#put(STATE, "chats", chats);
    const keys = new Set(chats.map(({ type, id }) => chatKey(type, id)));
    for (const key of await this.#keys(ENDINGS)) if (!keys.has(key)) await this.#delete(key);
    for (const [key, messages] of received) {
      if (keys.has(key))
        await this.#put(ENDINGS, key, extended(await this.#get(ENDINGS, key), messages, this.#hidden.get(key)));
      else this.#keepForLater(key, messages);
    }
  }

  /** The first message of a chat comes before the list that has the chat; with the list, all is saved again. */
  #keepForLater(key, messages) {
    this.#received.set(key, [...messages, ...(this.#received.get(key) ?? [])].slice(-MESSAGES_MAX));
    if (this.#received.size > CHATS_MAX) this.#received.delete(this.#received.keys().next().value);
  }

  /** Fetches, slowly, the endings that are missing or outdated. */
  async #fill(history) {
    for (const { key, seq, version } of this.#recent) {
      const ending = await this.#get(ENDINGS, key);
      if (this.#isClosed || this.#store.connection === "offline") return;
      if (!this.#store.chats.has(key)) continue; // it went meanwhile
      if (!seq || (ending?.version === version && ending.messages.at(-1)?.seq >= seq)) continue;
      const messages = await history(key).catch(() => null);
      if (messages) {
        // What arrived and was saved while they were fetched stays.
        const last = messages.at(-1)?.seq ?? 0;
        const since = (await this.#get(ENDINGS, key))?.messages.filter((message) => message.seq > last) ?? [];
        await this.#put(ENDINGS, key, extended({ messages, version }, since));
      }
      await new Promise((resolve) => setTimeout(resolve, FILL_PAUSE_MS));
    }
  }

  // ── The database ────────────────────────────────────────────────────────
  // Where a browser stores nothing (a private window), every read returns undefined.
  #get(store, key) {
    return this.#run(store, "readonly", (entries) => entries.get(key));
  }

  #keys(store) {
    return this.#run(store, "readonly", (entries) => entries.getAllKeys()).then((keys) => keys ?? []);
  }

  #put(store, key, value) {
    return this.#run(store, "readwrite", (entries) => entries.put(value, key));
  }

  #delete(key) {
    return this.#run(ENDINGS, "readwrite", (entries) => entries.delete(key));
  }

  async #run(store, mode, work) {
    try {
      if (this.#isClosed) return undefined;
      this.#opening ??= this.#open();
      const database = await this.#opening;
      const transaction = database.transaction(store, mode);
      const result = resultOf(work(transaction.objectStore(store)));
      // A page that is left keeps nothing of a transaction that waits for more.
      transaction.commit();
      return await result;
    } catch {
      return undefined;
    }
  }

  async #open() {
    const database = await openDatabase(databaseName(this.#userId), [STATE, ENDINGS]);
    // Another page deletes it, after a sign-out or for another user.
    database.addEventListener("versionchange", () => {
      this.#isClosed = true;
      database.close();
    });
    return database;
  }
}
