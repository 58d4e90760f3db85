// Loads messages: pages of a chat's history, quoted messages, search results.
import { offlineProblem } from "chat/net/api.js";

const PAGE_SIZE = 50;
const SEARCH_PAGE_SIZE = 20;
const QUOTED_MAX = 100;

export class MessageHistory {
  #store;
  #server;
  /** Requests under way, by what they load. */
  #loading = new Map();

  constructor({ store, server }) {
    this.#store = store;
    this.#server = server;
  }

  /**
   * Loads what an opened chat shows first: the messages around the first unread one, or the last
   * ones.
   */
  async open(key) {
    const chat = this.#store.chats.get(key);
    if (!chat || this.#store.timeline(key).isLoaded || this.#loadsAround(key)) return;
    if (chat.isBlank && chat.type === "private") {
      this.#store.setHistory(key, []);
      return;
    }
    const isFarBehind = chat.unreadCount > 0 && chat.seq - chat.readSeq > PAGE_SIZE - 10;
    await (isFarBehind ? this.loadAround(key, chat.readSeq + 1) : this.loadEnd(key));
  }

  loadEnd(key) {
    return this.#once(`end ${key}`, async () => this.#store.setHistory(key, await this.lastPage(key)));
  }

  lastPage(key) {
    return this.#page(key, {});
  }

  loadAround(key, seq) {
    return this.#once(`around ${key} ${seq}`, async () =>
      this.#store.setHistory(key, await this.#page(key, { before: seq + PAGE_SIZE / 2 })),
    );
  }

  #loadsAround(key) {
    return [...this.#loading.keys()].some((name) => name.startsWith(`around ${key} `));
  }

  loadOlder(key) {
    const timeline = this.#store.timeline(key);
    if (!timeline.isLoaded || !timeline.hasOlder) return undefined;
    return this.#once(`older ${key}`, async () =>
      this.#store.prependHistory(key, await this.#page(key, { before: timeline.first })),
    );
  }

  loadNewer(key) {
    const timeline = this.#store.timeline(key);
    if (!timeline.isLoaded || timeline.atEnd) return undefined;
    return this.#once(`newer ${key}`, async () =>
      this.#store.appendHistory(key, await this.#page(key, { after: timeline.last })),
    );
  }

  /** Loads quoted messages that no timeline has; those that do not exist are stored as null. */
  loadQuoted(ids) {
    const missing = ids
      .filter((id) => !this.#store.quoted.has(id) && !this.#loading.has(`quoted ${id}`))
      .slice(0, QUOTED_MAX);
    if (!missing.length) return;
    const request = this.#server.quotedMessages(missing).then(
      (found) => this.#store.setQuoted(missing, found),
      () => {},
    );
    for (const id of missing) this.#once(`quoted ${id}`, () => request);
  }

  /**
   * One page of messages that contain `query`, in all chats or in `key`: {items, next}. `next`
   * continues an earlier page.
   */
  search(query, { next = null, key = null }) {
    return next ? this.#server.nextPage(next) : this.#server.searchMessages(query, { key, limit: SEARCH_PAGE_SIZE });
  }

  /** The seq of the first message of a day (2026-05-01) or since, or null. */
  async firstOfDay(key, day) {
    return (await this.#server.firstOfDay(key, day)).seq;
  }

  /** A page of what a chat has of one kind, {items, next}; `next` continues an earlier one. */
  shelf(key, kind, { limit, next = null }) {
    return next ? this.#server.nextPage(next) : this.#server.shelf(key, kind, { limit });
  }

  async #page(key, cursor) {
    if (this.#store.isArchived) throw offlineProblem();
    return this.#server.history(key, this.#store.me.id, { limit: PAGE_SIZE, ...cursor });
  }

  /** Joins a request for the same thing that is still under way. */
  #once(name, load) {
    if (!this.#loading.has(name))
      this.#loading.set(
        name,
        load().finally(() => this.#loading.delete(name)),
      );
    return this.#loading.get(name);
  }
}
