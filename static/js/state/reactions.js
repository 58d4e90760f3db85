/**
 * The reactions on messages as their reader sees them. A message names the first people for each emoji; beyond them
 * this knows what the reader did here, or was told on asking.
 */
export class Reactions {
  /** By message id: a Map of emoji to whether mine is being put there, or taken away. */
  #underWay = new Map();
  /** By message id: my emoji, as the server last said. */
  #mine = new Map();

  /** What is on a message: [{emoji, count, userIds, isMine}]. */
  of(message, me) {
    if (message.recalledAt) return [];
    const shown = (message.reactions ?? []).map((one) => ({ ...one, isMine: this.#isMine(message, one, me) }));
    for (const [emoji, on] of this.#underWay.get(message.id) ?? []) change(shown, emoji, on, me);
    return shown.filter(({ count }) => count > 0);
  }

  /** Whether an emoji is mine cannot be told from the message. */
  isUnsure(message, emoji) {
    const known = message.reactions?.find((one) => one.emoji === emoji);
    return Boolean(known && known.count > known.userIds.length) && !this.#mine.has(message.id);
  }

  #isMine(message, { emoji, count, userIds }, me) {
    if (count === userIds.length || userIds.includes(me)) return userIds.includes(me);
    return this.#mine.get(message.id)?.has(emoji) ?? false;
  }

  begin(messageId, emoji, on) {
    if (!this.#underWay.has(messageId)) this.#underWay.set(messageId, new Map());
    this.#underWay.get(messageId).set(emoji, on);
  }

  /** The answer is there; unless another one is under way by now. */
  end(messageId, emoji, on, { isDone }) {
    const changes = this.#underWay.get(messageId);
    if (changes?.get(emoji) === on) changes.delete(emoji);
    if (!changes?.size) this.#underWay.delete(messageId);
    const mine = this.#mine.get(messageId);
    if (!isDone || !mine) return;
    if (on) mine.add(emoji);
    else mine.delete(emoji);
  }

  /** All emoji of mine on a message. */
  setMine(messageId, emoji) {
    this.#mine.set(messageId, new Set(emoji));
  }
}

function change(shown, emoji, on, me) {
  const known = shown.find((one) => one.emoji === emoji);
  if (!known && on) shown.push({ emoji, count: 1, userIds: [me], isMine: true });
  if (!known || known.isMine === on) return;
  known.isMine = on;
  known.count += on ? 1 : -1;
  known.userIds = on ? [...known.userIds, me] : known.userIds.filter((id) => id !== me);
}
