// Looking for words in the open conversation, from hit to hit.
import { fill, gettext } from "chat/i18n.js";
import { h, iconButton, wait } from "chat/views/dom.js";

const WAIT = 250;

export class Finder {
  #actions;
  #show;
  #onClose;
  #key = null;
  #turn = 0;
  /** Found messages, newest first; which of them is shown; and where more are to be asked for. */
  #hits = [];
  #place = -1;
  #next = null;
  #input = h("input", { class: "input", type: "search", id: "find", autocomplete: "off", spellcheck: "false", enterkeyhint: "search", "aria-label": gettext("Search in this conversation"), placeholder: gettext("Search in this conversation") });
  #count = h("span", { class: "finder-count", role: "status" });
  #older = iconButton("chevron-up", gettext("The one before"), () => this.#go(1));
  #newer = iconButton("chevron-down", gettext("The one after"), () => this.#go(-1));

  /** `show(seq)` brings a message into sight; `onClose()` is called when one has found enough. */
  constructor({ actions, show, onClose }) {
    this.#actions = actions;
    this.#show = show;
    this.#onClose = onClose;
    const close = iconButton("x", gettext("Close the search"), () => this.#close());
    this.element = h("div", { class: "finder", role: "search", hidden: true }, this.#input, this.#count, this.#older, this.#newer, close);
    this.#input.addEventListener("input", (event) => event.isComposing || this.#changed());
    this.#input.addEventListener("compositionend", () => this.#changed());
    this.element.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") this.#close();
      else if (event.key === "Enter" && event.target === this.#input) this.#go(event.shiftKey ? -1 : 1);
      else return;
      event.preventDefault();
    });
    this.#tell();
  }

  /** Another conversation is open, or none. */
  leave() {
    this.element.hidden = true;
    this.#input.value = "";
    this.#forget();
  }

  open(key) {
    this.#key = key;
    this.element.hidden = false;
    this.#input.focus();
    this.#input.select();
  }

  #close() {
    this.leave();
    this.#onClose();
  }

  #forget() {
    this.#turn += 1;
    this.#hits = [];
    this.#place = -1;
    this.#next = null;
    this.#tell();
  }

  #changed() {
    this.#forget();
    this.#look(this.#turn);
  }

  #look = wait(async (turn) => {
    if (turn !== this.#turn || !this.#input.value.trim()) return;
    this.#count.textContent = gettext("Searching…");
    await this.#more();
    if (turn === this.#turn && this.#hits.length) this.#go(1);
    else if (turn === this.#turn) this.#count.textContent ||= gettext("Nothing found");
  }, WAIT);

  /** Loads the next page that has something. */
  async #more() {
    const turn = this.#turn;
    try {
      do {
        const page = await this.#actions.findMessages(this.#input.value.trim(), { next: this.#next, key: this.#key });
        if (turn !== this.#turn) return;
        this.#hits.push(...page.items);
        this.#next = page.next;
        if (page.items.length) break;
      } while (this.#next);
      this.#tell();
    } catch (problem) {
      if (turn === this.#turn) this.#count.textContent = problem.message;
    }
  }

  /** One hit further back, or forth again. */
  async #go(step) {
    const turn = this.#turn;
    const place = this.#place + step;
    if (place >= this.#hits.length && this.#next) await this.#more();
    if (turn !== this.#turn || !this.#hits[place]) return;
    this.#place = place;
    this.#tell();
    await this.#show(this.#hits[place].seq);
  }

  #tell() {
    const count = this.#hits.length;
    this.#count.textContent = count ? fill(gettext("%(at)s of %(count)s"), { at: this.#place + 1, count: this.#next ? `${count}+` : count }) : "";
    this.#older.disabled = this.#place + 1 >= count && !this.#next;
    this.#newer.disabled = this.#place < 1;
  }
}
