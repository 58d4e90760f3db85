// Keeps the store up to date: the chat list, what was missed while disconnected, and whose presence
// is watched.
import { splitKey } from "chat/ids.js";
import { debounce } from "chat/timing.js";

const LIST_DELAY_MS = 200;
const SYNC_DELAY_MS = 250;
const WATCHED_MAX = 500;
const AFRESH_RETRY_MS = 2000;

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
      debounce(() => this.loadChatList().catch(() => {}), LIST_DELAY_MS),
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

  async loadChatList() {
    const askedAt = performance.now();
    this.#store.mergeChatList(await this.#server.chatList(), { askedAt });
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
      this.#store.startAfresh(await this.#server.chatList());
      // What arrived while the list was under way was told to the old state.
      this.request();
    } catch {
      // No connection, or the server is busy: the next greeting or this timer tries again.
      setTimeout(() => this.#store.nextEpoch && this.#startAfresh(), AFRESH_RETRY_MS);
    } finally {
      this.#isStartingAfresh = false;
    }
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
