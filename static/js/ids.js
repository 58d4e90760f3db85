// Ids of messages, keys and addresses of chats.

/** A random UUID; `crypto.randomUUID` is missing on plain HTTP, `getRandomValues` is not. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * A chat's key in the store: its type and its id in the API (the other person's, or the group's).
 */
export const chatKey = (type, id) => `${type}:${id}`;

/** The keys of entries of the chat list. */
export const keysOf = (entries) => new Set(entries.map(({ type, id }) => chatKey(type, id)));

/** The key of the chat that a message belongs to, for the user with the id `me`. */
export function chatKeyOf(message, me) {
  if (message.groupId) return chatKey("group", message.groupId);
  return chatKey("private", message.senderId === me ? message.receiverId : message.senderId);
}

export function splitKey(key) {
  const [type, id] = key.split(/:(.*)/s);
  return { type, id };
}

export const chatPath = (key) => {
  const { type, id } = splitKey(key);
  return `/chat/${type}/${encodeURIComponent(id)}/`;
};

export function keyOfPath(path) {
  const found = /^\/chat\/(private|group)\/([^/]+)\/$/.exec(path);
  return found ? chatKey(found[1], decodeURIComponent(found[2])) : null;
}
