// What a person can do. Views call these; these alone speak to the server.
import { Problem } from "chat/net/api.js";
import { gettext } from "chat/i18n.js";
import { chatKey, splitKey } from "chat/ids.js";

const PAGE = 50;
const FOUND = 20;
const QUOTED_AT_ONCE = 100;
const TYPING_EVERY = 3000;
const LIST_WAIT = 200;
const SYNC_WAIT = 250;
const WATCHED_AT_MOST = 500;

export class Actions {
  #store;
  #api;
  #socket;
  #outbox;
  #drafts;
  #archive;
  #loading = new Map();
  #typedAt = 0;
  #listTimer = 0;
  #syncTimer = 0;
  #watched = "";
  #followed = new Set();
  #memberTimer = 0;

  get me() {
    return this.#store.me;
  }

  constructor({ store, api, socket, outbox, drafts, archive, notifications }) {
    this.#store = store;
    this.#api = api;
    this.#socket = socket;
    this.#outbox = outbox;
    this.#drafts = drafts;
    this.#archive = archive;
    this.notifications = notifications;
    store.on("stale", () => {
      clearTimeout(this.#listTimer);
      this.#listTimer = setTimeout(() => this.loadList().catch(() => {}), LIST_WAIT);
    });
    // Events of one moment may arrive in another order; only what is still missing after it is asked for.
    store.on("behind", () => {
      clearTimeout(this.#syncTimer);
      this.#syncTimer = setTimeout(() => this.#store.isBehind && this.sync(), SYNC_WAIT);
    });
    store.on(["chats", "open"], () => this.watch());
  }

  // ── Staying up to date ─────────────────────────────────────────────────
  async loadList() {
    const askedAt = performance.now();
    this.#store.takeList(await this.#api.post("/chatList"), { askedAt });
  }

  sync() {
    this.#socket.tell("EmitSync", { cursors: this.#store.cursors });
    this.#socket.tell("EmitGetUnreadCount");
  }

  /** After every greeting of the server: what was missed is asked for, what waited is sent. */
  async reconnected() {
    // Asked with the whole list, a sync tells only what moved.
    const { isListed } = this.#store;
    if (isListed) this.sync();
    this.#watched = "";
    this.watch();
    this.#outbox.flush();
    await this.loadList().catch(() => {});
    if (!isListed && this.#store.isListed) this.sync();
    this.#store.touch(`timeline:${this.#store.openKey}`);
  }

  /** Those one can see, for their presence, names and pictures: the people of the list, and of the groups that were opened. */
  watch() {
    const { chats, openKey, groups } = this.#store;
    const ids = [...chats.values()].filter((chat) => chat.type === "private").map((chat) => chat.id);
    const opened = [groups.get(splitKey(openKey ?? "").id), ...groups.values()];
    ids.push(...opened.flatMap((group) => (group?.members ?? []).map((member) => member.id)));
    const userIds = [...new Set(ids)].filter((id) => id !== this.#store.me.id).slice(0, WATCHED_AT_MOST).sort();
    const watched = userIds.join();
    if (watched === this.#watched || !this.#socket.tell("EmitWatchPresence", { userIds })) return;
    this.#watched = watched;
  }

  // ── Reading ────────────────────────────────────────────────────────────
  /** Loads what an opened chat shows first: around its first unread message, or its end. */
  async openChat(key) {
    const timeline = this.#store.timeline(key);
    const chat = this.#store.chats.get(key);
    if (!chat || timeline.isLoaded || this.#loading.has(`around ${key}`)) return;
    if (chat.isBlank && chat.type === "private") {
      this.#replace(key, []);
      return;
    }
    const isFarBehind = chat.unreadCount > 0 && chat.seq - chat.readSeq > PAGE - 10;
    await (isFarBehind ? this.loadAround(key, chat.readSeq + 1) : this.loadEnd(key));
  }

  /** What a chat's page brought along, which is what `openChat` would have loaded. */
  takeOpening(key, page) {
    this.#replace(key, page);
  }

  loadEnd(key) {
    return this.#once(`end ${key}`, async () => this.#replace(key, await this.lastPage(key)));
  }

  lastPage(key) {
    return this.#history(key, {});
  }

  loadAround(key, seq) {
    return this.#once(`around ${key}`, async () => this.#replace(key, await this.#history(key, { before: seq + PAGE / 2 })));
  }

  loadOlder(key) {
    const timeline = this.#store.timeline(key);
    if (!timeline.isLoaded || !timeline.hasOlder) return undefined;
    return this.#once(`older ${key}`, async () => {
      const page = await this.#history(key, { before: timeline.first });
      timeline.prepend(page, { hasOlder: page.length > 0 && page[0].seq > 1 });
      this.#store.touch(`timeline:${key}`);
    });
  }

  loadNewer(key) {
    const timeline = this.#store.timeline(key);
    if (!timeline.isLoaded || timeline.atEnd) return undefined;
    return this.#once(`newer ${key}`, async () => {
      for (const message of await this.#history(key, { after: timeline.last })) timeline.put(message);
      this.#store.touch(`timeline:${key}`);
    });
  }

  #replace(key, page) {
    const timeline = this.#store.timeline(key);
    const head = Math.max(this.#store.chats.get(key)?.seq ?? 0, page.at(-1)?.seq ?? 0);
    timeline.replace(page, { head, hasOlder: page.length > 0 && page[0].seq > 1 });
    this.#store.touch(`timeline:${key}`, "chats");
  }

  async #history(key, cursor) {
    if (this.#store.isCopy) throw new Problem({ code: "offline", detail: gettext("The server cannot be reached."), status: 0 });
    const { type, id } = splitKey(key);
    if (type === "group") return this.#api.get("/group/messages", { groupId: id, limit: PAGE, ...cursor });
    return this.#api.get("/private/messages", { senderId: id, receiverId: this.#store.me.id, limit: PAGE, ...cursor });
  }

  /** The same question is not asked twice at a time. */
  #once(name, work) {
    if (!this.#loading.has(name)) this.#loading.set(name, work().finally(() => this.#loading.delete(name)));
    return this.#loading.get(name);
  }

  /** The messages that replies answer and that are not loaded; those that are not there are kept as null. */
  loadQuoted(ids) {
    const missing = ids.filter((id) => !this.#store.quoted.has(id) && !this.#loading.has(`quoted ${id}`)).slice(0, QUOTED_AT_ONCE);
    if (!missing.length) return;
    const asked = this.#api.get("/message/quoted", { messageId: missing }).then((found) => this.#store.takeQuoted(missing, found), () => {});
    for (const id of missing) this.#once(`quoted ${id}`, () => asked);
  }

  /** A page of messages that hold the words, in all chats or in that of `key`: {items, next}, `next` to go on with. */
  findMessages(query, { next = null, key = null }) {
    if (next) return this.#api.page(next);
    const { type, id } = key ? splitKey(key) : {};
    return this.#api.page("/message/search", { q: query, limit: FOUND, chatId: id, isGroup: key && type === "group" });
  }

  async markRead(key, upTo) {
    const chat = this.#store.chats.get(key);
    // Without a connection nothing is marked: the next look after the reconnect does it.
    if (!chat || upTo <= chat.readSeq || this.#store.connection !== "online") return;
    const readBefore = chat.readSeq;
    this.#store.patchChat(key, { readSeq: upTo, ...(upTo >= chat.seq && { unreadCount: 0 }) });
    const [event, who] = chat.type === "group" ? ["EmitMarkGroupRead", { groupId: chat.id }] : ["EmitMarkPrivateRead", { senderId: chat.id }];
    try {
      const { unreadCount } = await this.#socket.ask(event, { ...who, upTo });
      if (chat.readSeq === upTo) this.#store.patchChat(key, { unreadCount });
    } catch ({ code }) {
      if (code === "offline" && chat.readSeq === upTo) this.#store.patchChat(key, { readSeq: readBefore });
    }
  }

  // ── Writing ────────────────────────────────────────────────────────────
  send(key, content, replyTo = null) {
    if (!this.#begin(key)) return;
    this.#outbox.add({ key, content, replyTo });
    this.#typedAt = 0;
  }

  /** Whether the chat is still there: one may have been removed while one chose. */
  #begin(key) {
    const chat = this.#store.chats.get(key);
    if (chat) chat.isBlank = false;
    this.#socket.wake();
    return Boolean(chat);
  }

  /** A file, as `media/prepare.js` made it ready; `content` is its caption. */
  sendFile(key, { type, mediaType, file, shown }, content = "", replyTo = null) {
    if (!this.#begin(key)) return;
    this.#outbox.addFile({ key, type, mediaType, file, content, replyTo, shown });
  }

  sendPlace(key, locationData, replyTo = null) {
    if (!this.#begin(key)) return;
    this.#outbox.add({ key, type: "location", content: "", replyTo, locationData });
  }

  retry(clientId) {
    this.#outbox.retry(clientId);
  }

  discard(clientId) {
    this.#outbox.discard(clientId);
  }

  saveDraft(key, text) {
    this.#drafts.save(key, text);
  }

  typing(key) {
    if (performance.now() - this.#typedAt < TYPING_EVERY && this.#typedAt) return;
    const { type, id } = splitKey(key);
    if (!this.#store.chats.get(key).seq) return;
    if (this.#socket.tell("EmitTyping", type === "group" ? { groupId: id } : { toUid: id })) this.#typedAt = performance.now();
  }

  async recall(message) {
    const recalled = await this.#api.post("/message/recall", { messageId: message.id });
    if (message.senderId === this.#store.me.id && message.type === "text") this.#store.recalled.set(message.id, message.content);
    this.#store.apply({ event: "OnRecall", data: recalled });
  }

  async edit(message, content) {
    this.#store.apply({ event: "OnEdit", data: await this.#api.post("/message/edit", { messageId: message.id, content }) });
  }

  readers(message) {
    return this.#api.get("/message/readers", { messageId: message.id });
  }

  // ── What I set for myself ──────────────────────────────────────────────
  async pinChat({ type, id }, pinned) {
    this.#store.apply({ event: "OnChatUpdate", data: await this.#api.post("/chat/pin", { type, id, pinned }) });
  }

  /** For `seconds`, or without them until further notice. */
  async muteChat({ type, id }, { muted, seconds }) {
    const data = await this.#api.post("/chat/mute", { type, id, muted, ...(seconds && { seconds }) });
    this.#store.apply({ event: "OnChatUpdate", data });
  }

  // ── People and groups ──────────────────────────────────────────────────
  findPeople(search) {
    return this.#api.get("/userChatList", { search: search || null });
  }

  findGroups(search) {
    return this.#api.get("/group/allList", { search: search || null });
  }

  /** Where a chat's address leads; null when there is nobody behind it. */
  async resolve(key) {
    if (this.#store.chats.has(key)) return this.#store.chats.get(key);
    const { type, id } = splitKey(key);
    const known = this.#store.people.get(id);
    if (type === "private" && known?.name) return this.#store.introduce("private", known);
    const found = type === "private" ? (await this.findPeople("")).find((user) => user.id === id) : null;
    return found ? this.#store.introduce("private", found) : null;
  }

  talkTo(user) {
    return this.#store.introduce("private", user).key;
  }

  async createGroup({ name, memberIds, joinPolicy }) {
    const group = await this.#api.post("/group/create", { name, memberIds, joinPolicy });
    await this.loadList();
    return chatKey("group", group.id);
  }

  async joinGroup(groupId, inviteCode) {
    const group = await this.#api.post("/group/join", inviteCode ? { groupId, inviteCode } : { groupId });
    await this.loadList();
    return chatKey("group", group.id);
  }

  /** The group and its members, fetched again whenever they change. */
  async loadGroup(groupId) {
    if (!this.#followed.has(groupId)) {
      this.#followed.add(groupId);
      this.#store.on(`members:${chatKey("group", groupId)}`, () => {
        clearTimeout(this.#memberTimer);
        this.#memberTimer = setTimeout(() => this.loadGroup(groupId).catch(() => {}), LIST_WAIT);
      });
    }
    const [members, mine] = await Promise.all([this.#api.get(`/group/members/${groupId}`), this.#api.get("/group/list")]);
    const group = { ...mine.find((one) => one.id === groupId), members };
    for (const member of members) this.#store.takePerson(member);
    this.#keepGroup(group);
    this.watch();
    return group;
  }

  /** One of the group verbs: update, invite, kick, setRole, transfer, tempLeave, return. */
  async changeGroup(verb, groupId, change = {}) {
    const group = await this.#api.post(`/group/${verb}`, { groupId, ...change });
    this.#keepGroup(group);
    if (verb === "tempLeave") this.#store.patchChat(chatKey("group", groupId), { away: true });
    if (verb === "return") {
      this.#store.patchChat(chatKey("group", groupId), { away: false });
      this.sync();
    }
    return group;
  }

  async leaveGroup(groupId, verb = "leave") {
    await this.#api.post(`/group/${verb}`, { groupId });
    this.#store.forget(chatKey("group", groupId));
  }

  #keepGroup(group) {
    this.#store.groups.set(group.id, { ...this.#store.groups.get(group.id), ...group });
    this.#store.apply({ event: "OnGroupUpdate", data: group });
  }

  async setGroupAvatar(groupId, file) {
    this.#keepGroup(await this.#api.upload("/group/avatar", { groupId, media: file }));
  }

  // ── Oneself ────────────────────────────────────────────────────────────
  speak(language) {
    return this.#api.patch("/me", { language });
  }

  async loadMe() {
    this.#takeMe(await this.#api.get("/me"));
  }

  /** Any of name, img, online, password with oldPassword. Rejects with a Problem that names the fields. */
  async changeMe(change) {
    this.#takeMe(await this.#api.patch("/me", change));
  }

  async setAvatar(file) {
    this.#takeMe(await this.#api.upload("/me/avatar", { media: file }));
  }

  /** Told by the socket, too, but it may be away. */
  #takeMe(me) {
    this.#store.apply({ event: "OnUserUpdate", data: me });
  }

  devices() {
    return this.#api.get("/me/sessions");
  }

  signOutDevice(id) {
    return this.#api.delete(`/me/sessions/${id}`);
  }

  signOutOthers() {
    return this.#api.delete("/me/sessions");
  }

  /** Leaves nothing of this person's words on the machine. */
  async leaveNothing() {
    this.#socket.stop();
    this.#drafts.clear();
    await Promise.all([this.#outbox.clear(), this.#archive.clear(), this.notifications.forget()]);
  }
}
