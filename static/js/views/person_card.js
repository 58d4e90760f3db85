// A small card about a person: name, picture, presence, and what can be done.
import { gettext, interpolate } from "chat/i18n.js";
import { chatKey } from "chat/ids.js";
import { livingStatus } from "chat/statuses.js";
import { openDialog } from "chat/views/dialog.js";
import { avatar, besideName, h, icon, markedName, replaceIfChanged, statusWords } from "chat/views/dom.js";
import { lastSeen, moment } from "chat/views/format.js";
import { lazy } from "chat/views/lazy.js";

/**
 * The buttons in order: each function returns {label, icon, run}, or false if its action does not
 * apply.
 */
const ACTIONS = [
  ({ user, store, actions, router }) =>
    store.openKey !== chatKey("private", user.id) && {
      label: gettext("Send a message"),
      icon: "message-circle",
      run: () => router.go(actions.chats.withPerson(user)),
    },
  ({ user, store, actions, router }) => {
    const key = chatKey("private", user.id);
    const chat = store.chats.get(key);
    return (
      chat &&
      !chat.isBlank && {
        label: gettext("Pictures, files, links"),
        icon: "image",
        run: async () => (await lazy.shelf()).openShelfPanel({ store, actions, router, key }),
      }
    );
  },
];

export function openPersonCard({ store, actions, router, user: known }) {
  const face = h("div", { class: "person-card" });
  const person = () => ({ ...known, ...store.people.get(known.id) });
  const stop = store.on("people", () => show());
  const buttons = ACTIONS.map((action) => action({ user: person(), store, actions, router }))
    .filter(Boolean)
    .map(({ label, icon: name, run }) => {
      const click = () => {
        close();
        run();
      };
      return h("button", { type: "button", class: "button primary", on: { click } }, icon(name), label);
    });
  const { heading, close } = openDialog("", { kind: "card", content: [face], buttons, onClose: stop });

  function show() {
    const user = person();
    const isOnline = store.isOnline(user.id);
    const status = isOnline ? gettext("online") : lastSeen(user.lastActive);
    heading.replaceChildren(markedName(user));
    const said = livingStatus(user.status);
    const end = said?.until && interpolate(gettext("until %(time)s"), { time: moment(new Date(said.until)) });
    replaceIfChanged(face, JSON.stringify([user.name, user.img, besideName(user), status, end]), () => [
      avatar({ ...user, type: "private", online: isOnline }, "xxl"),
      h("p", { class: "person-name", "aria-hidden": "true" }, markedName({ ...user, status: null })),
      said && h("p", { class: "person-status" }, h("bdi", {}, statusWords(said)), end && h("small", {}, ` ${end}`)),
      h("p", { class: isOnline ? "lively" : "" }, status),
    ]);
  }
  show();
}
