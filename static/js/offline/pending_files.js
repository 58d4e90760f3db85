// Files that wait to be uploaded, in IndexedDB so that a reload does not lose them. One database
// per user.
import { openDatabase, resultOf } from "chat/offline/database.js";

const STORE = "files";

export class PendingFiles {
  #name;
  #opening = null;
  // Where a browser stores nothing (a private window), they last as long as the page.
  #inMemory = new Map();

  constructor(userId) {
    this.#name = `chat.files.${userId}`;
  }

  /** Resolves with whether the file outlives the page. */
  async put(clientId, file) {
    this.#inMemory.set(clientId, file);
    return this.#run("readwrite", (files) => files.put(file, clientId)).then(
      () => true,
      () => false,
    );
  }

  /** undefined if it is not there any more. */
  async get(clientId) {
    return (
      this.#inMemory.get(clientId) ??
      (await this.#run("readonly", (files) => files.get(clientId)).catch(() => undefined))
    );
  }

  async delete(clientId) {
    this.#inMemory.delete(clientId);
    await this.#run("readwrite", (files) => files.delete(clientId)).catch(() => {});
  }

  /** Deletes the files that no pending message needs. */
  async deleteUnneeded(isNeeded) {
    const clientIds = await this.#run("readonly", (files) => files.getAllKeys()).catch(() => []);
    for (const clientId of clientIds) if (!isNeeded(clientId)) this.delete(clientId);
  }

  async clear() {
    this.#inMemory.clear();
    await this.#run("readwrite", (files) => files.clear()).catch(() => {});
  }

  async #run(mode, work) {
    this.#opening ??= openDatabase(this.#name, [STORE]);
    const database = await this.#opening;
    return resultOf(work(database.transaction(STORE, mode).objectStore(STORE)));
  }
}
