// What can be done with groups: create, find, load, change, join, leave.
import { chatKey } from "chat/ids.js";
import { debounce } from "chat/timing.js";

const RELOAD_DELAY_MS = 200;

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
   * Loads a group with its members; from then on it is loaded again whenever its membership
   * changes.
   */
  async load(groupId) {
    this.#follow(groupId);
    const [members, myGroups] = await Promise.all([this.#server.members(groupId), this.#server.myGroups()]);
    for (const member of members) this.#store.mergePerson(member);
    this.#store.mergeGroup({ ...myGroups.find((one) => one.id === groupId), members });
  }

  /**
   * Each group has a timer of its own: two groups that change at the same moment are both loaded
   * again.
   */
  #follow(groupId) {
    if (this.#followed.has(groupId)) return;
    this.#followed.add(groupId);
    const reload = debounce(() => this.load(groupId).catch(() => {}), RELOAD_DELAY_MS);
    this.#store.on(`members:${chatKey("group", groupId)}`, reload);
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

  /** `verb`: update, invite, kick, setRole, transfer, transfer/accept, transfer/decline, tempLeave or return. */
  async change(verb, groupId, change = {}) {
    const group = await this.#server.changeGroup(verb, groupId, change);
    this.#store.mergeGroup(group);
    if (verb === "tempLeave") this.#store.patchChat(chatKey("group", groupId), { away: true });
    if (verb === "return") {
      this.#store.patchChat(chatKey("group", groupId), { away: false });
      this.#sync.request();
    }
    return group;
  }

  /** `verb`: leave or dissolve. */
  async leave(groupId, verb = "leave") {
    await this.#server.changeGroup(verb, groupId);
    this.#store.removeChat(chatKey("group", groupId));
  }

  async setAvatar(groupId, file) {
    this.#store.mergeGroup(await this.#server.setGroupAvatar(groupId, file));
  }
}
