/**
 * One chat's loaded messages: an unbroken run of seqs from `first` to `last`. Knows nothing of the page.
 * `head` is the newest seq that exists, loaded or not; seqs have no gaps, so `last < head` means there is newer to load.
 */
export class Timeline {
  #messages = new Map();
  first = 1;
  last = 0;
  head = 0;
  isLoaded = false;
  hasOlder = false;

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
    for (const message of this.#messages.values()) if (message.id === id) return message;
    return undefined;
  }

  *between(from, to) {
    for (let seq = Math.max(from, this.first); seq <= Math.min(to, this.last); seq++) yield this.#messages.get(seq);
  }

  /** Starts anew from one page, oldest first. */
  replace(page, { hasOlder, head }) {
    this.#messages.clear();
    this.first = page.length ? page[0].seq : head + 1;
    this.last = this.first - 1;
    this.head = head;
    this.hasOlder = hasOlder;
    this.isLoaded = true;
    for (const message of page) this.put(message);
  }

  /** Adds a page of history that ends right before `first`. */
  prepend(page, { hasOlder }) {
    this.hasOlder = hasOlder;
    for (const message of page.toReversed()) {
      if (message.seq !== this.first - 1) continue;
      this.#messages.set(message.seq, message);
      this.first = message.seq;
    }
  }

  /** Takes in one message, new or changed; "gap" when something before it is missing. Twice is as good as once. */
  put(message) {
    const { seq } = message;
    const known = this.#messages.get(seq);
    if (known) {
      if (message.version < known.version) return "known";
      // A message read again carries newer counts under the same version.
      this.#messages.set(seq, message);
      return "changed";
    }
    const wasAtEnd = this.atEnd;
    this.head = Math.max(this.head, seq);
    if (seq < this.first) return "older";
    if (seq !== this.last + 1) return wasAtEnd ? "gap" : "beyond";
    this.#messages.set(seq, message);
    this.last = seq;
    return "added";
  }

  update(seq, change) {
    const message = this.#messages.get(seq);
    if (message) this.#messages.set(seq, { ...message, ...change });
  }
}
