// The line of pinned messages below a conversation's head: the last pinned one first, each click leads to the next.
import { gettext, interpolate } from "chat/i18n.js";
import { isAdmin } from "chat/roles.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton, replaceIfChanged, toast } from "chat/views/dom.js";
import { fullTime, listTime } from "chat/views/format.js";
import { preview } from "chat/views/types/registry.js";

export class PinBar {
  #store;
  #actions;
  #show;
  #key = null;
  /** Which of the pinned messages the line shows. */
  #place = 0;
  /** The id of the message that was pinned last, as the line was drawn. */
  #newest = null;

  /** `show(seq)` leads to a message. */
  constructor({ store, actions, show }) {
    this.#store = store;
    this.#actions = actions;
    this.#show = show;
    this.element = h("div", {
      class: "pin-bar",
      role: "group",
      "aria-label": gettext("Pinned messages"),
      hidden: true,
    });
  }

  open(key) {
    this.#key = key;
    this.#place = 0;
    this.render();
  }

  /** Without those that I have deleted for myself: asked for, they do not exist. */
  get #pins() {
    const { chats, quoted } = this.#store;
    return (chats.get(this.#key)?.pins ?? []).filter(({ messageId }) => quoted.get(messageId) !== null);
  }

  #messageOf({ messageId }) {
    const found = this.#store.timeline(this.#key).find(messageId) ?? this.#store.quoted.get(messageId);
    return found && this.#store.withSender(found);
  }

  #wordsOf(pin) {
    const message = this.#messageOf(pin);
    if (!message) return "";
    return interpolate(gettext("%(name)s: %(words)s"), {
      name: message.senderId === this.#store.me.id ? gettext("You") : message.senderName,
      words: preview(message, this.#store.me.id),
    });
  }

  render() {
    const pins = this.#pins;
    this.element.hidden = !pins.length;
    if (!pins.length) return;
    if (pins[0].messageId !== this.#newest) this.#place = 0;
    this.#newest = pins[0].messageId;
    this.#place = Math.min(this.#place, pins.length - 1);
    const pin = pins[this.#place];
    if (this.#messageOf(pin) === undefined) this.#load();
    const words = this.#wordsOf(pin);
    const label =
      pins.length > 1
        ? interpolate(gettext("Pinned message %(at)s of %(count)s"), { at: this.#place + 1, count: pins.length })
        : gettext("Pinned message");
    replaceIfChanged(this.element, JSON.stringify([pin.messageId, words, label]), () => [
      h(
        "button",
        { type: "button", class: "pin-line", id: "pin-line", on: { click: () => this.#next() } },
        icon("pin"),
        h("span", { class: "pin-text" }, h("small", {}, label), h("bdi", {}, words)),
      ),
      iconButton("list", gettext("All pinned messages"), () => this.#openList(), {
        id: "all-pins",
        "aria-haspopup": "dialog",
      }),
    ]);
  }

  #load() {
    const missing = this.#pins.filter((pin) => this.#messageOf(pin) === undefined);
    this.#actions.history.loadQuoted(missing.map(({ messageId }) => messageId));
  }

  #next() {
    const pins = this.#pins;
    const { seq } = pins[this.#place];
    this.#place = (this.#place + 1) % pins.length;
    this.render();
    this.#show(seq);
  }

  #openList() {
    const key = this.#key;
    this.#load();
    const list = h("div", { class: "pin-list", role: "group", "aria-label": gettext("Pinned messages") });
    const chat = this.#store.chats.get(key);
    const mayUnpin = chat.type === "private" || isAdmin(chat);
    const render = () => {
      const pins = key === this.#key ? this.#pins : [];
      if (!pins.length) close();
      replaceIfChanged(list, JSON.stringify(pins.map((pin) => [pin, this.#wordsOf(pin)])), () =>
        pins.map((pin) => this.#entry(pin, { mayUnpin, close: () => close() })),
      );
    };
    const stop = this.#store.on(["chats", `timeline:${key}`], () => render());
    const { close } = openDialog(gettext("Pinned messages"), { kind: "pins-dialog", content: [list], onClose: stop });
    render();
  }

  #entry(pin, { mayUnpin, close }) {
    const message = this.#messageOf(pin);
    const unpin = () =>
      this.#actions.messages.pin({ id: pin.messageId }, false).catch((problem) => toast(problem.message));
    const sentAt = message && new Date(message.sentAt);
    return h(
      "div",
      { class: "pin-entry" },
      h(
        "button",
        {
          type: "button",
          class: "pin-goto",
          on: {
            click: () => {
              close();
              this.#show(pin.seq);
            },
          },
        },
        h("bdi", {}, this.#wordsOf(pin)),
        sentAt && h("time", { datetime: message.sentAt, title: fullTime(sentAt) }, listTime(sentAt)),
      ),
      mayUnpin && iconButton("pin-off", gettext("Unpin this message"), unpin),
    );
  }
}
