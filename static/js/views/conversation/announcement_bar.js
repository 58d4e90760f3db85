// What a group announces, in a line below the head of its conversation, until the reader closes it.
import { gettext } from "chat/i18n.js";
import { h, icon, iconButton, replaceIfChanged, toast } from "chat/views/dom.js";
import { richText } from "chat/views/rich_text.js";

export class AnnouncementBar {
  #store;
  #actions;

  constructor({ store, actions }) {
    this.#store = store;
    this.#actions = actions;
    this.element = h("div", {
      class: "announcement-bar",
      role: "group",
      "aria-label": gettext("Announcement"),
      hidden: true,
    });
  }

  render(key) {
    const chat = this.#store.chats.get(key);
    const { announcement, closedAnnouncement = 0 } = chat ?? {};
    this.element.hidden = !announcement || announcement.version <= closedAnnouncement;
    if (this.element.hidden) return;
    replaceIfChanged(this.element, JSON.stringify([key, announcement]), () => [
      icon("megaphone"),
      h("div", { class: "announcement-text", dir: "auto", tabindex: "0" }, richText(announcement.text)),
      iconButton("x", gettext("Close the announcement"), () => this.#close(key), { id: "close-announcement" }),
    ]);
  }

  async #close(key) {
    document.getElementById("text")?.focus();
    try {
      await this.#actions.groups.closeAnnouncement(this.#store.chats.get(key));
    } catch (problem) {
      toast(problem.message);
    }
  }
}
