// The results of Ctrl+K: a few letters lead to a conversation, or to a person without one, to what can be done, and to
// messages.
import { gettext, interpolate } from "chat/i18n.js";
import { chatKeyOf } from "chat/ids.js";
import { fold } from "chat/text.js";
import { debounce } from "chat/timing.js";
import { afterPress, avatar, h, icon, markedName, toast } from "chat/views/dom.js";
import { lazy } from "chat/views/lazy.js";
import { openSettings } from "chat/views/settings/settings_dialog.js";
import { openShortcutsHelp } from "chat/views/shortcuts.js";
import { preview } from "chat/views/types/registry.js";

const SEARCH_DELAY_MS = 150;
/** The words of messages are searched for when somebody stops typing, and not for a single letter. */
const MESSAGES_DELAY_MS = 400;
const LETTERS_MIN = 2;
const RESULTS_MAX = 12;
const MESSAGES_MAX = 5;

const COMMANDS = [
  [gettext("New conversation"), "message-circle", async (context) => (await lazy.people()).openPeopleDialog(context)],
  [gettext("New group"), "users", async (context) => (await lazy.newGroup()).openGroupDialog(context)],
  [gettext("Saved messages"), "bookmark", ({ router, actions }) => router.go(actions.chats.saved())],
  [gettext("Settings"), "settings", openSettings],
  [gettext("Keyboard shortcuts"), "keyboard", openShortcutsHelp],
].map(([label, name, run]) => ({ label, icon: name, run }));

/**
 * Fills `list` for what is in `input`, which is open already and may have been written in. Returns a
 * function that stops it.
 */
export function fillQuickSwitcher({ input, list, close }, context) {
  const { store, actions, router } = context;
  let people = [];
  let messages = [];
  let found = [];
  let chosen = 0;
  let turn = 0;
  let isSearching = false;
  /** Enter came before what it is about. */
  let isHasty = false;

  const render = () => afterPress(list, draw);

  function draw() {
    const query = fold(input.value.trim());
    const chats = store.chatList.filter(({ name, key }) =>
      query ? fold(name).includes(query) : key !== store.openKey,
    );
    const known = new Set(chats.map(({ key }) => key));
    const others = query ? people.filter(({ id }) => id !== store.me.id && !known.has(`private:${id}`)) : [];
    const listed = new Set(store.chatList.map(({ key }) => key));
    const asChat = (user) => {
      const key = `private:${user.id}`;
      return { ...user, type: "private", key, isNew: !listed.has(key) };
    };
    const isListed = ({ label }) => chats.some(({ name }) => name === label);
    const commands = query ? COMMANDS.filter((one) => fold(one.label).includes(query) && !isListed(one)) : [];
    found = [...[...chats, ...others.map(asChat)].slice(0, RESULTS_MAX), ...commands, ...messages];
    chosen = Math.max(0, Math.min(chosen, found.length - 1));
    list.replaceChildren(
      ...found.map((one, place) =>
        h(
          "div",
          {
            class: "person",
            role: "option",
            id: `switch-${place}`,
            "aria-selected": String(place === chosen),
            on: { click: () => go(one) },
          },
          shown(one),
        ),
      ),
    );
    if (!found.length && !isSearching)
      list.replaceChildren(h("p", { class: "no-result" }, gettext("Nobody and nothing of that name.")));
    if (found.length) input.setAttribute("aria-activedescendant", `switch-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  function shown(one) {
    if (one.run) return [icon(one.icon), h("span", { class: "person-text" }, one.label)];
    if (!one.seq || one.key)
      return [
        avatar(one, "m"),
        h("span", { class: "person-text" }, markedName(one), one.isNew && h("small", {}, gettext("New conversation"))),
      ];
    const message = store.withSender(one);
    const words = { name: message.senderName, words: preview(message, store.me.id) };
    const chat = store.chats.get(chatKeyOf(message, store.me.id));
    return [
      icon("search"),
      h(
        "span",
        { class: "person-text" },
        h("bdi", {}, interpolate(gettext("%(name)s: %(words)s"), words)),
        h("small", {}, chat?.name ?? ""),
      ),
    ];
  }

  function go(one) {
    close();
    if (one.run) one.run(context);
    else if (one.seq && !one.key) router.go(chatKeyOf(one, store.me.id), one.seq);
    else router.go(one.isNew ? actions.chats.withPerson(one) : one.key);
  }

  const search = debounce(async () => {
    const query = input.value.trim();
    const thisTurn = ++turn;
    const answer = query && (await actions.chats.findPeople(query).catch((problem) => toast(problem.message)));
    if (thisTurn !== turn) return;
    isSearching = false;
    people = answer || [];
    render();
    if (isHasty && found.length) go(found[0]);
  }, SEARCH_DELAY_MS);

  const searchMessages = debounce(async () => {
    const query = input.value.trim();
    const thisTurn = turn;
    if (query.length < LETTERS_MIN) return;
    const { items } = await actions.history.search(query, {}).catch(() => ({ items: [] }));
    if (thisTurn !== turn) return;
    messages = items.slice(0, MESSAGES_MAX);
    render();
  }, MESSAGES_DELAY_MS);

  function onInput() {
    chosen = 0;
    people = [];
    messages = [];
    turn += 1;
    isSearching = Boolean(input.value.trim());
    isHasty = false;
    render();
    search();
    searchMessages();
  }

  // Text from an input method is searched for when it is complete, not letter by letter.
  input.addEventListener("input", (event) => event.isComposing || onInput());
  input.addEventListener("compositionend", onInput);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      chosen = (chosen + step + found.length) % found.length;
      render();
    } else if (event.key === "Enter" && found[chosen]) go(found[chosen]);
    else if (event.key === "Enter") isHasty = isSearching;
    else return;
    event.preventDefault();
  });
  onInput();
  return store.on(["chats", "people"], () => render());
}
