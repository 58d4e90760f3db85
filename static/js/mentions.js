// Mentions: ranges of a text, {userId, start, length}, in the order of the text and apart from each other.
// `userId` is null for everybody in the group.

const endOf = ({ start, length }) => start + length;

/** Yields the parts of a text in order: {text} or {text, mention}. */
export function* splitMentions(content, mentions) {
  let done = 0;
  for (const mention of mentions ?? []) {
    const end = endOf(mention);
    if (mention.start < done || end > content.length) continue;
    if (mention.start > done) yield { text: content.slice(done, mention.start) };
    yield { text: content.slice(mention.start, end), mention };
    done = end;
  }
  if (done < content.length) yield { text: content.slice(done) };
}

/** Whether a message names this person, or everybody. */
export const isMentioned = (message, me) =>
  message.senderId !== me &&
  !message.recalledAt &&
  (message.mentions ?? []).some(({ userId }) => userId === null || userId === me);

/** The seq of the first unread message of a chat that mentions me, as far as it is known; null without one. */
export const unreadMention = ({ mentionSeq, readSeq }) => (mentionSeq > readSeq ? mentionSeq : null);

/** The message with the names that people have now, by `nameOf(id)`: a mention is its id, not its name. */
export function renamed(message, nameOf) {
  if (!message.mentions?.length || message.recalledAt) return message;
  const mentions = [];
  let content = "";
  for (const { text, mention } of splitMentions(message.content, message.mentions)) {
    const name = mention?.userId && nameOf(mention.userId);
    const said = name ? text.slice(0, 1) + name : text;
    if (mention) mentions.push({ ...mention, start: content.length, length: said.length });
    content += said;
  }
  return content === message.content ? message : { ...message, content, mentions };
}

/**
 * The mentions of a text after it was changed: those that it was changed within are none any more. What was changed on
 * both sides, as by marks around it, still says the name once.
 */
export function moveMentions(mentions, before, after) {
  if (before === after) return mentions;
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const shift = after.length - before.length;
  const moved = mentions.flatMap((mention) => {
    if (endOf(mention) <= start) return [mention];
    if (mention.start >= before.length - end) return [{ ...mention, start: mention.start + shift }];
    const said = before.slice(mention.start, endOf(mention));
    const changed = after.slice(start, after.length - end);
    const at = changed.indexOf(said);
    return at >= 0 && at === changed.lastIndexOf(said) ? [{ ...mention, start: start + at }] : [];
  });
  moved.sort((one, other) => one.start - other.start);
  return moved.filter(({ start: begin }, place) => !place || begin >= endOf(moved[place - 1]));
}

/** The mentions of the part of a text from `start` to `end`. */
export const mentionsWithin = (mentions, start, end) =>
  mentions
    .filter((mention) => mention.start >= start && endOf(mention) <= end)
    .map((mention) => ({ ...mention, start: mention.start - start }));

/** Adds a mention where none of the others is. */
export const withMention = (mentions, mention) => [...mentions, mention].sort((one, other) => one.start - other.start);
