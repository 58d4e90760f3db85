// The messages of the open chat: a bounded number of elements, drawn so that what is being read
// never moves.
import { gettext, interpolate } from "chat/i18n.js";
import { unreadMention } from "chat/mentions.js";
import { countsAsUnread } from "chat/state/reducers.js";
import { MessageBar } from "chat/views/conversation/message_bar.js";
import { MessageRows } from "chat/views/conversation/message_rows.js";
import { MessageWindow } from "chat/views/conversation/message_window.js";
import { onDayChange } from "chat/views/days.js";
import { afterPress, announce, h, icon, reconcile, toast } from "chat/views/dom.js";
import { lazy } from "chat/views/lazy.js";
import { onFormattingChange } from "chat/views/preferences.js";
import { setProgress } from "chat/views/progress.js";
import { preview, typeOf } from "chat/views/types/registry.js";

// Distances from an edge, in pixels: within LOAD_DISTANCE older messages are loaded ahead, within
// EXTEND_DISTANCE rows are added. The list begins to follow its end within AT_END, where the reader went all the way
// down, and goes on within END_DISTANCE: one that opens at its first unread message, a little above the end, stays.
const LOAD_DISTANCE = 3000;
const EXTEND_DISTANCE = 900;
const AT_END = 4;
const END_DISTANCE = 100;
const PILL_DISTANCE = 320;
const DIVIDER_OFFSET = 72;
const READ_DELAY_MS = 120;
const RETRY_MS = 1500;
/** What is in messages that Tab stops at by itself, but for what waits for an answer; and all that was looked at. */
const NEW_STOPS = ["a[href]:not([tabindex])", "button:not([tabindex])", "[tabindex='0']:not([data-stop])"]
  .map((one) => `${one}:not(.failure *)`)
  .join(", ");
const STOPS = "[data-stop]";
/** The element of a message, around its reactions, which have keys of their own. */
const rowOf = (element) => element.closest("[data-key]:not(.reaction)");
/** How long the date over the messages stays after scrolling. */
const FLOATING_DAY_MS = 1500;

export class MessageListView {
  #store;
  #actions;
  #onDraw;
  #rows;
  #window = new MessageWindow();
  #key = null;
  /** Whether the window has its place in the timeline. */
  #isPlaced = false;
  #followsEnd = true;
  #lastScrollTop = 0;
  /** The seq that the "New messages" divider stands before. */
  #divider = null;
  /** Whether the chat was marked unread while it is open: then what is in sight is not marked as read. */
  #isHeld = false;
  /** The last seq when the page was hidden. */
  #hiddenAt = null;
  /** The last seq that is not announced to screen readers any more: it was, or it is history, loaded or not. */
  #announced = 0;
  #readTimer = 0;
  #frame = 0;
  #isExtending = false;
  /** The seq of the message to show as soon as it is loaded. */
  #targetSeq = null;
  #jumps = 0;
  /** The number of the jump whose messages are being loaded; nothing is placed meanwhile. */
  #awaitedJump = null;
  #inner = h("div", { class: "log-inner" });
  /** Code blocks that have not been in sight, and files of which the first lines were not seen. */
  #unseenCode = new IntersectionObserver((entries) => this.#colorCode(entries));
  #unseenFiles = new IntersectionObserver((entries) => this.#peek(entries));
  #log = h(
    "div",
    { class: "log", id: "log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": gettext("Messages") },
    this.#inner,
  );
  #bar = new MessageBar(this.#log, this.#inner);
  #floatingDay = h("p", { class: "floating-day", "aria-hidden": "true", hidden: true });
  #floatingDayTimer = 0;
  /** The seq that the reader looked at before a jump, to go back to. */
  #origin = null;
  /** The seq of the message that the reader was led to, marked until they move on. */
  #marked = null;
  /** The key of the row that has the focus, or had it last. */
  #focused = null;
  #wayBack = h(
    "button",
    { type: "button", class: "way-back", hidden: true, on: { click: () => this.#goBack() } },
    icon("reply"),
    gettext("Back to where you were"),
  );
  #mention = h(
    "button",
    {
      type: "button",
      class: "pill to-mention",
      hidden: true,
      "aria-label": gettext("Go to the message that mentions you"),
      title: gettext("Go to the message that mentions you"),
      on: { click: () => this.#showMention() },
    },
    "@",
  );
  #pill = h("button", { type: "button", class: "pill to-end", hidden: true, on: { click: () => this.showEnd() } });

  /** `onDraw()` is called when rows were drawn. */
  constructor({ store, actions, onDraw }) {
    this.#store = store;
    this.#actions = actions;
    this.#onDraw = onDraw;
    this.#rows = new MessageRows(store);
    this.element = h(
      "div",
      { class: "log-frame" },
      this.#log,
      this.#floatingDay,
      this.#wayBack,
      this.#mention,
      this.#pill,
    );
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    // What the reader was led to stays marked until they move on.
    for (const move of ["wheel", "touchmove", "keydown", "pointerdown"])
      this.#log.addEventListener(move, () => this.#unmark(), { passive: true });
    this.#log.addEventListener("keydown", (event) => this.#moveFocus(event));
    this.#log.addEventListener("focusin", (event) => {
      const key = rowOf(event.target)?.dataset.key ?? null;
      if (key === this.#focused) return;
      this.#focused = key;
      this.#placeTabStops(STOPS);
    });
    new ResizeObserver(() => {
      if (this.#isPlaced && this.#stillFollowsEnd()) this.#scrollToEnd();
    }).observe(this.#log);
    document.addEventListener("visibilitychange", () => this.#onVisibilityChange());
    onDayChange(() => this.#key && this.render());
    onFormattingChange(() => this.#key && this.render());
    store.on("progress", () => this.#showProgress());
  }

  get timeline() {
    return this.#store.timeline(this.#key);
  }

  open(key) {
    this.#key = key;
    this.#targetSeq = null;
    this.#awaitedJump = null;
    this.#isPlaced = false;
    this.#followsEnd = true;
    this.#divider = null;
    this.#isHeld = false;
    this.#hiddenAt = null;
    this.#inner.replaceChildren();
    this.#bar.hide(); // the rows of another chat have the same keys
    this.#inner.classList.toggle("private", key?.startsWith("private:") ?? false);
    this.#pill.hidden = true;
    this.#mention.hidden = true;
    this.#floatingDay.hidden = true;
    this.#marked = null;
    this.#setOrigin(null);
    if (key) this.render();
  }

  /** The message that `message` quotes, if it is known. */
  quotedBy(message) {
    return this.#rows.quotedBy(this.#key, message);
  }

  // ── Drawing ─────────────────────────────────────────────────────────────
  render() {
    afterPress(this.#inner, () => this.#render());
  }

  #render() {
    if (!this.#key) return;
    const { timeline } = this;
    const chat = this.#store.chats.get(this.#key);
    if (!chat || !timeline.isLoaded) {
      // The chat was just opened, or a sync dropped its messages: it is placed when they are
      // loaded.
      this.#isPlaced = false;
      if (!this.#store.pendingOf(this.#key).length) return;
    }
    if (!this.#isPlaced) {
      this.#place(chat);
      return;
    }
    this.#followsEnd = this.#stillFollowsEnd();
    if (Boolean(chat.isHeldUnread) !== this.#isHeld) {
      this.#isHeld = Boolean(chat.isHeldUnread);
      if (this.#isHeld) this.#divider = this.#firstUnread(chat);
    }
    this.#window.update(timeline, { followsEnd: this.#followsEnd });
    this.#draw();
    this.#announceNew();
  }

  /**
   * Where a chat opens: at the requested message, at its first unread one, otherwise at its end.
   */
  #place(chat) {
    const { timeline } = this;
    // Other pages of the history may come before those that were asked for.
    if (this.#awaitedJump !== null) return;
    if (this.#targetSeq !== null && timeline.isLoaded) {
      this.#announced = timeline.head;
      this.#showTarget();
      return;
    }
    const firstUnread = chat.unreadCount > 0 ? this.#firstUnread(chat) : null;
    this.#divider = firstUnread;
    this.#announced = timeline.head;
    this.#window.place(timeline, firstUnread);
    this.#isPlaced = timeline.isLoaded;
    this.#fill();
    const divider = firstUnread && this.#inner.querySelector(".divider");
    this.#followsEnd = !divider;
    if (divider)
      this.#log.scrollTop +=
        divider.getBoundingClientRect().top - this.#log.getBoundingClientRect().top - DIVIDER_OFFSET;
    else this.#scrollToEnd();
    this.#settle();
  }

  #firstUnread(chat) {
    for (const message of this.timeline.between(chat.readSeq + 1, this.timeline.last)) {
      if (countsAsUnread(message, this.#store.me)) return message.seq;
    }
    return null;
  }

  /**
   * Updates the elements and keeps the lower edge of the first visible message where it is: with others before it, a
   * message loses its sender's name at its upper edge.
   */
  #draw() {
    const anchor = this.#followsEnd ? null : this.#firstVisible();
    this.#fill();
    if (anchor) {
      const element = this.#inner.querySelector(`[data-key="${CSS.escape(anchor.key)}"]`);
      if (element) this.#log.scrollTop += element.getBoundingClientRect().bottom - anchor.bottom;
    } else if (this.#followsEnd) {
      this.#scrollToEnd();
    }
    this.#settle();
  }

  #fill() {
    const { from, to } = this.#window;
    this.#store.trimTimeline(this.#key, from, to);
    reconcile(this.#inner, this.#rows.describe(this.#key, { from, to, divider: this.#divider }));
    this.#bar.restore();
    this.#onDraw();
    this.#placeTabStops(NEW_STOPS);
    for (const code of this.#inner.querySelectorAll("code[data-language]:not([data-drawn])")) {
      code.toggleAttribute("data-drawn", true);
      this.#unseenCode.observe(code);
    }
    for (const lines of this.#inner.querySelectorAll("code[data-peek]:not([data-drawn])")) {
      lines.toggleAttribute("data-drawn", true);
      this.#unseenFiles.observe(lines.closest(".file-peek"));
    }
    // A row is built again when its quote, its sender or its text changes.
    if (this.#marked !== null) this.#rowOf(this.#marked)?.classList.add("flash");
    const { missingQuotes, unsureReactions } = this.#rows;
    if (missingQuotes.size) this.#actions.history.loadQuoted([...missingQuotes]);
    if (unsureReactions.size) this.#actions.messages.loadOwnReactions([...unsureReactions]).catch(() => {});
  }

  async #colorCode(entries) {
    const seen = entries.filter((entry) => entry.isIntersecting).map(({ target }) => target);
    if (!seen.length) return;
    for (const code of seen) this.#unseenCode.unobserve(code);
    const { highlight } = await lazy.highlight();
    for (const code of seen) highlight(code, (...block) => this.#actions.messages.highlight(...block));
  }

  async #peek(entries) {
    const seen = entries.filter((entry) => entry.isIntersecting).map(({ target }) => target);
    if (!seen.length) return;
    for (const one of seen) this.#unseenFiles.unobserve(one);
    const { peekInto } = await lazy.textFile();
    for (const one of seen) peekInto(one, this.#actions);
  }

  #firstVisible() {
    const { top } = this.#log.getBoundingClientRect();
    // Days and the divider come and go with what is around them, and albums with what is in them; messages stay.
    for (const element of this.#inner.querySelectorAll('[data-key^="c:"], [data-key^="m:"]')) {
      const box = element.getBoundingClientRect();
      if (box.bottom > top) return { key: element.dataset.key, bottom: box.bottom };
    }
    return null;
  }

  #showProgress() {
    for (const [clientId, part] of this.#store.progress) {
      const element = this.#inner.querySelector(`[data-client="${CSS.escape(clientId)}"] .progress`);
      if (element) setProgress(element, part);
    }
  }

  #announceNew() {
    const { timeline } = this;
    if (timeline.last <= this.#announced) return;
    const message = this.#store.withSender(timeline.at(timeline.last));
    this.#announced = timeline.last;
    const me = this.#store.me.id;
    if (message.senderId === me || message.hidden) return;
    const words = preview(message, me);
    announce(
      typeOf(message).row ? words : interpolate(gettext("%(name)s: %(words)s"), { name: message.senderName, words }),
    );
  }

  // ── Scrolling ───────────────────────────────────────────────────────────
  get #distanceToEnd() {
    return this.#log.scrollHeight - this.#log.clientHeight - this.#log.scrollTop;
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#lastScrollTop = this.#log.scrollTop;
  }

  /**
   * A reader who has just scrolled up is not thrown back, although the scroll event has not fired
   * yet.
   */
  #stillFollowsEnd() {
    return this.#followsEnd && !(this.#log.scrollTop < this.#lastScrollTop && this.#distanceToEnd >= END_DISTANCE);
  }

  #onScroll() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      this.#forgetOriginInSight();
      this.#settle();
      this.#loadAhead();
    });
  }

  /** Loads the next older page before the reader reaches it. */
  #loadAhead() {
    const isNear = this.#log.scrollTop < LOAD_DISTANCE && this.#window.needsOlder(this.timeline);
    if (isNear) this.#actions.history.loadOlder(this.#key)?.catch(() => {});
  }

  /**
   * After every scroll or change: whether the list follows its end, whether rows are missing, what
   * has been read.
   */
  #settle() {
    if (!this.#key || !this.#isPlaced) return;
    // At the end, the list follows it even while the newest messages are still being loaded.
    const isAtEnd = this.#window.showsEnd(this.timeline) && this.#distanceToEnd < AT_END;
    this.#followsEnd = isAtEnd || (this.#followsEnd && this.#distanceToEnd < END_DISTANCE);
    this.#lastScrollTop = this.#log.scrollTop;
    this.#showPill();
    this.#showFloatingDay();
    this.#extend();
    // Not restarted by each message: messages that never pause are marked as read all the same.
    if (!this.#readTimer) this.#readTimer = setTimeout(() => this.#markRead(), READ_DELAY_MS);
  }

  #showMention() {
    const seq = unreadMention(this.#store.chats.get(this.#key));
    this.#log.focus({ preventScroll: true }); // the button goes
    return seq && this.showMessage(seq).catch((problem) => toast(problem.message));
  }

  #showPill() {
    const chat = this.#store.chats.get(this.#key);
    this.#mention.hidden = this.#followsEnd || !chat || unreadMention(chat) === null;
    const count = this.#followsEnd ? 0 : (chat?.unreadCount ?? 0);
    this.#pill.hidden =
      this.#followsEnd || (this.#window.showsEnd(this.timeline) && this.#distanceToEnd < PILL_DISTANCE && !count);
    this.#pill.classList.toggle("counting", count > 0);
    const label = count ? interpolate(gettext("%(count)s new, go to the end"), { count }) : gettext("Go to the end");
    if (this.#pill.ariaLabel === label) return;
    this.#pill.ariaLabel = label;
    this.#pill.replaceChildren(
      icon("arrow-down"),
      ...(count ? [h("span", { class: "pill-count" }, String(count))] : []),
    );
  }

  /** Adds rows, and loads messages for them, at the edge that the reader comes near. */
  async #extend() {
    const { timeline } = this;
    const key = this.#key;
    if (this.#isExtending) return;
    const isNearTop =
      this.#log.scrollTop < EXTEND_DISTANCE && (this.#window.from > timeline.first || timeline.hasOlder);
    const isNearEnd = !isNearTop && this.#distanceToEnd < EXTEND_DISTANCE && !this.#window.showsEnd(timeline);
    if (!isNearTop && !isNearEnd) return;
    this.#isExtending = true;
    try {
      if (isNearTop && this.#window.needsOlder(timeline)) await this.#actions.history.loadOlder(key);
      if (isNearEnd && this.#window.needsNewer(timeline)) await this.#actions.history.loadNewer(key);
      await this.#scrollPause();
    } catch {
      // Offline, or the server is busy: tried again by the next scroll, or after a moment.
      setTimeout(() => this.#settle(), RETRY_MS);
      return;
    } finally {
      this.#isExtending = false;
    }
    if (key !== this.#key || timeline !== this.timeline) return;
    if (isNearTop) this.#window.stepUp(timeline);
    else this.#window.stepDown(timeline);
    this.#followsEnd &&= isNearEnd;
    this.#draw();
  }

  /**
   * Resolves in a frame without scrolling, in which added rows move nothing. A reader who scrolls on reaches the edge,
   * where nothing scrolls any more.
   */
  async #scrollPause() {
    let before;
    do {
      before = this.#log.scrollTop;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    } while (this.#log.scrollTop !== before);
  }

  async showEnd() {
    this.#setOrigin(null);
    this.#targetSeq = null;
    this.#awaitedJump = null;
    if (!this.timeline.atEnd) {
      this.#isPlaced = false;
      await this.#actions.history.loadEnd(this.#key).catch(() => {});
    }
    if (!this.timeline.isLoaded) return;
    this.#isPlaced = true;
    this.#window.jumpToEnd(this.timeline);
    this.#followsEnd = true;
    this.#draw();
  }

  #rowOf(seq) {
    return this.#inner.querySelector(`[data-seq="${seq}"]`);
  }

  #unmark() {
    if (this.#marked === null) return;
    this.#rowOf(this.#marked)?.classList.remove("flash");
    this.#marked = null;
  }

  /** The first message in sight. */
  get #topRow() {
    const top = this.#log.scrollTop;
    return [...this.#inner.querySelectorAll("[data-seq]")].find((row) => row.offsetTop + row.offsetHeight > top);
  }

  #setOrigin(seq) {
    this.#origin = seq;
    this.#wayBack.hidden = seq === null;
  }

  #goBack() {
    const seq = this.#origin;
    this.#setOrigin(null);
    this.#log.focus({ preventScroll: true }); // the button is gone
    return this.#jump(seq).catch((problem) => toast(problem.message));
  }

  /** While the reader scrolls, the day of the messages in sight stands over them. */
  #showFloatingDay() {
    const top = this.#log.scrollTop;
    const days = [...this.#inner.querySelectorAll(".day")];
    const day = days.findLast((one) => one.offsetTop <= top);
    const isCovered = days.some((one) => one !== day && one.offsetTop > top && one.offsetTop < top + 48);
    this.#floatingDay.textContent = day?.textContent ?? "";
    this.#floatingDay.hidden = !day || isCovered || this.#followsEnd;
    clearTimeout(this.#floatingDayTimer);
    this.#floatingDayTimer = setTimeout(() => (this.#floatingDay.hidden = true), FLOATING_DAY_MS);
  }

  /** Shows a message that the reader asked for, and offers the way back. */
  async showMessage(seq) {
    const row = this.#isPlaced && !this.#followsEnd && this.#topRow;
    const origin = this.#origin ?? (row ? Number(row.dataset.seq) : null);
    await this.#jump(seq);
    this.#setOrigin(origin);
    this.#forgetOriginInSight();
  }

  /** The way back is of no use where the reader sees what they looked at. */
  #forgetOriginInSight() {
    // While the target is being loaded, the rows are still those that the reader comes from.
    if (this.#origin === null || this.#targetSeq !== null || !this.#isPlaced) return;
    const box = this.#rowOf(this.#origin)?.getBoundingClientRect();
    const frame = this.#log.getBoundingClientRect();
    if (box && box.bottom > frame.top && box.top < frame.bottom) this.#setOrigin(null);
  }

  /** Shows a message, loading the messages around it if needed. */
  async #jump(seq) {
    const { timeline } = this;
    const key = this.#key;
    const jump = ++this.#jumps;
    this.#targetSeq = seq;
    if (timeline.isLoaded && seq >= timeline.first && seq <= timeline.last) {
      this.#awaitedJump = null;
      this.#showTarget();
      return;
    }
    const wasPlaced = this.#isPlaced;
    this.#isPlaced = false;
    this.#awaitedJump = jump;
    try {
      await this.#actions.history.loadAround(key, seq);
    } catch (problem) {
      if (this.#awaitedJump === jump) {
        this.#awaitedJump = null;
        this.#targetSeq = null;
        this.#isPlaced = wasPlaced;
        this.render();
      }
      throw problem;
    }
    if (this.#awaitedJump !== jump) return; // the reader asked for something else meanwhile
    this.#awaitedJump = null;
    this.render();
  }

  #showTarget() {
    const { timeline } = this;
    const seq = Math.max(timeline.first, Math.min(this.#targetSeq, timeline.last));
    this.#targetSeq = null;
    this.#isPlaced = true;
    this.#followsEnd = false;
    this.#window.jumpTo(timeline, seq);
    this.#draw();
    const row = this.#rowOf(seq);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    this.#unmark();
    this.#marked = seq;
    row.classList.add("flash");
  }

  // ── Reading ─────────────────────────────────────────────────────────────
  removeDivider() {
    this.#divider = null;
  }

  /** Messages that arrived while the page was hidden get the divider. */
  #onVisibilityChange() {
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

  #markRead() {
    this.#readTimer = 0;
    if (document.hidden || !this.#key || !this.#isPlaced || !this.element.offsetParent) return;
    if (this.#store.chats.get(this.#key)?.isHeldUnread) return;
    const upTo = this.#followsEnd ? this.timeline.last : this.#lastVisibleSeq();
    if (upTo) this.#actions.chats.markRead(this.#key, upTo);
  }

  #lastVisibleSeq() {
    const { bottom } = this.#log.getBoundingClientRect();
    const rows = this.#inner.querySelectorAll("[data-seq]");
    for (let index = rows.length - 1; index >= 0; index--) {
      if (rows[index].getBoundingClientRect().bottom <= bottom + 1) return Number(rows[index].dataset.seq);
    }
    return 0;
  }

  /** Tab stops at what is in the message that has the focus, and passes all others. */
  #placeTabStops(selector) {
    for (const control of this.#inner.querySelectorAll(selector)) {
      control.tabIndex = rowOf(control).dataset.key === this.#focused ? 0 : -1;
      control.toggleAttribute("data-stop", true);
    }
  }

  /** ↑ and ↓ move the focus from message to message. */
  #moveFocus(event) {
    const step = !event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.target.closest(".menu, video")) return;
    const rows = [...this.#inner.querySelectorAll(".message")];
    const here = rows.indexOf(document.activeElement.closest(".message"));
    const next = here === -1 ? rows.at(-1) : rows[here + step];
    if (!next) return;
    (next.querySelector(".select-box") ?? next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  }
}
