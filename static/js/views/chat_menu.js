// What can be done with a chat: from its row in the list and from its head.
import { gettext, interpolate } from "chat/i18n.js";
import { chatPath } from "chat/ids.js";
import { toast } from "chat/views/dom.js";
import { clock } from "chat/views/format.js";
import { LEVELS } from "chat/views/levels.js";
import { openMenu } from "chat/views/menu.js";

const HOUR_SECONDS = 3600;
const MUTE_LENGTHS = [
  [gettext("For an hour"), "clock", HOUR_SECONDS],
  [gettext("For 8 hours"), "moon", 8 * HOUR_SECONDS],
  [gettext("Until I turn it on again"), "bell-off", null],
];

/**
 * `at` is where the menu opens: {x, y}, or a box. `find()` opens the search in the chat, `goToDay()` asks for
 * a day, and `openShelf()` shows its pictures and files; only an open chat has them.
 */
export function openChatMenu(
  anchor,
  chat,
  { store, actions, find, goToDay, openShelf },
  at = anchor.getBoundingClientRect(),
) {
  const run = (work) => work.catch((problem) => toast(problem.message));
  const mute = (muted, seconds) => run(actions.chats.mute(chat, { muted, seconds }));
  const chooseLength = () =>
    openMenu(
      anchor,
      [
        { heading: gettext("Mute") },
        ...MUTE_LENGTHS.map(([label, icon, seconds]) => ({ label, icon, run: () => mute(true, seconds) })),
      ],
      at,
    );
  const chooseLevel = () =>
    openMenu(
      anchor,
      [
        { heading: gettext("What notifies me here") },
        { label: asElsewhere(chat, store), icon: "bell", level: null },
        ...LEVELS,
      ].map((item) =>
        item.heading
          ? item
          : { ...item, checked: chat.level === item.level, run: () => run(actions.chats.setLevel(chat, item.level)) },
      ),
      at,
    );
  // A chat without messages has no settings.
  const settings = chat.isBlank
    ? []
    : [
        chat.pinned
          ? { label: gettext("Unpin"), icon: "pin-off", run: () => run(actions.chats.pin(chat, false)) }
          : { label: gettext("Pin to the top"), icon: "pin", run: () => run(actions.chats.pin(chat, true)) },
        chat.muted
          ? { label: unmuteLabel(chat), icon: "bell", run: () => mute(false) }
          : { label: gettext("Mute…"), icon: "bell-off", run: chooseLength },
        { label: gettext("What notifies me…"), icon: "bell-ring", run: chooseLevel },
        chat.archived
          ? {
              label: gettext("Back to the list"),
              icon: "archive-restore",
              run: () => run(actions.chats.archive(chat, false)),
            }
          : { label: gettext("Archive"), icon: "archive", run: () => run(actions.chats.archive(chat, true)) },
      ];
  openMenu(
    anchor,
    [
      find && !chat.isBlank && { label: gettext("Search in this conversation"), icon: "search", run: find },
      goToDay && !chat.isBlank && { label: gettext("Go to a day…"), icon: "calendar", run: goToDay },
      openShelf && !chat.isBlank && { label: gettext("Pictures, files, links"), icon: "image", run: openShelf },
      ...settings,
      chat.unreadCount > 0 || chat.markedUnread
        ? {
            label: gettext("Mark as read"),
            icon: "check-check",
            run: () => actions.chats.markRead(chat.key, chat.seq),
          }
        : !chat.isBlank &&
          !chat.isSaved && {
            label: gettext("Mark as unread"),
            icon: "mail",
            run: () => run(actions.chats.markUnread(chat)),
          },
      chat.type === "group" && absenceItem(chat, (verb) => run(actions.groups.change(verb, chat.id))),
      {
        label: gettext("Open in a new tab"),
        icon: "external-link",
        run: () => window.open(chatPath(chat.key), "_blank", "noopener"),
      },
    ],
    at,
  );
}

function absenceItem(chat, change) {
  return chat.away
    ? { label: gettext("Return"), icon: "log-in", run: () => change("return") }
    : { label: gettext("Leave for a while"), icon: "coffee", run: () => change("tempLeave") };
}

function unmuteLabel({ mutedUntil }) {
  if (!mutedUntil) return gettext("Unmute");
  return interpolate(gettext("Unmute (quiet until %(time)s)"), { time: clock(new Date(mutedUntil)) });
}

/** The choice of no level for a chat, with the default that counts then. */
function asElsewhere({ type }, { notifying }) {
  const level = type === "group" ? notifying.groupLevel : notifying.privateLevel;
  return interpolate(gettext("As everywhere: %(level)s"), { level: LEVELS.find((one) => one.level === level).label });
}
