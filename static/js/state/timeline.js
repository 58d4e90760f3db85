import { asKnown } from "chat/hidden.js";

/**
 * A timeline with more than MESSAGES_MAX is trimmed: messages further than TRIM_MARGIN from the
 * range that is shown are dropped.
 */
const MESSAGES_MAX = 1000;
const TRIM_MARGIN = 200;

/**
 * One chat's loaded messages: an unbroken run of seqs from `first` to `last`. Independent of the
 * page. `head` is the newest seq that exists, loaded or not; seqs have no gaps, so `last < head`
 * means that newer messages exist.
 */
export class Timeline {
  #messages = new Map();
  #seqs = new Map();
  first = 1;
  last = 0;
  head = 0;
  isLoaded = false;
  hasOlder = false;

  get isLarge() {
    return this.size > MESSAGES_MAX;
  }

  get atEnd() {
    return this.last >= this.head;
  }

  get size() {
    return this.#messages.size;
  }

  at(seq) {
    return this.#messages.get(seq);
  }

  find(id) {
    return this.#messages.get(this.#seqs.get(id));
  }

  *between(from, to) {
    for (let seq = Math.max(from, this.first); seq <= Math.min(to, this.last); seq++) yield this.#messages.get(seq);
  }

  /** Starts over from one page of history, oldest first. */
  replace(page, { hasOlder, head }) {
    this.#messages.clear();
    this.#seqs.clear();
    this.first = page.length ? page[0].seq : head + 1;
    this.last = this.first - 1;
    this.head = head;
    this.hasOlder = hasOlder;
    this.isLoaded = true;
    for (const message of page) this.put(message);
  }

  /** Adds a page of history that ends right before `first`, oldest first. */
  prepend(page, { hasOlder }) {
    // It was asked for before the timeline started over elsewhere.
    if (page.length && page.at(-1).seq !== this.first - 1) return;
    this.hasOlder = hasOlder;
    for (const message of page.toReversed()) {
      this.#set(message);
      this.first = message.seq;
    }
  }

  /**
   * Adds or updates one message; doing so twice changes nothing more. Returns "added", "changed",
   * "known" (older than what is loaded), "older" (before `first`), "beyond" (newer messages are not
   * loaded), or "gap": an earlier one is missing.
   */
  put(message) {
    const { seq } = message;
    const known = this.#messages.get(seq);
    if (known) {
      if (message.version < known.version) return "known";
      // The same version fetched again may carry newer read counts.
      this.#set(asKnown(message, known));
      return "changed";
    }
    const wasAtEnd = this.atEnd;
    this.head = Math.max(this.head, seq);
    if (seq < this.first) return "older";
    if (seq !== this.last + 1) return wasAtEnd ? "gap" : "beyond";
    this.#set(message);
    this.last = seq;
    return "added";
  }

  update(seq, change) {
    const message = this.#messages.get(seq);
    if (message) this.#set({ ...message, ...change });
  }

  /** Drops messages far from the range that is shown; they can be loaded again. */
  trim(from, to) {
    if (!this.isLarge) return;
    while (this.first < from - TRIM_MARGIN) this.#remove(this.first++);
    while (this.last > to + TRIM_MARGIN) this.#remove(this.last--);
    this.hasOlder ||= this.first > 1;
  }

  #set(message) {
    this.#messages.set(message.seq, message);
    this.#seqs.set(message.id, message.seq);
  }

  #remove(seq) {
    this.#seqs.delete(this.#messages.get(seq).id);
    this.#messages.delete(seq);
  }
}
