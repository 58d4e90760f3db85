// Each chat has an address; Back on a phone leaves the conversation, not the page.
import { chatPath, keyOfPath } from "chat/ids.js";

export class Router {
  #open;

  /** `open(key, at)` shows a chat, at the message of that number if there is one; or the bare list for null. */
  constructor(open) {
    this.#open = open;
    window.addEventListener("popstate", () => this.start());
  }

  /** Where the address leads: behind its # stands the number of a message. */
  start() {
    this.#open(keyOfPath(location.pathname), Number(/^#(\d+)$/.exec(location.hash)?.[1]) || null);
  }

  go(key, at = null) {
    const path = chatPath(key);
    if (location.pathname === path) history.replaceState({ ...history.state }, "", path);
    else if (keyOfPath(location.pathname)) history.replaceState({ ...history.state }, "", path);
    else history.pushState({ isFromList: true }, "", path);
    this.#open(key, at);
  }

  back() {
    if (history.state?.isFromList) {
      history.back();
      return;
    }
    history.replaceState(null, "", "/");
    this.#open(null);
  }
}
