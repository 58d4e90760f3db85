// The members of a group: found by the server, loaded in pages, and few of them in the page at a time.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { debounce, oncePerFrame } from "chat/timing.js";
import { afterPress, announce, h, icon, reconcile, toast } from "chat/views/dom.js";

const SEARCH_DELAY_MS = 150;
const RELOAD_DELAY_MS = 100;
/** Rows in the page above and below those that are seen, and rows before the end at which more are loaded. */
const OVERSCAN = 10;
const LOAD_AHEAD = 20;
/** The rows of a screen, until there are any to measure. */
const FIRST_ROWS = 30;
const PAGE_STEP = 10;

export class MemberList {
  #load;
  #describe;
  #scroller;
  #total;
  #onLoad;
  /** What was loaded, in order: members, and the address of the next page. */
  #members = [];
  #next = null;
  #lastRequest = 0;
  #isLoading = false;
  #isKnown = false;
  /** The id of the member whose row Tab leads to. */
  #current = null;
  #search = h("input", {
    class: "input",
    id: "member-search",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    placeholder: gettext("Search members"),
    "aria-label": gettext("Search members"),
    on: { input: debounce(() => this.#start(), SEARCH_DELAY_MS), keydown: (event) => this.#onSearchKey(event) },
  });
  #rows = h("ul", { class: "member-rows", tabindex: "-1", on: { keydown: (event) => this.#move(event) } });
  #nobody = h("p", { class: "no-result", hidden: true }, gettext("Nobody of that name."));
  element = h(
    "div",
    { class: "member-list" },
    h("div", { class: "search" }, icon("search"), this.#search),
    this.#rows,
    this.#nobody,
  );

  /**
   * `load({search, next})` resolves with a page, {items, next}; `onLoad()` is called after the first one.
   * `describe(member)` returns {signature, build()} for a row, `total()` the number of all members.
   * `scroller` is the element that the list scrolls in.
   */
  constructor({ load, describe, total, scroller, onLoad }) {
    this.#load = load;
    this.#describe = describe;
    this.#total = total;
    this.#scroller = scroller;
    this.#onLoad = onLoad;
    scroller.addEventListener("scroll", this.render, { passive: true });
    new ResizeObserver(this.render).observe(scroller);
    this.#rows.addEventListener("focusin", (event) => this.#onFocus(event));
    this.#start();
  }

  /** The group's owner, who is the first of all; of those who were searched for, perhaps nobody. */
  get owner() {
    return this.#members.find(({ role }) => role === "owner");
  }

  /** Somebody came, left or has another role: as many as before are loaded again. */
  reload = debounce(() => this.#start(this.#members.length), RELOAD_DELAY_MS);

  /** The rows that are seen, and some around them. */
  render = oncePerFrame(() => afterPress(this.#rows, () => this.#render()));

  #render() {
    const count = this.#members.length;
    const height = this.#rows.firstElementChild?.getBoundingClientRect().height || 0;
    const seen = this.#scroller.getBoundingClientRect();
    const top = this.#rows.getBoundingClientRect().top;
    const first = height ? Math.floor((seen.top - top) / height) - OVERSCAN : 0;
    const last = height ? Math.ceil((seen.bottom - top) / height) + OVERSCAN : FIRST_ROWS;
    const from = Math.max(0, Math.min(first, count - 1));
    const to = Math.min(count, Math.max(last, from + 1));
    if (!this.#members.some(({ id }) => id === this.#current)) this.#current = this.#members[0]?.id;
    const focused = this.#rows.contains(document.activeElement) && this.#rows !== document.activeElement;
    reconcile(
      this.#rows,
      this.#members.slice(from, to).map((member, index) => this.#row(member, from + index)),
    );
    this.#placeTabStops();
    // The row with the focus was scrolled away: the arrows go on from it.
    if (focused && !this.#rows.contains(document.activeElement)) this.#rows.focus({ preventScroll: true });
    this.#rows.style.paddingBlock = `${from * height}px ${(count - to) * height}px`;
    this.#nobody.hidden = count > 0 || !this.#isKnown;
    if (this.#next && to + LOAD_AHEAD >= count) this.#more();
  }

  #row(member, index) {
    const { signature, build } = this.#describe(member);
    const size = this.#search.value.trim() ? (this.#next ? -1 : this.#members.length) : this.#total();
    return {
      key: member.id,
      signature: JSON.stringify([signature, index, size]),
      build: () => h("li", { "aria-posinset": String(index + 1), "aria-setsize": String(size) }, build()),
    };
  }

  /** Loads the beginning, at least `count` members. */
  async #start(count = 0) {
    const request = ++this.#lastRequest;
    const search = this.#search.value.trim();
    this.#isLoading = true;
    try {
      let { items, next } = await this.#load({ search });
      while (next && items.length < count && request === this.#lastRequest) {
        const more = await this.#load({ next });
        items = [...items, ...more.items];
        next = more.next;
      }
      if (request !== this.#lastRequest) return;
      this.#members = items;
      this.#next = next;
      this.#isKnown = true;
      if (search && !count) this.#announceFound();
    } catch (problem) {
      if (request === this.#lastRequest) toast(problem.message);
    } finally {
      if (request === this.#lastRequest) this.#isLoading = false;
    }
    this.render();
    this.#onLoad();
  }

  async #more() {
    if (this.#isLoading) return;
    const request = this.#lastRequest;
    this.#isLoading = true;
    try {
      const { items, next } = await this.#load({ next: this.#next });
      if (request !== this.#lastRequest) return;
      const known = new Set(this.#members.map((member) => member.id));
      this.#members.push(...items.filter((member) => !known.has(member.id)));
      this.#next = next;
      this.render();
    } catch {
      // Offline, or the server is busy: the next scroll tries again.
    } finally {
      if (request === this.#lastRequest) this.#isLoading = false;
    }
  }

  #announceFound() {
    const { length } = this.#members;
    if (!length) announce(gettext("Nobody of that name."));
    else if (this.#next) announce(interpolate(gettext("More than %(count)s members found"), { count: length }));
    else
      announce(interpolate(ngettext("%(count)s member found", "%(count)s members found", length), { count: length }));
  }

  // ── Keyboard: one stop of Tab, and the arrows from row to row ───────────
  #onFocus(event) {
    const id = event.target.closest("li")?.dataset.key;
    if (!id || id === this.#current) return;
    this.#current = id;
    this.#placeTabStops();
  }

  /** In the rows that are there: one that was built anew would take the click away from a button that is being pressed. */
  #placeTabStops() {
    for (const row of this.#rows.children)
      for (const button of row.querySelectorAll("button")) button.tabIndex = row.dataset.key === this.#current ? 0 : -1;
  }

  #onSearchKey(event) {
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Escape" && this.#search.value) {
      // The panel closes by the next one.
      event.preventDefault();
      event.stopPropagation();
      this.#search.value = "";
      this.#start();
    }
    if (event.key !== "ArrowDown" || !this.#members.length) return;
    event.preventDefault();
    this.#focusRow(0, 1);
  }

  #move(event) {
    const here = this.#members.findIndex((member) => member.id === this.#current);
    const last = this.#members.length - 1;
    const [to, step] = {
      ArrowDown: [here + 1, 1],
      ArrowUp: [here - 1, -1],
      PageDown: [Math.min(here + PAGE_STEP, last), -1],
      PageUp: [Math.max(here - PAGE_STEP, 0), 1],
      Home: [0, 1],
      End: [last, -1],
    }[event.key] ?? [null];
    if (to === null) return;
    event.preventDefault();
    this.#focusRow(to, step);
  }

  /** Focuses a row, or the next one in the direction of `step` if there is nothing to press in it. */
  #focusRow(index, step) {
    const member = this.#members[index];
    if (!member) return;
    this.#scrollTo(index);
    requestAnimationFrame(() => {
      const row = this.#rows.querySelector(`[data-key="${CSS.escape(member.id)}"]`);
      const button = row?.querySelector("button");
      if (button) button.focus({ preventScroll: true });
      else if (row) this.#focusRow(index + step, step);
    });
  }

  #scrollTo(index) {
    const height = this.#rows.firstElementChild?.getBoundingClientRect().height || 0;
    const seen = this.#scroller.getBoundingClientRect();
    const top = this.#rows.getBoundingClientRect().top + index * height;
    // What stays at the top while the list scrolls covers the rows below it.
    const covered = this.#search.parentElement.getBoundingClientRect().height;
    const above = seen.top + covered - top;
    const below = top + height - seen.bottom;
    if (above > 0) this.#scroller.scrollTop -= above;
    else if (below > 0) this.#scroller.scrollTop += below;
  }
}
