// What is being written, in storage by user and chat: it survives a switch of chats and a reload,
// and every tab has the same.
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

export class Drafts {
  #store;
  #prefix;
  #guards = new Map();

  constructor(store) {
    this.#store = store;
    this.#prefix = `chat.draft.${store.me.id}.`;
    for (const key of storage.keys(this.#prefix))
      store.setDraft(key.slice(this.#prefix.length), parse(storage.get(key)));
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this.#prefix))
        store.receiveDraft(key.slice(this.#prefix.length), newValue === null ? null : parse(newValue));
    });
  }

  /** `draft` is as `Store.draftOf` has it. */
  save(key, draft) {
    this.#guards.get(key)?.();
    this.#guards.delete(key);
    if (isEmpty(draft)) storage.remove(this.#prefix + key);
    else if (!storage.set(this.#prefix + key, JSON.stringify(draft))) this.#guards.set(key, guardUnload());
    this.#store.setDraft(key, isEmpty(draft) ? null : draft);
  }

  clear() {
    for (const key of storage.keys(this.#prefix)) storage.remove(key);
    for (const release of this.#guards.values()) release();
    this.#guards.clear();
  }
}
