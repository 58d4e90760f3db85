// The page's own keys: Ctrl+K, Alt+↑ and ↓, ?, and typing that goes to the message field from
// anywhere.
import { gettext } from "chat/i18n.js";
import { openDialog } from "chat/views/dialog.js";
import { h } from "chat/views/dom.js";
import { lazy } from "chat/views/lazy.js";
import { closeMenu } from "chat/views/menu.js";

const EDITABLE = "input, textarea, select, [contenteditable]";
const ABOVE = "dialog[open], .menu, .emoji-panel";
const IS_APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
const COMMAND = IS_APPLE ? "\u2318" : "Ctrl";
/** The first keys of a letter with an accent, and of an input method. */
const BEGINNINGS = new Set(["Dead", "Process"]);

const SHORTCUTS = [
  [[COMMAND, "K"], gettext("Go to a conversation, a person or a message, or do something")],
  [[IS_APPLE ? "⌥" : "Alt", "↑"], gettext("Conversation above")],
  [[IS_APPLE ? "⌥" : "Alt", "↓"], gettext("Conversation below")],
  [[IS_APPLE ? "⌥" : "Alt", IS_APPLE ? "⇧" : "Shift", "↑"], gettext("Unread conversation above")],
  [[IS_APPLE ? "⌥" : "Alt", IS_APPLE ? "⇧" : "Shift", "↓"], gettext("Unread conversation below")],
  [["↑"], gettext("Edit your last message, in the empty field")],
  [["Enter"], gettext("Send; in a code block that is not closed, new line")],
  [["Shift", "Enter"], gettext("New line")],
  [[COMMAND, "B"], gettext("Bold")],
  [[COMMAND, "I"], gettext("Italic")],
  [[COMMAND, IS_APPLE ? "⇧" : "Shift", "X"], gettext("Strikethrough")],
  [["Esc"], gettext("Close, or give up a reply or an edit")],
  [["?"], gettext("This list")],
];

export function openShortcutsHelp() {
  const keys = (names) => names.flatMap((name, place) => [place > 0 && " + ", h("kbd", {}, name)]);
  openDialog(gettext("Keyboard shortcuts"), {
    kind: "shortcuts",
    content: [
      h(
        "dl",
        {},
        SHORTCUTS.map(([names, label]) => h("div", {}, h("dt", {}, keys(names)), h("dd", {}, label))),
      ),
      h("p", {}, gettext("What you type anywhere goes to the message field.")),
    ],
  });
}

/** The field is there at once, so that what is typed meanwhile is in it when the results come. */
function openQuickSwitcher(context) {
  const label = gettext("Go to a conversation or a person");
  const list = h("div", { class: "people", id: "switcher-list", role: "listbox", "aria-label": gettext("Results") });
  const input = h("input", {
    class: "input",
    id: "switcher",
    type: "search",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    "aria-expanded": "true",
    "aria-controls": list.id,
    "aria-autocomplete": "list",
    "aria-label": label,
    placeholder: label,
  });
  let isOpen = true;
  let stop = () => {};
  const onClose = () => {
    isOpen = false;
    stop();
  };
  const { close } = openDialog(gettext("Go to"), { kind: "switcher", content: [input, list], onClose });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    // In a search field the first Escape would only empty it.
    event.preventDefault();
    close();
  });
  input.focus();
  lazy.quickSwitcher().then(
    ({ fillQuickSwitcher }) => {
      if (isOpen) stop = fillQuickSwitcher({ input, list, close }, context);
    },
    () => close(),
  );
}

/** `focusComposer()` puts the focus in the message field, if there is one. */
export function listenForShortcuts(context, focusComposer) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (isCommand(event, "k")) {
      event.preventDefault();
      if (document.querySelector("dialog[open]")) return;
      closeMenu();
      openQuickSwitcher(context);
      return;
    }
    if (document.querySelector(ABOVE)) return;
    const step = event.altKey && !event.ctrlKey && !event.metaKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      goBy(step, context, { isUnread: event.shiftKey });
    } else if (!event.target.closest?.(EDITABLE) && (isTyped(event) || isCommand(event, "v"))) {
      // The key is typed, or the clipboard pasted, where the focus is now.
      if (event.key !== "?") focusComposer();
      else {
        event.preventDefault();
        openShortcutsHelp();
      }
    }
  });
}

/** Whether it is Ctrl or Cmd and a Latin letter, with whatever alphabet the keyboard has. */
export function isCommand({ key, code, ctrlKey, metaKey, altKey, shiftKey }, letter, isShifted = false) {
  if (altKey || shiftKey !== isShifted || !(IS_APPLE ? metaKey && !ctrlKey : ctrlKey && !metaKey)) return false;
  return key.toLowerCase() === letter || (!/[a-z]/i.test(key) && code === `Key${letter.toUpperCase()}`);
}

/** Whether a key writes a character. */
function isTyped(event) {
  const { key, ctrlKey, metaKey, altKey } = event;
  if (BEGINNINGS.has(key)) return true;
  // Space presses a button, and scrolls.
  if ([...key].length !== 1 || key === " ") return false;
  return !(ctrlKey || metaKey || altKey) || event.getModifierState("AltGraph");
}

function goBy(step, { store, router }, { isUnread }) {
  const chats = store.chatList.filter((chat) => !chat.archived || chat.key === store.openKey);
  const here = chats.findIndex((chat) => chat.key === store.openKey);
  const ahead = step > 0 ? chats.slice(here + 1) : chats.slice(0, here === -1 ? undefined : here).reverse();
  const to = isUnread ? ahead.find((chat) => chat.unreadCount > 0 || chat.markedUnread) : ahead[0];
  if (to) router.go(to.key);
}
