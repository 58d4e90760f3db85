// The service worker. It keeps the page without a person and the files that this names, shows it when the server cannot
// be reached, and shows what is pushed. /sw.js runs this and says before what it consists of: BUILD.
//
// A new one takes over at once: what a page of the former version may still ask for has a name by its content, which
// the server goes on knowing, and there is nothing else that pages have of their worker. Answers of the API, uploads and
// pages that are somebody's are never kept here.
/* global BUILD */

const PREFIX = "chat.shell.";
const CACHE = PREFIX + BUILD.version;
// Who waits longer for the server has the page that was kept, which goes on trying by itself.
const PATIENCE = 4000;
// A proxy's words for a chat that is away.
const AWAY = new Set([502, 503, 504]);
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
  // The server is asked for a page while this wakes up.
  await registration.navigationPreload?.enable();
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await clients.claim();
}

const kept = async (address) => (await caches.open(CACHE)).match(address, { ignoreVary: true });

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (PAGES.test(pathname)) event.respondWith(page(event));
  } else if (BUILD.files.includes(pathname + search)) {
    event.respondWith(file(request));
  }
});

/** The server's page; or the one that was kept, if there is no answer in time. */
async function page(event) {
  const answer = Promise.resolve(event.preloadResponse).then((preloaded) => preloaded ?? fetch(event.request));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
  const response = await Promise.race([answer, late]).catch(() => null);
  if (response && !AWAY.has(response.status)) return response;
  return (await kept(BUILD.shell)) ?? answer;
}

async function file(request) {
  const own = await kept(request);
  if (own && NAMED_BY_CONTENT.test(new URL(request.url).pathname)) return own;
  try {
    return await fetch(request);
  } catch (away) {
    if (own) return own;
    throw away;
  }
}

// ── Notifications ────────────────────────────────────────────────────────
let turn = Promise.resolve();

/** One after the other, so that several pages and a push that tell the same show it once. */
function inTurn(work) {
  turn = turn.then(work, work);
  return turn;
}

addEventListener("push", (event) => event.waitUntil(inTurn(() => pushed(event.data))));
addEventListener("message", (event) => {
  if (event.data.type === "note") event.waitUntil(inTurn(() => show(event.data.note)));
});

async function pushed(data) {
  const note = { title: BUILD.title, body: BUILD.body, tag: "chat", url: "/" };
  try {
    Object.assign(note, data?.json());
  } catch {
    // Not from us, or of another time: that there is something is all there is to say.
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
  event.waitUntil(open(event.notification.data.url));
});

/** At a page that is open, the one before one's eyes if there is one; or at a new one. */
async function open(url) {
  const pages = await clients.matchAll({ type: "window" });
  const chats = pages.filter((one) => PAGES.test(new URL(one.url).pathname));
  const chat = chats.find((one) => one.visibilityState === "visible") ?? chats[0];
  if (!chat) return clients.openWindow(url);
  await chat.focus();
  chat.postMessage({ type: "open", url });
  return chat;
}
