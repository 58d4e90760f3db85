// The page that was kept, and nobody to show it to: the server is away, and who sits here is not known.
import { gettext } from "chat/i18n.js";
import { h, icon } from "chat/views/dom.js";

const AGAIN = 5000;

/** Says so, and never resolves: the page is loaded anew when the server can be reached. */
export function waitForServer(shell) {
  const again = h("button", { type: "button", class: "button primary", on: { click: () => location.reload() } }, gettext("Try again"));
  const said = h("main", { class: "main" }, h("div", { class: "empty welcome" }, h("span", { class: "art" }, icon("wifi-off")), h("h2", {}, gettext("The server cannot be reached.")), h("p", {}, gettext("The chat opens as soon as it is back.")), again));
  shell.replaceChildren(said);
  shell.dataset.pane = "chat";
  const look = () => fetch("/healthz").then(({ ok }) => ok && location.reload(), () => {});
  setInterval(look, AGAIN);
  addEventListener("online", look);
  return new Promise(() => {});
}
