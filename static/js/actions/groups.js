// What can be done with groups: create, find, load, change, join, leave.
import { chatKey } from "chat/ids.js";
import { debounce } from "chat/timing.js";

const RELOAD_DELAY_MS = 200;
const REQUESTS_PAGE = 20;
/** People whom one request adds or removes. */
const MANY_MAX = 100;
/** The presence of no more people than these is watched, so that who is online is known only of smaller groups. */
const MEMBERS_KEPT = 500;

export class Groups {
  #store;
  #server;
  #sync;
  /** Ids of groups whose members are loaded again when they change. */
  #followed = new Set();

  constructor({ store, server, sync }) {
    this.#store = store;
    this.#server = server;
    this.#sync = sync;
  }

  find(search) {
    return this.#server.groups(search);
  }

  /**
   * Loads a group, with its members if they are not too many; from then on it is loaded again whenever its membership
   * changes.
   */
  async load(groupId) {
    this.#follow(groupId);
    const isLarge = this.#store.chats.get(chatKey("group", groupId))?.memberCount > MEMBERS_KEPT;
    const [members, myGroups] = await Promise.all([
      isLarge ? null : this.#server.members(groupId),
      this.#server.myGroups(),
    ]);
    this.#keep({ ...myGroups.find((one) => one.id === groupId), members });
  }

  /** `members` of a large group are null: who wants to see some asks for them. */
  #keep(group) {
    this.#store.mergeGroup(group.members?.length > MEMBERS_KEPT ? { ...group, members: null } : group);
  }

  /** A page of members, {items, next}: of those with `search` in their names, or the one at the address `next`. */
  async memberPage(groupId, { search = "", next = null }) {
    const page = await this.#server.memberPage(groupId, { search, next });
    for (const member of page.items) this.#store.mergePerson(member);
    return page;
  }

  /**
   * Each group has a timer of its own: two groups that change at the same moment are both loaded
   * again.
   */
  #follow(groupId) {
    if (this.#followed.has(groupId)) return;
    this.#followed.add(groupId);
    const key = chatKey("group", groupId);
    // I may have left it meanwhile.
    const reload = debounce(() => this.#store.chats.has(key) && this.load(groupId).catch(() => {}), RELOAD_DELAY_MS);
    this.#store.on(`members:${key}`, reload);
  }

  /** Resolves with the key of the new chat. */
  async create({ name, memberIds, joinPolicy }) {
    const group = await this.#server.createGroup({ name, memberIds, joinPolicy });
    await this.#sync.loadChatList();
    return chatKey("group", group.id);
  }

  async join(groupId, inviteCode) {
    const group = await this.#server.joinGroup(groupId, inviteCode);
    await this.#sync.loadChatList();
    return chatKey("group", group.id);
  }

  /** Asks its owner and administrators. */
  async ask(groupId, note) {
    await this.#server.askToJoin(groupId, note);
  }

  async withdraw(groupId) {
    await this.#server.withdrawRequest(groupId);
  }

  /** A page of those who ask to join a group of mine, {items, next}; `next` continues an earlier one. */
  requests(groupId, { next = null } = {}) {
    return this.#server.joinRequests(groupId, { next, limit: REQUESTS_PAGE });
  }

  /**
   * `verb`: update, invite, kick, setRole, transfer, transfer/accept, transfer/decline, request/accept, request/refuse,
   * tempLeave or return.
   */
  async change(verb, groupId, change = {}) {
    const group = await this.#server.changeGroup(verb, groupId, change);
    this.#keep(group);
    if (verb === "tempLeave") this.#store.patchChat(chatKey("group", groupId), { away: true });
    if (verb === "return") {
      this.#store.patchChat(chatKey("group", groupId), { away: false });
      this.#sync.request();
    }
    return group;
  }

  /** Resolves with {refused}: who was not added, {userId, code}. */
  addMany(groupId, userIds) {
    return this.#changeMany("add", groupId, userIds);
  }

  /** As `addMany`. */
  removeMany(groupId, userIds) {
    return this.#changeMany("remove", groupId, userIds);
  }

  async #changeMany(verb, groupId, userIds) {
    const refused = [];
    for (let start = 0; start < userIds.length; start += MANY_MAX) {
      const some = await this.#server.changeGroup(verb, groupId, { userIds: userIds.slice(start, start + MANY_MAX) });
      refused.push(...some.refused);
    }
    await this.load(groupId);
    return { refused };
  }

  /** For me, on all my devices; a newer one is shown again. */
  async closeAnnouncement({ key, id, announcement, closedAnnouncement }) {
    this.#store.setSettings(key, { closedAnnouncement: announcement.version });
    try {
      this.#store.apply({
        event: "OnChatUpdate",
        data: await this.#server.closeAnnouncement(id, announcement.version),
      });
    } catch (problem) {
      this.#store.setSettings(key, { closedAnnouncement });
      throw problem;
    }
  }

  /** `verb`: leave or dissolve. */
  async leave(groupId, verb = "leave") {
    await this.#server.changeGroup(verb, groupId);
    this.#store.removeChat(chatKey("group", groupId));
  }

  async setAvatar(groupId, file) {
    this.#keep(await this.#server.setGroupAvatar(groupId, file));
  }
}
