// The side: who I am, the search, the chats.
import { badge, fullTime, listTime, memberCount, typingLine } from "chat/format.js";
import { fill, gettext, language } from "chat/i18n.js";
import { chatPath } from "chat/ids.js";
import { later } from "chat/later.js";
import { avatar, h, icon, iconButton, onceAFrame, reconcile, refill, wait } from "chat/views/dom.js";
import { openMenu } from "chat/views/menu.js";
import { preview, typeOf } from "chat/views/types.js";

const MINUTE = 60_000;
/** Rows in the page: so many, and more as one scrolls. */
const STEP = 40;
const NEAR_END = 800;

export class ListView {
  #store;
  #actions;
  #router;
  #rows = h("div", { class: "rows" });
  #found = h("div", { class: "found", hidden: true });
  #me = h("button", { type: "button", class: "me-button", "aria-haspopup": "menu", "aria-label": gettext("My account"), title: gettext("My account") });
  #input = h("input", { class: "input", type: "search", id: "search", autocomplete: "off", spellcheck: "false", enterkeyhint: "search", "aria-label": gettext("Search people and groups"), placeholder: gettext("Search people and groups") });
  #clear = iconButton("x", gettext("Clear the search"), () => this.#clearSearch(), { hidden: true });
  #asked = 0;
  #shown = STEP;

  constructor(root, { store, actions, router }) {
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#me.addEventListener("click", async () => (await later.account()).openAccountMenu(this.#me, { store, actions }));
    const start = iconButton("square-pen", gettext("New conversation"), (event) => this.#offerNew(event.currentTarget), { "aria-haspopup": "menu", id: "new" });
    const chats = h("div", { class: "chats" }, this.#found, this.#rows);
    root.replaceChildren(
      h("header", { class: "sidebar-head" }, this.#me, h("h1", {}, gettext("Chats")), start),
      h("div", { class: "search", role: "search" }, icon("search"), this.#input, this.#clear),
      chats,
    );
    this.#input.addEventListener("input", () => this.#search());
    this.#input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#clearSearch();
      if (event.key === "ArrowDown") this.#focusRow(chats, -1, 1);
      else if (event.key === "Enter" && !event.isComposing) chats.querySelector(".found:not([hidden]) .chat-row")?.click();
      else return;
      event.preventDefault();
    });
    chats.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const rows = [...chats.querySelectorAll(".chat-row")].filter((row) => row.offsetParent);
      this.#focusRow(chats, rows.indexOf(document.activeElement), step);
      event.preventDefault();
    });
    chats.addEventListener("click", (event) => {
      const link = event.target.closest("a.chat-row");
      // With a modifier the browser does what it does for links: another tab.
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.#router.go(link.dataset.chat);
      if (this.#input.value) this.#clearSearch();
    });
    chats.addEventListener("scroll", () => this.#scrolled(chats), { passive: true });
    store.on(["chats", "people", "open"], onceAFrame(() => this.render()));
    setInterval(() => this.render(), MINUTE);
    this.render();
  }

  render() {
    const store = this.#store;
    refill(this.#me, JSON.stringify([store.me.name, store.me.img]), () => avatar({ ...store.me, online: false }, "m"));
    const query = this.#input.value.trim().toLocaleLowerCase();
    const chats = store.list.filter((chat) => !query || chat.name.toLocaleLowerCase().includes(query));
    if (!chats.length) {
      if (store.isListed && !query) reconcile(this.#rows, [{ key: "empty", signature: "empty", build: () => this.#empty() }]);
      else if (store.isListed) this.#rows.replaceChildren();
      return;
    }
    reconcile(this.#rows, chats.slice(0, this.#shown).map((chat) => this.#row(chat)));
  }

  #scrolled({ scrollTop, scrollHeight, clientHeight }) {
    if (scrollTop === 0) this.#shown = STEP;
    if (scrollHeight - clientHeight - scrollTop > NEAR_END || this.#shown > this.#store.chats.size) return;
    this.#shown += STEP;
    this.render();
  }

  #row(chat) {
    const store = this.#store;
    const isOnline = chat.type === "private" && store.isOnline(chat.id);
    const last = chat.lastMessage;
    const sending = store.pendingOf(chat.key).at(-1);
    const moved = sending?.sentAt ?? last?.sentAt;
    const time = moved ? listTime(new Date(moved)) : "";
    const line = this.#preview(chat, last, sending);
    const isOpen = chat.key === store.openKey;
    const signature = JSON.stringify([chat.name, chat.img, isOnline, time, line, chat.unreadCount, chat.muted, isOpen]);
    return { key: chat.key, signature, build: () => this.#build(chat, { isOnline, isOpen, moved, time, line }) };
  }

  #preview(chat, last, sending) {
    const store = this.#store;
    const typists = store.typists(chat.key);
    if (typists.length) return { typing: chat.type === "group" ? typingLine(typists) : gettext("typing…") };
    const draft = store.drafts.get(chat.key);
    if (draft && chat.key !== store.openKey) return { draft };
    if (sending) return { text: preview(sending, store.me.id), icon: sending.state === "failed" ? "circle-alert" : "clock" };
    if (!last) return { text: "" };
    const isNamed = chat.type === "group" && !typeOf(last).row && !last.recalledAt;
    const who = isNamed ? (last.senderId === store.me.id ? gettext("You") : last.senderName) : null;
    return { who, text: preview(last, store.me.id) };
  }

  #build(chat, { isOnline, isOpen, moved, time, line }) {
    const count = chat.unreadCount;
    const unread = count ? h("span", { class: `badge${chat.muted ? " quiet" : ""}`, "aria-label": fill(gettext("%(count)s unread"), { count }) }, badge(count)) : null;
    return h(
      "a",
      { class: `chat-row${count ? " unread" : ""}`, href: chatPath(chat.key), "data-chat": chat.key, "aria-current": isOpen && "true" },
      avatar({ ...chat, online: isOnline }),
      h(
        "span",
        { class: "row-text" },
        h("span", { class: "chat-line" }, h("span", { class: "chat-name" }, h("bdi", {}, chat.name)), moved && h("time", { datetime: moved, title: fullTime(new Date(moved)) }, time)),
        h(
          "span",
          { class: "chat-line" },
          h(
            "span",
            { class: "chat-preview" },
            line.typing && h("span", { class: "typing" }, line.typing),
            line.draft && [h("span", { class: "draft" }, gettext("[Draft]")), " ", h("bdi", {}, line.draft)],
            line.who && [h("bdi", { class: "who" }, line.who), language.startsWith("zh") ? "：" : ": "],
            line.text && h("bdi", {}, line.text),
          ),
          line.icon && icon(line.icon),
          chat.muted && icon("bell-off"),
          chat.away && icon("coffee"),
          unread,
        ),
      ),
      isOnline && h("span", { class: "visually-hidden" }, gettext("online")),
    );
  }

  #empty() {
    const start = h("button", { type: "button", class: "button primary", on: { click: async () => (await later.people()).openPeopleDialog({ actions: this.#actions, router: this.#router }) } }, gettext("Find somebody"));
    return h("div", { class: "empty" }, h("span", { class: "art" }, icon("messages-square")), h("h2", {}, gettext("Nothing here yet")), h("p", {}, gettext("Find somebody and say hello.")), start);
  }

  #offerNew(anchor) {
    const context = { store: this.#store, actions: this.#actions, router: this.#router };
    openMenu(anchor, [
      { label: gettext("New conversation"), icon: "message-circle", run: async () => (await later.people()).openPeopleDialog(context) },
      { label: gettext("New group"), icon: "users", run: async () => (await later.newGroup()).openGroupDialog(context) },
    ]);
  }

  // ── Search ─────────────────────────────────────────────────────────────
  #search() {
    const query = this.#input.value.trim();
    this.#clear.hidden = !this.#input.value;
    this.render();
    if (query) this.#ask(query);
    else {
      this.#asked += 1;
      this.#found.hidden = true;
      this.#rows.hidden = false;
    }
  }

  #ask = wait(async (query) => {
    const turn = ++this.#asked;
    const [people, groups] = await Promise.all([this.#actions.findPeople(query), this.#actions.findGroups(query)]).catch(() => [[], []]);
    if (turn !== this.#asked || this.#input.value.trim() !== query) return;
    this.#show(query.toLocaleLowerCase(), people, groups);
  }, 150);

  #show(query, people, groups) {
    const store = this.#store;
    const matches = (name) => name.toLocaleLowerCase().includes(query);
    const strangers = people.filter((user) => user.id !== store.me.id && matches(user.name) && !store.list.some((chat) => chat.key === `private:${user.id}`));
    const open = groups.filter((group) => matches(group.name) && !store.chats.has(`group:${group.id}`));
    const hasChats = store.list.some((chat) => matches(chat.name));
    const sections = [
      strangers.length && h("h2", {}, gettext("People")),
      ...strangers.map((user) => this.#hit({ ...user, type: "private" }, user.online ? gettext("online") : gettext("Say hello"), () => this.#router.go(this.#actions.talkTo(user)))),
      open.length && h("h2", {}, gettext("Open groups")),
      ...open.map((group) => this.#hit({ ...group, img: group.avatar, type: "group" }, `${memberCount(group.memberCount)} · ${gettext("join")}`, async () => this.#router.go(await this.#actions.joinGroup(group.id)))),
      !strangers.length && !open.length && !hasChats && h("p", { class: "no-result" }, gettext("Nobody and nothing of that name.")),
    ];
    this.#found.replaceChildren(...sections.filter(Boolean));
    this.#found.hidden = false;
    if (hasChats && this.#found.childElementCount) this.#rows.before(this.#found);
  }

  #hit(entry, note, run) {
    const click = async () => {
      await run();
      this.#clearSearch();
    };
    return h(
      "button",
      { type: "button", class: "chat-row", on: { click } },
      avatar(entry),
      h("span", { class: "row-text" }, h("span", { class: "chat-line" }, h("span", { class: "chat-name" }, h("bdi", {}, entry.name))), h("span", { class: "chat-line" }, h("span", { class: "chat-preview" }, note))),
    );
  }

  #clearSearch() {
    this.#input.value = "";
    this.#search();
  }

  #focusRow(chats, from, step) {
    const rows = [...chats.querySelectorAll(".chat-row")].filter((row) => row.offsetParent);
    const to = rows[from + step];
    if (to) to.focus();
    else if (from + step < 0) this.#input.focus();
  }
}
