// Unsent texts, in localStorage by user and chat: a draft survives a switch of chats and a reload.
export class Drafts {
  #store;
  #prefix;

  constructor(store) {
    this.#store = store;
    this.#prefix = `chat.draft.${store.me.id}.`;
    for (const key of this.#keys()) store.setDraft(key.slice(this.#prefix.length), localStorage.getItem(key));
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
