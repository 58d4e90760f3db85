// Around both panes: which of them a phone shows, the window's title, and the banner when the server is out of reach.
import { badge } from "chat/views/format.js";
import { gettext } from "chat/i18n.js";
import { announce, h, icon, onceAFrame } from "chat/views/dom.js";

const PATIENCE = 2000;

export class FrameView {
  #shell;
  #store;
  #timer = 0;
  #banner = h("p", { class: "banner", id: "banner", hidden: true }, icon("wifi-off"), gettext("No connection. What you write is kept and sent as soon as it is back."));

  constructor(shell, { store }) {
    this.#shell = shell;
    this.#store = store;
    shell.prepend(this.#banner);
    store.on("connection", () => this.#connection());
    store.on(["chats", "open"], onceAFrame(() => this.#render()));
    this.#connection();
    this.#render();
  }

  #connection() {
    clearTimeout(this.#timer);
    if (this.#store.connection !== "online") {
      this.#timer = setTimeout(() => this.#warn(), PATIENCE);
      return;
    }
    if (!this.#banner.hidden) announce(gettext("Connected again."));
    this.#banner.hidden = true;
  }

  /** Read out by itself: what appears with its words already in it is not, by most screen readers. */
  #warn() {
    if (!this.#banner.hidden) return;
    this.#banner.hidden = false;
    announce(this.#banner.textContent);
  }

  #render() {
    const { openKey, chats, unread, isListed } = this.#store;
    this.#shell.dataset.pane = openKey && (chats.has(openKey) || !isListed) ? "chat" : "list";
    const name = chats.get(openKey)?.name;
    const title = [name, gettext("Chat")].filter(Boolean).join(" · ");
    const counted = unread ? `(${badge(unread)}) ${title}` : title;
    if (document.title !== counted) document.title = counted;
  }
}
