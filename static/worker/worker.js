// The service worker. It caches the page without a user and the files that this page names, serves
// them while the server is away, and shows notifications. /sw.js defines BUILD, which names the
// version and its files, and then runs this.
//
// A new version takes over at once: files that a page of the former version still requests are
// named by their content, and the server goes on serving them. Answers of the API, uploads and
// pages with a user are never cached.
/* global BUILD */

const PREFIX = "chat.shell.";
const CACHE = PREFIX + BUILD.version;
// After this long without an answer the cached page is shown, which goes on trying by itself.
const PAGE_TIMEOUT_MS = 4000;
// What a proxy answers while the chat is down.
const AWAY_STATUSES = new Set([502, 503, 504]);
const PAGES = /^\/(?:$|chat\/)/;
const NAMED_BY_CONTENT = /\.[0-9a-f]{12}\.\w+$/;

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll([new Request(BUILD.shell, { cache: "no-store" }), ...BUILD.files]);
  await skipWaiting();
}

async function activate() {
  // The browser requests a page while the worker still starts.
  await registration.navigationPreload?.enable();
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await clients.claim();
}

const cached = async (address) => (await caches.open(CACHE)).match(address, { ignoreVary: true });

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  const isOurs = origin === location.origin;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (isOurs && PAGES.test(pathname)) event.respondWith(page(event));
  } else if (BUILD.files.includes(isOurs ? pathname + search : request.url)) {
    event.respondWith(file(request));
  }
});

/** The server's page, or the cached one if there is no answer in time. */
async function page(event) {
  const answer = Promise.resolve(event.preloadResponse).then((preloaded) => preloaded ?? fetch(event.request));
  const timeout = new Promise((resolve) => setTimeout(resolve, PAGE_TIMEOUT_MS));
  const response = await Promise.race([answer, timeout]).catch(() => null);
  if (response && !AWAY_STATUSES.has(response.status)) return response;
  return (await cached(BUILD.shell)) ?? answer;
}

async function file(request) {
  const stored = await cached(request);
  if (stored && NAMED_BY_CONTENT.test(new URL(request.url).pathname)) return stored;
  try {
    return await fetch(request);
  } catch (away) {
    if (stored) return stored;
    throw away;
  }
}

// ── Notifications ─────────────────────────────────────────────────────────
let queue = Promise.resolve();

/** Runs one after the other, so that several pages and a push for the same message show it once. */
function inOrder(work) {
  queue = queue.then(work, work);
  return queue;
}

addEventListener("push", (event) => event.waitUntil(inOrder(() => showPush(event.data))));
addEventListener("message", (event) => {
  if (event.data.type === "note") event.waitUntil(inOrder(() => show(event.data.note)));
});

async function showPush(data) {
  const note = { title: BUILD.title, body: BUILD.body, tag: "chat", url: "/" };
  try {
    Object.assign(note, data?.json());
  } catch {
    // Not JSON, so not from this version: only that there is something can be shown.
  }
  if (note.unread != null) await navigator.setAppBadge?.(note.unread).catch(() => {});
  await show(note);
}

async function show({ id, title, body, tag, url }) {
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (tag !== "test" && pages.some((one) => one.visibilityState === "visible")) return;
  const shown = await registration.getNotifications({ tag });
  if (id && shown.some((one) => one.data.id === id)) return;
  const look = { icon: BUILD.icon, badge: BUILD.badge, lang: BUILD.language, dir: "auto" };
  await registration.showNotification(title, { body, tag, renotify: true, data: { id, url }, ...look });
}

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openChat(event.notification.data.url));
});

/** In an open page, preferably a visible one, otherwise in a new one. */
async function openChat(url) {
  const pages = await clients.matchAll({ type: "window" });
  const chats = pages.filter((one) => PAGES.test(new URL(one.url).pathname));
  const chat = chats.find((one) => one.visibilityState === "visible") ?? chats[0];
  if (!chat) return clients.openWindow(url);
  await chat.focus();
  chat.postMessage({ type: "open", url });
  return chat;
}
