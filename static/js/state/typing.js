// Who is typing in which chat. There is no event for stopping: each entry expires by itself.
const TYPING_TIMEOUT_MS = 6000;

export class Typing {
  #onChange;
  /** Chat key → user id → {name, timer}. */
  #byChat = new Map();

  /** `onChange(key)` is called when the names of a chat changed. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  names(key) {
    return [...(this.#byChat.get(key)?.values() ?? [])].map(({ name }) => name);
  }

  start(key, userId, name) {
    const users = this.#byChat.get(key) ?? new Map();
    this.#byChat.set(key, users);
    clearTimeout(users.get(userId)?.timer);
    users.set(userId, { name, timer: setTimeout(() => this.stop(key, userId), TYPING_TIMEOUT_MS) });
    this.#onChange(key);
  }

  stop(key, userId) {
    const users = this.#byChat.get(key);
    if (!users?.has(userId)) return;
    clearTimeout(users.get(userId).timer);
    users.delete(userId);
    this.#onChange(key);
  }
}
