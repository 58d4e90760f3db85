// Every chat has an address; Back on a phone leaves the conversation, not the page.
import { chatPath, keyOfPath } from "chat/ids.js";

export class Router {
  #open;

  /**
   * `open(key, seq)` shows a chat, at the message `seq` if it is not null; or the bare list if
   * `key` is null.
   */
  constructor(open) {
    this.#open = open;
    window.addEventListener("popstate", () => this.start());
  }

  /** Opens the chat of the current address; after # it may have the seq of a message. */
  start() {
    this.#open(keyOfPath(location.pathname), Number(/^#(\d+)$/.exec(location.hash)?.[1]) || null);
  }

  go(key, seq = null) {
    const path = chatPath(key);
    if (location.pathname === path) history.replaceState({ ...history.state }, "", path);
    else if (keyOfPath(location.pathname)) history.replaceState({ ...history.state }, "", path);
    else history.pushState({ isFromList: true }, "", path);
    this.#open(key, seq);
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
