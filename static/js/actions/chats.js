// What can be done with a chat: mark as read or unread, pin, mute, archive; and starting a private chat.
import { splitKey } from "chat/ids.js";

export class Chats {
  #store;
  #server;

  constructor({ store, server }) {
    this.#store = store;
    this.#server = server;
  }

  async markRead(key, upTo) {
    const chat = this.#store.chats.get(key);
    // Without a connection nothing is marked; the open chat tries again after the reconnect.
    if (!chat || this.#store.connection !== "online") return;
    const isWhole = upTo >= chat.seq;
    if (upTo <= chat.readSeq && !(isWhole && chat.markedUnread)) return;
    const { readSeq: readBefore, markedUnread } = chat;
    const none = { unreadCount: 0, markedUnread: false, isHeldUnread: false };
    this.#store.patchChat(key, { readSeq: upTo, ...(isWhole && none) });
    try {
      const { unreadCount } = await this.#server.markRead(chat, upTo);
      if (!this.#isReadUpTo(key, upTo)) return;
      this.#store.patchChat(key, { unreadCount });
      this.#store.settleMention(key);
    } catch ({ code }) {
      if (code === "offline" && this.#isReadUpTo(key, upTo))
        this.#store.patchChat(key, { readSeq: readBefore, markedUnread });
    }
  }

  /** A message and what follows it is unread again for me; without `seq` the last that somebody else said. */
  async markUnread(chat, seq) {
    this.#store.apply({ event: "OnMarkUnread", data: await this.#server.markUnread(chat, seq) });
  }

  /** Puts a chat away until somebody writes, or back into the list. */
  async archive(chat, archived) {
    this.#store.apply({ event: "OnChatUpdate", data: await this.#server.archiveChat(chat, archived) });
  }

  /** Whether nothing further was read meanwhile. Asks the store again: a new chat list replaces the chat's object. */
  #isReadUpTo(key, upTo) {
    return this.#store.chats.get(key)?.readSeq === upTo;
  }

  async pin(chat, pinned) {
    this.#store.apply({ event: "OnChatUpdate", data: await this.#server.pinChat(chat, pinned) });
  }

  /** `seconds` limits a mute; without it the mute lasts until further notice. */
  async mute(chat, { muted, seconds }) {
    this.#store.apply({ event: "OnChatUpdate", data: await this.#server.muteChat(chat, { muted, seconds }) });
  }

  /** Which messages of it notify me: all, mentions or nothing; null for my default. */
  async setLevel(chat, level) {
    this.#store.apply({ event: "OnChatUpdate", data: await this.#server.setLevel(chat, level) });
  }

  /** The others among those with `search` in their names. */
  async findPeople(search) {
    return (await this.#server.people(search)).filter(({ id }) => id !== this.#store.me.id);
  }

  /** The key of the private chat with `user`. */
  withPerson(user) {
    return this.#store.ensureChat("private", user).key;
  }

  /** The key of the chat with myself. */
  saved() {
    return this.withPerson(this.#store.me);
  }

  /** The chat at an address; null, or a Problem, if it does not exist for this user. */
  async resolve(key) {
    if (this.#store.chats.has(key)) return this.#store.chats.get(key);
    const { type, id } = splitKey(key);
    if (type !== "private") return null;
    const known = this.#store.isSaved(type, id) ? this.#store.me : this.#store.people.get(id);
    const user = known?.name ? known : await this.#server.person(id);
    return this.#store.ensureChat("private", user);
  }

  /** Adds the chats with people to whom something was begun and nothing has arrived yet. */
  async addBegun() {
    const { drafts, pending } = this.#store;
    const keys = new Set([...drafts.keys(), ...pending.map((entry) => entry.key)]);
    await Promise.allSettled([...keys].map((key) => this.resolve(key)));
  }
}
