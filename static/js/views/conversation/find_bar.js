// Search in the open conversation, from hit to hit.
import { gettext, interpolate } from "chat/i18n.js";
import { debounce } from "chat/timing.js";
import { h, iconButton } from "chat/views/dom.js";
import { openLayer } from "chat/views/layers.js";

const SEARCH_DELAY_MS = 250;

export class FindBar {
  #actions;
  #show;
  #onClose;
  #leaveLayer = () => {};
  #key = null;
  #turn = 0;
  /**
   * Found messages, newest first; the index of the one that is shown; the address of the next page.
   */
  #hits = [];
  #current = -1;
  #next = null;
  #input = h("input", {
    class: "input",
    type: "search",
    id: "find",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    "aria-label": gettext("Search in this conversation"),
    placeholder: gettext("Search in this conversation"),
  });
  #count = h("span", { class: "finder-count", role: "status" });
  #older = iconButton("chevron-up", gettext("The one before"), () => this.#go(1));
  #newer = iconButton("chevron-down", gettext("The one after"), () => this.#go(-1));

  /** `show(seq)` scrolls to a message; `onClose()` is called when the user closes the search. */
  constructor({ actions, show, onClose }) {
    this.#actions = actions;
    this.#show = show;
    this.#onClose = onClose;
    const close = iconButton("x", gettext("Close the search"), () => this.#close());
    this.element = h(
      "div",
      { class: "finder", role: "search", hidden: true },
      this.#input,
      this.#count,
      this.#older,
      this.#newer,
      close,
    );
    this.#input.addEventListener("input", (event) => event.isComposing || this.#onInput());
    this.#input.addEventListener("compositionend", () => this.#onInput());
    this.element.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") this.#close();
      else if (event.key === "Enter" && event.target === this.#input) this.#go(event.shiftKey ? -1 : 1);
      else return;
      event.preventDefault();
    });
    this.#showCount();
  }

  /** Closes the search: another conversation is open, or none. */
  reset() {
    this.#leaveLayer();
    this.element.hidden = true;
    this.#input.value = "";
    this.#clearHits();
  }

  open(key) {
    this.#key = key;
    if (this.element.hidden) this.#leaveLayer = openLayer(() => this.#close());
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  #close() {
    this.reset();
    this.#onClose();
  }

  #clearHits() {
    this.#turn += 1;
    this.#hits = [];
    this.#current = -1;
    this.#next = null;
    this.#showCount();
  }

  #onInput() {
    this.#clearHits();
    this.#search(this.#turn);
  }

  #search = debounce(async (turn) => {
    if (turn !== this.#turn || !this.#input.value.trim()) return;
    this.#count.textContent = gettext("Searching…");
    await this.#loadMore();
    if (turn === this.#turn && this.#hits.length) this.#go(1);
    else if (turn === this.#turn) this.#count.textContent ||= gettext("Nothing found");
  }, SEARCH_DELAY_MS);

  /** Loads pages until one has a hit. */
  async #loadMore() {
    const turn = this.#turn;
    try {
      do {
        const page = await this.#actions.history.search(this.#input.value.trim(), { next: this.#next, key: this.#key });
        if (turn !== this.#turn) return;
        this.#hits.push(...page.items);
        this.#next = page.next;
        if (page.items.length) break;
      } while (this.#next);
      this.#showCount();
    } catch (problem) {
      if (turn === this.#turn) this.#count.textContent = problem.message;
    }
  }

  /** Moves by one hit: 1 to an older message, -1 to a newer one. */
  async #go(step) {
    const turn = this.#turn;
    const position = this.#current + step;
    if (position >= this.#hits.length && this.#next) await this.#loadMore();
    if (turn !== this.#turn || !this.#hits[position]) return;
    this.#current = position;
    this.#showCount();
    await this.#show(this.#hits[position].seq);
  }

  #showCount() {
    const count = this.#hits.length;
    this.#count.textContent = count
      ? interpolate(gettext("%(at)s of %(count)s"), { at: this.#current + 1, count: this.#next ? `${count}+` : count })
      : "";
    this.#older.disabled = this.#current + 1 >= count && !this.#next;
    this.#newer.disabled = this.#current < 1;
  }
}
