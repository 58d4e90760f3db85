// The one door to the server: every route and socket event that the page uses, each as a named
// method. Shapes, limits and error codes are those of docs/api.md. Methods reject with a Problem or
// a SocketError; both have a `code` and a `message`.
import { splitKey } from "chat/ids.js";
import { Api } from "chat/net/api.js";
import { Socket } from "chat/net/socket.js";

/** People or groups that a list shows at once; without a limit the server sends all of them. */
const MEMBERS_PAGE = 50;
const LIST_MAX = 50;
/** Chats of one answer. */
export const CHATS_PAGE = 100;
const REACTED_MAX = 200;

/** Chats of which a frame of the socket, 64 KiB, can name the versions. */
const FRAME_CHATS_MAX = 1000;

export class Server {
  #api;
  #socket;
  #onEvent;

  /**
   * `onEvent(event, data)`, `onConnected()` after the server's greeting, `onDisconnected()`,
   * `onSignedOut()`.
   */
  constructor({ onEvent, onConnected, onDisconnected, onSignedOut }) {
    this.#onEvent = onEvent;
    this.#api = new Api({ onSignedOut });
    this.#socket = new Socket(`${location.origin.replace(/^http/, "ws")}/ws/chat/?batch=1`, {
      onEvent,
      onConnected,
      onDisconnected,
      onSignedOut,
    });
  }

  // ── Connection ──────────────────────────────────────────────────────────
  connect() {
    this.#socket.start();
  }

  /** Connects now instead of at the next scheduled attempt. */
  connectNow() {
    this.#socket.connectNow();
  }

  disconnect() {
    this.#socket.stop();
  }

  // ── Chats ───────────────────────────────────────────────────────────────
  /** A page of the chat list, {items, next}: the first one, or the one at `next`. */
  chatPage(next) {
    return this.#api.postedPage(next ?? "/chatList", { limit: CHATS_PAGE });
  }

  /** The entries of my chats with these people and groups, at most CHATS_PAGE; where there is no chat, there is none. */
  chatsNamed(ids) {
    return this.#api.post("/chatList", { chatIds: ids });
  }

  /**
   * Asks for everything above these versions, for what was deleted for me beyond these counts, and for the unread
   * counts; the answers arrive as events.
   */
  requestSync(cursors, hidden) {
    if (Object.keys(cursors).length <= FRAME_CHATS_MAX) this.#socket.notify("EmitSync", { cursors, hidden });
    else
      this.#api.post("/sync", { cursors, hidden }).then(
        (changes) => this.#onEvent("OnSync", changes),
        () => {}, // the next greeting asks again
      );
    this.#socket.notify("EmitGetUnreadCount");
  }

  /** Resolves with {unreadCount}. */
  markRead({ type, id }, upTo) {
    if (type === "group") return this.#socket.request("EmitMarkGroupRead", { groupId: id, upTo });
    return this.#socket.request("EmitMarkPrivateRead", { senderId: id, upTo });
  }

  /** Resolves with {type, id, unreadCount, readSeq, timesBack, markedUnread, mentionSeq}. */
  markUnread({ type, id }, seq) {
    return this.#api.post("/chat/markUnread", { type, id, ...(seq && { seq }) });
  }

  archiveChat({ type, id }, archived) {
    return this.#api.post("/chat/archive", { type, id, archived });
  }

  pinChat({ type, id }, pinned) {
    return this.#api.post("/chat/pin", { type, id, pinned });
  }

  /** For `seconds`, or without them until further notice. */
  muteChat({ type, id }, { muted, seconds }) {
    return this.#api.post("/chat/mute", { type, id, muted, ...(seconds && { seconds }) });
  }

  /** `level`: all, mentions or nothing; null for my default. */
  setLevel({ type, id }, level) {
    return this.#api.post("/chat/level", { type, id, level });
  }

  /** What I have begun to write, in all chats: [{type, id, text, mentions, replyTo, revision, savedAt}]. */
  drafts() {
    return this.#api.get("/chat/drafts");
  }

  /** Resolves with the draft as it is kept; without text and `replyTo` there is none any more. */
  saveDraft({ type, id }, { text, mentions, replyTo }) {
    return this.#socket.request("EmitDraft", { type, id, text, mentions, replyTo });
  }

  /** Tells the other members that I am typing. Returns whether it was sent. */
  notifyTyping(key) {
    const { type, id } = splitKey(key);
    return this.#socket.notify("EmitTyping", type === "group" ? { groupId: id } : { toUid: id });
  }

  // ── Messages ────────────────────────────────────────────────────────────
  /**
   * One page of a chat's messages, oldest first; `cursor` is {before} or {after}, a seq, or empty
   * for the newest.
   */
  history(key, me, { limit, ...cursor }) {
    const { type, id } = splitKey(key);
    if (type === "group") return this.#api.get("/group/messages", { groupId: id, limit, ...cursor });
    return this.#api.get("/private/messages", { senderId: id, receiverId: me, limit, ...cursor });
  }

  quotedMessages(messageIds) {
    return this.#api.get("/message/quoted", { messageId: messageIds });
  }

  /** Resolves with {kinds}: a letter for each code unit, what it is in that language; "" if that is not known. */
  highlight(code, language) {
    return this.#api.post("/message/highlight", { code, language });
  }

  /** Places of a name, {latitude, longitude, name, address}, the best first. */
  findPlaces(name) {
    return this.#api.get("/place/search", { q: name });
  }

  /** Resolves with {address}, which is empty where it is not known. */
  addressOf({ latitude, longitude }) {
    return this.#api.get("/place/address", { latitude, longitude });
  }

  /** Messages that fit `query`, with `marks`, in all chats or in the chat `key`: {items, next}. */
  searchMessages(query, { key, limit }) {
    const { type, id } = key ? splitKey(key) : {};
    return this.#api.page("/message/search", {
      q: query,
      limit,
      chatId: id,
      isGroup: key && type === "group",
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
  }

  /** What a chat has of one kind ("media", "files", "links", "voice", "places"), newest first: {items, next}. */
  shelf(key, kind, { limit }) {
    const { type, id } = splitKey(key);
    return this.#api.page("/chat/shelf", { chatId: id, isGroup: type === "group", kind, limit });
  }

  /** The page that the `next` of an earlier one names. */
  nextPage(next) {
    return this.#api.page(next);
  }

  /** Resolves with the stored message; sending the same clientId again returns the same message. */
  sendMessage({ clientId, key, content, mentions, type, replyTo, mediaUrl, locationData }) {
    const { type: chatType, id } = splitKey(key);
    const [event, to] = chatType === "group" ? ["EmitGroupMsg", { groupId: id }] : ["EmitPrivate", { toUid: id }];
    const named = mentions?.length ? { mentions } : {};
    return this.#socket.request(event, { ...to, content, ...named, type, clientId, replyTo, mediaUrl, locationData });
  }

  /** Uploads the file of a message; `options` are {onProgress, signal}. */
  upload(mediaType, file, options) {
    return this.#api.upload("/upload", { mediaType, media: file }, options);
  }

  /** The first bytes of an uploaded file. */
  beginningOf(mediaUrl, bytes) {
    return this.#api.beginning(mediaUrl, bytes);
  }

  recall(messageId) {
    return this.#api.post("/message/recall", { messageId });
  }

  /** Deletes messages for me alone. Resolves with {chats}, each as it is shown now. */
  hideMessages(messageIds) {
    return this.#api.post("/message/hide", { messageIds });
  }

  /** Sends messages on to the chats with these keys. Resolves with {messages, held}. */
  forward(messageIds, keys, { withAuthor, clientId }) {
    const to = keys.map(splitKey).map(({ type, id }) => (type === "group" ? { groupId: id } : { toUid: id }));
    return this.#api.post("/message/forward", { messageIds, to, withAuthor, clientId });
  }

  edit(messageId, content, mentions) {
    return this.#api.post("/message/edit", { messageId, content, mentions });
  }

  /** Resolves with the message. By the socket, where it is open: what comes that way together is told together. */
  async react(messageId, emoji, on) {
    const reaction = { messageId, emoji, on };
    try {
      return await this.#socket.request("EmitReact", reaction);
    } catch (problem) {
      if (problem.code !== "offline") throw problem;
      return this.#api.post("/message/react", reaction);
    }
  }

  /** Pins a message for everybody in its chat, or unpins it. Resolves with {type, id, version, pins}. */
  pinMessage(messageId, pinned) {
    return this.#api.post("/message/pin", { messageId, pinned });
  }

  /** {items, next}: who reacted, {emoji, user}, mine first. */
  reactions(messageId) {
    return this.#api.page("/message/reactions", { messageId, limit: REACTED_MAX });
  }

  /** [{messageId, version, emoji}] */
  ownReactions(messageIds) {
    return this.#api.get("/message/reactions/mine", { messageId: messageIds });
  }

  addedPeople(messageId) {
    return this.#api.get("/message/people", { messageId });
  }

  /** A page of those who have read a message, or have not: {items, next}. */
  readers(messageId, { read, limit }) {
    return this.#api.page("/message/readers", { messageId, read, limit });
  }

  /** Resolves with {seq}: the first message of a day (2026-05-01) in a chat or since, or null. */
  firstOfDay(key, day) {
    const { type, id } = splitKey(key);
    return this.#api.get("/message/day", {
      chatId: id,
      isGroup: type === "group",
      day,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
  }

  // ── People and groups ───────────────────────────────────────────────────
  /** Watches the presence, name and picture of these users. Returns whether it was sent. */
  watchPresence(userIds) {
    return this.#socket.notify("EmitWatchPresence", { userIds });
  }

  people(search) {
    return this.#api.get("/userChatList", { search: search || null, limit: LIST_MAX });
  }

  person(id) {
    return this.#api.get(`/user/${encodeURIComponent(id)}`);
  }

  groups(search) {
    return this.#api.get("/group/allList", { search: search || null, limit: LIST_MAX });
  }

  myGroups() {
    return this.#api.get("/group/list");
  }

  members(groupId) {
    return this.#api.get(`/group/members/${groupId}`);
  }

  /** A page of a group's members, {items, next}: the first of those with `search` in their names, or the one at `next`. */
  memberPage(groupId, { search, next }) {
    if (next) return this.#api.page(next);
    return this.#api.page(`/group/members/${groupId}`, { search: search || null, limit: MEMBERS_PAGE });
  }

  createGroup({ name, memberIds, joinPolicy }) {
    return this.#api.post("/group/create", { name, memberIds, joinPolicy });
  }

  joinGroup(groupId, inviteCode) {
    return this.#api.post("/group/join", inviteCode ? { groupId, inviteCode } : { groupId });
  }

  /**
   * `verb`: update, invite, kick, setRole, transfer, transfer/accept, transfer/decline, request/accept, request/refuse,
   * add, remove, tempLeave, return, leave or dissolve.
   */
  changeGroup(verb, groupId, change = {}) {
    return this.#api.post(`/group/${verb}`, { groupId, ...change });
  }

  /** Resolves with {user, note, askedAt, state}. */
  askToJoin(groupId, note) {
    return this.#api.post("/group/request", { groupId, note });
  }

  withdrawRequest(groupId) {
    return this.#api.post("/group/request/withdraw", { groupId });
  }

  /** A page of those who ask to join, {items, next}. */
  joinRequests(groupId, { next, limit }) {
    return next ? this.#api.page(next) : this.#api.page(`/group/requests/${groupId}`, { limit });
  }

  /** For me, on all my devices. Resolves with my settings of the chat. */
  closeAnnouncement(groupId, version) {
    return this.#api.post("/group/closeAnnouncement", { groupId, version });
  }

  setGroupAvatar(groupId, file) {
    return this.#api.upload("/group/avatar", { groupId, media: file });
  }

  // ── My account ──────────────────────────────────────────────────────────
  me() {
    return this.#api.get("/me");
  }

  updateMe(change) {
    return this.#api.patch("/me", change);
  }

  setStatus(status) {
    return this.#api.post("/me/status", status);
  }

  clearStatus() {
    return this.#api.delete("/me/status");
  }

  setMyAvatar(file) {
    return this.#api.upload("/me/avatar", { media: file });
  }

  devices() {
    return this.#api.get("/me/sessions");
  }

  signOutDevice(id) {
    return this.#api.delete(`/me/sessions/${id}`);
  }

  signOutOtherDevices() {
    return this.#api.delete("/me/sessions");
  }

  // ── What notifies me ────────────────────────────────────────────────────
  preferences() {
    return this.#api.get("/me/notifications");
  }

  changePreferences(change) {
    return this.#api.patch("/me/notifications", change);
  }

  // ── Push ────────────────────────────────────────────────────────────────
  /** {key, isOn, showContent, otherDevices} */
  pushStatus() {
    return this.#api.get("/push");
  }

  subscribePush(subscription, { showContent }) {
    return this.#api.post("/push/subscribe", { ...subscription, showContent });
  }

  unsubscribePush() {
    return this.#api.post("/push/unsubscribe");
  }

  testPush() {
    return this.#api.post("/push/test");
  }
}
