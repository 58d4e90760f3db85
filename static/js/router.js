// Each chat has an address; Back on a phone leaves the conversation, not the page.
import { chatPath, keyOfPath } from "chat/ids.js";

export class Router {
  #open;

  /** `open(key)` shows a chat, or the bare list for null. */
  constructor(open) {
    this.#open = open;
    window.addEventListener("popstate", () => open(keyOfPath(location.pathname)));
  }

  start() {
    this.#open(keyOfPath(location.pathname));
  }

  go(key) {
    const path = chatPath(key);
    if (location.pathname === path) history.replaceState({ ...history.state }, "", path);
    else if (keyOfPath(location.pathname)) history.replaceState({ ...history.state }, "", path);
    else history.pushState({ isFromList: true }, "", path);
    this.#open(key);
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
