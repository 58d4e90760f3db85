// localStorage, for a page that works without it: it may be full, or refused together with cookies.
// What it does not take is kept in memory, for as long as the page is open.
const inMemory = new Map();

/** null where the browser refuses it. */
function localArea() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

const area = localArea();

export const storage = {
  /** null if there is nothing. */
  get(key) {
    return inMemory.get(key) ?? area?.getItem(key) ?? null;
  },

  /** Returns whether the value outlives the page. */
  set(key, value) {
    try {
      area.setItem(key, value);
      inMemory.delete(key);
      return true;
    } catch {
      inMemory.set(key, value);
      return false;
    }
  },

  remove(key) {
    inMemory.delete(key);
    area?.removeItem(key);
  },

  keys(prefix) {
    return [...new Set([...inMemory.keys(), ...Object.keys(area ?? {})])].filter((key) => key.startsWith(prefix));
  },

  /** The value under `key` from JSON; `fallback` if there is none that can be read. */
  getJson(key, fallback = null) {
    try {
      return JSON.parse(this.get(key)) ?? fallback;
    } catch {
      return fallback;
    }
  },
};

let guards = 0;
const onUnload = (event) => event.preventDefault();

/**
 * Makes the browser ask before the page is left, for what only the page has. Returns a function
 * that ends it.
 */
export function guardUnload() {
  if (guards++ === 0) window.addEventListener("beforeunload", onUnload);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--guards === 0) window.removeEventListener("beforeunload", onUnload);
  };
}
