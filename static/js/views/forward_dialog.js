// The dialog that sends messages on: to one or several chats, with or without the name of who wrote them.
import { gettext, interpolate, ngettext } from "chat/i18n.js";
import { newId } from "chat/ids.js";
import { fold } from "chat/text.js";
import { debounce } from "chat/timing.js";
import { openDialog } from "chat/views/dialog.js";
import { announce, avatar, besideName, h, markedName, reconcile, toast } from "chat/views/dom.js";

const SEARCH_DELAY_MS = 150;
const SHOWN_MAX = 50;
/** Messages, counted once for each chat. */
const COPIES_MAX = 30;

/** `onDone()` is called when they were sent. */
export function openForwardDialog(messages, { store, actions, onDone = () => {} }) {
  const chatsMax = Math.max(1, Math.floor(COPIES_MAX / messages.length));
  // The same once more, where an answer was lost, sends nothing twice.
  const clientId = newId();
  const saved = actions.chats.saved();
  const chosen = new Map();
  let people = [];
  let turn = 0;

  const label = gettext("Chat or person");
  const nobody = gettext("Nobody and nothing of that name.");
  const input = h("input", {
    class: "input",
    id: "forward-to",
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    "aria-label": label,
    placeholder: label,
  });
  const list = h("div", { class: "people forward-list", role: "group", "aria-label": gettext("Forward to") });
  const author = h("input", { type: "checkbox", id: "forward-author", checked: true });
  const send = h("button", { type: "button", class: "button primary", id: "forward-send", disabled: true });
  const { close } = openDialog(
    interpolate(ngettext("Forward %(count)s message", "Forward %(count)s messages", messages.length), {
      count: messages.length,
    }),
    {
      kind: "forward-dialog",
      content: [
        input,
        list,
        h("label", { class: "forward-author", for: author.id }, author, gettext("Say who wrote it")),
      ],
      buttons: [send],
      onClose: () => stop(),
    },
  );

  function render() {
    const query = fold(input.value.trim());
    const all = [store.chats.get(saved), ...store.chatList.filter(({ key }) => key !== saved)];
    const chats = all.filter(
      (chat) => !chat.away && store.mayWrite(chat) && (!query || fold(chat.name).includes(query)),
    );
    const known = new Set(chats.map(({ key }) => key));
    const others = people
      .map((user) => ({ ...user, type: "private", key: `private:${user.id}` }))
      .filter(({ id, key }) => id !== store.me.id && !known.has(key));
    // What was chosen stays in sight, whatever is looked for.
    const kept = [...chosen.values()].filter(({ key }) => !known.has(key) && !others.some((one) => one.key === key));
    const shown = [...kept, ...chats, ...others].slice(0, SHOWN_MAX);
    const nothing = { key: "nothing", signature: "", build: () => h("p", { class: "no-result" }, nobody) };
    reconcile(list, shown.length ? shown.map(row) : [nothing]);
    send.textContent = chosen.size
      ? interpolate(ngettext("Forward to %(count)s chat", "Forward to %(count)s chats", chosen.size), {
          count: chosen.size,
        })
      : gettext("Forward");
    send.disabled = !chosen.size;
  }

  function row(chat) {
    const signature = JSON.stringify([chat.name, chat.img, besideName(chat), chosen.has(chat.key)]);
    return { key: chat.key, signature, build: () => line(chat) };
  }

  function line(chat) {
    const box = h("input", {
      type: "checkbox",
      class: "forward-box",
      checked: chosen.has(chat.key),
      on: { change: () => choose(chat, box) },
    });
    return h(
      "label",
      { class: "person forward-line" },
      box,
      avatar(chat, "m"),
      h("span", { class: "person-text" }, markedName(chat)),
    );
  }

  function choose(chat, box) {
    if (!box.checked) chosen.delete(chat.key);
    else if (chosen.size < chatsMax) chosen.set(chat.key, chat);
    else
      toast(
        interpolate(ngettext("You can choose %(count)s chat.", "You can choose %(count)s chats.", chatsMax), {
          count: chatsMax,
        }),
      );
    render();
    announce(send.textContent);
  }

  const search = debounce(async () => {
    const thisTurn = ++turn;
    const query = input.value.trim();
    const found = query ? await actions.chats.findPeople(query).catch(() => []) : [];
    if (thisTurn !== turn) return;
    people = found;
    render();
  }, SEARCH_DELAY_MS);

  input.addEventListener("input", () => {
    turn += 1;
    people = [];
    render();
    search();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    // In a search field the first Escape would only empty it.
    event.preventDefault();
    close();
  });
  send.addEventListener("click", async () => {
    send.disabled = true;
    try {
      const keys = [...chosen.keys()];
      const { held } = await actions.messages.forward(messages, keys, { withAuthor: author.checked, clientId });
      close();
      onDone();
      toast(held ? gettext("Forwarded. A moderator looks at some of it first.") : gettext("Forwarded."));
    } catch (problem) {
      send.disabled = false;
      toast(Object.values(problem.errors ?? {})[0]?.[0] ?? problem.message);
    }
  });
  const stop = store.on("chats", debounce(render, SEARCH_DELAY_MS));
  render();
  input.focus();
}
