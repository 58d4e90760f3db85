// Being told when one is not looking: by this page while it is hidden, and by a push while no page is open. Both go
// through the service worker, which shows each message once. Nothing is asked for but on a person's click.
import { chatPath, keyOfPath } from "chat/ids.js";
import { keyOf } from "chat/state/reducers.js";
import { gettext } from "chat/i18n.js";
import { preview } from "chat/views/types/registry.js";

const LIVE = new Set(["OnPrivate", "OnGroupMsg"]);
const TITLE = 80;
const TEXT = 300;
const TIDY_WAIT = 500;
const QUIET = 2000;
const READY_WAIT = 10_000;
// Browsers in private windows let this hang, so that nobody can tell that they are.
const SUBSCRIBE_WAIT = 5000;

/** Rejects if it takes longer than so many milliseconds. */
const within = (milliseconds, promise) => Promise.race([promise, new Promise((_, reject) => setTimeout(reject, milliseconds, new Error("late")))]);

/** The registration, once a worker is there; null where the browser has none or the page is not secure. */
async function install() {
  if (!navigator.serviceWorker || !isSecureContext) return null;
  // It keeps many files, and the page itself goes before.
  await new Promise((resolve) => setTimeout(resolve, QUIET));
  try {
    await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
    return await within(READY_WAIT, navigator.serviceWorker.ready);
  } catch {
    // A private window, or a certificate that the browser was told to accept: the chat does without.
    return null;
  }
}

export class Notifications {
  #store;
  #api;
  #flag;
  #registration = Promise.resolve(null);
  #timer = 0;
  #badge = null;

  constructor({ store, api }) {
    this.#store = store;
    this.#api = api;
    this.#flag = `chat.notify.${store.me.id}`;
  }

  /** `open(key)` shows the chat that a notification was pressed for. */
  start(open) {
    this.#registration = install();
    navigator.serviceWorker?.addEventListener("message", ({ data }) => {
      const key = data.type === "open" && keyOfPath(data.url);
      if (key) open(key);
    });
    this.#store.hear((event, data) => this.#hear(event, data));
    this.#store.on("chats", () => this.#soon());
    document.addEventListener("visibilitychange", () => this.#soon());
    this.#soon();
    if (this.isOn) this.#subscribe().catch(() => {});
  }

  // ── How it stands ──────────────────────────────────────────────────────
  /** "insecure", "impossible" (this browser), "uninstalled" (iOS before it is on the home screen), "refused", "off" or "on". */
  get state() {
    if (!isSecureContext) return "insecure";
    const isApple = /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
    if (!("Notification" in globalThis) || !navigator.serviceWorker) return isApple && !matchMedia("(display-mode: standalone)").matches ? "uninstalled" : "impossible";
    if (Notification.permission === "denied") return "refused";
    return this.isOn ? "on" : "off";
  }

  get isOn() {
    return globalThis.Notification?.permission === "granted" && this.#choice !== null;
  }

  get showsContent() {
    return this.#choice?.showContent ?? true;
  }

  /** What the server says: {key, isOn, showContent, otherDevices}. */
  server() {
    return this.#api.get("/push");
  }

  get #choice() {
    return JSON.parse(localStorage.getItem(this.#flag) ?? "null");
  }

  // ── What one can change ────────────────────────────────────────────────
  /** Asks for permission: on a click, and never else. Answers the server's word, or null where only open pages will tell. */
  async turnOn() {
    if ((await Notification.requestPermission()) !== "granted") return null;
    localStorage.setItem(this.#flag, JSON.stringify({ showContent: true }));
    return this.#subscribe();
  }

  async turnOff() {
    localStorage.removeItem(this.#flag);
    await this.#unsubscribe();
    return this.#api.post("/push/unsubscribe");
  }

  async showContent(showContent) {
    localStorage.setItem(this.#flag, JSON.stringify({ showContent }));
    return this.#subscribe();
  }

  /** By a push where there is one, else by this page. */
  async test(isPushed) {
    if (isPushed) await this.#api.post("/push/test");
    else await this.#tell({ title: gettext("Chat"), body: gettext("This is a test. It works."), tag: "test", url: "/" });
  }

  /** Whoever signs out is told nothing here any more. */
  async forget() {
    localStorage.removeItem(this.#flag);
    clearTimeout(this.#timer);
    await Promise.all([navigator.clearAppBadge?.().catch(() => {}), this.#unsubscribe()]);
    const registration = await this.#registration;
    for (const note of (await registration?.getNotifications()) ?? []) note.close();
  }

  /** A browser changes its subscription now and then; so this is asked again by each page. Null where it cannot be had. */
  async #subscribe() {
    const { pushManager } = (await this.#registration) ?? {};
    const server = await this.server();
    if (!pushManager || !server.key) return null;
    try {
      const options = { userVisibleOnly: true, applicationServerKey: server.key };
      const subscription = await within(SUBSCRIBE_WAIT, pushManager.subscribe(options)).catch(async (problem) => {
        if (problem.name !== "InvalidStateError") throw problem;
        // Subscribed with another key: the server's has changed.
        await this.#unsubscribe();
        return pushManager.subscribe(options);
      });
      return await this.#api.post("/push/subscribe", { ...subscription.toJSON(), showContent: this.showsContent });
    } catch {
      return null;
    }
  }

  async #unsubscribe() {
    const registration = await this.#registration;
    const subscription = await registration?.pushManager?.getSubscription();
    await subscription?.unsubscribe().catch(() => {});
  }

  // ── Telling ────────────────────────────────────────────────────────────
  #hear(event, message) {
    if (!LIVE.has(event) || !document.hidden || !this.isOn) return;
    const key = keyOf(message, this.#store.me.id);
    const chat = this.#store.chats.get(key);
    if (message.senderId === this.#store.me.id || message.type === "system" || !chat || chat.muted || chat.away) return;
    this.#tell({ id: message.id, tag: key, url: chatPath(key), ...this.#words(chat, message) });
  }

  #words(chat, message) {
    if (!this.showsContent) return { title: gettext("Chat"), body: gettext("New message") };
    const words = preview(message, this.#store.me.id);
    const body = chat.type === "group" ? `${message.senderName}: ${words}` : words;
    return { title: (chat.name || message.senderName).slice(0, TITLE), body: body.slice(0, TEXT) };
  }

  async #tell(note) {
    (await this.#registration)?.active?.postMessage({ type: "note", note });
  }

  // ── What is told already ───────────────────────────────────────────────
  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tidy(), TIDY_WAIT);
  }

  /** The number on the app's icon, and no notification of what was read. */
  async #tidy() {
    const { unread, chats, isListed } = this.#store;
    if (!isListed) return;
    if (unread !== this.#badge) {
      this.#badge = unread;
      await (unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
    }
    if (!this.isOn) return;
    const registration = await this.#registration;
    for (const note of (await registration?.getNotifications()) ?? []) if (chats.has(note.tag) && !chats.get(note.tag).unreadCount) note.close();
  }
}
