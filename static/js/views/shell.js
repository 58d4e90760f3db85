// Around both panes: which of them a phone shows, the window's title, the offline banner.
import { chatName, gettext, interpolate } from "chat/i18n.js";
import { oncePerFrame } from "chat/timing.js";
import { announce, h, icon, toast } from "chat/views/dom.js";
import { badge } from "chat/views/format.js";

const BANNER_DELAY_MS = 2000;

export class ShellView {
  #shell;
  #store;
  #timer = 0;
  #banner = h(
    "p",
    { class: "banner", id: "banner", hidden: true },
    icon("wifi-off"),
    gettext("No connection. What you write is kept and sent as soon as it is back."),
  );

  constructor(shell, { store }) {
    this.#shell = shell;
    this.#store = store;
    shell.prepend(this.#banner);
    store.on("connection", () => this.#onConnection());
    store.on(
      ["chats", "open"],
      oncePerFrame(() => this.#render()),
    );
    store.onEvent((event, data) => event === "OnGroupTransfer" && this.#onTransfer(data));
    store.onEvent((event, data) => event === "OnGroupRequest" && this.#onRequest(data));
    this.#onConnection();
    this.#render();
  }

  /** What its receiver has to answer, or its sender waits for, is told wherever they are. */
  #onTransfer({ state, userId, byName, name }) {
    if (state === "offered" && userId === this.#store.me.id)
      toast(interpolate(gettext("%(person)s offers you the group “%(group)s”."), { person: byName, group: name }));
    if (state === "declined" && userId !== this.#store.me.id)
      toast(interpolate(gettext("Your offer of the group “%(group)s” was declined."), { group: name }));
  }

  /** Who asks to join hears the answer, who decides that somebody asks. */
  #onRequest({ state, user, name }) {
    const isMine = user.id === this.#store.me.id;
    const lines = {
      asked: !isMine && gettext("%(person)s asks to join “%(group)s”."),
      accepted: isMine && gettext("You are in the group “%(group)s” now."),
      refused: isMine && gettext("Your request to join “%(group)s” was declined."),
    };
    if (lines[state]) toast(interpolate(lines[state], { person: user.name, group: name }));
  }

  #onConnection() {
    clearTimeout(this.#timer);
    if (this.#store.connection !== "online") {
      this.#timer = setTimeout(() => this.#showBanner(), BANNER_DELAY_MS);
      return;
    }
    if (!this.#banner.hidden) announce(gettext("Connected again."));
    this.#banner.hidden = true;
  }

  /**
   * Announced explicitly: most screen readers ignore an element that appears with its text already
   * in it.
   */
  #showBanner() {
    if (!this.#banner.hidden) return;
    this.#banner.hidden = false;
    announce(this.#banner.textContent);
  }

  #render() {
    const { openKey, chats, unreadTotal, hasChatList } = this.#store;
    this.#shell.dataset.pane = openKey && (chats.has(openKey) || !hasChatList) ? "chat" : "list";
    const name = chats.get(openKey)?.name;
    const title = [name, chatName].filter(Boolean).join(" · ");
    const withCount = unreadTotal ? `(${badge(unreadTotal)}) ${title}` : title;
    if (document.title !== withCount) document.title = withCount;
  }
}
