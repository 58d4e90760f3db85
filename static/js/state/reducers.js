// What each event of the server does to the store. Every one may come twice, late, or not at all.
import { gettext } from "chat/i18n.js";
import { chatKey } from "chat/ids.js";

/** The key of the chat a message belongs to, seen by the person `me`. */
export function keyOf(message, me) {
  if (message.groupId) return chatKey("group", message.groupId);
  return chatKey("private", message.senderId === me ? message.receiverId : message.senderId);
}

function takeMessage(store, message) {
  const key = keyOf(message, store.me.id);
  const isOwn = message.senderId === store.me.id;
  if (!store.chats.has(key)) {
    const type = message.groupId ? "group" : "private";
    const id = message.groupId ?? (isOwn ? message.receiverId : message.senderId);
    const known = isOwn ? store.people.get(id) : { name: message.senderName, img: message.senderImg };
    store.introduce(type, { id, name: type === "private" ? (known?.name ?? "") : "", img: type === "private" ? (known?.img ?? "") : "" });
    store.touch("stale");
  }
  const chat = store.chats.get(key);
  chat.isBlank = false;
  const timeline = store.timelines.get(key);
  if (timeline?.isLoaded && timeline.put(message) === "gap") store.touch("behind");
  if (store.quoted.has(message.id)) store.quoted.set(message.id, message);
  // Nobody looks at it: it is loaded when somebody does, from his first unread message on.
  if (timeline?.isLarge && key !== store.openKey) store.timelines.delete(key);
  if (message.recalledAt) store.dropLocal(message.clientId);
  if (isOwn && message.clientId) store.unqueue(message.clientId);
  else store.stopTyping(key, message.senderId);
  if (message.seq > chat.seq) {
    chat.seq = message.seq;
    chat.lastMessage = message;
    if (!isOwn && message.seq > chat.readSeq) chat.unreadCount += 1;
    if (!isOwn) takeSender(store, message);
  } else if (chat.lastMessage?.id === message.id && message.version >= chat.lastMessage.version) {
    chat.lastMessage = message;
  }
  if (message.type === "system") store.touch(`members:${key}`);
  store.advance(key, message.version);
  store.touch("chats", `timeline:${key}`);
}

/** What was said last shows its sender as he is now, though one may have missed how he became it. */
function takeSender(store, { senderId: id, senderName: name, senderImg: img }) {
  const known = store.people.get(id);
  if (known?.name !== name || known?.img !== img) store.takePerson({ id, name, img });
}

/** Somebody else's read cursor moved, which turns ticks. */
function takeRead(store, { type, id, userId, readSeq, previousSeq }) {
  const key = chatKey(type, id);
  const chat = store.chats.get(key);
  if (!chat || userId === store.me.id) return;
  if (type === "private") {
    if (readSeq > (chat.peerReadSeq ?? 0)) store.patchChat(key, { peerReadSeq: readSeq });
    return;
  }
  const timeline = store.timelines.get(key);
  if (!timeline?.isLoaded) return;
  // The same cursor may be heard of twice; what it already counted must not count again.
  chat.readCursors ??= new Map();
  const from = Math.max(previousSeq, chat.readCursors.get(userId) ?? 0);
  if (readSeq <= from) return;
  chat.readCursors.set(userId, readSeq);
  for (const message of timeline.between(from + 1, readSeq)) {
    if (message.senderId !== userId) timeline.update(message.seq, { readCount: Math.min(message.readCount + 1, chat.memberCount - 1) });
  }
  store.touch(`timeline:${key}`);
}

function takeCount(store, key, { unreadCount, lastMessage }) {
  const chat = store.chats.get(key);
  if (!chat) {
    if (unreadCount) store.touch("stale");
    return;
  }
  // Counted before the server heard what was read here meanwhile.
  const isReadHere = lastMessage?.seq != null && lastMessage.seq <= chat.readSeq;
  if (lastMessage?.id && lastMessage.seq > chat.seq) {
    chat.seq = lastMessage.seq;
    chat.lastMessage = lastMessage;
  }
  const isAllRead = unreadCount === 0 && lastMessage?.seq > chat.readSeq;
  store.patchChat(key, { unreadCount: isReadHere ? 0 : unreadCount, ...(isAllRead && { readSeq: lastMessage.seq }) });
}

function takeCounts(store, { private: people, group: groups }) {
  const counts = new Map([
    ...people.map((entry) => [chatKey("private", entry.senderId), entry]),
    ...groups.map((entry) => [chatKey("group", entry.groupId), entry]),
  ]);
  for (const key of store.chats.keys()) takeCount(store, key, counts.get(key) ?? { unreadCount: 0, lastMessage: null });
  if ([...counts.keys()].some((key) => !store.chats.has(key))) store.touch("stale");
}

function takeSync(store, { chats }) {
  for (const { type, id, version, limited, gone, messages } of chats) {
    if (gone) {
      const lost = store.chatById(id);
      if (lost) store.forget(lost.key);
      continue;
    }
    const key = chatKey(type, id);
    if (!store.chats.has(key)) {
      store.touch("stale");
      continue;
    }
    if (limited) {
      // Too far behind to fill in: what is loaded is given up, and an open conversation is fetched anew.
      store.timelines.delete(key);
      store.touch("stale", "open");
    }
    // In the order they were said: a change of an old message may stand anywhere in a page ordered by version.
    for (const message of messages.toSorted((one, other) => one.seq - other.seq)) takeMessage(store, message);
    store.settleVersion(key, version);
    store.touch("chats", `timeline:${key}`);
  }
}

function takeHeads(store, { heads }) {
  for (const [id, version] of Object.entries(heads ?? {})) {
    const chat = store.chatById(id);
    if (!chat || version === 0) store.touch("stale");
    else if (version > chat.version && !chat.away) store.advance(chat.key, version);
  }
}

function takeGroup(store, group) {
  const id = group.id ?? group.groupId;
  const key = chatKey("group", id);
  if (!store.chats.has(key)) {
    store.touch("stale");
    return;
  }
  const change = {};
  if (group.name != null) change.name = group.name;
  if (group.avatar != null) change.img = group.avatar;
  if (group.memberCount != null) change.memberCount = group.memberCount;
  if (group.role != null) change.role = group.role;
  if (group.away != null) change.away = group.away;
  // What is told to a whole group leaves out what differs from member to member.
  const said = Object.fromEntries(Object.entries(group).filter(([, value]) => value !== null));
  if (store.groups.has(id)) store.groups.set(id, { ...store.groups.get(id), ...said, id });
  store.patchChat(key, change);
  store.touch(`group:${key}`, "open");
}

/** Somebody came, went, or changed seats; the rest of it is in the group's system line. */
function takeMembership(store, data) {
  const group = data.group ?? data;
  const key = chatKey("group", group.groupId ?? group.id);
  if (!store.chats.has(key)) store.touch("stale");
  else store.touch("stale", `members:${key}`);
}

function takeLeave(store, data) {
  const key = chatKey("group", data.groupId);
  if (data.userId === store.me.id || data.user?.id === store.me.id) store.forget(key);
  else takeMembership(store, data);
}

/** A new name or picture is seen everywhere at once: in the list, on what was said, among a group's members. */
function takeUser(store, user) {
  if (user.id === store.me.id) store.me = { ...store.me, ...user };
  store.takePerson(user);
  store.patchChat(chatKey("private", user.id), { name: user.name, img: user.img });
  for (const [id, group] of store.groups) {
    if (!group.members?.some((member) => member.id === user.id)) continue;
    const members = group.members.map((member) => (member.id === user.id ? { ...member, name: user.name, img: user.img } : member));
    store.groups.set(id, { ...group, members });
    store.touch(`group:${chatKey("group", id)}`);
  }
  for (const key of store.timelines.keys()) store.touch(`timeline:${key}`);
}

export const REDUCERS = {
  OnPrivate: takeMessage,
  OnGroupMsg: takeMessage,
  OnRecall: takeMessage,
  OnEdit: takeMessage,
  OnRead: takeRead,
  OnSync: takeSync,
  OnUnreadCount: takeCounts,
  unreadCountUpdate: (store, data) => takeCount(store, chatKey("private", data.senderId), data),
  groupUnreadUpdate: (store, data) => takeCount(store, chatKey("group", data.groupId), data),
  SocketHeartBeat: takeHeads,
  OnUserStatus: (store, { userId, ...rest }) => store.takePerson({ id: userId, ...rest }),
  OnUserUpdate: takeUser,
  OnlineUsersList: (store, { userList }) => userList.forEach((user) => store.takePerson({ ...user, online: true })),
  OnTyping: (store, { type, id, userId }) => {
    const key = chatKey(type, id);
    if (userId !== store.me.id && store.chats.has(key)) store.hearTyping(key, userId, store.people.get(userId)?.name ?? gettext("Somebody"));
  },
  OnGroupUpdate: takeGroup,
  OnChatUpdate: (store, { type, id, ...settings }) => store.takeSettings(chatKey(type, id), settings),
  OnGroupWelcomeJoin: takeMembership,
  OnTempLeaveGroup: takeMembership,
  OnGroupLeave: takeLeave,
  OnKicked: (store, { groupId, userId }) => {
    if (!userId || userId === store.me.id) store.forget(chatKey("group", groupId));
    else store.touch("stale");
  },
};
