// Tracks gaps in each chat's versions: changes that arrived before an earlier one. A gap that stays
// means a sync is due.
export class Versions {
  #ahead = new Map();

  /** Whether some chat received a change whose predecessor has not arrived. */
  get hasGaps() {
    return [...this.#ahead.values()].some((ahead) => ahead.size > 0);
  }

  /**
   * Raises `chat.version` as far as the changes are complete. Returns false while an earlier one is
   * missing.
   */
  add(chat, version) {
    const ahead = this.#ahead.get(chat.key) ?? new Set();
    ahead.add(version);
    this.#ahead.set(chat.key, ahead);
    this.#close(chat, ahead);
    return ahead.size === 0;
  }

  /** A sync delivered everything up to `version`. */
  settle(chat, version) {
    chat.version = Math.max(chat.version, version);
    const ahead = this.#ahead.get(chat.key);
    if (!ahead) return;
    for (const one of ahead) if (one <= chat.version) ahead.delete(one);
    this.#close(chat, ahead);
  }

  remove(key) {
    this.#ahead.delete(key);
  }

  #close(chat, ahead) {
    while (ahead.delete(chat.version + 1)) chat.version += 1;
  }
}
