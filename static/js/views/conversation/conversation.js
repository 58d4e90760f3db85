// The open chat: its head, its messages, its composer.
import { gettext, interpolate } from "chat/i18n.js";
import { isTransient } from "chat/problems.js";
import { oncePerFrame } from "chat/timing.js";
import { player } from "chat/views/audio_player.js";
import { openChatMenu } from "chat/views/chat_menu.js";
import { onContextMenu } from "chat/views/context_menu.js";
import { AnnouncementBar } from "chat/views/conversation/announcement_bar.js";
import { Attachments } from "chat/views/conversation/attachments.js";
import { Composer } from "chat/views/conversation/composer.js";
import { FindBar } from "chat/views/conversation/find_bar.js";
import { MessageListView } from "chat/views/conversation/message_list.js";
import { isWithin, mayRecall, openMessageMenu, openPendingMenu } from "chat/views/conversation/message_menu.js";
import { PinBar } from "chat/views/conversation/pin_bar.js";
import { QUICK } from "chat/views/conversation/reactions.js";
import { Selection } from "chat/views/conversation/selection.js";
import {
  avatar,
  h,
  icon,
  iconButton,
  markedName,
  markOf,
  replaceIfChanged,
  senderOf,
  statusWords,
  toast,
} from "chat/views/dom.js";
import { onDoubleTap } from "chat/views/double_tap.js";
import { badge, lastSeen, memberCount, requestCount, typingLine } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { Welcome } from "chat/views/onboarding.js";
import { typeOf } from "chat/views/types/registry.js";
import { stopVideo } from "chat/views/video_player.js";

const MINUTE_MS = 60_000;
const RETRY_MS = 3000;
/** How many messages back ↑ in the empty composer looks for an own message. */
const EDIT_LAST_WITHIN = 50;

export class ConversationView {
  #root;
  #store;
  #actions;
  #router;
  #recallWindow;
  #editWindow;
  #messages;
  #composer;
  #attachments;
  #findBar;
  #announcementBar;
  #pinBar;
  #selection;
  #map;
  #key;
  #lastProblem = null;
  #unsubscribe = () => {};
  #head = h("header", { class: "conversation-head" });
  #foot = h("div", { class: "composer" });
  /** Asks once, in place, whether notifications are wanted; the browser asks only after a click. */
  #notifyQuestion = h(
    "div",
    { class: "notice", id: "notify-question", hidden: true },
    icon("bell"),
    h("span", {}, gettext("Shall this device tell you when somebody answers?")),
    h(
      "button",
      { type: "button", class: "button small primary", on: { click: () => this.#answerNotifyQuestion(true) } },
      gettext("Notify me here"),
    ),
    h(
      "button",
      { type: "button", class: "button small quiet", on: { click: () => this.#answerNotifyQuestion(false) } },
      gettext("Not now"),
    ),
  );
  #notice = h("div", { class: "notice", hidden: true });
  #welcome;
  #element;

  constructor(root, context) {
    const { store, actions, router, recallWindow, editWindow, maxUpload, map } = context;
    this.#root = root;
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#recallWindow = recallWindow === null ? Infinity : recallWindow * 1000;
    this.#editWindow = editWindow ? editWindow * 1000 : Infinity;
    this.#map = map;
    this.#messages = new MessageListView({ store, actions, onDraw: () => this.#selection.render() });
    this.#selection = new Selection({
      store,
      actions,
      list: this.#messages,
      mayRecall: (message) => mayRecall(message, { store, chat: this.#chat, recallWindow: this.#recallWindow }),
      onChange: () => this.#render(),
    });
    this.#findBar = new FindBar({
      actions,
      show: (seq) => this.#try(this.#messages.showMessage(seq)),
      onClose: () => this.#composer.focus(),
    });
    this.#announcementBar = new AnnouncementBar({ store, actions });
    this.#pinBar = new PinBar({ store, actions, show: (seq) => this.#try(this.#messages.showMessage(seq)) });
    this.#composer = new Composer({
      store,
      actions,
      onSent: () => this.#onSent(),
      editLast: () => this.#editLast(),
      attach: (anchor) => this.#attachments.openMenu(anchor),
      kit: () => this.#attachments.kit(),
    });
    this.#foot.append(this.#notifyQuestion, this.#notice, this.#selection.element, this.#composer.element);
    this.#element = h(
      "section",
      { class: "conversation", id: "conversation" },
      this.#head,
      this.#announcementBar.element,
      this.#pinBar.element,
      this.#findBar.element,
      this.#messages.element,
      this.#foot,
    );
    this.#attachments = new Attachments(this.#element, {
      store,
      actions,
      composer: this.#composer,
      onSent: () => this.#onSent(),
      maxUpload,
      map,
    });
    this.#welcome = new Welcome(context);
    this.#listenToMessages();
    store.on("open", () => this.#show());
    store.on(
      ["chats", "people"],
      oncePerFrame(() => this.#render()),
    );
    setInterval(() => this.#renderHead(), MINUTE_MS);
    this.#show();
  }

  get #chat() {
    return this.#store.chats.get(this.#key);
  }

  #show() {
    const { openKey, chats, groups } = this.#store;
    const key = chats.has(openKey) ? openKey : null;
    if (key !== this.#key) this.#switchTo(key);
    if (!key) return;
    this.#render();
    const target = this.#store.takeTarget();
    (target ? this.#messages.showMessage(target) : this.#actions.history.open(key)).catch((problem) => {
      // Asked for twice while it was under way, it failed once.
      if (problem === this.#lastProblem) return;
      this.#lastProblem = problem;
      toast(problem.message);
      // The chat does not stay empty; without a connection the next greeting loads it.
      if (!isTransient(problem) || this.#store.connection === "offline") return;
      setTimeout(() => key === this.#key && this.#show(), RETRY_MS);
    });
    const { type, id } = chats.get(key);
    if (type === "group" && !groups.has(id)) this.#actions.groups.load(id).catch(() => {});
  }

  #switchTo(key) {
    this.#unsubscribe();
    this.#unsubscribe = () => {};
    this.#selection.leave();
    this.#key = key;
    this.#root.replaceChildren(key ? this.#element : this.#welcome.element);
    this.#messages.open(key);
    this.#attachments.open(key);
    this.#findBar.reset();
    this.#pinBar.open(key);
    if (!key) {
      this.#composer.close();
      return;
    }
    this.#composer.open(key);
    const stops = [
      this.#store.on(`timeline:${key}`, this.#renderMessages),
      this.#store.on(`typing:${key}`, () => this.#renderHead()),
    ];
    this.#unsubscribe = () => stops.forEach((stop) => stop());
    // Opened at a search result: the focus stays on the results.
    if (matchMedia("(hover: hover)").matches && !this.#store.hasTarget) this.#composer.focus();
  }

  #renderMessages = oncePerFrame(() => {
    if (!this.#key) return;
    this.#messages.render();
    this.#pinBar.render();
    this.#stopRecalled();
  });

  #render() {
    if (!this.#chat) return;
    this.#renderHead();
    this.#announcementBar.render(this.#key);
    this.#pinBar.render();
    const { away, id } = this.#chat;
    const mayWrite = this.#store.mayWrite(this.#chat);
    this.#composer.element.hidden = away || !mayWrite || this.#selection.isOn;
    this.#composer.waitUntil(this.#store.writesAgainAt(this.#chat));
    this.#notice.hidden = (!away && mayWrite) || this.#selection.isOn;
    if (!away && !mayWrite) {
      replaceIfChanged(this.#notice, "closed", () => [
        icon("megaphone"),
        h("span", {}, gettext("Only the owner and administrators write here.")),
      ]);
      return;
    }
    replaceIfChanged(this.#notice, String(away), () => [
      icon("coffee"),
      h("span", {}, gettext("You left this group for a while and hear nothing of it.")),
      h(
        "button",
        {
          type: "button",
          class: "button small primary",
          on: { click: () => this.#try(this.#actions.groups.change("return", id)) },
        },
        gettext("Return"),
      ),
    ]);
  }

  // ── Head ────────────────────────────────────────────────────────────────
  #renderHead() {
    const chat = this.#chat;
    if (!chat) return;
    const isGroup = chat.type === "group";
    const isOnline = !isGroup && !chat.isSaved && this.#store.isOnline(chat.id);
    const names = this.#store.typingNames(this.#key);
    const status = this.#status(chat, isOnline);
    const typing = !names.length ? "" : isGroup ? typingLine(names) : gettext("typing…");
    const requests = chat.joinRequests ?? 0;
    const signature = JSON.stringify([
      this.#key,
      chat.name,
      chat.img,
      markOf(chat),
      isOnline,
      status,
      typing,
      requests,
    ]);
    replaceIfChanged(this.#head, signature, () => {
      const openPanel = async () =>
        (await lazy.group()).openGroupPanel({
          store: this.#store,
          actions: this.#actions,
          router: this.#router,
          groupId: chat.id,
        });
      const openMenu = (event) =>
        openChatMenu(event.currentTarget, this.#chat, {
          store: this.#store,
          actions: this.#actions,
          find: () => this.#findBar.open(this.#key),
          goToDay: () => this.#goToDay(),
          openShelf: () => this.#openShelf(),
        });
      const dots = typing && h("span", { class: "typing-dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
      return [
        iconButton("arrow-left", gettext("Back"), () => this.#router.back(), { class: "back" }),
        h(
          "button",
          {
            type: "button",
            class: "who-button",
            id: "who",
            on: { click: isGroup ? openPanel : () => this.#about(chat) },
          },
          avatar({ ...chat, online: isOnline }, "m"),
          h(
            "span",
            { class: "who-text" },
            h("h2", {}, markedName({ ...chat, status: null })),
            h("span", { class: typing || isOnline ? "lively" : "", id: "status" }, dots, typing || status),
          ),
        ),
        isGroup && iconButton("info", aboutLabel(requests), openPanel, { id: "group-info" }),
        requests > 0 && h("span", { class: "requests-dot", "aria-hidden": "true" }, badge(requests)),
        iconButton("ellipsis-vertical", gettext("What to do with this conversation"), openMenu, {
          id: "chat-menu",
          "aria-haspopup": "menu",
        }),
      ];
    });
  }

  /** Of a person their card; what one saved oneself is searched. */
  #about(chat) {
    return chat.isSaved ? this.#findBar.open(this.#key) : this.#showPerson(chat);
  }

  #status(chat, isOnline) {
    if (chat.isSaved) return gettext("Only you see this");
    if (chat.type === "private") {
      const said = this.#store.statusOf(chat.id);
      const seen = isOnline ? gettext("online") : lastSeen(this.#store.people.get(chat.id)?.lastActive);
      return said ? `${statusWords(said)} · ${seen}` : seen;
    }
    const members = this.#store.groups.get(chat.id)?.members;
    const count = memberCount(chat.memberCount);
    if (!members) return count;
    const online = members.filter(
      (member) => member.id === this.#store.me.id || this.#store.isOnline(member.id),
    ).length;
    return `${count} · ${interpolate(gettext("%(count)s online"), { count: online })}`;
  }

  async #showPerson(user) {
    (await lazy.person()).openPersonCard({ store: this.#store, actions: this.#actions, router: this.#router, user });
  }

  async #openShelf() {
    (await lazy.shelf()).openShelfPanel({
      store: this.#store,
      actions: this.#actions,
      router: this.#router,
      key: this.#key,
    });
  }

  async #goToDay() {
    const key = this.#key;
    (await lazy.day()).openDayDialog({
      find: (day) => this.#actions.history.firstOfDay(key, day),
      show: (seq) => key === this.#key && this.#try(this.#messages.showMessage(seq)),
    });
  }

  // ── Messages ────────────────────────────────────────────────────────────
  #listenToMessages() {
    const { element } = this.#messages;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button, .mention[role='button']");
      const message = this.#messageAt(event.target);
      if (!button || !message) return;
      if (button.matches(".message-menu")) this.#openMenu(button, message);
      if (button.dataset.act === "mention") this.#showMentioned(button);
      this.#run(button.dataset.act, message, button);
    });
    onDoubleTap(element, (target) => {
      const message = this.#messageAt(target);
      if (message?.id && !message.recalledAt && !target.closest(".system") && !this.#selection.isOn)
        this.#react(message, QUICK[0]);
    });
    // Who reacted is asked for where a name is not known.
    for (const event of ["pointerover", "focusin"])
      element.addEventListener(event, ({ target }) => {
        const chip = target.closest("[data-unnamed]");
        if (chip) this.#nameReacted(chip);
      });
    onContextMenu(element, (target, at) => {
      if (this.#selection.isOn) return true;
      const row = rowAt(target);
      const message = this.#messageAt(target);
      // On a link or a selection the browser's own menu is more useful.
      if (!message || target.closest("a") || String(getSelection())) return false;
      this.#openMenu(row, message, at ?? row.querySelector(".bubble").getBoundingClientRect());
      return true;
    });
    element.addEventListener("keydown", (event) => {
      if (event.target.matches(".mention") && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        this.#showMentioned(event.target);
        return;
      }
      const row = event.target.closest(".message");
      if (event.target !== row || event.key !== "Enter") return;
      event.preventDefault();
      const message = this.#messageAt(row);
      if (message) this.#openMenu(row, message, row.querySelector(".bubble").getBoundingClientRect());
    });
  }

  #messageAt(target) {
    const line = target.closest(".system");
    if (line) return this.#messages.timeline.at(Number(line.dataset.seq));
    const row = rowAt(target);
    if (!row) return null;
    if (row.dataset.seq) return this.#messages.timeline.at(Number(row.dataset.seq));
    return this.#store.pendingByClientId(row.dataset.client) ?? null;
  }

  /** What a button inside a message does, by its data-act. */
  #run(act, message, button) {
    if (act === "react") this.#react(message, button.dataset.emoji);
    if (act === "pick") this.#pickReaction(message, button);
    if (act === "reply") this.#composer.reply(message);
    if (act === "forward") this.#forward(message);
    if (act === "person") this.#showSender(message);
    if (act === "retry") this.#actions.messages.retry(message.clientId);
    if (act === "as-file") this.#actions.messages.sendAsFile(message.clientId);
    if (act === "discard") this.#actions.messages.discard(message.clientId);
    if (act === "open")
      typeOf(message).open(message, {
        store: this.#store,
        actions: this.#actions,
        key: this.#key,
        map: this.#map,
        focusMessage: (one) => this.#focusMessage(one),
      });
    if (act === "reedit") this.#composer.append(this.#store.recalledTexts.get(message.id));
    if (act === "quote") {
      const quoted = this.#messages.quotedBy(message);
      if (quoted) this.#try(this.#messages.showMessage(quoted.seq));
    }
  }

  #react(message, emoji) {
    return this.#try(this.#actions.messages.toggleReaction(message, emoji));
  }

  async #pickReaction(message, anchor, box = anchor.getBoundingClientRect()) {
    const { toggleEmoji } = await lazy.emoji();
    toggleEmoji(anchor, (emoji) => this.#react(message, emoji), { box, isOnce: true });
  }

  #nameReacted(chip) {
    const message = this.#messageAt(chip);
    chip.removeAttribute("data-unnamed"); // asked once
    if (message?.id) this.#actions.messages.reactions(message).catch(() => {});
  }

  #openMenu(anchor, message, at = anchor.getBoundingClientRect()) {
    if (!message.id) {
      openPendingMenu(anchor, message, at, { discard: (one) => this.#actions.messages.discard(one.clientId) });
      return;
    }
    openMessageMenu(anchor, message, at, {
      store: this.#store,
      actions: this.#actions,
      chat: this.#chat,
      recallWindow: this.#recallWindow,
      editWindow: this.#editWindow,
      react: (one, emoji) => this.#react(one, emoji),
      pickReaction: (one) => this.#pickReaction(one, anchor, boxAt(at)),
      reply: (one) => this.#composer.reply(one),
      forward: (one) => this.#forward(one),
      select: (one) => this.#selection.begin(this.#key, one),
      edit: (one) => this.#composer.edit(one),
      showSender: (one) => this.#showSender(one),
    });
  }

  async #forward(message) {
    const { openForwardDialog } = await lazy.forward();
    openForwardDialog([message], { store: this.#store, actions: this.#actions });
  }

  #showSender(message) {
    this.#showPerson(senderOf(this.#store.withSender(message)));
  }

  #showMentioned({ dataset, textContent }) {
    const { person } = dataset;
    this.#showPerson(this.#store.people.get(person) ?? { id: person, name: textContent.slice(1), img: "" });
  }

  /** A recording or a video that is recalled while it plays stops. */
  #stopRecalled() {
    const { timeline } = this.#messages;
    for (const { clientId, id, recalledAt } of timeline.between(timeline.first, timeline.last)) {
      if (!recalledAt) continue;
      player.stop(clientId ?? id);
      stopVideo(clientId ?? id);
    }
  }

  #focusMessage(message) {
    const row = this.#messages.element.querySelector(
      `[data-id="${CSS.escape(message.id ?? "")}"], [data-client="${CSS.escape(message.clientId ?? "")}"]`,
    );
    row?.querySelector('[data-act="open"]')?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }

  // ── Composer ────────────────────────────────────────────────────────────
  #onSent() {
    this.#messages.removeDivider();
    this.#messages.showEnd();
    const { notifications } = this.#actions;
    if (!notifications.mayAsk) return;
    // Asked once: without an answer it is found in the settings.
    notifications.noteAsked();
    this.#notifyQuestion.hidden = false;
  }

  #answerNotifyQuestion(isWanted) {
    this.#notifyQuestion.hidden = true;
    this.#composer.focus();
    if (isWanted) this.#try(this.#actions.notifications.turnOn());
  }

  /** Returns whether there is a field to write in. */
  focusComposer() {
    const canWrite = Boolean(this.#chat) && !this.#composer.element.hidden && Boolean(this.#root.offsetParent);
    if (canWrite) this.#composer.focus();
    return canWrite;
  }

  #editLast() {
    const { timeline } = this.#messages;
    for (let seq = timeline.last; seq >= Math.max(timeline.first, timeline.last - EDIT_LAST_WITHIN); seq--) {
      const message = timeline.at(seq);
      if (message.senderId !== this.#store.me.id || message.recalledAt) continue;
      // A caption is edited where there is one: another is added from the menu.
      if (!typeOf(message).isEditable || !message.content || message.forwardedFrom) continue;
      if (!isWithin(message, this.#editWindow)) return false;
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

const aboutLabel = (requests) =>
  requests ? `${gettext("About this group")} · ${requestCount(requests)}` : gettext("About this group");

/** A box at a point {x, y}; a box is one already. */
const boxAt = (at) => (at.bottom === undefined ? new DOMRect(at.x, at.y) : at);

/** What stands beside a message, or around an album, belongs to the message, or to the first of the album. */
const rowAt = (target) =>
  target.closest(".message") ?? target.closest(".said, .album")?.querySelector(".message") ?? null;
