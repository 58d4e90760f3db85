// One socket per tab: it greets, beats, notices silence, and comes back by itself.

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;
const JITTER = 0.5;
const ANSWER_WAIT = 10_000;
const SIGN_IN = 4401;

/** `code` is the server's word, or "offline" when the answer can no longer come and the question may be asked again. */
export class SocketError extends Error {
  constructor({ code, message, retryAfter = null }) {
    super(message ?? code);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export class Socket {
  #url;
  #hooks;
  #socket = null;
  #waiting = new Map();
  #asked = 0;
  #failures = 0;
  #retry = 0;
  #beat = 0;
  #beatEvery = 25_000;
  #heardAt = 0;
  #isGreeted = false;
  #isStopped = false;

  /** `onEvent(event, data)`, `onOpen()` once the server has greeted, `onClosed()`, `onSignedOut()`. */
  constructor(url, hooks) {
    this.#url = url;
    this.#hooks = hooks;
  }

  /** Whether the server has greeted, and still listens. */
  get isOpen() {
    return this.#isGreeted && this.#socket?.readyState === WebSocket.OPEN;
  }

  start() {
    window.addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#hurry();
    });
    // One that is still connecting ends with its page, and would complain of being closed.
    window.addEventListener("pagehide", () => this.isOpen && this.#socket.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.#hurry();
    });
    this.#connect();
  }

  /** For good: whoever signs out is going anyway. */
  stop() {
    clearTimeout(this.#retry);
    clearInterval(this.#beat);
    const socket = this.#socket;
    this.#socket = null;
    this.#isGreeted = false;
    this.#isStopped = true;
    socket?.close();
  }

  /** At most once and no answer: typing, presence. Says whether it left. */
  tell(event, data = {}) {
    if (!this.isOpen) return false;
    this.#socket.send(JSON.stringify({ event, data }));
    return true;
  }

  /** The ack's data. Rejects with a SocketError. */
  ask(event, data = {}) {
    if (!this.isOpen) return Promise.reject(new SocketError({ code: "offline" }));
    const ack = ++this.#asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ack);
        reject(new SocketError({ code: "offline" }));
        this.#drop();
      }, ANSWER_WAIT);
      this.#waiting.set(ack, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ event, data, ack }));
    });
  }

  #connect() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heardAt = performance.now();
    // A connection that neither opens nor fails would otherwise hang for minutes.
    const patience = setTimeout(() => this.#drop(socket), ANSWER_WAIT);
    socket.addEventListener("open", () => socket.send(JSON.stringify({ event: "EmitUserConnect", data: {} })));
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heardAt = performance.now();
      const frame = JSON.parse(data);
      for (const { event, data: content, ack } of Array.isArray(frame) ? frame : [frame]) {
        if (event === "OnUserConnect") clearTimeout(patience);
        this.#hear(event, content, ack);
      }
    });
    socket.addEventListener("close", ({ code }) => {
      clearTimeout(patience);
      this.#closed(socket, code);
    });
  }

  #hear(event, data, ack) {
    const question = ack == null ? null : this.#waiting.get(ack);
    if (question) {
      this.#waiting.delete(ack);
      clearTimeout(question.timer);
      if (event === "error") question.reject(new SocketError(data));
      else question.resolve(data);
      return;
    }
    if (event === "OnUserConnect") this.#greeted(data);
    this.#hooks.onEvent(event, data);
    if (event === "OnUserConnect") this.#hooks.onOpen();
  }

  #greeted({ heartbeatInterval }) {
    this.#isGreeted = true;
    this.#failures = 0;
    if (heartbeatInterval) this.#beatEvery = heartbeatInterval * 1000;
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.#tick(), this.#beatEvery);
  }

  #tick() {
    if (performance.now() - this.#heardAt > this.#beatEvery * 2 + 5000) this.#drop();
    else this.tell("SocketHeartBeat");
  }

  /** The network or the person is back: connect at once, or find out at once whether the connection still lives. */
  #hurry() {
    if (this.isOpen) this.#tick();
    else this.wake();
  }

  /** Somebody has something to say: he does not wait for the next attempt. */
  wake() {
    if (!this.#socket && !this.#isStopped) this.#connect();
  }

  #drop(socket = this.#socket) {
    if (!socket) return;
    socket.close();
    // A dead network never answers the closing handshake, so nobody waits for it.
    this.#closed(socket, 1006);
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#isGreeted = false;
    clearInterval(this.#beat);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new SocketError({ code: "offline" }));
    }
    this.#waiting.clear();
    if (code === SIGN_IN) {
      this.#hooks.onSignedOut();
      return;
    }
    this.#hooks.onClosed();
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#retry = setTimeout(() => this.#connect(), wait * (1 - JITTER * Math.random()));
  }
}
