// Notifications: by this page while it is hidden, by a push while no page is open. Both go through
// the service worker, which shows each message once. Permission is only requested after a click.
import { isQuiet, notifies } from "chat/actions/notifying.js";
import { playSound } from "chat/actions/sound.js";
import { chatName, gettext, interpolate, language } from "chat/i18n.js";
import { chatKey, chatKeyOf, chatPath, keyOfPath } from "chat/ids.js";
import { isMentioned } from "chat/mentions.js";
import { storage } from "chat/storage.js";
import { cut } from "chat/text.js";
import { serverNow } from "chat/timing.js";

/** A message comes by the last one again where it notifies for a keyword alone. */
const MESSAGE_EVENTS = new Set(["OnPrivate", "OnGroupMsg", "OnKeyword"]);
const REFRESH_MS = 86_400_000;
const TITLE_MAX = 80;
const BODY_MAX = 300;
const UPDATE_DELAY_MS = 500;
const REQUESTS_MS = 60_000;
const REGISTER_DELAY_MS = 2000;
const READY_TIMEOUT_MS = 10_000;
// In private windows some browsers never answer, so that pages cannot tell that the window is
// private.
const SUBSCRIBE_TIMEOUT_MS = 5000;

/** Rejects if `promise` takes longer than `milliseconds`. */
const within = (milliseconds, promise) =>
  Promise.race([promise, new Promise((_, reject) => setTimeout(reject, milliseconds, new Error("late")))]);

/**
 * Resolves with the registration once the worker is active; null if the browser has none or the
 * page is not secure.
 */
async function registerWorker() {
  if (!navigator.serviceWorker || !isSecureContext) return null;
  // The worker caches many files; the page itself comes first.
  await new Promise((resolve) => setTimeout(resolve, REGISTER_DELAY_MS));
  try {
    await navigator.serviceWorker.register(`/sw.js?l=${language.toLowerCase()}`, { updateViaCache: "none" });
    return await within(READY_TIMEOUT_MS, navigator.serviceWorker.ready);
  } catch {
    // A private window, or a certificate that the user accepted by hand: the chat works without.
    return null;
  }
}

export class Notifications {
  #store;
  #server;
  #preview;
  #settingsKey;
  #soundKey;
  #askedKey;
  #registration = Promise.resolve(null);
  #updateTimer = 0;
  #badge = null;
  /** When somebody's wish to join was told last, by the chat. */
  #requested = new Map();

  /** `preview(message, me)` is a message in one line. */
  constructor({ store, server, preview }) {
    this.#store = store;
    this.#server = server;
    this.#preview = preview;
    this.#settingsKey = `chat.notify.${store.me.id}`;
    this.#soundKey = `chat.sound.${store.me.id}`;
    this.#askedKey = `chat.notify.asked.${store.me.id}`;
  }

  /** `open(key)` shows the chat whose notification was clicked. */
  start(open) {
    this.#registration = registerWorker();
    // On a slow line its installation takes longer than anybody waits: it counts from then on.
    navigator.serviceWorker?.ready.then(
      (late) => (this.#registration = Promise.resolve(late)),
      () => {},
    );
    navigator.serviceWorker?.addEventListener("message", ({ data }) => {
      const key = data.type === "open" && keyOfPath(data.url);
      if (key) open(key);
    });
    this.#store.onEvent((event, data) => this.#onEvent(event, data));
    this.#store.on("chats", () => this.#scheduleUpdate());
    document.addEventListener("visibilitychange", () => this.#scheduleUpdate());
    this.#scheduleUpdate();
    // Quiet hours are told for some days ahead.
    setInterval(() => this.preferences().catch(() => {}), REFRESH_MS);
    if (this.isOn) this.#subscribe().catch(() => {});
  }

  // ── State ───────────────────────────────────────────────────────────────
  /**
   * "insecure", "impossible" (this browser), "uninstalled" (iOS before it is on the home screen),
   * "refused", "off" or "on".
   */
  get state() {
    if (!isSecureContext) return "insecure";
    const isApple =
      /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
    if (!("Notification" in globalThis) || !navigator.serviceWorker)
      return isApple && !matchMedia("(display-mode: standalone)").matches ? "uninstalled" : "impossible";
    if (Notification.permission === "denied") return "refused";
    return this.isOn ? "on" : "off";
  }

  get isOn() {
    return globalThis.Notification?.permission === "granted" && this.#settings !== null;
  }

  /** Whether this device plays a sound; as long as nobody has said, it does where it notifies. */
  get hasSound() {
    const said = storage.get(this.#soundKey);
    return said === null ? this.isOn : said === "on";
  }

  setSound(isOn) {
    storage.set(this.#soundKey, isOn ? "on" : "off");
    if (isOn) playSound();
  }

  /** Whether to ask once, on the page, if notifications are wanted on this device. */
  get mayAsk() {
    return this.state === "off" && Notification.permission === "default" && storage.get(this.#askedKey) === null;
  }

  noteAsked() {
    storage.set(this.#askedKey, "yes");
  }

  get showsContent() {
    return this.#settings?.showContent ?? true;
  }

  /** The server's side: {key, isOn, showContent, otherDevices}. */
  pushStatus() {
    return this.#server.pushStatus();
  }

  get #settings() {
    return storage.getJson(this.#settingsKey);
  }

  // ── What notifies, on all devices ───────────────────────────────────────
  /** {privateLevel, groupLevel, keywords, quietHours, silentUntil, quiet} */
  async preferences() {
    return this.#applied(await this.#server.preferences());
  }

  /** Any of privateLevel, groupLevel, keywords, quietHours, silentFor. Rejects with a Problem that names the fields. */
  async changePreferences(change) {
    return this.#applied(await this.#server.changePreferences(change));
  }

  #applied(preferences) {
    this.#store.apply({ event: "OnPreferences", data: preferences });
    return preferences;
  }

  // ── Settings ────────────────────────────────────────────────────────────
  /**
   * Requests permission; call it on a click only. Resolves with the push status, or null if only
   * open pages notify.
   */
  async turnOn() {
    this.noteAsked();
    if ((await Notification.requestPermission()) !== "granted") return null;
    storage.set(this.#settingsKey, JSON.stringify({ showContent: true }));
    return this.#subscribe();
  }

  async turnOff() {
    storage.remove(this.#settingsKey);
    await this.#unsubscribe();
    return this.#server.unsubscribePush();
  }

  async showContent(showContent) {
    storage.set(this.#settingsKey, JSON.stringify({ showContent }));
    return this.#subscribe();
  }

  /** Shows a test notification: by a push if there is one, otherwise by this page. */
  async test(isPushed) {
    if (isPushed) await this.#server.testPush();
    else await this.#show({ title: chatName, body: gettext("This is a test. It works."), tag: "test", url: "/" });
  }

  /** After a sign-out this browser shows no notifications. */
  async clear() {
    storage.remove(this.#settingsKey);
    clearTimeout(this.#updateTimer);
    await Promise.all([navigator.clearAppBadge?.().catch(() => {}), this.#unsubscribe()]);
    const registration = await this.#registration;
    for (const note of (await registration?.getNotifications()) ?? []) note.close();
  }

  /**
   * Every page subscribes again, because browsers change subscriptions. Resolves with null if there
   * is no push.
   */
  async #subscribe() {
    const { pushManager } = (await this.#registration) ?? {};
    const status = await this.pushStatus();
    if (!pushManager || !status.key) return null;
    try {
      const options = { userVisibleOnly: true, applicationServerKey: status.key };
      const subscription = await within(SUBSCRIBE_TIMEOUT_MS, pushManager.subscribe(options)).catch(async (problem) => {
        if (problem.name !== "InvalidStateError") throw problem;
        // Subscribed with another key: the server's key has changed.
        await this.#unsubscribe();
        return pushManager.subscribe(options);
      });
      return await this.#server.subscribePush(subscription.toJSON(), { showContent: this.showsContent });
    } catch {
      return null;
    }
  }

  async #unsubscribe() {
    const registration = await this.#registration;
    const subscription = await registration?.pushManager?.getSubscription();
    await subscription?.unsubscribe().catch(() => {});
  }

  // ── Showing ─────────────────────────────────────────────────────────────
  #onEvent(event, message) {
    if (event === "OnGroupRequest") this.#onRequest(message);
    if (!MESSAGE_EVENTS.has(event)) return;
    const key = chatKeyOf(message, this.#store.me.id);
    const chat = this.#store.chats.get(key);
    if (message.senderId === this.#store.me.id || message.type === "system" || !chat || chat.away) return;
    const isCalled = event === "OnKeyword" || isMentioned(message, this.#store.me.id);
    if (chat.mutedUntil) this.#store.endMutes();
    if (!notifies(chat, isCalled) || isQuiet(this.#store.notifying.quiet, isCalled, serverNow())) return;
    if (this.hasSound && (document.hidden || key !== this.#store.openKey)) playSound();
    if (!document.hidden || !this.isOn) return;
    this.#show({ id: message.id, tag: key, url: chatPath(key), ...this.#textOf(chat, message) });
  }

  /** That somebody asks to join a group calls those who decide it; of many within a minute the first one does. */
  #onRequest({ groupId, user, state, waiting }) {
    const key = chatKey("group", groupId);
    const chat = this.#store.chats.get(key);
    if (state !== "asked" || waiting === null || !chat || chat.away) return;
    if (!notifies(chat, true) || isQuiet(this.#store.notifying.quiet, true, serverNow())) return;
    if (Date.now() - (this.#requested.get(key) ?? 0) < REQUESTS_MS) return;
    this.#requested.set(key, Date.now());
    if (this.hasSound && (document.hidden || key !== this.#store.openKey)) playSound();
    if (!document.hidden || !this.isOn) return;
    const text = this.showsContent
      ? { title: cut(chat.name, TITLE_MAX), body: interpolate(gettext("%(name)s asks to join"), { name: user.name }) }
      : { title: chatName, body: gettext("Somebody asks to join a group") };
    this.#show({ id: user.id, tag: `requests:${groupId}`, url: chatPath(key), ...text });
  }

  #textOf(chat, message) {
    if (!this.showsContent) return { title: chatName, body: gettext("New message") };
    const words = this.#preview(this.#store.withSender(message), this.#store.me.id);
    const named = interpolate(gettext("%(name)s: %(words)s"), { name: message.senderName, words });
    const body = chat.type === "group" ? named : words;
    return { title: cut(chat.name || message.senderName, TITLE_MAX), body: cut(body, BODY_MAX) };
  }

  async #show(note) {
    (await this.#registration)?.active?.postMessage({ type: "note", note });
  }

  // ── Badge and outdated notifications ────────────────────────────────────
  #scheduleUpdate() {
    clearTimeout(this.#updateTimer);
    this.#updateTimer = setTimeout(() => this.#update(), UPDATE_DELAY_MS);
  }

  /** Sets the number on the app's icon and closes notifications of chats that were read. */
  async #update() {
    const { unreadTotal, chats, hasChatList } = this.#store;
    if (!hasChatList) return;
    if (unreadTotal !== this.#badge) {
      this.#badge = unreadTotal;
      await (unreadTotal ? navigator.setAppBadge?.(unreadTotal) : navigator.clearAppBadge?.())?.catch(() => {});
    }
    if (!this.isOn) return;
    const registration = await this.#registration;
    for (const note of (await registration?.getNotifications()) ?? []) {
      const asked = chats.get(note.tag.replace(/^requests:/, "group:"));
      const count = note.tag.startsWith("requests:") ? asked?.joinRequests : chats.get(note.tag)?.unreadCount;
      if (count === 0) note.close();
    }
  }
}
