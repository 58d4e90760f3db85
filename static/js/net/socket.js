// The WebSocket of one tab: greeting, heartbeats, detection of a dead connection, reconnects.
import { toJson } from "chat/net/json.js";
import { setServerTime } from "chat/timing.js";

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;
const RETRY_JITTER = 0.5;
const ANSWER_TIMEOUT_MS = 10_000;
const CLOSE_SIGNED_OUT = 4401;

/**
 * `code` is the server's, or "offline" when no answer can arrive any more and the request may be
 * repeated; `wasSent` says whether it had gone out by then.
 */
export class SocketError extends Error {
  constructor({ code, message, retryAfter = null, wasSent = true }) {
    super(message ?? code);
    this.code = code;
    this.retryAfter = retryAfter;
    this.wasSent = wasSent;
  }
}

export class Socket {
  #url;
  #hooks;
  #socket = null;
  #requests = new Map();
  #lastAck = 0;
  #failures = 0;
  #retryTimer = 0;
  #heartbeatTimer = 0;
  #heartbeatMs = 25_000;
  #receivedAt = 0;
  #isReady = false;
  #isStopped = false;

  /**
   * `onEvent(event, data)`, `onConnected()` after the server's greeting, `onDisconnected()`,
   * `onSignedOut()`.
   */
  constructor(url, hooks) {
    this.#url = url;
    this.#hooks = hooks;
  }

  /** Whether the server has greeted this connection and it is still open. */
  get isOpen() {
    return this.#isReady && this.#socket?.readyState === WebSocket.OPEN;
  }

  start() {
    window.addEventListener("online", () => this.#wakeUp());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#wakeUp();
    });
    // A socket that is still connecting ends with its page; closing it would log an error.
    window.addEventListener("pagehide", () => this.isOpen && this.#socket.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.#wakeUp();
    });
    this.#connect();
  }

  /** Closes for good; there is no reconnect. */
  stop() {
    clearTimeout(this.#retryTimer);
    clearInterval(this.#heartbeatTimer);
    const socket = this.#socket;
    this.#socket = null;
    this.#isReady = false;
    this.#isStopped = true;
    socket?.close();
  }

  /** Sends without an answer, at most once: typing, presence. Returns whether it was sent. */
  notify(event, data = {}) {
    if (!this.isOpen) return false;
    this.#socket.send(toJson({ event, data }));
    return true;
  }

  /** Resolves with the ack's data, rejects with a SocketError. */
  request(event, data = {}) {
    if (!this.isOpen) return Promise.reject(new SocketError({ code: "offline", wasSent: false }));
    const ack = ++this.#lastAck;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(ack);
        reject(new SocketError({ code: "offline" }));
        this.#drop();
      }, ANSWER_TIMEOUT_MS);
      this.#requests.set(ack, { resolve, reject, timer });
      this.#socket.send(toJson({ event, data, ack }));
    });
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#receivedAt = performance.now();
    // A connection that neither opens nor fails would otherwise hang for minutes.
    const connectTimer = setTimeout(() => this.#drop(socket), ANSWER_TIMEOUT_MS);
    socket.addEventListener("open", () => socket.send(JSON.stringify({ event: "EmitUserConnect", data: {} })));
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#receivedAt = performance.now();
      const frame = JSON.parse(data);
      for (const { event, data: content, ack } of Array.isArray(frame) ? frame : [frame]) {
        if (event === "OnUserConnect") clearTimeout(connectTimer);
        this.#receive(event, content, ack);
      }
    });
    socket.addEventListener("close", ({ code }) => {
      clearTimeout(connectTimer);
      this.#closed(socket, code);
    });
  }

  #receive(event, data, ack) {
    const pendingRequest = ack == null ? null : this.#requests.get(ack);
    if (pendingRequest) {
      this.#requests.delete(ack);
      clearTimeout(pendingRequest.timer);
      if (event === "error") pendingRequest.reject(new SocketError(data));
      else pendingRequest.resolve(data);
      return;
    }
    if (event === "OnUserConnect") this.#onGreeting(data);
    if (event === "OnUserConnect" || event === "SocketHeartBeat") setServerTime(data.serverTime);
    this.#hooks.onEvent(event, data);
    if (event === "OnUserConnect") this.#hooks.onConnected();
  }

  #onGreeting({ heartbeatInterval }) {
    this.#isReady = true;
    this.#failures = 0;
    if (heartbeatInterval) this.#heartbeatMs = heartbeatInterval * 1000;
    clearInterval(this.#heartbeatTimer);
    this.#heartbeatTimer = setInterval(() => this.#checkHeartbeat(), this.#heartbeatMs);
  }

  #checkHeartbeat() {
    if (performance.now() - this.#receivedAt > this.#heartbeatMs * 2 + 5000) this.#drop();
    else this.notify("SocketHeartBeat");
  }

  /**
   * The network or the user is back: connects at once, or checks at once whether the connection
   * still works.
   */
  #wakeUp() {
    if (this.isOpen) this.#checkHeartbeat();
    else this.connectNow();
  }

  /** Connects now instead of at the next scheduled attempt. */
  connectNow() {
    if (!this.#socket && !this.#isStopped) this.#connect();
  }

  #drop(socket = this.#socket) {
    if (!socket) return;
    socket.close();
    // A dead network never answers the closing handshake, so this does not wait for it.
    this.#closed(socket, 1006);
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#isReady = false;
    clearInterval(this.#heartbeatTimer);
    for (const { reject, timer } of this.#requests.values()) {
      clearTimeout(timer);
      reject(new SocketError({ code: "offline" }));
    }
    this.#requests.clear();
    if (code === CLOSE_SIGNED_OUT) {
      this.#hooks.onSignedOut();
      return;
    }
    this.#hooks.onDisconnected();
    const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), delay * (1 - RETRY_JITTER * Math.random()));
  }
}
