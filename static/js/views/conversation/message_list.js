// The messages of the open chat: a bounded window of elements on the timeline, which never moves the line under the eye.
import { dayLabel, dayOf } from "chat/views/format.js";
import { fill, gettext } from "chat/i18n.js";
import { keyOf } from "chat/state/reducers.js";
import { announce, h, icon, reconcile } from "chat/views/dom.js";
import { dayRow, dividerRow, messageRow, receiptOf } from "chat/views/conversation/message_row.js";
import { setProgress } from "chat/views/progress.js";
import { preview, typeOf } from "chat/views/types/registry.js";

const MOST = 300;
const STEP = 50;
const FIRST_SHOWN = 100;
const NEAR_EDGE = 900;
const AHEAD = 3000;
const AT_EDGE = 200;
const NEAR_END = 100;
const TOGETHER = 5 * 60_000;
const READ_WAIT = 120;
const ASK_AGAIN = 1500;
const FLASH = 1500;

/** What is worked out once of a message: whenever one changes, there is a new object in its place. */
const facts = new WeakMap();

function factsOf(message) {
  if (!facts.has(message)) {
    const date = new Date(message.sentAt);
    const signature = JSON.stringify([message.id, message.version, message.senderName, message.senderImg]);
    facts.set(message, { at: date.getTime(), day: dayOf(date), signature });
  }
  return facts.get(message);
}

export class LogView {
  #store;
  #actions;
  #key = null;
  #from = 1;
  #to = 0;
  #isPlaced = false;
  #follows = true;
  #top = 0;
  #divider = null;
  #hiddenAt = null;
  #heard = 0;
  #readTimer = 0;
  #frame = 0;
  #isExtending = false;
  /** The number of the message to be shown when it is loaded. */
  #aim = null;
  /** Ids of what replies answer and is not loaded. */
  #missing = new Set();
  #inner = h("div", { class: "log-inner" });
  #log = h("div", { class: "log", id: "log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": gettext("Messages") }, this.#inner);
  #pill = h("button", { type: "button", class: "pill", hidden: true, on: { click: () => this.toEnd() } });

  constructor({ store, actions }) {
    this.#store = store;
    this.#actions = actions;
    this.element = h("div", { class: "log-frame" }, this.#log, this.#pill);
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#log.addEventListener("keydown", (event) => this.#walk(event));
    new ResizeObserver(() => {
      if (this.#isPlaced && this.#stillFollows()) this.#scrollToEnd();
    }).observe(this.#log);
    document.addEventListener("visibilitychange", () => this.#seen());
    store.on("progress", () => this.#showProgress());
  }

  get key() {
    return this.#key;
  }

  get timeline() {
    return this.#store.timeline(this.#key);
  }

  open(key) {
    this.#key = key;
    this.#aim = null;
    this.#isPlaced = false;
    this.#follows = true;
    this.#divider = null;
    this.#hiddenAt = null;
    this.#inner.replaceChildren();
    this.#inner.classList.toggle("private", key?.startsWith("private:") ?? false);
    this.#pill.hidden = true;
    if (key) this.render();
  }

  // ── What is shown ──────────────────────────────────────────────────────
  render() {
    const { timeline } = this;
    const chat = this.#store.chats.get(this.#key);
    if (!chat || !timeline.isLoaded) {
      // A sync found too much missing, or the chat was just opened: its place is found again when it is loaded.
      this.#isPlaced = false;
      if (!this.#store.pendingOf(this.#key).length) return;
    }
    if (!this.#isPlaced) {
      this.#place(chat);
      return;
    }
    this.#follows = this.#stillFollows();
    if (this.#follows && timeline.atEnd) this.#to = timeline.last;
    else if (this.#to - this.#from + 1 < MOST) this.#to = Math.min(timeline.last, this.#from + MOST - 1);
    // Whoever follows the end sees little more of it; every frame costs less for that.
    if (this.#follows && this.#to - this.#from >= FIRST_SHOWN + STEP) this.#from = this.#to - FIRST_SHOWN + 1;
    this.#draw();
    this.#announce();
  }

  /** Where a conversation opens: at the message that was asked for, at its first unread one, else at its end. */
  #place(chat) {
    const { timeline } = this;
    if (this.#aim !== null && timeline.isLoaded) {
      this.#heard = timeline.last;
      this.#showAim();
      return;
    }
    const firstUnread = chat.unreadCount > 0 ? this.#firstUnread(chat) : null;
    this.#divider = firstUnread;
    this.#heard = timeline.last;
    this.#to = firstUnread ? Math.min(timeline.last, firstUnread + FIRST_SHOWN - 1) : timeline.last;
    this.#from = Math.max(timeline.first, (firstUnread ?? this.#to) - FIRST_SHOWN + 1);
    this.#isPlaced = timeline.isLoaded;
    this.#fill();
    const mark = firstUnread && this.#inner.querySelector(".divider");
    if (mark) this.#log.scrollTop += mark.getBoundingClientRect().top - this.#log.getBoundingClientRect().top - 72;
    else this.#scrollToEnd();
    this.#settle();
  }

  #firstUnread(chat) {
    for (const message of this.timeline.between(chat.readSeq + 1, this.timeline.last)) {
      if (message.senderId !== this.#store.me.id) return message.seq;
    }
    return null;
  }

  /** Brings the elements in line with the window, and keeps what is being read where it is. */
  #draw() {
    const anchor = this.#follows ? null : this.#anchor();
    this.#fill();
    if (anchor) {
      const element = this.#inner.querySelector(`[data-key="${CSS.escape(anchor.key)}"]`);
      if (element) this.#log.scrollTop += element.getBoundingClientRect().top - anchor.top;
    } else if (this.#follows) {
      this.#scrollToEnd();
    }
    this.#settle();
  }

  #fill() {
    this.timeline.trim(this.#from, this.#to);
    reconcile(this.#inner, this.#rows());
    if (this.#missing.size) this.#actions.loadQuoted([...this.#missing]);
    this.#missing.clear();
  }

  #anchor() {
    const { top } = this.#log.getBoundingClientRect();
    for (const element of this.#inner.children) {
      // Separators come and go with what is around them; messages stay.
      const box = element.getBoundingClientRect();
      if (box.bottom > top && /^[cm]:/.test(element.dataset.key)) return { key: element.dataset.key, top: box.top };
    }
    return null;
  }

  #rows() {
    const { timeline } = this;
    const isAtEnd = this.#to >= timeline.last && timeline.atEnd;
    const pending = isAtEnd || !timeline.isLoaded ? this.#store.pendingOf(this.#key) : [];
    const messages = [...timeline.between(this.#from, this.#to), ...pending.map((entry) => this.#asMessage(entry))];
    const lastOwn = messages.findLast((message) => message.senderId === this.#store.me.id && message.id && !message.recalledAt && !typeOf(message).row);
    const rows = [];
    if (timeline.isLoaded && this.#from <= timeline.first && !timeline.hasOlder && messages.length) {
      rows.push({ key: "beginning", signature: "", build: () => h("p", { class: "beginning" }, gettext("This is where it begins.")) });
    }
    let previous = null;
    messages.forEach((message, index) => {
      const { day } = factsOf(message);
      const isNewDay = !previous || factsOf(previous).day !== day;
      if (isNewDay) {
        const label = dayLabel(new Date(message.sentAt));
        rows.push({ key: `d:${day}`, signature: label, build: () => dayRow(label) });
      }
      const isDivided = this.#isDividedAt(message);
      if (isDivided) rows.push({ key: "divider", signature: "", build: dividerRow });
      const isFirst = isNewDay || isDivided || !this.#isTogether(previous, message);
      const isLast = !this.#isTogether(message, messages[index + 1]) || this.#isDividedAt(messages[index + 1]);
      rows.push(this.#row(message, { isFirst, isLast }, message === lastOwn));
      previous = message;
    });
    return rows;
  }

  #isDividedAt(message) {
    return this.#divider !== null && message.seq === this.#divider;
  }

  #isTogether(one, other) {
    if (!one || !other || typeOf(one).row || typeOf(other).row || one.senderId !== other.senderId) return false;
    const [before, after] = [factsOf(one), factsOf(other)];
    return after.at - before.at < TOGETHER && before.day === after.day;
  }

  #row(said, { isFirst, isLast }, isLastOwn) {
    const message = this.#store.signed(said);
    const { me, chats, recalled, local, progress } = this.#store;
    const chat = chats.get(this.#key);
    const { row } = typeOf(message);
    if (row) return { key: `m:${message.seq}`, signature: String(message.version), build: () => row(message, me.id) };
    const isOwn = message.senderId === me.id;
    const isGroup = chat.type === "group";
    const isRead = isOwn && Boolean(message.id) && (isGroup ? message.readCount > 0 : message.isRead || message.seq <= (chat.peerReadSeq ?? 0));
    const read = isOwn ? { isRead, receipt: isLastOwn ? receiptOf(isRead, message.readCount, isGroup) : "" } : null;
    const quoted = message.replyTo ? this.quotedBy(message) : undefined;
    if (message.replyTo && quoted === undefined) this.#missing.add(message.replyTo);
    const mayReedit = recalled.has(message.id);
    const state = message.state ?? "sent";
    const file = message.clientId && local.get(message.clientId);
    const details = { state, place: { isOwn, isGroup, isFirst, isLast }, read, quoted, mayReedit, reason: message.reason, local: file };
    const signature = [factsOf(message).signature, isFirst, isLast, read?.isRead, read?.receipt, quoted?.version, quoted?.senderName, mayReedit, state, message.reason, file].join();
    const key = isOwn && message.clientId ? `c:${message.clientId}` : `m:${message.seq}`;
    return { key, signature, build: () => messageRow(message, { ...details, part: progress.get(message.clientId) }, me.id) };
  }

  /** What a message answers, also where it is not among those that are loaded; null if it is not there any more. */
  quotedBy(message) {
    const quoted = this.timeline.find(message.replyTo) ?? this.#store.quoted.get(message.replyTo);
    return quoted && (keyOf(quoted, this.#store.me.id) === this.#key ? this.#store.signed(quoted) : null);
  }

  #asMessage(entry) {
    const { me } = this.#store;
    return { ...entry, senderId: me.id, senderName: me.name, senderImg: me.img, seq: null, id: null, version: 0, editedAt: null, recalledAt: null };
  }

  #showProgress() {
    for (const [clientId, part] of this.#store.progress) {
      const element = this.#inner.querySelector(`[data-client="${CSS.escape(clientId)}"] .progress`);
      if (element) setProgress(element, part);
    }
  }

  #announce() {
    const { timeline } = this;
    if (timeline.last <= this.#heard) return;
    const message = timeline.at(timeline.last);
    this.#heard = timeline.last;
    if (message.senderId === this.#store.me.id) return;
    announce(typeOf(message).row ? preview(message, this.#store.me.id) : `${message.senderName}: ${preview(message, this.#store.me.id)}`);
  }

  // ── Scrolling ──────────────────────────────────────────────────────────
  get #distance() {
    return this.#log.scrollHeight - this.#log.clientHeight - this.#log.scrollTop;
  }

  get #showsEnd() {
    return this.timeline.atEnd && this.#to >= this.timeline.last;
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#top = this.#log.scrollTop;
  }

  /** Whoever scrolled up a moment ago is not thrown back, though no scroll event has told of it yet. */
  #stillFollows() {
    return this.#follows && !(this.#log.scrollTop < this.#top && this.#distance >= NEAR_END);
  }

  #scrolled() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#settle();
      this.#fetchAhead();
    });
  }

  /** Whoever scrolls up finds the next page fetched when he comes near it. */
  #fetchAhead() {
    if (this.#log.scrollTop < AHEAD && this.#from - STEP < this.timeline.first) this.#actions.loadOlder(this.#key)?.catch(() => {});
  }

  /** After every move or change: does the view follow the end, is more needed, what has been read. */
  #settle() {
    if (!this.#key || !this.#isPlaced) return;
    // Whoever is at the end stays there while what came last is still being fetched.
    this.#follows = (this.#showsEnd || this.#follows) && this.#distance < NEAR_END;
    this.#top = this.#log.scrollTop;
    this.#showPill();
    this.#extend();
    // Not begun anew by every message: where they never pause, they are read all the same.
    this.#readTimer ||= setTimeout(() => this.#read(), READ_WAIT);
  }

  #showPill() {
    const chat = this.#store.chats.get(this.#key);
    const count = this.#follows ? 0 : (chat?.unreadCount ?? 0);
    this.#pill.hidden = this.#follows || (this.#showsEnd && this.#distance < 320 && !count);
    this.#pill.classList.toggle("counting", count > 0);
    const label = count ? fill(gettext("%(count)s new, go to the end"), { count }) : gettext("Go to the end");
    if (this.#pill.ariaLabel === label) return;
    this.#pill.ariaLabel = label;
    this.#pill.replaceChildren(icon("arrow-down"), ...(count ? [h("span", { class: "pill-count" }, String(count))] : []));
  }

  async #extend() {
    const { timeline } = this;
    const key = this.#key;
    if (this.#isExtending) return;
    const isNearTop = this.#log.scrollTop < NEAR_EDGE && (this.#from > timeline.first || timeline.hasOlder);
    const isNearEnd = !isNearTop && this.#distance < NEAR_EDGE && !this.#showsEnd;
    if (!isNearTop && !isNearEnd) return;
    this.#isExtending = true;
    try {
      if (isNearTop && this.#from - STEP < timeline.first) await this.#actions.loadOlder(key);
      if (isNearEnd && this.#to + STEP > timeline.last) await this.#actions.loadNewer(key);
      await this.#stillness();
    } catch {
      // Offline, or the server is busy: the next scroll asks again, or the next moment if nobody scrolls.
      setTimeout(() => this.#settle(), ASK_AGAIN);
      return;
    } finally {
      this.#isExtending = false;
    }
    if (key !== this.#key || timeline !== this.timeline) return;
    if (isNearTop) {
      this.#from = Math.max(timeline.first, this.#from - STEP);
      this.#to = Math.min(this.#to, this.#from + MOST - 1);
    } else {
      this.#to = Math.min(timeline.last, this.#to + STEP);
      this.#from = Math.max(this.#from, this.#to - MOST + 1);
    }
    this.#follows &&= isNearEnd;
    this.#draw();
  }

  /** The next frame in which nobody scrolls: what comes in then moves nothing. Close to an edge there is no time for it. */
  async #stillness() {
    let before;
    do {
      before = this.#log.scrollTop;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    } while (this.#log.scrollTop !== before && Math.min(this.#log.scrollTop, this.#distance) > AT_EDGE);
  }

  async toEnd() {
    if (!this.timeline.atEnd) {
      this.#isPlaced = false;
      await this.#actions.loadEnd(this.#key).catch(() => {});
    }
    if (!this.timeline.isLoaded) return;
    this.#isPlaced = true;
    this.#to = this.timeline.last;
    this.#from = Math.max(this.timeline.first, this.#from, this.#to - FIRST_SHOWN + 1);
    this.#follows = true;
    this.#draw();
  }

  /** Shows a message, loading what is around it when it is not there. */
  async toMessage(seq) {
    const { key, timeline } = this;
    this.#aim = seq;
    if (timeline.isLoaded && seq >= timeline.first && seq <= timeline.last) {
      this.#showAim();
      return;
    }
    const wasPlaced = this.#isPlaced;
    this.#isPlaced = false;
    try {
      await this.#actions.loadAround(key, seq); // `#place` does the rest as soon as it is there
    } catch (problem) {
      if (key === this.#key) {
        this.#aim = null;
        this.#isPlaced = wasPlaced;
      }
      throw problem;
    }
  }

  #showAim() {
    const { timeline } = this;
    const seq = Math.max(timeline.first, Math.min(this.#aim, timeline.last));
    this.#aim = null;
    this.#isPlaced = true;
    this.#follows = false;
    const isShown = seq >= this.#from && seq <= this.#to;
    this.#from = Math.max(timeline.first, isShown ? this.#from : seq - STEP);
    this.#to = Math.min(timeline.last, isShown ? this.#to : seq + STEP);
    this.#draw();
    const row = this.#inner.querySelector(`[data-seq="${seq}"]`);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.classList.add("flash");
    setTimeout(() => row.classList.remove("flash"), FLASH);
  }

  // ── Reading ────────────────────────────────────────────────────────────
  forgetDivider() {
    this.#divider = null;
  }

  #seen() {
    if (!this.#key || !this.#isPlaced) return;
    if (document.hidden) {
      this.#hiddenAt = this.timeline.last;
      return;
    }
    if (this.#hiddenAt !== null && this.timeline.last > this.#hiddenAt) {
      this.#divider = this.#firstUnread(this.#store.chats.get(this.#key));
      this.render();
    }
    this.#hiddenAt = null;
    this.#settle();
  }

  #read() {
    this.#readTimer = 0;
    if (document.hidden || !this.#key || !this.#isPlaced || !this.element.offsetParent) return;
    const upTo = this.#follows ? this.timeline.last : this.#lastVisible();
    if (upTo) this.#actions.markRead(this.#key, upTo);
  }

  #lastVisible() {
    const { bottom } = this.#log.getBoundingClientRect();
    const rows = this.#inner.querySelectorAll("[data-seq]");
    for (let index = rows.length - 1; index >= 0; index--) {
      if (rows[index].getBoundingClientRect().bottom <= bottom + 1) return Number(rows[index].dataset.seq);
    }
    return 0;
  }

  /** ↑ and ↓ go from message to message. */
  #walk(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.target.closest(".menu")) return;
    const rows = [...this.#inner.querySelectorAll(".message")];
    const here = rows.indexOf(document.activeElement.closest(".message"));
    const next = here === -1 ? rows.at(-1) : rows[here + step];
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  }
}
