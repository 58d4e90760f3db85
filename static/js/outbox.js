// What was written and not yet acknowledged. It outlives the page: a reload sends the same clientId again, and the server
// answers with the same message.
import { newId } from "chat/ids.js";

// These will be answered otherwise in a while; everything else will not.
const PASSING = new Set(["offline", "rate_limited", "busy"]);
const PAUSE = 2000;

export class Outbox {
  #store;
  #deliver;
  #prefix;
  #isFlushing = false;
  #timer = 0;

  /** `deliver(entry)` resolves with the server's message, or rejects with {code, retryAfter, message}. */
  constructor(store, deliver) {
    this.#store = store;
    this.#deliver = deliver;
    this.#prefix = `chat.outbox.${store.me.id}.`;
    this.#restore();
    // Another tab of the same person may deliver what this one restored.
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this.#prefix) && newValue === null) store.unqueue(key.slice(this.#prefix.length));
    });
  }

  add({ key, content, replyTo = null }) {
    const entry = { clientId: newId(), key, type: "text", content, replyTo, sentAt: new Date().toISOString(), state: "sending" };
    this.#save(entry);
    this.#store.queue(entry);
    this.flush();
  }

  /** Back to the end of the queue, under the same clientId: had it arrived after all, it will not be said twice. */
  retry(clientId) {
    const entry = this.#store.pending.find((one) => one.clientId === clientId);
    if (!entry) return;
    this.#store.unqueue(clientId);
    const again = { ...entry, state: "sending", reason: null, sentAt: new Date().toISOString() };
    this.#save(again);
    this.#store.queue(again);
    this.flush();
  }

  discard(clientId) {
    localStorage.removeItem(this.#prefix + clientId);
    this.#store.unqueue(clientId);
  }

  clear() {
    for (const key of this.#keys()) localStorage.removeItem(key);
  }

  /** One after the other, so that they arrive in the order they were written. */
  async flush() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    clearTimeout(this.#timer);
    try {
      for (let entry = this.#next(); entry; entry = this.#next()) {
        if (!(await this.#send(entry))) break;
      }
    } finally {
      this.#isFlushing = false;
    }
  }

  async #send(entry) {
    try {
      const message = await this.#deliver(entry);
      localStorage.removeItem(this.#prefix + entry.clientId);
      this.#store.apply({ event: message.groupId ? "OnGroupMsg" : "OnPrivate", data: message });
      this.#store.unqueue(entry.clientId);
      return true;
    } catch (problem) {
      if (problem.code === "offline") return false;
      if (PASSING.has(problem.code)) {
        this.#timer = setTimeout(() => this.flush(), (problem.retryAfter ?? 0) * 1000 || PAUSE);
        return false;
      }
      this.#store.patchPending(entry.clientId, { state: "failed", reason: problem.message });
      this.#save({ ...entry, state: "failed", reason: problem.message });
      return true;
    }
  }

  #next() {
    return this.#store.pending.find((entry) => entry.state === "sending");
  }

  #save(entry) {
    localStorage.setItem(this.#prefix + entry.clientId, JSON.stringify(entry));
  }

  #keys() {
    return Object.keys(localStorage).filter((key) => key.startsWith(this.#prefix));
  }

  #restore() {
    const entries = this.#keys().map((key) => JSON.parse(localStorage.getItem(key)));
    for (const entry of entries.sort((one, other) => (one.sentAt < other.sentAt ? -1 : 1))) this.#store.queue(entry);
  }
}
