// What can be read while the server is away: the chats that moved last and the end of each, in a database of this person
// alone. It is a copy, bounded, and given up as soon as the server speaks again. Whoever signs out leaves none.
import { answer, openDatabase } from "chat/offline/database.js";
import { chatKey } from "chat/ids.js";
import { keyOf } from "chat/state/reducers.js";

const CHATS = 30;
const MESSAGES = 50;
const STATE = "state";
const ENDS = "ends";
const WAIT = 1500;
const QUIET = 3000;
const PAUSE = 150;
const LAST_PERSON = "chat.archive";
const nameOf = (userId) => `chat.archive.${userId}`;

const SAID = {
  OnPrivate: (message) => [message],
  OnGroupMsg: (message) => [message],
  OnRecall: (message) => [message],
  OnEdit: (message) => [message],
  OnSync: ({ chats }) => chats.flatMap(({ messages }) => messages),
};

/**
 * The end of a chat as it is kept, {messages, version}, with what was heard since: an unbroken run, the last of it.
 * `version` is where the chat stood when nothing was missing.
 */
function extended({ messages, version } = { messages: [], version: 0 }, heard) {
  const run = new Map(messages.map((message) => [message.seq, message]));
  let last = messages.at(-1)?.seq ?? 0;
  let known = version;
  for (const message of heard.toSorted((one, other) => one.version - other.version)) {
    if (message.version === known + 1) known += 1;
    if (message.seq > last + 1) run.clear();
    if (message.seq > last || run.has(message.seq)) run.set(message.seq, message);
    last = Math.max(last, message.seq);
  }
  return { messages: [...run.values()].slice(-MESSAGES), version: known };
}

export class Archive {
  #userId;
  #opening = null;
  #isOver = false;
  #heard = new Map();
  #timer = 0;
  #store = null;

  constructor(userId) {
    this.#userId = userId;
  }

  /** What the last person's page was told about him, and his archive; null where nobody is known. */
  static async last() {
    const userId = localStorage.getItem(LAST_PERSON);
    const archive = userId && new Archive(userId);
    const boot = archive && (await archive.#get(STATE, "boot"));
    return boot ? { archive, boot } : null;
  }

  /** From now on this person's; the last one's is gone. */
  async begin(boot) {
    const before = localStorage.getItem(LAST_PERSON);
    if (before && before !== this.#userId) indexedDB.deleteDatabase(nameOf(before));
    localStorage.setItem(LAST_PERSON, this.#userId);
    await this.#put(STATE, "boot", boot);
  }

  /** Keeps up with the store; `history(key)` fetches the last page of a chat. */
  follow(store, history) {
    this.#store = store;
    store.on("chats", () => this.#soon());
    store.hear((event, data) => {
      for (const message of SAID[event]?.(data) ?? []) this.#hear(keyOf(message, store.me.id), message);
      if (event === "OnSync") for (const { type, id, limited } of data.chats) if (limited) this.#drop(chatKey(type, id));
      this.#soon();
    });
    addEventListener("pagehide", () => this.#save());
    const stop = store.on("connection", () => {
      if (store.connection !== "online") return;
      stop();
      setTimeout(() => this.#fillAlone(history), QUIET);
    });
  }

  /** Kept until it is written. Of much that comes at once the end will do: what a gap leaves out is fetched by `#fill`. */
  #hear(key, message) {
    const heard = this.#heard.get(key) ?? [];
    heard.push(message);
    if (heard.length > MESSAGES) heard.shift();
    this.#heard.set(key, heard);
  }

  /** One page of several brings in what is missing, when the page itself has all it needs. */
  #fillAlone(history) {
    if (!navigator.locks) return this.#fill(history);
    return navigator.locks.request(nameOf(this.#userId), { ifAvailable: true }, (lock) => lock && this.#fill(history));
  }

  /** Puts what is kept into an empty store. */
  async restore(store) {
    store.isCopy = true;
    const chats = (await this.#get(STATE, "chats")) ?? [];
    store.takeList(chats.map((chat) => ({ ...chat, online: null })));
    for (const { type, id } of chats) {
      const key = chatKey(type, id);
      const end = await this.#get(ENDS, key);
      if (!end?.messages.length) continue;
      store.timeline(key).replace(end.messages, { head: end.messages.at(-1).seq, hasOlder: end.messages[0].seq > 1 });
      store.touch(`timeline:${key}`);
    }
  }

  /** The server speaks again: what it says stands instead of the copy. */
  static release(store) {
    store.isCopy = false;
    store.timelines.clear();
    store.touch("open");
  }

  async clear() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    localStorage.removeItem(LAST_PERSON);
    (await this.#opening?.catch(() => null))?.close();
    indexedDB.deleteDatabase(nameOf(this.#userId));
  }

  get #recent() {
    return this.#store.list.filter((chat) => !chat.isBlank).slice(0, CHATS);
  }

  /** One at a time, however slow the database is. */
  #soon() {
    this.#timer ||= setTimeout(async () => {
      await this.#save();
      this.#timer = 0;
      if (this.#heard.size) this.#soon();
    }, WAIT);
  }

  async #save() {
    if (!this.#store.isListed) return;
    const heard = [...this.#heard];
    this.#heard.clear();
    // eslint-disable-next-line no-unused-vars -- what only this page needs
    const chats = this.#recent.map(({ readCursors, isBlank, key, ...chat }) => chat);
    await this.#put(STATE, "chats", chats);
    const keys = new Set(chats.map(({ type, id }) => chatKey(type, id)));
    for (const key of await this.#keys(ENDS)) if (!keys.has(key)) await this.#drop(key);
    for (const [key, messages] of heard) if (keys.has(key)) await this.#put(ENDS, key, extended(await this.#get(ENDS, key), messages));
  }

  /** Fetches the ends that are not there or that moved on while nobody listened, without haste. */
  async #fill(history) {
    for (const { key, seq, version } of this.#recent) {
      const end = await this.#get(ENDS, key);
      if (this.#isOver || this.#store.connection === "offline") return;
      if (!seq || (end?.version === version && end.messages.at(-1)?.seq >= seq)) continue;
      const messages = await history(key).catch(() => null);
      if (messages) await this.#put(ENDS, key, { messages, version });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  // ── The database ───────────────────────────────────────────────────────
  // Where a browser keeps nothing (a private window), there is nothing to read later.
  #get(store, key) {
    return this.#run(store, "readonly", (entries) => entries.get(key));
  }

  #keys(store) {
    return this.#run(store, "readonly", (entries) => entries.getAllKeys()).then((keys) => keys ?? []);
  }

  #put(store, key, value) {
    return this.#run(store, "readwrite", (entries) => entries.put(value, key));
  }

  #drop(key) {
    return this.#run(ENDS, "readwrite", (entries) => entries.delete(key));
  }

  async #run(store, mode, work) {
    try {
      if (this.#isOver) return undefined;
      this.#opening ??= this.#open();
      const database = await this.#opening;
      return await answer(work(database.transaction(store, mode).objectStore(store)));
    } catch {
      return undefined;
    }
  }

  async #open() {
    const database = await openDatabase(nameOf(this.#userId), [STATE, ENDS]);
    // Another page deletes it: somebody else has signed in here, or nobody is.
    database.addEventListener("versionchange", () => {
      this.#isOver = true;
      database.close();
    });
    return database;
  }
}
