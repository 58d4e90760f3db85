// The list's search: one's own conversations, people and groups one does not know yet, and messages.
import { fullTime, listTime, memberCount } from "chat/views/format.js";
import { fill, gettext, language } from "chat/i18n.js";
import { chatPath } from "chat/ids.js";
import { keyOf } from "chat/state/reducers.js";
import { avatar, h, icon, iconButton, toast, wait } from "chat/views/dom.js";
import { preview, typeOf } from "chat/views/types/registry.js";

const WAIT = 150;
// So much of what stands before a hit is shown, so that the hit is seen.
const LEAD = 18;
const HAN = /\p{Script=Han}/u;

const isEnough = (query) => [...query].length > 1 || HAN.test(query);

export class SearchView {
  #store;
  #actions;
  #router;
  #onChange;
  #turn = 0;
  #shownTurn = 0;
  #input = h("input", { class: "input", type: "search", id: "search", autocomplete: "off", spellcheck: "false", enterkeyhint: "search", "aria-label": gettext("Search people, groups and messages"), placeholder: gettext("Search") });
  #clear = iconButton("x", gettext("Clear the search"), () => this.clear(), { hidden: true });
  #heading = h("h2", { hidden: true }, gettext("Conversations"));
  #found = h("div", { class: "found", hidden: true });
  #hits = h("div", { class: "hits", hidden: true });
  #more = h("button", { type: "button", class: "button small quiet more-hits", hidden: true, on: { click: () => this.#continue() } }, gettext("More messages"));
  #note = h("p", { class: "no-result", role: "status", hidden: true });
  #next = null;

  /** `onChange()` is called whenever the query is another. */
  constructor({ store, actions, router }, onChange) {
    this.#store = store;
    this.#actions = actions;
    this.#router = router;
    this.#onChange = onChange;
    this.element = h("div", { class: "search", role: "search" }, icon("search"), this.#input, this.#clear);
    // What is composed by an input method is looked for when it is written, not letter by letter.
    this.#input.addEventListener("input", (event) => event.isComposing || this.#changed());
    this.#input.addEventListener("compositionend", () => this.#changed());
  }

  get query() {
    return this.#input.value.trim();
  }

  get input() {
    return this.#input;
  }

  /** What stands above the rows of the list, and below them. */
  get above() {
    return [this.#heading];
  }

  get below() {
    return [this.#found, this.#hits, this.#more, this.#note];
  }

  clear() {
    this.#input.value = "";
    this.#changed();
  }

  /** Whether what is found below the rows was found for something else, which has been written over since. */
  get isStale() {
    return this.#shownTurn !== this.#turn;
  }

  /** Which of the found messages is being looked at. */
  choose(hit) {
    this.#hits.querySelector("[aria-current]")?.removeAttribute("aria-current");
    hit.setAttribute("aria-current", "true");
  }

  #changed() {
    this.#turn += 1;
    this.#clear.hidden = !this.#input.value;
    this.#heading.hidden = !this.query || !this.#hasChats;
    this.#onChange();
    if (this.query) {
      this.#look(this.#turn);
      return;
    }
    for (const element of this.below) element.hidden = true;
    this.#hits.replaceChildren();
  }

  get #hasChats() {
    const query = this.query.toLocaleLowerCase();
    return this.#store.list.some((chat) => chat.name.toLocaleLowerCase().includes(query));
  }

  #look = wait(async (turn) => {
    if (turn !== this.#turn) return;
    const { query } = this;
    this.#shownTurn = turn;
    this.#found.replaceChildren();
    this.#hits.replaceChildren();
    this.#next = null;
    this.#more.hidden = true;
    this.#say(isEnough(query) ? gettext("Searching the messages…") : "");
    const names = this.#lookForNames(query, turn);
    const messages = isEnough(query) ? this.#lookForMessages(query, turn) : null;
    const problem = await Promise.all([names, messages]).then(() => null, (refusal) => refusal);
    if (turn !== this.#turn) return;
    const hasResults = this.#hasChats || this.#found.childElementCount || this.#hits.childElementCount;
    this.#say(problem ? problem.message : hasResults ? "" : fill(gettext("Nothing found for “%(query)s”."), { query }));
  }, WAIT);

  #say(text) {
    this.#note.textContent = text;
    this.#note.hidden = !text;
  }

  // ── People and groups ──────────────────────────────────────────────────
  async #lookForNames(query, turn) {
    const [people, groups] = await Promise.all([this.#actions.findPeople(query), this.#actions.findGroups(query)]);
    if (turn !== this.#turn) return;
    const store = this.#store;
    const wanted = query.toLocaleLowerCase();
    const matches = (name) => name.toLocaleLowerCase().includes(wanted);
    const strangers = people.filter((user) => user.id !== store.me.id && matches(user.name) && !store.list.some((chat) => chat.key === `private:${user.id}`));
    const open = groups.filter((group) => matches(group.name) && !store.chats.has(`group:${group.id}`));
    const rows = [
      strangers.length && h("h2", {}, gettext("People")),
      ...strangers.map((user) => this.#stranger({ ...user, type: "private" }, user.online ? gettext("online") : gettext("Say hello"), () => this.#actions.talkTo(user))),
      open.length && h("h2", {}, gettext("Open groups")),
      ...open.map((group) => this.#stranger({ ...group, img: group.avatar, type: "group" }, `${memberCount(group.memberCount)} · ${gettext("join")}`, () => this.#actions.joinGroup(group.id))),
    ];
    this.#found.replaceChildren(...rows.filter(Boolean));
    this.#found.hidden = !this.#found.childElementCount;
  }

  #stranger(entry, note, begin) {
    const click = async () => {
      try {
        this.#router.go(await begin());
        this.clear();
      } catch (problem) {
        toast(problem.message);
      }
    };
    return h(
      "button",
      { type: "button", class: "chat-row", on: { click } },
      avatar(entry),
      h("span", { class: "row-text" }, h("span", { class: "chat-line" }, h("span", { class: "chat-name" }, h("bdi", {}, entry.name))), h("span", { class: "chat-line" }, h("span", { class: "chat-preview" }, note))),
    );
  }

  // ── Messages ───────────────────────────────────────────────────────────
  /** The next page that has something; one may be empty because the server looks at so many messages at a time. */
  async #lookForMessages(query, turn) {
    let page;
    do {
      page = await this.#actions.findMessages(query, { next: this.#next });
      if (turn !== this.#turn) return;
      this.#next = page.next;
    } while (!page.items.length && page.next);
    if (page.items.length && !this.#hits.childElementCount) this.#hits.append(h("h2", {}, gettext("Messages")));
    this.#hits.append(...page.items.map((message) => this.#hit(message, query)));
    this.#hits.hidden = !this.#hits.childElementCount;
    this.#more.hidden = !page.next;
  }

  async #continue() {
    const turn = this.#turn;
    this.#more.hidden = true;
    this.#say(gettext("Searching the messages…"));
    const last = this.#hits.lastElementChild;
    const problem = await this.#lookForMessages(this.query, turn).then(() => null, (refusal) => refusal);
    if (turn !== this.#turn) return;
    this.#say(problem ? problem.message : "");
    if (problem) this.#more.hidden = false;
    last?.nextElementSibling?.focus();
  }

  #hit(message, query) {
    const { me, chats } = this.#store;
    const key = keyOf(message, me.id);
    const chat = chats.get(key) ?? { id: message.senderId, name: message.senderName, img: message.senderImg };
    const sentAt = new Date(message.sentAt);
    const who = message.senderId === me.id ? gettext("You") : chat.type === "group" && message.senderName;
    return h(
      "a",
      { class: "chat-row hit", href: `${chatPath(key)}#${message.seq}`, "data-chat": key, "data-at": String(message.seq) },
      avatar(chat),
      h(
        "span",
        { class: "row-text" },
        h("span", { class: "chat-line" }, h("span", { class: "chat-name" }, h("bdi", {}, chat.name)), h("time", { datetime: message.sentAt, title: fullTime(sentAt) }, listTime(sentAt))),
        h("span", { class: "chat-line" }, h("span", { class: "chat-preview" }, who && [h("bdi", { class: "who" }, who), language.startsWith("zh") ? "：" : ": "], h("bdi", {}, snippet(message, query, me.id)))),
      ),
    );
  }
}

/** The part of a message in which the words stand, with them marked. */
function snippet(message, query, me) {
  const words = new RegExp(query.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "\\s+"), "iu");
  const lines = [preview(message, me), message.content, typeOf(message).text?.(message)].filter(Boolean).map((line) => line.replace(/\s+/g, " "));
  const line = lines.find((one) => words.test(one)) ?? lines[0] ?? "";
  const hit = words.exec(line);
  if (!hit) return [line];
  const before = [...line.slice(0, hit.index)];
  const lead = before.length > LEAD ? `…${before.slice(-LEAD).join("")}` : before.join("");
  return [lead, h("mark", {}, hit[0]), line.slice(hit.index + hit[0].length, hit.index + hit[0].length + 200)];
}
