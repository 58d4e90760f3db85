// The sidebar: the user's own button, the search, the chats.
import { gettext, interpolate } from "chat/i18n.js";
import { chatPath } from "chat/ids.js";
import { unreadMention } from "chat/mentions.js";
import { fold } from "chat/text.js";
import { oncePerFrame } from "chat/timing.js";
import { openChatMenu } from "chat/views/chat_menu.js";
import { onContextMenu } from "chat/views/context_menu.js";
import { onDayChange, timeZone } from "chat/views/days.js";
import {
  afterPress,
  avatar,
  besideName,
  h,
  icon,
  iconButton,
  markedName,
  reconcile,
  replaceIfChanged,
  senderOf,
} from "chat/views/dom.js";
import { badge, fullTime, listTime, requestCount, typingLine } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { LEVELS } from "chat/views/levels.js";
import { Filters } from "chat/views/list/filters.js";
import { SearchView } from "chat/views/list/search.js";
import { openMenu } from "chat/views/menu.js";
import { emptyList, invitation } from "chat/views/onboarding.js";
import { onFormattingChange } from "chat/views/preferences.js";
import { preview, typeOf } from "chat/views/types/registry.js";

const MINUTE_MS = 60_000;
/** What a row says of a level that was chosen for its chat. */
const LEVEL_STATES = {
  all: gettext("all messages notify you"),
  mentions: gettext("only mentions notify you"),
  nothing: gettext("nothing notifies you"),
};
/** Rows are added by ROWS_STEP when the user scrolls within this many pixels of the end. */
const ROWS_STEP = 40;
const NEAR_END_PX = 800;

export class ChatListView {
  #context;
  #store;
  #actions;
  #router;
  #rows = h("div", { class: "rows" });
  #me = h("button", {
    type: "button",
    class: "me-button",
    "aria-haspopup": "menu",
    "aria-label": gettext("My account"),
    title: gettext("My account"),
  });
  #search;
  #filters;
  #chats;
  /** One button for all rows: it is placed on the row under the pointer or with the focus. */
  #menuButton = iconButton(
    "ellipsis",
    gettext("What to do with this conversation"),
    () => this.#openRowMenu(this.#rowAt(this.#menuButton.dataset.chat), undefined, this.#menuButton),
    { class: "row-menu", "aria-haspopup": "menu", tabindex: "-1", hidden: true },
  );
  #shown = ROWS_STEP;
  /** The row that Tab reaches; ↑ and ↓ lead to the others. */
  #tabStop = null;

  constructor(root, context) {
    const { store, actions, router } = context;
    this.#context = context;
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#me.addEventListener("click", async () => (await lazy.account()).openAccountMenu(this.#me, context));
    const start = iconButton(
      "square-pen",
      gettext("New conversation"),
      (event) => this.#openNewMenu(event.currentTarget),
      { "aria-haspopup": "menu", id: "new" },
    );
    this.#search = new SearchView({ store, actions, router }, () => this.render());
    this.#filters = new Filters(store, () => {
      this.#shown = ROWS_STEP;
      this.#chats.scrollTop = 0;
      this.render();
    });
    this.#chats = h("div", { class: "chats" }, this.#search.above, this.#rows, this.#search.below, this.#menuButton);
    root.replaceChildren(
      h("header", { class: "sidebar-head" }, this.#me, h("h1", {}, gettext("Chats")), start),
      this.#search.element,
      this.#filters.element,
      this.#chats,
    );
    this.#listen();
    onDayChange(() => this.render());
    onFormattingChange(() => this.render());
    store.on(
      ["chats", "people", "open"],
      oncePerFrame(() => this.render()),
    );
    setInterval(() => {
      store.endMutes();
      store.endPause();
      this.render();
    }, MINUTE_MS);
    this.render();
  }

  #listen() {
    const { input } = this.#search;
    const chats = this.#chats;
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") this.#search.clear();
      else if (event.key === "ArrowDown") this.#focusRow(-1, 1);
      else if (event.key === "Enter") this.#openFirstResult();
      else return;
      event.preventDefault();
    });
    chats.addEventListener("keydown", (event) => {
      const step = !event.altKey && { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) this.#focusRow(this.#visibleRows.indexOf(document.activeElement), step);
      else if (event.key === "Escape" && this.#search.query) {
        this.#search.clear();
        input.focus();
      } else return;
      event.preventDefault();
    });
    chats.addEventListener("click", (event) => {
      const link = event.target.closest("a.chat-row");
      // With a modifier key the browser opens a new tab, as for every link.
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      const { chat, at } = link.dataset;
      this.#router.go(chat, at && Number(at));
      // Found messages stay listed, to open one after the other.
      if (at) this.#search.markOpen(link);
      else if (this.#search.query) this.#search.clear();
    });
    onContextMenu(this.#rows, (target, at) => this.#openRowMenu(target.closest(".chat-row"), at));
    chats.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#placeMenuButton());
    chats.addEventListener("pointerleave", () => this.#placeMenuButton());
    chats.addEventListener("focusin", () => this.#placeMenuButton());
    chats.addEventListener("focusin", ({ target }) => this.#placeTabStop(target.closest(".chat-row")));
    // Rows are built here and by the search.
    new MutationObserver(() => this.#placeTabStop()).observe(chats, { childList: true, subtree: true });
    chats.addEventListener("focusout", () => this.#placeMenuButton());
    chats.addEventListener("scroll", () => this.#onScroll(chats), { passive: true });
  }

  render() {
    afterPress(this.#rows, () => this.#render());
  }

  #render() {
    const store = this.#store;
    replaceIfChanged(this.#me, JSON.stringify([store.me.name, store.me.img]), () =>
      avatar({ ...store.me, online: false }, "m"),
    );
    const query = fold(this.#search.query);
    const all = store.chatList;
    this.#filters.render(all, { isHidden: Boolean(query) });
    const chats = all.filter((chat) => (query ? fold(chat.name).includes(query) : this.#filters.shows(chat)));
    if (!chats.length) {
      if (all.length && !query) {
        const note = store.hasChatList ? gettext("No conversation here.") : gettext("Loading…");
        const signature = JSON.stringify([this.#filters.chosen, note]);
        reconcile(this.#rows, [{ key: "nothing", signature, build: () => h("p", { class: "no-result" }, note) }]);
      } else if (store.hasChatList && !query)
        reconcile(this.#rows, [{ key: "empty", signature: "empty", build: () => emptyList(this.#context) }]);
      else if (store.hasChatList) this.#rows.replaceChildren();
      return;
    }
    const focused = this.#rows.contains(document.activeElement) && document.activeElement.dataset.chat;
    reconcile(
      this.#rows,
      chats.slice(0, this.#shown).map((chat) => this.#row(chat)),
    );
    // A row that was built again gets the focus back.
    if (focused && document.activeElement === document.body) this.#rowAt(focused)?.focus({ preventScroll: true });
    this.#placeMenuButton();
  }

  #onScroll({ scrollTop, scrollHeight, clientHeight }) {
    if (scrollTop === 0) this.#shown = ROWS_STEP;
    if (scrollHeight - clientHeight - scrollTop > NEAR_END_PX || this.#shown > this.#store.chats.size) return;
    this.#shown += ROWS_STEP;
    this.render();
  }

  #row(chat) {
    const store = this.#store;
    const isOnline = chat.type === "private" && !chat.isSaved && store.isOnline(chat.id);
    const last = chat.lastMessage && store.withSender(chat.lastMessage);
    const sending = store.pendingOf(chat.key).at(-1);
    const moved = sending?.sentAt ?? last?.sentAt;
    const time = moved ? listTime(new Date(moved)) : "";
    const line = this.#preview(chat, last, sending);
    const isOpen = chat.key === store.openKey;
    const signature = JSON.stringify([
      chat.name,
      chat.img,
      besideName(chat),
      isOnline,
      time,
      timeZone(),
      line,
      chat.unreadCount,
      chat.markedUnread,
      chat.archived,
      unreadMention(chat) !== null,
      chat.joinRequests,
      chat.muted,
      chat.level,
      chat.pinned,
      chat.away,
      isOpen,
    ]);
    return { key: chat.key, signature, build: () => this.#buildRow(chat, { isOnline, isOpen, moved, time, line }) };
  }

  #preview(chat, last, sending) {
    const store = this.#store;
    const names = store.typingNames(chat.key);
    if (names.length) return { typing: chat.type === "group" ? typingLine(names) : gettext("typing…") };
    const draft = store.draftText(chat.key);
    if (draft && chat.key !== store.openKey) return { draft };
    if (sending)
      return { text: preview(sending, store.me.id), icon: sending.state === "failed" ? "circle-alert" : "clock" };
    if (!last) return { text: "" };
    const isNamed = chat.type === "group" && !typeOf(last).row && !last.recalledAt;
    const isOwn = last.senderId === store.me.id;
    const who = isNamed ? (isOwn ? { name: gettext("You") } : senderOf(last)) : null;
    return { who, text: preview(last, store.me.id) };
  }

  #buildRow(chat, { isOnline, isOpen, moved, time, line }) {
    const count = chat.unreadCount;
    const unread = count
      ? h("span", { class: `badge${chat.muted ? " quiet" : ""}`, "aria-hidden": "true" }, badge(count))
      : chat.markedUnread
        ? h("span", { class: "badge marked", "aria-hidden": "true" })
        : null;
    const isCalled = unreadMention(chat) !== null;
    const states = [
      isOnline && gettext("online"),
      chat.pinned && gettext("pinned"),
      chat.muted && gettext("muted"),
      LEVEL_STATES[chat.level],
      chat.away && gettext("away for a while"),
      count && interpolate(gettext("%(count)s unread"), { count }),
      !count && chat.markedUnread && gettext("marked as unread"),
      chat.archived && gettext("archived"),
      isCalled && gettext("you are mentioned"),
      chat.joinRequests > 0 && requestCount(chat.joinRequests),
    ].filter(Boolean);
    return h(
      "a",
      {
        class: `chat-row${unread ? " unread" : ""}${chat.pinned ? " pinned" : ""}`,
        href: chatPath(chat.key),
        "data-chat": chat.key,
        "aria-current": isOpen && "true",
      },
      avatar({ ...chat, online: isOnline }),
      h(
        "span",
        { class: "row-text" },
        h(
          "span",
          { class: "chat-line" },
          h("span", { class: "chat-name" }, markedName(chat)),
          moved && h("time", { datetime: moved, title: fullTime(new Date(moved)) }, time),
        ),
        h(
          "span",
          { class: "chat-line" },
          h(
            "span",
            { class: "chat-preview" },
            line.typing && h("span", { class: "typing" }, line.typing),
            line.draft && [h("span", { class: "draft" }, gettext("[Draft]")), " ", h("bdi", {}, line.draft)],
            line.who && [markedName(line.who, line.who.name, { class: "who" }), gettext(": ")],
            line.text && h("bdi", {}, line.text),
          ),
          line.icon && icon(line.icon),
          chat.muted ? icon("bell-off") : chat.level && icon(LEVELS.find(({ level }) => level === chat.level).icon),
          chat.away && icon("coffee"),
          chat.pinned && icon("pin"),
          chat.joinRequests > 0 &&
            h("span", { class: "requests-count", "aria-hidden": "true" }, icon("user-plus"), badge(chat.joinRequests)),
          isCalled && h("span", { class: "at", "aria-hidden": "true" }, "@"),
          unread,
        ),
      ),
      states.length > 0 && h("span", { class: "visually-hidden" }, states.join(", ")),
    );
  }

  #openNewMenu(anchor) {
    const context = this.#context;
    openMenu(anchor, [
      {
        label: gettext("New conversation"),
        icon: "message-circle",
        run: async () => (await lazy.people()).openPeopleDialog(context),
      },
      { label: gettext("New group"), icon: "users", run: async () => (await lazy.newGroup()).openGroupDialog(context) },
      invitation(context),
    ]);
  }

  // ── A row's menu ────────────────────────────────────────────────────────
  #openRowMenu(row, at, anchor = row) {
    const chat = this.#store.chats.get(row?.dataset.chat);
    if (!chat) return false;
    openChatMenu(anchor, chat, { store: this.#store, actions: this.#actions }, at);
    return true;
  }

  #rowAt(key) {
    return key ? this.#rows.querySelector(`[data-chat="${CSS.escape(key)}"]`) : null;
  }

  #placeMenuButton() {
    const button = this.#menuButton;
    const row = this.#rows.querySelector(".chat-row:hover") ?? this.#rows.querySelector(".chat-row:focus-visible");
    if (!row && button.matches(":hover")) return;
    button.hidden = !row;
    if (!row) return;
    button.dataset.chat = row.dataset.chat;
    const top = row.getBoundingClientRect().top - this.#chats.getBoundingClientRect().top + this.#chats.scrollTop;
    button.style.insetBlockStart = `${top}px`;
  }

  #openFirstResult() {
    const first = this.#search.query ? this.#visibleRows[0] : null;
    if (first && (this.#rows.contains(first) || !this.#search.isStale)) first.click();
  }

  /** One row of all can be reached by Tab: the last one with the focus, the open one, or the first. */
  #placeTabStop(row = null) {
    if (row) this.#tabStop = row.getAttribute("href");
    const rows = this.#visibleRows;
    const stop =
      rows.find((one) => one.getAttribute("href") === this.#tabStop) ??
      rows.find((one) => one.getAttribute("aria-current")) ??
      rows[0];
    for (const one of rows) one.tabIndex = one === stop ? 0 : -1;
  }

  // ── The keyboard ────────────────────────────────────────────────────────
  get #visibleRows() {
    return [...this.#chats.querySelectorAll(".chat-row")].filter((row) => row.offsetParent);
  }

  #focusRow(from, step) {
    const to = this.#visibleRows[from + step];
    if (to) to.focus();
    else if (from + step < 0) this.#search.input.focus();
  }
}
