// Takes drafts to my other devices, and theirs here: the one that was changed last is kept. What is being typed here is
// never replaced. storage is this page's truth (offline/drafts.js): without a connection it goes on, and is saved later.
import { chatKey, splitKey } from "chat/ids.js";
import { serverNow } from "chat/timing.js";

/** At most one draft of a chat is saved in this time. */
const SAVE_MS = 3000;
const RETRY_MS = 30_000;
/** A private chat begins on the server with its first message. */
const hasBegun = (chat) => Boolean(chat) && !chat.isBlank && (chat.type === "group" || chat.seq > 0);

/** As the server takes it. */
const TEXT_MAX = 8000;

export class DraftSync {
  #store;
  #server;
  #drafts;
  #timers = new Map();
  /** Chats whose draft is being saved. */
  #saving = new Set();
  /** What came for a chat while it was not to be replaced. */
  #later = new Map();
  /** When something was heard of a chat's draft, by performance.now(). */
  #heardAt = new Map();
  #openKey = null;

  constructor({ store, server, drafts }) {
    this.#store = store;
    this.#server = server;
    this.#drafts = drafts;
    drafts.onChange = (key) => this.#changed(key);
    store.onEvent((event, data) => event === "OnDraft" && this.#hear(data));
    store.on("open", () => this.#leave());
    document.addEventListener("visibilitychange", () => document.hidden && this.#saveAll());
    window.addEventListener("pagehide", () => this.#saveAll());
  }

  /** After each greeting of the server: what other devices wrote meanwhile, and what waited here. */
  async load() {
    const askedAt = performance.now();
    const list = await this.#server.drafts();
    const present = new Set();
    for (const draft of list) {
      const key = chatKey(draft.type, draft.id);
      present.add(key);
      if (!(this.#heardAt.get(key) > askedAt)) await this.#take(key, draft, { isNewer: true });
    }
    for (const key of this.#drafts.known) {
      if (this.#store.hasChatList && splitKey(key).type === "group" && !this.#store.chats.has(key)) {
        this.#drafts.forget(key);
        continue;
      }
      const { revision, changedAt } = this.#drafts.stateOf(key);
      if (present.has(key) || changedAt || !revision || this.#heardAt.get(key) > askedAt) continue;
      this.#drafts.receive(key, { text: "", mentions: [], replyTo: null, revision });
    }
    this.#saveAll();
  }

  // ── From here ───────────────────────────────────────────────────────────
  #changed(key) {
    const { text, replyTo } = this.#drafts.wordsOf(key);
    if (!text && !replyTo) this.#save(key);
    else if (!this.#timers.has(key))
      this.#timers.set(
        key,
        setTimeout(() => this.#save(key), SAVE_MS),
      );
  }

  #leave() {
    const left = this.#openKey;
    this.#openKey = this.#store.openKey;
    if (left && left !== this.#openKey) this.#save(left);
  }

  #saveAll() {
    for (const key of this.#drafts.known) this.#save(key);
  }

  async #save(key) {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const chat = this.#store.chats.get(key);
    const words = this.#drafts.wordsOf(key);
    if (!this.#drafts.stateOf(key).changedAt || this.#saving.has(key)) return;
    // What is too long can neither be sent nor saved.
    if (this.#store.connection !== "online" || !hasBegun(chat) || [...words.text].length > TEXT_MAX) return;
    this.#saving.add(key);
    try {
      const { revision } = await this.#server.saveDraft(splitKey(key), words);
      this.#heardAt.set(key, performance.now());
      this.#drafts.noteSaved(key, words, revision);
    } catch ({ code }) {
      if (code === "not_found" && chat.type === "group") this.#drafts.forget(key);
      else if (code !== "offline" && !this.#timers.has(key))
        this.#timers.set(
          key,
          setTimeout(() => this.#save(key), RETRY_MS),
        );
      return;
    } finally {
      this.#saving.delete(key);
    }
    const later = this.#later.get(key);
    this.#later.delete(key);
    if (this.#drafts.stateOf(key).changedAt) this.#changed(key);
    else if (later) await this.#take(key, later);
  }

  // ── From other devices ──────────────────────────────────────────────────
  #hear(draft) {
    const key = chatKey(draft.type, draft.id);
    this.#heardAt.set(key, performance.now());
    if (this.#saving.has(key)) this.#later.set(key, draft);
    else this.#take(key, draft);
  }

  /** `isNewer`: it is what the server has now, whatever revisions were before it, as after a restored backup. */
  async #take(key, draft, { isNewer = false } = {}) {
    if (!this.#mayReplace(key, draft, isNewer)) return;
    const replyTo = draft.replyTo && (await this.#message(key, draft.replyTo));
    // Something may have been typed meanwhile.
    if (this.#mayReplace(key, draft, isNewer)) this.#drafts.receive(key, { ...draft, replyTo: replyTo ?? null });
  }

  #mayReplace(key, { revision, savedAt }, isNewer) {
    const known = this.#drafts.stateOf(key);
    if (this.#saving.has(key) || revision === known.revision) return false;
    if (!isNewer && known.revision && revision < known.revision) return false;
    if (!known.changedAt) return true;
    // Changed here and never saved: long ago, perhaps, on a device that was put aside.
    const isTyping = key === this.#store.openKey && Date.parse(known.changedAt) > Date.now() - 10 * SAVE_MS;
    return !isTyping && Date.parse(savedAt) > Date.parse(known.changedAt) + (serverNow() - Date.now());
  }

  async #message(key, id) {
    const known = this.#store.timelines.get(key)?.find(id) ?? this.#store.quoted.get(id);
    if (known) return known;
    const [found] = await this.#server.quotedMessages([id]).catch(() => []);
    return found ?? null;
  }
}
