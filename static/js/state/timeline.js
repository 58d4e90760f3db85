/** So many messages are kept, and when there are more, so many on either side of those that are looked at. */
const MOST = 1000;
const MARGIN = 200;

/**
 * One chat's loaded messages: an unbroken run of seqs from `first` to `last`. Knows nothing of the page.
 * `head` is the newest seq that exists, loaded or not; seqs have no gaps, so `last < head` means there is newer to load.
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
    return this.size > MOST;
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

  /** Starts anew from one page, oldest first. */
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

  /** Adds a page of history that ends right before `first`. */
  prepend(page, { hasOlder }) {
    this.hasOlder = hasOlder;
    for (const message of page.toReversed()) {
      if (message.seq !== this.first - 1) continue;
      this.#set(message);
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
      this.#set(message);
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

  /** Forgets what is far from the stretch that is looked at; it can be loaded again. */
  trim(from, to) {
    if (!this.isLarge) return;
    while (this.first < from - MARGIN) this.#drop(this.first++);
    while (this.last > to + MARGIN) this.#drop(this.last--);
    this.hasOlder ||= this.first > 1;
  }

  #set(message) {
    this.#messages.set(message.seq, message);
    this.#seqs.set(message.id, message.seq);
  }

  #drop(seq) {
    this.#seqs.delete(this.#messages.get(seq).id);
    this.#messages.delete(seq);
  }
}
