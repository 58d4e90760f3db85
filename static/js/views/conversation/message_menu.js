// The menu of a message: react, reply, forward, copy, download, select, edit, pin, mark unread, readers, delete, recall.
import { gettext, interpolate } from "chat/i18n.js";
import { chatPath, newId } from "chat/ids.js";
import { isAdmin } from "chat/roles.js";
import { serverNow } from "chat/timing.js";
import { copy } from "chat/views/clipboard.js";
import { confirm } from "chat/views/dialog.js";
import { QUICK, showReacted } from "chat/views/conversation/reactions.js";
import { hideMessages } from "chat/views/conversation/selection.js";
import { h, toast } from "chat/views/dom.js";
import { lazy } from "chat/views/lazy.js";
import { openMenu } from "chat/views/menu.js";
import { typeOf } from "chat/views/types/registry.js";

/**
 * `at` is where the menu opens. `recallWindow` and `editWindow` are in milliseconds. `react(message, emoji)`,
 * `pickReaction(message)`, `reply(message)`, `forward(message)`, `select(message)`, `edit(message)` and
 * `showSender(message)` belong to the conversation.
 */
export function openMessageMenu(
  anchor,
  message,
  at,
  { store, actions, chat, recallWindow, editWindow, react, pickReaction, reply, forward, select, edit, showSender },
) {
  if (message.recalledAt) return;
  const isOwn = message.senderId === store.me.id;
  const isGroup = chat.type === "group";
  const type = typeOf(message);
  const text = type.plainText?.(store.withSender(message));
  const download = type.downloadUrl?.(message);
  const reactions = store.reactionsOn(message);
  const isMine = (emoji) => reactions.some((one) => one.emoji === emoji && one.isMine);
  const items = [
    {
      heading: gettext("React"),
      choices: [
        ...QUICK.map((emoji) => ({
          label: interpolate(gettext("React with %(emoji)s"), { emoji }),
          face: emoji,
          checked: isMine(emoji),
          run: () => react(message, emoji),
        })),
        { label: gettext("Another reaction"), icon: "smile", run: () => pickReaction(message) },
      ],
    },
    store.mayWrite(chat) && { label: gettext("Reply"), icon: "reply", run: () => reply(message) },
    { label: gettext("Forward"), icon: "forward", run: () => forward(message) },
    !chat.isSaved && { label: gettext("Save for later"), icon: "bookmark", run: () => save(message, actions) },
    text && { label: gettext("Copy"), icon: "copy", run: () => copy(text) },
    { label: gettext("Link to this message"), icon: "link", run: () => copy(addressOf(message, chat)) },
    download && {
      label: gettext("Download"),
      icon: "download",
      run: () => h("a", { href: download, download: message.fileName ?? "" }).click(),
    },
    { label: gettext("Select"), icon: "square-check", run: () => select(message) },
    isOwn &&
      type.isEditable &&
      !message.forwardedFrom &&
      store.mayWrite(chat) &&
      isWithin(message, editWindow) && { label: editLabel(message), icon: "pencil", run: () => edit(message) },
    (isAdmin(chat) || !isGroup) && pinItem(message, chat, actions),
    !isOwn && {
      label: gettext("Mark unread from here"),
      icon: "mail",
      run: () => actions.chats.markUnread(chat, message.seq).catch((problem) => toast(problem.message)),
    },
    !isOwn &&
      isGroup && {
        label: interpolate(gettext("About %(name)s"), { name: store.withSender(message).senderName }),
        icon: "user",
        run: () => showSender(message),
      },
    !chat.isSaved && {
      label: gettext("Who has read it"),
      icon: "check-check",
      run: async () => (await lazy.readers()).openReaders(message, { store, actions }),
    },
    reactions.length > 0 && {
      label: gettext("Who reacted"),
      icon: "smile",
      run: () => showReacted(actions.messages.reactions(message), store),
    },
    { label: gettext("Delete for me"), icon: "eye-off", danger: true, run: () => hideMessages([message], actions) },
    mayRecall(message, { store, chat, recallWindow }) && {
      label: gettext("Recall"),
      icon: "undo-2",
      danger: true,
      run: () => recall(message, { isOwn, actions }),
    },
  ];
  openMenu(anchor, items, at);
}

/** Into the chat with myself, with who wrote it. */
async function save(message, actions) {
  try {
    await actions.messages.forward([message], [actions.chats.saved()], { withAuthor: true, clientId: newId() });
    toast(gettext("Saved for later."));
  } catch (problem) {
    toast(problem.message);
  }
}

/** A private chat has another address for each of the two: the message's own leads each of them to theirs. */
const addressOf = ({ id, seq }, { key, type }) =>
  new URL(type === "group" ? `${chatPath(key)}#${seq}` : `/chat/message/${id}/`, location.origin).href;

function pinItem(message, { pins }, actions) {
  const isPinned = pins.some(({ messageId }) => messageId === message.id);
  return {
    label: isPinned ? gettext("Unpin this message") : gettext("Pin this message"),
    icon: isPinned ? "pin-off" : "pin",
    run: () => actions.messages.pin(message, !isPinned).catch((problem) => toast(problem.message)),
  };
}

/** Whether a message can be deleted for everybody now. */
export const mayRecall = (message, { store, chat, recallWindow }) =>
  isAdmin(chat) || (message.senderId === store.me.id && isWithin(message, recallWindow));

/** Whether a message is younger than so many milliseconds. */
export const isWithin = (message, milliseconds) => serverNow() - Date.parse(message.sentAt) < milliseconds;

/** The menu of a message that waits to be sent. */
export function openPendingMenu(anchor, entry, at, { discard }) {
  const text = typeOf(entry).plainText?.(entry);
  openMenu(
    anchor,
    [
      text && { label: gettext("Copy"), icon: "copy", run: () => copy(text) },
      { label: gettext("Do not send"), icon: "trash-2", danger: true, run: () => discard(entry) },
    ],
    at,
  );
}

async function recall(message, { isOwn, actions }) {
  const isSure =
    isOwn ||
    (await confirm(gettext("Recall this message?"), gettext("It disappears for everybody in the group."), {
      action: gettext("Recall"),
    }));
  if (isSure) await actions.messages.recall(message).catch((problem) => toast(problem.message));
}

function editLabel(message) {
  if (typeOf(message).needsWords) return gettext("Edit");
  return message.content ? gettext("Edit the caption") : gettext("Add a caption");
}
