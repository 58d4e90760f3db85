// The open chat: its head, its messages, its composer, and what can be done with a message.
import { lastSeen, memberCount, typingLine } from "chat/views/format.js";
import { fill, gettext } from "chat/i18n.js";
import { later } from "chat/views/lazy.js";
import { onMenuAsked } from "chat/views/context_menu.js";
import { Attachments } from "chat/views/conversation/attachments.js";
import { openChatMenu } from "chat/views/chat_menu.js";
import { Composer } from "chat/views/conversation/composer.js";
import { copy } from "chat/views/clipboard.js";
import { confirm, openDialog } from "chat/views/dialog.js";
import { avatar, h, icon, iconButton, onceAFrame, refill, toast } from "chat/views/dom.js";
import { Finder } from "chat/views/conversation/find_bar.js";
import { Welcome } from "chat/views/onboarding.js";
import { LogView } from "chat/views/conversation/message_list.js";
import { openMenu } from "chat/views/menu.js";
import { openPersonCard } from "chat/views/person_card.js";
import { player } from "chat/views/audio_player.js";
import { typeOf } from "chat/views/types/registry.js";

const MINUTE = 60_000;

export class ConversationView {
  #root;
  #store;
  #actions;
  #router;
  #recallWindow;
  #log;
  #composer;
  #attachments;
  #finder;
  #map;
  #key;
  #head = h("header", { class: "conversation-head" });
  #foot = h("div", { class: "composer" });
  #notice = h("div", { class: "notice", hidden: true });
  #welcome;
  #element;

  constructor(root, context) {
    const { store, actions, router, recallWindow, maxUpload, map } = context;
    this.#root = root;
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#recallWindow = recallWindow * 1000;
    this.#log = new LogView({ store, actions });
    this.#finder = new Finder({ actions, show: (seq) => this.#try(this.#log.toMessage(seq)), onClose: () => this.#composer.focus() });
    this.#map = map;
    this.#composer = new Composer({
      store,
      actions,
      onSent: () => this.#sent(),
      editLast: () => this.#editLast(),
      attach: (anchor) => this.#attachments.offer(anchor),
      kit: () => this.#attachments.kit(),
    });
    this.#foot.append(this.#notice, this.#composer.element);
    this.#element = h("section", { class: "conversation", id: "conversation" }, this.#head, this.#finder.element, this.#log.element, this.#foot);
    this.#attachments = new Attachments(this.#element, { store, actions, composer: this.#composer, onSent: () => this.#sent(), maxUpload, map });
    this.#welcome = new Welcome(context);
    this.#bindMessages();
    store.on("open", () => this.#show());
    store.on(["chats", "people"], onceAFrame(() => this.#render()));
    setInterval(() => this.#renderHead(), MINUTE);
    this.#show();
  }

  #show() {
    const { openKey, chats } = this.#store;
    const key = chats.has(openKey) ? openKey : null;
    if (key !== this.#key) {
      this.#unlisten?.();
      this.#key = key;
      this.#root.replaceChildren(key ? this.#element : this.#welcome.element);
      this.#log.open(key);
      this.#attachments.open(key);
      this.#finder.leave();
      if (!key) this.#composer.close();
      if (key) {
        this.#composer.open(key);
        this.#unlisten = this.#store.on(`timeline:${key}`, this.#renderLog);
        this.#unlistenTyping?.();
        this.#unlistenTyping = this.#store.on(`typing:${key}`, () => this.#renderHead());
        // Who looks at found messages goes on from one to the next.
        if (matchMedia("(hover: hover)").matches && !this.#store.openAt) this.#composer.focus();
      }
    }
    if (!key) return;
    this.#render();
    const { openAt } = this.#store;
    this.#store.openAt = null;
    (openAt ? this.#log.toMessage(openAt) : this.#actions.openChat(key)).catch((problem) => toast(problem.message));
    if (key.startsWith("group:") && !this.#store.groups.has(key.slice(6))) this.#actions.loadGroup(key.slice(6)).catch(() => {});
  }

  #renderLog = onceAFrame(() => {
    if (!this.#key) return;
    this.#log.render();
    this.#hush();
  });

  #unlisten = null;
  #unlistenTyping = null;

  get #chat() {
    return this.#store.chats.get(this.#key);
  }

  #render() {
    if (!this.#chat) return;
    this.#renderHead();
    const { away, id } = this.#chat;
    this.#composer.element.hidden = away;
    this.#notice.hidden = !away;
    refill(this.#notice, String(away), () => [
      icon("coffee"),
      h("span", {}, gettext("You left this group for a while and hear nothing of it.")),
      h("button", { type: "button", class: "button small primary", on: { click: () => this.#try(this.#actions.changeGroup("return", id)) } }, gettext("Return")),
    ]);
  }

  #renderHead() {
    const chat = this.#chat;
    if (!chat) return;
    const isGroup = chat.type === "group";
    const isOnline = !isGroup && this.#store.isOnline(chat.id);
    const typists = this.#store.typists(this.#key);
    const status = this.#status(chat, isOnline);
    const typing = !typists.length ? "" : isGroup ? typingLine(typists) : gettext("typing…");
    refill(this.#head, JSON.stringify([this.#key, chat.name, chat.img, isOnline, status, typing]), () => {
      const who = [
        avatar({ ...chat, online: isOnline }, "m"),
        h("span", { class: "who-text" }, h("h2", {}, h("bdi", {}, chat.name)), h("span", { class: typing ? "lively" : isOnline ? "lively" : "", id: "status" }, typing && h("span", { class: "typing-dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), typing || status)),
      ];
      const openPanel = async () => (await later.group()).openGroupPanel({ store: this.#store, actions: this.#actions, router: this.#router, groupId: chat.id });
      return [
        iconButton("arrow-left", gettext("Back"), () => this.#router.back(), { class: "back" }),
        h("button", { type: "button", class: "who-button", id: "who", on: { click: isGroup ? openPanel : () => this.#introduce(chat) } }, who),
        isGroup && iconButton("info", gettext("About this group"), openPanel, { id: "group-info" }),
        iconButton("ellipsis-vertical", gettext("What to do with this conversation"), (event) => openChatMenu(event.currentTarget, this.#chat, { actions: this.#actions, find: () => this.#finder.open(this.#key) }), { id: "chat-menu", "aria-haspopup": "menu" }),
      ];
    });
  }

  #status(chat, isOnline) {
    if (chat.type === "private") return isOnline ? gettext("online") : lastSeen(this.#store.people.get(chat.id)?.lastActive);
    const members = this.#store.groups.get(chat.id)?.members;
    const count = memberCount(chat.memberCount);
    if (!members) return count;
    const here = members.filter((member) => member.id === this.#store.me.id || this.#store.isOnline(member.id)).length;
    return `${count} · ${fill(gettext("%(count)s online"), { count: here })}`;
  }

  #introduce(user) {
    openPersonCard({ store: this.#store, actions: this.#actions, router: this.#router, user });
  }

  #sent() {
    this.#log.forgetDivider();
    this.#log.toEnd();
  }

  // ── Messages ───────────────────────────────────────────────────────────
  #bindMessages() {
    const { element } = this.#log;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      const message = this.#messageAt(event.target);
      if (!button || !message) return;
      if (button.matches(".message-menu")) this.#offer(button, message);
      this.#act(button.dataset.act, message);
    });
    onMenuAsked(element, (target, at) => {
      const row = target.closest(".message");
      const message = this.#messageAt(target);
      // On a link or a selection the browser's own menu is the useful one.
      if (!message?.id || target.closest("a") || String(getSelection())) return false;
      this.#offer(row, message, at ?? row.querySelector(".bubble").getBoundingClientRect());
      return true;
    });
    element.addEventListener("keydown", (event) => {
      const row = event.target.closest(".message");
      if (event.target !== row || event.key !== "Enter") return;
      event.preventDefault();
      const message = this.#messageAt(row);
      if (message?.id) this.#offer(row, message, row.querySelector(".bubble").getBoundingClientRect());
    });
  }

  #messageAt(target) {
    const row = target.closest(".said")?.querySelector(".message") ?? target.closest(".message");
    if (!row) return null;
    if (row.dataset.seq) return this.#log.timeline.at(Number(row.dataset.seq));
    return this.#store.pending.find((entry) => entry.clientId === row.dataset.client) ?? null;
  }

  #act(act, message) {
    if (act === "person") this.#introduceSender(message);
    if (act === "retry") this.#actions.retry(message.clientId);
    if (act === "discard") this.#actions.discard(message.clientId);
    if (act === "open") typeOf(message).open(message, { store: this.#store, actions: this.#actions, key: this.#key, map: this.#map, toMessage: (one) => this.#focusOn(one) });
    if (act === "reedit") this.#composer.take(this.#store.recalled.get(message.id));
    if (act === "quote") {
      const quoted = this.#log.quotedBy(message);
      if (quoted) this.#try(this.#log.toMessage(quoted.seq));
    }
  }

  #offer(anchor, message, at) {
    const isOwn = message.senderId === this.#store.me.id;
    if (message.recalledAt) return;
    const type = typeOf(message);
    const words = type.text?.(message);
    const address = type.address?.(message);
    const isFresh = Date.now() - new Date(message.sentAt) < this.#recallWindow;
    const isAdmin = ["owner", "admin"].includes(this.#chat.role);
    const items = [
      { label: gettext("Reply"), icon: "reply", run: () => this.#composer.answer(message) },
      words && { label: gettext("Copy"), icon: "copy", run: () => copy(words) },
      address && { label: gettext("Download"), icon: "download", run: () => h("a", { href: address, download: message.fileName ?? "" }).click() },
      isOwn && type.isEditable && { label: gettext("Edit"), icon: "pencil", run: () => this.#composer.edit(message) },
      !isOwn && this.#chat.type === "group" && { label: fill(gettext("About %(name)s"), { name: this.#store.signed(message).senderName }), icon: "user", run: () => this.#introduceSender(message) },
      isOwn && this.#chat.type === "group" && { label: gettext("Who has read it"), icon: "check-check", run: () => this.#showReaders(message) },
      ((isOwn && isFresh) || isAdmin) && { label: gettext("Recall"), icon: "undo-2", danger: true, run: () => this.#recall(message, isOwn) },
    ];
    openMenu(anchor, items, at ?? anchor.getBoundingClientRect());
  }

  #introduceSender(message) {
    const { senderId: id, senderName: name, senderImg: img } = this.#store.signed(message);
    this.#introduce({ id, name, img });
  }

  async #recall(message, isOwn) {
    const isSure = isOwn || (await confirm(gettext("Recall this message?"), gettext("It disappears for everybody in the group."), { action: gettext("Recall") }));
    if (isSure) await this.#try(this.#actions.recall(message));
  }

  async #showReaders(message) {
    const readers = await this.#try(this.#actions.readers(message));
    if (!readers) return;
    const lines = readers.map((user) => h("div", { class: "person" }, avatar({ ...user, online: this.#store.isOnline(user.id) }, "m"), h("span", { class: "person-text" }, h("bdi", {}, user.name))));
    openDialog(gettext("Who has read it"), { content: lines.length ? lines : [h("p", { class: "no-result" }, gettext("Nobody yet."))] });
  }

  /** A recording that was recalled is not heard on. */
  #hush() {
    if (!player.name) return;
    const { timeline } = this.#log;
    for (const { clientId, id, recalledAt } of timeline.between(timeline.first, timeline.last)) if (recalledAt) player.stop(clientId ?? id);
  }

  #focusOn(message) {
    const row = this.#log.element.querySelector(`[data-id="${CSS.escape(message.id ?? "")}"], [data-client="${CSS.escape(message.clientId ?? "")}"]`);
    row?.querySelector('[data-act="open"]')?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  #editLast() {
    const { timeline } = this.#log;
    for (let seq = timeline.last; seq >= Math.max(timeline.first, timeline.last - 50); seq--) {
      const message = timeline.at(seq);
      if (message.senderId !== this.#store.me.id || !typeOf(message).isEditable || message.recalledAt) continue;
      this.#composer.edit(message);
      return true;
    }
    return false;
  }

  async #try(work) {
    try {
      return await work;
    } catch (problem) {
      toast(problem.message);
      return null;
    }
  }
}
