// What can be done with a whole conversation: from its row in the list, and from its head.
import { clock } from "chat/views/format.js";
import { fill, gettext } from "chat/i18n.js";
import { chatPath } from "chat/ids.js";
import { toast } from "chat/views/dom.js";
import { openMenu } from "chat/views/menu.js";

const HOUR = 3600;
const LENGTHS = [
  [gettext("For an hour"), "clock", HOUR],
  [gettext("For 8 hours"), "moon", 8 * HOUR],
  [gettext("Until I turn it on again"), "bell-off", null],
];

/** `at` is where the menu opens: {x, y}, or the box of what it belongs to. `find()` looks for words in the chat, where one can. */
export function openChatMenu(anchor, chat, { actions, find }, at = anchor.getBoundingClientRect()) {
  const run = (work) => work.catch((problem) => toast(problem.message));
  const mute = (muted, seconds) => run(actions.muteChat(chat, { muted, seconds }));
  const chooseLength = () => openMenu(
    anchor,
    [{ heading: gettext("Mute") }, ...LENGTHS.map(([label, icon, seconds]) => ({ label, icon, run: () => mute(true, seconds) }))],
    at,
  );
  // There is nothing to keep of a conversation that nobody has begun.
  const kept = chat.isBlank
    ? []
    : [
        chat.pinned
          ? { label: gettext("Unpin"), icon: "pin-off", run: () => run(actions.pinChat(chat, false)) }
          : { label: gettext("Pin to the top"), icon: "pin", run: () => run(actions.pinChat(chat, true)) },
        chat.muted
          ? { label: unmuteLabel(chat), icon: "bell", run: () => mute(false) }
          : { label: gettext("Mute…"), icon: "bell-off", run: chooseLength },
      ];
  openMenu(
    anchor,
    [
      find && !chat.isBlank && { label: gettext("Search in this conversation"), icon: "search", run: find },
      ...kept,
      chat.unreadCount > 0 && { label: gettext("Mark as read"), icon: "check-check", run: () => actions.markRead(chat.key, chat.seq) },
      chat.type === "group" && absence(chat, (verb) => run(actions.changeGroup(verb, chat.id))),
      { label: gettext("Open in a new tab"), icon: "external-link", run: () => window.open(chatPath(chat.key), "_blank", "noopener") },
    ],
    at,
  );
}

function absence(chat, change) {
  return chat.away
    ? { label: gettext("Return"), icon: "log-in", run: () => change("return") }
    : { label: gettext("Leave for a while"), icon: "coffee", run: () => change("tempLeave") };
}

function unmuteLabel({ mutedUntil }) {
  if (!mutedUntil) return gettext("Unmute");
  return fill(gettext("Unmute (quiet until %(time)s)"), { time: clock(new Date(mutedUntil)) });
}
