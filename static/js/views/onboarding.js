// First steps: in an empty chat list, and where no conversation is open.
import { gettext, interpolate } from "chat/i18n.js";
import { copy } from "chat/views/clipboard.js";
import { openDialog } from "chat/views/dialog.js";
import { h, icon, iconButton, replaceIfChanged } from "chat/views/dom.js";
import { onPageEntry } from "chat/views/layers.js";
import { lazy } from "chat/views/lazy.js";

const LOOPBACK_HOST = /^(localhost|127\.|\[::1\])/;

/**
 * How this user can bring in others: with the sign-up link, or for administrators with a new
 * account.
 */
export function invitation({ signUp, admin }) {
  if (signUp)
    return {
      label: gettext("Invite people"),
      icon: "user-plus",
      run: () => openInvitation(new URL(signUp, location.origin).href),
    };
  return (
    admin && {
      label: gettext("Create accounts"),
      icon: "user-plus",
      run: () => onPageEntry(() => location.assign(`${admin}accounts/user/add/`)),
    }
  );
}

function openInvitation(link) {
  const share = () => navigator.share({ url: link }).catch(() => {}); // the user cancelled
  openDialog(gettext("Invite people"), {
    content: [
      h("p", {}, gettext("Whoever opens this address can sign up, and finds you and the open groups.")),
      h(
        "div",
        { class: "code" },
        h("code", { id: "sign-up-link", dir: "ltr" }, link),
        iconButton("copy", gettext("Copy"), () => copy(link)),
      ),
      LOOPBACK_HOST.test(location.host) &&
        h(
          "p",
          { class: "aside" },
          icon("info"),
          h(
            "span",
            {},
            gettext(
              "You opened the chat on the machine it runs on. For others, open it by the address under which they reach it; the guide for operating it says how to give it one.",
            ),
          ),
        ),
    ],
    buttons: navigator.share
      ? [
          h(
            "button",
            { type: "button", class: "button primary", on: { click: share } },
            icon("external-link"),
            gettext("Share"),
          ),
        ]
      : [],
  });
}

const steps = (context, isAlone) =>
  [
    !isAlone && {
      label: gettext("Find somebody"),
      icon: "search",
      run: async () => (await lazy.people()).openPeopleDialog(context),
    },
    isAlone && invitation(context),
    { label: gettext("New group"), icon: "users", run: async () => (await lazy.newGroup()).openGroupDialog(context) },
    !isAlone && invitation(context),
  ].filter(Boolean);

/**
 * Shown instead of an empty chat list. Whether other users exist decides which step comes first.
 */
export function emptyList(context) {
  const lead = h("p");
  const buttons = h("div", { class: "steps" });
  context.actions.chats
    .findPeople("")
    .catch(() => [])
    .then((people) => {
      const isAlone = !people.some((user) => user.id !== context.store.me.id);
      lead.textContent = isAlone
        ? gettext("You are the first one here. Bring the others in.")
        : gettext("Find somebody and say hello.");
      buttons.append(
        ...steps(context, isAlone).map(({ label, icon: name, run }, index) =>
          h(
            "button",
            { type: "button", class: `button${index ? "" : " primary"}`, on: { click: run } },
            icon(name),
            label,
          ),
        ),
      );
    });
  return h(
    "div",
    { class: "empty" },
    h("span", { class: "art" }, icon("messages-square")),
    h("h2", {}, gettext("Nothing here yet")),
    lead,
    buttons,
  );
}

/** Shown when no conversation is open. */
export class Welcome {
  #context;
  element = h("section", { class: "empty welcome" });

  constructor(context) {
    this.#context = context;
    context.store.on("chats", () => this.#render());
    this.#render();
  }

  #render() {
    const { store } = this.#context;
    const isNew = store.hasChatList && !store.chatList.length;
    replaceIfChanged(this.element, JSON.stringify([isNew, store.me.name]), () => [
      h("span", { class: "art" }, icon(isNew ? "messages-square" : "message-circle")),
      h(
        "h2",
        {},
        isNew ? interpolate(gettext("Welcome, %(name)s"), { name: store.me.name }) : gettext("Pick a conversation"),
      ),
      h("p", {}, isNew ? gettext("Conversations stand on the side, and open here.") : gettext("Or begin a new one.")),
      h(
        "div",
        { class: "tiles" },
        steps(this.#context, false).map(({ label, icon: name, run }) =>
          h("button", { type: "button", class: "tile", on: { click: run } }, icon(name), label),
        ),
      ),
      h(
        "ul",
        { class: "hints" },
        HINTS.map(([name, text]) => h("li", {}, icon(name), text)),
      ),
    ]);
  }
}

const HINTS = [
  ["send-horizontal", gettext("Enter sends, Shift+Enter begins a new line.")],
  ["image", gettext("Pictures and files: paste them, or drop them into a conversation.")],
  ["undo-2", gettext("Right-click a message, or hold it, to answer, edit or recall it.")],
];
