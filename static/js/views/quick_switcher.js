// The results of Ctrl+K: a few letters lead to a conversation, or to a person without one.
import { gettext } from "chat/i18n.js";
import { fold } from "chat/text.js";
import { debounce } from "chat/timing.js";
import { avatar, h, markedName, toast } from "chat/views/dom.js";

const SEARCH_DELAY_MS = 150;
const RESULTS_MAX = 12;

/**
 * Fills `list` for what is in `input`, which is open already and may have been written in. Returns a
 * function that stops it.
 */
export function fillQuickSwitcher({ input, list, close }, { store, actions, router }) {
  let people = [];
  let found = [];
  let chosen = 0;
  let turn = 0;
  let isSearching = false;
  /** Enter came before what it is about. */
  let isHasty = false;

  function render() {
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
    found = [...chats, ...others.map(asChat)].slice(0, RESULTS_MAX);
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
          avatar(one, "m"),
          h(
            "span",
            { class: "person-text" },
            markedName(one),
            one.isNew && h("small", {}, gettext("New conversation")),
          ),
        ),
      ),
    );
    if (!found.length && !isSearching)
      list.replaceChildren(h("p", { class: "no-result" }, gettext("Nobody and nothing of that name.")));
    if (found.length) input.setAttribute("aria-activedescendant", `switch-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }

  function go(one) {
    close();
    router.go(one.isNew ? actions.chats.withPerson(one) : one.key);
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

  function onInput() {
    chosen = 0;
    people = [];
    turn += 1;
    isSearching = Boolean(input.value.trim());
    isHasty = false;
    render();
    search();
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
