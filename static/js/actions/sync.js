// Keeps the store up to date: the chat list, what was missed while disconnected, and whose presence
// is watched.
import { keysOf, splitKey } from "chat/ids.js";
import { CHATS_PAGE } from "chat/net/server.js";
import { isTransient } from "chat/problems.js";
import { debounce } from "chat/timing.js";

const LIST_DELAY_MS = 200;
const SYNC_DELAY_MS = 250;
const WATCHED_MAX = 500;
const AFRESH_RETRY_MS = 2000;
const STALE_RETRY_MS = 2000;

export class Sync {
  #store;
  #server;
  #outbox;
  #chats;
  #drafts;
  #watched = "";
  #isStartingAfresh = false;

  constructor({ store, server, outbox, chats, drafts }) {
    this.#store = store;
    this.#server = server;
    this.#outbox = outbox;
    this.#chats = chats;
    this.#drafts = drafts;
    store.on(
      "stale",
      debounce(() => this.#loadStale(), LIST_DELAY_MS),
    );
    // Events of one moment may arrive out of order; only what is still missing after the delay is
    // requested.
    store.on(
      "behind",
      debounce(() => store.isBehind && this.request(), SYNC_DELAY_MS),
    );
    store.on(["chats", "open"], () => this.#watchPresence());
    store.on("epoch", () => this.#startAfresh());
  }

  /** Loads the whole chat list, a page after the other: the first one has what is shown. */
  async loadChatList() {
    const askedAt = performance.now();
    const listed = new Set();
    let count = 0;
    for await (const page of this.#pages()) {
      this.#store.mergeChatList(page.items, { isWhole: false, askedAt: page.askedAt });
      for (const key of keysOf(page.items)) listed.add(key);
      count += 1;
    }
    const missing = this.#store.unlisted(listed, { askedAt });
    // A short list is there at one moment. A longer one misses what moved meanwhile, which is asked for once more.
    const gone = count === 1 ? missing : await this.#loadNamed(missing.map((key) => splitKey(key).id));
    this.#store.endChatList(gone);
  }

  /** The pages of the whole chat list, with the moment at which each was asked for. */
  async *#pages() {
    let next = null;
    do {
      const askedAt = performance.now();
      const page = await this.#server.chatPage(next);
      yield { items: page.items, askedAt };
      next = page.next;
    } while (next);
  }

  /** Loads the entries of these people and groups. Resolves with the keys of the chats that are gone. */
  async #loadNamed(ids) {
    const gone = [];
    for (let start = 0; start < ids.length; start += CHATS_PAGE) {
      const some = ids.slice(start, start + CHATS_PAGE);
      const askedAt = performance.now();
      const entries = await this.#server.chatsNamed(some);
      this.#store.mergeChatList(entries, { isWhole: false, askedAt });
      const among = some.map((id) => this.#store.chatById(id)?.key);
      gone.push(...this.#store.unlisted(keysOf(entries), { askedAt, among }));
    }
    return gone;
  }

  async #loadStale() {
    const ids = this.#store.takeStale();
    try {
      for (const key of await this.#loadNamed(ids)) this.#store.removeChat(key);
    } catch (problem) {
      // Nothing else tells what these chats are now.
      if (isTransient(problem)) setTimeout(() => ids.forEach((id) => this.#store.markStale(id)), STALE_RETRY_MS);
    }
  }

  /** Requests every change above the versions that the store has. */
  request() {
    this.#server.requestSync(this.#store.cursors, this.#store.hiddenCounts);
  }

  /** After each greeting of the server: requests what was missed and sends what waited. */
  async onConnected() {
    // With the whole chat list known, a sync returns only what changed.
    const { hasChatList } = this.#store;
    if (hasChatList) this.request();
    this.#watched = "";
    this.#watchPresence();
    this.#outbox.askForHeld();
    this.#outbox.flush();
    await this.loadChatList().catch(() => {});
    if (!hasChatList && this.#store.hasChatList) this.request();
    this.#store.refreshOpenChat();
    await this.#drafts.load().catch(() => {});
    if (this.#store.hasChatList) await this.#chats.addBegun();
  }

  /** The server's data is an older copy than what this page has. */
  async #startAfresh() {
    if (this.#isStartingAfresh) return;
    this.#isStartingAfresh = true;
    try {
      this.#store.startAfresh(await this.#wholeList());
      // What arrived while the list was under way was told to the old state.
      this.request();
    } catch {
      // No connection, or the server is busy: the next greeting or this timer tries again.
      setTimeout(() => this.#store.nextEpoch && this.#startAfresh(), AFRESH_RETRY_MS);
    } finally {
      this.#isStartingAfresh = false;
    }
  }

  async #wholeList() {
    const entries = [];
    for await (const page of this.#pages()) entries.push(...page.items);
    return entries;
  }

  /**
   * Watches the people of the chat list and the members of groups that were opened, the open one
   * first.
   */
  #watchPresence() {
    const { chats, openKey, groups, me } = this.#store;
    const ids = [...chats.values()].filter((chat) => chat.type === "private").map((chat) => chat.id);
    const opened = [groups.get(splitKey(openKey ?? "").id), ...groups.values()];
    ids.push(...opened.flatMap((group) => (group?.members ?? []).map((member) => member.id)));
    const userIds = [...new Set(ids)]
      .filter((id) => id !== me.id)
      .slice(0, WATCHED_MAX)
      .sort();
    const watched = userIds.join();
    if (watched === this.#watched || !this.#server.watchPresence(userIds)) return;
    this.#watched = watched;
  }
}
