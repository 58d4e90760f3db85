// Which chats the list shows: all, the unread ones, groups, people, those that are put away.
import { gettext, interpolate } from "chat/i18n.js";
import { h, replaceIfChanged } from "chat/views/dom.js";

/** With fewer chats there is nothing to choose from. */
const CHATS_MIN = 6;

const FILTERS = {
  all: gettext("All"),
  unread: gettext("Unread"),
  groups: gettext("Groups"),
  people: gettext("People"),
};

export class Filters {
  chosen = "all";
  #store;
  #onChange;

  /** `onChange()` is called after another one was chosen. */
  constructor(store, onChange) {
    this.#store = store;
    this.#onChange = onChange;
    this.element = h("div", { class: "chat-filters", role: "radiogroup", "aria-label": gettext("Show"), hidden: true });
    this.element.addEventListener("click", ({ target }) => this.#choose(target.closest("[data-filter]")));
    this.element.addEventListener("keydown", (event) => this.#move(event));
  }

  shows(chat) {
    if (this.chosen === "archived") return chat.archived;
    if (chat.archived) return false;
    if (this.chosen === "groups") return chat.type === "group";
    if (this.chosen === "people") return chat.type === "private" && !chat.isSaved;
    // What is being read stays until one leaves it.
    return this.chosen === "all" || chat.unreadCount > 0 || chat.markedUnread || chat.key === this.#store.openKey;
  }

  render(chats, { isHidden }) {
    const archived = chats.filter((chat) => chat.archived).length;
    if (this.chosen === "archived" && !archived) this.chosen = "all";
    const isNeeded = chats.length >= CHATS_MIN || archived > 0 || this.chosen !== "all";
    this.element.hidden = isHidden || !isNeeded;
    const labels = { ...FILTERS };
    if (archived) labels.archived = interpolate(gettext("Archived (%(count)s)"), { count: archived });
    replaceIfChanged(this.element, JSON.stringify([this.chosen, labels]), () =>
      Object.entries(labels).map(([name, label]) =>
        h(
          "button",
          {
            type: "button",
            class: "chat-filter",
            role: "radio",
            "data-filter": name,
            "aria-checked": String(name === this.chosen),
            tabindex: name === this.chosen ? "0" : "-1",
          },
          label,
        ),
      ),
    );
  }

  #choose(button) {
    if (!button || button.dataset.filter === this.chosen) return;
    this.chosen = button.dataset.filter;
    this.#onChange();
    this.element.querySelector(`[data-filter="${this.chosen}"]`)?.focus();
  }

  /** One of them is a stop of Tab; arrows lead to the others. */
  #move(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const turn = document.dir === "rtl" && event.key.match(/Left|Right/) ? -step : step;
    const buttons = [...this.element.children];
    const here = buttons.findIndex((button) => button.dataset.filter === this.chosen);
    this.#choose(buttons[(here + turn + buttons.length) % buttons.length]);
    event.preventDefault();
  }
}
