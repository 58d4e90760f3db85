// Shown instead of the chat when the server is away and this browser knows no user.
import { gettext } from "chat/i18n.js";
import { h, icon } from "chat/views/dom.js";

const RETRY_MS = 5000;

/** Never resolves: the page is loaded again as soon as `isReachable()` resolves with true. */
export function waitForServer(shell, isReachable) {
  const again = h(
    "button",
    { type: "button", class: "button primary", on: { click: () => location.reload() } },
    gettext("Try again"),
  );
  const notice = h(
    "div",
    { class: "empty welcome" },
    h("span", { class: "art" }, icon("wifi-off")),
    h("h2", {}, gettext("The server cannot be reached.")),
    h("p", {}, gettext("The chat opens as soon as it is back.")),
    again,
  );
  shell.replaceChildren(h("main", { class: "main" }, notice));
  shell.dataset.pane = "chat";
  const check = async () => (await isReachable()) && location.reload();
  setInterval(check, RETRY_MS);
  addEventListener("online", check);
  return new Promise(() => {});
}
