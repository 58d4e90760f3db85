// What was written and not yet acknowledged. It outlives the page: a reload sends the same clientId again, and the server
// answers with the same message. A file goes up first, one at a time, and what was written after it does not wait for it.
import { gettext } from "chat/i18n.js";
import { newId } from "chat/ids.js";

// These will be answered otherwise in a while; everything else will not.
const PASSING = new Set(["offline", "rate_limited", "busy"]);
const PAUSE = 2000;
// The upload is not there any more, or in another message: it has to go up again.
const LOST = new Set(["invalid", "upload_sent"]);
// An upload that breaks off so often while all else goes through is stopped by something on the way.
const UPLOAD_TRIES = 3;

export class Outbox {
  #store;
  #deliver;
  #upload;
  #files;
  #prefix;
  #isFlushing = false;
  #timer = 0;
  #uploading = null;
  #tries = new Map();

  /**
   * `deliver(entry)` resolves with the server's message, `upload(entry, file, {onProgress, signal})` with the upload;
   * both reject with {code, retryAfter, message}. `files` keeps what waits.
   */
  constructor(store, { deliver, upload, files }) {
    this.#store = store;
    this.#deliver = deliver;
    this.#upload = upload;
    this.#files = files;
    this.#prefix = `chat.outbox.${store.me.id}.`;
    this.#restore();
    // Another tab of the same person may deliver what this one restored.
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this.#prefix) && newValue === null) store.unqueue(key.slice(this.#prefix.length));
    });
  }

  add({ type = "text", ...rest }) {
    const entry = { clientId: newId(), replyTo: null, ...rest, type, sentAt: new Date().toISOString(), state: "sending" };
    this.#save(entry);
    this.#store.queue(entry);
    this.flush();
  }

  /** `shown` is what its bubble shows until the server knows better: fileName, fileSize, width, height, … */
  addFile({ file, shown, ...rest }) {
    const clientId = newId();
    this.#store.keepLocal(clientId, file);
    const entry = { clientId, replyTo: null, ...rest, ...shown, mediaUrl: null, sentAt: new Date().toISOString(), state: "sending" };
    this.#save(entry);
    this.#files.put(clientId, file);
    this.#store.queue(entry);
    this.flush();
  }

  /** Back to the end of the queue, under the same clientId: had it arrived after all, it will not be said twice. */
  retry(clientId) {
    const entry = this.#store.pending.find((one) => one.clientId === clientId);
    if (!entry) return;
    this.#store.unqueue(clientId);
    this.#tries.delete(clientId);
    const again = { ...entry, state: "sending", reason: null, sentAt: new Date().toISOString() };
    this.#save(again);
    this.#store.queue(again);
    this.flush();
  }

  discard(clientId) {
    if (this.#uploading?.clientId === clientId) this.#uploading.controller.abort();
    this.#forget(clientId);
    this.#store.dropLocal(clientId);
  }

  clear() {
    this.#uploading?.controller.abort();
    for (const key of this.#keys()) localStorage.removeItem(key);
    return this.#files.clear();
  }

  /** One after the other, so that they arrive in the order they were written. */
  async flush() {
    this.#uploadNext();
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
      this.#forget(entry.clientId);
      return true;
    } catch (problem) {
      if (problem.code === "offline") return false;
      if (PASSING.has(problem.code)) {
        this.#again(problem.retryAfter);
        return false;
      }
      // Another tab had sent it, with an upload of its own.
      if (problem.code === "client_id_conflict" && entry.mediaType) this.#forget(entry.clientId);
      else this.#fail(entry, problem.message, LOST.has(problem.code) ? { mediaUrl: null } : {});
      return true;
    }
  }

  #next() {
    return this.#store.pending.find((entry) => entry.state === "sending" && !isWaitingForFile(entry));
  }

  // ── Files ──────────────────────────────────────────────────────────────
  async #uploadNext() {
    if (this.#uploading || this.#store.connection !== "online") return;
    const entry = this.#store.pending.find((one) => one.state === "sending" && isWaitingForFile(one));
    if (!entry) return;
    this.#uploading = { clientId: entry.clientId, controller: new AbortController() };
    let goesOn = false;
    try {
      goesOn = await alone(`chat.upload.${entry.clientId}`, () => this.#bring(entry, this.#uploading.controller.signal));
    } finally {
      this.#uploading = null;
    }
    if (goesOn) this.flush();
  }

  async #bring(entry, signal) {
    // Another tab of this person may have done it, or have been told not to.
    const saved = localStorage.getItem(this.#prefix + entry.clientId);
    if (saved === null) {
      this.#forget(entry.clientId);
      return true;
    }
    const { mediaUrl } = JSON.parse(saved);
    if (mediaUrl) {
      this.#store.patchPending(entry.clientId, { mediaUrl });
      return true;
    }
    const file = await this.#files.get(entry.clientId);
    if (!file) {
      this.#fail(entry, gettext("The file is not here any more. Please choose it again."));
      return true;
    }
    if (!this.#store.local.has(entry.clientId)) this.#store.keepLocal(entry.clientId, file);
    try {
      const onProgress = (part) => this.#store.setProgress(entry.clientId, part);
      const uploaded = await this.#upload(entry, file, { onProgress, signal });
      if (signal.aborted) return true;
      // Known before it is sent: whatever breaks now, it need not go up again.
      this.#store.patchPending(entry.clientId, { mediaUrl: uploaded.mediaUrl });
      this.#save({ ...entry, mediaUrl: uploaded.mediaUrl });
      return true;
    } catch (problem) {
      if (problem.code === "aborted") return true;
      const tries = (this.#tries.get(entry.clientId) ?? 0) + 1;
      this.#tries.set(entry.clientId, tries);
      const isPassing = PASSING.has(problem.code) && !(problem.code === "offline" && tries >= UPLOAD_TRIES);
      if (isPassing) this.#again(problem.retryAfter);
      else this.#fail(entry, problem.message);
      return !isPassing;
    } finally {
      this.#store.progress.delete(entry.clientId);
    }
  }

  // ── What is kept ───────────────────────────────────────────────────────
  #again(seconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), (seconds ?? 0) * 1000 || PAUSE);
  }

  #fail(entry, reason, change = {}) {
    const failed = { state: "failed", reason, ...change };
    this.#store.patchPending(entry.clientId, failed);
    this.#save({ ...entry, ...failed });
  }

  #forget(clientId) {
    localStorage.removeItem(this.#prefix + clientId);
    this.#tries.delete(clientId);
    this.#files.drop(clientId);
    this.#store.unqueue(clientId);
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
    this.#files.keepOnly((clientId) => localStorage.getItem(this.#prefix + clientId) !== null);
    this.#showFiles(entries.filter((entry) => entry.mediaType));
  }

  async #showFiles(entries) {
    for (const { clientId, key } of entries) {
      const file = await this.#files.get(clientId);
      const isNeeded = this.#store.pending.some((entry) => entry.clientId === clientId) && !this.#store.local.has(clientId);
      if (!file || !isNeeded) continue;
      this.#store.keepLocal(clientId, file);
      this.#store.touch(`timeline:${key}`);
    }
  }
}

const isWaitingForFile = (entry) => Boolean(entry.mediaType) && !entry.mediaUrl;

/** What several tabs would do, one does at a time; on plain HTTP there are no locks, and nothing to be done about it. */
const alone = (name, work) => (navigator.locks ? navigator.locks.request(name, work) : work());
