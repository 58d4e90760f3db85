// Unsent words, one place per person and chat, so that they survive a switch and a reload and never meet another chat.
export class Drafts {
  #store;
  #prefix;

  constructor(store) {
    this.#store = store;
    this.#prefix = `chat.draft.${store.me.id}.`;
    for (const key of this.#keys()) store.drafts.set(key.slice(this.#prefix.length), localStorage.getItem(key));
  }

  save(key, text) {
    if (text.trim()) localStorage.setItem(this.#prefix + key, text);
    else localStorage.removeItem(this.#prefix + key);
    this.#store.setDraft(key, text);
  }

  clear() {
    for (const key of this.#keys()) localStorage.removeItem(key);
  }

  #keys() {
    return Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix));
  }
}
