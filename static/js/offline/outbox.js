// Messages that are not yet acknowledged. They outlive the page: after a reload the same clientId
// is sent again, and the server answers with the same message. Files are uploaded one at a time;
// messages written after a file do not wait for it. A message that is refused, or that the line
// never survives, stands aside for those behind it.
import { gettext } from "chat/i18n.js";
import { newId } from "chat/ids.js";
import { isTransient } from "chat/problems.js";
import { guardUnload, storage } from "chat/storage.js";
import { serverNow } from "chat/timing.js";

const RETRY_MS = 2000;
/** A timer may ring a moment early. */
const EARLY_MS = 20;
// The server keeps it for a moderator. A repeat, at the next connection, tells what became of it.
const HELD = "held_for_review";
// The upload is gone or belongs to another message: the file must be uploaded again.
const UPLOAD_GONE_CODES = new Set(["invalid", "upload_sent"]);
// What one chat's messages wait for, and those of other chats do not.
const LIMITED_CODES = new Set(["rate_limited", "slow_mode"]);
// An upload that breaks off this often while everything else gets through is blocked by something
// on the way.
const UPLOAD_ATTEMPTS_MAX = 3;
// So does a message after which the connection broke this often.
const UNANSWERED_MAX = 3;

export class Outbox {
  #store;
  #server;
  #files;
  #prefix;
  #onStill;
  #isFlushing = false;
  #retryTimer = 0;
  /** By chat: until when its messages wait, by performance.now(), and whether for its slow mode. */
  #waits = new Map();
  /** The upload under way: {clientId, controller}. */
  #uploading = null;
  #uploadAttempts = new Map();
  /** How often each message was sent and the connection ended before its answer, by clientId. */
  #unanswered = new Map();
  /**
   * Messages that the browser does not store: by clientId what ends the page's guard. Of texts also
   * what settles `delivery`.
   */
  #unkept = new Map();

  /**
   * `files` keeps the files of pending messages (PendingFiles). `onStill()` is called when an animation
   * lost its movement.
   */
  constructor(store, { server, files, onStill }) {
    this.#onStill = onStill;
    this.#store = store;
    this.#server = server;
    this.#files = files;
    this.#prefix = `chat.outbox.${store.me.id}.`;
    this.#restore();
    // Slow mode may have been changed, or turned off.
    store.on("chats", () => this.#waits.size && this.flush());
    // Another tab of the same user may send what this one restored.
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this.#prefix) && newValue === null) store.removePending(key.slice(this.#prefix.length));
    });
  }

  /**
   * Returns {isKept, delivery}. A message that the browser cannot store is safe only when `delivery`
   * resolves; if it rejects, with an Error for people, the message is nowhere.
   */
  add({ type = "text", ...rest }) {
    const entry = { clientId: newId(), replyTo: null, ...rest, type, ...this.#stamp(), state: "sending" };
    const isKept = this.#save(entry);
    let delivery = Promise.resolve();
    if (!isKept) {
      if (this.#store.connection !== "online") {
        storage.remove(this.#prefix + entry.clientId);
        return { isKept, delivery: Promise.reject(new Error(NO_ROOM)) };
      }
      delivery = new Promise((resolve, reject) => this.#guard(entry.clientId, { resolve, reject }));
    }
    this.#store.addPending(entry);
    this.flush();
    return { isKept, delivery };
  }

  /**
   * `shown` is what the bubble shows until the server's message arrives: fileName, fileSize, width,
   * height, …
   */
  addFile({ file, shown, ...rest }) {
    const clientId = newId();
    this.#store.setLocalFile(clientId, file);
    const entry = {
      clientId,
      replyTo: null,
      ...rest,
      ...shown,
      mediaUrl: null,
      ...this.#stamp(),
      state: "sending",
    };
    if (!this.#save(entry)) this.#guard(clientId);
    this.#files.put(clientId, file).then((isKept) => isKept || this.#guard(clientId));
    this.#store.addPending(entry);
    this.flush();
  }

  /**
   * Back to the end of the queue, with the same clientId: if it did arrive, it is not stored twice.
   */
  retry(clientId) {
    const entry = this.#store.pendingByClientId(clientId);
    if (!entry) return;
    this.#store.removePending(clientId);
    this.#uploadAttempts.delete(clientId);
    this.#unanswered.delete(clientId);
    const again = { ...entry, state: "sending", reason: null, ...this.#stamp() };
    this.#save(again);
    this.#store.addPending(again);
    this.flush();
  }

  /** A picture or a recording that was refused goes as it is. */
  async sendAsFile(clientId) {
    const file = await this.#files.get(clientId);
    if (file) {
      this.#store.patchPending(clientId, {
        type: "file",
        mediaType: "files",
        mediaUrl: null,
        fileName: file.name,
        fileSize: file.size,
        mimeType: file.type,
        width: null,
        height: null,
        mediaDuration: null,
        waveform: null,
      });
    }
    this.retry(clientId);
  }

  discard(clientId) {
    if (this.#uploading?.clientId === clientId) this.#uploading.controller.abort();
    this.#remove(clientId);
    this.#store.removeLocalFile(clientId);
  }

  clear() {
    this.#uploading?.controller.abort();
    for (const key of storage.keys(this.#prefix)) storage.remove(key);
    for (const clientId of [...this.#unkept.keys()]) this.#release(clientId);
    return this.#files.clear();
  }

  /** Sends one message after the other, so that they arrive in the order they were written. */
  async flush() {
    this.#uploadNext();
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    clearTimeout(this.#retryTimer);
    this.#endWaits();
    try {
      for (let entry = this.#next(); entry; entry = this.#next()) if ((await this.#send(entry)) === "stop") break;
    } finally {
      this.#isFlushing = false;
    }
  }

  /**
   * Resolves with "next", or with "stop" if all messages must wait. Those of one chat wait by `#waits`.
   */
  async #send(entry) {
    try {
      const message = await this.#server.sendMessage(entry);
      storage.remove(this.#prefix + entry.clientId);
      this.#store.apply({ event: message.groupId ? "OnGroupMsg" : "OnPrivate", data: message });
      this.#remove(entry.clientId);
      return "next";
    } catch (problem) {
      if (problem.code === "offline") {
        const isBlocked = problem.wasSent && this.#countUnanswered(entry.clientId) >= UNANSWERED_MAX;
        if (isBlocked || this.#unkept.get(entry.clientId)?.reject)
          this.#fail(entry, gettext("The connection broke off before it was sent."));
        return "stop";
      }
      if (problem.code === HELD) {
        this.#hold(entry, problem.message);
        return "next";
      }
      if (LIMITED_CODES.has(problem.code)) {
        this.#waitFor(entry.key, problem);
        return "next";
      }
      if (isTransient(problem)) {
        this.#retryLater(problem.retryAfter);
        return "stop";
      }
      // Another tab has sent it, with an upload of its own.
      if (problem.code === "client_id_conflict" && entry.mediaType) this.#remove(entry.clientId);
      else this.#fail(entry, problem.message, UPLOAD_GONE_CODES.has(problem.code) ? { mediaUrl: null } : {});
      return "next";
    }
  }

  /** Shown as waiting until the message arrives like everybody's, or its refusal. */
  #hold(entry, reason) {
    if (this.#isDiscarded(entry)) return;
    const held = { state: "held", reason };
    this.#store.patchPending(entry.clientId, held);
    this.#save({ ...entry, ...held });
    this.#release(entry.clientId);
  }

  /** A new connection: what became of the messages that waited for a moderator is asked by sending them again. */
  askForHeld() {
    for (const { clientId } of this.#store.pending.filter(({ state }) => state === "held"))
      this.#store.patchPending(clientId, { state: "sending" });
  }

  /** A moderator refused a message. */
  refuseHeld(clientId) {
    const entry = this.#store.pendingByClientId(clientId);
    if (entry) this.#fail(entry, gettext("A moderator did not release this message."));
  }

  #countUnanswered(clientId) {
    const count = (this.#unanswered.get(clientId) ?? 0) + 1;
    this.#unanswered.set(clientId, count);
    return count;
  }

  #next() {
    return this.#store.pending.find(
      (entry) => entry.state === "sending" && !needsUpload(entry) && !this.#waits.has(entry.key),
    );
  }

  /** The chat's messages are sent again after the time that the server asks for; those of other chats go on. */
  #waitFor(key, { code, retryAfter }) {
    const wait = { until: performance.now() + (retryAfter * 1000 || RETRY_MS), isSlow: code === "slow_mode" };
    wait.timer = setTimeout(() => this.flush(), wait.until - performance.now());
    this.#waits.set(key, wait);
  }

  #endWaits() {
    for (const [key, { until, isSlow, timer }] of this.#waits) {
      if (performance.now() + EARLY_MS < until && !(isSlow && !this.#store.chats.get(key)?.slowMode)) continue;
      clearTimeout(timer);
      this.#waits.delete(key);
    }
  }

  // ── Files ───────────────────────────────────────────────────────────────
  async #uploadNext() {
    if (this.#uploading || this.#store.connection !== "online") return;
    const entry = this.#store.pending.find((one) => one.state === "sending" && needsUpload(one));
    if (!entry) return;
    this.#uploading = { clientId: entry.clientId, controller: new AbortController() };
    let mayContinue = false;
    try {
      mayContinue = await withLock(`chat.upload.${entry.clientId}`, () =>
        this.#upload(entry, this.#uploading.controller.signal),
      );
    } finally {
      this.#uploading = null;
    }
    if (mayContinue) this.flush();
  }

  /** Resolves with whether the queue may continue at once. */
  async #upload(entry, signal) {
    // Another tab of this user may have uploaded or discarded it.
    const saved = storage.get(this.#prefix + entry.clientId);
    if (saved === null) {
      this.#remove(entry.clientId);
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
    if (!this.#store.localFiles.has(entry.clientId)) this.#store.setLocalFile(entry.clientId, file);
    try {
      const onProgress = (part) => this.#store.setProgress(entry.clientId, part);
      const uploaded = await this.#server.upload(entry.mediaType, file, { onProgress, signal });
      if (signal.aborted) return true;
      if (uploaded.isStill) this.#onStill();
      // Saved before the message is sent: whatever fails now, the file need not be uploaded again.
      this.#store.patchPending(entry.clientId, { mediaUrl: uploaded.mediaUrl });
      this.#save({ ...entry, mediaUrl: uploaded.mediaUrl });
      return true;
    } catch (problem) {
      if (problem.code === "aborted") return true;
      const attempts = (this.#uploadAttempts.get(entry.clientId) ?? 0) + 1;
      this.#uploadAttempts.set(entry.clientId, attempts);
      const passes = isTransient(problem) && !(problem.code === "offline" && attempts >= UPLOAD_ATTEMPTS_MAX);
      if (passes) this.#retryLater(problem.retryAfter);
      else this.#fail(entry, problem.message);
      return !passes;
    } finally {
      this.#store.clearProgress(entry.clientId);
    }
  }

  // ── What the browser keeps ──────────────────────────────────────────────
  #retryLater(seconds) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.flush(), (seconds ?? 0) * 1000 || RETRY_MS);
  }

  #fail(entry, reason, change = {}) {
    const { reject } = this.#unkept.get(entry.clientId) ?? {};
    if (reject) {
      reject(new Error(reason));
      this.#remove(entry.clientId);
      return;
    }
    if (this.#isDiscarded(entry)) return;
    const failed = { state: "failed", reason, ...change };
    this.#store.patchPending(entry.clientId, failed);
    this.#save({ ...entry, ...failed });
  }

  /** It was thrown away while it was on its way. */
  #isDiscarded({ clientId }) {
    return !this.#store.pendingByClientId(clientId);
  }

  #remove(clientId) {
    storage.remove(this.#prefix + clientId);
    this.#uploadAttempts.delete(clientId);
    this.#unanswered.delete(clientId);
    this.#release(clientId);
    this.#files.delete(clientId);
    this.#store.removePending(clientId);
  }

  /** Returns whether the entry outlives the page. */
  #save(entry) {
    return storage.set(this.#prefix + entry.clientId, JSON.stringify(entry));
  }

  /** Until the message is delivered or discarded, the browser asks before the page is left. */
  #guard(clientId, delivery = {}) {
    if (!this.#unkept.has(clientId)) this.#unkept.set(clientId, { release: guardUnload(), ...delivery });
  }

  #release(clientId) {
    this.#unkept.get(clientId)?.release();
    this.#unkept.get(clientId)?.resolve?.();
    this.#unkept.delete(clientId);
  }

  /** When an entry was written, and its place in the queue, which no clock decides. */
  #stamp() {
    const last = Math.max(0, ...this.#stored().map(({ order }) => order ?? 0));
    return { sentAt: new Date(serverNow()).toISOString(), order: last + 1 };
  }

  #stored() {
    return storage
      .keys(this.#prefix)
      .map((key) => storage.getJson(key))
      .filter((entry) => entry?.clientId && entry.key);
  }

  #restore() {
    const entries = this.#stored().sort(
      (one, other) => (one.order ?? 0) - (other.order ?? 0) || (one.sentAt < other.sentAt ? -1 : 1),
    );
    for (const entry of entries) this.#store.addPending(entry);
    this.#files.deleteUnneeded((clientId) => storage.get(this.#prefix + clientId) !== null);
    this.#showFiles(entries.filter((entry) => entry.mediaType));
  }

  async #showFiles(entries) {
    for (const { clientId } of entries) {
      const file = await this.#files.get(clientId);
      const isNeeded = this.#store.pendingByClientId(clientId) && !this.#store.localFiles.has(clientId);
      if (file && isNeeded) this.#store.setLocalFile(clientId, file);
    }
  }
}

const NO_ROOM = gettext(
  "This browser has no room left to keep the message. It can be sent as soon as there is a connection.",
);

const needsUpload = (entry) => Boolean(entry.mediaType) && !entry.mediaUrl;

/**
 * Only one tab at a time does `work`. Pages without https have no locks: there each tab does it.
 */
const withLock = (name, work) => (navigator.locks ? navigator.locks.request(name, work) : work());
