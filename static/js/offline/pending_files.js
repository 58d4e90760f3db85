// Files that wait to be sent, kept beside the outbox so that a reload does not lose them. One database per person.
import { answer, openDatabase } from "chat/offline/database.js";

const STORE = "files";

export class WaitingFiles {
  #name;
  #opening = null;
  // Where a browser keeps nothing (a private window), they wait as long as the page is there.
  #here = new Map();

  constructor(userId) {
    this.#name = `chat.files.${userId}`;
  }

  async put(clientId, file) {
    this.#here.set(clientId, file);
    await this.#run("readwrite", (files) => files.put(file, clientId)).catch(() => {});
  }

  /** undefined when it is not there any more. */
  async get(clientId) {
    return this.#here.get(clientId) ?? (await this.#run("readonly", (files) => files.get(clientId)).catch(() => undefined));
  }

  async drop(clientId) {
    this.#here.delete(clientId);
    await this.#run("readwrite", (files) => files.delete(clientId)).catch(() => {});
  }

  /** Forgets those that nothing waits for any more. */
  async keepOnly(isWaiting) {
    const clientIds = await this.#run("readonly", (files) => files.getAllKeys()).catch(() => []);
    for (const clientId of clientIds) if (!isWaiting(clientId)) this.drop(clientId);
  }

  async clear() {
    this.#here.clear();
    await this.#run("readwrite", (files) => files.clear()).catch(() => {});
  }

  async #run(mode, work) {
    this.#opening ??= openDatabase(this.#name, [STORE]);
    const database = await this.#opening;
    return answer(work(database.transaction(STORE, mode).objectStore(STORE)));
  }
}
