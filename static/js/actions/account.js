// What users can do with their own account, and with their data in this browser.
export class Account {
  #store;
  #server;
  #outbox;
  #drafts;
  #archive;
  #notifications;

  constructor({ store, server, outbox, drafts, archive, notifications }) {
    this.#store = store;
    this.#server = server;
    this.#outbox = outbox;
    this.#drafts = drafts;
    this.#archive = archive;
    this.#notifications = notifications;
  }

  async load() {
    this.#merge(await this.#server.me());
  }

  /**
   * Any of name, img, online, password with oldPassword. Rejects with a Problem that names the
   * fields.
   */
  async update(change) {
    this.#merge(await this.#server.updateMe(change));
  }

  /** An emoji, a text or both, for `seconds` or for good. Rejects with a Problem that names the fields. */
  async setStatus({ emoji, text, seconds }) {
    this.#merge(await this.#server.setStatus({ emoji, text, seconds }));
  }

  async clearStatus() {
    this.#merge(await this.#server.clearStatus());
  }

  async setAvatar(file) {
    this.#merge(await this.#server.setMyAvatar(file));
  }

  /** The socket reports it as well, but may be disconnected. */
  #merge(me) {
    this.#store.apply({ event: "OnUserUpdate", data: me });
  }

  setLanguage(language) {
    return this.#server.updateMe({ language });
  }

  devices() {
    return this.#server.devices();
  }

  signOutDevice(id) {
    return this.#server.signOutDevice(id);
  }

  signOutOtherDevices() {
    return this.#server.signOutOtherDevices();
  }

  /** Before a sign-out: removes everything that this browser keeps of the user. */
  async clearBrowser() {
    this.#server.disconnect();
    this.#drafts.clear();
    await Promise.all([this.#outbox.clear(), this.#archive.clear(), this.#notifications.clear()]);
  }
}
