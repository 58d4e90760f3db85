// The search above the chat list: own conversations, other people and open groups, messages.
import { gettext, interpolate } from "chat/i18n.js";
import { chatKeyOf, chatPath } from "chat/ids.js";
import { cut, findIn, fold, graphemes } from "chat/text.js";
import { debounce } from "chat/timing.js";
import { afterPress, avatar, h, icon, iconButton, markedName, senderOf, toast } from "chat/views/dom.js";
import { fullTime, listTime, memberCount, PREVIEW_MAX } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";
import { preview, typeOf } from "chat/views/types/registry.js";

const SEARCH_DELAY_MS = 150;
/** Graphemes before a hit that a snippet shows, so that the hit is visible. */
const LEAD_LENGTH = 18;

export class SearchView {
  #store;
  #actions;
  #router;
  #onChange;
  #turn = 0;
  #shownTurn = 0;
  #input = h("input", {
    class: "input",
    type: "search",
    id: "search",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "search",
    "aria-label": gettext("Search people, groups and messages"),
    placeholder: gettext("Search"),
  });
  #clear = iconButton("x", gettext("Clear the search"), () => this.clear(), { hidden: true });
  #heading = h("h2", { hidden: true }, gettext("Conversations"));
  #found = h("div", { class: "found", hidden: true });
  #hits = h("div", { class: "hits", hidden: true });
  #more = h(
    "button",
    { type: "button", class: "button small quiet more-hits", hidden: true, on: { click: () => this.#loadMore() } },
    gettext("More messages"),
  );
  #status = h("p", { class: "no-result", role: "status", hidden: true });
  #next = null;

  /** `onChange()` is called when the query changed. */
  constructor({ store, actions, router }, onChange) {
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#onChange = onChange;
    this.element = h("div", { class: "search", role: "search" }, icon("search"), this.#input, this.#clear);
    // Text from an input method is searched for when it is complete, not letter by letter.
    this.#input.addEventListener("input", (event) => event.isComposing || this.#onInput());
    this.#input.addEventListener("compositionend", () => this.#onInput());
  }

  get query() {
    return this.#input.value.trim();
  }

  get input() {
    return this.#input;
  }

  /** Elements above the rows of the chat list, and below them. */
  get above() {
    return [this.#heading];
  }

  get below() {
    return [this.#found, this.#hits, this.#more, this.#status];
  }

  clear() {
    this.#input.value = "";
    this.#onInput();
  }

  /** Whether the results below the rows belong to an earlier query. */
  get isStale() {
    return this.#shownTurn !== this.#turn;
  }

  /** Marks the found message that is open. */
  markOpen(hit) {
    this.#hits.querySelector("[aria-current]")?.removeAttribute("aria-current");
    hit.setAttribute("aria-current", "true");
  }

  #onInput() {
    this.#turn += 1;
    this.#clear.hidden = !this.#input.value;
    this.#heading.hidden = !this.query || !this.#hasChats;
    this.#onChange();
    if (this.query) {
      this.#search(this.#turn);
      return;
    }
    for (const element of this.below) element.hidden = true;
    this.#hits.replaceChildren();
  }

  get #hasChats() {
    const query = fold(this.query);
    return this.#store.chatList.some((chat) => fold(chat.name).includes(query));
  }

  #search = debounce(async (turn) => {
    if (turn !== this.#turn) return;
    const { query } = this;
    this.#shownTurn = turn;
    this.#found.replaceChildren();
    this.#hits.replaceChildren();
    this.#next = null;
    this.#more.hidden = true;
    this.#showNote(gettext("Searching the messages…"));
    const names = this.#searchNames(query, turn);
    const problem = await Promise.all([names, this.#searchMessages(query, turn, { after: names })]).then(
      () => null,
      (refusal) => refusal,
    );
    if (turn !== this.#turn) return;
    const hasResults = this.#hasChats || this.#found.childElementCount || this.#hits.childElementCount;
    this.#showNote(
      problem ? problem.message : hasResults ? "" : interpolate(gettext("Nothing found for “%(query)s”."), { query }),
    );
  }, SEARCH_DELAY_MS);

  #showNote(text) {
    this.#status.textContent = text;
    this.#status.hidden = !text;
  }

  // ── People and groups ───────────────────────────────────────────────────
  async #searchNames(query, turn) {
    const [people, groups] = await Promise.all([
      this.#actions.chats.findPeople(query),
      this.#actions.groups.find(query),
    ]);
    if (turn !== this.#turn) return;
    const store = this.#store;
    // The list itself has the chats with these letters in their names; the server knows also how names are typed.
    const wanted = fold(query);
    const isListed = (key, name) => fold(name).includes(wanted) && store.chatList.some((chat) => chat.key === key);
    const isNew = (user) => !store.chatList.some((chat) => chat.key === `private:${user.id}`);
    const others = people.filter((user) => user.id !== store.me.id && !isListed(`private:${user.id}`, user.name));
    const known = groups.filter(
      (group) => store.chats.has(`group:${group.id}`) && !isListed(`group:${group.id}`, group.name),
    );
    const strangers = groups.filter((group) => !store.chats.has(`group:${group.id}`));
    const open = strangers.filter((group) => group.joinPolicy !== "approval");
    const asking = strangers.filter((group) => group.joinPolicy === "approval");
    const rows = [
      known.length && h("h2", {}, gettext("Groups")),
      ...known.map((group) =>
        this.#resultRow(
          { ...group, img: group.avatar, type: "group" },
          memberCount(group.memberCount),
          () => `group:${group.id}`,
        ),
      ),
      others.length && h("h2", {}, gettext("People")),
      ...others.map((user) =>
        this.#resultRow(
          { ...user, type: "private" },
          user.online ? gettext("online") : isNew(user) ? gettext("Say hello") : "",
          () => this.#actions.chats.withPerson(user),
        ),
      ),
      open.length && h("h2", {}, gettext("Open groups")),
      ...open.map((group) =>
        this.#resultRow(
          { ...group, img: group.avatar, type: "group" },
          `${memberCount(group.memberCount)} · ${gettext("join")}`,
          () => this.#actions.groups.join(group.id),
        ),
      ),
      asking.length && h("h2", {}, gettext("Groups that one asks to join")),
      ...asking.map((group) =>
        this.#resultRow(
          { ...group, img: group.avatar, type: "group" },
          `${memberCount(group.memberCount)} · ${askNote(group.request)}`,
          () => this.#ask(group, query),
        ),
      ),
    ];
    afterPress(this.#found, () => {
      this.#found.replaceChildren(...rows.filter(Boolean));
      this.#found.hidden = !this.#found.childElementCount;
    });
  }

  /** Opens no chat: the group decides. */
  async #ask(group, query) {
    const onChange = () => query === this.query && this.#searchNames(query, this.#turn);
    (await lazy.ask()).openAskDialog({ actions: this.#actions, group, onChange });
    return null;
  }

  #resultRow(entry, note, begin) {
    const click = async () => {
      try {
        const key = await begin();
        if (!key) return;
        this.#router.go(key);
        this.clear();
      } catch (problem) {
        toast(problem.message);
      }
    };
    return h(
      "button",
      { type: "button", class: "chat-row", on: { click } },
      avatar(entry),
      h(
        "span",
        { class: "row-text" },
        h("span", { class: "chat-line" }, h("span", { class: "chat-name" }, markedName(entry))),
        h("span", { class: "chat-line" }, h("span", { class: "chat-preview" }, note)),
      ),
    );
  }

  // ── Messages ────────────────────────────────────────────────────────────
  /**
   * Loads pages until one has a hit: while the server builds its index of older messages, a page may
   * be empty. Hits are shown `after` what stands above them, which would push them away under a finger.
   */
  async #searchMessages(query, turn, { after = null } = {}) {
    let page;
    do {
      page = await this.#actions.history.search(query, { next: this.#next });
      if (turn !== this.#turn) return;
      this.#next = page.next;
    } while (!page.items.length && page.next);
    await after?.catch(() => {});
    if (turn !== this.#turn) return;
    if (page.items.length && !this.#hits.childElementCount) this.#hits.append(h("h2", {}, gettext("Messages")));
    this.#hits.append(...page.items.map((message) => this.#hit(message, query)));
    this.#hits.hidden = !this.#hits.childElementCount;
    this.#more.hidden = !page.next;
  }

  async #loadMore() {
    const turn = this.#turn;
    this.#more.hidden = true;
    this.#showNote(gettext("Searching the messages…"));
    const last = this.#hits.lastElementChild;
    const problem = await this.#searchMessages(this.query, turn).then(
      () => null,
      (refusal) => refusal,
    );
    if (turn !== this.#turn) return;
    this.#showNote(problem ? problem.message : "");
    if (problem) this.#more.hidden = false;
    last?.nextElementSibling?.focus();
  }

  #hit(message, query) {
    const { me, chats } = this.#store;
    const key = chatKeyOf(message, me.id);
    const chat = chats.get(key) ?? senderOf(message);
    const sentAt = new Date(message.sentAt);
    const isOwn = message.senderId === me.id;
    const isNamed = isOwn || chat.type === "group";
    const sender = isOwn ? { name: gettext("You") } : senderOf(message);
    return h(
      "a",
      {
        class: "chat-row hit",
        href: `${chatPath(key)}#${message.seq}`,
        "data-chat": key,
        "data-at": String(message.seq),
      },
      avatar(chat),
      h(
        "span",
        { class: "row-text" },
        h(
          "span",
          { class: "chat-line" },
          h("span", { class: "chat-name" }, markedName(chat)),
          h("time", { datetime: message.sentAt, title: fullTime(sentAt) }, listTime(sentAt)),
        ),
        h(
          "span",
          { class: "chat-line" },
          h(
            "span",
            { class: "chat-preview" },
            isNamed && [markedName(sender, sender.name, { class: "who" }), gettext(": ")],
            h("bdi", {}, snippet(message, query, me.id)),
          ),
        ),
      ),
    );
  }
}

function askNote(request) {
  if (request?.state === "asked") return gettext("you asked to join");
  return request?.state === "refused" ? gettext("you were declined") : gettext("ask to join");
}

/** The part of a message around the first hit, with its hits marked. */
function snippet(message, query, me) {
  if (message.marks?.length) return marked(message.content, message.marks);
  const lines = [preview(message, me), message.content, typeOf(message).text?.(message)].filter(Boolean).map(oneLine);
  for (const wanted of [query, ...query.split(/\s+/)])
    for (const line of lines) {
      const found = findIn(line, wanted);
      if (!found) continue;
      const { before, hit, after } = found;
      return [lead(before), h("mark", {}, hit.join("")), cut(after.join(""), PREVIEW_MAX)];
    }
  return [lines[0] ?? ""];
}

/** A text with what the server has found in it, from a little before the first hit. */
function marked(text, marks) {
  const parts = [lead(graphemes(oneLine(text.slice(0, marks[0][0]))))];
  let left = PREVIEW_MAX;
  for (const [number, [begin, end]] of marks.entries()) {
    const following = marks[number + 1]?.[0] ?? text.length;
    const after = cut(oneLine(text.slice(end, following)), left);
    parts.push(h("mark", {}, oneLine(text.slice(begin, end))), after);
    left -= after.length + end - begin;
    if (left <= 0) break;
  }
  return parts;
}

const oneLine = (text) => text.replace(/\s+/g, " ");

/** The end of what stands before a hit, as graphemes. */
const lead = (before) => (before.length > LEAD_LENGTH ? `…${before.slice(-LEAD_LENGTH).join("")}` : before.join(""));
