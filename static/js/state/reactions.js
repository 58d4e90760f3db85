/**
 * The reactions on messages as their reader sees them. A message names all who reacted while they are few; beyond, this
 * knows of the reader's own what they did here, what their other devices did, and what was answered on asking.
 */
export class Reactions {
  /** By message id: a Map of emoji to whether mine is being put there, or taken away. */
  #underWay = new Map();
  /** By message id: my emoji, {version, emoji, isSure}, as the server last said. */
  #mine = new Map();
  /** By message id: who else reacted, {version, people: a Map of emoji to ids}, as was answered on asking. */
  #others = new Map();

  /** What is on a message: [{emoji, count, userIds, isMine}]. */
  of(message, me) {
    if (message.recalledAt) return [];
    const isWhole = namesAll(message);
    const mine = this.#mine.get(message.id)?.emoji;
    const others = this.#others.get(message.id);
    const people = !isWhole && others?.version === message.version ? others.people : null;
    const shown = (message.reactions ?? []).map((one) => ({
      ...one,
      userIds: people?.get(one.emoji) ?? one.userIds,
      isMine: isWhole ? one.userIds.includes(me) : (mine?.has(one.emoji) ?? false),
    }));
    for (const [emoji, on] of this.#underWay.get(message.id) ?? []) change(shown, emoji, on, me);
    return shown.filter(({ count }) => count > 0);
  }

  /** Which reactions are mine can be told neither from the message nor from what was said before. */
  isUnsure(message) {
    return Boolean(message.reactions?.length) && !namesAll(message) && !this.#mine.get(message.id)?.isSure;
  }

  /** An event changes this message: where it names nobody any more, what it said of me until now is still so. */
  keep(message, me) {
    if (!namesAll(message)) return;
    const emoji = (message.reactions ?? []).filter(({ userIds }) => userIds.includes(me)).map((one) => one.emoji);
    this.setMine({ messageId: message.id, version: message.version, emoji });
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
    if (on) mine.emoji.add(emoji);
    else mine.emoji.delete(emoji);
  }

  /** All emoji of mine on a message, since this version of it. */
  setMine({ messageId, version, emoji }) {
    if ((this.#mine.get(messageId)?.version ?? 0) > version) return;
    this.#mine.set(messageId, { version, emoji: new Set(emoji), isSure: true });
  }

  /** Who else reacted to a message, {emoji, user}, as far as was answered. */
  setOthers({ id, version }, reacted) {
    const people = new Map();
    for (const { emoji, user } of reacted) people.set(emoji, [...(people.get(emoji) ?? []), user.id]);
    this.#others.set(id, { version, people });
  }

  /** Events may have been missed: what is mine is shown as before, and asked for again. */
  doubt() {
    for (const mine of this.#mine.values()) mine.isSure = false;
  }
}

const namesAll = ({ reactions }) => (reactions ?? []).every(({ count, userIds }) => count === userIds.length);

function change(shown, emoji, on, me) {
  const known = shown.find((one) => one.emoji === emoji);
  if (!known && on) shown.push({ emoji, count: 1, userIds: [me], isMine: true });
  if (!known || known.isMine === on) return;
  known.isMine = on;
  known.count += on ? 1 : -1;
  known.userIds = on ? [...known.userIds, me] : known.userIds.filter((id) => id !== me);
}
