// The field that finds a place by its name, and what it found.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { debounce } from "chat/timing.js";
import { announce, h, icon, replaceAfterPress } from "chat/views/dom.js";

const SEARCH_DELAY_MS = 400;
const NAME_MAX = 120;

export class PlaceSearch {
  #find;
  #onChoose;
  #lastRequest = 0;
  #input = h("input", {
    class: "input",
    id: "place-search",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    maxlength: String(NAME_MAX),
    placeholder: gettext("Search for a place"),
    "aria-label": gettext("Search for a place"),
    on: { input: debounce(() => this.#search(), SEARCH_DELAY_MS), keydown: (event) => this.#onKey(event) },
  });
  #found = h("ul", {
    class: "place-found",
    "aria-label": gettext("Places that were found"),
    on: { keydown: (event) => this.#move(event) },
  });
  #nothing = h("p", { class: "hint", hidden: true });
  element = h(
    "div",
    { class: "place-search" },
    h("div", { class: "search" }, icon("search"), this.#input),
    this.#found,
    this.#nothing,
  );

  /** `find(name)` resolves with places, {latitude, longitude, name, address}; `onChoose(place)` is told of one. */
  constructor({ find, onChoose }) {
    this.#find = find;
    this.#onChoose = onChoose;
  }

  async #search() {
    const request = ++this.#lastRequest;
    const name = this.#input.value.trim();
    let found = [];
    let nothing = "";
    if (name) {
      try {
        found = await this.#find(name);
        if (!found.length) nothing = gettext("No place of that name was found.");
      } catch (problem) {
        nothing = problem.message;
      }
    }
    if (request !== this.#lastRequest) return;
    replaceAfterPress(
      this.#found,
      found.map((place) => this.#row(place)),
    );
    this.#nothing.textContent = nothing;
    this.#nothing.hidden = !nothing;
    if (nothing) announce(nothing);
    else if (found.length)
      announce(
        interpolate(ngettext("%(count)s place found", "%(count)s places found", found.length), { count: found.length }),
      );
  }

  #row(place) {
    const choose = () => {
      this.#input.value = "";
      this.#search();
      this.#onChoose(place);
    };
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "place-hit", on: { click: choose } },
        icon("map-pin"),
        h("span", {}, h("strong", { dir: "auto" }, place.name), h("small", { dir: "auto" }, place.address)),
      ),
    );
  }

  // ── Keyboard: the arrows lead from the field through what was found ────
  get #buttons() {
    return [...this.#found.querySelectorAll("button")];
  }

  #onKey(event) {
    if (event.key === "ArrowDown" && this.#buttons.length) {
      event.preventDefault();
      this.#buttons[0].focus();
    } else if (event.key === "Enter") {
      // The place is not sent yet.
      event.preventDefault();
      this.#search();
    } else if (event.key === "Escape" && this.#input.value) {
      // The dialog closes by the next one.
      event.preventDefault();
      event.stopPropagation();
      this.#input.value = "";
      this.#search();
    }
  }

  #move(event) {
    const here = this.#buttons.indexOf(event.target.closest("button"));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || here === -1) return;
    event.preventDefault();
    (this.#buttons[here + step] ?? (step < 0 ? this.#input : this.#buttons[here])).focus();
  }
}
