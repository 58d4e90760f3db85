// What each event of the server changes in the store. An event may arrive twice, late, or not at
// all.
import { gettext } from "chat/i18n.js";
import { chatKey, chatKeyOf, splitKey } from "chat/ids.js";
import { isMentioned, unreadMention } from "chat/mentions.js";

/** Changes of a group that replace its invitation. */
const RENEWING = new Set(["removed", "policy"]);

/** What a group may have none of, for all of its members. */
const NULLABLE = new Set(["offeredTo", "announcement"]);

/** Only what another person said, and has not recalled. */
export const countsAsUnread = (message, me) =>
  message.senderId !== me.id && message.type !== "system" && !message.recalledAt && !message.hidden;

function applyMessage(store, message) {
  const key = chatKeyOf(message, store.me.id);
  const isOwn = message.senderId === store.me.id;
  if (!store.chats.has(key)) {
    const type = message.groupId ? "group" : "private";
    const id = message.groupId ?? (isOwn ? message.receiverId : message.senderId);
    const known = isOwn ? store.people.get(id) : sentBy(message);
    store.ensureChat(type, {
      id,
      name: type === "private" ? (known?.name ?? "") : "",
      img: type === "private" ? (known?.img ?? "") : "",
      ...(type === "private" && { isGuest: known?.isGuest, isStaff: known?.isStaff }),
    });
    store.markStale(id);
  }
  const chat = store.chats.get(key);
  const timeline = store.timelines.get(key);
  // Of a chat that is new here nothing is missing: what is loaded of it from now on includes this message.
  if (chat.isBlank && !timeline?.isLoaded) chat.version = Math.max(chat.version, message.version - 1);
  chat.isBlank = false;
  if (timeline?.isLoaded && timeline.put(message) === "gap") store.notify("behind");
  // What is not there for me does not come back by a change of it.
  if (store.quoted.get(message.id)) store.quoted.set(message.id, message);
  // A large timeline that is not shown is dropped; opening the chat loads it from the first unread
  // message.
  if (timeline?.isLarge && key !== store.openKey) store.timelines.delete(key);
  if (message.recalledAt) {
    store.removeLocalFile(message.clientId);
    const pins = chat.pins?.filter(({ messageId }) => messageId !== message.id);
    if (pins?.length < chat.pins?.length)
      store.setPins({ type: chat.type, id: chat.id, version: message.version, pins });
  }
  if (isOwn && message.clientId) store.removePending(message.clientId);
  if (isOwn && message.type !== "system") store.noteSaid(key, message.sentAt);
  if (message.seq > chat.seq) {
    bringBack(chat, message);
    if (!isOwn) store.stopTyping(key, message.senderId);
    chat.seq = message.seq;
    chat.lastMessage = message;
    if (countsAsUnread(message, store.me) && message.seq > chat.readSeq) {
      chat.unreadCount += 1;
      if (isMentioned(message, store.me.id)) chat.mentionSeq = unreadMention(chat) ?? message.seq;
    }
    if (!isOwn) mergeSender(store, message);
  } else if (chat.lastMessage?.id === message.id && message.version >= chat.lastMessage.version) {
    chat.lastMessage = message;
  }
  // An unread message that was changed may mention me now, or no more.
  const isChanged = message.seq > chat.readSeq && Boolean(message.editedAt || message.recalledAt);
  if (isChanged && (unreadMention(chat) || isMentioned(message, store.me.id))) store.markStale(chat.id);
  if (message.type === "system") {
    store.notify(`members:${key}`);
    if (RENEWING.has(message.system?.action)) store.forgetInvitation(message.groupId);
  }
  // What was said before I joined is there now.
  if (message.system?.action === "history" && message.system.name === "whole" && chat.firstSeq > 1) {
    if (timeline) timeline.hasOlder ||= timeline.first > 1;
    store.markStale(chat.id);
  }
  store.advanceVersion(key, message.version);
  store.notify("chats", `timeline:${key}`);
}

/** What somebody says brings an archived chat back, unless it is muted. */
function bringBack(chat, message) {
  if (message.type === "system") return;
  chat.saidSeq = message.seq;
  if (!chat.muted) chat.archived = false;
}

/**
 * The newest message carries its sender's current name and picture; the event that changed them may
 * have been missed.
 */
function mergeSender(store, message) {
  const known = store.people.get(message.senderId);
  const sender = sentBy(message);
  if (Object.entries(sender).some(([name, value]) => known?.[name] !== value))
    store.mergePerson({ id: message.senderId, ...sender });
}

/** What a message says of its sender. */
const sentBy = (message) => ({
  name: message.senderName,
  img: message.senderImg,
  isGuest: message.senderIsGuest,
  isStaff: message.senderIsStaff,
});

/** I deleted messages for myself, here or on another device. */
function applyHide(store, { type, id, messageIds, hiddenCount, unreadCount, mentionSeq, lastMessage }) {
  const key = chatKey(type, id);
  const chat = store.chats.get(key);
  if (!chat) return;
  store.hideMessages(key, messageIds);
  // An earlier answer that comes later.
  if (hiddenCount < (chat.hiddenCount ?? 0)) return;
  store.patchChat(key, {
    hiddenCount,
    mentionSeq,
    unreadCount: chat.readSeq >= chat.seq ? 0 : unreadCount,
    ...(messageIds.includes(chat.lastMessage?.id) && { lastMessage }),
  });
}

/** Another member's read cursor moved: updates ticks and read counts. */
function applyRead(store, { type, id, userId, readSeq, previousSeq }) {
  const key = chatKey(type, id);
  const chat = store.chats.get(key);
  if (!chat || userId === store.me.id) return;
  if (type === "private") {
    if (readSeq > (chat.peerReadSeq ?? 0)) store.patchChat(key, { peerReadSeq: readSeq });
    return;
  }
  const timeline = store.timelines.get(key);
  if (!timeline?.isLoaded) return;
  // The same cursor may arrive twice; messages it already counted are not counted again.
  chat.readCursors ??= new Map();
  const from = Math.max(previousSeq, chat.readCursors.get(userId) ?? 0);
  if (readSeq <= from) return;
  chat.readCursors.set(userId, readSeq);
  for (const message of timeline.between(from + 1, readSeq)) {
    if (message.senderId !== userId)
      timeline.update(message.seq, { readCount: Math.min(message.readCount + 1, chat.memberCount - 1) });
  }
  store.notify(`timeline:${key}`);
}

function applyUnreadCount(store, key, { unreadCount, lastMessage }) {
  const chat = store.chats.get(key);
  if (!chat) {
    if (unreadCount) store.markStale(splitKey(key).id);
    return;
  }
  // Counted before the server received what this page has read meanwhile.
  const isReadHere = lastMessage?.seq != null && lastMessage.seq <= chat.readSeq;
  if (lastMessage?.id && lastMessage.seq > chat.seq) {
    bringBack(chat, lastMessage);
    chat.seq = lastMessage.seq;
    chat.lastMessage = lastMessage;
  }
  const isAllRead = unreadCount === 0 && lastMessage?.seq > chat.readSeq;
  // Read elsewhere: perhaps also the message that mentions me.
  if (unreadCount && unreadCount < chat.unreadCount && unreadMention(chat)) store.markStale(chat.id);
  if (!unreadCount) store.patchChat(key, { mentionSeq: null, ...(lastMessage && { markedUnread: false }) });
  store.patchChat(key, { unreadCount: isReadHere ? 0 : unreadCount, ...(isAllRead && { readSeq: lastMessage.seq }) });
}

/** I marked a chat unread: where it is open, it stays so until it is opened again. */
function applyMarkedUnread(store, { type, id, ...marked }) {
  const key = chatKey(type, id);
  const chat = store.chats.get(key);
  if (!chat) store.markStale(id);
  else if (marked.timesBack > (chat.timesBack ?? 0))
    store.patchChat(key, { ...marked, isHeldUnread: key === store.openKey });
}

function applyUnreadCounts(store, { private: people, group: groups }) {
  const counts = new Map([
    ...people.map((entry) => [chatKey("private", entry.senderId), entry]),
    ...groups.map((entry) => [chatKey("group", entry.groupId), entry]),
  ]);
  for (const key of store.chats.keys())
    applyUnreadCount(store, key, counts.get(key) ?? { unreadCount: 0, lastMessage: null });
  // Until the whole list is here, it is on its way, and younger than these counts.
  for (const key of store.hasChatList ? counts.keys() : [])
    if (!store.chats.has(key)) store.markStale(splitKey(key).id);
}

function applySync(store, { epoch, chats }) {
  store.doubtReactions(); // an event about them may have been missed, too
  if (!store.acceptEpoch(epoch)) return;
  for (const { type, id, version, limited, gone, messages, pins, hiddenCount, hiddenIds, ...rules } of chats) {
    if (gone) {
      const left = store.chatById(id);
      if (left) store.removeChat(left.key);
      continue;
    }
    const key = chatKey(type, id);
    if (!store.chats.has(key)) {
      store.markStale(id);
      continue;
    }
    if (limited) {
      // Too much is missing: the loaded messages are dropped, and an open chat is loaded again.
      store.timelines.delete(key);
      store.markStale(id);
      store.notify("open");
    }
    // In sending order: the page is ordered by version, so a changed old message may stand anywhere
    // in it.
    for (const message of messages.toSorted((one, other) => one.seq - other.seq)) applyMessage(store, message);
    store.setPins({ type, id, version, pins });
    store.setRules(key, rules);
    store.patchChat(key, { joinRequests: rules.joinRequests });
    store.hideMessages(key, hiddenIds);
    if (hiddenIds.length) store.markStale(id); // the list tells which message is the last one now
    store.patchChat(key, { hiddenCount: Math.max(hiddenCount, store.chats.get(key).hiddenCount ?? 0) });
    store.settleVersion(key, version);
    store.notify("chats", `timeline:${key}`);
  }
}

/** Other messages of a chat are pinned. */
function applyPins(store, said) {
  const key = chatKey(said.type, said.id);
  if (!store.chats.has(key)) {
    store.markStale(said.id);
    return;
  }
  store.setPins(said);
  store.advanceVersion(key, said.version);
}

function applyHeads(store, { epoch, heads }) {
  if (!store.acceptEpoch(epoch)) return;
  for (const [id, version] of Object.entries(heads ?? {})) {
    const chat = store.chatById(id);
    if (!chat || version === 0) store.markStale(id);
    else if (version > chat.version && !chat.away) store.advanceVersion(chat.key, version);
  }
}

function applyGroup(store, group) {
  const id = group.id ?? group.groupId;
  const key = chatKey("group", id);
  if (!store.chats.has(key)) {
    store.markStale(id);
    return;
  }
  const change = {};
  if (group.name != null) change.name = group.name;
  if (group.avatar != null) change.img = group.avatar;
  if (group.memberCount != null) change.memberCount = group.memberCount;
  if (group.role != null) change.role = group.role;
  if (group.away != null) change.away = group.away;
  // An event for the whole group has null where the value differs from member to member.
  const shared = Object.fromEntries(
    Object.entries(group).filter(([name, value]) => value !== null || NULLABLE.has(name)),
  );
  if (group.postPolicy != null) store.setRules(key, group);
  if (store.groups.has(id)) store.groups.set(id, { ...store.groups.get(id), ...shared, id });
  store.patchChat(key, change);
  store.notify(`group:${key}`, "open");
}

/** A member joined, left or changed roles; the group's system message says which. */
function applyMembership(store, data) {
  const group = data.group ?? data;
  const id = group.groupId ?? group.id;
  store.markStale(id);
  store.notify(`members:${chatKey("group", id)}`);
}

function applyLeave(store, data) {
  const key = chatKey("group", data.groupId);
  if (data.userId === store.me.id || data.user?.id === store.me.id) store.removeChat(key);
  else applyMembership(store, data);
}

/**
 * A new name or picture shows everywhere at once: in the list, on messages, among a group's
 * members.
 */
function applyUser(store, user) {
  if (user.id === store.me.id) store.me = { ...store.me, ...user };
  store.mergePerson(user);
  const { name, img, isGuest, isStaff, isGone, status } = user;
  if (user.id !== store.me.id)
    store.patchChat(chatKey("private", user.id), { name, img, isGuest, isStaff, isGone, status });
  for (const [id, group] of store.groups) {
    if (!group.members?.some((member) => member.id === user.id)) continue;
    const members = group.members.map((member) =>
      member.id === user.id ? { ...member, name, img, isGuest, isStaff, isGone, status } : member,
    );
    store.groups.set(id, { ...group, members });
    store.notify(`group:${chatKey("group", id)}`);
  }
  for (const key of store.timelines.keys()) store.notify(`timeline:${key}`);
}

export const REDUCERS = {
  OnUserConnect: (store, { epoch, notifying }) => {
    store.acceptEpoch(epoch);
    store.setNotifying(notifying);
  },
  OnPreferences: (store, notifying) => store.setNotifying(notifying),
  OnPrivate: applyMessage,
  OnGroupMsg: applyMessage,
  OnRecall: applyMessage,
  OnEdit: applyMessage,
  OnReaction: (store, message) => {
    store.keepOwnReactions(chatKeyOf(message, store.me.id), message);
    applyMessage(store, message);
  },
  OnOwnReactions: (store, own) => store.setOwnReactions([own.messageId], [own]),
  OnPin: applyPins,
  OnMarkUnread: applyMarkedUnread,
  OnHide: applyHide,
  OnRead: applyRead,
  OnSync: applySync,
  OnUnreadCount: applyUnreadCounts,
  unreadCountUpdate: (store, data) => applyUnreadCount(store, chatKey("private", data.senderId), data),
  groupUnreadUpdate: (store, data) => applyUnreadCount(store, chatKey("group", data.groupId), data),
  SocketHeartBeat: applyHeads,
  OnUserStatus: (store, { userId, ...rest }) => store.mergePerson({ id: userId, ...rest }),
  OnUserUpdate: applyUser,
  OnlineUsersList: (store, { userList }) => userList.forEach((user) => store.mergePerson({ ...user, online: true })),
  OnTyping: (store, { type, id, userId }) => {
    const key = chatKey(type, id);
    if (userId !== store.me.id && store.chats.has(key))
      store.startTyping(key, userId, store.people.get(userId)?.name ?? gettext("Somebody"));
  },
  OnGroupUpdate: applyGroup,
  OnGroupTransfer: (store, { groupId, state }) => {
    if (state !== "accepted") return;
    store.markStale(groupId);
    store.notify(`members:${chatKey("group", groupId)}`);
  },
  OnGroupRequest: (store, { groupId, user, state, waiting }) => {
    const key = chatKey("group", groupId);
    if (waiting !== null) store.patchChat(key, { joinRequests: waiting });
    if (user.id === store.me.id && state === "accepted") store.markStale(groupId);
    store.notify(`requests:${key}`);
  },
  OnChatUpdate: (store, { type, id, ...settings }) => store.setSettings(chatKey(type, id), settings),
  OnGroupWelcomeJoin: applyMembership,
  OnTempLeaveGroup: applyMembership,
  OnGroupLeave: applyLeave,
  OnKicked: (store, { groupId, userId }) => {
    if (!userId || userId === store.me.id) store.removeChat(chatKey("group", groupId));
    else store.markStale(groupId);
  },
};
