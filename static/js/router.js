// Every chat has an address. On a phone Back leaves the conversation for the list; where both panes
// are shown, it leads to the conversation before. What is open above the page is closed first.
import { chatPath, keyOfPath } from "chat/ids.js";
import { followHistory, onPageEntry } from "chat/views/layers.js";

const BOTH_PANES = "(min-width: 768px)";

export class Router {
  #open;
  /** The address that is shown. */
  #address = null;

  /**
   * `open(key, seq)` shows a chat, at the message `seq` if it is not null; or the bare list if
   * `key` is null.
   */
  constructor(open) {
    this.#open = open;
    window.addEventListener("popstate", () => {
      if (!followHistory(addressOf(location) !== this.#address)) this.#show();
    });
  }

  /** Opens the chat of the current address; after # it may have the seq of a message. */
  start() {
    this.#show();
    // A page that was loaded again may have been left with something open above it.
    onPageEntry(() => {});
  }

  go(key, seq = null) {
    onPageEntry(() => {
      const path = chatPath(key);
      const isInChat = Boolean(keyOfPath(location.pathname));
      if (location.pathname === path) history.replaceState({ ...history.state }, "", path);
      else if (!isInChat) history.pushState({ isFromList: true }, "", path);
      else if (matchMedia(BOTH_PANES).matches) history.pushState({ isFromList: false }, "", path);
      else history.replaceState({ ...history.state }, "", path);
      this.#address = path;
    });
    this.#open(key, seq);
  }

  /** Shows a message of the chat that is shown; what stands beside it stays. */
  lead(key, seq) {
    this.#open(key, seq);
  }

  back() {
    onPageEntry(() => {
      if (history.state?.isFromList) {
        history.back();
        return;
      }
      history.replaceState(null, "", "/");
      this.#address = "/";
      this.#open(null);
    });
  }

  #show() {
    this.#address = addressOf(location);
    this.#open(keyOfPath(location.pathname), seqIn(location));
  }
}

const seqIn = ({ hash }) => Number(/^#(\d+)$/.exec(hash)?.[1]) || null;
const addressOf = ({ pathname, hash }) => pathname + (seqIn({ hash }) ?? "");
