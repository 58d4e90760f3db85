// What can be done with messages: send, retry, discard, edit, recall, hide, forward, react, pin, list readers.
const TYPING_INTERVAL_MS = 3000;
const READERS_PAGE = 50;
/** Messages of one request for my reactions. */
const ASKED_MAX = 200;

export class Messages {
  #store;
  #server;
  #outbox;
  #drafts;
  #typingSentAt = -Infinity;
  /** By message id, the requests for my reactions. */
  #asking = new Map();

  constructor({ store, server, outbox, drafts }) {
    this.#store = store;
    this.#server = server;
    this.#outbox = outbox;
    this.#drafts = drafts;
  }

  /**
   * Returns {isKept, delivery} as `Outbox.add` does; null if the chat does not exist any more.
   */
  send(key, { content, mentions }, replyTo = null) {
    if (!this.#prepare(key)) return null;
    this.#typingSentAt = -Infinity;
    return this.#outbox.add({ key, content, mentions, replyTo });
  }

  /** A file as `media/prepare.js` returned it; `content` is its caption. */
  sendFile(key, { type, mediaType, file, shown }, content = "", replyTo = null) {
    if (!this.#prepare(key)) return;
    this.#outbox.addFile({ key, type, mediaType, file, content, replyTo, shown });
  }

  /** As `send`. */
  sendLocation(key, locationData, replyTo = null) {
    if (!this.#prepare(key)) return null;
    return this.#outbox.add({ key, type: "location", content: "", replyTo, locationData });
  }

  findPlaces(name) {
    return this.#server.findPlaces(name);
  }

  /** Resolves with an address, or with "" where none is known. */
  async addressOf(place) {
    const { address } = await this.#server.addressOf(place).catch(() => ({ address: "" }));
    return address;
  }

  /** Returns whether the chat still exists: it may be gone by the time its dialog is answered. */
  #prepare(key) {
    this.#store.beginChat(key);
    this.#server.connectNow();
    return this.#store.chats.has(key);
  }

  retry(clientId) {
    this.#outbox.retry(clientId);
  }

  sendAsFile(clientId) {
    this.#outbox.sendAsFile(clientId);
  }

  discard(clientId) {
    this.#outbox.discard(clientId);
  }

  /** `draft` is as `Store.draftOf` has it. */
  saveDraft(key, draft) {
    this.#drafts.save(key, draft);
  }

  /** Tells the other members that I am typing, at most every TYPING_INTERVAL_MS. */
  notifyTyping(key) {
    if (performance.now() - this.#typingSentAt < TYPING_INTERVAL_MS || !this.#store.chats.get(key).seq) return;
    if (this.#store.chats.get(key).isSaved) return;
    if (this.#server.notifyTyping(key)) this.#typingSentAt = performance.now();
  }

  async recall(message) {
    const recalled = await this.#server.recall(message.id);
    if (message.senderId === this.#store.me.id && message.type === "text")
      this.#store.keepRecalledText(message.id, message.content);
    this.#store.apply({ event: "OnRecall", data: recalled });
  }

  /** Deletes messages for me alone. */
  async hide(messages) {
    const { chats } = await this.#server.hideMessages(messages.map(({ id }) => id));
    for (const chat of chats) this.#store.apply({ event: "OnHide", data: chat });
  }

  /** Sends messages on to the chats with these keys. Resolves with {held}: how many wait for a moderator. */
  async forward(messages, keys, options) {
    const ids = messages.map(({ id }) => id);
    const { messages: copies, held } = await this.#server.forward(ids, keys, options);
    for (const copy of copies) this.#store.apply({ event: copy.groupId ? "OnGroupMsg" : "OnPrivate", data: copy });
    return { held };
  }

  async edit(message, { content, mentions }) {
    this.#store.apply({ event: "OnEdit", data: await this.#server.edit(message.id, content, mentions) });
  }

  /** Reacts to a message, or takes that back. */
  async toggleReaction(message, emoji) {
    if (this.#store.isUnsureOfReactions(message)) await this.loadOwnReactions([message.id]);
    const on = !this.#store.reactionsOn(message).find((one) => one.emoji === emoji)?.isMine;
    let isDone = false;
    this.#store.beginReaction(message, emoji, on);
    try {
      this.#store.apply({ event: "OnReaction", data: await this.#server.react(message.id, emoji, on) });
      isDone = true;
    } finally {
      this.#store.endReaction(message, emoji, on, { isDone });
    }
  }

  /** Asks which reactions on these messages are mine: one request for all that nobody asks for already. */
  async loadOwnReactions(ids) {
    const missing = ids.filter((id) => !this.#asking.has(id)).slice(0, ASKED_MAX);
    if (missing.length) {
      const request = this.#server
        .ownReactions(missing)
        .then((found) => this.#store.setOwnReactions(missing, found))
        .finally(() => missing.forEach((id) => this.#asking.delete(id)));
      for (const id of missing) this.#asking.set(id, request);
    }
    await Promise.all(ids.map((id) => this.#asking.get(id)));
  }

  /** Pins a message for everybody in its chat, or unpins it. */
  async pin({ id }, pinned) {
    this.#store.setPins(await this.#server.pinMessage(id, pinned));
  }

  /** Resolves with {items, next}: who reacted, {emoji, user}. */
  async reactions(message) {
    const reacted = await this.#server.reactions(message.id);
    this.#store.noteReacted(message, reacted.items);
    return reacted;
  }

  /** What each code unit of a code block is in its language: see `Server.highlight`. */
  async highlight(code, language) {
    return (await this.#server.highlight(code, language)).kinds;
  }

  /** The beginning of a text file, as a text; null if it is none. */
  async beginningOf({ mediaUrl }, bytes) {
    return decoded(await this.#server.beginningOf(mediaUrl, bytes), bytes);
  }

  /** The people whom a system line counts. */
  addedPeople(message) {
    return this.#server.addedPeople(message.id);
  }

  /** A page of those who have read a message, or have not, {items, next}; `next` continues an earlier one. */
  readers(message, { read, next = null }) {
    return next ? this.#server.nextPage(next) : this.#server.readers(message.id, { read, limit: READERS_PAGE });
  }
}

/** Of what is no UTF-8, Chinese as it was written before is tried. A character at the end may be cut. */
function decoded(bytes, most) {
  if (bytes.subarray(0, most).includes(0)) return null;
  for (const encoding of ["utf-8", "gb18030"])
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: bytes.length >= most });
    } catch {
      // Another encoding.
    }
  return null;
}
