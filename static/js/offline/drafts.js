// What is being written, in storage by user and chat: it survives a switch of chats and a reload,
// and every tab has the same. Of text, mentions and reply it also keeps what the server knows of them:
// actions/draft_sync.js takes them to other devices.
import { guardUnload, storage } from "chat/storage.js";

const isEmpty = ({ text, replyTo, edits }) => !text.trim() && !replyTo && !edits.length;

/** Drafts were bare texts once. */
function parse(value) {
  try {
    const { text, mentions, replyTo, edits, isAside } = JSON.parse(value);
    if (typeof text === "string" && Array.isArray(edits))
      return { text, mentions: mentions ?? [], replyTo: replyTo ?? null, edits, isAside: Boolean(isAside) };
  } catch {
    // A text that is no JSON.
  }
  return { text: value, mentions: [], replyTo: null, edits: [], isAside: false };
}

/** What of a draft goes to other devices; unfinished edits stay on this one. */
export const wordsOf = ({ text, mentions, replyTo }) =>
  text.trim() || replyTo ? { text, mentions, replyTo: replyTo?.id ?? null } : { text: "", mentions: [], replyTo: null };

export class Drafts {
  #store;
  #prefix;
  #shared;
  #guards = new Map();
  /** Called with a chat's key when what goes to other devices was changed here. */
  onChange = () => {};

  constructor(store) {
    this.#store = store;
    this.#prefix = `chat.draft.${store.me.id}.`;
    this.#shared = `chat.draft-shared.${store.me.id}.`;
    for (const key of storage.keys(this.#prefix))
      store.setDraft(key.slice(this.#prefix.length), parse(storage.get(key)));
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this.#prefix))
        store.receiveDraft(key.slice(this.#prefix.length), newValue === null ? null : parse(newValue));
    });
  }

  /** `draft` is as `Store.draftOf` has it. */
  save(key, draft) {
    const before = JSON.stringify(this.wordsOf(key));
    this.#keep(key, draft);
    this.#store.setDraft(key, isEmpty(draft) ? null : draft);
    if (JSON.stringify(this.wordsOf(key)) === before) return;
    this.#note(key, { ...this.stateOf(key), changedAt: new Date().toISOString() });
    this.onChange(key);
  }

  #keep(key, draft) {
    this.#guards.get(key)?.();
    this.#guards.delete(key);
    if (isEmpty(draft)) storage.remove(this.#prefix + key);
    else if (!storage.set(this.#prefix + key, JSON.stringify(draft))) this.#guards.set(key, guardUnload());
  }

  clear() {
    for (const prefix of [this.#prefix, this.#shared]) for (const key of storage.keys(prefix)) storage.remove(key);
    for (const release of this.#guards.values()) release();
    this.#guards.clear();
  }

  // ── What other devices have of them ─────────────────────────────────────
  /** The words of a chat's draft, as the server keeps them. */
  wordsOf(key) {
    return wordsOf(this.#store.draftOf(key));
  }

  /**
   * {revision, changedAt}: what the server gave for the last words that both had, and when they were changed here since;
   * each null where there is none.
   */
  stateOf(key) {
    return storage.getJson(this.#shared + key, { revision: null, changedAt: null });
  }

  /** The chats whose words the server and this browser had in common, or that were changed here. */
  get known() {
    return storage.keys(this.#shared).map((key) => key.slice(this.#shared.length));
  }

  /** The server has these words under a revision; what was written since is still to be saved. */
  noteSaved(key, words, revision) {
    const isSame = JSON.stringify(this.wordsOf(key)) === JSON.stringify(words);
    this.#note(key, { revision, changedAt: isSame ? null : this.stateOf(key).changedAt });
  }

  /** Words from another device, with the message that they reply to: they replace those here, and leave edits. */
  receive(key, { text, mentions, replyTo, revision }) {
    const draft = Object.assign(this.#store.draftOf(key), { text, mentions, replyTo });
    this.#keep(key, draft);
    this.#store.receiveDraft(key, isEmpty(draft) ? null : draft);
    this.#note(key, { revision, changedAt: null });
  }

  /** The chat is no longer mine. */
  forget(key) {
    storage.remove(this.#shared + key);
    this.#keep(key, this.#store.draftOf(null));
    this.#store.receiveDraft(key, null);
  }

  #note(key, state) {
    const { text, replyTo } = this.wordsOf(key);
    // Nothing is here, and the server has nothing: nothing has to be known of it.
    if (!text && !replyTo && !state.changedAt) storage.remove(this.#shared + key);
    else storage.set(this.#shared + key, JSON.stringify(state));
  }
}
