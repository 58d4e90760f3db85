// Pictures and videos that were sent together stand together: one bubble, a tile for each message.
import { interpolate, ngettext } from "chat/i18n.js";
import { typeOf } from "chat/views/types/registry.js";

const ALBUM_MAX = 10;
/** A picture that follows the one before within this time was sent with it, on a slow line too. */
const TOGETHER_MS = 60_000;

/** How many tiles stand in each line, by the number of pictures. */
const LINES = {
  2: [2],
  3: [1, 2],
  4: [2, 2],
  5: [2, 3],
  6: [3, 3],
  7: [2, 2, 3],
  8: [2, 3, 3],
  9: [3, 3, 3],
  10: [2, 2, 3, 3],
};

/** What can be in an album: a picture that is there, and whose sending has not failed. */
const isPicture = (message) => typeOf(message).isTile && !message.recalledAt && message.state !== "failed";

/** Only the first picture has what is said of them all, and what it answers. */
const isPlain = (message) => !message.content && !message.replyTo;

/**
 * Cuts a list of messages in albums and single messages, in order: [[message, …], …].
 * `startsAnew(before, message)`: whether a day or a divider stands between the two.
 */
export function withAlbums(messages, startsAnew) {
  const groups = [];
  for (const message of messages) {
    const group = groups.at(-1);
    const before = group?.at(-1);
    if (before && group.length < ALBUM_MAX && follows(before, message) && !startsAnew(before, message))
      group.push(message);
    else groups.push([message]);
  }
  return groups;
}

function follows(before, message) {
  return (
    isPicture(before) &&
    isPicture(message) &&
    isPlain(message) &&
    before.senderId === message.senderId &&
    before.forwardedFrom?.id === message.forwardedFrom?.id &&
    // A message that is not loaded may stand between them.
    (message.seq === null || before.seq === null || message.seq === before.seq + 1) &&
    // One that waits has the time of its beginning, which may be before that of one that has arrived.
    Date.parse(message.sentAt) - Date.parse(before.sentAt) < TOGETHER_MS
  );
}

/** The place of a tile: {span, isWide}, of six columns. */
export function tileAt(index, count) {
  let left = index;
  for (const tiles of LINES[count]) {
    if (left < tiles) return { span: 6 / tiles, isWide: tiles === 1 };
    left -= tiles;
  }
  throw new RangeError(`no tile ${index} of ${count}`);
}

export function albumLabel(name, album) {
  const count = album.length;
  const said = album.every(({ type }) => type === "image")
    ? ngettext("%(name)s: %(count)s picture", "%(name)s: %(count)s pictures", count)
    : ngettext("%(name)s: %(count)s picture or video", "%(name)s: %(count)s pictures and videos", count);
  return interpolate(said, { count, name });
}
