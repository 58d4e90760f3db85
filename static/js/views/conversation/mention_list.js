// The people who can be mentioned, offered while a name is written after an @.
import { gettext } from "chat/i18n.js";
import { splitKey } from "chat/ids.js";
import { isAdmin } from "chat/roles.js";
import { fold } from "chat/text.js";
import { debounce } from "chat/timing.js";
import { afterPress, avatar, h, icon, markedName } from "chat/views/dom.js";

const SEARCH_DELAY_MS = 120;
const SHOWN_MAX = 8;
/** Messages back in which those who speak are offered first. */
const SPEAKERS_WITHIN = 60;
/** An @ that begins a name does not stand within an e-mail address. The name may have blanks within. */
const BEGUN = /(?<![a-z0-9._+-])[@＠](?<query>(?:[^\s@＠](?:[^\n@＠]{0,38}[^\s@＠])?)?)$/iu;
/** The sign's own words for everybody, whatever the language of the page. */
const EVERYBODY = ["all", "everyone", "所有人", "全体成员"];

export class MentionList {
  #store;
  #actions;
  #field;
  #pick;
  #isTaken;
  #key = null;
  #found = [];
  #chosen = 0;
  /** Where the name that is written begins, with its @; null while none is. */
  #start = null;
  #query = "";
  /** Where a list was closed by Escape. */
  #closedAt = null;
  /** Members that the server found by `#query`. */
  #members = [];
  #turn = 0;
  #rows = h("div", { class: "mention-list", id: "mention-list", role: "listbox", hidden: true });

  /**
   * `field` is the textarea; `pick(start, end, {id, name})` replaces what is written of a name, from `start` to `end`.
   * `id` is null for everybody. `isTaken(start)`: whether a mention begins there already.
   */
  constructor({ store, actions, field, pick, isTaken }) {
    this.#store = store;
    this.#actions = actions;
    this.#field = field;
    this.#pick = pick;
    this.#isTaken = isTaken;
    this.#rows.setAttribute("aria-label", gettext("People to mention"));
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", this.#rows.id);
    field.addEventListener("blur", () => this.close());
    field.addEventListener("click", () => this.update());
    // The field keeps the focus, so that a phone keeps its keyboard open.
    this.#rows.addEventListener("pointerdown", (event) => event.preventDefault());
    this.#rows.addEventListener("click", ({ target }) => {
      const row = target.closest("[role='option']");
      if (row) this.#take(Number(row.dataset.place));
    });
  }

  get element() {
    return this.#rows;
  }

  get isOpen() {
    return !this.#rows.hidden;
  }

  open(key) {
    this.#key = key;
    this.close();
    this.#closedAt = null;
  }

  close() {
    this.#start = null;
    this.#turn += 1;
    this.#show([]);
  }

  /** The text or the caret has changed. */
  update() {
    const { value, selectionStart, selectionEnd } = this.#field;
    const begun = selectionStart === selectionEnd ? BEGUN.exec(value.slice(0, selectionStart)) : null;
    if (!begun) this.#closedAt = null;
    if (!begun || begun.index === this.#closedAt || this.#isTaken(begun.index)) {
      this.close();
      return;
    }
    const { query } = begun.groups;
    if (this.#start === begun.index && this.#query === query) return;
    if (this.#start !== begun.index) this.#members = [];
    this.#start = begun.index;
    this.#query = query;
    this.#chosen = 0;
    this.#turn += 1;
    this.#render();
    this.#search(this.#turn);
  }

  /** Returns whether the list has used a key. */
  handleKey(event) {
    if (!this.isOpen) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#chosen = (this.#chosen + step + this.#found.length) % this.#found.length;
      this.#mark();
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.#chosen);
    else if (event.key === "Escape") {
      this.#closedAt = this.#start;
      this.close();
    } else return false;
    event.preventDefault();
    return true;
  }

  #take(place) {
    const one = this.#found[place];
    const start = this.#start;
    if (!one || start === null) return;
    const end = this.#field.selectionEnd;
    this.close();
    this.#pick(start, end, one);
  }

  // ── Who is offered ──────────────────────────────────────────────────────
  #search = debounce(async (turn) => {
    const { type, id } = splitKey(this.#key);
    if (turn !== this.#turn || type !== "group") return;
    // A search that fails finds nobody: the names that the page knows are offered anyhow.
    const { items } = await this.#actions.groups.memberPage(id, { search: this.#query }).catch(() => ({ items: [] }));
    if (turn !== this.#turn) return;
    this.#members = items;
    this.#render();
  }, SEARCH_DELAY_MS);

  #render() {
    this.#show(this.#candidates());
  }

  #candidates() {
    const store = this.#store;
    const chat = store.chats.get(this.#key);
    if (!chat) return [];
    const query = fold(this.#query);
    if (chat.isSaved) return [];
    if (chat.type === "private") return fold(chat.name).includes(query) ? [{ ...chat, type: "private" }] : [];
    const known = (store.groups.get(chat.id)?.members ?? []).filter(({ name }) => fold(name).includes(query));
    const people = new Map([...known, ...this.#members].map((person) => [person.id, person]));
    people.delete(store.me.id);
    const spoke = this.#lastSaid();
    const rank = ({ id, name }) => (fold(name).startsWith(query) ? 1e15 : 0) + (spoke.get(id) ?? 0);
    const found = [...people.values()].filter(({ isGone }) => !isGone).sort((one, other) => rank(other) - rank(one));
    const everybody = { id: null, name: gettext("all") };
    const mayAll = isAdmin(chat);
    const isAll = mayAll && [...EVERYBODY, everybody.name].some((word) => fold(word).startsWith(query));
    const shown = found.slice(0, isAll ? SHOWN_MAX - 1 : SHOWN_MAX);
    // An Enter too early calls one person, not everybody.
    if (isAll) shown.splice(query && !fold(shown[0]?.name ?? "").startsWith(query) ? 0 : shown.length, 0, everybody);
    return shown;
  }

  /** The seq of what each person said last, as far as it is loaded. */
  #lastSaid() {
    const { timelines } = this.#store;
    const timeline = timelines.get(this.#key);
    if (!timeline?.isLoaded) return new Map();
    const said = timeline.between(Math.max(timeline.first, timeline.last - SPEAKERS_WITHIN), timeline.last);
    return new Map(said.map(({ senderId, seq }) => [senderId, seq]));
  }

  // ── Showing ─────────────────────────────────────────────────────────────
  /** After the release, where somebody presses one of them: what a search finds meanwhile takes no click. */
  #show(found) {
    afterPress(this.#rows, () => this.#draw(found));
  }

  #draw(found) {
    this.#found = found;
    this.#chosen = Math.max(0, Math.min(this.#chosen, found.length - 1));
    this.#rows.hidden = !found.length;
    this.#rows.replaceChildren(
      ...found.map((one, place) =>
        h(
          "div",
          { class: "person", role: "option", id: `mention-${place}`, "data-place": String(place) },
          one.id === null
            ? h("span", { class: "avatar m", "aria-hidden": "true" }, icon("users"))
            : avatar({ ...one, type: "private", online: this.#store.isOnline(one.id) }, "m"),
          h(
            "span",
            { class: "person-text" },
            one.id === null ? h("bdi", {}, one.name) : markedName(one),
            one.id === null && h("small", {}, gettext("Everybody in this group")),
          ),
        ),
      ),
    );
    this.#mark();
  }

  #mark() {
    for (const row of this.#rows.children)
      row.setAttribute("aria-selected", String(Number(row.dataset.place) === this.#chosen));
    const chosen = this.#rows.children[this.#chosen];
    if (chosen) {
      this.#field.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.#field.removeAttribute("aria-activedescendant");
  }
}
